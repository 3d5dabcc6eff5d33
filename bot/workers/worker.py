"""Runs bots on this machine: claims invitations, one process a meeting, and reports to the queue where each stands."""

import asyncio
import logging
from collections.abc import Coroutine

from bot.errors import SettingsRefused
from bot.rooms.base import sleepless_s
from bot.settings.meeting import MeetingOptions
from bot.workers.assignment import LAST_WORDS, SPEAKS, Happening, Phase
from bot.workers.child import Job, Ousted, StatusLine
from bot.workers.claimed import Claimed
from bot.workers.forking import ForkServer
from bot.workers.process import LEAVE_S
from bot.workers.status import WorkerFigures
from dashboard_protocol.bus import open_bus
from dashboard_protocol.errors import BusError, RoomTaken
from dashboard_protocol.queue.base import CLAIM_S, HeartbeatReply, Queue
from dashboard_protocol.queue.records import Moment
from dashboard_protocol.vocabulary import State

BEAT_S = 1.0
POLL_S = 0.2
WAIT_S = 1.0
"""Without news of an invitation: those of dead workers, and those that fall due, come by time."""
NO_PROCESS_S = 5.0
"""A machine that had no process for a meeting claims none for so long: others may have one."""
FENCE_S = 3.0
"""A bot that a suspended worker left in its room learns within this time that the room is another's, and leaves."""
OUSTED = {
    Ousted.OUTRUN: Happening.OUTRUN, Ousted.TAKEN: Happening.ROOM_TAKEN, Ousted.REFUSED: Happening.BUS_REFUSED,
}  # fmt: skip

log = logging.getLogger(__name__)


