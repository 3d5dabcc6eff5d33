"""What a worker holds of one claimed invitation: its assignment, its process, and what is yet to be reported of it."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.rooms.base import sleepless_s
from bot.settings import Settings
from bot.settings.flags import checked
from bot.settings.meeting import MeetingOptions
from bot.workers.assignment import Assignment
from bot.workers.process import MeetingProcess
from dashboard_protocol.errors import BusError
from dashboard_protocol.http.request_rules import trusted_proxies
from dashboard_protocol.queue.base import Queue
from dashboard_protocol.queue.records import BotRecord, Moment, Notification
from dashboard_protocol.room_urls import is_page
from dashboard_protocol.vocabulary import State

RETRY_S = 1.0
OWN_GATEWAYS = trusted_proxies(("127.0.0.1", "::1"))
"""People come into a local room through a gateway of this machine, which says who asks."""

log = logging.getLogger(__name__)


class Claimed:
    """One invitation that this worker runs.

    Args:
        record: as it was claimed.
        queue: gets its states reported, in order; while it is away they wait, and the meeting does not.
        worker: the worker's name.
    """

    def __init__(self, record: BotRecord, queue: Queue, worker: str) -> None:
        self.record = record
        self.assignment = Assignment(self.id)
        self.meeting: MeetingProcess | None = None
        """The process, while there is one."""
        self.join = record.join
        """Where the bot of a local room is reached on this machine."""
        self.task: asyncio.Task[None] | None = None
        self.may_be_elsewhere = any(moment.state is not State.REQUESTED for moment in record.states)
        """Whether another worker had it before, which may only have been suspended."""
        self._queue = queue
        self._worker = worker
        self._disturbed = asyncio.Event()
        self._unreported: deque[Notification] = deque()
        self._news = asyncio.Event()
        self._reported = asyncio.Event()
        self._reported.set()
        self._live_from_s: float | None = None
        for moment in record.states:
            if moment.state is State.LIVE and self._live_from_s is None:
                self._live_from_s = sleepless_s() - max(0.0, time.time() - moment.since)

    @property
    def id(self) -> str:
        """The bot's id."""
        return self.record.invitation.id

    @property
    def is_page(self) -> bool:
        """Whether its bot has a browser of its own."""
        return is_page(self.record.invitation.room_url)

    def settings(self, options: MeetingOptions) -> Settings:
        """Return what the bot's process is to run with, if it is started now.

        Raises:
            SettingsRefused: They fit no bot.
        """
        wanted = self.record.invitation
        chosen = {
            "room_key": wanted.room,
            "title": wanted.title,
            "bot_name": wanted.bot_name,
            "max_duration_s": wanted.max_duration_s,
            "live_from_s": self._live_from_s,
            "leave_out": wanted.leave_out,
            "notice_given": wanted.notice_given,
        }
        given = {name: value for name, value in chosen.items() if value is not None}
        own = {"room_url": wanted.room_url, "policy": wanted.policy, "port": 0, "meeting": wanted.id}
        own["trusted_proxies"] = OWN_GATEWAYS
        return checked(Settings, dict(options) | own | given)

    async def is_disturbed_within(self, within_s: float) -> bool:
        """Wait for so long, or until something happens; return whether it did."""
        self._disturbed.clear()
        try:
            async with asyncio.timeout(within_s):
                await self._disturbed.wait()
        except TimeoutError:
            return False
        return True

    def disturb(self) -> None:
        """End a wait for the next start: something happened."""
        self._disturbed.set()

    def abandon(self) -> None:
        """Let go of it at once, as the worker ends."""
        if self.meeting is not None:
            self.meeting.kill()
        if self.task is not None:
            self.task.cancel()

    def say(self, state: State, reason: str) -> None:
        """Report to the queue a state that is entered now."""
        self.report(Moment(state=state, since=round(time.time(), 3), reason=reason))

    @property
    def newest(self) -> Moment:
        """The state that was entered last, which the queue may not know yet."""
        unreported = (known for known in reversed(self._unreported) if isinstance(known, Moment))
        return next(unreported, self.record.now)

    def say_once(self, state: State, reason: str) -> None:
        """Report a state that is entered now, unless it is the one reported last."""
        if (self.newest.state, self.newest.reason) != (state, reason):
            self.say(state, reason)

    @property
    def wants_alerts(self) -> bool:
        """Whether its webhook is notified of alerts."""
        webhook = self.record.invitation.webhook
        return webhook is not None and webhook.alerts

    def report(self, notification: Notification) -> None:
        """Report a state to the queue, or an alert for the webhook; returns at once."""
        if isinstance(notification, Moment) and notification.state is State.LIVE and self._live_from_s is None:
            self._live_from_s = sleepless_s()
        self._unreported.append(notification)
        self._reported.clear()
        self._news.set()

    def fall_silent(self) -> None:
        """Drop what was not reported yet: it is another's to report."""
        self._unreported.clear()
        self._reported.set()

    async def all_reported(self) -> None:
        """Wait until the queue knows every state."""
        await self._reported.wait()

    @asynccontextmanager
    async def reporting(self) -> AsyncIterator[None]:
        """Report to the queue in the background while inside."""
        task = asyncio.create_task(self._report(), name=f"states of {self.id}")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _report(self) -> None:
        while True:
            while self._unreported:
                notification = self._unreported[0]
                try:
                    await self._queue.report(self._worker, self.id, notification, self.join)
                except BusError as error:
                    log.warning("%s The state of bot %s waits.", error, self.id)
                    await asyncio.sleep(RETRY_S)
                else:
                    self._note(notification)
            self._reported.set()
            self._news.clear()
            await self._news.wait()

    def _note(self, notification: Notification) -> None:
        if self._unreported:  # nobody said meanwhile that it is another's to report
            self._unreported.popleft()
        now = notification if isinstance(notification, Moment) else self.record.now
        known = (*self.record.notifications, notification)
        self.record = self.record.model_copy(update={"now": now, "notifications": known, "join": self.join})
