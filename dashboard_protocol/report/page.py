"""The report as one HTML file: no script, nothing from outside, every text escaped. Pure."""

from datetime import datetime, timedelta, tzinfo

from dashboard_protocol.events import Hello
from dashboard_protocol.report.charts import NARROW_PX, WIDE_PX, Chart
from dashboard_protocol.report.markup import Child, Markup, element, join, table
from dashboard_protocol.report.story import Clock, story
from dashboard_protocol.report.style import stylesheet
from dashboard_protocol.report.tables import alert_rows, change_rows, period_table
from dashboard_protocol.report.totals import Digest, digest
from dashboard_protocol.view import text as words
from dashboard_protocol.view.record import Record
from dashboard_protocol.view.text import span

_HOW_TO_READ = (
    f"The engagement index runs from 0 to 100. It rests on {words.FORMULA}, of everybody who could be measured; a "
    "camera that is off counts neither way. A median is the middle value: half of the time it was lower, half higher."
)
_CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def render_html(record: Record, zone: tzinfo | None = None) -> str:
    """Write the report of a class.

    Args:
        record: the class; needs its `hello`.
        zone: where its times are told; this machine's zone by default.
    """
    assert record.hello is not None
    figures = digest(record)
    clock = Clock(figures, zone)
    title = f"{record.hello.title}, {_date(datetime.fromtimestamp(figures.start, zone))}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_CONTENT_SECURITY_POLICY),
        element("title", f"{title} · class report"),
        element("style", Markup(stylesheet())),
    )
    body = element(
        "main",
        _header(record, figures, clock, zone),
        *_sections(record, figures, clock, zone),
        _footer(record, figures),
    )
    return f"<!doctype html>\n{element('html', head, element('body', body), lang='en')}\n"


def _sections(record: Record, figures: Digest, clock: Clock, zone: tzinfo | None) -> list[Markup | None]:
    assert record.hello is not None
    told = [element("p", sentence) for sentence in story(record, figures, zone)]
    if figures.index is not None:
        told.append(element("p", _HOW_TO_READ, class_="note"))
    sections: list[Markup | None] = [_section("What happened", *told, class_="story")]
    if len(record.timeline):
        wide, narrow = (Chart(record, figures, clock, width) for width in (WIDE_PX, NARROW_PX))
        sections += [_facts(figures, record, clock), _timeline(figures, wide, narrow)]
        if not figures.is_presence:
            sections += [_alerts(record, clock), _shown(figures, wide, narrow), _levels(figures, record.hello, clock)]
        sections.append(_periods(record, figures, clock))
    sections += [_changes(record, clock), _policy(record.hello)]
    return sections


def _header(record: Record, figures: Digest, clock: Clock, zone: tzinfo | None) -> Markup:
    assert record.hello is not None
    start = datetime.fromtimestamp(figures.start, zone)
    start = start if start.tzinfo else start.astimezone()
    times = f"{words.clock(figures.start, zone)} to {words.clock(figures.end, zone)} ({_zone_name(start)})"
    when = f"Class report · {start:%A}, {_date(start)} · {times} · {clock.span(figures.duration_s)}"
    return element(
        "header",
        element("h1", record.hello.title),
        element("p", when),
        element("p", words.policy_sentence(record.hello.policy)),
    )


def _date(at: datetime) -> str:
    return f"{at.day} {at:%B %Y}"


def _zone_name(at: datetime) -> str:
    """Name a zone so that it can be told abroad too: `CET, UTC+1`."""
    offset = at.utcoffset() or timedelta()
    minutes = round(offset.total_seconds() / 60)
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    shift = f"UTC{'−' if minutes < 0 else '+'}{hours}" + (f":{rest:02d}" if rest else "")
    name = at.tzname() or ""
    return f"{name}, {shift}" if name.isalpha() else shift


def _facts(figures: Digest, record: Record, clock: Clock) -> Markup:
    seen, present = figures.medians, f"median {words.count(figures.medians.get('present'))}"
    facts: list[tuple[str, str, str]] = [("Present", f"{figures.present_max}", f"at most; {present}")]
    if figures.is_presence:
        named = (("Camera on", "camera_on"), ("Face in view", "visible"), ("Facing the camera", "facing"))
        facts += [(name, words.count(seen.get(column)), "median") for name, column in named]
    else:
        index, attentive = figures.index, figures.attentive
        analysed = f"median, of {words.count(seen.get('present'))} people"
        facts = [
            ("Index", f"{index.median}" if index else words.DASH, "engagement, median"),
            (
                "Attentive",
                words.percent(attentive.median / 100, record.hello) if attentive else words.DASH,
                "median, of analysed",
            ),
            ("Analysed", words.count(seen.get("analysed")), analysed),
            ("Coverage", words.percent(seen.get("coverage"), record.hello), "median"),
            *facts,
            ("Alerts", f"{len(record.alerts)}", "raised"),
        ]
    facts.append(("Measured", _of(figures.measured_s, figures.duration_s), f"of {clock.span(figures.duration_s)}"))
    cells = [
        element("div", element("dt", name), element("dd", value, element("span", note))) for name, value, note in facts
    ]
    return _section("In numbers", element("dl", *cells, class_="facts"))


