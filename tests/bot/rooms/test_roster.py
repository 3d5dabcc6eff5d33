"""Who is in a room, also across a broken connection."""

import hashlib

import pytest

from bot.rooms.base import Joined, Participant, Renamed
from bot.rooms.janus.bot_feeds import BotFeeds
from bot.rooms.notice import visible_name
from bot.rooms.roster import Feed, Roster
from tests.hostile import CLAIMS_TO_BE_A_BOT


def mark(text: str) -> str:
    """Stand for what only holders of one secret can make."""
    return hashlib.sha256(text.encode()).hexdigest()


def enter(roster: Roster, feed: Feed, display: object) -> tuple[Participant, Joined | Renamed | None]:
    entered = roster.enter(feed, display)
    assert entered is not None
    return entered


def test_somebody_is_new_once() -> None:
    roster = Roster()
    eve, news = enter(roster, 1, "Eve")
    assert news == Joined(eve)
    assert roster.enter(1, "Eve") == (eve, None)
    assert roster.participant(1) == roster.leave(1) == eve
    assert roster.leave(1) is None


def test_another_stay_under_the_same_name_is_another_participant() -> None:
    roster = Roster()
    assert enter(roster, 1, "Eve")[0] != enter(roster, 2, "Eve")[0]


def test_person_without_a_usable_name_has_one_all_the_same() -> None:
    assert enter(Roster(), 1, None)[0].name == "Guest"


def test_person_who_changes_their_name_stays_the_same_participant() -> None:
    roster = Roster()
    eve, _ = enter(roster, 1, "Eve")
    renamed = roster.rename(1, "Eve #optout")
    assert renamed == Renamed(Participant(eve.id, "Eve #optout"))
    assert roster.participant(1) == renamed.participant
    assert roster.rename(1, " Eve #optout\u200b") is None, "it shows as before"
    assert roster.rename(2, "Ada") is None, "nobody is there"
    assert roster.rename(1, None) is None, "nothing is said of the name"
    assert enter(roster, 1, "Ada") == (Participant(eve.id, "Ada"), Renamed(Participant(eve.id, "Ada")))


@pytest.mark.parametrize("name", [*CLAIMS_TO_BE_A_BOT, visible_name("Ada")])
def test_bot_is_known_by_its_number_and_nobody_is_one_by_name(name: str) -> None:
    feeds = BotFeeds("1234")
    roster = Roster(feeds.is_bot)
    assert roster.enter(feeds.new(), name) is None
    assert roster.enter(str(feeds.new()), name) is None, "as text, where a room names people by text"
    assert enter(roster, 7, name)[1] is not None


def test_bots_with_one_secret_know_each_other_in_one_room_and_others_do_not() -> None:
    ours, ours_too = BotFeeds("1234", mark), BotFeeds("1234", mark)
    numbers = [ours.new() for _ in range(200)]
    assert all(map(ours_too.is_bot, numbers))
    assert max(numbers) < 2**53, "a number to browsers, too"
    assert not any(map(BotFeeds("1235", mark).is_bot, numbers))
    assert not any(map(BotFeeds("1234").is_bot, numbers))


@pytest.mark.parametrize("feed", [0, 1, -1, 2**53, 2**80, "", "Eve", "٣", "9" * 5000, "-3", "1e3"])
def test_number_of_a_person_is_no_bots(feed: Feed) -> None:
    assert not BotFeeds("1234").is_bot(feed)


def test_people_are_known_again_after_a_break_by_their_number_alone() -> None:
    roster = Roster()
    eve, bo, _cem = (enter(roster, number, name)[0] for number, name in ((1, "Eve"), (2, "Bo"), (3, "Cem")))
    roster.interrupt()
    assert roster.participant(1) is None
    assert enter(roster, 1, "Eve") == (eve, None)
    thief, news = enter(roster, 22, "Bo")
    assert (thief.id != bo.id, news) == (True, Joined(thief)), "whoever enters first under a name is not its bearer"
    assert [participant.name for participant in roster.give_up()] == ["Bo", "Cem"]
    assert roster.give_up() == []


def test_person_who_changed_their_name_during_a_break_is_the_same_and_renamed() -> None:
    roster = Roster()
    eve, _ = enter(roster, 1, "Eve")
    roster.interrupt()
    assert enter(roster, 1, "Eve #optout") == (
        Participant(eve.id, "Eve #optout"),
        Renamed(Participant(eve.id, "Eve #optout")),
    )
