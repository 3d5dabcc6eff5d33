"""Marks in the report and in the table: the class between them, by means as coarse as what was published."""

import csv
import io
from collections.abc import Callable, Iterator
from zoneinfo import ZoneInfo

import pytest

from dashboard_protocol.events import ClassSummary, Event, Hello, Mark, MarkKind, Profile
from dashboard_protocol.report import recorded, render_csv, render_html
from dashboard_protocol.report.segments import segments
from dashboard_protocol.report.totals import digest
from dashboard_protocol.snapshot import Fold
from dashboard_protocol.view.record import Record

Feed = Callable[..., Event]
START = 1_789_999_200


def a_mark(number: int, kind: MarkKind = "slide", text: str = "") -> Mark:
    return Mark(id=f"m{number}", kind=kind, text=text)


@pytest.fixture
def marked(feed: Feed, a_hello: Callable[..., Hello], a_summary: Callable[..., ClassSummary]) -> Record:
    """Ten minutes: a slide at 200 s, after which the index falls, and an exercise at 400 s."""
    record = Record()
    record.apply(feed(START, a_hello()))
    for second in range(600):
        if second in (200, 400):
            said = a_mark(second, "slide" if second == 200 else "exercise", "cells" if second == 200 else "")
            record.apply(feed(START + second, said))
        values = (0.8, 0.85) if second < 200 else (0.55 if second % 3 else 0.6, 0.6) if second < 400 else (0.7, 0.7)
        record.apply(feed(START + second, a_summary(values[0], attentive=values[1])))
    return record


def test_segments_are_means_rounded_as_what_was_published_and_their_differences(marked: Record) -> None:
    found = segments(marked, digest(marked))
    assert [(each.label, each.index, each.attentive) for each in found] == [
        ("Beginning", 80, 85),
        ("Slide: cells", 55, 60),
        ("Exercise", 70, 70),
    ]
    html = render_html(marked, ZoneInfo("UTC")).replace("\u00a0", " ")
    for cell in ("Slide: cells", "−25", "+15", "Exercise"):
        assert f"<td>{cell}</td>" in html
    assert html.count('class="flag"') == 4  # two drawings


def test_mark_stands_in_the_row_of_its_second_and_is_no_formula(
    marked: Record, feed: Feed, a_summary: Callable[..., ClassSummary]
) -> None:
    marked.apply(feed(START + 600, a_mark(9, "note", "=HYPERLINK(1)")))
    marked.apply(feed(START + 600, a_mark(10, "note", "second")))
    marked.apply(feed(START + 600, a_summary(0.7)))
    rows = list(csv.DictReader(io.StringIO(render_csv(marked))))
    assert rows[200]["mark"] == "Slide: cells"
    assert rows[600]["mark"] == "Mark: =HYPERLINK(1); Mark: second"
    assert not any(row["mark"].startswith(("=", "+", "-", "@")) for row in rows)
    assert sum(bool(row["mark"]) for row in rows) == 3


def test_text_of_a_mark_is_shown_and_not_obeyed(marked: Record, feed: Feed) -> None:
    marked.apply(feed(START + 500, a_mark(9, "note", "<script>x</script>\u202e")))
    html = render_html(marked)
    assert "<script" not in html
    assert "\u202e" not in html


def test_class_without_marks_has_no_table_of_them(a_class: Callable[..., Iterator[Event]]) -> None:
    assert "Marks, in order" not in render_html(recorded(a_class(120)))


def test_under_presence_segments_compare_counts(
    feed: Feed, a_hello: Callable[..., Hello], a_summary: Callable[..., ClassSummary]
) -> None:
    record = Record()
    record.apply(feed(START, a_hello(Profile.PRESENCE)))
    for second in range(120):
        if second == 60:
            record.apply(feed(START + second, a_mark(1, "break")))
        record.apply(feed(START + second, a_summary(None, analysed=None, facing=18 if second < 60 else 12)))
    assert [each.facing for each in segments(record, digest(record))] == [18, 12]
    html = render_html(record, ZoneInfo("UTC"))
    assert "<td>−6</td>" in html
    assert "Engagement index" not in html


def test_marks_come_once_whether_heard_or_found_in_a_snapshot(marked: Record, feed: Feed) -> None:
    fold = Fold()
    fold.apply(feed(START + 1, a_mark(200)))
    fold.apply(feed(START + 2, a_mark(7)))
    marked.apply(feed(START + 700, fold.snapshot()))
    assert [known.mark.id for known in marked.marks] == ["m200", "m400", "m7"]
    assert sum(change.kind == "mark" for change in marked.changes) == 3
