"""The class as a terminal shows it: the page's words, at 80 columns and less. Pure."""

from datetime import tzinfo
from math import isnan, nan
from textwrap import wrap

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from dashboard_protocol.terminal.chart import chart
from dashboard_protocol.terminal.first_row import first_row, side_by_side
from dashboard_protocol.terminal.frame import ALERT, COUNT, GOOD, NOTE, PLAIN, STRONG, Moment
from dashboard_protocol.terminal.state import LIVE_STATES, Condition, Watched
from dashboard_protocol.view import text as words
from dashboard_protocol.view.alerts import alert_now
from dashboard_protocol.view.plain_text import plain
from dashboard_protocol.view.sentences import say
from dashboard_protocol.view.trend import earlier
from dashboard_protocol.vocabulary import DISPLAYED

SLOT_LINES = 3
CHANGES = 2
_RECENT_S = 600.0
_BAR_CELLS = 16
_BESIDE_CELLS = 26
"""What the longest name and a value take beside a bar."""
_PEOPLE = ("present", "camera_on", "visible", "analysed")
_EVERYONE = ("present", "camera_on", "visible", "facing")
_Row = tuple[Text, Text, Text]


def render(watched: Watched, width: int, now: float, zone: tzinfo | None = None) -> RenderableType:
    """Draw the class.

    Args:
        watched: what is known.
        width: columns of the terminal.
        now: monotonic seconds, as `Watched.take` was given them.
        zone: where times are shown; this machine's zone by default.
    """
    moment = Moment(watched, width, now, zone)
    if moment.state == "ended":
        return Group(_bar(moment), Text(), *_ending(moment))
    if moment.state not in LIVE_STATES:
        return Group(_bar(moment), Text(), *_before(moment))
    lower = side_by_side(moment, _lower(moment))
    return Group(_bar(moment), first_row(moment), chart(moment), _slot(moment), lower, _footer(moment))


def _bar(moment: Moment) -> RenderableType:
    hello = moment.record.hello
    is_live = moment.state == "live"
    said = Text(" ● " if is_live else " ○ ", no_wrap=True).append(say(f"state.{moment.state}"), style="bold")
    if is_live and moment.record.live_since is not None:
        said.append(f" {words.span(moment.room_now - moment.record.live_since)}")
    policy = f" {say('policy.title', profile=hello.policy.profile.value)} " if hello else ""
    if hello is not None:
        said.append(f" · {plain(hello.title)}")
    said.truncate(max(1, moment.width - len(policy)), overflow="ellipsis", pad=True)
    said.append(policy)
    said.stylize("reverse")
    return said


def _before(moment: Moment) -> list[RenderableType]:
    record = moment.record
    title, lines = words.column(record.bot, record.hello, moment.room_now, moment.zone)
    policy = words.policy_sentence(record.hello) if record.hello else ""
    return [Text(title, style=STRONG), *(Text(plain(line)) for line in lines), Text(policy, style=NOTE)]


def _ending(moment: Moment) -> list[RenderableType]:
    bye = moment.record.bye
    title = Text(say("end.title"), style=STRONG)
    if bye is None:
        return [title, Text(say("terminal.left"))]
    at = moment.room_now if moment.record.ended_at is None else moment.record.ended_at
    report = [Text(say("terminal.report"))] if bye.report else []
    return [title, Text(words.ended(bye.reason, at, moment.zone)), Text(words.facts(bye)), *report]


def _slot(moment: Moment) -> RenderableType:
    """What needs a look: trouble, an alert, or nothing; always as high, so that nothing below it moves."""
    title, ground, style = _slot_words(moment)
    lines = [Text(title, style=style, no_wrap=True, overflow="ellipsis"), *map(Text, wrap(ground, moment.width))]
    return Group(*lines, *(Text() for _ in range(SLOT_LINES - len(lines))))


