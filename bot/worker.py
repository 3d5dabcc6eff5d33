"""Runs bots on this machine: claims invitations, one process a meeting, and tells the queue where each stands."""

import asyncio
import logging
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bot.errors import SettingsRefused
from bot.meeting import LEAVE_S, Meeting
from bot.meeting_process import Job
from bot.settings import Settings
from bot.worker_status import WorkerFigures
from dashboard_protocol.errors import BusError
from dashboard_protocol.queue.base import CLAIM_S, Order, Queue
from dashboard_protocol.queue.records import BotRecord, Moment
from dashboard_protocol.vocabulary import EndReason, State

BEAT_S = 1.0
POLL_S = 0.2
MAX_RESTARTS = 8
LONGEST_PAUSE_S = 8.0
RESTARTS_S = 120.0
"""More restarts of one bot in this time, and it has failed."""

log = logging.getLogger(__name__)


@dataclass
class _Stay:
    """One claimed invitation."""

    record: BotRecord
    meeting: Meeting | None = None
    is_leaving: bool = False
    is_handed_over: bool = False
    is_lost: bool = False
    task: asyncio.Task[None] | None = None
    restarts: deque[float] = field(default_factory=deque)

    @property
    def id(self) -> str:
        return self.record.invitation.id

    def note(self, moment: Moment, join: str | None = None) -> None:
        states = (*self.record.states, moment)
        self.record = self.record.model_copy(update={"now": moment, "states": states, "join": join or self.record.join})

    def restart_after_s(self, now: float) -> float | None:
        """Return how long to wait; None where the bot broke too often."""
        self.restarts.append(now)
        while self.restarts[0] < now - RESTARTS_S:
            self.restarts.popleft()
        tries = len(self.restarts)
        return None if tries > MAX_RESTARTS else min(LONGEST_PAUSE_S, float(2 ** (tries - 1) // 2))


class Worker:
    """Serves as many meetings at once as it has capacity for.

    Args:
        queue: where invitations come from.
        name: unlike any other worker's.
        capacity: most meetings at once.
        bus: the bots' bus.
        options: further settings of every bot.
        memory_mb: what one meeting's process may allocate.
        figures: where worker and bots count; None for nowhere that anybody looks.
    """

    def __init__(
        self,
        queue: Queue,
        *,
        name: str,
        capacity: int,
        bus: str,
        options: dict[str, Any] | None = None,
        memory_mb: int = 2000,
        figures: WorkerFigures | None = None,
    ) -> None:
        self._queue = queue
        self._name = name
        self._capacity = capacity
        self._options = {"bus": bus, "port": 0, **(options or {})}
        self._memory_mb = memory_mb
        self._figures = figures or WorkerFigures()
        self._figures.capacity.set(capacity)
        self._figures.meetings.set_function(lambda: len(self._stays))
        self._stays: dict[str, _Stay] = {}
        self._spare: Meeting | None = None
        self._warming = asyncio.Lock()
        self._changed = asyncio.Event()

    async def run(self, stop: asyncio.Event, drain_s: float) -> None:
        """Work until `stop` is set, then claim nothing more, and return when the last meeting has ended.

        Args:
            stop: set it to drain.
            drain_s: meetings that go on for longer are handed over to other workers.
        """
        async with asyncio.TaskGroup() as tasks:
            beating = tasks.create_task(self._beat(), name="heartbeat")
            await self._keep_one_warm()
            try:
                await self._claim(stop, tasks)
                await self._drain(drain_s)
            finally:
                for stay in self._stays.values():
                    if stay.meeting is not None:
                        stay.meeting.kill()
                    if stay.task is not None:
                        stay.task.cancel()
                if self._spare is not None:
                    self._spare.kill()
                    await self._spare.end()
                beating.cancel()

    async def _claim(self, stop: asyncio.Event, tasks: asyncio.TaskGroup) -> None:
        while not stop.is_set():
            record, pause_s = None, POLL_S
            try:
                if len(self._stays) < self._capacity:
                    record = await self._queue.claim(self._name)
            except BusError as error:
                log.warning("%s The bots go on.", error)
                # When the queue is back, others must be heard before their meetings are taken for dead.
                pause_s = CLAIM_S
            if record is not None:
                self._figures.claims.inc()
                stay = self._stays[record.invitation.id] = _Stay(record)
                stay.task = tasks.create_task(self._attend(stay), name=f"meeting {stay.id}")
            try:  # also after a claim: of several invitations at once other workers, with warm processes, take theirs
                async with asyncio.timeout(pause_s):
                    await stop.wait()
            except TimeoutError:
                pass

    async def _drain(self, drain_s: float) -> None:
        if await self._is_empty(drain_s):
            return
        for stay in tuple(self._stays.values()):
            stay.is_handed_over = True
            if stay.meeting is not None:
                stay.meeting.ask_to_leave()
        if not await self._is_empty(2 * LEAVE_S):
            log.error("%d meetings could not be handed over; others take them in a moment.", len(self._stays))

    async def _is_empty(self, within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s):
                while self._stays:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def _attend(self, stay: _Stay) -> None:
        try:
            while not await self._serve(stay):
                pause_s = stay.restart_after_s(time.monotonic())
                if pause_s is None:
                    await self._report(stay, _moment(State.ENDED, EndReason.FAILED))
                    return
                self._figures.restarts.inc()
                await self._report(stay, _moment(State.RECONNECTING, "bot_lost"))
                await asyncio.sleep(pause_s)
            await self._close(stay)
        except SettingsRefused as error:
            log.error("bot %s: %s", stay.id, error)
            await self._report(stay, _moment(State.ENDED, EndReason.FAILED))
        finally:
            del self._stays[stay.id]
            self._figures.forget(stay.id)
            self._changed.set()

    async def _serve(self, stay: _Stay) -> bool:
        """Run the bot once; return whether that was all."""
        job = Job(settings=self._settings(stay.record), memory_mb=self._memory_mb)
        meeting = stay.meeting = await self._warm_meeting()
        join = None
        try:
            async for told in meeting.serve(job):
                join = told.join or join
                if told.figures is not None:
                    self._figures.tell(stay.id, told.figures)
                if told.state is None or told.state.state is State.REQUESTED or stay.is_handed_over:
                    continue
                moment = Moment(state=told.state.state, since=told.state.since, reason=told.state.reason)
                await self._report(stay, moment, join)
                if moment.state is not State.JOINING:  # its start is over: two at once would share the processor
                    await self._keep_one_warm()
        finally:
            await meeting.end()
        is_wanted = not (stay.is_lost or stay.is_handed_over or stay.is_leaving)
        return not is_wanted or stay.record.now.state is State.ENDED

    async def _warm_meeting(self) -> Meeting:
        spare, self._spare = self._spare, None
        return spare if spare is not None and spare.is_running else await Meeting.start()

    async def _keep_one_warm(self) -> None:
        async with self._warming:
            if self._spare is None or not self._spare.is_running:
                try:
                    self._spare = await Meeting.start()
                except OSError as error:  # out of processes or memory, and meetings that run must go on
                    log.warning("no process is kept warm for the next meeting: %s", error)

    def _settings(self, record: BotRecord) -> Settings:
        wanted = record.invitation
        chosen = {
            "meeting": wanted.id,
            "room_key": wanted.room,
            "title": wanted.title,
            "bot_name": wanted.bot_name,
            "max_duration_s": wanted.max_duration_s,
            "live_since": next((moment.since for moment in record.states if moment.state is State.LIVE), None),
        }
        given = {name: value for name, value in chosen.items() if value is not None}
        return Settings(room_url=wanted.room_url, policy=wanted.policy, **(self._options | given))

    async def _report(self, stay: _Stay, moment: Moment, join: str | None = None) -> None:
        stay.note(moment, join)
        while True:
            try:
                await self._queue.report(self._name, stay.id, moment, join)
            except BusError as error:
                log.warning("%s The state of bot %s waits.", error, stay.id)
                await asyncio.sleep(BEAT_S)
            else:
                return

    async def _close(self, stay: _Stay) -> None:
        """Tell the end of a bot that did not tell it itself."""
        if stay.is_lost or stay.record.now.state is State.ENDED:
            return
        if stay.is_handed_over and not stay.is_leaving:
            await self._report(stay, _moment(State.RECONNECTING, "handed_over"))
            with suppress(BusError):  # silent as we are from now on, others take it a little later
                await self._queue.release(self._name, stay.id)
        else:
            await self._report(stay, _moment(State.ENDED, EndReason.ASKED_TO_LEAVE))

    async def _beat(self) -> None:
        while True:
            try:
                for bot, order in (await self._queue.beat(self._name, list(self._stays))).items():
                    await self._obey(bot, order)
                self._figures.away.set(0)
            except BusError as error:
                self._figures.away.set(1)
                log.warning("%s Trying again.", error)
            await asyncio.sleep(BEAT_S)

    async def _obey(self, bot: str, order: Order) -> None:
        stay = self._stays.get(bot)
        if stay is None:
            return
        if order is Order.UNKNOWN:
            await self._queue.restore(self._name, stay.record)
        elif order is Order.LOST:
            stay.is_lost = True
            if stay.meeting is not None:
                stay.meeting.kill()
        elif order is Order.LEAVE and not stay.is_leaving and stay.meeting is not None:
            stay.is_leaving = True
            stay.meeting.ask_to_leave()


def _moment(state: State, reason: str) -> Moment:
    return Moment(state=state, since=round(time.time(), 3), reason=reason)
