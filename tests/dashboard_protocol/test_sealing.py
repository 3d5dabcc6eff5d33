"""What is sealed is read by whoever has the secret, in its place, unchanged; by nobody else."""

import pytest

from dashboard_protocol.errors import SealBroken, SealForeign
from dashboard_protocol.sealing import Sealer

SEALER = Sealer(b"x" * 32)


@pytest.mark.parametrize("text", ["", "whsec_secret", "Zoë 👩‍👩‍👧", "x" * 10_000])
def test_sealed_text_comes_back_and_shows_nothing(text: str) -> None:
    sealed = SEALER.seal(text, "invitation a")
    assert sealed.isascii()
    assert not text or text not in sealed
    assert Sealer(b"x" * 32).unseal(sealed, "invitation a") == text
    assert SEALER.seal(text, "invitation a") != sealed, "equal texts look different"


def test_another_place_does_not_open_it() -> None:
    with pytest.raises(SealBroken):
        SEALER.unseal(SEALER.seal("secret", "invitation a"), "invitation b")


def test_another_secret_is_reported_as_such() -> None:
    with pytest.raises(SealForeign, match="the same one"):
        Sealer(b"y" * 32).unseal(SEALER.seal("secret", "a"), "a")


def test_changed_text_does_not_open() -> None:
    sealed = SEALER.seal("secret", "a")
    for at in range(len(sealed)):
        changed = sealed[:at] + ("A" if sealed[at] != "A" else "B") + sealed[at + 1 :]
        with pytest.raises((SealBroken, SealForeign)):
            SEALER.unseal(changed, "a")


@pytest.mark.parametrize(
    "junk", ["", "s1", "s1.", "s1..", "{}", "s1.x.y", "s2." + "A" * 60, "s1." + SEALER.label + ".é", "\x1b"]
)
def test_what_was_never_sealed_is_one_error(junk: str) -> None:
    with pytest.raises((SealBroken, SealForeign)):
        SEALER.unseal(junk, "a")
