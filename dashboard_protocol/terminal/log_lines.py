"""The class as lines, for where there is no screen: one line a change. Pure."""

from collections.abc import Iterator
from datetime import tzinfo

from dashboard_protocol.events import Event, Hello, State
from dashboard_protocol.view import text as words
from dashboard_protocol.view.plain_text import plain
from dashboard_protocol.view.record import Record
from dashboard_protocol.view.sentences import say

_Line = tuple[float, str]
"""A time and what was new then."""
HELD_S = 30.0
"""A change of level is logged once it has held for this long."""


class LogLines:
    """Says what is new in a record, and remembers only what it has said."""

    def __init__(self, zone: tzinfo | None = None) -> None:
        self.record = Record()
        self._zone = zone
        self._hello: Hello | None = None
        self._state: State | None = None
        self._level: int | None = None
        self._is_ended = False

    def lines(self, event: Event) -> list[str]:
        """Take an event in and give the lines it makes, each with its time."""
        before = len(self.record.changes)
        self.record.apply(event)
        # A full log drops its oldest line for each new one, so that it does not grow any more.
        new = len(self.record.changes) - before
        changes = [(change.at, str(change)) for change in list(self.record.changes)[-new:] if new > 0]
        said = [*self._policy(event.at), *self._stated(), *changes, *self._levels(event.at), *self._end(event.at)]
        return [f"{words.clock(at, self._zone, exact=True)}  {line}" for at, line in said]

    def _policy(self, at: float) -> Iterator[_Line]:
        hello = self.record.hello
        if hello is not None and hello is not self._hello:
            yield at, f"{plain(hello.title)}. {words.policy_sentence(hello)}"
        self._hello = hello

    def _stated(self) -> Iterator[_Line]:
        bot = self.record.bot
        if bot is not None and bot.state is not self._state:
            self._state = bot.state
            waiting = "not_open" if bot.reason == "not_open" else "lobby"
            yield bot.since, say(f"state.{waiting if bot.state is State.WAITING else bot.state.value}")

    def _levels(self, at: float) -> Iterator[_Line]:
        summary, hello, level = self.record.summary, self.record.hello, self.record.level
        if summary is None or hello is None or summary.engagement is None or level is None or level == self._level:
            return
        if self._level is not None and at - self.record.level_since < HELD_S:
            return
        self._level = level
        yield (
            at,
            say(
                "terminal.level",
                level=words.level_name(hello, level),
                index=words.index(summary.engagement.mean),
                share=words.percent(summary.attentive, hello),
                ground=words.ground(summary, hello),
            ),
        )

    def _end(self, at: float) -> Iterator[_Line]:
        bye = self.record.bye
        if bye is not None and not self._is_ended:
            ended_at = at if self.record.ended_at is None else self.record.ended_at
            yield ended_at, f"{words.ended(bye.reason, ended_at, self._zone)} {words.facts(bye)}"
        self._is_ended = bye is not None
