"""Publishes video into a WHIP room (RFC 9725) as a participant would: for the demo, for tests and for measurements."""

import argparse
import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import httpx
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from httpx import QueryParams

from bot.errors import BotError, RoomRefused, RoomUnreachable
from bot.rooms.local.admission import NAME_HEADER
from bot.rooms.publishing.camera import Camera, ClipCamera, open_camera
from bot.rooms.publishing.encoded_clip import read_clip
from bot.rooms.webrtc.aiortc_patches import listen_on
from bot.rooms.webrtc.http_signaling import delete, endpoint, loopback_address, post_offer
from bot.samples.story import Act, Cue, Person, Story, clip_path, load_story

CONNECT_WITHIN_S = 15.0

Enter = Callable[[str, Camera], AbstractAsyncContextManager[object]]
"""Takes somebody of this name and with this camera into a room, for as long as the `async with` lasts."""


class Publisher:
    """One participant who sends video. Entering it joins the room, leaving the `async with` says goodbye.

    What is sent is the camera's business: `camera.play(clip)`, `camera.switch_off()`, `camera.switch_on()`.
    """

    def __init__(
        self, whip_url: str, name: str, camera: Camera, token: str | None = None, *, opts_in: bool = False
    ) -> None:
        """Prepare to join; opens nothing yet.

        Args:
            whip_url: The room's WHIP endpoint; the token may stand behind it, as in the link of a join page.
            name: Display name.
            camera: What to send; stopped on leaving.
            token: Bearer token, where the room wants one.
            opts_in: Whether this person agrees to be read individually.

        Raises:
            SettingsRefused: `whip_url` is no address of a WHIP endpoint.
        """
        self.camera = camera
        url = endpoint(whip_url)
        self._url = url.copy_with(fragment=None).copy_merge_params({"individual": "1"} if opts_in else {})
        self._headers = {NAME_HEADER: quote(name)}
        self.token = token or QueryParams(url.fragment).get("t")
        """What is presented; None where nothing is."""
        self.resource: httpx.URL | None = None
        """The stay's address, while it lasts."""
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._settled = asyncio.Event()

    async def __aenter__(self) -> Self:
        """Join; returns once media flows.

        Raises:
            RoomUnreachable: No answer, or no media path within 15 s.
            RoomRefused: The room does not want this participant, or not this video.
        """
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                await self._join()
        except TimeoutError as error:
            await self._leave_undisturbed()
            raise RoomUnreachable(f"{self._where} gave no connection within {CONNECT_WITHIN_S:.0f} s") from error
        except BaseException:
            await self._leave_undisturbed()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the participant out of the room."""
        await self._leave_undisturbed()

    @property
    def is_connected(self) -> bool:
        """Whether the connection stands."""
        return self._peer.connectionState == "connected"

    async def lost(self) -> None:
        """Return once the connection has ended without our doing, because the room closed or went away."""
        while self._peer.connectionState not in ("failed", "closed"):
            self._settled.clear()
            await self._settled.wait()

    @property
    def _where(self) -> str:
        return str(self._url.copy_with(query=None))

    async def _join(self) -> None:
        self._peer.on("connectionstatechange", self._settled.set)
        transceiver = self._peer.addTransceiver(self.camera, direction="sendonly")
        codecs = RTCRtpSender.getCapabilities("video").codecs
        transceiver.setCodecPreferences([codec for codec in codecs if codec.mimeType in ("video/VP8", "video/rtx")])
        if loopback := loopback_address(self._url.host):
            listen_on(self._peer, [loopback])
        await self._peer.setLocalDescription(await self._peer.createOffer())
        answer, self.resource = await post_offer(
            self._url, self._peer.localDescription.sdp, self.token, headers=self._headers
        )
        try:
            await self._peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        except ValueError as error:
            raise RoomRefused(f"{self._where} sent an answer that cannot be used ({error})") from error
        while not self.is_connected:
            if self._peer.connectionState in ("failed", "closed"):
                raise RoomUnreachable(f"{self._where} answered, but no media path to it was found")
            self._settled.clear()
            await self._settled.wait()

    async def _leave_undisturbed(self) -> None:
        # In a task of its own: aioice swallows a cancellation that reaches it while it closes.
        leaving = asyncio.create_task(self._leave())
        try:
            await asyncio.shield(leaving)
        except asyncio.CancelledError:
            await asyncio.wait([leaving])
            raise

    async def _leave(self) -> None:
        resource, self.resource = self.resource, None
        try:
            if resource is not None:
                await delete(resource, self.token)
        finally:
            self.camera.stop()
            await self._peer.close()


async def play_story(
    story: Story,
    whip_url: str,
    *,
    token: str | None = None,
    opts_in: bool = False,
    started: asyncio.Event | None = None,
    connected: Callable[[int], None] = lambda people: None,
) -> None:
    """Let the people of a story join a room and play; ends with the story, or never if it loops.

    Args:
        story: Who does what, when.
        whip_url: The room's WHIP endpoint.
        token: Bearer token, where the room wants one.
        opts_in: Whether everybody agrees to be read individually.
        started: Second 0 of the story is when this is set, e.g. because the bot is live; None for when all have joined.
        connected: Called once, with the number of people, when all have joined.

    Raises:
        RoomUnreachable: A person could not reach the room.
        RoomRefused: The room refused a person.
    """

    def enter(name: str, camera: Camera) -> Publisher:
        return Publisher(whip_url, name, camera, token, opts_in=opts_in)

    await play_people(story, enter, started=started, connected=connected)


async def play_people(
    story: Story,
    enter: Enter,
    *,
    started: asyncio.Event | None = None,
    connected: Callable[[int], None] = lambda people: None,
) -> None:
    """Play a story in any room; see `play_story`.

    Args:
        story: Who does what, when.
        enter: Takes one person's name and camera into the room, for as long as its `async with` lasts.
        started: When the story begins.
        connected: Called once with how many have joined.
    """
    everybody = asyncio.Barrier(len(story.people))

    async def begin() -> float:
        if await everybody.wait() == 0:
            connected(len(story.people))
        if started is not None:
            await started.wait()
        return asyncio.get_running_loop().time()

    await _together(_play_person(story, person, partial(enter, person.name), begin) for person in story.people)


async def play_file(
    path: Path,
    people: int,
    whip_url: str,
    *,
    token: str | None = None,
    connected: Callable[[int], None] = lambda people: None,
) -> None:
    """Let a number of people join a room and all send the same video file, without end.

    Args:
        path: Any video file; VP8 with regular key frames is sent as it is, all else costs an encoder a person.
        people: How many.
        whip_url: The room's WHIP endpoint.
        token: Bearer token, where the room wants one.
        connected: Called once, with the number of people, when all have joined.

    Raises:
        ClipUnreadable: The file is no video.
        RoomUnreachable: A person could not reach the room.
        RoomRefused: The room refused a person.
    """
    everybody = asyncio.Barrier(people)

    async def stay(name: str) -> None:
        async with Publisher(whip_url, name, await asyncio.to_thread(open_camera, path), token):
            if await everybody.wait() == 0:
                connected(people)
            await asyncio.Event().wait()

    await _together(stay(f"{path.stem} {number}") for number in range(1, people + 1))


async def _together(stays: Iterable[Coroutine[None, None, None]]) -> None:
    """Run the stays of several people; the first that fails ends all, and its error is raised as it is."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for stay in stays:
                tasks.create_task(stay)
    except BaseExceptionGroup as group:
        known, unknown = group.split(BotError)
        if known is None or unknown is not None:
            raise
        raise _first(known) from None


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _play_person(
    story: Story,
    person: Person,
    enter: Callable[[Camera], AbstractAsyncContextManager[object]],
    begin: Callable[[], Awaitable[float]],
) -> None:
    """Play one person's cues; each stay in the room is a publisher of its own."""
    turns: Iterable[int] = count() if story.loops else (0,)
    cues = ((turn * story.length_s + cue.at_s, cue) for turn in turns for cue in person.cues)
    zero: float | None = None
    is_leaving = True
    while is_leaving:
        camera = ClipCamera(read_clip(clip_path(person.id, "calm")))
        async with enter(camera):
            zero = await begin() if zero is None else zero
            is_leaving = await _follow(cues, person, camera, zero)
            if not is_leaving:
                await _until(zero + story.length_s)
        if is_leaving and (back := next(cues, None)):
            await _until(zero + back[0])
        elif is_leaving:
            return


