"""What every queue of invitations must do. A test module subclasses `QueueContract` and gives it a `queue` fixture."""

import asyncio
import time

import pytest

from dashboard_protocol.bus import MemoryBus
from dashboard_protocol.errors import RoomTaken, TooManyBots
from dashboard_protocol.events import AlertAt
from dashboard_protocol.queue import (
    Attempt,
    BotRecord,
    Delivery,
    Due,
    HeartbeatReply,
    Invitation,
    Moment,
    Queue,
    Webhook,
)
from dashboard_protocol.sealing import Sealer
from dashboard_protocol.vocabulary import EndReason, Profile, State

PATIENCE_S = 30
SEALER = Sealer(b"x" * 32)
ALERT = AlertAt.model_validate(
    {
        "at": 9.0,
        "alert": {
            "id": "a1", "kind": "fall", "from": 0.8, "to": 0.6, "window": {"start": 1.0, "end": 9.0}, "people": 20,
            "why": "facing",
        },
    }
)  # fmt: skip


def invitation(
    name: str = "a",
    *,
    room: str | None = None,
    join_at: float | None = None,
    webhook: Webhook | None = None,
    owner: str = "",
) -> Invitation:
    return Invitation(
        id=name,
        room=room or f"room-{name}",
        room_url=f"local://room-{name}",
        policy=Profile.PRESENCE,
        join_at=join_at,
        requested_at=time.time(),
        webhook=webhook,
        owner=owner,
    )


def moment(state: State, reason: str | None = None) -> Moment:
    return Moment(state=state, since=time.time(), reason=reason)


WEBHOOK = Webhook(url="https://lms.example.org/bots", secret="whsec_secret")


def attempt(due: Due, problem: str | None = None) -> Attempt:
    return Attempt(number=due.number, at=time.time(), took_s=0.1, status=500 if problem else 204, problem=problem)


async def taken(queue: Queue, *, lease_s: float = 30) -> Due:
    """Take deliveries until there is one."""
    async with asyncio.timeout(PATIENCE_S):
        while (due := await queue.take_delivery(lease_s)) is None:  # noqa: ASYNC110  queues are polled
            await asyncio.sleep(0.02)
    return due


def brief(deliveries: list[Delivery]) -> list[tuple[str, str, int]]:
    return [
        (
            known.of.state.value if isinstance(known.of, Moment) else "class.alert",
            known.status.value,
            len(known.attempts),
        )
        for known in deliveries
    ]


async def claimed(queue: Queue, worker: str) -> BotRecord:
    """Claim until there is something."""
    async with asyncio.timeout(PATIENCE_S):
        while (record := await queue.claim(worker)) is None:  # noqa: ASYNC110  queues are polled
            await asyncio.sleep(0.05)
    return record


