"""The local room, with real publishers over loopback."""

import asyncio
import os
import socket
import stat
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from aiortc import RTCSessionDescription
from aiortc.rtcrtpparameters import RTCRtpCodecCapability
from aiortc.rtcrtpsender import RTCRtpSender

from bot.errors import RoomRefused, SettingsRefused
from bot.rooms import open_room
from bot.rooms.base import Absence, CameraOff, CameraOn, Joined, Left
from bot.rooms.local import room as local_room
from bot.rooms.local.room import LocalRoom
from bot.rooms.notice import Notice
from bot.rooms.webrtc import aiortc_patches, video_stream
from tests.contracts.rooms import RoomContract, expect, expect_gone, until

if TYPE_CHECKING:
    from tests.bot.rooms.conftest import WhipGuest, WhipStage


class TestContract(RoomContract):
    """The local room keeps what every room promises."""

    @pytest.fixture
    def stage(self, stage: "WhipStage", monkeypatch: pytest.MonkeyPatch) -> "WhipStage":
        monkeypatch.setattr(
            video_stream, "VANISH_PATIENCE_S", 3.0
        )  # guests whose camera is on are never silent for so long
        return stage


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
        async with asyncio.timeout(30):
            frame = await anext(on.track.frames())
        assert (frame.width_px, frame.height_px) == (160, 96)
        assert "VP8" not in guest.answer


async def test_size_may_change_while_the_camera_is_on(stage: "WhipStage") -> None:
    async with stage.room:
        guest = stage.newcomer()
        on = await seen(stage, guest)
        guest.camera.size = (96, 160)
        async with asyncio.timeout(30):
            async for frame in on.track.frames():
                if frame.width_px == 96:
                    assert frame.to_rgb().shape == (160, 96, 3)
                    break


async def test_slow_reader_sees_only_new_frames(stage: "WhipStage") -> None:
    async with stage.room:
        guest = stage.newcomer()
        frames, ages = (await seen(stage, guest)).track.frames(), []
        for wanted in (10, 20, 30):
            await until(lambda wanted=wanted: guest.camera.sent >= wanted)  # type: ignore[misc]
            ages.append(time.monotonic() - (await anext(frames)).at)
        assert max(ages) < 0.5  # a queue would make the last one 1.8 s old


AUDIO = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=sendonly\r\na=mid:a\r\na=rtpmap:111 opus/48000/2\r\n"


async def test_audio_is_rejected_and_video_still_flows(stage: "WhipStage") -> None:
    async with stage.room as room:
        guest = stage.newcomer()
        offer = (await guest.offer()).replace("a=group:BUNDLE 0", "a=group:BUNDLE 0 a") + AUDIO
        response = await guest.post(offer)
        video, _, audio = response.text.partition("m=audio")
        assert audio.split("\r\n") == [" 0 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0", "a=mid:a", "a=inactive", ""]
        await guest.peer.setRemoteDescription(RTCSessionDescription(video, "answer"))
        events = room.events()
        await expect(events, Joined)
        await expect(events, CameraOn)


async def test_goodbye_of_the_connection_itself_is_leaving(stage: "WhipStage") -> None:
    async with stage.room as room:
        guest = await stage.guest("Eve")
        events = room.events()
        await expect(events, Joined)
        await expect(events, CameraOn)
        await guest.peer.close()
        assert (await expect_gone(events)).absence is Absence.LEFT


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
        assert time.monotonic() - started < 1.5  # less than the patience with silence
        await guest.camera_on()
        await expect(events, CameraOn)


async def send_bye(guest: "WhipGuest") -> None:
    from aiortc.rtp import RtcpByePacket

    await guest.sender.transport._send_rtp(bytes(RtcpByePacket(sources=[guest.sender._ssrc])))


async def test_packet_that_is_lost_for_good_stops_the_picture_for_a_moment_only(stage: "WhipStage") -> None:
    async with stage.room:
        guest = stage.newcomer()
        frames = (await seen(stage, guest)).track.frames()
        transport: Any = guest.sender.transport
        send, lost = transport._send_rtp, set[int]()

        async def send_lossy(data: bytes) -> None:
            payload_type, number = data[1] & 0x7F, int.from_bytes(data[2:4], "big")
            if payload_type == 97 and guest.camera.sent > 10 and not lost:
                lost.add(number)
            elif payload_type != 98:  # retransmissions never arrive either
                await send(data)

        transport._send_rtp = send_lossy
        await until(lambda: bool(lost))
        longest, last = 0.0, time.monotonic()
        async with asyncio.timeout(30):
            while guest.camera.sent < 60:
                await anext(frames)
                longest, last = max(longest, time.monotonic() - last), time.monotonic()
        assert 0.5 < longest < 4.0  # stock: 34 s


