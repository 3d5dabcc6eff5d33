"""The class as a terminal shows it: the page's words, at 80 columns and less. Pure."""

from datetime import tzinfo
from math import isnan

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.watching.chart import MOST_CELLS, ROWS, axis, cells, chart_rows
from bot.watching.watched import FIRST_S, LIVE_STATES, Condition, Watched
from dashboard_protocol import words
from dashboard_protocol.events import Bye, ClassSummary
from dashboard_protocol.timeline import EXPRESSIONS, Gap
from dashboard_protocol.trend import Trend, count_threshold, earlier, trend

WIDE = 72
"""From this width on there are two columns."""
INDEX, ATTENTIVE, COUNT, ALERT, NOTE = "#2a8fd0", "#1f9e7a", "#7b8796", "#d0762b", "bright_black"
_SLOT_LINES = 3
_CHANGES = 2
_COUNTS = (
    ("Present", "present", None),
    ("Camera on", "camera_on", "present"),
    ("Face in view", "visible", "camera_on"),
    ("Facing the camera", "facing", "visible"),
)
_PEOPLE = (*_COUNTS[:3], ("Analysed", "analysed", None))


def render(watched: Watched, width: int, now: float, zone: tzinfo | None = None) -> RenderableType:
    """Draw the class.

    Args:
        watched: what is known.
        width: columns of the terminal.
        now: monotonic seconds, as `Watched.take` was told them.
        zone: where times are told; this machine's zone by default.
    """
    return Screen(watched, width, now, zone).drawn()


def printable(text: str) -> str:
    """Take out what a terminal would obey instead of show."""
    return "".join(letter for letter in text if letter.isprintable())


