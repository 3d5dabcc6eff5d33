"""A bot's stay in its room, from the first event to the last, published as it happens and no better than it is."""

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager, suppress

from bot.disclosure.policy import Policy
from bot.errors import JoinCalledOff, RoomClosed, RoomDeserted, RoomError, RoomKicked, RoomRefused, RoomUnreachable
from bot.meeting.meeting import Meeting
from bot.meeting.outbox import Outbox
from bot.meeting.state import StateMachine
from bot.privacy.audit_log import Audit
from bot.privacy.request_handler import PrivacyRequestHandler
from bot.rooms.base import Admitted, Clock, Held, Lost, Room
from dashboard_protocol.errors import BusError, DashboardError
from dashboard_protocol.events import Bye, EndReason, Event, Hello, Mark
from dashboard_protocol.vocabulary import LEAVES_OUT

log = logging.getLogger(__name__)


Work = Coroutine[None, None, None]
Asked = Callable[[], AbstractAsyncContextManager[AsyncIterator[Event]]]

ASK_AGAIN_S = 1.0
"""A bus that was lost is listened to again after so long."""


class Lifecycle:
    """Moves the bot through its states, from the first event to the last: `begin`, then `live` inside `farewell`."""

    def __init__(  # noqa: PLR0913  one parameter a part
        self,
        clock: Clock,
        meeting: Meeting,
        outbox: Outbox,
        audit: Audit,
        requests: PrivacyRequestHandler,
        *,
        alone_at_most_s: float = math.inf,
        report: str | None = None,
        asked: Asked | None = None,
    ) -> None:
        """Take the parts.

        Args:
            clock: The room's clock.
            meeting: Who is there, and who is read.
            outbox: Takes the events.
            audit: Notes who began and ended what.
            requests: Hears who is not to be read.
            alone_at_most_s: How long the bot stays where nobody else is.
            asked: Opens what is asked of the bot from outside: marks. None where nobody can ask.
            report: Where the report of the class will be; None where none outlives this process.
        """
        self._clock = clock
        self._meeting = meeting
        self._outbox = outbox
        self._audit = audit
        self._requests = requests
        self._alone_at_most_s = alone_at_most_s
        self._report_path = report
        self._asked = asked
        self._state_machine = StateMachine(clock())
        self._hello: Hello | None = None
        """As it was published last."""

    @property
    def end_reason(self) -> EndReason:
        """Why the stay ended; `failed` where nobody knows better."""
        return self._state_machine.end_reason or EndReason.FAILED

    def begin(self, hello: Hello, policy: Policy, *, notice_given: bool = False) -> None:
        """Say who the bot is and that it begins to join.

        Raises:
            SettingsRefused: The audit log cannot be written: a bot that leaves no trace must not read anybody.
        """
        self._audit.started(policy.profile, policy.k, notice_given, LEAVES_OUT in hello.capabilities)
        self._hello = hello
        self._outbox.put(hello)
        self._outbox.put(self._state_machine.as_event())
        self._outbox.put(self._state_machine.start(self._clock()))

    async def prepare(self) -> None:
        """Learn who is not to be read, before anybody is.

        Raises:
            BusError, SecretRefused: It cannot be learned.
        """
        await self._requests.begin(self._meeting)

    async def live(
        self,
        room: Room,
        stop: asyncio.Event,
        max_duration_s: float | None,
        guests: Work | None,
        live_since: float | None = None,
    ) -> None:
        """Watch the joined room until somebody or something ends the stay.

        Args:
            room: The room, entered.
            stop: Set by whoever wants the bot to leave.
            max_duration_s: Longest stay, from when the bot is first live; None for as long as the room is open.
            guests: Runs beside; if it breaks, the bot stays.
            live_since: When an earlier process of this bot was first live, on the room's clock; None for the first one.

        Raises:
            BusError: Events can no longer be published: a bot that nobody hears must not go on reading.
            SecretRefused: Somebody is not to be read, and the bot cannot know who.
        """

        async def outstay() -> None:
            """Return once the longest stay is over: by the room's clock, which goes on while the machine sleeps."""
            while max_duration_s is not None:
                since = self._state_machine.live_since if live_since is None else live_since
                left_s = math.inf if since is None else since + max_duration_s - self._clock()
                if left_s <= 0:
                    return
                await asyncio.sleep(min(left_s, 1.0))
            await asyncio.Event().wait()

        working = [self.follow(room), self._report(), self._outbox.unbroken()]
        working += [self._requests.follow(self._meeting), self._requests.keep_up(self._meeting)]
        working += [_accompany(guests)] if guests else []
        working += [self._publish_marks(self._asked)] if self._asked else []
        reason = await _until_it_ends(working, stop, outstay())
        self._outbox.put(self._state_machine.finish(self._clock(), reason))

    @contextmanager
    def farewell(self) -> Iterator[None]:
        """Whatever ends the stay: say why, once the room is left."""
        try:
            yield
        except BaseException as error:
            self._outbox.put(self._state_machine.finish(self._clock(), _reason_of(error)))
            raise
        finally:
            now = self._clock()
            live_since = self._state_machine.live_since
            live_s = 0.0 if live_since is None else now - live_since
            self._outbox.put(self._state_machine.gone(now))
            bye = Bye(
                reason=self.end_reason,
                report=self._report_path,
                live_s=live_s,
                present_max=self._meeting.present_max,
                alerts=self._meeting.alerts,
            )
            self._outbox.put(bye)
            self._audit.ended(self.end_reason)

    async def follow(self, room: Room) -> None:
        """Take what the room says until it ends: of the bot itself, which is its state, and of everybody else.

        Raises:
            RoomError: The stay ended; the room says how.
        """
        ended: RoomError = RoomClosed(f"{room.name} has ended")
        async with self._meeting.running():
            try:
                async for event in room.events():
                    if isinstance(event, Admitted | Held | Lost):
                        self._outbox.put(self._state_machine.follow(self._clock(), event))
                    else:
                        self._meeting.take(event)
            except RoomError as error:
                ended = error
        raise ended  # outside of the group of observers, which would wrap it

    def _report_who_is_left_out(self) -> None:
        """Say in a new `hello` that somebody is no part of the class, and never who."""
        if self._hello is None or LEAVES_OUT in self._hello.capabilities or not self._meeting.leaves_out:
            return
        self._hello = self._hello.model_copy(update={"capabilities": (*self._hello.capabilities, LEAVES_OUT)})
        self._outbox.put(self._hello)

    async def _publish_marks(self, asked: Asked) -> None:
        """Publish the marks that an instructor sets, when they come; nothing else is taken from whoever asks."""
        while True:
            with suppress(BusError):
                async with asked() as events:
                    async for event in events:
                        if isinstance(event.body, Mark):
                            self._outbox.put(event.body)
            await asyncio.sleep(ASK_AGAIN_S)

    async def _report(self) -> None:
        """Publish the class once a second, on the second's own beat however long a round takes.

        Raises:
            RoomDeserted: The bot has been alone for too long.
        """
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            self._report_who_is_left_out()
            self._meeting.publish_second()
            if self._state_machine.alone_s(self._clock(), self._meeting.present) > self._alone_at_most_s:
                raise RoomDeserted("Nobody but the bot is in the room")
            # A round that took too long is not made up for: two in one second would move every freeze twice.
            due_s = max(due_s + 1.0, loop.time())
            await asyncio.sleep(due_s - loop.time())


