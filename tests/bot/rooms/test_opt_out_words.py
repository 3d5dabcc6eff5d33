"""The words by which people opt out and back in, on all ways by which a text reaches a bot."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette

from bot.privacy import routes as privacy_routes
from bot.privacy.opt_outs import OptOuts
from bot.rooms.base import Joined, OptedIn, OptedOut, Participant, Renamed, RoomEvent, request_in_chat
from bot.rooms.janus.participants import JanusPeople
from bot.rooms.notice import Notice, clean_name, name_key
from bot.rooms.opt_out_words import OPT_OUT, asks_not_to_be_read, asks_to_be_read_again, without_opt_out
from tests.hostile import (
    NOT_OPT_IN,
    NOT_OPT_IN_MESSAGES,
    NOT_OPT_OUT,
    ONE_NAME,
    OPT_IN_MESSAGES,
    OPT_IN_SPELLINGS,
    OPT_OUT_MESSAGES,
    OPT_OUT_SPELLINGS,
    OTHER_NAMES,
)

EVE = Participant("p1", "Eve")


@pytest.mark.parametrize("word", OPT_OUT_SPELLINGS)
def test_opt_out_is_heard_in_every_spelling_and_taken_out_of_the_name(word: str) -> None:
    for text in (word, f"Eve {word}", f"{word} Eve", f"{word}{word}", f"please, {word}!"):
        assert asks_not_to_be_read(text)
        assert not asks_to_be_read_again(text)
        assert not asks_not_to_be_read(without_opt_out(text))
    assert name_key(f"Eve {word}") == name_key(f"{word} Eve") == "eve"
    assert name_key(word) == name_key(f"{word} {word}") == ""


@pytest.mark.parametrize("text", NOT_OPT_OUT)
def test_other_text_is_no_opt_out(text: str) -> None:
    assert not asks_not_to_be_read(text)
    assert without_opt_out(text) == text


def test_person_comes_back_in_by_the_word_alone_and_never_where_both_words_stand() -> None:
    for text in OPT_IN_SPELLINGS:
        assert asks_to_be_read_again(text), text
        assert not asks_not_to_be_read(text), text
    for text in NOT_OPT_IN:
        assert not asks_to_be_read_again(text), text


@given(st.text(max_size=40), st.text(max_size=40))
def test_opt_out_within_any_text_is_heard_and_leaves_no_word_behind(before: str, after: str) -> None:
    text = f"{before} {OPT_OUT} {after}"
    assert asks_not_to_be_read(text)
    assert not asks_not_to_be_read(without_opt_out(text))


# The five ways in: a name that comes or changes, a data channel, a chat, what is typed at the privacy page or its API,
# and the box of the join page, which puts the word behind the name.


def names_of(events: list[RoomEvent]) -> list[str]:
    return [event.participant.name for event in events if isinstance(event, Joined | Renamed)]


@pytest.mark.parametrize("word", OPT_OUT_SPELLINGS)
def test_opt_out_in_a_janus_name_and_in_a_change_of_it_is_heard(word: str) -> None:
    for name in (f"Eve {word}", "x" * 70 + word, word):
        came: list[RoomEvent] = []
        people = JanusPeople(time.time, came.append)
        people.meet({"joining": {"id": 1, "display": name}})
        people.meet({"joining": {"id": 2, "display": "Eve"}})
        people.meet({"videoroom": "event", "id": 2, "display": name})
        first, second, changed = names_of(came)
        assert asks_not_to_be_read(first)
        assert second == "Eve"
        assert changed == first
        assert isinstance(came[2], Renamed)


@pytest.mark.parametrize("word", OPT_OUT_SPELLINGS)
def test_opt_out_in_a_data_channel_or_chat_is_heard(word: str) -> None:
    reported: list[RoomEvent] = []
    people = JanusPeople(time.time, reported.append)
    data = {"type": "data", "mid": "0"}
    people.meet({"publishers": [{"id": 1, "display": "Eve", "streams": [data]}]})
    people.hear("1", word)
    assert isinstance(reported[-1], OptedOut)
    assert request_in_chat(EVE, f"please {word}") == OptedOut(EVE)


def test_person_who_was_heard_to_come_back_in_is_answered_so_by_the_room() -> None:
    reported: list[RoomEvent] = []
    people = JanusPeople(time.time, reported.append)
    people.meet({"publishers": [{"id": 1, "display": "Eve", "streams": [{"type": "data", "mid": "0"}]}]})
    for text in OPT_IN_SPELLINGS:
        people.hear("1", text)
    assert [type(event) for event in reported[1:]] == [OptedIn] * len(OPT_IN_SPELLINGS)
    for text in NOT_OPT_IN:
        assert not isinstance(request_in_chat(EVE, text), OptedIn), text


def test_opt_out_and_opt_in_are_heard_through_what_clients_wrap_around_them() -> None:
    for message in OPT_OUT_MESSAGES:
        assert request_in_chat(EVE, message) == OptedOut(EVE), message
    for message in OPT_IN_MESSAGES:
        assert request_in_chat(EVE, message) == OptedIn(EVE), message
    for message in NOT_OPT_IN_MESSAGES:
        assert request_in_chat(EVE, message) is None, message


WAYS_TO_OPT_OUT: dict[str, Callable[[OptOuts, str], Any]] = {
    "privacy page": lambda opt_outs, name: opt_outs.opt_out_name(name),
    "another bot": lambda opt_outs, name: opt_outs.opt_out_known({name_key(name)}),
    "join page": lambda opt_outs, name: opt_outs.enter(Participant("x", clean_name(f"{name} {OPT_OUT}"))),
    "name": lambda opt_outs, name: opt_outs.enter(Participant("x", clean_name(f"{OPT_OUT}{name}"))),
    "chat": lambda opt_outs, name: opt_outs.opt_out(Participant("x", clean_name(name))),
}


@pytest.mark.parametrize("way", WAYS_TO_OPT_OUT)
def test_opt_out_by_one_spelling_of_a_name_holds_for_every_other(way: str) -> None:
    for pair in ONE_NAME:
        for asking, present in (pair, reversed(pair)):
            opt_outs = OptOuts()
            bearer = Participant("1", clean_name(present))
            opt_outs.enter(bearer)
            WAYS_TO_OPT_OUT[way](opt_outs, asking)
            assert opt_outs.is_out(bearer), (asking, present)
            assert opt_outs.is_out(Participant("2", clean_name(asking))), (asking, present)


@pytest.mark.parametrize("way", WAYS_TO_OPT_OUT)
def test_opt_out_of_one_name_is_none_of_another(way: str) -> None:
    for pair in OTHER_NAMES:
        for asking, present in (pair, reversed(pair)):
            if asks_not_to_be_read(present):
                continue
            opt_outs = OptOuts()
            opt_outs.enter(bearer := Participant("1", clean_name(present)))
            WAYS_TO_OPT_OUT[way](opt_outs, asking)
            assert not opt_outs.is_out(bearer), (asking, present)


@pytest.mark.parametrize("word", OPT_OUT_SPELLINGS)
def test_opt_out_typed_with_the_word_in_the_name_is_that_of_the_name(word: str) -> None:
    opt_outs = OptOuts()
    opt_outs.enter(EVE)
    opt_outs.opt_out_name(f"EVE {word}")
    assert opt_outs.out == {"p1"}


@pytest.mark.parametrize("as_form", [True, False], ids=["privacy page", "API"])
async def test_opt_out_typed_into_the_privacy_page_or_sent_to_its_api_is_that_of_every_spelling(as_form: bool) -> None:
    typed = [(asking[:200], present) for pair in ONE_NAME for asking, present in (pair, pair[::-1])]
    typed += [(f"Eve {word}", "Eve") for word in OPT_OUT_SPELLINGS]
    notice = Notice("Ada", "presence", "Counts only.")
    for number, (asking, present) in enumerate(typed):
        opt_outs = OptOuts()
        opt_outs.enter(Participant("1", clean_name(present)))
        gateway = Starlette(
            routes=privacy_routes.routes(
                privacy_routes.BotBackend("r", notice, opt_outs.opt_out_name, lambda token: None)
            )
        )
        transport = httpx.ASGITransport(gateway, client=(f"10.0.0.{number}", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
            if as_form:
                answer = await http.post("/privacy/r", data={"name": asking})
            else:
                answer = await http.post("/v1/rooms/r/opt-outs", json={"name": asking})
        assert answer.status_code < 300, (asking, answer.text)
        assert opt_outs.out == {"1"}, (asking, present)


@given(st.text(max_size=200))
def test_name_is_known_by_what_is_typed_and_by_what_is_shown(typed: str) -> None:
    assert name_key(clean_name(typed)) in (name_key(typed), "guest")
    assert name_key(name_key(typed)) == name_key(typed)