def _slot_words(moment: Moment) -> tuple[str, str, str]:
    bot, record = moment.record.bot, moment.record
    if moment.state == "reconnecting" and bot is not None:
        return f"▲ {say('trouble.reconnecting')}", words.rejoining(bot.attempts), ALERT
    if moment.state == "silent":
        title = f"▲ {say('trouble.silent', span=words.span(moment.watched.age_s(moment.now)))}"
        return title, say("terminal.values_from", at=moment.clock(record.summary_at)), ALERT
    found = moment.watched.open_alert(moment.now)
    if found is None:
        return "" if record.is_presence else _calm(moment), "", NOTE
    ago = say("ago", span=words.span(moment.room_now - found.at))
    measured = record.summary.engagement if record.summary else None
    now = alert_now(found.alert, measured.mean if measured else None, moment.zone)
    whole = f"{now.ground} {now.tip}".rstrip()
    ground = whole if len(wrap(whole, moment.width)) < SLOT_LINES else now.ground
    # What rose, or is back, is no alarm.
    return f"{'↗' if now.is_good else '▲'} {now.title} · {ago}", ground, GOOD if now.is_good else ALERT


def _calm(moment: Moment) -> str:
    record, live_since = moment.record, moment.record.live_since
    parameters = record.hello.alerts if record.hello else None
    if parameters is not None:
        if live_since is not None and moment.room_now < live_since + parameters.warm_up_s:
            return say("alert.early", at=words.clock(live_since + parameters.warm_up_s, moment.zone))
        analysed = record.summary.analysed if record.summary else None
        if moment.condition is not Condition.WITHHELD and (analysed or 0) < parameters.min_people:
            return say("alert.few", people=words.people(parameters.min_people))
    if record.alerts and moment.room_now - record.alerts[-1].at < _RECENT_S:
        return say("terminal.none_open", at=words.clock(record.alerts[-1].at, moment.zone))
    return say("terminal.none_lately")


def _lower(moment: Moment) -> list[RenderableType]:
    right = Group(_people(moment), _changes(moment))
    return [right] if moment.record.is_presence else [_expressions(moment), right]


def _expressions(moment: Moment) -> RenderableType:
    summary = None if moment.condition is Condition.LOST else moment.record.summary
    shown, people = (summary.expressions, summary.analysed) if summary else (None, None)
    rows, hello = [], moment.record.hello
    for name in DISPLAYED:
        before = earlier(moment.record.timeline, name, moment.second) if shown else nan
        share = shown.get(name) if shown else None
        rows.append(
            _row(moment, words.expression(name), share or 0.0, words.percent(share, hello, people), mark=before)
        )
    return _titled(say("name.expressions"), say("terminal.tick"), rows)


def _people(moment: Moment) -> RenderableType:
    summary = None if moment.condition is Condition.LOST else moment.record.summary
    whole = max(1, summary.present) if summary else 1
    rows = []
    for column in _EVERYONE if moment.record.is_presence else _PEOPLE:
        number = getattr(summary, column) if summary else None
        rows.append(_row(moment, say(f"name.{column}"), (number or 0) / whole, words.count(number)))
    return _titled(say("name.people"), "", rows)


def _titled(title: str, note: str, rows: list[_Row]) -> RenderableType:
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True, overflow="ellipsis")
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, justify="right", min_width=5)
    for row in rows:
        grid.add_row(*row)
    return Group(Text(title, style=STRONG).append(f"  {note}" if note else "", style=NOTE), grid)


def _row(
    moment: Moment, label: str, share: float, value: str, *, mark: float = float("nan")
) -> tuple[Text, Text, Text]:
    style = NOTE if moment.is_old else COUNT
    cells = max(0, min(_BAR_CELLS, moment.width - _BESIDE_CELLS))
    filled = round(share * cells)
    bar = Text("█" * filled, style=style).append("·" * (cells - filled), style=NOTE)
    if cells and not isnan(mark) and (mark > 0 or share > 0):
        place = min(cells - 1, round(mark * cells))
        bar = bar[:place] + Text("│", style=STRONG) + bar[place + 1 :]
    return Text(label, style=NOTE), bar, Text(value, style=NOTE if moment.is_old else PLAIN)


def _changes(moment: Moment) -> RenderableType:
    newest = sorted(moment.record.changes, key=lambda change: change.at)[: -CHANGES - 1 : -1]
    lines = [
        Text(f"{words.clock(change.at, moment.zone)} ", style=NOTE).append(str(change), PLAIN) for change in newest
    ]
    for line in lines:
        line.no_wrap, line.overflow = True, "ellipsis"
    return Group(Text(say("name.changes"), style=STRONG), *(lines or [Text(say("terminal.no_changes"), style=NOTE)]))


def _footer(moment: Moment) -> RenderableType:
    hello = moment.record.hello
    said = f"{words.limits(hello.policy.profile)} {words.left_out(hello)}" if hello else ""
    return Text(said.rstrip(), style=NOTE)
