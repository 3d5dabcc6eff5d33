"""The report as one HTML file: no script, nothing from outside, every text escaped. Pure."""

from datetime import datetime, timedelta, tzinfo
from math import floor

from markupsafe import Markup

from dashboard_protocol.events import Hello, Profile
from dashboard_protocol.language import spoken
from dashboard_protocol.report.charts import NARROW_PX, WIDE_PX, Chart
from dashboard_protocol.report.findings import found
from dashboard_protocol.report.segments import mark_rows
from dashboard_protocol.report.story import Clock, story
from dashboard_protocol.report.style import stylesheet
from dashboard_protocol.report.tables import alert_rows, change_rows, period_table
from dashboard_protocol.report.totals import Digest, digest
from dashboard_protocol.view import formats
from dashboard_protocol.view import text as words
from dashboard_protocol.view.markup import Child, element, join, table
from dashboard_protocol.view.record import Record
from dashboard_protocol.view.sentences import say
from dashboard_protocol.view.text import span

_CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def render_html(record: Record, zone: tzinfo | None = None, site: str | None = None) -> str:
    """Write the report of a class.

    Args:
        record: the class; needs its `hello`.
        zone: where its times are shown; this machine's zone by default.
        site: origin of the service that says how the numbers are made; None for no link to it.
    """
    assert record.hello is not None
    figures = digest(record)
    clock = Clock(figures, zone)
    date = formats.date(datetime.fromtimestamp(figures.start, zone))
    title = say("report.title", title=say("report.named", title=record.hello.title, date=date))
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_CONTENT_SECURITY_POLICY),
        element("title", title),
        element("style", Markup(stylesheet())),
    )
    body = element(
        "main",
        _header(record, figures, clock, zone),
        *_sections(record, figures, clock, zone),
        _policy(record.hello, site),
        _footer(record, figures),
    )
    page = element("html", head, element("body", body), lang=spoken().value, dir=say("direction"))
    return f"<!doctype html>\n{page}\n"


def _sections(record: Record, figures: Digest, clock: Clock, zone: tzinfo | None) -> list[Markup | None]:
    assert record.hello is not None
    sections: list[Markup | None] = [_opening(record, figures, zone)]
    if len(record.timeline):
        wide, narrow = (Chart(record, figures, clock, width) for width in (WIDE_PX, NARROW_PX))
        sections += [_facts(figures, record, clock), _timeline(figures, wide, narrow)]
        sections.append(_marks(record, figures, clock))
        if not figures.is_presence:
            sections += [_alerts(record, clock), _shown(figures, wide, narrow), _levels(figures, record.hello, clock)]
        sections += [_details(record, figures, zone), _periods(record, figures, clock)]
    return [*sections, _changes(record, clock)]


def _opening(record: Record, figures: Digest, zone: tzinfo | None) -> Markup:
    """One sentence to read aloud, and three that say what stood out."""
    said = found(record, figures, zone)
    listed = element("ul", *(element("li", sentence) for sentence in said.findings)) if said.findings else None
    return _section(say("report.story"), element("p", said.headline, class_="headline"), listed, class_="story")


def _details(record: Record, figures: Digest, zone: tzinfo | None) -> Markup:
    sentences = [element("p", sentence) for sentence in story(record, figures, zone)]
    if figures.index is not None:
        read = say("report.how_to_read", rests_on=say("policy.rests_on"))
        sentences.append(element("p", read, class_="note"))
    return _section(say("report.details"), *sentences, class_="details")


def _header(record: Record, figures: Digest, clock: Clock, zone: tzinfo | None) -> Markup:
    assert record.hello is not None
    start = datetime.fromtimestamp(figures.start, zone)
    start = start if start.tzinfo else start.astimezone()
    when = say(
        "report.when",
        weekday=formats.weekday(start),
        date=formats.date(start),
        start=words.clock(figures.start, zone),
        end=words.clock(figures.end, zone),
        zone=_zone_name(start),
        span=clock.span(figures.duration_s),
    )
    return element(
        "header",
        element("h1", record.hello.title),
        element("p", when),
        element("p", words.policy_sentence(record.hello)),
    )


def _zone_name(at: datetime) -> str:
    """Name a zone so that it can be read abroad too: `CET, UTC+1`."""
    offset = at.utcoffset() or timedelta()
    minutes = round(offset.total_seconds() / 60)
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    shift = f"UTC{'−' if minutes < 0 else '+'}{hours}" + (f":{rest:02d}" if rest else "")
    name = at.tzname() or ""
    return f"{name}, {shift}" if name.isalpha() else shift


def _facts(figures: Digest, record: Record, clock: Clock) -> Markup:
    seen, median = figures.medians, say("report.fact_median")
    present = words.count(seen.get("present"))
    facts: list[tuple[str, str, str]] = [
        (say("name.present"), f"{figures.present_max}", say("report.fact_present_note", n=present))
    ]
    if figures.is_presence:
        named = ("camera_on", "visible", "facing")
        facts += [(say(f"name.{column}"), words.count(seen.get(column)), median) for column in named]
    else:
        index, attentive = figures.index, figures.attentive
        share = words.percent(attentive.median / 100, record.hello) if attentive else words.DASH
        analysed = words.count(seen.get("analysed"))
        facts = [
            (say("report.fact_index"), f"{index.median}" if index else words.DASH, say("report.fact_index_note")),
            (say("name.attentive"), share, say("report.fact_attentive_note")),
            (say("name.analysed"), analysed, say("report.fact_analysed_note", n=present)),
            (say("name.coverage"), words.percent(seen.get("coverage"), record.hello), median),
            *facts,
            (say("name.alerts"), f"{len(record.alerts)}", say("report.fact_alerts_note")),
        ]
    whole = say("report.measured_of", span=clock.span(figures.duration_s))
    facts.append((say("report.measured"), _of(figures.measured_s, figures.duration_s), whole))
    cells = [
        element("div", element("dt", name), element("dd", value, element("span", note))) for name, value, note in facts
    ]
    return _section(say("report.in_numbers"), element("dl", *cells, class_="facts"))