async def _until_it_ends(working: Sequence[Work], stop: asyncio.Event, outstay: Work) -> EndReason:
    reason = EndReason.ASKED_TO_LEAVE
    broken: DashboardError | None = None
    try:
        async with asyncio.TaskGroup() as group:
            over = group.create_task(outstay)
            tasks = [over, group.create_task(_wait(stop)), *(group.create_task(work) for work in working)]
            # Only these two end a stay by returning. All else ends it by raising, of which the group learns itself.
            await asyncio.wait(tasks[:2], return_when=asyncio.FIRST_COMPLETED)
            if not stop.is_set():
                reason = EndReason.MAX_DURATION
            for task in tasks:
                task.cancel()
    except* RoomError as endings:
        reason = _reason_of(endings.exceptions[0])
    except* DashboardError as errors:
        broken = next(error for error in errors.exceptions if isinstance(error, DashboardError))
    if broken is not None:
        raise broken  # outside of the group, which would wrap it
    return reason


def _reason_of(error: BaseException) -> EndReason:
    match error:
        case JoinCalledOff():
            return EndReason.ASKED_TO_LEAVE
        case RoomClosed():
            return EndReason.ROOM_CLOSED
        case RoomKicked():
            return EndReason.KICKED
        case RoomRefused():
            return EndReason.REFUSED
        case RoomUnreachable():
            return EndReason.UNREACHABLE
        case RoomDeserted():
            return EndReason.ALONE
    return EndReason.FAILED


async def _wait(stop: asyncio.Event) -> None:
    await stop.wait()


async def _accompany(guests: Work) -> None:
    try:
        await guests
    except Exception:
        log.exception("the participants this process brought along broke; the bot stays")


@asynccontextmanager
async def joined(
    room: Room, stop: asyncio.Event, unbroken: Coroutine[None, None, None] | None = None
) -> AsyncIterator[None]:
    """Enter a room, and leave it at the end.

    Args:
        room: The room.
        stop: Set by whoever wants the bot to leave; once the bot is in, looking at it is the caller's business.
        unbroken: Raises what makes entering the room senseless; asked while the room is entered.

    Raises:
        JoinCalledOff: It was set before the room was entered.
    """
    async with AsyncExitStack() as stack:
        async with _unless(stop.wait(), unbroken):
            await stack.enter_async_context(room)
        yield


@asynccontextmanager
async def _unless(*reasons: Coroutine[None, None, object] | None) -> AsyncIterator[None]:
    limit = asyncio.timeout(None)

    def call_off(_: asyncio.Task[object]) -> None:
        if any(task.done() and not task.cancelled() for task in watching):
            # Not `cancel`: an expired limit can be distinguished from a cancellation that came from outside.
            limit.reschedule(asyncio.get_running_loop().time())

    watching = [asyncio.create_task(reason, name="whether to call off the join") for reason in reasons if reason]
    for task in watching:
        task.add_done_callback(call_off)
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        for task in watching:
            if task.done():
                task.result()
        raise JoinCalledOff("The bot was asked to leave before it was in the room") from error
    finally:
        for task in watching:
            task.remove_done_callback(call_off)
            task.cancel()
