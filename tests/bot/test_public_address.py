"""A bot behind a proxy: what people are handed, and who may open the feed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import ValidationError
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from bot.app import Addresses, Surroundings, run
from bot.settings import Settings
from dashboard_protocol.events import Event, Profile
from dashboard_protocol.http.server import Served, serve

PUBLIC = "https://class.example.org"


@asynccontextmanager
async def a_bot(
    monkeypatch: pytest.MonkeyPatch, state: Path, **settings: object
) -> AsyncIterator[tuple[Addresses, str]]:
    """Run a bot; gives what it says to people, and where it really listens."""
    monkeypatch.setenv("XDG_STATE_HOME", str(state))
    origins: list[str] = []

    @asynccontextmanager
    async def served(*arguments: object, **options: object) -> AsyncIterator[Served]:
        async with serve(*arguments, **options) as server:  # type: ignore[arg-type]
            origins.append(server.origin)
            yield server

    monkeypatch.setattr("bot.app.serve", served)
    stop, reported, live = asyncio.Event(), asyncio.get_running_loop().create_future(), asyncio.Event()

    def show(event: Event) -> None:
        if getattr(event.body, "state", None) == "live":
            live.set()

    chosen = {"room_url": "local://r", "policy": Profile.PRESENCE, "port": 0, **settings}
    task = asyncio.create_task(run(Settings.model_validate(chosen), Surroundings(stop, reported.set_result, show)))
    try:
        async with asyncio.timeout(60):
            await live.wait()
        yield reported.result(), origins[0]
    finally:
        stop.set()
        await task


async def test_links_begin_with_the_public_address_and_joining_needs_a_token(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with a_bot(monkeypatch, tmp_path, public_url=PUBLIC + "/") as (addresses, origin):
        assert addresses.dashboard.startswith(f"{PUBLIC}/rooms/r-")
        assert addresses.token, "the whole world can come to a proxy, also where the bot listens on loopback"
        assert addresses.join == f"{PUBLIC}/join/r#t={addresses.token}"
        feed = origin.replace("http", "ws") + "/v1/rooms/r/events"
        async with connect(feed, origin=PUBLIC, proxy=None):  # type: ignore[arg-type]
            pass
        with pytest.raises(InvalidStatus):
            async with connect(feed, origin="https://elsewhere.example.org", proxy=None):  # type: ignore[arg-type]
                pass


async def test_bot_without_a_public_address_says_where_it_listens(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async with a_bot(monkeypatch, tmp_path) as (addresses, origin):
        assert addresses.join == f"{origin}/join/r"
        assert addresses.token is None
        with pytest.raises(InvalidStatus):
            async with connect(origin.replace("http", "ws") + "/v1/rooms/r/events", origin=PUBLIC, proxy=None):  # type: ignore[arg-type]
                pass


@pytest.mark.parametrize("address", ["class.example.org", "https://h/classes", "https://h?x=1"])
def test_address_that_begins_no_link_is_refused(address: str) -> None:
    with pytest.raises(ValidationError, match="write https://HOST"):
        Settings(room_url="local://r", policy=Profile.PRESENCE, public_url=address)
