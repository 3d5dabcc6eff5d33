"""What stands for a name in Redis: the same for everybody who may know, and nothing to anybody else."""

import re

from hypothesis import given
from hypothesis import strategies as st

from dashboard_protocol.auth.pseudonyms import Pseudonyms
from tests.dashboard_protocol.staging import SECRET

OURS, THEIRS = Pseudonyms(SECRET), Pseudonyms(b"another secret of more than thirty-two bytes")


@given(st.text(max_size=60), st.text(max_size=60))
def test_pseudonym_is_a_fixed_number_of_hex_digits_and_holds_in_one_room_and_for_one_secret(
    room: str, name: str
) -> None:
    made = OURS.of(room, name)
    assert re.fullmatch("[0-9a-f]{32}", made)
    assert made == Pseudonyms(SECRET).of(room, f"  {name} ")
    assert made not in (OURS.of(room + "x", name), THEIRS.of(room, name))


def test_label_says_whose_a_pseudonym_is() -> None:
    labelled = OURS.labelled("r", "Anna")
    assert labelled.endswith("." + OURS.of("r", "Anna"))
    assert OURS.is_ours(labelled)
    assert not THEIRS.is_ours(labelled)
    assert not OURS.is_ours(OURS.of("r", "Anna"))