class Worker:
    """Serves as many meetings at once as it has capacity for.

    What happens to a meeting is taken by its `Assignment`, wherever it comes from; `_carry_out` then does to the
    meeting's process what the phase wants. One task looks after one meeting, and what breaks there ends nothing else.

    Args:
        queue: where invitations come from.
        name: unlike any other worker's.
        capacity: most meetings at once.
        browser_bots: most of them that are pages, each of which has a browser of its own.
        options: what holds for every bot.
        memory_mb: what one meeting's process may allocate.
        figures: where worker and bots count; None for nowhere that anybody looks.
    """

    def __init__(
        self,
        queue: Queue,
        *,
        name: str,
        capacity: int,
        browser_bots: int = 1,
        options: MeetingOptions,
        memory_mb: int = 2000,
        figures: WorkerFigures | None = None,
    ) -> None:
        self._queue = queue
        self._name = name
        self._capacity = capacity
        self._browser_bots = browser_bots
        self._options = options
        self._memory_mb = memory_mb
        self._figures = figures or WorkerFigures()
        self._figures.capacity.set(capacity)
        self._figures.meetings.set_function(lambda: len(self._claimed))
        self._claimed: dict[str, Claimed] = {}
        self._fork_server = ForkServer()
        self._figures.warm.set_function(lambda: self._fork_server.is_warm)
        self._changed = asyncio.Event()
        self._claims_from_s = 0.0
        self._unheard: str | None = None
        self._is_draining = False

    async def obstacle(self) -> str | None:
        """Say why the queue did not take the last heartbeat, though it may answer; None if it did."""
        return self._unheard

    async def is_cold(self) -> str | None:
        """Say that no process is to be had at once for a next meeting; None if one is."""
        return None if self._fork_server.is_warm else "The process that meetings are forked from is not there yet."

    async def run(self, stop: asyncio.Event, drain_s: float) -> None:
        """Work until `stop` is set, then claim nothing more, and return when the last meeting has ended.

        Args:
            stop: set it to drain.
            drain_s: meetings that go on for longer are handed over to other workers; at once are those whose bot is
                in no room.
        """
        async with asyncio.TaskGroup() as tasks:
            beating = tasks.create_task(self._beat(), name="heartbeat")
            staying_warm = tasks.create_task(self._fork_server.stay_warm(), name="fork server")
            try:
                await self._claim(stop, tasks)
                await self._drain(drain_s)
            finally:
                for claimed in self._claimed.values():
                    claimed.abandon()
                staying_warm.cancel()
                beating.cancel()

    async def _claim(self, stop: asyncio.Event, tasks: asyncio.TaskGroup) -> None:
        while not stop.is_set():
            record, pause_s = None, POLL_S
            try:
                if self._may_claim():
                    record = await self._queue.claim(self._name, tuple(self._claimed), pages=self._has_browser())
                    if record is None:
                        await _until_first(stop.wait(), self._queue.wait_for_invitation(WAIT_S))
                        continue
            except BusError as error:
                log.warning("%s The bots go on.", error)
                # When the queue is back, others must be heard before their meetings are taken for dead.
                pause_s = CLAIM_S
            if record is not None and record.invitation.id not in self._claimed:
                self._figures.claims.inc()
                claimed = self._claimed[record.invitation.id] = Claimed(record, self._queue, self._name)
                claimed.task = tasks.create_task(self._run_until_done(claimed), name=f"meeting {claimed.id}")
            try:  # also after a claim: of several invitations at once other workers, with warm processes, take theirs
                async with asyncio.timeout(pause_s):
                    await stop.wait()
            except TimeoutError:
                pass

    def _may_claim(self) -> bool:
        """Whether a meeting would be served here at once: while it would not, others may have what it needs."""
        has_room = len(self._claimed) < self._capacity
        return has_room and self._fork_server.is_warm and sleepless_s() >= self._claims_from_s

    def _has_browser(self) -> bool:
        return sum(claimed.is_page for claimed in self._claimed.values()) < self._browser_bots

    async def _drain(self, drain_s: float) -> None:
        self._is_draining = True
        for claimed in tuple(self._claimed.values()):
            if claimed.newest.state is not State.LIVE:  # others bring a bot into its room no later than this one would
                self._happen(claimed, Happening.HAND_OVER)
        if await self._is_empty(drain_s):
            return
        for claimed in tuple(self._claimed.values()):
            self._happen(claimed, Happening.HAND_OVER)
        if not await self._is_empty(2 * LEAVE_S):
            log.error("%d meetings could not be handed over; others take them in a moment.", len(self._claimed))

    async def _is_empty(self, within_s: float) -> bool:
        try:
            async with asyncio.timeout(within_s):
                while self._claimed:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def _run_until_done(self, claimed: Claimed) -> None:
        """Look after one meeting until nothing of it is left here."""
        try:
            async with claimed.reporting():
                try:
                    await self._see_through(claimed)
                except SettingsRefused as error:
                    log.error("bot %s: %s", claimed.id, error)
                    claimed.assignment.happen(Happening.BROKE)
                except Exception:
                    log.exception("what looks after bot %s broke; the other bots go on", claimed.id)
                    claimed.assignment.happen(Happening.BROKE)
                await self._close(claimed)
        finally:
            del self._claimed[claimed.id]
            self._figures.forget(claimed.id)
            self._changed.set()

    async def _see_through(self, claimed: Claimed) -> None:
        while not claimed.assignment.is_over:
            if not await claimed.is_disturbed_within(claimed.assignment.pause_s):
                # A worker that was suspended must not start what is another's by now, or what was to leave.
                await self._hear(claimed.id)
            if claimed.assignment.phase is not Phase.PAUSED:
                continue
            claimed.assignment.happen(Happening.DUE)
            await self._run_once(claimed, Job(settings=claimed.settings(self._options), memory_mb=self._memory_mb))
            if claimed.assignment.phase is not Phase.PAUSED:
                continue
            self._figures.restarts.inc()
            claimed.say_once(State.RECONNECTING, "bot_lost")
            if self._is_draining:
                self._happen(claimed, Happening.HAND_OVER)

    async def _run_once(self, claimed: Claimed, job: Job) -> None:
        """Run the bot once."""
        try:
            claimed.meeting = await self._fork_server.fork()
        except OSError as error:  # the other meetings need nothing new, and other machines may have what this one lacks
            log.error("bot %s is handed back: no process can be started for it here: %s", claimed.id, error)
            self._claims_from_s = sleepless_s() + NO_PROCESS_S
            claimed.assignment.happen(Happening.NOT_STARTED)
            return
        try:
            log.info("bot %s is served by process %d", claimed.id, claimed.meeting.pid)
            self._happen(claimed, Happening.STARTED)
            async for line in claimed.meeting.serve(job):
                await self._take(claimed, line)
        finally:
            await claimed.meeting.end()
            claimed.meeting = None
        claimed.assignment.process_gone(sleepless_s())

    async def _take(self, claimed: Claimed, line: StatusLine) -> None:
        """Take what a bot reported."""
        claimed.join = line.join or claimed.join
        if line.figures is not None:
            self._figures.report(claimed.id, line.figures)
        if line.ousted is not None:
            self._happen(claimed, OUSTED[line.ousted])
        if line.alert is not None and claimed.wants_alerts and claimed.assignment.phase in SPEAKS:
            claimed.report(line.alert)
        if line.state is None or line.state.state is State.REQUESTED or claimed.assignment.phase not in SPEAKS:
            return
        moment = Moment(state=line.state.state, since=line.state.since, reason=line.state.reason)
        claimed.report(moment)
        if moment.state is State.ENDED:
            self._happen(claimed, Happening.REPORTED_END)

    def _happen(self, claimed: Claimed, happening: Happening) -> None:
        """Take what happened to a meeting, and do to its process what the phase wants."""
        phase = claimed.assignment.happen(happening)
        claimed.disturb()
        if claimed.meeting is None:
            return
        match phase:
            case Phase.LEAVING | Phase.HANDING_OVER:
                claimed.meeting.ask_to_leave()
            case Phase.ENDING | Phase.YIELDING | Phase.SHUT_OUT | Phase.UNHEARD:
                claimed.meeting.must_end()
            case Phase.DROPPING:
                claimed.meeting.kill()

    async def _close(self, claimed: Claimed) -> None:
        """Say what the bot could not say itself, and give back what others are to go on with."""
        phase = claimed.assignment.phase
        if phase is Phase.LOST:
            claimed.fall_silent()
            return
        if phase is Phase.DISMISSED and claimed.may_be_elsewhere:
            await self._fence(claimed)
        if phase in LAST_WORDS:
            claimed.say(*LAST_WORDS[phase])
        await claimed.all_reported()
        if phase is Phase.RELEASED:
            try:
                await self._queue.release(self._name, claimed.id)
            except BusError as error:  # silent as we are from now on, others take it a little later
                log.warning("%s Bot %s is not given back, and is taken in a moment.", error, claimed.id)

    async def _fence(self, claimed: Claimed) -> None:
        """Turn out a bot that a suspended worker may have left in the room, before this one is said to have ended."""
        bus = open_bus(self._options.bus)
        try:
            await bus.open_epoch(claimed.record.invitation.room, claimed.id)
            await asyncio.sleep(FENCE_S)
        except (BusError, RoomTaken) as error:
            log.warning("%s Whether an earlier bot %s is still there is not known.", error, claimed.id)
        finally:
            await bus.close()

    async def _beat(self) -> None:
        while True:
            await self._hear(*self._claimed)
            await asyncio.sleep(BEAT_S)

    async def _hear(self, *bots: str) -> None:
        """Say that these bots are run here, and learn what to do with each."""
        try:
            for bot, order in (await self._queue.beat(self._name, list(bots))).items():
                await self._apply_order(bot, order)
            self._unheard = None
            self._figures.away.set(0)
        except BusError as error:
            self._unheard = str(error)
            self._figures.away.set(1)
            log.warning("%s Trying again.", error)

    async def _apply_order(self, bot: str, order: HeartbeatReply) -> None:
        claimed = self._claimed.get(bot)
        if claimed is None:
            return
        if order is HeartbeatReply.UNKNOWN:
            await self._queue.restore(self._name, claimed.record)
        elif order is HeartbeatReply.LOST:
            self._happen(claimed, Happening.LOST)
        elif order is HeartbeatReply.LEAVE:
            self._happen(claimed, Happening.LEAVE)


async def _until_first(*waits: Coroutine[None, None, object]) -> None:
    """Return when one is over; raises what it raised."""
    tasks = [asyncio.create_task(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in done:
        task.result()