def _of(part: float, whole: float) -> str:
    return f"{100 * part / whole:.0f}%" if whole else words.DASH


def _timeline(figures: Digest, wide: Chart, narrow: Chart) -> Markup:
    if figures.is_presence:
        return _section(
            "Counts", wide.timeline(), narrow.timeline(), note="present is dashed; filled: facing the camera"
        )
    note = "line: mean of the class; band: middle half of the class"
    return _section("Engagement index", wide.timeline(), narrow.timeline(), note=note)


def _alerts(record: Record, clock: Clock) -> Markup:
    if not record.alerts:
        parameters = record.hello.alerts if record.hello else None
        said = "None was raised."
        if parameters is not None:
            said += (
                f" Alerts need {words.people(parameters.min_people)} analysed, and start {span(parameters.warm_up_s)} "
            )
            said += "after the bot went live."
        return _section("Alerts", element("p", said))
    head = ["Time", "What", "Largest part", "People measured"]
    caption = "Alerts, in order of time"
    note = "An alert says that the index changed, not why. Often this is note-taking, a poll or a pause."
    return _section(
        "Alerts", table(head, alert_rows(record, clock), caption=caption), element("p", note, class_="note")
    )


def _shown(figures: Digest, wide: Chart, narrow: Chart) -> Markup | None:
    if not figures.expressions:
        return None
    note = "share of the people analysed who displayed each, counted in pairs, 0 to 100%, and its median"
    return _section("Displayed expressions", wide.expressions(), narrow.expressions(), note=note)


def _levels(figures: Digest, hello: Hello, clock: Clock) -> Markup | None:
    total_s = sum(figures.level_s)
    if not total_s:
        return None
    rows: list[Child] = []
    for number in range(len(hello.levels) - 1, -1, -1):
        level, lasted_s = hello.levels[number], figures.level_s[number]
        start = f"{level.means}, from {words.index(level.from_)}"
        bar = element("i", element("b", style=f"width:{lasted_s / total_s * 100:.1f}%"))
        rows.append(element("dt", words.level_name(hello, number), element("span", start)))
        rows += [element("dd", bar, style="display:block"), element("dd", clock.span(lasted_s), class_="value")]
    note = "how long the index of the class was at each level"
    return _section("Levels", element("dl", *rows, class_="bars"), note=note)


def _periods(record: Record, figures: Digest, clock: Clock) -> Markup:
    head, rows, step_s = period_table(record, figures, clock)
    caption = "Every minute" if step_s == 60 else f"Every {span(step_s)}"
    rounded = "" if figures.is_presence else " of the published values, which are rounded"
    note = f"Medians{rounded}. The CSV file beside this one has a row a second."
    body = table(head, rows, caption=caption, class_="numbers")
    return _section(caption, body, element("p", note, class_="note"), class_="long")


def _changes(record: Record, clock: Clock) -> Markup | None:
    rows = change_rows(record, clock)
    if not rows:
        return None
    return _section("Changes", table(["Time", "What"], rows, caption="Changes, in order of time"), class_="long")


def _policy(hello: Hello) -> Markup:
    rows = [(name, getattr(hello.policy, field)) for name, field in words.POLICY_ROWS]
    rows.insert(0, ("Profile", hello.policy.profile.value))
    is_presence = hello.alerts is None
    if not is_presence:
        rows.append(("Formula", f"{hello.formula}: {words.FORMULA}"))
        rows.append(("Coverage", "share of the time in which facing could be measured, over the people analysed"))
        rows.append(("A dash", "not measurable, or withheld by the policy; a camera that is off counts neither way"))
    cells = [join(element("dt", name), element("dd", value)) for name, value in rows]
    return _section("What this rests on", element("dl", *cells, class_="policy"))


def _footer(record: Record, figures: Digest) -> Markup:
    assert record.hello is not None
    software, formula = record.hello.software, record.hello.formula
    version = software if figures.is_presence else f"{formula} · {software}"
    limits = words.LIMITS_PRESENCE if figures.is_presence else words.LIMITS
    return element("footer", element("span", limits), element("span", version))


def _section(title: str, *children: Child, note: str | None = None, class_: str | None = None) -> Markup:
    heading = element("h2", title, element("span", note) if note else None)
    return element("section", heading, *children, class_=class_)
