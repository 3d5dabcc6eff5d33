"""The one-slot mailbox: the reader is never behind, the source never waits."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.rooms.latest_frame import Mailbox, newest


async def test_reader_gets_the_newest_and_the_skipped_are_counted() -> None:
    mailbox: Mailbox[int] = Mailbox()
    for number in range(5):
        mailbox.put(number)
    assert await anext(mailbox) == 4
    assert mailbox.skipped == 4


async def test_waiting_reader_is_woken() -> None:
    mailbox: Mailbox[int] = Mailbox()
    reading = asyncio.create_task(anext(mailbox))
    await asyncio.sleep(0)
    mailbox.put(7)
    assert await reading == 7


async def test_closed_mailbox_gives_its_last_item_and_ends() -> None:
    mailbox: Mailbox[int] = Mailbox()
    mailbox.put(1)
    mailbox.close()
    mailbox.put(2)
    assert [item async for item in mailbox] == [1]


async def test_closing_wakes_a_waiting_reader() -> None:
    mailbox: Mailbox[int] = Mailbox()
    reading = asyncio.create_task(anext(mailbox, None))
    await asyncio.sleep(0)
    mailbox.close()
    assert await reading is None


async def test_cancelled_read_loses_nothing() -> None:
    mailbox: Mailbox[int] = Mailbox()
    reading = asyncio.create_task(anext(mailbox))
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    mailbox.put(1)
    assert await anext(mailbox) == 1


async def test_timed_out_read_may_be_tried_again() -> None:
    mailbox: Mailbox[int] = Mailbox()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await anext(mailbox)
    mailbox.put(1)
    assert await anext(mailbox) == 1


async def numbers(count: int, gates: list[asyncio.Event] | None = None) -> AsyncIterator[int]:
    for number in range(count):
        if gates:
            await gates[number].wait()
        yield number


async def test_slow_reader_of_a_source_starts_with_the_newest() -> None:
    async with asyncio.timeout(30), newest(numbers(100)) as frames:
        await asyncio.sleep(0)
        assert [frame async for frame in frames] == [99]
        assert frames.skipped == 99


async def test_source_that_is_a_mailbox_is_read_by_nobody_else() -> None:
    mailbox = Mailbox[int]()
    tasks = len(asyncio.all_tasks())
    async with newest(mailbox) as frames:
        assert frames is mailbox
        assert len(asyncio.all_tasks()) == tasks


async def test_reader_that_keeps_up_skips_nothing() -> None:
    gates = [asyncio.Event() for _ in range(3)]
    gates[0].set()
    read = []
    async with asyncio.timeout(30), newest(numbers(3, gates)) as frames:
        async for frame in frames:
            read.append(frame)
            if frame < 2:
                gates[frame + 1].set()
    assert read == [0, 1, 2]


async def test_leaving_early_stops_the_source() -> None:
    ended = asyncio.Event()

    async def source() -> AsyncIterator[int]:
        try:
            while True:
                yield 1
                await asyncio.sleep(0)
        finally:
            ended.set()

    async with asyncio.timeout(30), newest(source()) as frames:
        assert await anext(frames) == 1
    assert ended.is_set()


async def test_cancelled_reader_stops_the_source() -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def source() -> AsyncIterator[int]:
        try:
            started.set()
            await asyncio.Event().wait()
            yield 1
        finally:
            ended.set()

    async def read() -> None:
        async with newest(source()) as frames:
            async for _ in frames:
                pass

    reading = asyncio.create_task(read())
    await started.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert ended.is_set()


async def test_failing_source_fails_the_reader() -> None:
    async def source() -> AsyncIterator[int]:
        yield 1
        raise ZeroDivisionError

    async def read() -> None:
        async with newest(source()) as frames:
            async for _ in frames:
                await asyncio.sleep(0)

    with pytest.raises(ExceptionGroup) as caught:
        await read()
    assert caught.value.subgroup(ZeroDivisionError)
