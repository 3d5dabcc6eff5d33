"""What a worker makes of an invitation."""

from bot.settings import MeetingOptions
from bot.workers.claimed import Claimed
from dashboard_protocol.queue.memory import MemoryQueue
from dashboard_protocol.queue.records import BotRecord, Invitation, Moment
from dashboard_protocol.vocabulary import Profile, State


async def test_bot_learns_whom_to_leave_out_and_that_people_were_informed() -> None:
    invitation = Invitation(
        id="b", room="r", room_url="local://r", policy=Profile.PRESENCE, requested_at=1.0, leave_out=("Dr Öz",),
        notice_given=True,
    )  # fmt: skip
    now = Moment(state=State.REQUESTED, since=1.0)
    record = BotRecord.model_validate_json(BotRecord(invitation=invitation, now=now, states=(now,)).model_dump_json())
    settings = Claimed(record, MemoryQueue(), "w").settings(MeetingOptions())
    assert settings.leave_out == ("Dr Öz",)
    assert settings.notice_given
    assert "Öz" not in repr(record), "logs show records"