class QueueContract:
    """Subclass it as `TestX`; the fixtures `queue` and `forgetful` yield an empty queue and close it."""

    claim_s = 1.2
    """A worker silent for so long is dead, as the fixture must have it."""
    retention_s = 1.0
    """The fixture `forgetful` keeps what became of a bot for so long."""

    async def test_invitation_is_claimed_once(self, queue: Queue) -> None:
        wanted = invitation()
        record = await queue.submit(wanted)
        assert (record.invitation, record.now.state, record.worker) == (wanted, State.REQUESTED, None)
        found = await queue.claim("w1")
        assert found is not None
        assert (found.invitation, found.worker) == (wanted, "w1")
        assert await queue.claim("w2") is None

    async def test_invitations_are_claimed_in_order(self, queue: Queue) -> None:
        for name in "abc":
            await queue.submit(invitation(name))
        assert [(await claimed(queue, "w")).invitation.id for _ in range(3)] == ["a", "b", "c"]
        assert [record.invitation.id for record in await queue.bots()] == ["c", "b", "a"]

    async def test_meeting_that_takes_a_browser_is_left_to_a_worker_that_has_room_for_one(self, queue: Queue) -> None:
        for name, url in (("a", "bbb+https://h/a"), ("b", "janus+wss://h/b"), ("c", "browser+https://h/c")):
            await queue.submit(invitation(name).model_copy(update={"room_url": url}))
        taken = await queue.claim("full", pages=False)
        assert taken is not None
        assert taken.invitation.id == "b"
        assert await queue.claim("full", pages=False) is None
        assert [(await claimed(queue, "w")).invitation.id for _ in range(2)] == ["a", "c"]
        await queue.release("w", "a")
        assert await queue.claim("full", pages=False) is None
        assert (await claimed(queue, "v")).invitation.id == "a"

    async def test_page_of_a_dead_worker_waits_for_one_with_room_for_a_browser(self, queue: Queue) -> None:
        await queue.submit(invitation("a").model_copy(update={"room_url": "bbb+https://h/a"}))
        record = await claimed(queue, "dead")
        deadline_s = time.monotonic() + 2.5 * self.claim_s
        while time.monotonic() < deadline_s:
            assert await queue.claim("full", pages=False) is None
            await queue.beat("full", [])
            await asyncio.sleep(0.1)
        record = await claimed(queue, "w")
        assert (record.invitation.id, record.now.reason) == ("a", "worker_lost")
        assert await queue.report("w", "a", Moment(state=State.ENDED, since=1.0, reason="asked_to_leave"))
        assert await queue.claim("w") is None

    async def test_key_gives_the_first_invitation_again(self, queue: Queue) -> None:
        first = await queue.submit(invitation("a"), "key")
        assert (await queue.submit(invitation("b"), "key")).invitation == first.invitation
        assert (await queue.submit(invitation("c"), "other")).invitation.id == "c"
        assert len(await queue.bots()) == 2

    async def test_requests_of_one_key_at_the_same_time_invite_once(self, queue: Queue) -> None:
        records = await asyncio.gather(*(queue.submit(invitation(name), "key") for name in "abcdefgh"))
        assert len({record.invitation.id for record in records}) == 1
        assert len(await queue.bots()) == 1

    async def test_room_has_one_bot_at_a_time(self, queue: Queue) -> None:
        answers = await asyncio.gather(
            *(queue.submit(invitation(name, room="r")) for name in "abcd"), return_exceptions=True
        )
        assert sum(isinstance(answer, RoomTaken) for answer in answers) == 3
        [bot] = [answer.invitation.id for answer in answers if isinstance(answer, BotRecord)]
        assert await queue.serving("r") == bot
        await queue.ask_to_leave(bot)
        assert await queue.serving("r") is None
        await queue.submit(invitation("e", room="r"))
        await claimed(queue, "w")
        with pytest.raises(RoomTaken, match="ask it to leave"):
            await queue.submit(invitation("f", room="r"))
        await queue.report("w", "e", moment(State.ENDED, EndReason.ALONE))
        await queue.submit(invitation("f", room="r"))

    async def test_inviter_has_so_many_bots_at_once_however_many_ask_at_the_same_time(self, queue: Queue) -> None:
        await queue.submit(invitation("other", owner="b"))
        answers = await asyncio.gather(
            *(queue.submit(invitation(name, owner="a"), f"key {name}", 3) for name in "abcdefgh"),
            return_exceptions=True,
        )
        assert sum(isinstance(answer, TooManyBots) for answer in answers) == 5
        held = [answer.invitation.id for answer in answers if isinstance(answer, BotRecord)]
        assert (await queue.submit(invitation("again", owner="a"), f"key {held[0]}", 3)).invitation.id == held[0]
        await queue.submit(invitation("any", owner="a"))
        for bot in (held[0], "any"):
            await queue.ask_to_leave(bot)
        await queue.submit(invitation("free", owner="a"), None, 3)

    async def test_invitation_for_later_waits(self, queue: Queue) -> None:
        at = time.time() + 0.5
        await queue.submit(invitation(join_at=at))
        assert await queue.claim("w") is None
        await claimed(queue, "w")
        assert time.time() >= at

    async def test_states_are_kept_with_their_reasons(self, queue: Queue) -> None:
        await queue.submit(invitation())
        await claimed(queue, "w")
        steps = [moment(State.JOINING), moment(State.WAITING, "lobby"), moment(State.LIVE)]
        for step in steps:
            assert await queue.report("w", "a", step, join="http://here/join/a")
        record = await queue.bot("a")
        assert record is not None
        assert list(record.states[1:]) == steps
        assert (record.now, record.join) == (steps[-1], "http://here/join/a")

    async def test_ended_invitation_is_nobodys(self, queue: Queue) -> None:
        await queue.submit(invitation())
        await claimed(queue, "w")
        assert await queue.report("w", "a", moment(State.ENDED, EndReason.ALONE))
        assert not await queue.report("w", "a", moment(State.LIVE))
        assert await queue.beat("w", ["a"]) == {"a": HeartbeatReply.LOST}
        await asyncio.sleep(self.claim_s * 1.2)
        assert await queue.claim("v") is None

    async def test_invitation_of_a_silent_worker_goes_to_another(self, queue: Queue) -> None:
        await queue.submit(invitation())
        await claimed(queue, "dead")
        await queue.report("dead", "a", moment(State.LIVE))
        taken = await claimed(queue, "alive")
        assert (taken.worker, taken.now.state, taken.now.reason) == ("alive", State.RECONNECTING, "worker_lost")
        assert await queue.beat("dead", ["a"]) == {"a": HeartbeatReply.LOST}
        assert not await queue.report("dead", "a", moment(State.LIVE))
        assert await queue.beat("alive", ["a"]) == {"a": HeartbeatReply.STAY}

    async def test_invitation_of_a_silent_worker_is_found_behind_many_that_are_served(self, queue: Queue) -> None:
        served = [f"a-{number}" for number in range(30)]
        for name in (*served, "z"):
            await queue.submit(invitation(name))
        for _ in served:
            await claimed(queue, "busy")
        assert (await claimed(queue, "dead")).invitation.id == "z"
        async with asyncio.timeout(PATIENCE_S):
            while (taken := await queue.claim("other")) is None:
                await queue.beat("busy", served)
                await asyncio.sleep(0.05)
        assert taken.invitation.id == "z"

    async def test_worker_that_was_silent_claims_none_of_its_own_bots(self, queue: Queue) -> None:
        await queue.submit(invitation())
        await claimed(queue, "w")
        await queue.report("w", "a", moment(State.LIVE))
        end = time.monotonic() + 1.5 * self.claim_s
        while time.monotonic() < end:  # noqa: ASYNC110  it says nothing, and asks for more as soon as it wakes up
            await asyncio.sleep(self.claim_s / 4)
        assert await queue.claim("w", {"a"}) is None
        record = await queue.bot("a")
        assert record is not None
        assert record.now.state is State.LIVE
        assert await queue.beat("w", ["a"]) == {"a": HeartbeatReply.STAY}

    async def test_claim_whose_answer_was_lost_is_handed_out_again(self, queue: Queue) -> None:
        await queue.submit(invitation())
        await claimed(queue, "w")  # and never hears of it
        assert (await claimed(queue, "w")).invitation.id == "a"

    async def test_heartbeats_keep_an_invitation(self, queue: Queue) -> None:
        await queue.submit(invitation())
        await claimed(queue, "w")
        end = time.monotonic() + 1.5 * self.claim_s
        while time.monotonic() < end:
            assert await queue.beat("w", ["a"]) == {"a": HeartbeatReply.STAY}
            assert await queue.claim("v") is None
            await asyncio.sleep(self.claim_s / 10)

    async def test_released_invitation_is_taken_at_once(self, queue: Queue) -> None:
        await queue.submit(invitation())
        await claimed(queue, "w")
        await queue.report("w", "a", moment(State.RECONNECTING, "handed_over"))
        await queue.release("w", "a")
        taken = await queue.claim("v")
        assert taken is not None
        assert (taken.worker, taken.now.reason) == ("v", "handed_over")

    async def test_worker_hears_that_its_bot_shall_leave(self, queue: Queue) -> None:
        await queue.submit(invitation())
        await claimed(queue, "w")
        record = await queue.ask_to_leave("a")
        assert record is not None
        assert record.now.state is State.REQUESTED
        assert await queue.beat("w", ["a"]) == {"a": HeartbeatReply.LEAVE}

    async def test_bot_that_nobody_runs_ends_when_asked_to_leave(self, queue: Queue) -> None:
        await queue.submit(invitation("now"))
        await queue.submit(invitation("later", join_at=time.time() + 3600))
        for name in ("now", "later"):
            record = await queue.ask_to_leave(name)
            assert record is not None
            assert (record.now.state, record.now.reason) == (State.ENDED, "asked_to_leave")
        assert await queue.claim("w") is None

    async def test_queue_that_lost_its_memory_is_filled_by_the_workers(self, queue: Queue) -> None:
        wanted, since = invitation(), moment(State.LIVE)
        record = BotRecord(invitation=wanted, now=since, notifications=(since,), worker="w", join="http://here/join/a")
        for _ in range(2):
            await queue.restore("w", record)
        assert await queue.claim("v") is None
        assert await queue.beat("w", ["a"]) == {"a": HeartbeatReply.STAY}
        assert await queue.bots() == [record]
        taken = await claimed(queue, "v")
        assert (taken.worker, taken.now.reason) == ("v", "worker_lost")

    async def test_bots_of_a_room_are_forgotten_once_they_ended(self, queue: Queue) -> None:
        await queue.submit(invitation("old", room="r", webhook=WEBHOOK))
        await queue.ask_to_leave("old")
        await queue.submit(invitation("other"))
        assert await queue.erase("r", MemoryBus())
        assert [record.invitation.id for record in await queue.bots()] == ["other"]
        assert (await queue.bot("old"), await queue.deliveries("old")) == (None, [])
        assert await queue.take_delivery(30) is None

    async def test_nothing_of_a_room_is_forgotten_while_a_bot_serves_it(self, queue: Queue) -> None:
        for name in ("old", "new"):
            await queue.submit(invitation(name, room="r"))
            if name == "old":
                await queue.ask_to_leave(name)
        assert not await queue.erase("r", MemoryBus())
        assert [record.invitation.id for record in await queue.bots()] == ["new", "old"]

    async def test_bot_that_ended_long_ago_is_forgotten(self, forgetful: Queue) -> None:
        await forgetful.submit(invitation("later", join_at=time.time() + 3600))
        await forgetful.submit(invitation("old"))
        await forgetful.ask_to_leave("old")
        async with asyncio.timeout(PATIENCE_S):
            while await forgetful.bot("old") is not None:  # noqa: ASYNC110  queues are polled
                await asyncio.sleep(0.1)
        assert [record.invitation.id for record in await forgetful.bots()] == ["later"]

    async def test_webhook_is_notified_of_every_state_in_order(self, queue: Queue) -> None:
        await queue.submit(invitation("silent"))
        await queue.submit(invitation(webhook=WEBHOOK))
        while (await claimed(queue, "w")).invitation.webhook is None:
            pass
        await queue.report("w", "a", moment(State.JOINING))
        for number, state in enumerate((State.REQUESTED, State.JOINING)):
            due = await taken(queue)
            assert await queue.take_delivery(30) is None, "one at a time"
            assert (due.record.invitation.webhook, due.number, due.tries) == (WEBHOOK, number, 0)
            assert due.record.states[due.number].state is state
            assert await queue.settle_delivery(due, attempt(due), None)
        assert await queue.take_delivery(30) is None
        await queue.report("w", "a", moment(State.LIVE))
        due = await taken(queue)
        assert await queue.settle_delivery(due, attempt(due), None)
        reported = await queue.deliveries("a")
        assert brief(reported) == [("requested", "delivered", 1), ("joining", "delivered", 1), ("live", "delivered", 1)]
        assert [known.id for known in reported] == ["a-0", "a-1", "a-2"]
        assert await queue.deliveries("silent") == await queue.deliveries("nobody") == []

    async def test_state_that_was_not_taken_is_notified_again_and_given_up(self, queue: Queue) -> None:
        await queue.submit(invitation(webhook=WEBHOOK))
        await queue.ask_to_leave("a")
        due = await taken(queue)
        assert await queue.settle_delivery(due, attempt(due, "http_500"), 0.3)
        assert await queue.take_delivery(30) is None
        [first, second] = await queue.deliveries("a")
        assert (first.status, first.attempts[0].problem, second.next_at) == ("waiting", "http_500", None)
        assert first.next_at is not None
        assert 0 < first.next_at - time.time() <= 0.3
        again = await taken(queue)
        assert (again.number, again.tries) == (0, 1)
        assert await queue.settle_delivery(again, attempt(again, "timeout"), None)
        due = await taken(queue)
        assert await queue.settle_delivery(due, attempt(due), None)
        assert brief(await queue.deliveries("a")) == [("requested", "dead", 2), ("ended", "delivered", 1)]

    async def test_webhook_is_notified_of_alerts_among_the_states(self, queue: Queue) -> None:
        await queue.submit(invitation(webhook=WEBHOOK))
        await claimed(queue, "w")
        assert not await queue.report("v", "a", ALERT)
        for notification in (moment(State.LIVE), ALERT, moment(State.ENDED)):
            assert await queue.report("w", "a", notification)
        assert not await queue.report("w", "a", ALERT), "it is over"
        record = await queue.bot("a")
        assert record is not None
        assert [known.state for known in record.states] == [State.REQUESTED, State.LIVE, State.ENDED]
        assert record.now.state is State.ENDED
        for number in range(4):
            due = await taken(queue)
            assert due.number == number
            assert await queue.settle_delivery(due, attempt(due), None)
        kinds = ["requested", "live", "class.alert", "ended"]
        assert brief(await queue.deliveries("a")) == [(kind, "delivered", 1) for kind in kinds]
        assert record.notifications[2] == ALERT

    async def test_many_gateways_take_a_state_once(self, queue: Queue) -> None:
        for name in "abc":
            await queue.submit(invitation(name, webhook=WEBHOOK))
        found = await asyncio.gather(*(queue.take_delivery(30) for _ in range(12)))
        ids = [due.record.invitation.id for due in found if due is not None]
        assert sorted(ids) == ["a", "b", "c"]

    async def test_lease_of_a_gateway_that_is_gone_ends(self, queue: Queue) -> None:
        await queue.submit(invitation(webhook=WEBHOOK))
        gone = await taken(queue, lease_s=0.3)
        due = await taken(queue)
        assert (due.number, due.tries) == (0, 0)
        assert not await queue.settle_delivery(gone, attempt(gone), None)
        assert await queue.settle_delivery(due, attempt(due), None)
        assert brief(await queue.deliveries("a")) == [("requested", "delivered", 1)]

    async def test_queue_that_lost_its_memory_has_the_present_state_notified(self, queue: Queue) -> None:
        states = (moment(State.REQUESTED), moment(State.LIVE))
        record = BotRecord(
            invitation=invitation(webhook=WEBHOOK), now=states[1], notifications=(*states, ALERT), worker="w"
        )
        await queue.restore("w", record)
        due = await taken(queue)
        assert due.record.states[due.number].state is State.LIVE
        for each in (due, None):
            last = each or await taken(queue)
            assert await queue.settle_delivery(last, attempt(last), None)
        assert await queue.take_delivery(30) is None
        await queue.report("w", "a", moment(State.ENDED, EndReason.ALONE))
        assert (await taken(queue)).number == 3
        assert brief(await queue.deliveries("a"))[::2] == [("live", "delivered", 1), ("ended", "waiting", 0)]

    async def test_secret_of_a_webhook_shows_in_no_text(self, queue: Queue) -> None:
        record = await queue.submit(invitation(webhook=WEBHOOK))
        assert WEBHOOK.secret not in f"{record!r} {record} {await taken(queue)!r}"

    async def test_unknown_bot_is_none(self, queue: Queue) -> None:
        assert await queue.bot("nobody") is None
        assert await queue.ask_to_leave("nobody") is None
        assert await queue.beat("w", ["nobody"]) == {"nobody": HeartbeatReply.UNKNOWN}
        assert not await queue.report("w", "nobody", moment(State.LIVE))
        await queue.release("w", "nobody")
        assert await queue.bots() == []
        assert await queue.serving("nowhere") is None
        assert await queue.erase("nowhere", MemoryBus())
        await queue.ping()
