"""What every bus must do. A test module subclasses `BusContract` and gives it a `bus` fixture."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from dashboard_protocol.bus.base import Bus
from dashboard_protocol.errors import BusError, EpochOver, RoomTaken
from dashboard_protocol.events import (
    Body,
    BotState,
    Bye,
    EndReason,
    Event,
    Forget,
    Hello,
    ParticipantUpdate,
    PolicyMeaning,
    Profile,
    Series,
    Snapshot,
    State,
)

_POLICY = PolicyMeaning(
    profile=Profile.INDIVIDUAL,
    computed="",
    leaves="",
    never="",
    opting_out="",
    k=5,
    rounding_points=5,
    window_s=10,
    freeze_s=10,
)
_HELLO = Hello(software="", title="", bot_name="", policy=_POLICY, formula="", levels=(), alerts=None)
_LIVE = BotState(state=State.LIVE, since=0)
_BYE = Bye(reason=EndReason.ALONE, report=None, live_s=0, present_max=0, alerts=0)


def _snapshot() -> Snapshot:
    return Snapshot(
        bot_state=None, live_since=None, summary=None, series=Series(), participants=(), alerts=(), bye=None
    )


def _person(participant: str) -> ParticipantUpdate:
    return ParticipantUpdate(
        participant=participant,
        name="",
        index=None,
        level=None,
        coverage=None,
        grade=None,
        facing=None,
        displayed=None,
        unmeasurable=None,
        since=0,
        reads_per_s=0,
        as_of=None,
    )


def _event(seq: int, body: Body = _LIVE, *, room: str = "r", epoch: int = 1) -> Event:
    return Event(room=room, epoch=epoch, seq=seq, at=float(seq), body=body)


async def _next(events: AsyncIterator[Event]) -> Event:
    async with asyncio.timeout(30):
        return await anext(events)


async def _exhaust(events: AsyncIterator[Event]) -> None:
    while True:
        await _next(events)


class BusContract:
    """Subclass it as `TestX`; the fixtures `bus` and `forgetful` yield an empty bus and close it."""

    retention_s = 1.0
    """The fixture `forgetful` keeps events for so long."""
    history_events = 4096
    """Events a room of the bus keeps."""
    subscriber_events = 1024
    """Events that may wait for a subscriber."""

    async def test_epochs_of_a_room_count_from_one(self, bus: Bus) -> None:
        assert [await bus.open_epoch("r"), await bus.open_epoch("r"), await bus.open_epoch("other")] == [1, 2, 1]

    async def test_room_without_bot_retains_nothing(self, bus: Bus) -> None:
        assert await bus.snapshot("r") is None
        assert await bus.history("r", 1, 0) is None

    async def test_subscriber_gets_events_of_its_room_in_order(self, bus: Bus) -> None:
        async with bus.subscribe("r") as events:
            await bus.publish(_event(0, _HELLO))
            await bus.publish(_event(1, room="other"))
            for seq in (1, 2, 3):
                await bus.publish(_event(seq))
            assert [(await _next(events)).seq for _ in range(4)] == [0, 1, 2, 3]

    async def test_every_subscriber_gets_every_event(self, bus: Bus) -> None:
        async with bus.subscribe("r") as first, bus.subscribe("r") as second:
            await bus.publish(_event(1))
            assert await _next(first) == await _next(second) == _event(1)

    async def test_subscriber_gets_no_snapshots_and_nothing_from_before(self, bus: Bus) -> None:
        await bus.publish(_event(1))
        async with bus.subscribe("r") as events:
            await bus.publish(_event(1, _snapshot()))
            await bus.publish(_event(2))
            assert (await _next(events)).seq == 2

    async def test_newest_hello_and_snapshot_are_retained(self, bus: Bus) -> None:
        await bus.publish(_event(0, _HELLO))
        for seq in (1, 2):
            await bus.publish(_event(seq))
            await bus.publish(_event(seq, _snapshot()))
        retained = await bus.snapshot("r")
        assert retained is not None
        assert retained.hello == _event(0, _HELLO)
        assert retained.snapshot == _event(2, _snapshot())

    async def test_history_returns_what_came_after(self, bus: Bus) -> None:
        await bus.publish(_event(0, _HELLO))
        for seq in (1, 2, 3):
            await bus.publish(_event(seq))
        assert await bus.history("r", 1, 1) == [_event(2), _event(3)]
        assert await bus.history("r", 1, 3) == []

    async def test_history_of_an_earlier_epoch_is_gone(self, bus: Bus) -> None:
        await bus.publish(_event(0, _HELLO))
        await bus.publish(_event(1))
        await bus.publish(_event(0, _HELLO, epoch=2))
        assert await bus.history("r", 1, 0) is None
        assert await bus.history("r", 2, 0) == []
        assert await bus.snapshot("r") is None

    async def test_bot_of_an_earlier_epoch_cannot_publish(self, bus: Bus) -> None:
        old, new = await bus.open_epoch("r"), await bus.open_epoch("r")
        async with bus.subscribe("r") as events:
            with pytest.raises(EpochOver):
                await bus.publish(_event(1, epoch=old))
            await bus.publish(_event(2, epoch=new))
            assert (await _next(events)).seq == 2

    async def test_room_that_a_bot_holds_is_opened_by_nobody_else(self, bus: Bus) -> None:
        epoch = await bus.open_epoch("r", "one")
        with pytest.raises(RoomTaken, match="Another bot"):
            await bus.open_epoch("r", "two")
        await bus.hold("r", epoch, "one")
        assert await bus.open_epoch("r", "one") == epoch + 1, "it may have died and started anew"
        assert await bus.open_epoch("other", "two") == 1

    async def test_bot_from_whom_a_room_is_taken_over_learns_it_though_it_publishes_nothing(self, bus: Bus) -> None:
        old = await bus.open_epoch("r", "one")
        new = await bus.open_epoch("r", "two", take_over=True)
        assert new == old + 1
        with pytest.raises(EpochOver):
            await bus.hold("r", old, "one")
        await bus.hold("r", new, "two")
        with pytest.raises(RoomTaken):
            await bus.open_epoch("r", "one")

    async def test_room_whose_bot_said_bye_is_free_at_once(self, bus: Bus) -> None:
        epoch = await bus.open_epoch("r", "one")
        await bus.publish(_event(0, _HELLO, epoch=epoch))
        await bus.publish(_event(1, _BYE, epoch=epoch))
        assert await bus.open_epoch("r", "two") == epoch + 1

    async def test_room_of_a_bot_that_fell_silent_is_free_after_a_while(
        self, bus: Bus, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for module in ("memory", "redis"):
            monkeypatch.setattr(f"dashboard_protocol.bus.{module}.HOLD_S", 0.3)
        await bus.open_epoch("r", "one")
        async with asyncio.timeout(30):
            while True:
                try:
                    assert await bus.open_epoch("r", "two") == 2
                    break
                except RoomTaken:
                    await asyncio.sleep(0.05)

    async def test_archive_says_the_class_and_nobody_in_it(self, bus: Bus) -> None:
        published = [_event(0, _HELLO), _event(1), _event(3)]
        for event in (*published[:2], _event(2, _person("a")), published[2]):
            await bus.publish(event)
        assert [event async for event in bus.archive("r")] == published
        assert [event async for event in bus.archive("other")] == []

    async def test_long_archive_lets_others_of_the_process_in(self, bus: Bus) -> None:
        for seq in range(1, 301):
            await bus.publish(_event(seq))
        turns, seen = 0, []

        def others() -> None:
            nonlocal turns
            turns += 1

        async for _ in bus.archive("r"):
            seen.append(turns)
            asyncio.get_running_loop().call_soon(others)
        assert len(seen) == 300
        assert max(seen.count(turn) for turn in set(seen)) <= 64  # in a row, before anybody else could do anything

    async def test_archive_says_which_policy_held_when(self, bus: Bus) -> None:
        changed = _HELLO.model_copy(update={"title": "changed"})
        published = [_event(0, _HELLO), _event(1), _event(1, changed), _event(2), _event(2, _HELLO)]
        for event in published:
            await bus.publish(event)
        assert [event async for event in bus.archive("r")] == published
        assert await bus.history("r", 1, 0) == [_event(1), _event(2)]

    async def test_old_events_are_gone_while_new_ones_are_kept(self, forgetful: Bus) -> None:
        await forgetful.publish(_event(0, _HELLO))
        await forgetful.publish(_event(1))
        held, seq = [1], 1
        async with asyncio.timeout(30):
            while 1 in held:
                await asyncio.sleep(self.retention_s / 4)
                seq += 1
                await forgetful.publish(_event(seq))
                held = [event.seq async for event in forgetful.archive("r") if event.body != _HELLO]
        assert held[-1] == seq
        assert held == list(range(held[0], seq + 1))

    async def test_class_that_is_over_is_gone_in_time(self, forgetful: Bus) -> None:
        for event in (_event(0, _HELLO), _event(1), _event(1, _snapshot())):
            await forgetful.publish(event)
        async with asyncio.timeout(30):
            while [event async for event in forgetful.archive("r")]:  # noqa: ASYNC110  time is what it is about
                await asyncio.sleep(0.05)
            await forgetful.sweep()
            while await forgetful.snapshot("r") is not None:  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def test_erased_room_keeps_nothing_but_its_count_of_epochs(self, bus: Bus) -> None:
        epoch = await bus.open_epoch("r")
        for event in (_event(0, _HELLO), _event(1, _person("a")), _event(2), _event(2, _snapshot())):
            await bus.publish(event)
        await bus.erase("r")
        assert [event async for event in bus.archive("r")] == []
        assert await bus.snapshot("r") is None
        assert await bus.history("r", epoch, 0) is None
        assert await bus.open_epoch("r") == epoch + 1

    async def test_history_that_lost_events_says_so(self, bus: Bus) -> None:
        await bus.publish(_event(0, _HELLO))
        last = self.history_events + 50
        for seq in range(1, last + 1):
            await bus.publish(_event(seq))
        assert await bus.history("r", 1, 0) is None
        recent = await bus.history("r", 1, last - 10)
        assert recent is not None
        assert [event.seq for event in recent] == list(range(last - 9, last + 1))
        archived = [event async for event in bus.archive("r")]
        assert archived[0] == _event(0, _HELLO), "what held is known also where the start is gone"
        assert archived[1].seq > 1
        assert len(archived) <= self.history_events + 1

    async def test_what_is_published_of_people_reaches_who_listens_and_is_kept_nowhere(self, bus: Bus) -> None:
        reported = [_event(0, _HELLO), _event(1), _event(2, _person("a")), _event(3, Forget(participant="a"))]
        async with bus.subscribe("r") as events:
            for event in reported:
                await bus.publish(event)
            snapshot = _snapshot().model_copy(update={"participants": (_person("b"),)})
            await bus.publish(_event(3, snapshot))
            assert [await _next(events) for _ in reported] == reported
        assert await bus.history("r", 1, 0) == [reported[1], reported[3]]
        assert await bus.snapshot("r") == (reported[0], _event(3, _snapshot()))

    async def test_subscriber_that_does_not_read_learns_it_and_slows_nobody(self, bus: Bus) -> None:
        async with bus.subscribe("r") as idle, bus.subscribe("r") as busy:
            for seq in range(1, self.subscriber_events + 300):
                await bus.publish(_event(seq))
                await _next(busy)
            with pytest.raises(BusError):
                await _exhaust(idle)

    async def test_cancelled_subscriber_leaves(self, bus: Bus) -> None:
        entered = asyncio.Event()

        async def listen() -> None:
            async with bus.subscribe("r") as events:
                entered.set()
                await _next(events)

        listening = asyncio.create_task(listen())
        await entered.wait()
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening
        await bus.publish(_event(1))

    async def test_closed_bus_refuses_and_ends_subscriptions(self, bus: Bus) -> None:
        async with bus.subscribe("r") as events:
            await bus.close()
            with pytest.raises(BusError):
                await _next(events)
        with pytest.raises(BusError):
            await bus.publish(_event(1))
        with pytest.raises(BusError):
            await bus.ping()
