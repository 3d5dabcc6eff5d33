"""How often the notice is said again."""

import asyncio

import pytest

from bot.rooms import notice as notices
from bot.rooms.notice import Announcer


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices, "HEARD_AFTER_S", 0.01)
    monkeypatch.setattr(notices, "AGAIN_AFTER_S", 0.1)


async def test_people_who_come_together_hear_it_once_and_the_next_one_not_at_once() -> None:
    loop = asyncio.get_running_loop()
    said: asyncio.Queue[float] = asyncio.Queue()
    voice = Announcer(lambda: said.put_nowait(loop.time()))
    async with asyncio.timeout(30):
        for _ in range(3):
            voice.newcomer()
        first_s = await said.get()
        for _ in range(3):
            voice.newcomer()
        assert await said.get() - first_s >= 0.1
    voice.close()
    assert said.empty()


async def test_closed_announcer_says_nothing_any_more() -> None:
    loop = asyncio.get_running_loop()
    said: list[float] = []
    voice = Announcer(lambda: said.append(loop.time()))
    voice.newcomer()
    voice.close()
    later = loop.create_future()
    loop.call_later(0.05, later.set_result, None)
    await later
    assert said == []
