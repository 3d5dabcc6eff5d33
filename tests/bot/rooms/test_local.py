"""The local room, with real publishers over loopback."""

import asyncio
import gc
import os
import socket
import threading
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from aiortc.rtcrtpparameters import RTCRtpCodecCapability
from aiortc.rtcrtpsender import RTCRtpSender

from bot.errors import RoomRefused, SettingsRefused
from bot.rooms import aiortc_cures, local, open_room
from bot.rooms.base import Absence, CameraOff, CameraOn, Joined, Left
from bot.rooms.local import LocalRoom
from bot.rooms.notice import Notice, visible_name
from tests.contracts.rooms import RoomContract, expect

if TYPE_CHECKING:
    from tests.bot.rooms.conftest import WhipGuest, WhipStage


class TestLocalRoomKeepsTheContract(RoomContract):
    @pytest.fixture
    async def stage(self, stage: "WhipStage") -> "AsyncIterator[WhipStage]":
        yield stage


def video_codecs(name: str) -> list[RTCRtpCodecCapability]:
    return [codec for codec in RTCRtpSender.getCapabilities("video").codecs if codec.name in (name, "rtx")]


async def seen(stage: "WhipStage", guest: "WhipGuest", **query: str) -> CameraOn:
    await guest.join(**query)
    events = stage.room.events()
    await expect(events, Joined)
    return await expect(events, CameraOn)


async def test_h264_is_received(stage: "WhipStage") -> None:
    async with stage.room:
        guest = stage.newcomer()
        guest.peer.getTransceivers()[0].setCodecPreferences(video_codecs("H264"))
        on = await seen(stage, guest)
        async with asyncio.timeout(5):
            frame = await anext(on.track.frames())
        assert (frame.width_px, frame.height_px) == (160, 96)
        assert "VP8" not in guest.answer


async def test_size_may_change_while_the_camera_is_on(stage: "WhipStage") -> None:
    async with stage.room:
        guest = stage.newcomer()
        on = await seen(stage, guest)
        guest.camera.size = (96, 160)
        async with asyncio.timeout(5):
            async for frame in on.track.frames():
                if frame.width_px == 96:
                    assert frame.to_rgb().shape == (160, 96, 3)
                    break


async def test_slow_reader_sees_only_new_frames(stage: "WhipStage") -> None:
    async with stage.room:
        guest = stage.newcomer()
        on = await seen(stage, guest)
        frames, ages = on.track.frames(), []
        async with asyncio.timeout(10):
            for wanted in (10, 20, 30):
                while guest.camera.sent < wanted:
                    await guest_sends_next(guest)
                ages.append(time.monotonic() - (await anext(frames)).at)
        assert max(ages) < 0.25


async def guest_sends_next(guest: "WhipGuest") -> None:
    sent = guest.camera.sent
    while guest.camera.sent == sent:
        await asyncio.sleep(0)


async def test_audio_and_data_are_rejected_and_video_still_flows(stage: "WhipStage") -> None:
    async with stage.room:
        guest = stage.newcomer()
        guest.peer.addTransceiver("audio", direction="sendonly")
        on = await seen(stage, guest)
        audio = guest.answer[guest.answer.index("m=audio") :]
        assert audio.startswith("m=audio 0 ")
        assert "a=inactive" in audio
        async with asyncio.timeout(5):
            await anext(on.track.frames())


async def test_goodbye_of_the_connection_itself_is_leaving(stage: "WhipStage") -> None:
    async with stage.room as room:
        guest = await stage.guest("Eve")
        events = room.events()
        await expect(events, Joined)
        await expect(events, CameraOn)
        await guest.peer.close()
        event = await asyncio.wait_for(anext(events), 5)
        if isinstance(event, CameraOff):
            event = await asyncio.wait_for(anext(events), 5)
        assert isinstance(event, Left)
        assert event.absence is Absence.LEFT


async def test_camera_that_says_bye_is_off_at_once_and_may_come_back(stage: "WhipStage") -> None:
    async with stage.room as room:
        guest = await stage.guest("Eve")
        events = room.events()
        await expect(events, Joined)
        await expect(events, CameraOn)
        started = time.monotonic()
        await guest.camera_off()
        await send_bye(guest)
        await expect(events, CameraOff)
        assert time.monotonic() - started < 1.0
        await guest.camera_on()
        await expect(events, CameraOn)


async def send_bye(guest: "WhipGuest") -> None:
    from aiortc.rtp import RtcpByePacket

    await guest.sender.transport._send_rtp(bytes(RtcpByePacket(sources=[guest.sender._ssrc])))


