"""Publishers against a real local room: real packets over loopback."""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from bot.errors import RoomRefused, RoomUnreachable, SettingsRefused
from bot.rooms.base import Absence, Admitted, CameraOff, CameraOn, Frame, Joined, Left, RoomEvent
from bot.rooms.publishing import publisher as publishing
from bot.rooms.publishing.camera import Camera, ClipCamera, FileCamera, open_camera
from bot.rooms.publishing.encoded_clip import Clip, ClipUnreadable, NotAsItIs, read_clip
from bot.rooms.publishing.publisher import Publisher, main, play_file, play_story
from bot.rooms.webrtc.aiortc_patches import listen_on
from bot.rooms.webrtc.http_signaling import loopback_address
from bot.samples.render import encode
from bot.samples.story import Act, Cue, Person, Story

FPS = 15
STEPS = 30
RED, BLUE = 0, 2


def ramp(channel: int) -> list[np.ndarray[Any, np.dtype[np.uint8]]]:
    """Thirty pictures whose one colour gets lighter: each shows its place."""
    pictures = np.zeros((STEPS, 64, 96, 3), np.uint8)
    pictures[..., channel] = np.linspace(60, 234, STEPS, dtype=np.uint8)[:, None, None]
    return list(pictures)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Clip]:
    folder = tmp_path_factory.mktemp("clips")
    for channel in (RED, BLUE):
        encode(ramp(channel), folder / f"{channel}.webm")
    return {channel: read_clip(folder / f"{channel}.webm") for channel in (RED, BLUE)}


@pytest.fixture
def mpeg4(tmp_path: Path) -> Path:
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for picture in ramp(RED)[:6]:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


class Audience:
    """What the room says, one event at a time."""

    def __init__(self, stage: Any) -> None:
        self.events = aiter(stage.room.events())
        self.url = str(stage.http.base_url.join(f"/whip/{stage.room.name}"))

    async def next(self) -> RoomEvent:
        async with asyncio.timeout(30):
            event: RoomEvent = await anext(self.events)
            return await anext(self.events) if isinstance(event, Admitted) else event

    async def camera(self) -> AsyncIterator[Frame]:
        while not isinstance(event := await self.next(), CameraOn):
            pass
        return aiter(event.track.frames())


@pytest.fixture
async def audience(stage: Any) -> AsyncIterator[Audience]:
    async with stage.room:
        yield Audience(stage)


async def take(frames: AsyncIterator[Frame], count: int) -> list[Frame]:
    """Take so many frames, each with its picture: one that nobody has asked for by the end of the stream is lost."""
    taken = []
    async with asyncio.timeout(30):
        for _ in range(count):
            frame = await anext(frames)
            picture = await asyncio.to_thread(frame.to_rgb)
            taken.append(replace(frame, decode=partial(np.copy, picture)))
    return taken


def colour(frame: Frame) -> tuple[int, float]:
    """Which channel dominates, and how bright it is."""
    means = frame.to_rgb().mean(axis=(0, 1))
    return int(means.argmax()), float(means.max())


async def test_frames_arrive_in_order_and_at_the_clips_rate(audience: Audience, clips: dict[int, Clip]) -> None:
    async with Publisher(audience.url, "Ada", ClipCamera(clips[RED])):
        frames = await take(await audience.camera(), STEPS + 10)
    brightness = [colour(frame)[1] for frame in frames]
    falls = [(a, b) for a, b in pairwise(brightness) if b < a - 2]
    assert len(falls) in (1, 2), brightness
    assert all(a > 170 and b < 130 for a, b in falls), "only the clip's end is followed by its beginning"
    assert (frames[-1].at - frames[0].at) / (len(frames) - 1) == pytest.approx(1 / FPS, rel=0.25)