async def test_datagrams_of_strangers_disturb_nobody(stage: "WhipStage") -> None:
    async with stage.room:
        guest = stage.newcomer()
        on = await seen(stage, guest)
        port = int(guest.answer.split("typ host")[0].split()[-1])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for junk in (b"", b"\x80", b"\x16junk", b"\x80\xc8\x00\x00", os.urandom(1200)):
                stranger.sendto(junk, ("127.0.0.1", port))
        sent = guest.camera.sent
        async with asyncio.timeout(30):
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

        async def break_down(broken: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(video_stream.Stream, "camera_on", break_down)
        broken = await stage.guest("Ada")
        ada = (await expect(events, Joined)).participant
        assert await expect(events, Left) == Left(ada, Absence.VANISHED)
        await broken.disconnected()
        async with asyncio.timeout(30):
            assert (await anext(on.track.frames())).width_px == 160
        assert on.participant == eve


async def test_publisher_who_never_connects_is_forgotten(stage: "WhipStage", monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_room, "CONNECTING_S", 0.3)
    async with stage.room as room:
        silent = stage.newcomer()
        response = await silent.post(await silent.offer())
        await silent.close()
        async with asyncio.timeout(30):
            while (await stage.http.delete(response.headers["Location"])).status_code == 200:
                pass
        await stage.guest("Eve")
        assert (await expect(room.events(), Joined)).participant.name == "Eve"


async def test_leaving_frees_every_thread_socket_and_task(stage: "WhipStage") -> None:
    before, tasks = decoders_and_sockets(), len(asyncio.all_tasks())
    async with stage.room as room:
        guests = [await stage.guest(name) for name in ("Eve", "Ada", "Bo")]
        events = room.events()
        for _ in range(6):
            await asyncio.wait_for(anext(events), 10)
        assert decoders_and_sockets() == (before[0] + 3, before[1] + 6)
    for guest in guests:
        await guest.close()
    assert decoders_and_sockets() == before
    await until(lambda: len(asyncio.all_tasks()) <= tasks + 1)


def decoders_and_sockets() -> tuple[int, int]:
    """Count this process's decoder threads and UDP sockets."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        highest = probe.fileno() + 64
    decoders = sum(thread.name == "video-decoder" for thread in threading.enumerate())
    return decoders, sum(is_udp(fd) for fd in range(3, highest))


def is_udp(fd: int) -> bool:
    try:
        if not stat.S_ISSOCK(os.fstat(fd).st_mode):
            return False
        with socket.socket(fileno=os.dup(fd)) as sock:
            return sock.type == socket.SOCK_DGRAM
    except OSError:
        return False


async def test_room_can_be_entered_again(stage: "WhipStage") -> None:
    for name in ("Eve", "Ada"):
        async with stage.room as room:
            guest = await stage.guest(name)
            assert (await expect(room.events(), Joined)).participant.name == name
        await guest.disconnected()


async def test_unfit_media_library_is_refused_before_anybody_connects(
    room: LocalRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aiortc_patches, "RECEIVER_NAMES", ("_renamed_upstream",))
    with pytest.raises(RoomRefused, match=r"aiortc 1\.\d+.* lacks _renamed_upstream: install"):
        async with room:
            pass


async def test_address_of_another_machine_is_refused_at_once() -> None:
    room = open_room("local://demo", clock=time.time, notice=Notice("Ada", "presence", "Counts."), host="192.0.2.7")
    with pytest.raises(RoomRefused, match=r"192\.0\.2\.7 is no address of this machine"):
        async with room:
            pass


async def test_silent_guest_without_camera_stays_as_long_as_her_connection_answers(
    stage: "WhipStage", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video_stream, "CAMERA_PATIENCE_S", 0.5)
    monkeypatch.setattr(video_stream, "VANISH_PATIENCE_S", 2.0)
    monkeypatch.setattr("aioice.ice.CONSENT_INTERVAL", 0.8)  # of both ends; 5 s in real life
    async with stage.room as room:
        guest = await stage.guest("Eve")
        events = room.events()
        await expect(events, Joined)
        await expect(events, CameraOn)
        await guest.camera_off()
        await expect(events, CameraOff)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(video_stream.VANISH_PATIENCE_S + 1.0):
                await anext(events)


def test_url_picks_the_local_room() -> None:
    room = open_room("local://biology-101", clock=time.time, notice=Notice("Ada", "presence", "Counts only."))
    assert isinstance(room, LocalRoom)
    assert room.name == "biology-101"


@pytest.mark.parametrize("url", ["zoom://x", "local", "http://host/room"])
def test_unknown_scheme_names_the_known_ones(url: str) -> None:
    with pytest.raises(SettingsRefused, match="local://NAME"):
        open_room(url, clock=time.time, notice=Notice("Ada", "presence", "Counts only."))


@pytest.mark.parametrize("name", ["", "a/b", "..", "x" * 65, "a b", "%2e"])
def test_name_that_cannot_stand_in_a_link_is_refused(name: str) -> None:
    with pytest.raises(SettingsRefused, match="letters, digits"):
        open_room(f"local://{name}", clock=time.time, notice=Notice("Ada", "presence", "Counts only."))
