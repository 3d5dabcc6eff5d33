"""Ten questions of a teacher, as the folder's README lists them: the report alone answers each, in the named place."""

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dashboard_protocol.events import Event, Mark, MarkKind, Profile
from dashboard_protocol.language import Language, speaking
from dashboard_protocol.report import recorded, render_html

README = (Path(__file__).parents[3] / "dashboard_protocol" / "README.md").read_text(encoding="utf-8")
TABLE = README.partition("Ten questions of a teacher")[2].partition("\n\n## ")[0]
ASKED = dict(re.findall(r"^\| (.+\?) \| (.+) \|$", TABLE, re.MULTILINE))
ANSWERED: dict[str, tuple[str, str]] = {
    "How was the class?": ("What happened", "The class was with the screen, but for a fall of 8 min from 07:27 on."),
    "What happened at 07:27?": ("What happened", "The index fell by 25 points, from 80 to 55, between 07:27 and 07:31"),
    "Was that a fall, and did they come back?": (
        "What happened",
        "80 to 55, between 07:27 and 07:31, and was back at 85 at 07:36",
    ),
    "What was the largest part of it?": ("Alerts", "Largest part .* looking away from the screen"),
    "Was my exercise better than my slides?": ("Marks", "Slide: cells 26 min 80 −5 85% 0 07:27 Exercise 7 min 65 −15"),
    "When did they laugh?": ("What happened", "Happiness was displayed by 45% of the people analysed at 07:15"),
    "How many were there, and how many had their camera on?": (
        "In more words",
        "28 people were present .* As the median, 24 had a camera on.",
    ),
    "How much of the hour was measured?": ("In numbers", "Measured 95% of 50 min"),
    "Who joined or left, and when?": ("Changes", "07:08 2 people joined"),
    "How sure are these numbers?": ("In numbers", "Coverage 85%"),
}
"""Question → the section where its answer stands, and the answer of the class below, as a pattern."""


def the_class(a_class: Callable[..., Iterator[Event]], profile: Profile = Profile.AGGREGATE) -> str:
    """The report of 50 minutes from 07:00 on: slides first, an exercise in which the index falls."""
    record = recorded(a_class(3000, profile))
    last = record.at or 0.0
    marks: list[tuple[float, MarkKind, str]] = [
        (60, "slide", "cells"), (1650, "exercise", ""), (2100, "question", ""),
    ]  # fmt: skip
    for number, (at, kind, text) in enumerate(marks):
        body = Mark(id=f"m{number}", kind=kind, text=text)
        start = record.timeline.at[0]
        record.apply(Event(room=record.room, epoch=1, seq=10_000 + number, at=start + at, body=body))
    record.at = last
    return render_html(record, ZoneInfo("America/Los_Angeles"))


def sections(html: str) -> dict[str, str]:
    """The text of each section, by its heading; what stands beside a heading belongs to the text."""
    found = {}
    for part in re.findall(r"<section.*?</section>", html, re.DOTALL):
        heading = re.search(r"<h2>(.*?)(?:<span|</h2>)", part)
        assert heading is not None
        words = unescape(re.sub(r"<[^>]+>", " ", part)).replace("\u00a0", " ")
        found[heading[1]] = " ".join(words.split())
    return found


def test_the_readme_lists_ten_questions() -> None:
    assert list(ASKED) == list(ANSWERED)
    assert len(ASKED) == 10


@pytest.mark.parametrize("question", ANSWERED)
def test_report_answers_the_question_in_its_place(a_class: Callable[..., Iterator[Event]], question: str) -> None:
    place, answer = ANSWERED[question]
    html = the_class(a_class)
    found = sections(html)
    assert re.search(answer, found[place]), found[place]
    every_word = " ".join(found.values()) + " ".join(sections(the_class(a_class, Profile.PRESENCE)).values())
    for named in re.findall(r"\*([^*]+)\*", ASKED[question]):
        assert named in every_word, f"the README sends them to {named}"
    assert f"*{place}*" in ASKED[question] or "first finding" in ASKED[question]


def test_answers_that_depend_on_the_policy_stand_under_presence_too(a_class: Callable[..., Iterator[Event]]) -> None:
    found = sections(the_class(a_class, Profile.PRESENCE))
    assert "24 of 28 had a camera on" in found["In more words"]
    assert "of 28 people faced the camera" in found["What happened"]


@pytest.mark.parametrize(("language", "arrow"), [(Language.EN, "→"), (Language.AR, "←")])
def test_arrow_of_an_alert_points_the_way_its_language_is_read(
    a_class: Callable[..., Iterator[Event]], language: Language, arrow: str
) -> None:
    with speaking(language):
        written = the_class(a_class)
    assert set(re.findall(r"\d+\u00a0([←→])\u00a0\d+", written)) == {arrow}
