"""Who is out: one set, from which everything follows, whatever people say and do in whatever order."""

import pytest

from bot.privacy import opt_outs as opt_outs_module
from bot.privacy.opt_outs import OptOuts
from bot.rooms.base import Participant

ANN = Participant("1", "Ann")
OTHER_ANN = Participant("2", " ANN ")
BEN = Participant("3", "Ben")


@pytest.fixture
def opt_outs() -> OptOuts:
    found = OptOuts()
    for person in (ANN, OTHER_ANN, BEN):
        found.enter(person)
    return found


def test_opt_out_of_one_holds_for_everybody_of_the_name_now_and_later(opt_outs: OptOuts) -> None:
    opt_outs.opt_out(ANN)
    assert opt_outs.out == {"1", "2"}
    assert opt_outs.is_out(Participant("9", "ann")), "a rejoin brings a new id"
    opt_outs.enter(Participant("9", "ann"))
    assert opt_outs.out == {"1", "2", "9"}


def test_opt_out_is_taken_back_by_the_person_alone_for_this_stay_alone(opt_outs: OptOuts) -> None:
    opt_outs.opt_out(ANN)
    opt_outs.opt_in(ANN)
    assert opt_outs.out == {"2"}
    opt_outs.leave("1")
    assert opt_outs.is_out(Participant("8", "Ann")), "anybody can take a name: a rejoin asks again"


def test_opt_out_by_the_other_of_the_name_ends_an_earlier_return(opt_outs: OptOuts) -> None:
    opt_outs.opt_out(ANN)
    opt_outs.opt_in(ANN)
    opt_outs.opt_out_name("ann")
    assert opt_outs.out == {"1", "2"}


def test_opt_out_in_a_change_of_name_holds_and_the_next_name_takes_nothing_back(opt_outs: OptOuts) -> None:
    opt_outs.rename(Participant("3", "Ben #optout"))
    assert opt_outs.out == {"3"}
    opt_outs.rename(Participant("3", "Benno"))
    assert opt_outs.out == {"3"}
    assert opt_outs.is_out(Participant("8", "ben"))
    assert opt_outs.is_out(Participant("8", "benno")), "who comes again under the newer name is the same person"
    opt_outs.opt_in(BEN)
    opt_outs.rename(Participant("3", "Benny"))
    assert opt_outs.out == set()
    opt_outs.opt_out_name("benny")
    assert opt_outs.out == {"3"}


def test_change_to_a_name_that_is_out_is_an_opt_out(opt_outs: OptOuts) -> None:
    opt_outs.opt_out_name("Cem")
    opt_outs.rename(Participant("3", "CEM"))
    assert opt_outs.out == {"3"}


def test_opt_out_of_somebody_whom_the_room_has_not_announced_holds_when_it_does(opt_outs: OptOuts) -> None:
    early = Participant("9", "Eve")
    opt_outs.opt_out(early)
    assert opt_outs.is_out(early)
    assert "9" not in opt_outs.out
    opt_outs.opt_in(early)
    assert not opt_outs.is_out(early)
    opt_outs.enter(early)
    assert not opt_outs.is_out(early)
    opt_outs.opt_out_name("eve")
    assert opt_outs.is_out(early)


def test_word_in_a_name_is_older_than_what_the_person_says_in_this_stay(opt_outs: OptOuts) -> None:
    eve = Participant("9", "Eve #optout")
    opt_outs.enter(eve)
    assert opt_outs.is_out(eve)
    opt_outs.opt_in(eve)
    assert not opt_outs.is_out(eve)


def test_opt_out_by_a_name_that_is_nobodys_is_nobodys(opt_outs: OptOuts) -> None:
    opt_outs.enter(nameless := Participant("9", "#optout"))
    opt_outs.enter(Participant("10", "Guest"))
    for name in ("", "  ", "\u200b", "#optout"):
        opt_outs.opt_out_name(name)
    assert opt_outs.out == {nameless.id}
    assert opt_outs.names == set()


def test_opt_outs_that_fill_the_memory_leave_nobody_read(opt_outs: OptOuts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opt_outs_module, "MOST_NAMES", 3)
    for name in ("a", "b", "c", "d"):
        opt_outs.opt_out_name(name)
    assert len(opt_outs.names) == 3
    assert opt_outs.out == {"1", "2", "3"}
    opt_outs.opt_in(BEN)
    assert opt_outs.is_out(BEN)


def test_opt_ins_that_come_before_their_people_are_few(opt_outs: OptOuts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opt_outs_module, "MOST_EARLY", 2)
    opt_outs.opt_out_name("x")
    early = [Participant(str(number), "x") for number in range(100, 105)]
    for person in early:
        opt_outs.opt_in(person)
    assert [opt_outs.is_out(person) for person in early] == [True, True, True, False, False]


def test_opt_out_of_a_stay_that_is_over_leaves_nothing_but_the_name(opt_outs: OptOuts) -> None:
    opt_outs.opt_out(ANN)
    opt_outs.opt_in(ANN)
    for person in (ANN, OTHER_ANN, BEN):
        opt_outs.leave(person.id)
    assert (opt_outs.out, opt_outs.names) == (set(), {"ann"})
    assert opt_outs.is_out(ANN), "also for the same id, were it to come again"