async def test_switched_clip_is_decodable_from_its_first_frame(audience: Audience, clips: dict[int, Clip]) -> None:
    camera = ClipCamera(clips[RED])
    async with Publisher(audience.url, "Ada", camera):
        frames = await audience.camera()
        assert colour((await take(frames, 5))[-1])[0] == RED
        camera.play(clips[BLUE])
        seen = [colour(frame) for frame in await take(frames, 12)]
    changed = next(index for index, (channel, _) in enumerate(seen) if channel == BLUE)
    assert changed <= 5
    assert all(channel == BLUE for channel, _ in seen[changed:])
    assert seen[changed][1] < 130, "a clip begins at its beginning"


async def test_camera_goes_off_and_comes_back_within_one_stay(audience: Audience, clips: dict[int, Clip]) -> None:
    camera = ClipCamera(clips[RED])
    async with Publisher(audience.url, "Ada", camera) as ada:
        frames = await audience.camera()
        await take(frames, 3)
        camera.switch_off()
        async with asyncio.timeout(30):
            async for _ in frames:
                pass
        assert isinstance(await audience.next(), CameraOff)
        assert ada.is_connected
        camera.switch_on()
        assert colour((await take(await audience.camera(), 1))[0])[0] == RED


async def test_leaving_says_goodbye(audience: Audience, clips: dict[int, Clip]) -> None:
    async with Publisher(audience.url, "Ada Lovelace", ClipCamera(clips[RED]), opts_in=True):
        joined = await audience.next()
        assert isinstance(joined, Joined)
        assert (joined.participant.name, joined.participant.opted_in) == ("Ada Lovelace", True)
    while not isinstance(event := await audience.next(), Left):
        pass
    assert event.absence is Absence.LEFT


async def test_cancelled_publisher_says_goodbye_too(audience: Audience, clips: dict[int, Clip]) -> None:
    async def stay() -> None:
        async with Publisher(audience.url, "Ada", ClipCamera(clips[RED])):
            await asyncio.Event().wait()

    task = asyncio.create_task(stay())
    await audience.camera()
    task.cancel()
    event = await audience.next()
    while not isinstance(event, Left):
        event = await audience.next()
    assert event.absence is Absence.LEFT
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_file_of_another_codec_is_encoded_live(audience: Audience, mpeg4: Path) -> None:
    everybody = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(play_file(mpeg4, 2, audience.url, connected=lambda people: everybody.set()))
        frames = await take(await audience.camera(), 10)
        await asyncio.wait_for(everybody.wait(), 10)
        playing.cancel()
    assert (frames[-1].width_px, frames[-1].height_px) == (96, 64)
    assert colour(frames[-1])[0] == RED


async def test_story_is_played_with_its_cues(audience: Audience) -> None:
    calm = Cue(0.0, Act.PLAY, "calm")
    cues = {
        "yuki": (calm, Cue(0.3, Act.CAMERA_OFF)),
        "kofi": (calm, Cue(0.3, Act.LEAVE), Cue(0.6, Act.RETURN), Cue(0.7, Act.PLAY, "laugh")),
        "elsa": (calm, Cue(0.2, Act.CAMERA_OFF), Cue(0.3, Act.CAMERA_ON), Cue(0.4, Act.LEAVE)),
    }
    expected = {
        "yuki": [Joined, CameraOn, CameraOff],
        "kofi": [Joined, CameraOn, Left, Joined, CameraOn],
        "elsa": [Joined, CameraOn, Left],
    }
    story = Story("short", 3600, False, tuple(Person(name, name, cues[name]) for name in cues))
    reported: dict[str, list[type]] = {name: [] for name in cues}
    counts: list[int] = []
    started = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(play_story(story, audience.url, started=started, connected=counts.append))
        while reported != expected:
            event = await audience.next()
            assert isinstance(event, Joined | CameraOn | CameraOff | Left)
            reported[event.participant.name].append(type(event))
            if all(CameraOn in events for events in reported.values()):
                assert counts == [3]
                started.set()
        playing.cancel()


