"""People who publish into a Janus room as Chromium does with simulcast, but for a small part of what encoding costs it.

Of a picture of 640x360 Chromium offers three sizes and sends two, and a whole picture only when it is asked for one.
These people do the same with pictures that were encoded before, once for everybody. Their three temporal layers are our
choice: of what Chromium sends a page was seen to receive none.
"""

import random
import re
from collections.abc import Sequence
from contextlib import AsyncExitStack
from fractions import Fraction
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any

import av
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.codecs.vpx import PACKET_MAX, Vp8Encoder, VpxPayloadDescriptor
from aiortc.mediastreams import VIDEO_TIME_BASE, convert_timebase
from aiortc.rtcconfiguration import RTCBundlePolicy

from bot.rooms.janus.address import read_address
from bot.rooms.janus.publisher import CONNECTING_S, close_undisturbed, connected, join
from bot.rooms.janus.session import Handle, open_session
from bot.rooms.publishing.camera import ClipCamera, EncodedPicture
from bot.rooms.publishing.encoded_clip import Clip, ClipFrame
from bot.rooms.webrtc.aiortc_patches import listen_on
from tests.benchmarks.network import PEOPLE

FPS = 15
SIZES = ((320, 180, 150), (640, 360, 500))
"""Width, height, most kbit/s, of what Chromium sends of 640x360, the smallest first."""
MISSING = 1
"""So many smaller ones it offers and does not send."""
TEMPORAL = (0, 2, 1, 2)
"""Layer of one picture after the other."""
SYNCHRONISES = (False, True, True, False)
"""Which of them need nothing of their own layer."""
TURNS = 4
"""So often a clip is played until its beginning, which is a whole picture, comes again: half a minute."""


class LayeredCamera(ClipCamera):
    """Plays a clip that is a whole picture and differences to it; begins anew when it is asked for a whole one."""

    def __init__(self, clip: Clip) -> None:
        super().__init__(clip)
        self.sent = 0
        self.asked = 0
        """How often somebody wanted a whole picture."""
        self.place = 0
        """In `TEMPORAL`, of what was sent last."""
        self._places = count()

    def begin_anew(self) -> None:
        """A whole picture is asked for."""
        self.asked += 1
        self.play(self._clip)

    def play(self, clip: Clip) -> None:
        super().play(clip)
        self._places = count()

    async def _next(self) -> tuple[EncodedPicture, float]:
        found = await super()._next()
        self.sent += 1
        self.place = next(self._places) % len(TEMPORAL)
        return found


@lru_cache
def encode(path: Path) -> tuple[Clip, ...]:
    """Encode a clip in every size that is sent, the smallest first, in temporal layers."""
    with av.open(str(path)) as file:
        pictures = list(file.decode(video=0))
    return tuple(Clip(path, tuple(_encoded(pictures, *size))) for size in SIZES)


def _encoded(pictures: Sequence[av.VideoFrame], width_px: int, height_px: int, kbps: int) -> list[ClipFrame]:
    encoder: Any = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width_px, height_px, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.gop_size = Fraction(1, FPS), Fraction(FPS), 9999
    encoder.bit_rate, encoder.thread_count = 1000 * kbps, 1
    encoder.options = {
        **dict.fromkeys(("minrate", "maxrate", "bufsize"), str(1000 * kbps)),
        "deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "auto-alt-ref": "0",
        "ts-parameters": f"ts_target_bitrate={kbps * 2 // 5},{kbps * 3 // 5},{kbps}:ts_layering_mode=3",
    }  # fmt: skip
    resized = [picture.reformat(width_px, height_px, "yuv420p") for picture in pictures]
    frames = []
    for number in range(TURNS * len(resized)):
        picture = resized[number % len(resized)]
        picture.pts, picture.time_base, picture.pict_type = number, Fraction(1, FPS), 0
        frames += [ClipFrame(bytes(packet), 1 / FPS, packet.is_keyframe) for packet in encoder.encode(picture)]
    assert [frame.is_key for frame in frames].count(True) == 1
    return frames


