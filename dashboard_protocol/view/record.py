"""A pure fold of a class's events into what may be said of it later. Holds no person's data, and is bounded.

The page's `store.js` finds the same changes of the same feed.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from dashboard_protocol.events import (
    Alert,
    AlertAt,
    BotState,
    Bye,
    ClassSummary,
    Event,
    Forget,
    Hello,
    Mark,
    MarkAt,
    ParticipantUpdate,
    Profile,
    Snapshot,
    State,
    Withheld,
)
from dashboard_protocol.view import text as words
from dashboard_protocol.view.sentences import say
from dashboard_protocol.view.timeline import Gap, Timeline, row_of
from dashboard_protocol.vocabulary import MAX_MARKS

MAX_CHANGES = 1000


MAX_ALERTS = 200


SETTLED_S = 10.0
"""A head count, or too few people, is reported once it has stood for this long."""


SILENT_S = 5.0
"""And a hole from this length on."""


_SERIES = ("mean", "q1", "q3", "attentive", "present", "camera_on", "visible", "facing", "analysed")


@dataclass(frozen=True, slots=True)
class Change:
    """One line of what happened."""

    at: float
    kind: Literal["alert", "feed", "rejoined", "policy", "withheld", "opted_out", "present", "camera_on", "mark"]
    by: int = 0
    """More or fewer heads; 1 when values began to be withheld, -1 when they were back."""
    s: float = 0.0
    profile: Profile | None = None
    alert: Alert | None = None
    mark: Mark | None = None

    def __str__(self) -> str:
        """Say it, in the words of the page."""
        if self.alert is not None:
            return words.alert_title(self.alert)
        if self.mark is not None:
            return words.mark(self.mark)
        number, is_more = abs(self.by), self.by > 0
        match self.kind:
            case "feed":
                return say("change.feed", span=words.span(self.s))
            case "rejoined":
                return say("change.rejoined", span=words.span(self.s))
            case "policy":
                return say("change.policy", profile=str(self.profile))
            case "withheld":
                return say("change.withheld" if is_more else "change.returned")
            case "opted_out":
                return say("change.opted_out", people=words.people(number))
            case "present":
                return say("change.joined" if is_more else "change.left", people=words.people(number))
        return say("change.cameras_on" if is_more else "change.cameras_off", cameras=words.cameras(number))


_Watched = Literal["withheld", "opted_out", "present", "camera_on"]


@dataclass
class _Noted:
    reported: int
    value: int
    since: float


@dataclass
class Record:
    """What is known of one class, over the bots that served it."""

    room: str = ""
    at: float | None = None
    """The room's clock at the newest event."""
    hello: Hello | None = None
    bot: BotState | None = None
    live_since: float | None = None
    summary: ClassSummary | None = None
    summary_at: float | None = None
    level: int | None = None
    """Of the class, as last measured."""
    level_since: float = 0.0
    bye: Bye | None = None
    ended_at: float | None = None
    timeline: Timeline = field(default_factory=Timeline)
    alerts: deque[AlertAt] = field(default_factory=lambda: deque(maxlen=MAX_ALERTS))
    """Oldest first."""
    marks: deque[MarkAt] = field(default_factory=lambda: deque(maxlen=MAX_MARKS))
    """Oldest first."""
    changes: deque[Change] = field(default_factory=lambda: deque(maxlen=MAX_CHANGES))
    """Oldest first, as they became known."""
    states: deque[BotState] = field(default_factory=lambda: deque(maxlen=MAX_CHANGES))
    _noted: dict[_Watched, _Noted] = field(default_factory=dict)
    _was_away: bool = False

    @property
    def is_presence(self) -> bool:
        """Whether only counts may be published."""
        return self.hello is not None and self.hello.policy.profile is Profile.PRESENCE

    def apply(self, event: Event) -> None:
        """Take one published event in. People's own events are left out, so there is nothing of theirs to forget."""
        self.room, self.at = event.room, event.at
        match event.body:
            case Hello() as hello:
                self._take_hello(event.at, hello)
            case Snapshot() as snapshot:
                self._take_snapshot(event.at, snapshot)
            case BotState() as state:
                self._take_state(state)
            case ClassSummary() as summary:
                self._take_summary(event.at, summary)
            case Alert() as alert:
                self._take_alert(event.at, alert)
            case Mark() as mark:
                self._take_mark(event.at, mark)
            case Bye() as bye:
                self.bye, self.ended_at = bye, event.at
            case ParticipantUpdate() | Forget():
                pass

    def snapshot(self) -> Snapshot:
        """Return all of the class in the form in which a late reader gets its last ten minutes."""
        return Snapshot(
            bot_state=self.bot,
            live_since=self.live_since,
            summary=None,
            series=self.timeline.series(),
            participants=(),
            alerts=tuple(self.alerts),
            bye=self.bye,
            marks=tuple(self.marks),
        )

    def _take_hello(self, at: float, hello: Hello) -> None:
        if self.hello is not None and self.hello.policy.profile is not hello.policy.profile:
            self.changes.append(Change(at, "policy", profile=hello.policy.profile))
        self.hello = hello

    def _take_snapshot(self, at: float, snapshot: Snapshot) -> None:
        self.live_since = snapshot.live_since if self.live_since is None else self.live_since
        if snapshot.bot_state is not None:
            self._take_state(snapshot.bot_state)
        series = snapshot.series
        for number, row_at in enumerate(series.at[:-1] if snapshot.summary else series.at):
            row = {name: getattr(series, name)[number] for name in _SERIES}
            self._write(row_at, row, is_reported=number > 0)
        if snapshot.summary is not None:
            self._take_summary(series.at[-1] if series.at else at, snapshot.summary, is_reported=len(series.at) > 1)
        for known in snapshot.alerts:
            self._take_alert(known.at, known.alert)
        for set_ in snapshot.marks:
            self._take_mark(set_.at, set_.mark)
        self.bye = snapshot.bye
        if snapshot.bye is not None:
            self.ended_at = snapshot.bot_state.since if snapshot.bot_state else at

    def _take_state(self, state: BotState) -> None:
        before = self.bot
        if before is not None and before.state is State.RECONNECTING and state.state is State.LIVE:
            self.changes.append(Change(before.since, "rejoined", s=state.since - before.since))
        if state.state in (State.REQUESTED, State.JOINING):
            self.bye = self.ended_at = None
        self._was_away = self._was_away or state.state is not State.LIVE
        if before is None or before.state is not state.state or before.since != state.since:
            self.states.append(state)
        self.bot = state
        if state.state is State.LIVE and self.live_since is None:
            self.live_since = state.since

    def _take_summary(self, at: float, summary: ClassSummary, *, is_reported: bool = False) -> None:
        if self.timeline.at and at <= self.timeline.at[-1]:
            return
        self.summary, self.summary_at = summary, at
        if summary.engagement is not None and summary.engagement.level != self.level:
            self.level, self.level_since = summary.engagement.level, at
        if summary.withheld not in (Withheld.SETTLING, Withheld.WISHES_UNREACHABLE):
            self._watch("withheld", at, int(summary.withheld is Withheld.BELOW_K), reported=0)
        self._watch("opted_out", at, summary.opted_out or 0, reported=0)
        self._write(at, row_of(summary), is_reported=is_reported, withheld=summary.withheld, as_of=summary.as_of)

    def _write(
        self,
        at: float,
        row: dict[str, float | None],
        *,
        is_reported: bool,
        withheld: Withheld | None = None,
        as_of: float | None = None,
    ) -> None:
        """Write a row; a hole before it is the bot's where the bot says so: by its state, or in its own account."""
        last = self.timeline.at[-1] if self.timeline.at else at
        hole = Gap.BOT if self._was_away or is_reported else Gap.FEED
        cause = Gap.NONE
        if row.get("mean") is None and not self.is_presence:
            cause = Gap.SETTLING if withheld is Withheld.SETTLING else Gap.WITHHELD
        if not self.timeline.add(at, row, cause=cause, hole=hole, withheld=withheld, as_of=as_of):
            return
        if not self._was_away and at - last >= SILENT_S:
            self.changes.append(Change(last, "rejoined" if is_reported else "feed", s=at - last))
        self._was_away = self.bot is not None and self.bot.state is not State.LIVE
        self._watch("present", at, int(row["present"] or 0))
        if self.is_presence:
            self._watch("camera_on", at, int(row["camera_on"] or 0))

    def _watch(self, name: _Watched, at: float, value: int, reported: int | None = None) -> None:
        """Report what has stood for a while, joins and leaves as their sum, never one by one."""
        noted = self._noted.setdefault(name, _Noted(value if reported is None else reported, value, at))
        if value != noted.value:
            noted.value, noted.since = value, at
        if noted.value != noted.reported and at - noted.since >= SETTLED_S:
            # That the minute is over in which people opted out is no news.
            if name != "opted_out" or noted.value > noted.reported:
                self.changes.append(Change(noted.since, name, by=noted.value - noted.reported))
            noted.reported = noted.value

    def _take_mark(self, at: float, mark: Mark) -> None:
        if all(known.mark.id != mark.id for known in self.marks):
            self.marks.append(MarkAt(at=at, mark=mark))
            self.changes.append(Change(at, "mark", mark=mark))

    def _take_alert(self, at: float, alert: Alert) -> None:
        if any(known.alert.id == alert.id and known.at == at for known in self.alerts):
            return
        self.alerts.append(AlertAt(at=at, alert=alert))
        self.changes.append(Change(at, "alert", alert=alert))


SAME_CLASS_S = 120.0
"""A bot that comes so soon after another said goodbye goes on with its class: it took over, or was invited again."""


LOST_S = 1800.0
"""One that was lost says no goodbye, and may be missed for longer."""


class NewestClass:
    """Folds a room's kept events into the record of the class that came last, over the bots that served it."""

    def __init__(self) -> None:
        self.record = Record()

    def apply(self, event: Event) -> None:
        """Take one event in, in the order in which the bus keeps them."""
        if isinstance(event.body, Hello) and self.record.at is not None:
            apart_s = event.at - self.record.at
            if apart_s > (SAME_CLASS_S if self.record.bye else LOST_S):
                self.record = Record()
        self.record.apply(event)