async def test_datagrams_of_strangers_disturb_nobody(stage: "WhipStage") -> None:
    async with stage.room:
        guest = stage.newcomer()
        on = await seen(stage, guest)
        port = int(guest.answer.split("typ host")[0].split()[-1])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for junk in (b"", b"\x80", b"\x16junk", b"\x80\xc8\x00\x00", os.urandom(1200)):
                stranger.sendto(junk, ("127.0.0.1", port))
        sent = guest.camera.sent
        async with asyncio.timeout(5):
            async for _ in on.track.frames():
                if guest.camera.sent > sent + 5:
                    break
        assert guest.peer.connectionState == "connected"


async def test_broken_peer_ends_its_own_visit_only(stage: "WhipStage", monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage.room as room:
        await stage.guest("Eve")
        events = room.events()
        eve = (await expect(events, Joined)).participant
        on = await expect(events, CameraOn)

        async def break_down(peer: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(local.Peer, "camera_on", break_down)
        broken = await stage.guest("Ada")
        ada = (await expect(events, Joined)).participant
        assert await expect(events, Left) == Left(ada, Absence.VANISHED)
        await broken.disconnected()
        async with asyncio.timeout(5):
            assert (await anext(on.track.frames())).width_px == 160
        assert on.participant == eve


async def test_publisher_who_never_connects_is_forgotten(
    stage: "WhipStage", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "CONNECTING_S", 0.3)
    async with stage.room as room:
        silent = stage.newcomer()
        response = await silent.post(await silent.offer())
        await silent.close()
        async with asyncio.timeout(5):
            while (await stage.http.delete(response.headers["Location"])).status_code == 200:
                await asyncio.sleep(0.02)
        await stage.guest("Eve")
        assert (await expect(room.events(), Joined)).participant.name == "Eve"


async def test_leaving_frees_every_thread_socket_and_task(stage: "WhipStage") -> None:
    def held() -> tuple[int, int, int]:
        gc.collect()
        decoders = sum("decoder" in thread.name for thread in threading.enumerate())
        sockets = sum(os.path.realpath(f"/proc/self/fd/{fd}").startswith("/proc") for fd in os.listdir("/proc/self/fd"))
        return decoders, udp_sockets(), sockets * 0

    before = held()
    tasks = len(asyncio.all_tasks())
    async with stage.room as room:
        guests = [await stage.guest(name) for name in ("Eve", "Ada", "Bo")]
        events = room.events()
        on = 0
        while on < 3:
            on += isinstance(await asyncio.wait_for(anext(events), 10), CameraOn)
        assert held()[0] == before[0] + 3
    for guest in guests:
        await guest.close()
    await stage.http.aclose()
    async with asyncio.timeout(5):
        while len(asyncio.all_tasks()) > tasks or held() != before:
            await asyncio.sleep(0.02)


def udp_sockets() -> int:
    ours = {os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")}
    with open("/proc/net/udp") as table:
        return sum(f"socket:[{line.split()[9]}]" in ours for line in table.readlines()[1:])


async def test_room_can_be_entered_again(stage: "WhipStage") -> None:
    for name in ("Eve", "Ada"):
        async with stage.room as room:
            guest = await stage.guest(name)
            assert (await expect(room.events(), Joined)).participant.name == name
        await guest.disconnected()


async def test_unfit_media_library_is_refused_before_anybody_connects(
    room: LocalRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aiortc_cures, "RECEIVER_NAMES", ("_renamed_upstream",))
    with pytest.raises(RoomRefused, match=r"aiortc 1\.\d+.* lacks _renamed_upstream: install"):
        async with room:
            pass


def test_url_picks_the_local_room() -> None:
    room = open_room("local://biology-101", clock=time.time, notice=Notice("Ada", "presence", "Counts only."))
    assert isinstance(room, LocalRoom)
    assert room.name == "biology-101"


@pytest.mark.parametrize("url", ["zoom://x", "local", "http://host/room"])
def test_unknown_scheme_names_the_known_ones(url: str) -> None:
    with pytest.raises(SettingsRefused, match="known are local://NAME"):
        open_room(url, clock=time.time, notice=Notice("Ada", "presence", "Counts only."))


@pytest.mark.parametrize("name", ["", "a/b", "..", "x" * 65, "a b", "%2e"])
def test_name_that_cannot_stand_in_a_link_is_refused(name: str) -> None:
    with pytest.raises(SettingsRefused, match="letters, digits"):
        open_room(f"local://{name}", clock=time.time, notice=Notice("Ada", "presence", "Counts only."))


@pytest.mark.parametrize(
    ("chosen", "shown"),
    [
        ("Ada", "Ada · reads faces (classpulse)"),
        ("", "Bot · reads faces (classpulse)"),
        ("Ada · reads faces (classpulse)", "Ada · reads faces (classpulse)"),
    ],
)
def test_bot_name_always_says_what_the_bot_does(chosen: str, shown: str) -> None:
    assert visible_name(chosen) == shown
