"""What waits for one dashboard, without a socket."""

import json
from typing import Any

from dashboard_protocol.codec import encode
from dashboard_protocol.events import Body, BotState, Event, Forget, State
from dashboard_protocol.gateway.send_queue import REPLACEABLE_EVENTS, Outgoing, Phase, SendQueue
from dashboard_protocol.snapshot import Fold
from tests.dashboard_protocol.staging import hello, participant, summary

STATE = BotState(state=State.LIVE, since=0)


def outgoing(seq: int, body: Body = STATE, *, epoch: int = 1) -> Outgoing:
    event = Event(room="r", epoch=epoch, seq=seq, at=0, body=body)
    return Outgoing(event, encode(event))


def watching(seq: int = 0, *, queue_events: int = 64) -> SendQueue:
    send_queue = SendQueue(queue_events)
    send_queue.open([], epoch=1, seq=seq)
    return send_queue


def drain(send_queue: SendQueue, now: float = 0.0) -> list[dict[str, Any]]:
    messages = []
    while (text := send_queue.take(now)) is not None:
        messages.append(json.loads(text))
    return messages


def seqs(send_queue: SendQueue, now: float = 0.0) -> list[int]:
    return [message["seq"] for message in drain(send_queue, now)]


def test_nothing_is_queued_before_authentication() -> None:
    send_queue = SendQueue()
    send_queue.offer(outgoing(1))
    assert send_queue.phase is Phase.HELLO
    assert send_queue.take(0) is None


def test_opening_comes_first_and_sets_prev() -> None:
    send_queue = SendQueue()
    send_queue.open([outgoing(5, hello()), outgoing(5, Fold().snapshot())], epoch=1, seq=5)
    send_queue.offer(outgoing(6))
    send_queue.offer(outgoing(7))
    sent = drain(send_queue)
    assert [message["type"] for message in sent] == ["hello", "snapshot", "bot_state", "bot_state"]
    assert [message.get("prev") for message in sent] == [None, None, 5, 6]


def test_newer_summary_replaces_the_waiting_one_and_prev_skips_it() -> None:
    send_queue = watching()
    for seq in (1, 2, 3):
        send_queue.offer(outgoing(seq, summary(seq)))
    (message,) = drain(send_queue)
    assert (message["seq"], message["prev"], message["present"]) == (3, 0, 3)
    assert send_queue.replaced == 2


def test_participants_are_replaced_each_by_their_own() -> None:
    send_queue = watching()
    for seq, name in enumerate("abab", 1):
        send_queue.offer(outgoing(seq, participant(name)))
    assert [message["participant"] for message in drain(send_queue)] == ["a", "b"]


def test_slow_reader_gets_each_participant_in_turn() -> None:
    send_queue = watching()
    seq = 0
    got = []
    for _ in range(6):
        for name in "abc":
            seq += 1
            send_queue.offer(outgoing(seq, participant(name)))
        got.append(json.loads(send_queue.take(0) or "")["participant"])
    assert set(got) == {"a", "b", "c"}


def test_replacement_never_overtakes_what_must_arrive() -> None:
    send_queue = watching()
    send_queue.offer(outgoing(1, summary()))
    send_queue.offer(outgoing(2))
    send_queue.offer(outgoing(3, summary()))
    assert seqs(send_queue) == [2, 3]


def test_other_events_are_never_replaced() -> None:
    send_queue = watching()
    for seq in range(1, 65):
        send_queue.offer(outgoing(seq))
    assert seqs(send_queue) == list(range(1, 65))


def test_reader_that_is_full_is_given_up() -> None:
    send_queue = watching(queue_events=3)
    for seq in (1, 2, 3):
        send_queue.offer(outgoing(seq))
    assert len(send_queue) == 3
    send_queue.offer(outgoing(4))
    assert send_queue.phase is Phase.CLOSED
    assert send_queue.take(0) is None
    send_queue.open([outgoing(9, hello())], epoch=1, seq=9)
    send_queue.notify("{}")
    assert send_queue.phase is Phase.CLOSED
    assert len(send_queue) == 0