def _of(part: float, whole: float) -> str:
    return say("share.exact", n=floor(100 * part / whole + 0.5)) if whole else words.DASH


def _timeline(figures: Digest, wide: Chart, narrow: Chart) -> Markup:
    if figures.is_presence:
        return _section(say("name.counts"), wide.timeline(), narrow.timeline(), note=say("report.counts_note"))
    return _section(say("name.index"), wide.timeline(), narrow.timeline(), note=say("report.index_note"))


def _alerts(record: Record, clock: Clock) -> Markup:
    if not record.alerts:
        parameters = record.hello.alerts if record.hello else None
        said = say("report.no_alerts")
        if parameters is not None:
            people = words.people(parameters.min_people)
            said = say("report.no_alerts_why", people=people, span=span(parameters.warm_up_s))
        return _section(say("name.alerts"), element("p", said))
    head = [say("name.time"), say("report.what"), say("report.largest_part"), say("report.people_measured")]
    rows = table(head, alert_rows(record, clock), caption=say("report.alerts_caption"))
    return _section(say("name.alerts"), rows, element("p", say("report.alerts_note"), class_="note"))


def _marks(record: Record, figures: Digest, clock: Clock) -> Markup | None:
    rows = mark_rows(record, figures, clock)
    if not rows:
        return None
    moved = say("report.difference")
    values = [say("name.facing"), moved]
    if not figures.is_presence:
        values = [say("report.fact_index"), moved, say("name.attentive"), moved]
    head = [say("name.time"), say("report.what"), say("report.lasted"), *values]
    note = element("p", say("report.marks_note"), class_="note")
    return _section(say("report.marks"), table(head, rows, caption=say("report.marks_caption")), note)


def _shown(figures: Digest, wide: Chart, narrow: Chart) -> Markup | None:
    if not figures.expressions:
        return None
    note = say("report.shown_note")
    return _section(say("name.expressions"), wide.expressions(), narrow.expressions(), note=note)


def _levels(figures: Digest, hello: Hello, clock: Clock) -> Markup | None:
    total_s = sum(figures.level_s)
    if not total_s:
        return None
    rows: list[Child] = []
    for number in range(len(hello.levels) - 1, -1, -1):
        level, lasted_s = hello.levels[number], figures.level_s[number]
        start = say("level_from", means=words.level_means(hello, number), index=words.index(level.from_))
        bar = element("i", element("b", style=f"width:{lasted_s / total_s * 100:.1f}%"))
        rows.append(element("dt", words.level_name(hello, number), element("span", start)))
        rows += [element("dd", bar, style="display:block"), element("dd", clock.span(lasted_s), class_="value")]
    return _section(say("report.levels"), element("dl", *rows, class_="bars"), note=say("report.levels_note"))


def _periods(record: Record, figures: Digest, clock: Clock) -> Markup:
    head, rows, step_s = period_table(record, figures, clock)
    caption = say("report.every_minute") if step_s == 60 else say("report.every", span=span(step_s))
    note = say("report.periods_note" if figures.is_presence else "report.periods_note_rounded")
    body = table(head, rows, caption=caption, class_="numbers")
    return _section(caption, body, element("p", note, class_="note"), class_="long")


def _changes(record: Record, clock: Clock) -> Markup | None:
    rows = change_rows(record, clock)
    if not rows:
        return None
    head = [say("name.time"), say("report.what")]
    return _section(say("name.changes"), table(head, rows, caption=say("report.changes_caption")), class_="long")


def _policy(hello: Hello, site: str | None) -> Markup:
    rows: list[tuple[str, Child]] = [(say("report.profile"), hello.policy.profile.value)]
    rows += words.policy_rows(hello.policy)
    is_presence = hello.alerts is None
    if not is_presence:
        formula = say("report.formula_of", formula=hello.formula, rests_on=say("policy.rests_on"))
        made = element("a", say("page.formula"), href=f"{site}/formula") if site else None
        rows.append((say("policy.formula"), join(formula, " " if made else None, made)))
        rows.append((say("name.coverage"), say("report.coverage_means")))
        rows.append((say("report.dash"), say("report.dash_means")))
    cells = [join(element("dt", name), element("dd", value)) for name, value in rows]
    return _section(say("report.basis"), element("dl", *cells, class_="policy"))


def _footer(record: Record, figures: Digest) -> Markup:
    assert record.hello is not None
    software, formula = record.hello.software, record.hello.formula
    version = software if figures.is_presence else f"{formula} · {software}"
    limits = words.limits(Profile.PRESENCE if figures.is_presence else Profile.AGGREGATE)
    return element("footer", element("span", limits), element("span", version))


def _section(title: str, *children: Child, note: str | None = None, class_: str | None = None) -> Markup:
    heading = element("h2", title, element("span", note) if note else None)
    return element("section", heading, *children, class_=class_)
