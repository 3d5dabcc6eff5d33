"""A person's signed consent: theirs alone, for one room and a while, until it is revoked."""

import asyncio
from collections.abc import Mapping
from typing import Any

import jwt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dashboard_protocol.auth.consent import ABSENT, REFUSAL, is_same_name
from dashboard_protocol.auth.consent_bounds import LONGEST_CONSENT_S
from dashboard_protocol.auth.links import Access
from dashboard_protocol.auth.revocations import Revocations
from dashboard_protocol.errors import ConsentRefused
from tests.dashboard_protocol.staging import SECRET, Clock

NAMES = st.text(st.characters(categories=["L", "N", "Zs", "P"]), min_size=1, max_size=50).filter(
    lambda name: len(" ".join(name.split())) >= 1 and name.isprintable()
)


def claims(**changes: Any) -> dict[str, Any]:
    return {"use": "consent", "room": "r", "name": "Anna", "gen": 0, "exp": 1_000_600.0, **changes}


def test_consent_speaks_for_its_name_in_its_room_however_it_is_written(access: Access) -> None:
    token = access.consents.grant("r", "  Anna   Müller ")
    consent = access.consents.check("r", "anna mu\u0308ller", token)
    assert (consent.room, consent.name, consent.expires_at) == ("r", "Anna Müller", 1_000_000 + 12 * 3600)
    assert access.consents.holds(consent)


@pytest.mark.parametrize(
    ("room", "name", "token"),
    [
        ("s", "Anna", jwt.encode(claims(), SECRET, algorithm="HS256")),
        ("r", "Berta", jwt.encode(claims(), SECRET, algorithm="HS256")),
        ("r", "Anna", ""),
        ("r", "Anna", "nonsense"),
        ("r", "Anna", jwt.encode(claims(), "", algorithm="none")),
        ("r", "Anna", jwt.encode(claims(), SECRET + SECRET, algorithm="HS512")),
        ("r", "Anna", jwt.encode(claims(), b"another secret of thirty-two bytes", algorithm="HS256")),
        ("r", "Anna", jwt.encode(claims(exp=999_999.0), SECRET, algorithm="HS256")),
        ("r", "Anna", jwt.encode(claims(exp=1_000_000.0), SECRET, algorithm="HS256")),
        ("r", "Anna", jwt.encode(claims(use="link"), SECRET, algorithm="HS256")),
        ("r", "Anna", jwt.encode(claims(use="session"), SECRET, algorithm="HS256")),
        ("r", "1", jwt.encode(claims(name=1), SECRET, algorithm="HS256")),
        ("r", "Anna", jwt.encode({k: v for k, v in claims().items() if k != "name"}, SECRET, algorithm="HS256")),
        ("r", "Anna", jwt.encode({k: v for k, v in claims().items() if k != "exp"}, SECRET, algorithm="HS256")),
    ],
    ids=[
        "another room's", "another's name", "none", "no token", "unsigned", "another algorithm", "another secret",
        "expired", "just expired", "a link", "a session", "no text", "nameless", "without end",
    ],
)  # fmt: skip
def test_every_other_consent_is_refused_in_the_same_words(access: Access, room: str, name: str, token: str) -> None:
    with pytest.raises(ConsentRefused, match=r"^This consent does not hold here: join without it, or ask for one"):
        access.consents.check(room, name, token)


def test_good_token_is_only_spoilt_by_what_the_others_lack(access: Access) -> None:
    """Proof that the refusals above have the cause they name."""
    assert access.consents.check("r", "Anna", jwt.encode(claims(), SECRET, algorithm="HS256")).name == "Anna"


def test_consent_opens_no_page_and_a_link_is_no_consent(access: Access) -> None:
    with pytest.raises(Exception, match="does not open this class"):
        access.exchange("r", access.consents.grant("r", "Anna"))
    with pytest.raises(ConsentRefused):
        access.consents.check("r", "Anna", access.standing_link("r"))


def test_consent_ends_with_its_time(access: Access, clock: Clock) -> None:
    token = access.consents.grant("r", "Anna", 60.0)
    consent = access.consents.check("r", "Anna", token)
    clock.now += 60.0
    assert not access.consents.holds(consent)
    with pytest.raises(ConsentRefused):
        access.consents.check("r", "Anna", token)


async def test_revoked_consent_ends_at_once_and_a_later_one_holds(access: Access) -> None:
    tokens = {name: access.consents.grant("r", name) for name in ("Anna", "Berta")}
    elsewhere = access.consents.grant("s", "Anna")
    consent = access.consents.check("r", "Anna", tokens["Anna"])
    assert await access.consents.revoke("r", " ANNA") == 1
    assert not access.consents.holds(consent)
    with pytest.raises(ConsentRefused):
        access.consents.check("r", "Anna", tokens["Anna"])
    access.consents.check("r", "Berta", tokens["Berta"])
    access.consents.check("s", "Anna", elsewhere)
    access.consents.check("r", "Anna", access.consents.grant("r", "Anna"))