def test_what_was_taken_makes_room() -> None:
    send_queue = watching(queue_events=2)
    for seq in range(1, 20):
        send_queue.offer(outgoing(seq))
        assert seqs(send_queue) == [seq]
    assert send_queue.phase is Phase.WATCHING


def test_summaries_never_fill_the_queue() -> None:
    send_queue = watching(queue_events=1)
    for seq in range(1, 500):
        send_queue.offer(outgoing(seq, summary()))
    assert send_queue.phase is Phase.WATCHING
    assert len(send_queue) == 1


def test_replaceable_events_are_bounded_too() -> None:
    send_queue = watching()
    for seq in range(1, REPLACEABLE_EVENTS + 11):
        send_queue.offer(outgoing(seq, participant(f"p{seq}")))
    assert len(send_queue) == REPLACEABLE_EVENTS
    assert seqs(send_queue)[0] == 11


def test_forget_takes_the_persons_waiting_updates_away() -> None:
    send_queue = SendQueue()
    send_queue.open([outgoing(1, participant("a")), outgoing(2, participant("b"))], epoch=1, seq=0)
    send_queue.offer(outgoing(3, participant("a")))
    send_queue.offer(outgoing(4, Forget(participant="a")))
    assert [(message["type"], message["participant"]) for message in drain(send_queue)] == [
        ("participant", "b"),
        ("forget", "a"),
    ]


def test_events_already_caught_up_and_of_other_epochs_are_ignored() -> None:
    send_queue = SendQueue()
    send_queue.open([outgoing(3, hello()), outgoing(4), outgoing(5)], epoch=1, seq=3)
    for item in (outgoing(4), outgoing(5), outgoing(6, epoch=2), outgoing(6)):
        send_queue.offer(item)
    sent = drain(send_queue)
    assert [(message["seq"], message.get("prev")) for message in sent] == [(3, None), (4, 3), (5, 4), (6, 5)]


def test_new_hello_reaches_a_reader_though_it_has_no_seq_of_its_own() -> None:
    send_queue = watching(seq=5)
    send_queue.offer(outgoing(5, hello()))
    assert [message["type"] for message in drain(send_queue)] == ["hello"]


def test_snapshot_replaces_what_waits_but_no_answers() -> None:
    send_queue = watching()
    send_queue.offer(outgoing(1))
    send_queue.notify('{"type":"renewed"}')
    send_queue.open([outgoing(1, Fold().snapshot())], epoch=1, seq=1)
    assert [message["type"] for message in drain(send_queue)] == ["snapshot", "renewed"]


def test_lower_rate_sends_the_newest_of_each_kind_in_bursts() -> None:
    send_queue = watching()
    send_queue.limit(0.5)
    send_queue.offer(outgoing(1, summary()))
    send_queue.offer(outgoing(2, participant("a")))
    assert seqs(send_queue, now=10.0) == [1, 2]
    send_queue.offer(outgoing(3, summary()))
    send_queue.offer(outgoing(4, summary()))
    assert seqs(send_queue, now=11.0) == []
    assert send_queue.due(11.0) == 1.0
    assert seqs(send_queue, now=12.0) == [4]


def test_alerts_do_not_wait_for_the_rate() -> None:
    send_queue = watching()
    send_queue.limit(0.1)
    send_queue.offer(outgoing(1, summary()))
    assert seqs(send_queue, now=0.0) == [1]
    send_queue.offer(outgoing(2, summary()))
    send_queue.offer(outgoing(3))
    assert seqs(send_queue, now=1.0) == [3]
    assert seqs(send_queue, now=10.0) == [2]


def test_rate_can_be_lifted() -> None:
    send_queue = watching()
    send_queue.limit(0.1)
    send_queue.offer(outgoing(1, summary()))
    drain(send_queue)
    send_queue.offer(outgoing(2, summary()))
    send_queue.limit(None)
    assert seqs(send_queue, now=0.1) == [2]
    assert send_queue.due(0.1) is None
