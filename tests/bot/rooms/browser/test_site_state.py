"""What a page answers is understood, or one clear line says which answer was not; nobody is read on a doubtful one."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.rooms.browser.site_state import (
    CameraStream,
    ChatMessage,
    Look,
    LookMalformed,
    PageState,
    Person,
    Said,
    UnreadableCamera,
    VideoSource,
    read_look,
    read_said,
)

GOOD: dict[str, Any] = {
    "state": "live",
    "people": [{"id": "a", "name": "Eve"}, {"id": 7, "name": "Recorder", "bot": True}],
    "streams": [
        {"person": "a", "receiver": 2},
        {"person": "a", "kind": "screen", "receiver": 3},
        {"person": 7, "kind": "camera", "ssrc": 99},
        {"person": "a", "kind": "camera"},
    ],
    "chat": [{"id": 1, "person": "a", "text": "hello"}],
    "encrypted": False,
}


def test_answers_are_read_and_screens_and_streams_without_media_are_no_cameras() -> None:
    assert read_said(GOOD) == Said(
        PageState.LIVE,
        people=(Person("a", "Eve"), Person("7", "Recorder", is_bot=True)),
        streams=(CameraStream("a", VideoSource(receiver=2)), CameraStream("7", VideoSource(ssrc=99))),
        chat=(ChatMessage("1", "a", "hello"),),
    )


def test_state_may_come_with_its_reason_in_one_line() -> None:
    said = read_said(GOOD | {"state": {"state": "refused", "why": "no\nguests\u202e"}})
    assert (said.state, said.why) == (PageState.REFUSED, "no guests")


def test_state_that_throws_says_its_own_line() -> None:
    said = read_said({"failed": "state(): Error: no store", "people": [], "streams": [], "encrypted": False})
    assert said.trouble == "window.classpulse broke: state(): Error: no store"


def test_camera_that_is_on_and_cannot_be_had_is_read_where_nothing_else_of_the_person_is() -> None:
    unreadable = [{"person": "a", "unreadable": "locked\nfor viewers"}, {"person": 7, "unreadable": "on another page"}]
    said = read_said(GOOD | {"streams": [*unreadable, {"person": "a", "receiver": 2}]})
    assert said.streams == (CameraStream("a", VideoSource(receiver=2)),)
    assert said.unreadable == (UnreadableCamera("7", "on another page"),)


def test_page_without_the_object_has_no_state() -> None:
    assert read_said({"missing": True, "encrypted": False}) == Said(None)


@pytest.mark.parametrize(
    ("wrong", "line"),
    [
        ({"state": "there"}, 'state() answered "there": known are joining, lobby'),
        ({"state": None}, "state() answered nothing"),
        ({"people": None}, "people() answered nothing: a list of {id, name} is expected"),
        ({"people": {}}, "people() answered {}: a list"),
        ({"people": [None]}, "people()[0] is nothing: an object is expected"),
        ({"people": [{"name": "Eve"}]}, "people()[0].id is nothing: text of 1 to 200 characters"),
        ({"people": [{"id": True}]}, "people()[0].id is true"),
        ({"people": [{"id": "x" * 201}]}, "people()[0].id is"),
        ({"people": [{"id": "a"}, {"id": "a"}]}, "people() names one id twice"),
        ({"people": [{"id": str(n)} for n in range(1001)]}, "people() answered 1001 entries: 1000 are the most"),
        ({"streams": "none"}, 'streams() answered "none"'),
        ({"streams": [{"receiver": 1}]}, "streams()[0].person is nothing"),
        ({"streams": [{"person": "a", "receiver": "1"}]}, 'streams()[0].receiver is "1": a number'),
        ({"streams": [{"person": "a", "ssrc": -1}]}, "streams()[0].ssrc is -1"),
        ({"streams": [{"person": "a", "kind": "desktop"}]}, "streams()[0].kind is \"desktop\": 'camera' or 'screen'"),
        ({"chat": [{"id": 1, "person": "a"}]}, "chat()[0].text is nothing: text is expected"),
        ({"streams": [{"person": "a", "unreadable": 1}]}, "streams()[0].unreadable is 1: text is expected"),
        ({"failed": "people(): TypeError: x is null"}, "window.classpulse broke: people(): TypeError: x is null"),
    ],
)
def test_answer_that_is_none_is_one_line_and_nobody_is_mapped(wrong: dict[str, Any], line: str) -> None:
    said = read_said(GOOD | wrong)
    assert said.trouble is not None
    assert said.trouble.startswith(line)
    assert "\n" not in said.trouble
    assert (said.people, said.streams, said.chat) == ((), (), ())


def test_state_that_breaks_is_said_by_its_own_line() -> None:
    said = read_said({"failed": "state(): Error: the page has no APP.store", "people": [], "streams": []})
    assert said.trouble == "window.classpulse broke: state(): Error: the page has no APP.store"


@pytest.mark.parametrize("broken", ["", "{", "[]", "1", '{"at": "x"}', '{"at": 1e999}', "[" * 100_000, '{"said": {}}'])
def test_what_the_hook_never_says_is_refused(broken: str) -> None:
    with pytest.raises(LookMalformed):
        read_look(broken)


def test_look_without_news_is_only_a_time() -> None:
    assert read_look('{"at": 12.5}') == Look(12.5, None)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*GOOD, "id", "person", "x"]), inner),
    max_leaves=12,
)


@given(ANYTHING)
def test_whatever_a_page_answers_is_read(answer: object) -> None:
    said = read_look(json.dumps({"at": 1.0, "said": answer})).said
    assert said is None or said.trouble is None or said.streams == ()
