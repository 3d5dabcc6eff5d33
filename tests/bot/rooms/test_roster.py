"""Who is in a room, also across a broken connection."""

from bot.rooms.notice import visible_name
from bot.rooms.roster import Roster


def test_somebody_is_new_once() -> None:
    roster = Roster()
    eve = roster.enter(1, "Eve")
    assert eve is not None
    assert eve[1]
    assert roster.enter(1, "Eve") == (eve[0], False)
    assert roster.participant(1) == roster.leave(1) == eve[0]
    assert roster.leave(1) is None


def test_another_stay_under_the_same_name_is_another_participant() -> None:
    roster = Roster()
    first, second = roster.enter(1, "Eve"), roster.enter(2, "Eve")
    assert first is not None
    assert second is not None
    assert first[0] != second[0]


def test_person_without_a_usable_name_has_one_all_the_same() -> None:
    entered = Roster().enter(1, None)
    assert entered is not None
    assert entered[0].name == "Guest"


def test_bot_of_this_kind_is_nobody() -> None:
    assert Roster().enter(1, visible_name("Ada")) is None


def test_people_are_known_again_after_a_break_by_number_or_else_by_name() -> None:
    roster = Roster()
    before = [roster.enter(number, name) for number, name in ((1, "Eve"), (2, "Bo"), (3, "Cem"))]
    roster.interrupt()
    assert roster.participant(1) is None
    after = [roster.enter(1, "Eve"), roster.enter(22, "Bo")]
    assert [entered and entered[0] for entered in after] == [entered and entered[0] for entered in before[:2]]
    assert [entered and entered[1] for entered in after] == [False, False]
    assert [participant.name for participant in roster.give_up()] == ["Cem"]
    assert roster.give_up() == []


def test_two_people_of_one_name_are_not_given_each_others_past() -> None:
    roster = Roster()
    for number in (1, 2):
        roster.enter(number, "Eve")
    roster.interrupt()
    back = roster.enter(7, "Eve")
    assert back is not None
    assert back[1]
    assert len(roster.give_up()) == 2
