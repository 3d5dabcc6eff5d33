"""Who is there, who of them is read and who may be shown: decided without a task, a clock or a room."""

import pytest

from bot.meeting.participants import Participants
from bot.privacy.opt_outs import OptOuts
from bot.rooms.base import Absence, CameraOff, Joined, Left, OptedIn, OptedOut, Participant, Renamed, Unheard
from dashboard_protocol.auth.consent import Consent
from dashboard_protocol.errors import ConsentRefused

ANNA = Participant("p1", "Anna", opted_in=True)
BO = Participant("p2", "Bo")
CONSENT = Consent("r", "Bo", 0, 5000.0)


@pytest.fixture
def participants() -> Participants:
    found = Participants(OptOuts(), names_people=True)
    for person in (ANNA, BO):
        found.take(Joined(person))
    return found


def test_everybody_present_is_read_and_only_who_opted_in_is_shown(participants: Participants) -> None:
    assert list(participants.read) == ["p1", "p2"], "in order of arrival"
    assert participants.names == ("Anna", "Bo")
    assert participants.shown == {"p1"}


def test_nobody_is_shown_where_the_policy_names_nobody() -> None:
    participants = Participants(OptOuts(), names_people=False)
    participants.take(Joined(ANNA))
    assert participants.shown == set()
    with pytest.raises(ConsentRefused):
        participants.agree(Consent("r", "Anna", 0, 5000.0))


@pytest.mark.parametrize("event", [OptedOut(ANNA), Unheard(ANNA), Renamed(Participant("p1", "Anna #optout"))])
def test_opt_out_ends_reading_and_the_leave_to_be_shown(
    participants: Participants, event: OptedOut | Unheard | Renamed
) -> None:
    participants.take(event)
    assert participants.read == {"p2"}
    assert participants.present.keys() == {"p1", "p2"}, "they are still there"
    participants.take(OptedIn(ANNA))
    assert participants.read == {"p1", "p2"}
    assert participants.shown == set(), "to be read again is not yet to be shown again"


def test_opt_out_of_a_name_holds_for_whoever_comes_under_it(participants: Participants) -> None:
    participants.opt_out_name(" ANNA ")
    participants.opt_out_known({"cem"})
    participants.take(Joined(Participant("p3", "Cem")))
    assert participants.read == {"p2"}
    assert not participants.is_read(Participant("p9", "anna"))


def test_consent_shows_its_bearer_until_it_ends_or_they_take_another_name(participants: Participants) -> None:
    participants.agree(CONSENT)
    assert participants.shown == {"p1", "p2"}
    participants.end_consents(lambda consent: True)
    assert participants.shown == {"p1", "p2"}
    participants.end_consents(lambda consent: False)
    assert participants.shown == {"p1"}, "who agreed without one stays"
    participants.agree(CONSENT)
    participants.take(Renamed(Participant("p2", " BO ")))
    assert participants.shown == {"p1", "p2"}
    participants.take(Renamed(Participant("p2", "Bob")))
    assert participants.shown == {"p1"}


def test_events_of_nobody_and_of_cameras_change_nothing(participants: Participants) -> None:
    nobody = Participant("p9", "Nobody")
    for event in (Renamed(nobody), Left(nobody, Absence.LEFT), CameraOff(BO)):
        participants.take(event)
    assert participants.read == {"p1", "p2"}
    participants.take(Left(ANNA, Absence.VANISHED))
    assert (participants.read, participants.names, participants.shown) == ({"p2"}, ("Bo",), set())
