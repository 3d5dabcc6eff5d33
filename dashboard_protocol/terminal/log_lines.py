"""The class as lines, for where there is no screen: one line a change. Pure."""

from datetime import tzinfo

from dashboard_protocol.events import Event, Hello, State
from dashboard_protocol.view import text as words
from dashboard_protocol.view.plain_text import plain
from dashboard_protocol.view.record import Record
from dashboard_protocol.view.sentences import say

HELD_S = 30.0
"""A change of level is told once it has held for this long."""


class Told:
    """Folds events and says what is new."""

    def __init__(self, zone: tzinfo | None = None) -> None:
        self.record = Record()
        self._zone = zone
        self._changes = 0
        self._state: State | None = None
        self._level: int | None = None
        self._held: tuple[int, float] | None = None
        self._is_ended = False

    def lines(self, event: Event) -> list[str]:
        """Take an event in and give the lines it makes, each with its time."""
        before = len(self.record.changes)
        self.record.apply(event)
        said: list[tuple[float, str]] = []
        if isinstance(event.body, Hello):
            said.append((event.at, f"{plain(event.body.title)}. {words.policy_sentence(event.body.policy)}"))
        bot = self.record.bot
        if bot is not None and bot.state is not self._state:
            self._state = bot.state
            said.append((bot.since, self._stated(bot.state, bot.reason)))
        # A full log drops its oldest line for each new one, so that it does not grow any more.
        new = len(self.record.changes) - before
        said += [(change.at, str(change)) for change in list(self.record.changes)[-new:] if new > 0]
        said += self._levels(event.at)
        if self.record.bye is not None and not self._is_ended:
            bye = self.record.bye
            at = event.at if self.record.ended_at is None else self.record.ended_at
            facts = words.facts(bye)
            said.append((at, f"{words.ended(bye.reason, at, self._zone)} {facts}"))
        self._is_ended = self.record.bye is not None
        return [f"{words.clock(at, self._zone, exact=True)}  {line}" for at, line in said]

    def _stated(self, state: State, reason: str | None) -> str:
        key = ("not_open" if reason == "not_open" else "lobby") if state is State.WAITING else state.value
        return say(f"state.{key}")

    def _levels(self, at: float) -> list[tuple[float, str]]:
        summary, hello = self.record.summary, self.record.hello
        if summary is None or hello is None or summary.engagement is None:
            return []
        level = summary.engagement.level
        if self._held is None or self._held[0] != level:
            self._held = level, at
        if level == self._level or (self._level is not None and at - self._held[1] < HELD_S):
            return []
        self._level = level
        line = say(
            "terminal.level",
            level=words.level_name(hello, level),
            index=words.index(summary.engagement.mean),
            share=words.percent(summary.attentive, hello),
            ground=words.ground(summary, hello),
        )
        return [(at, line)]