async def test_story_that_does_not_loop_ends_with_goodbyes(audience: Audience) -> None:
    person = Person("yuki", "Yuki", (Cue(0.0, Act.PLAY, "calm"),))
    await play_story(Story("short", 0.2, False, (person,)), audience.url)
    while not isinstance(event := await audience.next(), Left):
        pass
    assert event.absence is Absence.LEFT


@pytest.mark.timeout(30)
async def test_looping_story_begins_anew(audience: Audience) -> None:
    cues = (Cue(0.0, Act.PLAY, "calm"), Cue(0.2, Act.LEAVE), Cue(0.4, Act.RETURN))
    story = Story("loop", 0.8, True, (Person("yuki", "Yuki", cues),))
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(play_story(story, audience.url))
        for _ in range(3):
            while not isinstance(await audience.next(), Left):
                pass
        playing.cancel()


async def test_process_publishes_and_leaves_on_sigterm(audience: Audience, clips: dict[int, Clip]) -> None:
    command = (
        sys.executable,
        "-m",
        "bot.rooms.publishing.publisher",
        audience.url,
        "--clip",
        str(clips[RED].path),
        "--people",
        "2",
    )
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.PIPE)
    try:
        assert process.stderr is not None
        async with asyncio.timeout(20):
            assert await process.stderr.readline() == b"publishing 2\n"
            entered = 0
            while entered < 2:  # they are connected a little earlier than the room knows
                entered += isinstance(await audience.next(), Joined)
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    absences: list[Absence] = []
    while len(absences) < 2:
        if isinstance(event := await audience.next(), Left):
            absences.append(event.absence)
    assert absences == [Absence.LEFT] * 2


def test_process_reports_in_one_line_why_it_cannot_publish(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["http://127.0.0.1:9/whip/demo", "--story", "quick"]) == 1
    assert main(["http://127.0.0.1:9/whip/demo", "--story", "unheard"]) == 1
    unreachable, unheard = capsys.readouterr().err.splitlines()
    assert "does not answer" in unreachable
    assert unheard == "There is no story 'unheard': choose one of demo, quick"


async def test_room_that_is_not_open_is_unreachable(stage: Any, clips: dict[int, Clip]) -> None:
    with pytest.raises(RoomUnreachable, match="503"):
        async with Publisher(Audience(stage).url, "Ada", ClipCamera(clips[RED])):
            pass


async def test_address_that_is_none_is_refused(clips: dict[int, Clip]) -> None:
    for address in ("http://127.0.0.1:port/whip", "whip", "ftp://127.0.0.1/whip"):
        with pytest.raises(SettingsRefused, match="WHIP"):
            Publisher(address, "Ada", ClipCamera(clips[RED]))


async def test_wrong_token_is_refused(audience: Audience, stage: Any, clips: dict[int, Clip]) -> None:
    stage.room.token = "open sesame"
    with pytest.raises(RoomRefused, match="401"):
        async with Publisher(audience.url, "Ada", ClipCamera(clips[RED]), token="please"):
            pass
    async with Publisher(audience.url, "Ada", ClipCamera(clips[RED]), token="open sesame") as ada:
        assert ada.is_connected


@pytest.fixture
async def scripted() -> AsyncIterator[Any]:
    """An HTTP server that answers every POST with 201 and what `body` makes of the offer; keeps the methods it saw."""

    class Scripted:
        body: Any = staticmethod(lambda offer: "no SDP")
        methods: list[str] = []  # noqa: RUF012
        url = ""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((int(line[15:]) for line in head.lower().splitlines() if line.startswith("content-length:")), 0)
        offer = (await reader.readexactly(length)).decode()
        Scripted.methods.append(head.split()[0])
        answer = Scripted.body(offer)
        answer = (await answer if asyncio.iscoroutine(answer) else answer).encode()
        writer.write(b"HTTP/1.1 201 Created\r\nLocation: /stay/1\r\nConnection: close\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n" % len(answer) + answer)
        await writer.drain()
        writer.close()

    Scripted.methods = []
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        Scripted.url = f"http://localhost:{server.sockets[0].getsockname()[1]}/whip"
        yield Scripted


