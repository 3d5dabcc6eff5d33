"""What waits for one dashboard, without a socket."""

import json
from typing import Any

from dashboard_protocol.codec import encode
from dashboard_protocol.events import Body, BotState, Event, Forget, State
from dashboard_protocol.snapshot import Fold
from dashboard_protocol.viewer import REPLACEABLE_EVENTS, Outgoing, Phase, Viewer
from tests.dashboard_protocol.staging import hello, participant, summary

STATE = BotState(state=State.LIVE, since=0)


def outgoing(seq: int, body: Body = STATE, *, epoch: int = 1) -> Outgoing:
    event = Event(room="r", epoch=epoch, seq=seq, at=0, body=body)
    return Outgoing(event, encode(event))


def watching(seq: int = 0, *, queue_events: int = 64) -> Viewer:
    viewer = Viewer(queue_events)
    viewer.open([], epoch=1, seq=seq)
    return viewer


def drain(viewer: Viewer, now: float = 0.0) -> list[dict[str, Any]]:
    messages = []
    while (text := viewer.take(now)) is not None:
        messages.append(json.loads(text))
    return messages


def seqs(viewer: Viewer, now: float = 0.0) -> list[int]:
    return [message["seq"] for message in drain(viewer, now)]


def test_nothing_is_queued_before_authentication() -> None:
    viewer = Viewer()
    viewer.offer(outgoing(1))
    assert viewer.phase is Phase.HELLO
    assert viewer.take(0) is None


def test_opening_comes_first_and_sets_prev() -> None:
    viewer = Viewer()
    viewer.open([outgoing(5, hello()), outgoing(5, Fold().snapshot())], epoch=1, seq=5)
    viewer.offer(outgoing(6))
    viewer.offer(outgoing(7))
    sent = drain(viewer)
    assert [message["type"] for message in sent] == ["hello", "snapshot", "bot_state", "bot_state"]
    assert [message.get("prev") for message in sent] == [None, None, 5, 6]


def test_newer_summary_replaces_the_waiting_one_and_prev_skips_it() -> None:
    viewer = watching()
    for seq in (1, 2, 3):
        viewer.offer(outgoing(seq, summary(seq)))
    (message,) = drain(viewer)
    assert (message["seq"], message["prev"], message["present"]) == (3, 0, 3)
    assert viewer.replaced == 2


def test_participants_are_replaced_each_by_their_own() -> None:
    viewer = watching()
    for seq, name in enumerate("abab", 1):
        viewer.offer(outgoing(seq, participant(name)))
    assert [message["participant"] for message in drain(viewer)] == ["a", "b"]


def test_slow_reader_gets_each_participant_in_turn() -> None:
    viewer = watching()
    seq = 0
    got = []
    for _ in range(6):
        for name in "abc":
            seq += 1
            viewer.offer(outgoing(seq, participant(name)))
        got.append(json.loads(viewer.take(0) or "")["participant"])
    assert set(got) == {"a", "b", "c"}


def test_replacement_never_overtakes_what_must_arrive() -> None:
    viewer = watching()
    viewer.offer(outgoing(1, summary()))
    viewer.offer(outgoing(2))
    viewer.offer(outgoing(3, summary()))
    assert seqs(viewer) == [2, 3]


def test_other_events_are_never_replaced() -> None:
    viewer = watching()
    for seq in range(1, 65):
        viewer.offer(outgoing(seq))
    assert seqs(viewer) == list(range(1, 65))


def test_reader_that_is_full_is_given_up() -> None:
    viewer = watching(queue_events=3)
    for seq in (1, 2, 3):
        viewer.offer(outgoing(seq))
    assert len(viewer) == 3
    viewer.offer(outgoing(4))
    assert viewer.phase is Phase.CLOSED
    assert viewer.take(0) is None
    viewer.open([outgoing(9, hello())], epoch=1, seq=9)
    viewer.notify("{}")
    assert viewer.phase is Phase.CLOSED
    assert len(viewer) == 0


