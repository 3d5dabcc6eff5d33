"""What a worker makes of an invitation."""

import asyncio

import pytest

from bot.settings import MeetingOptions
from bot.workers.assignment import Happening
from bot.workers.child import StatusLine, _line_of
from bot.workers.claimed import Claimed
from bot.workers.worker import Worker
from dashboard_protocol.events import Event
from dashboard_protocol.queue.memory import MemoryQueue
from dashboard_protocol.queue.records import BotRecord, Invitation, Moment, Webhook
from dashboard_protocol.vocabulary import Profile, State
from tests.contracts.queues import ALERT


async def test_bot_learns_whom_to_leave_out_and_that_people_were_informed() -> None:
    invitation = Invitation(
        id="b", room="r", room_url="local://r", policy=Profile.PRESENCE, requested_at=1.0, leave_out=("Dr Öz",),
        notice_given=True,
    )  # fmt: skip
    now = Moment(state=State.REQUESTED, since=1.0)
    record = BotRecord.model_validate_json(
        BotRecord(invitation=invitation, now=now, notifications=(now,)).model_dump_json()
    )
    settings = Claimed(record, MemoryQueue(), "w").settings(MeetingOptions())
    assert settings.leave_out == ("Dr Öz",)
    assert settings.notice_given
    assert "Öz" not in repr(record), "logs show records"


async def test_alert_is_reported_in_its_turn_and_changes_no_state() -> None:
    queue = MemoryQueue()
    hook = Webhook(url="https://8.8.8.8/", secret="whsec_x", alerts=True)
    await queue.submit(
        Invitation(id="b", room="r", room_url="local://r", policy=Profile.AGGREGATE, requested_at=1.0, webhook=hook)
    )
    record = await queue.claim("w")
    assert record is not None
    claimed = Claimed(record, queue, "w")
    assert claimed.wants_alerts
    live, leaving = (Moment(state=state, since=2.0) for state in (State.LIVE, State.LEAVING))
    async with asyncio.timeout(30), claimed.reporting():
        for notification in (live, ALERT, leaving, ALERT):
            claimed.report(notification)
        assert claimed.newest == leaving
        await claimed.all_reported()
    known = await queue.bot("b")
    assert known is not None
    assert known.notifications[1:] == (live, ALERT, leaving, ALERT)
    assert (known.now, known.newest_state) == (leaving, 3)
    assert claimed.record.states == known.states


@pytest.mark.parametrize("wants_them", [True, False])
async def test_alert_of_a_bot_is_passed_on_only_to_a_webhook_that_asked_for_alerts(wants_them: bool) -> None:
    queue = MemoryQueue()
    hook = Webhook(url="https://8.8.8.8/", secret="whsec_x", alerts=wants_them)
    await queue.submit(
        Invitation(id="b", room="r", room_url="local://r", policy=Profile.AGGREGATE, requested_at=1.0, webhook=hook)
    )
    record = await queue.claim("w")
    assert record is not None
    claimed, worker = Claimed(record, queue, "w"), Worker(queue, name="w", capacity=1, options=MeetingOptions())
    for happening in (Happening.DUE, Happening.STARTED):
        claimed.assignment.happen(happening)
    said = _line_of(Event(room="r", epoch=1, seq=1, at=ALERT.at, body=ALERT.alert))
    assert said is not None
    async with asyncio.timeout(30), claimed.reporting():
        await worker._take(
            claimed, StatusLine.model_validate_json(said.model_dump_json(exclude_none=True, by_alias=True))
        )
        await claimed.all_reported()
    known = await queue.bot("b")
    assert known is not None
    assert known.notifications[1:] == ((ALERT,) if wants_them else ())
