"""What one glance is for: index and attentive, or the counts, each with its trend and its ground. Pure."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dashboard_protocol.events import ClassSummary, Withheld
from dashboard_protocol.terminal.frame import INDEX, NOTE, PLAIN, STRONG, Moment
from dashboard_protocol.terminal.state import Condition
from dashboard_protocol.view import text as words
from dashboard_protocol.view.sentences import say
from dashboard_protocol.view.trend import Trend, count_threshold, trend

FIRST_S = 20.0
"""How long after the start missing values are the first ones."""
_COUNTS = (("present", None), ("camera_on", "present"), ("visible", "camera_on"), ("facing", "visible"))
"""Each of so many, where it is a part of others."""


def first_row(moment: Moment) -> RenderableType:
    """Draw the first row of the page."""
    if moment.record.is_presence:
        return side_by_side(moment, _counts(moment))
    if moment.condition is Condition.WITHHELD:
        return _withheld(moment)
    return side_by_side(moment, [_index(moment), _attentive(moment)], (4, 3))


def side_by_side(
    moment: Moment, cells: Sequence[RenderableType], ratios: Sequence[int] = (1, 1, 1, 1)
) -> RenderableType:
    """Set cells beside each other where there is room, else below each other."""
    if not moment.is_wide:
        return Group(*cells)
    grid = Table.grid(expand=True, padding=(0, 1, 0, 0))
    for ratio, _ in zip(ratios, cells, strict=False):
        grid.add_column(ratio=ratio)
    grid.add_row(*cells)
    return grid


def _withheld(moment: Moment) -> RenderableType:
    hello = moment.record.hello
    assert hello is not None
    summary = moment.record.summary
    if summary is not None and summary.withheld is Withheld.WISHES_UNREACHABLE:
        why = say("value.unheard")
        return _cell(moment, say("name.both"), say("value.unmeasurable"), why, say("value.no_pictures"))
    few = words.below_k(hello.policy.k)
    return _cell(moment, say("name.both"), say("value.withheld"), few, words.returns(hello.policy))


def _index(moment: Moment) -> RenderableType:
    caption, record, summary = say("name.index"), moment.record, moment.record.summary
    engagement = summary.engagement if summary else None
    ground = words.ground(summary, record.hello) if summary else ""
    if engagement is None or record.hello is None:
        return _cell(moment, caption, words.DASH, _waiting(moment), ground)
    name, number = words.level_name(record.hello, engagement.level), words.index(engagement.mean)
    if moment.condition is Condition.LOST:
        return _cell(moment, caption, words.DASH, _last(moment, f"{name} {number}"), "")
    meter = "■" * (engagement.level + 1) + "□" * (len(record.hello.levels) - engagement.level - 1)
    return _cell(moment, caption, name, _trend(moment, "mean"), ground, meter=meter, number=number)


def _attentive(moment: Moment) -> RenderableType:
    caption, summary = say("name.attentive"), moment.record.summary
    if summary is None or summary.engagement is None:
        return _cell(moment, caption, words.DASH, _waiting(moment), say("value.attentive"))
    share = words.percent(summary.attentive, moment.record.hello)
    if moment.condition is Condition.LOST:
        return _cell(moment, caption, words.DASH, _last(moment, share), "")
    return _cell(moment, caption, share, _trend(moment, "attentive"), say("value.attentive"))


def _counts(moment: Moment) -> list[RenderableType]:
    return [_count(moment, moment.record.summary, *about) for about in _COUNTS]


def _count(moment: Moment, summary: ClassSummary | None, column: str, whole: str | None) -> RenderableType:
    label = say(f"name.{column}")
    if summary is None:
        return _cell(moment, label, words.DASH, _waiting(moment))
    number = getattr(summary, column)
    value = words.count(number)
    if moment.condition is Condition.LOST:
        return _cell(moment, label, words.DASH, _last(moment, value))
    of = f" {say('value.of', whole=words.count(getattr(summary, whole)))}" if whole else ""
    if number is None and moment.condition is Condition.FRESH:
        is_unheard = summary.withheld is Withheld.WISHES_UNREACHABLE
        why = say("value.unheard") if is_unheard else _waiting(moment, say("value.withheld"))
        return _cell(moment, label, value + of, why)
    threshold = count_threshold(summary.present)
    found = trend(moment.record.timeline, column, moment.second, scale=1, threshold=threshold)
    return _cell(moment, label, value + of, _trend_text(moment, found, counts=True))


def _cell(
    moment: Moment,
    caption: str,
    word: str,
    line: str | Text,
    ground: str | None = None,
    *,
    meter: str = "",
    number: str = "",
) -> RenderableType:
    said = Text(f"{caption}\n", style=NOTE)
    if meter:
        said.append(f"{meter}  ", style=NOTE if moment.is_old else INDEX)
    said.append(word, style=NOTE if moment.is_old else STRONG)
    said.append(f"  {number}\n" if number else "\n", style=NOTE if moment.is_old else PLAIN)
    said.append_text(line if isinstance(line, Text) else Text(line, style=NOTE))
    return said if ground is None else said.append(f"\n{ground}", style=NOTE)


def _trend(moment: Moment, column: str) -> Text:
    return _trend_text(moment, trend(moment.record.timeline, column, moment.second), counts=False)


def _trend_text(moment: Moment, found: Trend, *, counts: bool) -> Text:
    if moment.condition is Condition.STALE:
        age = words.span(moment.watched.age_s(moment.now))
        ago = say("ago", span=age)
        return Text(say("value.as_of_ago", at=moment.clock(moment.record.summary_at), ago=ago), style=NOTE)
    said = f"{found.arrow} {words.trend(found, counts=counts)}".strip()
    return Text(said, style=STRONG if found.kind == "move" else NOTE)


def _waiting(moment: Moment, later: str | None = None) -> str:
    live_since, hello = moment.record.live_since, moment.record.hello
    if hello is None:
        return ""
    is_new = live_since is None or moment.room_now - live_since < FIRST_S
    return words.first_values(hello.policy) if is_new else later or words.settling(hello.policy)


def _last(moment: Moment, value: str) -> str:
    return say("value.last", value=value, at=moment.clock(moment.record.summary_at))