class Screen:
    """One drawing."""

    def __init__(self, watched: Watched, width: int, now: float, zone: tzinfo | None) -> None:
        self._watched = watched
        self._record = watched.record
        self._width = width
        self._now = now
        self._zone = zone
        self._state = watched.state(now)
        self._condition = watched.condition(now)
        self._old = Condition.STALE, Condition.LOST
        self._second = int(self._record.summary_at or watched.room_now(now))

    def drawn(self) -> RenderableType:
        """Draw everything."""
        if self._state == "ended":
            return Group(self._bar(), Text(), *self._ending())
        if self._state not in LIVE_STATES:
            title, lines = words.column(
                self._record.bot, self._record.hello, self._watched.room_now(self._now), self._zone
            )
            policy = self._record.hello and words.policy_sentence(self._record.hello.policy)
            said = [Text(printable(line)) for line in (*lines, policy or "")]
            return Group(self._bar(), Text(), Text(title, style="bold"), *said)
        first = self._count_cells() if self._record.is_presence else self._first_row()
        return Group(self._bar(), Text(), first, Text(), *self._chart(), self._slot(), self._lower(), self._footer())

    def _bar(self) -> RenderableType:
        hello = self._record.hello
        is_live = self._state == "live"
        left = Text(no_wrap=True, overflow="ellipsis")
        left.append("● " if is_live else "○ ", style=ATTENTIVE if is_live else NOTE)
        left.append(words.BAR[self._state], style="bold")
        if self._state in LIVE_STATES and self._record.live_since is not None:
            lasted_s = self._watched.room_now(self._now) - self._record.live_since
            left.append(f" {words.span(lasted_s)}", style=NOTE)
        if hello is not None:
            left.append(f" · {printable(hello.title)}")
        policy = Text(f"Policy: {hello.policy.profile.value}" if hello else "", justify="right", no_wrap=True)
        bar = Table.grid(expand=True, padding=(0, 1, 0, 0))
        bar.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        bar.add_column(justify="right", no_wrap=True)
        bar.add_row(left, policy)
        return bar

    def _ending(self) -> list[Text]:
        record = self._record
        at = record.ended_at or (record.bot.since if record.bot else self._watched.room_now(self._now))
        lines = [Text("The class has ended", style="bold")]
        if isinstance(record.bye, Bye):
            bye = record.bye
            lines.append(Text(words.ended(bye.reason, at, self._zone)))
            facts = f"Live {words.span(bye.live_s)} · Present at most {bye.present_max} · Alerts {bye.alerts}"
            lines.append(Text(facts))
            if bye.report:
                lines.append(Text(f"Report: {printable(bye.report)}"))
        return lines

    def _first_row(self) -> RenderableType:
        return self._columns(self._index(), self._attentive(), (3, 2))

    def _index(self) -> Text:
        record, summary = self._record, self._record.summary
        engagement = summary.engagement if summary else None
        if self._condition is Condition.WITHHELD and record.hello and summary:
            policy = record.hello.policy
            return self._value(
                "Engagement index", words.WITHHELD, words.below_k(summary.analysed, policy.k), words.returns(policy)
            )
        ground = words.ground(summary) if summary else ""
        if engagement is None or record.hello is None or self._condition is Condition.SETTLING:
            return self._value("Engagement index", words.DASH, self._waiting(), ground)
        name, number = words.level_name(record.hello, engagement.level), words.index(engagement.mean)
        if self._condition is Condition.LOST:
            return self._value("Engagement index", words.DASH, self._last_value(f"{name} {number}"), "")
        meter = "■" * (engagement.level + 1) + "□" * (len(record.hello.levels) - engagement.level - 1)
        return self._value("Engagement index", name, self._trend("mean"), ground, meter=meter, number=number)

    def _attentive(self) -> Text:
        summary = self._record.summary
        if self._condition is Condition.WITHHELD:
            return self._value("Attentive", words.WITHHELD, "", "")
        if summary is None or summary.engagement is None or self._condition is Condition.SETTLING:
            return self._value("Attentive", words.DASH, self._waiting(), words.ATTENTIVE)
        share = words.percent(summary.attentive)
        if self._condition is Condition.LOST:
            return self._value("Attentive", words.DASH, self._last_value(share), "")
        return self._value("Attentive", share, self._trend("attentive"), words.ATTENTIVE)

    def _value(
        self, caption: str, word: str, line: str | Text, ground: str, *, meter: str = "", number: str = ""
    ) -> Text:
        old = self._condition in self._old
        said = Text(f"{caption}\n", style=NOTE)
        if meter:
            said.append(f"{meter}  ", style=NOTE if old else INDEX)
        said.append(word, style=NOTE if old else "bold default")
        said.append(f"  {number}\n" if number else "\n", style=NOTE if old else "default")
        said.append_text(line if isinstance(line, Text) else Text(line, style=NOTE))
        return said.append(f"\n{ground}", style=NOTE)

    def _trend(self, column: str) -> Text:
        return self._told(trend(self._record.timeline, column, self._second), counts=False)

    def _told(self, found: Trend, *, counts: bool) -> Text:
        if self._condition is Condition.STALE:
            age = words.span(self._watched.age_s(self._now))
            return Text(f"as of {self._clock(self._record.summary_at)}, {age} ago", style=NOTE)
        said = f"{found.arrow} {words.trend(found, counts=counts)}".strip()
        return Text(said, style="bold default" if found.kind == "move" else NOTE)

    def _waiting(self) -> str:
        live_since = self._record.live_since
        is_new = live_since is None or self._watched.room_now(self._now) - live_since < FIRST_S
        return words.FIRST_VALUES if is_new else words.SETTLING

    def _last_value(self, value: str) -> str:
        return f"last {value} at {self._clock(self._record.summary_at)}"

    def _clock(self, at: float | None) -> str:
        return words.DASH if at is None else words.clock(at, self._zone, exact=True)

    def _count_cells(self) -> RenderableType:
        summary = self._record.summary
        threshold = count_threshold(summary.present) if summary else 1
        cells_ = []
        for label, column, whole in _COUNTS:
            if summary is None or self._condition is Condition.LOST:
                cells_.append(self._value(label, words.DASH, "" if summary else words.FIRST_VALUES, ""))
                continue
            found = trend(self._record.timeline, column, self._second, scale=1, threshold=threshold)
            of = f" of {getattr(summary, whole)}" if whole else ""
            value = f"{words.count(getattr(summary, column))}{of}"
            cells_.append(self._value(label, value, self._told(found, counts=True), ""))
        if self._width < WIDE:
            return Group(*cells_)
        grid = Table.grid(expand=True, padding=(0, 1, 0, 0))
        for _ in cells_:
            grid.add_column(ratio=1)
        grid.add_row(*cells_)
        return grid

    def _chart(self) -> list[Text]:
        beside = self._level_rows() if self._width >= WIDE and not self._record.is_presence else None
        number = max(10, min(MOST_CELLS, self._width - 4 - (16 if beside else 0)))
        column, most, style = ("mean", 1.0, INDEX)
        if self._record.is_presence:
            column, style = "facing", COUNT
            most = max([1.0, *self._record.timeline.known("present", self._second - 599, self._second + 1)])
        tail = {"silent": Gap.FEED, "reconnecting": Gap.BOT}.get(self._state, Gap.NONE)
        second = self._second if tail is Gap.NONE else int(self._watched.room_now(self._now))
        drawn = chart_rows(cells(self._record.timeline, column, second, number, tail), most, style)
        labels = ["100" if most == 1.0 and column == "mean" else f"{most:.0f}", "", "", "0"]
        rows = []
        for row, line in enumerate(drawn):
            said = Text(f"{labels[row]:>3} ", style=NOTE, no_wrap=True).append_text(line)
            rows.append(said.append_text(beside[row]) if beside else said)
        return [*rows, Text("    ").append_text(axis(self._record, second, number, self._zone))]

    def _level_rows(self) -> list[Text]:
        """The four levels, highest first, each with its share of people."""
        summary, hello = self._record.summary, self._record.hello
        engagement = summary.engagement if summary and self._condition is not Condition.LOST else None
        shares = engagement.levels if engagement else None
        rows = []
        for level in range(ROWS - 1, -1, -1):
            name = words.level_name(hello, level) if hello else ""
            is_now = engagement is not None and engagement.level == level and self._condition is Condition.FRESH
            share = words.percent(shares[level] if shares else None)
            rows.append(Text(f"  {name:<9}{share:>5}", style="bold default" if is_now else NOTE))
        return rows

    def _slot(self) -> Text:
        """What needs a look: trouble, an alert, or nothing; always as high, so that nothing below it moves."""
        title, ground, style = self._slot_words()
        said = Text(title, style=style, overflow="ellipsis").append(f"\n{ground}" if ground else "", style="default")
        lines = said.wrap(_CONSOLE_FREE, self._width) if False else None
        del lines
        return said

    def _slot_words(self) -> tuple[str, str, str]:
        bot = self._record.bot
        if self._state == "reconnecting" and bot is not None:
            return "The bot is rejoining the meeting", words.rejoining(bot.attempts), f"bold {ALERT}"
        if self._state == "silent":
            title = f"No new values for {words.span(self._watched.age_s(self._now))}"
            since = self._record.summary_at
            return title, f"Values here are from {self._clock(since)}." if since else "", f"bold {ALERT}"
        found = self._watched.open_alert(self._now)
        if found is None:
            return "" if self._record.is_presence else f"Alerts: {self._calm()}", "", NOTE
        ago = words.span(self._watched.room_now(self._now) - found.at)
        title = f"▲ {words.alert_title(found.alert)} · {ago} ago"
        return title, words.alert_ground(found.alert, self._zone), f"bold {ALERT}"
