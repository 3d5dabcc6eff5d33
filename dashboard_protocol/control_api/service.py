"""What the control API does, whoever asks: invitations, links, and what may be seen of both."""

import hashlib
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Self
from urllib.parse import quote

from fastapi import HTTPException

from dashboard_protocol.auth.links import Access, instructor_url, report_url
from dashboard_protocol.auth.meetings import AFTER_S, Meetings
from dashboard_protocol.auth.security_log import SecurityEvent, note
from dashboard_protocol.bus.base import Bus
from dashboard_protocol.control_api.api_keys import ApiKey, ApiKeys, Scope
from dashboard_protocol.control_api.schemas import BotRequest, BotView, MomentView, WebhookRequest
from dashboard_protocol.errors import PolicyNotChosen, TooManyBots
from dashboard_protocol.queue.base import Queue
from dashboard_protocol.queue.memory import MemoryQueue
from dashboard_protocol.queue.records import BotRecord, Invitation, Webhook
from dashboard_protocol.room_urls import LOCAL, AllowedRooms, read_room
from dashboard_protocol.vocabulary import Profile, State
from dashboard_protocol.webhooks.addresses import AllowedReceivers
from dashboard_protocol.webhooks.signature import read_secret


@dataclass(frozen=True)
class Control:
    """What the routes share.

    Args:
        queue: where invitations go.
        bus: where histories are.
        access: makes links.
        keys: who may do what.
        rooms: which meetings may be named; None where no invitations are taken.
        policy: what holds when an invitation names no policy; None refuses it.
        policies: what an invitation may name.
        receivers: who may be notified of the states of bots.
        public_url: what links begin with; None for the address under which a request came.
        own: key of a room → its class, for what this process serves itself, invited or not.
    """

    queue: Queue
    bus: Bus
    access: Access
    keys: ApiKeys
    rooms: AllowedRooms | None
    policy: Profile | None = None
    policies: frozenset[Profile] = frozenset(Profile)
    receivers: AllowedReceivers = field(default_factory=AllowedReceivers)
    public_url: str | None = None
    own: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_own_room(cls, key: str, meeting: str, bus: Bus, access: Access, public_url: str | None) -> Self:
        """Return that of a bot that nobody invited, for its own room: links, consents, and the end of both."""
        return cls(MemoryQueue(), bus, access, ApiKeys(), None, public_url=public_url, own={key: meeting})

    @cached_property
    def meetings(self) -> Meetings:
        """Distinguishes the classes of rooms."""
        return Meetings(self.bus, self.queue, self.own)

    async def invite(self, wanted: BotRequest, by: ApiKey, idempotency: str | None) -> BotRecord:
        """Queue an invitation, or find that of the same idempotency key."""
        policy = wanted.policy or self.policy
        if policy is None or policy not in self.policies:
            allowed = ", ".join(sorted(self.policies))
            raise PolicyNotChosen(f"Choose a policy, there is no default for a real meeting: {allowed}.")
        if self.rooms is None:
            raise HTTPException(404, "This process takes no invitations.")
        address = self.rooms.check(wanted.room_url)
        invitation = Invitation(
            id=secrets.token_hex(8),  # never begins with a dash, which a shell would take for a flag
            room=self.access.key_of(address.url),
            room_url=address.url,
            policy=policy,
            bot_name=wanted.bot_name,
            title=wanted.title,
            join_at=wanted.join_at.timestamp() if wanted.join_at else None,
            max_duration_s=wanted.max_duration_s,
            leave_out=wanted.leave_out,
            notice_given=wanted.notice_given,
            requested_at=round(time.time(), 3),
            owner=by.name,
            webhook=await self._checked(wanted.webhook, by),
        )
        key = None if idempotency is None else hashlib.sha256(f"{by.name}\0{idempotency}".encode()).hexdigest()
        try:
            record = await self.queue.submit(invitation, key, by.max_bots)
        except TooManyBots:
            note(SecurityEvent.LIMIT_HIT, "bots", key=by.fingerprint)
            raise
        as_before = {"id": record.invitation.id, "requested_at": record.invitation.requested_at}
        if record.invitation != invitation.model_copy(update=as_before):
            raise HTTPException(409, "This Idempotency-Key belongs to another invitation.")
        return record

    async def _checked(self, wanted: WebhookRequest | None, by: ApiKey) -> Webhook | None:
        """Refuse early what would be refused at every delivery; a name that has no address yet may get one."""
        if wanted is None:
            return None
        if wanted.alerts and not by.opens(Scope.WATCH):
            raise HTTPException(403, "A webhook of alerts is asked for with a key of the scope 'watch' too.")
        read_secret(wanted.secret)
        with suppress(OSError):
            await self.receivers.check(wanted.url)
        return Webhook(url=wanted.url, secret=wanted.secret, alerts=wanted.alerts)

    async def own_bot(self, bot: str, by: ApiKey) -> BotRecord:
        """Return a bot that an API key may see; another's looks like none at all to everybody but its owner."""
        record = await self.queue.bot(bot)
        if record is None or not self._is_own(record, by):
            raise HTTPException(404, "There is no such bot.")
        return record

    async def own_bots(self, by: ApiKey, room: str | None = None) -> list[BotRecord]:
        """Return the bots that an API key may see, newest first; of one room, or of all."""
        records = [record for record in await self.queue.bots() if self._is_own(record, by)]
        return [record for record in records if room in (None, record.invitation.room)]

    async def seen_by(self, by: ApiKey) -> frozenset[str]:
        """Return the rooms that an API key knows of."""
        invited = {record.invitation.room for record in await self.own_bots(by)}
        return frozenset(self.own) | invited if by.is_admin else frozenset(invited)

    async def own_classes(self, room: str, by: ApiKey) -> frozenset[str]:
        """Return the classes of a room that an API key invited a bot to."""
        return frozenset(record.invitation.id for record in await self.own_bots(by, room))

    def _is_own(self, record: BotRecord, by: ApiKey) -> bool:
        return by.is_admin or by.owns(record.invitation.owner)

    def view(self, record: BotRecord, by: ApiKey, origin: str) -> BotView:
        """Say where a bot stands, without secrets, and without what the asker's key does not open."""
        wanted = record.invitation
        is_open = record.now.state is not State.ENDED or record.now.since + AFTER_S > time.time()
        return BotView(
            id=wanted.id,
            room=wanted.room,
            room_url=read_room(wanted.room_url).bare,
            policy=wanted.policy,
            state=record.now.state,
            since=record.now.since,
            reason=record.now.reason,
            states=[MomentView.model_validate(moment) for moment in record.states],
            join=self._join(record, origin),
            link=self._class_link(wanted.room, wanted.id, origin) if is_open and by.opens(Scope.WATCH) else None,
            report=self._report_link(wanted.room, wanted.id, origin) if by.opens(Scope.WATCH) else None,
            privacy=f"{self.public_url or origin}/privacy/{quote(wanted.room, safe='')}",
            webhook=wanted.webhook.url.partition("?")[0] if wanted.webhook else None,
        )

    def _join(self, record: BotRecord, origin: str) -> str | None:
        """Return where people come into a local room: at a gateway, which knows where its bot is."""
        wanted = record.invitation
        if record.now.state is State.ENDED or read_room(wanted.room_url).places[0].scheme != LOCAL:
            return None
        token = self.access.join_token(wanted.room, wanted.id)
        return f"{self.public_url or origin}/join/{quote(wanted.room, safe='')}#t={token}"

    async def entrance(self, room: str, by: ApiKey, origin: str) -> str:
        """Return where people come into a key's own class, on or to come: its join page, else the privacy page."""
        for record in await self.own_bots(by, room):
            if record.now.state is not State.ENDED:
                return self._join(record, origin) or f"{self.public_url or origin}/privacy/{quote(room, safe='')}"
        raise HTTPException(404, "No class of this course is on now, and none is to come: open this link again later.")

    async def link(self, room: str, by: ApiKey, origin: str) -> str:
        """Make a fresh link for an instructor, to the class that is on or about to come."""
        meeting = await self.current_class(room, by)
        note(SecurityEvent.LINK_MADE, room=room, key=by.fingerprint)
        return self._class_link(room, meeting, origin)

    async def current_class(self, room: str, by: ApiKey) -> str:
        """Return the class of a key's own that is on or about to come; 404 where there is none."""
        meeting = await self.meetings.current(room)
        if meeting is None or not (by.is_admin or meeting in await self.own_classes(room, by)):
            raise HTTPException(404, "No class of yours is on here and none is to come: invite a bot.")
        return meeting

    def standing_link(self, room: str, by: ApiKey, origin: str) -> str:
        """Make one to every class of a room, whoever invites its bot."""
        if not by.is_admin:
            raise HTTPException(403, "A link to every class of a room is made with a key of the scope 'admin'.")
        note(SecurityEvent.LINK_MADE, "standing", room=room, key=by.fingerprint)
        return instructor_url(self.public_url or origin, room, self.access.standing_link(room))

    async def close_links(self, room: str, by: ApiKey) -> int:
        """Revoke a room's links, and return its new generation."""
        if not (by.is_admin or await self.own_classes(room, by)):
            raise HTTPException(404, "You have invited no bot to such a room.")
        try:
            return await self.access.revoke(room)
        finally:
            note(SecurityEvent.REVOKED, "links", room=room, key=by.fingerprint)

    def _class_link(self, room: str, meeting: str, origin: str) -> str:
        return instructor_url(self.public_url or origin, room, self.access.link(room, meeting))

    def _report_link(self, room: str, meeting: str, origin: str) -> str:
        return report_url(self.public_url or origin, room, self.access.report_link(room, meeting))
