"""What every queue of invitations must do. A test module subclasses `QueueContract` and gives it a `queue` fixture."""

import asyncio
import time

from dashboard_protocol.queue.base import BotRecord, Invitation, Moment, Order, Queue
from dashboard_protocol.vocabulary import EndReason, Profile, State

PATIENCE_S = 30


def invitation(name: str = "a", *, join_at: float | None = None) -> Invitation:
    return Invitation(
        id=name,
        room=f"room-{name}",
        room_url=f"local://room-{name}",
        policy=Profile.PRESENCE,
        join_at=join_at,
        requested_at=time.time(),
    )


def moment(state: State, reason: str | None = None) -> Moment:
    return Moment(state=state, since=time.time(), reason=reason)


async def claimed(queue: Queue, worker: str) -> BotRecord:
    """Claim until there is something."""
    async with asyncio.timeout(PATIENCE_S):
        while (record := await queue.claim(worker)) is None:  # noqa: ASYNC110  queues are polled
            await asyncio.sleep(0.05)
    return record


class QueueContract:
    """Subclass it as `TestX`; the fixture `queue` yields an empty queue and closes it."""

    claim_s = 0.6
    """A worker silent for so long is dead, as the fixture must have it."""

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

    async def test_key_gives_the_first_invitation_again(self, queue: Queue) -> None:
        first = await queue.submit(invitation("a"), "key")
        assert (await queue.submit(invitation("b"), "key")).invitation == first.invitation
        assert (await queue.submit(invitation("c"), "other")).invitation.id == "c"
        assert len(await queue.bots()) == 2
        assert await queue.submitted("key") == first
        assert await queue.submitted("unheard of") is None

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
        assert await queue.beat("w", ["a"]) == {"a": Order.LOST}
        await asyncio.sleep(self.claim_s * 1.2)
        assert await queue.claim("v") is None

    async def test_invitation_of_a_silent_worker_goes_to_another(self, queue: Queue) -> None:
        await queue.submit(invitation())
        await claimed(queue, "dead")
        await queue.report("dead", "a", moment(State.LIVE))
        taken = await claimed(queue, "alive")
        assert (taken.worker, taken.now.state, taken.now.reason) == ("alive", State.RECONNECTING, "worker_lost")
        assert await queue.beat("dead", ["a"]) == {"a": Order.LOST}
        assert not await queue.report("dead", "a", moment(State.LIVE))
        assert await queue.beat("alive", ["a"]) == {"a": Order.STAY}

    async def test_heartbeats_keep_an_invitation(self, queue: Queue) -> None:
        await queue.submit(invitation())
        await claimed(queue, "w")
        end = time.monotonic() + 1.5 * self.claim_s
        while time.monotonic() < end:
            assert await queue.beat("w", ["a"]) == {"a": Order.STAY}
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
        assert await queue.beat("w", ["a"]) == {"a": Order.LEAVE}

    async def test_bot_that_nobody_runs_ends_when_asked_to_leave(self, queue: Queue) -> None:
        await queue.submit(invitation("now"))
        await queue.submit(invitation("later", join_at=time.time() + 3600))
        for name in ("now", "later"):
            record = await queue.ask_to_leave(name)
            assert record is not None
            assert (record.now.state, record.now.reason) == (State.ENDED, "asked_to_leave")
        assert await queue.claim("w") is None

    async def test_queue_that_lost_its_memory_is_told_by_the_workers(self, queue: Queue) -> None:
        wanted, since = invitation(), moment(State.LIVE)
        record = BotRecord(invitation=wanted, now=since, states=(since,), worker="w", join="http://here/join/a")
        for _ in range(2):
            await queue.restore("w", record)
        assert await queue.claim("v") is None
        assert await queue.beat("w", ["a"]) == {"a": Order.STAY}
        assert await queue.bots() == [record]
        taken = await claimed(queue, "v")
        assert (taken.worker, taken.now.reason) == ("v", "worker_lost")

    async def test_unknown_bot_is_none(self, queue: Queue) -> None:
        assert await queue.bot("nobody") is None
        assert await queue.ask_to_leave("nobody") is None
        assert await queue.beat("w", ["nobody"]) == {"nobody": Order.UNKNOWN}
        assert not await queue.report("w", "nobody", moment(State.LIVE))
        await queue.release("w", "nobody")
        assert await queue.bots() == []
        await queue.ping()
