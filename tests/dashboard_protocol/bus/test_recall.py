"""What a publisher remembers, and what of it is due."""

from dashboard_protocol.bus.recall import SUMMARIES_S, Recall
from dashboard_protocol.events import Body, Bye, EndReason, Event, Forget
from tests.dashboard_protocol.staging import hello, participant, summary

BYE = Bye(reason=EndReason.ALONE, report=None, live_s=0, present_max=0, alerts=0)


def event(seq: int, body: Body | None = None, at: float | None = None) -> Event:
    return Event(room="r", epoch=1, seq=seq, at=float(seq if at is None else at), body=body or summary())


def remembering(*events: Event) -> Recall:
    recall = Recall()
    for each in events:
        recall.add(each)
    return recall


def due(recall: Recall) -> list[tuple[str, int]]:
    return [(letter.kind, letter.seq) for letter in recall.due()]


def test_everything_is_due_once_and_in_order() -> None:
    recall = remembering(event(0, hello()), event(1), event(2))
    assert due(recall) == [("hello", 0), ("class_summary", 1), ("class_summary", 2)]
    assert due(recall) == []


def test_what_was_not_delivered_is_due_again() -> None:
    recall = remembering(event(1), event(2))
    for letter in recall.due():
        if letter.seq == 2:
            break
    assert due(recall) == [("class_summary", 2)]


def test_rewound_memory_gives_what_the_bus_lacks_after_the_hello() -> None:
    recall = remembering(event(0, hello()), event(1), event(2), event(3))
    due(recall)
    recall.rewind(2)
    assert due(recall) == [("hello", 0), ("class_summary", 3)]
    recall.rewind(-1)
    assert due(recall) == [("hello", 0), *[("class_summary", seq) for seq in (1, 2, 3)]]
    recall.rewind(3)
    assert due(recall) == [("hello", 0)]


def test_changed_policy_keeps_its_place_and_the_one_before_is_not_forgotten() -> None:
    recall = remembering(event(0, hello()), event(1), event(1, hello()), event(2))
    whole = [("past_hello", 0), ("class_summary", 1), ("hello", 1), ("class_summary", 2)]
    assert due(recall) == whole
    recall.rewind(0)
    assert due(recall) == whole[1:]
    recall.rewind(-1)
    assert due(recall) == whole
    recall.rewind(1)
    assert due(recall) == whole[2:]


def test_only_the_newest_of_a_person_is_kept_and_nothing_once_forgotten_or_at_the_end() -> None:
    recall = remembering(event(1, participant("a")), event(2, participant("b")), event(3, participant("a")))
    assert due(recall) == [("participant", 2), ("participant", 3)]
    recall.add(event(4, Forget(participant="a")))
    recall.rewind(-1)
    assert due(recall) == [("participant", 2), ("forget", 4)]
    recall.add(event(5, BYE))
    recall.rewind(-1)
    assert due(recall) == [("forget", 4), ("bye", 5)]


def test_opt_out_storm_leaves_no_more_behind_than_ten_minutes_of_forgetting() -> None:
    recall = remembering(*(event(seq, Forget(participant=str(seq))) for seq in range(1, 5001)))
    assert due(recall) == [("forget", seq) for seq in range(5001 - int(SUMMARIES_S), 5001)]
    assert recall.lost == 5000 - SUMMARIES_S, "whoever did not hear of it starts anew, with nobody"


def test_memory_of_summaries_ends_and_says_what_was_lost() -> None:
    recall = remembering(event(1), event(2, BYE), event(3, at=1 + SUMMARIES_S))
    assert due(recall) == [("bye", 2), ("class_summary", 3)]
    assert recall.lost == 1


def test_forgotten_summaries_are_lost_only_where_the_bus_lacks_them() -> None:
    recall = remembering(event(1))
    due(recall)
    recall.add(event(2, at=1 + SUMMARIES_S))
    due(recall)
    assert recall.lost == 0
    recall.rewind(1)
    assert recall.lost == 0
    recall.rewind(0)
    assert recall.lost == 1
