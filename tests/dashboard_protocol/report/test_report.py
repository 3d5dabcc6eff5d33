"""The report's files: what they say, what they cannot say, and how they are written."""

import csv
import io
import json
import re
import stat
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dashboard_protocol.errors import ReportRefused
from dashboard_protocol.events import Alert, BotState, ClassSummary, EndReason, Event, Hello, Profile, State, Withheld
from dashboard_protocol.gateway.static_files import WEB
from dashboard_protocol.report import recorded, render_csv, render_html, report_paths, write_report
from dashboard_protocol.report.story import story
from dashboard_protocol.report.style import DARK, LIGHT
from dashboard_protocol.report.tables import CSV_HEAD
from dashboard_protocol.report.totals import digest
from dashboard_protocol.snapshot import Fold
from dashboard_protocol.view.record import Record

Class = Callable[..., Iterator[Event]]
Feed = Callable[..., Event]
BERLIN = ZoneInfo("Europe/Berlin")
START = 1_789_999_200
EMPTY = {"meta", "path", "rect", "circle"}


class Page(HTMLParser):
    """Reads a report: its text, its tags, and whether every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).replace("\u00a0", " ").split())


def reported(record: Record) -> str:
    return " ".join(story(record, digest(record), BERLIN)).replace("\u00a0", " ")


def test_the_story_says_to_somebody_who_was_not_there_what_happened(a_class: Class) -> None:
    said = reported(recorded(a_class()))
    for sentence in (
        "From 16:00 to 16:50 the bot was in Biology 101, section B for 50 min. 28 people were present for most of",
        "The engagement index of the class was High (with the screen) for all of the measured time; its median was 80.",
        "It fell by 25 points, from 80 to 55, between 16:27 and 16:31, and was back at 85 at 16:36.",
        "As the median, 85% of the people analysed were attentive (facing the screen, gaze on it): 60% at the lowest",
        "Neutral was that of most people (75% as the median); Happiness reached 45% at 16:15.",
        "One alert was raised: Index down 25 points in 3 min, at 16:30.",
        "Class values were withheld for 2 min, while fewer than 5 people were analysed (from 16:40).",
        "Nothing is known for 28 s while the bot was away (from 16:20).",
    ):
        assert sentence in said


def test_under_presence_the_report_has_counts_only(a_class: Class) -> None:
    record = recorded(a_class(600, Profile.PRESENCE))
    page = Page(render_html(record, BERLIN))
    counts = "As the median, 24 of 28 had a camera on, 22 had a face in view and 18 faced the camera, counted in pairs."
    assert counts in page.text
    for word in ("Engagement index", "Attentive", "Displayed expressions", "Alerts", "classpulse-engagement/2"):
        assert word not in page.text
    for row in csv.DictReader(io.StringIO(render_csv(record))):
        assert (row["index_mean"], row["attentive"], row["happy"]) == ("", "", "")
        assert (row["facing"], row["withheld"]) == ("18", "presence")


def test_counts_of_faces_that_were_withheld_are_missing_in_the_report_and_empty_in_the_csv(
    feed: Feed, a_hello: Callable[..., Hello], a_summary: Callable[..., ClassSummary]
) -> None:
    record = Record()
    record.apply(feed(START, a_hello(Profile.PRESENCE)))
    record.apply(feed(START, BotState(state=State.LIVE, since=START)))
    for second in range(120):
        few = a_summary(None, present=4, analysed=None, withheld=Withheld.PRESENCE)
        record.apply(feed(START + second, few.model_copy(update={"camera_on": 3, "visible": None})))
    page = Page(render_html(record, BERLIN))
    assert "As the median, 3 of 4 had a camera on, – had a face in view and – faced the camera" in page.text
    for row in csv.DictReader(io.StringIO(render_csv(record))):
        assert (row["present"], row["camera_on"], row["visible"], row["facing"]) == ("4", "3", "", "")


def test_a_steady_class_is_called_steady_and_one_that_went_up_and_down_is_reported_in_three_moves(
    feed: Feed, a_hello: Callable[..., Hello], a_summary: Callable[..., ClassSummary]
) -> None:
    def of(values: list[float]) -> str:
        record = Record()
        record.apply(feed(START, a_hello()))
        record.apply(feed(START, BotState(state=State.LIVE, since=START)))
        for second, value in enumerate(values):
            record.apply(feed(START + second, a_summary(value)))
        return reported(record)

    assert "It did not move." in of([0.8] * 900)
    assert "It moved by less than 15 points at a time and stayed between 70 and 80." in of([0.8] * 450 + [0.7] * 450)
    assert "High (with the screen) for most of the measured time: 10 min of 15 min" in of([0.8] * 600 + [0.2] * 300)
    assert "Low (in and out) for longer than any other level: 5 min of 16 min" in of(
        [0.1] * 200 + [0.4] * 350 + [0.7] * 210 + [0.95] * 210
    )
    restless = of(([0.8] * 120 + [0.4] * 120) * 4)
    assert restless.count("It fell") + restless.count("It rose") == 2
    assert "more moves of 15 points or more can be seen in the chart." in restless
    assert "It rose by 40 points, from 40 to 80, at" in of([0.4] * 900 + [0.8] * 900)


def test_a_report_from_a_snapshot_alone_shows_what_it_holds(a_class: Class, feed: Feed) -> None:
    fold, events = Fold(), list(a_class(900))
    for event in events:
        fold.apply(event)
    record = Record()
    record.apply(events[0])
    last = fold.snapshot().model_copy(update={"summary": None})
    record.apply(feed(events[-1].at, last))
    assert "The median of the engagement index was 80. It moved by less than 15 points" in reported(record)
    page = Page(render_html(record, BERLIN))
    assert "Levels" not in page.text
    assert "Displayed expressions over time" not in page.text


def test_many_alerts_are_counted_not_listed(feed: Feed, a_class: Class, an_alert: Callable[..., Alert]) -> None:
    record = recorded(a_class(700))
    for number in range(2, 5):
        record.apply(feed(START + 300 + number, an_alert(START + 300 + number, number)))
    assert "3 alerts were raised: Index down 25 points in 3 min, at" in reported(record)
    record.apply(feed(START + 400, an_alert(START + 400, 9)))
    assert "4 alerts were raised; they stand below." in reported(record)
    # A time stands only where it lies under no triangle: three of four on the wide chart, two on the narrow.
    assert render_html(record).count('class="mark"') == 3 + 2


def test_a_bot_that_was_never_live_has_a_report_that_says_so(feed: Feed, a_hello: Callable[..., Hello]) -> None:
    record = Record()
    record.apply(feed(START, a_hello()))
    for state, reason in ((State.WAITING, "lobby"), (State.WAITING, "not_open"), (State.ENDED, EndReason.REFUSED)):
        record.apply(feed(START + 60, BotState(state=state, since=START + 60, reason=reason)))
    page = Page(render_html(record, BERLIN))
    assert "The bot was invited to Biology 101, section B and never read a face there." in page.text
    assert "Bot left: the meeting refused it" in page.text
    assert "svg" not in [tag for tag, _ in page.tags]


def test_a_class_below_k_shows_that_values_were_withheld(
    feed: Feed, a_hello: Callable[..., Hello], a_summary: Callable[..., ClassSummary]
) -> None:
    record = Record()
    record.apply(feed(START, a_hello()))
    for second in range(120):
        record.apply(feed(START + second, a_summary(None, present=4, analysed=3, withheld=Withheld.BELOW_K)))
    page = Page(render_html(record, BERLIN))
    assert "Class values were withheld for 2 min, while fewer than 5 people were analysed" in page.text
    assert "withheld" in page.words
    assert "Displayed expressions over time" not in page.text


def test_a_class_whose_opt_outs_could_not_be_heard_says_why_nothing_was_measurable(
    feed: Feed, a_hello: Callable[..., Hello], a_summary: Callable[..., ClassSummary]
) -> None:
    record = Record()
    record.apply(feed(START, a_hello()))
    for second in range(120):
        record.apply(feed(START + second, a_summary(None, withheld=Withheld.WISHES_UNREACHABLE)))
    page = Page(render_html(record, BERLIN))
    assert "Nothing was measurable for 2 min: who asked not to be read could not be heard" in page.text


@pytest.mark.parametrize("profile", list(Profile))
def test_the_file_is_well_formed_runs_nothing_and_asks_nobody(a_class: Class, profile: Profile) -> None:
    html = render_html(recorded(a_class(1500, profile)), BERLIN)
    page = Page(html)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "base", "form", "image", "use"}
    attributes = {name for _, attributes in page.tags for name in attributes}
    assert not {name for name in attributes if name.startswith("on") or name in ("href", "src", "xlink:href")}
    assert "://" not in html
    assert "url(" not in html.replace("url(#hatch-", "")
    assert {attributes["id"] for tag, attributes in page.tags if tag == "pattern"} == set(
        re.findall(r"url\(#([\w-]+)\)", html)
    )
    assert "Ada Obi" not in html


def test_the_report_leads_to_how_its_numbers_are_made_where_somebody_says_it(a_class: Class) -> None:
    record = recorded(a_class(60))
    served = Page(render_html(record, BERLIN, "https://class.example.org"))
    assert [a["href"] for tag, a in served.tags if tag == "a"] == ["https://class.example.org/formula"]
    assert "a" not in {tag for tag, _ in Page(render_html(record, BERLIN)).tags}, "a file of a bot that has gone"


def test_the_report_says_that_somebody_was_left_out(feed: Feed, a_hello: Callable[..., Hello], a_class: Class) -> None:
    record, sentence = recorded(a_class(60)), "is left out: neither read nor counted."
    assert sentence not in render_html(record)
    record.apply(feed(START + 61, a_hello().model_copy(update={"capabilities": ("leaves_out",)})))
    assert sentence in Page(render_html(record)).text


def test_names_from_outside_are_shown_and_not_obeyed(feed: Feed, a_hello: Callable[..., Hello], a_class: Class) -> None:
    record = recorded(a_class(60))
    title = '<script>alert(1)</script> & "friends" </style>\''
    record.apply(feed(START + 61, a_hello(title=title)))
    page = Page(render_html(record))
    assert title in page.text
    assert "script" not in {tag for tag, _ in page.tags}


def test_three_hours_fit_into_400_kilobytes_and_the_table_into_a_page(a_class: Class) -> None:
    html = render_html(recorded(a_class(10_800)), BERLIN)
    assert len(html.encode()) <= 400 * 1024
    assert "Every 10\u00a0min" in html


def test_the_zone_is_named(a_class: Class) -> None:
    record = recorded(a_class(60))
    for zone, name in (
        ("Europe/Berlin", "16:00 to 16:01 (CEST, UTC+2)"),
        ("Asia/Kolkata", "19:30 to 19:31 (IST, UTC+5:30)"),
        ("America/Sao_Paulo", "11:00 to 11:01 (UTC−3)"),
        ("UTC", "14:00 to 14:01 (UTC)"),
    ):
        assert name in Page(render_html(record, ZoneInfo(zone))).text
    assert "Class report" in Page(render_html(record)).text


def test_colours_are_those_of_the_page() -> None:
    page = dict(re.findall(r"--(\w+): light-dark\((#\w{6}, #\w{6})\);", (WEB / "page.css").read_text()))
    assert {name: f"#{LIGHT[name]}, #{DARK[name]}" for name in LIGHT} == {name: page[name] for name in LIGHT}
    assert set(LIGHT) == set(DARK)


def test_the_table_has_a_row_a_summary_and_empty_cells_for_what_was_withheld(a_class: Class) -> None:
    record = recorded(a_class())
    text = render_csv(record)
    assert text.splitlines()[0] == ",".join(CSV_HEAD)
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 2972
    first, calm, few = rows[0], rows[100], rows[2400]
    assert (first["time_utc"], first["at"]) == ("2026-09-21T14:00:00.250Z", "1789999200.250")
    assert (first["withheld"], first["index_mean"], first["present"]) == ("settling", "", "26")
    assert (few["withheld"], few["index_mean"], few["analysed"], few["as_of"]) == ("below_k", "", "4", "")
    assert (calm["index_mean"], calm["index_q1"], calm["share_level_3"]) == ("0.8", "0.65", "0.55")
    assert (calm["level"], calm["happy"], calm["arousal"], calm["withheld"]) == ("2", "0.1", "-0.2", "")
    assert calm["as_of"] == f"{float(calm['at']) - 0.1:.3f}"


def test_both_files_are_written_whole_for_their_owner_only(a_class: Class, tmp_path: Path) -> None:
    (tmp_path / "class.html").write_text("an older report")
    html, table = write_report(a_class(60), tmp_path / "class.html")
    assert (html, table) == (tmp_path / "class.html", tmp_path / "class.csv")
    assert html.read_text().startswith("<!doctype html>")
    assert html.read_text().endswith("</html>\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["class.csv", "class.html"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (html, table)} == {0o600}
    assert write_report(a_class(60), tmp_path / "of.class")[0] == tmp_path / "of.class.html"


def test_a_path_that_cannot_be_written_is_refused_in_one_line_before_the_class(tmp_path: Path) -> None:
    (tmp_path / "folder.html").mkdir()
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "absent" / "r.html", tmp_path, tmp_path / "folder.html", tmp_path / "file" / "r.html"):
        with pytest.raises(ReportRefused) as refused:
            report_paths(path)
        assert "\n" not in str(refused.value)
        assert str(refused.value).endswith(("another path.", "for the report.", "report.html."))
    assert report_paths(tmp_path / "r.htm") == (tmp_path / "r.htm", tmp_path / "r.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.html"]


def test_a_full_disk_leaves_the_older_report_and_no_scraps(
    a_class: Class, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "r.csv").write_text("older")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(ReportRefused, match="No space left on device"):
        write_report(a_class(10), tmp_path / "r.html")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["older"]


def test_without_a_class_there_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(ReportRefused, match="nothing to report"):
        write_report([], tmp_path / "r.html")
    assert list(tmp_path.iterdir()) == []


def test_published_values_are_never_refined(a_class: Class) -> None:
    """Every index reported lies on the steps of 5 points on which it was published."""
    figures = digest(recorded(a_class()))
    assert figures.index is not None
    values = [figures.index.low, figures.index.median, figures.index.high]
    values += [block.value for move in figures.moves for block in (move.start, move.end)]
    values += [value for found in figures.expressions.values() for value in (found.low, found.median, found.high)]
    assert {value % 5 for value in values} == {0}, json.dumps(values)
