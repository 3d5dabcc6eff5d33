"""Drawn people for any room that takes publishers: how many, and by which way they come in."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Protocol

import httpx

from bot.errors import RoomClosed, RoomRefused, RoomUnreachable, SettingsRefused
from bot.rooms.janus.address import read_address
from bot.rooms.publishing.janus_person import JanusPerson
from bot.rooms.publishing.publisher import Enter, Publisher, play_people
from bot.rooms.webrtc.http_signaling import endpoint
from bot.samples.story import Story, load_story
from dashboard_protocol.errors import OutboundRefused, OutboundUnreachable, RoomNotAllowed
from dashboard_protocol.http.outbound import Server
from dashboard_protocol.room_urls import read_room

OPEN_WITHIN_S = 60.0
"""A bot that was invited a moment ago is about to come."""
ASK_AGAIN_S = 0.5
FINAL = (404, 409)
"""Answers that waiting does not change."""
JOIN = "/join/"
TAKES = "janus+ws(s)://HOST:PORT/ROOM, the address of a join page or of a WHIP endpoint (http(s)://…), or local://NAME"


class Guest(AbstractAsyncContextManager[object], Protocol):
    """Somebody who is in a room while the `async with` lasts."""

    async def lost(self) -> None:
        """Return once the connection has ended without their doing."""


async def send_people(room_url: str, count: int, connected: Callable[[int], None]) -> None:
    """Let drawn people join a room and play their story without end.

    Args:
        room_url: A Janus room, a join page or a WHIP endpoint.
        count: How many.
        connected: Called once, with their number, when all have joined.

    Raises:
        SettingsRefused: The room takes no publishers, or it is no address of a room.
        RoomError: A person could not join, or the room has closed.
    """
    enter = way_into(room_url)
    if JOIN in room_url:
        await _until_open(endpoint(room_url))
    await play_people(people_of(count), enter, connected=connected)


def people_of(count: int) -> Story:
    """Return the demo's story with so many people; those of one face have different names."""
    story = load_story("demo")
    rounds = (divmod(number, len(story.people)) for number in range(count))
    people = (
        replace(story.people[at], name=f"{story.people[at].name} {turn + 1}") if turn else story.people[at]
        for turn, at in rounds
    )
    return replace(story, people=tuple(people))


def way_into(room_url: str) -> Enter:
    """Find how people come into a room.

    Raises:
        SettingsRefused: It takes no publishers, or it is no address of a room.
    """
    scheme = room_url.partition("://")[0].lower()
    if scheme in ("http", "https"):
        whip = room_url.replace(JOIN, "/whip/", 1)
        endpoint(whip)
        return lambda name, camera: _staying(Publisher(whip, name, camera))
    if scheme in ("whep+http", "whep+https"):
        raise SettingsRefused(
            "a WHEP address gives a stream away and takes none: send people to where its server takes them (WHIP)"
        )
    try:
        shown = read_room(room_url).bare
    except RoomNotAllowed as error:
        raise SettingsRefused(str(error)) from error
    if scheme in ("janus+ws", "janus+wss"):
        read_address(room_url)
        return lambda name, camera: _staying(JanusPerson(room_url, name, camera))
    raise SettingsRefused(f"no people can be sent into {shown}: give {TAKES}")


@asynccontextmanager
async def _staying(person: Guest) -> AsyncIterator[None]:
    """Be in the room while inside; raise RoomClosed when the room ends that."""

    async def watch() -> None:
        await person.lost()
        raise RoomClosed("the room has closed: nobody is in it any more")

    async with person, asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(watch())
        yield
        watching.cancel()


async def _until_open(page: httpx.URL) -> None:
    """Wait until the bot of a join page is in its room.

    Raises:
        RoomUnreachable: It is not, in time, or nobody answers.
        RoomRefused: There is no such room here.
    """
    info = page.copy_with(path=f"{page.path}/info.json", query=None, fragment=None)
    where, said = page.copy_with(query=None, fragment=None), "no answer"
    try:
        async with asyncio.timeout(OPEN_WITHIN_S):
            while True:
                answer = await Server(info).ask("GET", info)
                if answer.status == 200 and _is_open(answer.text):
                    return
                said = "the bot is not in the room" if answer.status == 200 else answer.reason
                if answer.status in FINAL:
                    raise RoomRefused(f"{where}: {said}")
                await asyncio.sleep(ASK_AGAIN_S)
    except TimeoutError:
        raise RoomUnreachable(f"{where}: {said}") from None
    except OutboundUnreachable as error:
        raise RoomUnreachable(f"{where} does not answer ({error}): is a gateway or a bot there?") from error
    except OutboundRefused as error:
        raise RoomRefused(str(error)) from error


def _is_open(info: str) -> bool:
    try:
        said = json.loads(info)
    except ValueError:
        return False
    return isinstance(said, dict) and said.get("is_open") is True