class LayeredPackets(Vp8Encoder):
    """Makes packets that say in which temporal layer a picture is."""

    def __init__(self, camera: LayeredCamera) -> None:
        super().__init__()
        self._camera = camera
        self._lowest = random.randrange(256)

    def pack(self, packet: Any) -> tuple[list[bytes], int]:
        """As aiortc's sender wants it."""
        place, data = self._camera.place, bytes(packet)
        layer = TEMPORAL[place]
        self._lowest = (self._lowest + (layer == 0)) % 256
        self.picture_id = (self.picture_id + 1) % (1 << 15)
        payloads = []
        for begin in range(0, len(data), PACKET_MAX - 6):
            about = VpxPayloadDescriptor(
                int(begin == 0), 0, self.picture_id, self._lowest, (layer, int(SYNCHRONISES[place]))
            )
            payloads.append(bytes(about) + data[begin : begin + PACKET_MAX - 6])
        return payloads, convert_timebase(packet.pts, packet.time_base, VIDEO_TIME_BASE)


class SimulcastPerson:
    """A participant on the people's host of the network. `join`, then `leave`, always."""

    def __init__(self, url: str, name: str, cameras: Sequence[LayeredCamera]) -> None:
        """Prepare.

        Args:
            url: The room, as `read_address` takes it.
            name: Display name.
            cameras: The sizes, the smallest first.
        """
        self.cameras = cameras
        self._address = read_address(url)
        self._name = name
        self._stack = AsyncExitStack()

    async def join(self) -> None:
        """Come in; returns once media flows."""
        session = await self._stack.enter_async_context(open_session(self._address.url, self._address.token))
        handle = await session.attach()
        await join(handle, self._address, self._name)
        await self._publish(handle)

    async def leave(self) -> None:
        """Say goodbye."""
        await self._stack.aclose()

    async def _publish(self, handle: Handle) -> None:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self._stack.push_async_callback(close_undisturbed, peer.close)
        vp8 = [codec for codec in RTCRtpSender.getCapabilities("video").codecs if codec.mimeType == "video/VP8"]
        for camera in self.cameras:
            self._stack.callback(camera.stop)
            transceiver = peer.addTransceiver(camera, direction="sendonly")
            transceiver.setCodecPreferences(vp8)
            vars(transceiver.sender)["_RTCRtpSender__encoder"] = LayeredPackets(camera)
            vars(transceiver.sender)["_send_keyframe"] = camera.begin_anew
        listen_on(peer, [PEOPLE])
        await peer.setLocalDescription(await peer.createOffer())
        offer = as_simulcast(peer.localDescription.sdp)
        answer = await handle.request({"request": "publish", "videocodec": "vp8"}, {"type": "offer", "sdp": offer})
        assert answer.jsep is not None
        sdp = repeated(answer.jsep["sdp"], len(self.cameras))
        await peer.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        await connected(peer, CONNECTING_S)


def as_simulcast(offer: str) -> str:
    """Make one video of several sizes of an offer of several videos."""
    session, first, *others = re.split(r"(?=^m=)", offer, flags=re.MULTILINE)
    sources = [
        int(number) for section in (first, *others) for number in re.findall(r"^a=ssrc:(\d+) cname", section, re.M)
    ]
    sources = [random.randrange(1, 1 << 32) for _ in range(MISSING)] + sources
    section = re.sub(r"^a=ssrc.*\r\n", "", first, flags=re.M)
    lines = [
        f"a=ssrc-group:SIM {' '.join(map(str, sources))}",
        *(f"a=ssrc:{source} cname:person" for source in sources),
    ]
    return (
        re.sub(r"^a=group:BUNDLE.*$", "a=group:BUNDLE 0", session, flags=re.M)
        + section
        + "".join(f"{line}\r\n" for line in lines)
    )


def repeated(answer: str, times: int) -> str:
    """Make an answer to several videos of the answer to one."""
    session, section = re.split(r"(?=^m=)", answer, flags=re.MULTILINE)
    mids = " ".join(map(str, range(times)))
    session = re.sub(r"^a=group:BUNDLE.*$", f"a=group:BUNDLE {mids}\r", session, flags=re.M)
    return session + "".join(re.sub(r"^a=mid:.*$", f"a=mid:{mid}\r", section, flags=re.M) for mid in range(times))
