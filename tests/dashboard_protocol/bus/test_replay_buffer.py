"""What a publisher remembers, and what of it is due."""

from dashboard_protocol.bus.replay_buffer import SUMMARIES_S, ReplayBuffer
from dashboard_protocol.events import Body, Bye, EndReason, Event, Forget
from tests.dashboard_protocol.staging import hello, participant, summary

BYE = Bye(reason=EndReason.ALONE, report=None, live_s=0, present_max=0, alerts=0)


def event(seq: int, body: Body | None = None, at: float | None = None) -> Event:
    return Event(room="r", epoch=1, seq=seq, at=float(seq if at is None else at), body=body or summary())


def remembering(*events: Event) -> ReplayBuffer:
    replay_buffer = ReplayBuffer()
    for each in events:
        replay_buffer.add(each)
    return replay_buffer


def due(replay_buffer: ReplayBuffer) -> list[tuple[str, int]]:
    return [(letter.kind, letter.seq) for letter in replay_buffer.due()]


def test_everything_is_due_once_and_in_order() -> None:
    replay_buffer = remembering(event(0, hello()), event(1), event(2))
    assert due(replay_buffer) == [("hello", 0), ("class_summary", 1), ("class_summary", 2)]
    assert due(replay_buffer) == []


def test_what_was_not_delivered_is_due_again() -> None:
    replay_buffer = remembering(event(1), event(2))
    for letter in replay_buffer.due():
        if letter.seq == 2:
            break
    assert due(replay_buffer) == [("class_summary", 2)]


def test_rewound_memory_gives_what_the_bus_lacks_after_the_hello() -> None:
    replay_buffer = remembering(event(0, hello()), event(1), event(2), event(3))
    due(replay_buffer)
    replay_buffer.rewind(2)
    assert due(replay_buffer) == [("hello", 0), ("class_summary", 3)]
    replay_buffer.rewind(-1)
    assert due(replay_buffer) == [("hello", 0), *[("class_summary", seq) for seq in (1, 2, 3)]]
    replay_buffer.rewind(3)
    assert due(replay_buffer) == [("hello", 0)]


def test_changed_policy_keeps_its_place_and_the_one_before_is_not_forgotten() -> None:
    replay_buffer = remembering(event(0, hello()), event(1), event(1, hello()), event(2))
    whole = [("past_hello", 0), ("class_summary", 1), ("hello", 1), ("class_summary", 2)]
    assert due(replay_buffer) == whole
    replay_buffer.rewind(0)
    assert due(replay_buffer) == whole[1:]
    replay_buffer.rewind(-1)
    assert due(replay_buffer) == whole
    replay_buffer.rewind(1)
    assert due(replay_buffer) == whole[2:]


def test_only_the_newest_of_a_person_is_kept_and_nothing_once_forgotten_or_at_the_end() -> None:
    replay_buffer = remembering(event(1, participant("a")), event(2, participant("b")), event(3, participant("a")))
    assert due(replay_buffer) == [("participant", 2), ("participant", 3)]
    replay_buffer.add(event(4, Forget(participant="a")))
    replay_buffer.rewind(-1)
    assert due(replay_buffer) == [("participant", 2), ("forget", 4)]
    replay_buffer.add(event(5, BYE))
    replay_buffer.rewind(-1)
    assert due(replay_buffer) == [("forget", 4), ("bye", 5)]


def test_opt_out_storm_leaves_no_more_behind_than_ten_minutes_of_forgetting() -> None:
    replay_buffer = remembering(*(event(seq, Forget(participant=str(seq))) for seq in range(1, 5001)))
    assert due(replay_buffer) == [("forget", seq) for seq in range(5001 - int(SUMMARIES_S), 5001)]
    assert replay_buffer.lost == 5000 - SUMMARIES_S, "whoever did not hear of it starts anew, with nobody"


def test_memory_of_summaries_ends_and_says_what_was_lost() -> None:
    replay_buffer = remembering(event(1), event(2, BYE), event(3, at=1 + SUMMARIES_S))
    assert due(replay_buffer) == [("bye", 2), ("class_summary", 3)]
    assert replay_buffer.lost == 1


def test_forgotten_summaries_are_lost_only_where_the_bus_lacks_them() -> None:
    replay_buffer = remembering(event(1))
    due(replay_buffer)
    replay_buffer.add(event(2, at=1 + SUMMARIES_S))
    due(replay_buffer)
    assert replay_buffer.lost == 0
    replay_buffer.rewind(1)
    assert replay_buffer.lost == 0
    replay_buffer.rewind(0)
    assert replay_buffer.lost == 1
