"""Text over the data channels of a Janus room: people read the notice, and a word is enough not to be read."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from bot.rooms import notice as notices
from bot.rooms.base import Joined, Left, OptedIn, OptedOut, Participant, RoomEvent
from bot.rooms.janus.room import JanusRoom
from bot.rooms.notice import Notice, notice_text, visible_name
from tests.benchmarks.janus_browser import CHROMIUM, BrowserPerson, a_browser
from tests.benchmarks.janus_server import JanusServer
from tests.benchmarks.network import BOT, PrivateNetwork, missing

WHY_NOT = missing("janus") or (None if Path(CHROMIUM).exists() else f"{CHROMIUM} is not installed")
NOTICE = Notice(bot_name="Ada", profile="aggregate", summary="Class values only.")

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT)),
]


@pytest.fixture
async def browser(network: PrivateNetwork) -> AsyncIterator[Browser]:
    async with a_browser("kofi") as browser:
        yield browser


async def talks(person: BrowserPerson) -> None:
    async with asyncio.timeout(30):
        while not await person.call("talks"):
            await person.page.evaluate("new Promise(requestAnimationFrame)")


async def until_heard(person: BrowserPerson) -> list[dict[str, str]]:
    async with asyncio.timeout(30):
        while not (heard := await person.call("heard")):
            await person.page.evaluate("new Promise(requestAnimationFrame)")
    return list(heard)


async def next_of(events: AsyncIterator[RoomEvent], *kinds: type[RoomEvent]) -> RoomEvent:
    async with asyncio.timeout(30):
        async for event in events:
            if isinstance(event, kinds):
                return event
    raise AssertionError("the stay ended")


async def test_newcomers_read_the_notice_and_a_word_of_theirs_is_enough(
    server: JanusServer, browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "HEARD_AFTER_S", 1.0)
    monkeypatch.setattr(notices, "AGAIN_AFTER_S", 0.0)
    eve, bo, tom = [await BrowserPerson.open(browser, name, talks=True) for name in ("Eve", "Bo", "Tom")]
    async with JanusRoom(server.url(), clock=time.time, notice=NOTICE, addresses=[BOT]) as room:
        events = room.events()
        bot = (await eve.join())[visible_name("Ada")]
        await eve.call("watch", bot)
        await bo.join()
        await tom.join()
        heard = await until_heard(eve)
        assert heard[0] == {"from": str(bot), "text": notice_text(NOTICE)}
        assert "Reads faces" in heard[0]["text"]
        assert "#optout" in heard[0]["text"]
        await asyncio.gather(*(talks(person) for person in (eve, bo, tom)))
        people: dict[str, Participant] = {}
        while len(people) < 3:
            joined = await next_of(events, Joined)
            assert isinstance(joined, Joined)
            people[joined.participant.name] = joined.participant
        await tom.page.evaluate("for (let number = 0; number < 300; number += 1) person.say(`noise ${number}`)")
        await tom.call("say", "x" * 60_000 + "#optout")
        assert await next_of(events, OptedOut) == OptedOut(people["Tom"]), "however much he wrote before"
        await eve.call("say", "Is anybody here? #optout is what I read")
        assert await next_of(events, OptedOut) == OptedOut(people["Eve"])
        await bo.call("say", "Me too: #OptOut")
        assert await next_of(events, OptedOut) == OptedOut(people["Bo"])
        await bo.call("say", "What does #optin do?")
        await bo.call("say", " #OptIn ")
        assert await next_of(events, OptedIn, OptedOut) == OptedIn(people["Bo"])
        await eve.call("leave")
        left = await next_of(events, Left)
        assert isinstance(left, Left)
        assert left.participant == people["Eve"]