async def test_useless_answer_is_refused_and_the_stay_deleted(scripted: Any, clips: dict[int, Clip]) -> None:
    with pytest.raises(RoomRefused, match="cannot be used"):
        async with Publisher(scripted.url.replace("localhost", "127.0.0.1"), "Ada", ClipCamera(clips[RED])):
            pass
    assert scripted.methods == ["POST", "DELETE"]


async def test_answer_without_media_ends_in_time(
    scripted: Any, clips: dict[int, Clip], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def answer_and_close(offer: str) -> str:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        listen_on(peer, ["127.0.0.1"])
        await peer.setLocalDescription(await peer.createAnswer())
        sdp = str(peer.localDescription.sdp)
        await peer.close()
        return sdp

    scripted.body = answer_and_close
    monkeypatch.setattr(publishing, "CONNECT_WITHIN_S", 1.0)
    with pytest.raises(RoomUnreachable):
        async with Publisher(scripted.url.replace("localhost", "127.0.0.1"), "Ada", ClipCamera(clips[RED])):
            pass
    assert scripted.methods == ["POST", "DELETE"]


def test_clip_is_read_once_and_shared(clips: dict[int, Clip]) -> None:
    clip = clips[RED]
    assert read_clip(clip.path) is clip
    assert [frame.is_key for frame in clip.frames] == [index % FPS == 0 for index in range(STEPS)]
    assert clip.duration_s == pytest.approx(2.0, abs=0.01)


def test_what_is_no_video_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no video")
    sound = tmp_path / "sound.wav"
    with av.open(str(sound), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        silence.sample_rate = 8000
        container.mux(stream.encode(silence))
    for path in (tmp_path / "absent.webm", tmp_path / "notes.txt", sound):
        with pytest.raises(ClipUnreadable, match=path.name) as refused:
            open_camera(path)
        assert "\n" not in str(refused.value)
        with pytest.raises(ClipUnreadable, match=path.name):
            FileCamera(path)


def test_publisher_without_a_host_of_this_machine_gathers_everywhere() -> None:
    assert loopback_address("localhost") == loopback_address("127.0.0.1") == "127.0.0.1"
    assert loopback_address("::1") == "::1"
    assert loopback_address("192.0.2.1") is None
    assert loopback_address("room.example") is None


def test_vp8_without_regular_key_frames_is_encoded_live(tmp_path: Path) -> None:
    path = tmp_path / "long.webm"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx", rate=FPS, options={"lag-in-frames": "0", "auto-alt-ref": "0"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.gop_size = 1000
        for picture in ramp(RED)[:1] * 100:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    with pytest.raises(NotAsItIs, match="too few key frames"):
        read_clip(path)
    camera: Camera = open_camera(path)
    assert isinstance(camera, FileCamera)


async def test_large_film_is_shrunk_and_starts_again_after_its_end(tmp_path: Path) -> None:
    path = tmp_path / "large.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=30)
        stream.width, stream.height, stream.pix_fmt = 1920, 1082, "yuv420p"
        for _ in range(2):
            container.mux(stream.encode(av.VideoFrame(1920, 1082, "yuv420p")))
        container.mux(stream.encode(None))
    camera = FileCamera(path)
    pictures = [await camera.recv() for _ in range(5)]
    camera.stop()
    sizes = {(picture.width, picture.height) for picture in pictures if isinstance(picture, av.VideoFrame)}
    assert sizes == {(1280, 720)}
    numbers = [round((picture.pts or 0) / 3000) for picture in pictures]
    assert numbers[0] == 0
    assert numbers == sorted(set(numbers))  # one after the other; a machine that comes late leaves some out