async def _follow(cues: Iterator[tuple[float, Cue]], person: Person, camera: ClipCamera, zero: float) -> bool:
    """Follow the cues of one stay; returns True when the person is to leave, False when no cue is left."""
    for at_s, cue in cues:
        await _until(zero + at_s)
        match cue.act:
            case Act.PLAY:
                camera.play(read_clip(clip_path(person.id, cue.segment)))
            case Act.CAMERA_OFF:
                camera.switch_off()
            case Act.CAMERA_ON:
                camera.switch_on()
            case Act.LEAVE:
                return True
    return False


async def _until(at: float) -> None:
    await asyncio.sleep(at - asyncio.get_running_loop().time())


def main(arguments: Sequence[str] | None = None) -> int:
    """Publish as a process of its own until SIGINT or SIGTERM: `python -m bot.rooms.publishing.publisher WHIP_URL`.

    Writes `publishing N` to stderr once N people have joined; returns the exit status.
    """
    parser = argparse.ArgumentParser(
        prog="bot.rooms.publishing.publisher", description="Publishes video into a WHIP room."
    )
    parser.add_argument("whip_url", help="e.g. http://127.0.0.1:8080/whip/demo")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--story", default="demo", help="drawn people and what they do: demo or quick")
    what.add_argument("--clip", type=Path, help="any video file, instead of a story")
    parser.add_argument("--people", type=int, default=1, metavar="N", help="how many people send the clip")
    parser.add_argument("--token", help="bearer token, where the room wants one")
    chosen = parser.parse_args(arguments)
    if chosen.people < 1:
        parser.error("--people must be at least 1")
    try:
        asyncio.run(_publish(chosen))
    except asyncio.CancelledError:
        return 0
    except BotError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def _publish(chosen: argparse.Namespace) -> None:
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)

    def announce(people: int) -> None:
        print(f"publishing {people}", file=sys.stderr, flush=True)

    if chosen.clip:
        await play_file(chosen.clip, chosen.people, chosen.whip_url, token=chosen.token, connected=announce)
    else:
        await play_story(load_story(chosen.story), chosen.whip_url, token=chosen.token, connected=announce)


if __name__ == "__main__":
    sys.exit(main())