def test_what_was_taken_makes_room() -> None:
    viewer = watching(queue_events=2)
    for seq in range(1, 20):
        viewer.offer(outgoing(seq))
        assert seqs(viewer) == [seq]
    assert viewer.phase is Phase.WATCHING


def test_summaries_never_fill_the_queue() -> None:
    viewer = watching(queue_events=1)
    for seq in range(1, 500):
        viewer.offer(outgoing(seq, summary()))
    assert viewer.phase is Phase.WATCHING
    assert len(viewer) == 1


def test_replaceable_events_are_bounded_too() -> None:
    viewer = watching()
    for seq in range(1, REPLACEABLE_EVENTS + 11):
        viewer.offer(outgoing(seq, participant(f"p{seq}")))
    assert len(viewer) == REPLACEABLE_EVENTS
    assert seqs(viewer)[0] == 11


def test_forget_takes_the_persons_waiting_updates_away() -> None:
    viewer = Viewer()
    viewer.open([outgoing(1, participant("a")), outgoing(2, participant("b"))], epoch=1, seq=0)
    viewer.offer(outgoing(3, participant("a")))
    viewer.offer(outgoing(4, Forget(participant="a")))
    assert [(message["type"], message["participant"]) for message in drain(viewer)] == [
        ("participant", "b"),
        ("forget", "a"),
    ]


def test_events_already_caught_up_and_of_other_epochs_are_ignored() -> None:
    viewer = Viewer()
    viewer.open([outgoing(3, hello()), outgoing(4), outgoing(5)], epoch=1, seq=3)
    for item in (outgoing(4), outgoing(5), outgoing(6, epoch=2), outgoing(6)):
        viewer.offer(item)
    sent = drain(viewer)
    assert [(message["seq"], message.get("prev")) for message in sent] == [(3, None), (4, 3), (5, 4), (6, 5)]


def test_new_hello_reaches_a_reader_though_it_has_no_seq_of_its_own() -> None:
    viewer = watching(seq=5)
    viewer.offer(outgoing(5, hello()))
    assert [message["type"] for message in drain(viewer)] == ["hello"]


def test_snapshot_replaces_what_waits_but_no_answers() -> None:
    viewer = watching()
    viewer.offer(outgoing(1))
    viewer.notify('{"type":"renewed"}')
    viewer.open([outgoing(1, Fold().snapshot())], epoch=1, seq=1)
    assert [message["type"] for message in drain(viewer)] == ["snapshot", "renewed"]


def test_lower_rate_sends_the_newest_of_each_kind_in_bursts() -> None:
    viewer = watching()
    viewer.limit(0.5)
    viewer.offer(outgoing(1, summary()))
    viewer.offer(outgoing(2, participant("a")))
    assert seqs(viewer, now=10.0) == [1, 2]
    viewer.offer(outgoing(3, summary()))
    viewer.offer(outgoing(4, summary()))
    assert seqs(viewer, now=11.0) == []
    assert viewer.due(11.0) == 1.0
    assert seqs(viewer, now=12.0) == [4]


def test_alerts_do_not_wait_for_the_rate() -> None:
    viewer = watching()
    viewer.limit(0.1)
    viewer.offer(outgoing(1, summary()))
    assert seqs(viewer, now=0.0) == [1]
    viewer.offer(outgoing(2, summary()))
    viewer.offer(outgoing(3))
    assert seqs(viewer, now=1.0) == [3]
    assert seqs(viewer, now=10.0) == [2]


def test_rate_can_be_lifted() -> None:
    viewer = watching()
    viewer.limit(0.1)
    viewer.offer(outgoing(1, summary()))
    drain(viewer)
    viewer.offer(outgoing(2, summary()))
    viewer.limit(None)
    assert seqs(viewer, now=0.1) == [2]
    assert viewer.due(0.1) is None
