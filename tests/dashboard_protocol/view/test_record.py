"""What is kept of a class: class values and counts, changes in lines, and nothing of any person."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashboard_protocol.events import (
    Alert,
    BotState,
    Bye,
    ClassSummary,
    EndReason,
    Event,
    Hello,
    Profile,
    Snapshot,
    State,
    Withheld,
)
from dashboard_protocol.report import recorded
from dashboard_protocol.snapshot import Fold
from dashboard_protocol.view.record import Record
from dashboard_protocol.view.timeline import Gap, Stretch

Class = Callable[..., Iterator[Event]]
Feed = Callable[..., Event]
START = 1_789_999_200
PACKAGE = Path(__file__).resolve().parents[3] / "dashboard_protocol"


def lines(record: Record) -> list[tuple[int, str]]:
    return [(round(change.at - START), str(change).replace("\u00a0", " ")) for change in record.changes]


def test_a_class_becomes_its_rows_changes_alerts_and_end(a_class: Class) -> None:
    record = recorded(a_class())
    assert len(record.timeline) == 3000 - 28
    assert lines(record) == [
        (480, "2 people joined"),
        (1200, "Bot away for 28 s"),
        (1800, "Index down 25 points in 3 min"),
        (2400, "Withheld: too few people analysed"),
        (2400, "19 people left"),
        (2520, "Values returned"),
        (2520, "19 people joined"),
    ]
    assert [known.alert.id for known in record.alerts] == ["a1"]
    assert [state.state for state in record.states] == [
        State.JOINING, State.LIVE, State.RECONNECTING, State.LIVE, State.LEAVING, State.ENDED
    ]  # fmt: skip
    assert record.bye is not None
    assert record.ended_at == START + 3000.5
    assert Stretch(START + 1200, START + 1228, Gap.BOT) in record.timeline.gaps(START, START + 3000)


def test_nothing_of_a_person_is_kept_even_under_individual(a_class: Class) -> None:
    record = recorded(a_class(200, Profile.INDIVIDUAL))
    assert "Ada" not in repr(record)
    assert "0.432" not in repr(record)


def test_presence_shows_cameras_and_has_no_gaps_of_values(
    feed: Feed, a_hello: Callable[..., Hello], a_summary: Callable[..., ClassSummary]
) -> None:
    record = Record()
    record.apply(feed(START, a_hello(Profile.PRESENCE)))
    for second in range(40):
        present = 28 if second < 20 else 25
        record.apply(feed(START + second, a_summary(None, present=present, withheld=Withheld.PRESENCE, facing=9)))
    assert lines(record) == [(20, "3 people left"), (20, "3 cameras went off")]
    assert record.timeline.gaps(START, START + 40) == []


def test_a_reader_who_comes_late_starts_with_the_snapshots_ten_minutes(a_class: Class, feed: Feed) -> None:
    events = list(a_class())[:2000]
    fold, whole = Fold(), Record()
    for event in events:
        fold.apply(event)
        whole.apply(event)
    late = Record()
    late.apply(events[0])
    late.apply(feed(events[-1].at, fold.snapshot()))
    assert late.timeline.at == whole.timeline.at[-600:]
    assert late.timeline["mean"].tolist() == pytest.approx(whole.timeline["mean"][-600:].tolist(), nan_ok=True)
    assert (late.live_since, late.summary, late.bot) == (whole.live_since, whole.summary, whole.bot)
    assert late.alerts == whole.alerts


def test_a_snapshot_fills_the_hole_of_a_broken_feed_and_repeats_nothing(a_class: Class, feed: Feed) -> None:
    events = list(a_class(1500))[:1150]
    fold, broken = Fold(), Record()
    for number, event in enumerate(events):
        fold.apply(event)
        if number < 900:
            broken.apply(event)
    for _ in range(2):
        broken.apply(feed(events[-1].at, fold.snapshot()))
    assert len(broken.timeline) == len(recorded(events).timeline)
    assert lines(broken) == lines(recorded(events))


def test_a_hole_in_the_feed_itself_is_reported(feed: Feed, a_summary: Callable[..., ClassSummary]) -> None:
    record = Record()
    record.apply(feed(START, BotState(state=State.LIVE, since=START)))
    for second in (1, 2, 30, 31):
        record.apply(feed(START + second, a_summary()))
    assert lines(record) == [(2, "Feed interrupted for 28 s")]
    assert record.timeline.gaps(START, START + 32) == [Stretch(START + 3, START + 30, Gap.FEED)]


def test_another_bot_goes_on_where_the_first_was_lost(
    feed: Feed, a_hello: Callable[..., Hello], a_summary: Callable[..., ClassSummary]
) -> None:
    record = Record()
    record.apply(feed(START, a_hello()))
    record.apply(feed(START, BotState(state=State.LIVE, since=START)))
    record.apply(feed(START + 1, a_summary()))
    record.apply(feed(START + 9, Bye(reason=EndReason.WORKER_LOST, report=None, live_s=1, present_max=28, alerts=0)))
    assert record.ended_at == START + 9
    record.apply(feed(START + 10, a_hello(Profile.PRESENCE)))
    record.apply(feed(START + 10, BotState(state=State.JOINING, since=START + 10)))
    record.apply(feed(START + 12, BotState(state=State.LIVE, since=START + 12)))
    record.apply(feed(START + 13, a_summary(None, withheld=Withheld.PRESENCE)))
    assert record.bye is None
    assert record.ended_at is None
    assert record.live_since == START
    assert lines(record) == [(10, "Policy changed to presence")]
    assert record.timeline.gaps(START, START + 14) == [Stretch(START + 2, START + 13, Gap.BOT)]


def test_too_few_people_for_a_moment_is_not_reported(feed: Feed, a_summary: Callable[..., ClassSummary]) -> None:
    record = Record()
    for second in range(30):
        few = 10 <= second < 18
        record.apply(feed(START + second, a_summary(None if few else 0.8, withheld=Withheld.BELOW_K if few else None)))
    assert lines(record) == []


def test_the_snapshot_of_an_ended_class_says_when_it_ended(feed: Feed, an_alert: Callable[..., Alert]) -> None:
    fold = Fold()
    fold.apply(feed(START, an_alert(START)))
    fold.apply(feed(START + 5, BotState(state=State.ENDED, since=START + 5)))
    fold.apply(feed(START + 6, Bye(reason=EndReason.ALONE, report=None, live_s=5, present_max=3, alerts=1)))
    record = Record()
    record.apply(feed(START + 100, fold.snapshot()))
    assert record.ended_at == START + 5
    assert len(record.alerts) == 1
    record.apply(feed(START + 100, Snapshot.model_validate(fold.snapshot().model_dump(by_alias=True))))
    assert len(record.alerts) == 1


def test_level_and_room_clock_are_the_records_for_every_reader(
    feed: Feed, a_summary: Callable[..., ClassSummary]
) -> None:
    record = Record()
    for second, level in enumerate((2, 2, None, 2, 1, 1)):
        body = a_summary()
        engagement = body.engagement.model_copy(update={"level": level}) if body.engagement and level else None
        record.apply(feed(START + second, body.model_copy(update={"engagement": engagement})))
        assert record.at == START + second
        # A level that is withheld for a while keeps its beginning.
        assert (record.level, record.level_since - START) == ((2, 0) if second < 4 else (1, 4))


def test_events_are_folded_by_the_record_alone() -> None:
    for folder in ("terminal", "report"):
        for path in (PACKAGE / folder).glob("*.py"):
            assert ".body" not in path.read_text(encoding="utf-8"), (
                f"{path.name} looks into events: that is the record's"
            )
