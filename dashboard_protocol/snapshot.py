"""A pure fold of a room's events into its present state: what a reader who comes late needs."""

from collections import deque
from dataclasses import dataclass, field

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
    Series,
    Snapshot,
    State,
)
from dashboard_protocol.vocabulary import MAX_MARKS

SERIES_S = 600.0
SERIES_ROWS = 600
MAX_PARTICIPANTS = 1000
MAX_ALERTS = 200

_COUNTS = ("present", "camera_on", "visible", "facing", "analysed")
_COLUMNS = tuple(Series.model_fields)
_Row = tuple[float | int | None, ...]


@dataclass
class Fold:
    """The state of one epoch. Bounded: ten minutes of series, 1,000 participants, 200 alerts and marks."""

    bot_state: BotState | None = None
    live_since: float | None = None
    summary: ClassSummary | None = None
    bye: Bye | None = None
    _rows: deque[_Row] = field(default_factory=lambda: deque(maxlen=SERIES_ROWS))
    _participants: dict[str, ParticipantUpdate] = field(default_factory=dict)
    _alerts: deque[AlertAt] = field(default_factory=lambda: deque(maxlen=MAX_ALERTS))

    _marks: deque[MarkAt] = field(default_factory=lambda: deque(maxlen=MAX_MARKS))

    def apply(self, event: Event) -> None:
        """Take one event in; a snapshot replaces everything."""
        match event.body:
            case ClassSummary() as summary:
                self._take_summary(event.at, summary)
            case ParticipantUpdate() as update:
                self._take_participant(update)
            case Forget(participant=participant):
                self._participants.pop(participant, None)
            case Alert() as alert:
                self._alerts.append(AlertAt(at=event.at, alert=alert))
            case Mark() as mark:
                self._marks.append(MarkAt(at=event.at, mark=mark))
            case BotState() as state:
                self._take_state(state)
            case Bye() as bye:
                self.bye = bye
                self._participants.clear()  # nobody is watched any more, so nobody is kept
            case Snapshot() as snapshot:
                self._restore(snapshot)
            case Hello():
                pass

    def snapshot(self) -> Snapshot:
        """Return the present state."""
        columns = zip(*self._rows, strict=True) if self._rows else ((),) * len(_COLUMNS)
        return Snapshot(
            bot_state=self.bot_state,
            live_since=self.live_since,
            summary=self.summary,
            series=Series.model_validate(dict(zip(_COLUMNS, columns, strict=True))),
            participants=tuple(self._participants.values()),
            alerts=tuple(self._alerts),
            bye=self.bye,
            marks=tuple(self._marks),
        )

    def _take_summary(self, at: float, summary: ClassSummary) -> None:
        self.summary = summary
        engagement = summary.engagement
        spread = (engagement.mean, engagement.q1, engagement.q3) if engagement else (None, None, None)
        self._rows.append((at, *spread, summary.attentive, *(getattr(summary, name) for name in _COUNTS)))
        while (oldest := self._rows[0][0]) is not None and oldest <= at - SERIES_S:
            self._rows.popleft()

    def _take_participant(self, update: ParticipantUpdate) -> None:
        if update.participant not in self._participants and len(self._participants) >= MAX_PARTICIPANTS:
            del self._participants[next(iter(self._participants))]
        self._participants[update.participant] = update

    def _take_state(self, state: BotState) -> None:
        self.bot_state = state
        if state.state is State.LIVE and self.live_since is None:
            self.live_since = state.since

    def _restore(self, snapshot: Snapshot) -> None:
        series = snapshot.series
        self.bot_state, self.live_since = snapshot.bot_state, snapshot.live_since
        self.summary, self.bye = snapshot.summary, snapshot.bye
        self._rows = deque(zip(*(getattr(series, name) for name in _COLUMNS), strict=True), maxlen=SERIES_ROWS)
        self._participants = {update.participant: update for update in snapshot.participants}
        self._alerts = deque(snapshot.alerts, maxlen=MAX_ALERTS)
        self._marks = deque(snapshot.marks, maxlen=MAX_MARKS)