async def test_list_of_revocations_names_nobody(clock: Clock) -> None:
    kept: list[str] = []

    class Kept:
        reach = "everybody"

        async def next(self, key: str, above: int) -> int:
            kept.append(key)
            return above + 1

        async def keep(self, generations: Mapping[str, int]) -> None:
            kept.extend(generations)

        async def all(self) -> dict[str, int | None]:
            return {}

        async def wait(self, within_s: float) -> None:
            await asyncio.sleep(within_s)

        async def close(self) -> None:
            pass

    access = Access(SECRET, clock=clock, revocations=Revocations(Kept()))
    await access.consents.revoke("r", "Anna")
    assert len(kept) == 1
    assert "anna" not in kept[0].casefold()


@pytest.mark.parametrize("name", ["", "   ", "x" * 51, "An\nna\x00", "An\u202ena"])
def test_name_that_nobody_bears_gets_no_consent(access: Access, name: str) -> None:
    with pytest.raises(ConsentRefused, match="1 to 50 characters"):
        access.consents.grant("r", name)


@pytest.mark.parametrize("valid_s", [0, -1, LONGEST_CONSENT_S + 1, float("nan"), float("inf")])
def test_consent_for_ever_or_never_is_refused(access: Access, valid_s: float) -> None:
    with pytest.raises(ConsentRefused, match="at most 200 days"):
        access.consents.grant("r", "Anna", valid_s)


@given(name=NAMES, other=NAMES, room=st.text(min_size=1, max_size=40), place=st.integers(0, 10_000))
@example(name="Straße", other="STRASSE", room="r", place=0)
def test_token_holds_for_its_name_alone_and_no_letter_of_it_may_change(
    name: str, other: str, room: str, place: int
) -> None:
    consents = Access(SECRET).consents
    token = consents.grant(room, name)
    assert consents.check(room, name, token).name == " ".join(name.split())
    if not is_same_name(name, other):
        with pytest.raises(ConsentRefused):
            consents.check(room, other, token)
    with pytest.raises(ConsentRefused):
        consents.check(room + "x", name, token)
    head, body, signature = token.split(".")
    place %= len(body)
    changed = body[:place] + ("A" if body[place] != "A" else "B") + body[place + 1 :]
    with pytest.raises(ConsentRefused):
        consents.check(room, name, f"{head}.{changed}.{signature}")


@given(text=st.one_of(st.text(max_size=200), st.binary(max_size=90).map(lambda raw: raw.hex()), st.just("a." * 3)))
def test_whatever_else_is_brought_is_refused_and_breaks_nothing(text: str) -> None:
    with pytest.raises(ConsentRefused):
        Access(SECRET).consents.check("r", "Anna", text)


def test_sealed_consent_names_nobody_and_is_opened_by_who_sees_the_person(access: Access) -> None:
    consents = access.consents
    consent = consents.read("r", consents.grant("r", "Anna"))
    sealed = consents.seal(consent)
    assert "Anna" not in str(jwt.decode(sealed, options={"verify_signature": False}))
    opened = consents.unseal("r", sealed, ["Berta", "ANNA"])
    assert (opened.room, opened.name, opened.generation, opened.expires_at) == (
        "r",
        "ANNA",
        consent.generation,
        consent.expires_at,
    )
    with pytest.raises(ConsentRefused, match=f"^{ABSENT}$"):
        consents.unseal("r", sealed, ["Berta"])
    with pytest.raises(ConsentRefused):
        consents.check("r", "Anna", sealed)


async def test_sealed_consent_opens_nothing_else_and_nothing_once_it_is_over(access: Access, clock: Clock) -> None:
    consents = access.consents
    token = consents.grant("r", "Anna", 60)
    sealed = consents.seal(consents.read("r", token))
    for room, offered in (("s", sealed), ("r", token), ("r", access.standing_link("r")), ("r", "forged")):
        with pytest.raises(ConsentRefused, match=f"^{REFUSAL}$"):
            consents.unseal(room, offered, ["Anna"])
    await consents.revoke("r", "anna")
    with pytest.raises(ConsentRefused, match=f"^{REFUSAL}$"):
        consents.unseal("r", sealed, ["Anna"])
    clock.now += 1
    later = consents.seal(consents.read("r", consents.grant("r", "Anna", 60)))
    consents.unseal("r", later, ["Anna"])
    clock.now += 60
    with pytest.raises(ConsentRefused, match=f"^{REFUSAL}$"):
        consents.unseal("r", later, ["Anna"])
