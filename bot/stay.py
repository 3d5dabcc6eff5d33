"""A bot's stay in its room, from the first word to the last, told as it happens and no better than it is."""

import asyncio
import logging
import math
from collections.abc import Coroutine, Iterable, Iterator, Sequence, Set
from contextlib import contextmanager

from bot.attendance import Attendance
from bot.audit import Audit
from bot.errors import JoinCalledOff, RoomClosed, RoomDeserted, RoomError, RoomKicked, RoomRefused, RoomUnreachable
from bot.heeding import Heeding
from bot.outbox import Outbox
from bot.policy import Policy
from bot.rooms.base import Admitted, Clock, Held, Lost, OptedIn, OptedOut, Participant, Room
from bot.visit import Visit
from dashboard_protocol.consent import Consent
from dashboard_protocol.errors import DashboardError
from dashboard_protocol.events import BotState, Bye, EndReason, Forget, Hello

log = logging.getLogger(__name__)

Work = Coroutine[None, None, None]


class Stay:
    """Moves the bot through its states and publishes what the visit sees: `begin`, then `live` inside `farewell`."""

    def __init__(
        self,
        clock: Clock,
        visit: Visit,
        outbox: Outbox,
        audit: Audit,
        heeding: Heeding,
        *,
        alone_at_most_s: float = math.inf,
    ) -> None:
        self._clock = clock
        self._visit = visit
        self._outbox = outbox
        self._audit = audit
        self._heeding = heeding
        self._alone_at_most_s = alone_at_most_s
        self._attendance = Attendance(clock())

    @property
    def end_reason(self) -> EndReason:
        """Why the stay ended; `failed` where nobody knows better."""
        return self._attendance.end_reason or EndReason.FAILED

    def begin(self, hello: Hello, policy: Policy, *, notice_given: bool = False) -> None:
        """Say who the bot is and that it begins to join.

        Raises:
            SettingsRefused: The audit log cannot be written: a bot that leaves no trace must not read anybody.
        """
        self._audit.started(policy.profile, policy.k, notice_given)
        self._outbox.put(hello)
        self._outbox.put(self._attendance.as_event())
        self._outbox.put(self._attendance.start(self._clock()))

    async def prepare(self) -> None:
        """Learn who is not to be read, before anybody is.

        Raises:
            BusError, SecretRefused: It cannot be learned.
        """
        await self._heeding.begin(self)

    @property
    def names(self) -> tuple[str, ...]:
        """The display names of those who are in the room."""
        return self._visit.names

    @property
    def opted_out(self) -> Set[str]:
        """Who is not to be read, under what the bots of this room know them."""
        return self._visit.opted_out

    # A wish is carried out before it is recorded, here and everywhere: recording may fail.

    def opt_out_known(self, names: Set[str]) -> None:
        """Stop reading those who asked a gateway, which has noted it, or an earlier bot."""
        self._forget(self._visit.opt_out_known(names))

    def opt_out(self, name: str) -> None:
        """Stop reading whoever bears a name, and have open pages forget them."""
        self._forget(self._visit.opt_out_name(name))
        self._heeding.asked_here()
        self._audit.opted_out()

    def opt_out_person(self, participant: Participant) -> None:
        """Stop reading one participant, and whoever else bears the name, at their own wish."""
        self._forget(self._visit.opt_out(participant))
        self._heeding.asked_here()
        self._audit.opted_out()

    def opt_in_person(self, participant: Participant) -> None:
        """Read one participant again, at their own wish and for this stay."""
        self._forget(self._visit.opt_in(participant))
        self._audit.opted_in()

    def _forget(self, forgets: Iterable[Forget]) -> None:
        for forget in forgets:
            self._outbox.put(forget)

    def is_read(self, participant: Participant) -> bool:
        """Whether a participant is read."""
        return self._visit.is_read(participant)

    def agree(self, consent: Consent) -> None:
        """Take somebody's signed consent.

        Raises:
            ConsentRefused: It cannot be used here now.
        """
        self._visit.agree(consent)
        self._audit.opted_in()

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
            SecretRefused: Somebody is not to be read, and the bot cannot tell who.
        """

        def attend(event: Admitted | Held | Lost) -> BotState:
            return self._attendance.follow(self._clock(), event)

        async def outstay() -> None:
            """Return once the longest stay is over: by the room's clock, which goes on while the machine sleeps."""
            while max_duration_s is not None:
                since = live_since or self._attendance.live_since
                left_s = math.inf if since is None else since + max_duration_s - self._clock()
                if left_s <= 0:
                    return
                await asyncio.sleep(min(left_s, 1.0))
            await asyncio.Event().wait()

        def heeded(event: OptedOut | OptedIn) -> None:
            self._heeding.asked_here()
            (self._audit.opted_out if isinstance(event, OptedOut) else self._audit.opted_in)()

        following = self._visit.follow(room, self._outbox.put, attend, heeded)
        working = [following, self._report(), self._outbox.unbroken(), self._heeding.follow(self)]
        working += [self._heeding.keep_up(self)]
        working += [_accompany(guests)] if guests else []
        reason = await _until_it_ends(working, stop, outstay())
        self._outbox.put(self._attendance.finish(self._clock(), reason))

    @contextmanager
    def farewell(self) -> Iterator[None]:
        """Whatever ends the stay: say why, once the room is left."""
        try:
            yield
        except BaseException as error:
            self._outbox.put(self._attendance.finish(self._clock(), _reason_of(error)))
            raise
        finally:
            now = self._clock()
            live_s = now - self._attendance.live_since if self._attendance.live_since else 0.0
            self._outbox.put(self._attendance.gone(now))
            visit = self._visit
            bye = Bye(
                reason=self.end_reason, report=None, live_s=live_s, present_max=visit.present_max, alerts=visit.alerts
            )
            self._outbox.put(bye)
            self._audit.ended(self.end_reason)

    async def _report(self) -> None:
        """Publish the class once a second, on the second's own beat however long a round takes.

        Raises:
            RoomDeserted: The bot has been alone for too long.
        """
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            for body in self._visit.bodies():
                self._outbox.put(body)
            if self._attendance.alone_s(self._clock(), self._visit.present) > self._alone_at_most_s:
                raise RoomDeserted("Nobody but the bot is in the room")
            due_s = max(due_s + 1.0, loop.time())
            await asyncio.sleep(due_s - loop.time())


async def _until_it_ends(working: Sequence[Work], stop: asyncio.Event, outstay: Work) -> EndReason:
    reason = EndReason.ASKED_TO_LEAVE
    broken: DashboardError | None = None
    try:
        async with asyncio.TaskGroup() as group:
            over = group.create_task(outstay)
            tasks = [over, group.create_task(_wait(stop)), *(group.create_task(work) for work in working)]
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
