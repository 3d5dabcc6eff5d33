"""Events and messages as text."""

import json
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard_protocol.codec import MAX_EVENT_BYTES, decode, encode, with_prev
from dashboard_protocol.errors import ProtocolError, UnknownEvent, UnknownVersion
from dashboard_protocol.events import (
    Alert,
    AlertAt,
    Body,
    BotState,
    Bye,
    EndReason,
    Event,
    Forget,
    Mark,
    Series,
    Snapshot,
    State,
    Window,
)
from dashboard_protocol.messages import Authenticate, Rate, Renew, SnapshotWanted, read_request
from tests.dashboard_protocol.staging import hello, participant, summary

ALERT = Alert.model_validate(
    {
        "id": "a1",
        "kind": "fall",
        "from": 0.8,
        "to": 0.6,
        "window": Window(start=1, end=2),
        "people": 20,
        "why": "facing",
    }
)
STATE = BotState(state=State.WAITING, since=1.5, reason="lobby", attempts=2)
BYE = Bye(reason=EndReason.ROOM_CLOSED, report="/r", live_s=10, present_max=28, alerts=2)
SNAPSHOT = Snapshot(
    bot_state=STATE,
    live_since=2.0,
    summary=summary(),
    series=Series(at=(1.0,), mean=(0.5,), q1=(None,), q3=(None,), attentive=(0.5,), present=(3,)),
    participants=(participant("p1"),),
    alerts=(AlertAt(at=1, alert=ALERT),),
    bye=BYE,
)
BODIES: list[Body] = [
    hello(),
    SNAPSHOT,
    STATE,
    summary(),
    participant("p1", None),
    ALERT,
    Forget(participant="p1"),
    Mark(id="m1", kind="question", text="why?"),
    BYE,
]


def event(body: Body = STATE, **changes: Any) -> Event:
    return Event(**{"room": "Räume & mehr", "epoch": 3, "seq": 7, "at": 12.25, "body": body, **changes})


def wire(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(encode(event()))
    return {**fields, **changes}


def test_bodies_below_are_all_there_are() -> None:
    assert {type(body) for body in BODIES} == set(get_args(get_args(Body)[0]))


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.type)
def test_event_survives_the_wire(body: Body) -> None:
    assert decode(encode(event(body))) == event(body)
    assert decode(encode(event(body)).encode()) == event(body)


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.type)
def test_payload_stands_flat_beside_the_envelope(body: Body) -> None:
    fields = json.loads(encode(event(body)))
    payload = body.model_dump(mode="json", by_alias=True)
    assert fields == {"v": 1, "room": "Räume & mehr", "epoch": 3, "seq": 7, "at": 12.25, **payload}


def test_prev_is_added_for_each_reader() -> None:
    assert with_prev(encode(event()), 6) == encode(event(prev=6))
    assert decode(with_prev(encode(event()), 6)).prev == 6


def test_fields_of_a_later_v1_are_ignored() -> None:
    assert decode(json.dumps(wire(colour="green"))) == event()


def test_other_protocol_version_is_named() -> None:
    with pytest.raises(UnknownVersion, match="version 2 is unknown; this software speaks 1"):
        decode(json.dumps({"v": 2, "kind": "of another shape"}))


def test_unknown_type_keeps_the_readers_place() -> None:
    with pytest.raises(UnknownEvent, match="applause") as caught:
        decode(json.dumps(wire(type="applause")))
    assert caught.value.seq == 7


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        '"text"',
        "{}",
        '{"v":1}',
        '{"v":true}',
        json.dumps(wire(seq=-1)),
        json.dumps(wire(seq="7")),
        json.dumps(wire(at=float("nan"))),
        json.dumps(wire(state="asleep")),
        json.dumps(wire(state=None)),
        json.dumps(wire(type=None)),
        json.dumps(wire(room="\ud800")),
        "[" * 100_000,
        '{"v":' + "9" * 10_000 + "}",
        b"\xff\xfe",
        " " * (MAX_EVENT_BYTES + 1),
    ],
    ids=lambda text: repr(text[:24]),
)
def test_what_is_no_event_is_a_protocol_error(text: str | bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.text() | st.binary())
def test_noise_is_never_another_error(text: str | bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(text)


@given(
    st.sampled_from(BODIES), st.sampled_from(["v", "type", "seq", "at", "room", "state", "mean", "engagement"]), JSON
)
def test_event_with_one_wrong_field_is_read_or_refused(body: Body, field: str, value: object) -> None:
    fields = json.loads(encode(event(body)))
    try:
        read = decode(json.dumps({**fields, field: value}))
    except ProtocolError:
        return
    assert decode(encode(read)) == read


def test_requests_are_read() -> None:
    assert read_request('{"type":"authenticate","v":1,"token":"t","rate_hz":0.5}') == Authenticate(
        v=1, token="t", rate_hz=0.5
    )
    assert read_request('{"type":"renew","token":"t"}') == Renew(token="t")
    assert read_request('{"type":"snapshot"}') == SnapshotWanted()
    assert read_request('{"type":"rate","rate_hz":null}') == Rate(rate_hz=None)


@pytest.mark.parametrize("text", ['{"type":"rate","rate_hz":0}', '{"type":"rate","rate_hz":2}', "x" * 70_000])
def test_unusable_requests_are_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        read_request(text)
