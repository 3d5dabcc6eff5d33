"""Patches for what aiortc 1.16 gets wrong for a receiver of many streams: the only file that touches its private names.

Each patch is put on the objects of one connection, never on the library: other users of aiortc see no change. Four of
them aiortc should have itself: UPSTREAM.md shows each fault with a script, and what to change.
"""

import asyncio
import logging
import math
import queue
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpTransceiver
from aiortc.rtcrtpparameters import RTCRtcpFeedback, RTCRtpCodecParameters, RTCRtpHeaderExtensionParameters
from aiortc.rtp import RtcpByePacket, unpack_header_extensions
from av import VideoFrame

from bot.errors import RoomRefused
from bot.rooms.webrtc.decoding import Decoder, EncodedFrames, Pictures, is_keyframe
from bot.rooms.webrtc.jitter_buffer import SkippingJitterBuffer
from bot.rooms.webrtc.orientation import UPRIGHT, read_orientation
from bot.rooms.webrtc.sdp_video import ORIENTATION, Video
from bot.rooms.webrtc.traffic import ArrivalRate, Traffic, enlarge

log = logging.getLogger(__name__)

NACK_EVERY_S = 0.06
"""A lost packet is asked for again after so long; aiortc asks once, and question and answer can be lost like it."""

DECODER_THREAD = "_RTCRtpReceiver__decoder_thread"
DECODER_QUEUE = "_RTCRtpReceiver__decoder_queue"
DECODER_ERROR = "_RTCRtpReceiver__decoder_error"
ESTIMATOR = "_RTCRtpReceiver__remote_bitrate_estimator"
JITTER_BUFFER = "_RTCRtpReceiver__jitter_buffer"
NACK_GENERATOR = "_RTCRtpReceiver__nack_generator"
CODECS = "_RTCRtpReceiver__codecs"
RTX_SOURCES = "_RTCRtpReceiver__rtx_ssrc"
TIMESTAMPS = "_RTCRtpReceiver__timestamp_mapper"
RECEIVER_NAMES = (
    *(DECODER_THREAD, DECODER_QUEUE, DECODER_ERROR, JITTER_BUFFER, NACK_GENERATOR, CODECS, RTX_SOURCES, TIMESTAMPS),
    ESTIMATOR,
    *("receive", "_handle_rtp_packet", "_handle_rtcp_packet", "_send_rtcp_nack", "_send_rtcp_pli"),
)
RELAY = "_TurnTransport__inner_protocol"
TRANSPORT_NAMES = ("_recv_next", "_rtp_router", "_rtp_header_extensions_map")
TURN = "video_orientation"
CONNECTION_NAMES = ("get_component_candidates", "_protocols")


async def check_aiortc() -> None:
    """Refuse an installed aiortc that the cures do not fit, before anybody connects.

    Raises:
        RoomRefused: It lacks a name.
    """
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    try:
        receiver: Any = peer.addTransceiver("video", direction="recvonly").receiver
        check_private_names(receiver, receiver.transport, receiver.transport.transport._connection)
    finally:
        await peer.close()


def check_private_names(receiver: object, transport: object, connection: object) -> None:
    """Refuse an aiortc or aioice that has renamed what the cures rely on in these three, each below the one before.

    Raises:
        RoomRefused: A name is missing.
    """
    for part, names in ((receiver, RECEIVER_NAMES), (transport, TRANSPORT_NAMES), (connection, CONNECTION_NAMES)):
        missing = [name for name in names if not hasattr(part, name)]
        if missing:
            raise RoomRefused(
                f"aiortc {version('aiortc')} with aioice {version('aioice')} lacks {', '.join(missing)}: "
                "install aiortc 1.16 and aioice 0.13"
            )


def patch_connection(
    peer: RTCPeerConnection,
    deliver: Callable[[VideoFrame], None],
    traffic: Traffic,
    *,
    addresses: Iterable[str] | None = None,
) -> None:
    """Put every patch on a connection of one stream, which has its transceivers and has not gathered candidates yet.

    Args:
        peer: A connection after `setRemoteDescription` (to answer) or `addTransceiver` (to offer).
        deliver: Called on the event loop with every decoded picture; must not block.
        traffic: Counts what the connection receives.
        addresses: As in `listen_on`; None keeps aioice's own choice.
    """
    for transceiver in peer.getTransceivers():
        patch_receiver(peer, transceiver, deliver, traffic)
    if addresses is not None:
        listen_on(peer, addresses)


@dataclass
class ReceivedCodec(RTCRtpCodecParameters):
    """A codec as the other side names it; its decoder may need to know more than the stream says."""

    parameter_sets: bytes = b""
    """As in `Codec`."""


def accept_video(transceiver: RTCRtpTransceiver, video: Video) -> None:
    """Have a transceiver receive what the other side's description says, right after it was given to the connection.

    Args:
        transceiver: Whose section it is.
        video: What of the section can be received.
    """
    codecs: list[RTCRtpCodecParameters] = []
    for codec in video.codecs:
        feedback = [RTCRtcpFeedback(kind, more or None) for kind, _, more in (f.partition(" ") for f in codec.feedback)]
        parameters = dict[str, Any](codec.parameters)
        name = f"video/{codec.name}"
        codecs.append(ReceivedCodec(name, 90_000, None, codec.number, feedback, parameters, codec.parameter_sets))
        if codec.repeats is not None:
            codecs.append(ReceivedCodec("video/rtx", 90_000, None, codec.repeats, [], {"apt": codec.number}))
    anybody: Any = transceiver
    anybody._codecs = codecs
    if video.orientation is not None:
        anybody._headerExtensions.append(RTCRtpHeaderExtensionParameters(video.orientation, ORIENTATION))
        _read_orientations(anybody.receiver.transport, video.orientation)


def _read_orientations(transport: Any, number: int) -> None:
    """Have packets say how their picture is turned; aiortc passes over header extensions that it does not know."""
    extensions = transport._rtp_header_extensions_map
    read = vars(extensions).get("read", extensions.get)

    def get(profile: int, value: bytes) -> Any:
        found = read(profile, value)
        for which, data in unpack_header_extensions(profile, value):
            if which == number and (turn := read_orientation(data)) is not None:
                setattr(found, TURN, turn)
        return found

    extensions.read, extensions.get = read, get


def patch_receiver(
    peer: RTCPeerConnection, transceiver: RTCRtpTransceiver, deliver: Callable[[VideoFrame], None], traffic: Traffic
) -> None:
    """Patch one transceiver of a connection, once, before it receives; arguments as in `patch_connection`."""
    receiver: Any = transceiver.receiver
    _renew_jitter_buffer(receiver)
    getattr(receiver, ESTIMATOR).incoming_bitrate = ArrivalRate()
    contain_errors(receiver.transport)
    _attend_packets(receiver, traffic)
    _bound_decoder(peer, receiver, deliver, traffic)


def listen_on(peer: RTCPeerConnection, addresses: Iterable[str]) -> None:
    """Gather candidates on these addresses only.

    aioice never gathers loopback addresses, so two peers on one machine without a network cannot meet.

    Args:
        peer: A connection that has its transceivers and has not gathered yet.
        addresses: IP addresses of this machine.
    """
    chosen = list(addresses)
    for connection in _connections(peer):
        gather = connection.get_component_candidates

        # Bound as a default: by the time this is called, the loop's variable is another connection's.
        async def gather_on_chosen(component: int, addresses: object, gather: Any = gather) -> Any:
            return await gather(component=component, addresses=chosen)

        connection.get_component_candidates = gather_on_chosen


def attend_sockets(peer: RTCPeerConnection, traffic: Traffic) -> None:
    """Enlarge the sockets' receive buffers, and count what arrives on them.

    The kernel drops what does not fit while the event loop is busy: of 12 streams of 720p on one stock socket, 40 %.
    Connectivity checks are the only sign of life of a person whose camera is off, and aiortc does not report them.

    Args:
        peer: A connection that has gathered its candidates.
        traffic: Where to count.
    """
    for connection in _connections(peer):
        for protocol in connection._protocols:
            relay = getattr(protocol.transport, RELAY, None)
            enlarge((relay or protocol).transport.get_extra_info("socket"))
            protocol.datagram_received = _counting(protocol.datagram_received, traffic)


async def skip_gap(transceivers: Iterable[RTCRtpTransceiver], traffic: Traffic) -> None:
    """Forget what came so far, and ask the sender for a whole picture to begin with."""
    # Whatever source is heard next is followed at once, without patience for the one before.
    traffic.heard_at, traffic.turn = -math.inf, UPRIGHT
    for transceiver in transceivers:
        _begin_anew(transceiver.receiver)
    await ask_for_keyframe(transceivers, traffic)


async def ask_for_keyframe(transceivers: Iterable[RTCRtpTransceiver], traffic: Traffic) -> None:
    """Ask the sender for a whole picture; what waits for a lost packet goes on with it when it has come."""
    for transceiver in transceivers:
        receiver: Any = transceiver.receiver
        if traffic.media_ssrc:
            await receiver._send_rtcp_pli(traffic.media_ssrc)


class _Unjoined:
    """Stands in for a decoder thread: aiortc joins it on the event loop, and waits for one that hangs."""

    def join(self) -> None: ...


def _connections(peer: RTCPeerConnection) -> list[Any]:
    transports: list[Any] = [transceiver.receiver.transport.transport for transceiver in peer.getTransceivers()]
    transports += [peer.sctp.transport.transport] if peer.sctp is not None else []
    return list(dict.fromkeys(transport._connection for transport in transports))


def _renew_jitter_buffer(receiver: Any) -> None:
    def is_key(packet: Any) -> bool:
        codec = getattr(receiver, CODECS).get(packet.payload_type)
        return codec is not None and is_keyframe(codec.name, packet._data)

    setattr(receiver, JITTER_BUFFER, SkippingJitterBuffer(is_key, asyncio.get_running_loop().time))


def _begin_anew(receiver: Any) -> None:
    """Forget what came so far: it is not of the stream that begins."""
    _renew_jitter_buffer(receiver)
    nacks = getattr(receiver, NACK_GENERATOR)
    nacks.missing.clear()
    nacks.max_seq = None
    getattr(receiver, DECODER_QUEUE).await_keyframe()


def _decode_what_is_ready(receiver: Any) -> None:
    for payload_type, frame in getattr(receiver, JITTER_BUFFER).ready():
        codec = getattr(receiver, CODECS)[payload_type]
        frame.timestamp = getattr(receiver, TIMESTAMPS).map(frame.timestamp)
        getattr(receiver, DECODER_QUEUE).put((codec, frame))


def _bound_decoder(
    peer: RTCPeerConnection, receiver: Any, deliver: Callable[[VideoFrame], None], traffic: Traffic
) -> None:
    lost, receive = getattr(receiver, DECODER_ERROR), receiver.receive
    inbox = EncodedFrames(lost, traffic.refuse)
    setattr(receiver, DECODER_QUEUE, inbox)

    async def receive_cured(parameters: Any) -> None:
        # A connection closed while it was being made would start a decoder that nobody ends.
        if peer.signalingState == "closed":
            return
        at_its_end: queue.Queue[None] = queue.Queue()
        at_its_end.put(None)
        setattr(receiver, DECODER_QUEUE, at_its_end)  # of which aiortc's own thread makes nothing
        await receive(parameters)
        setattr(receiver, DECODER_QUEUE, inbox)
        if isinstance(getattr(receiver, DECODER_THREAD), threading.Thread):
            decoder = Decoder(inbox, Pictures(deliver, traffic.refuse), lost, asyncio.get_running_loop())
            traffic.decoders.append(decoder)
            setattr(receiver, DECODER_THREAD, _Unjoined())
            decoder.start()
        _route(receiver, parameters)

    receiver.receive = receive_cured


def _route(receiver: Any, parameters: Any) -> None:
    """Bring what a later description says to a receiver that has started; aiortc looks only at the first.

    With several video sections aiortc cannot route retransmissions either: it registers only the media's own source.
    """
    router = receiver.transport._rtp_router
    sources: dict[int, int | None] = {}
    for encoding in parameters.encodings:  # one for each codec, of which some come without retransmissions
        sources[encoding.ssrc] = encoding.rtx.ssrc if encoding.rtx else sources.get(encoding.ssrc)
    getattr(receiver, CODECS).update({codec.payloadType: codec for codec in parameters.codecs})
    getattr(receiver, RTX_SOURCES).update({rtx: ssrc for ssrc, rtx in sources.items() if rtx is not None})
    router.register_receiver(
        receiver,
        ssrcs=[source for pair in sources.items() for source in pair if source is not None],
        payload_types=[codec.payloadType for codec in parameters.codecs],
        mid=parameters.muxId,
    )


def contain_errors(transport: Any) -> None:
    """Let a packet that cannot be handled cost only itself; stock aiortc closes the connection on an empty datagram."""
    if "_recv_next" in vars(transport):
        return
    receive_next, dropped = transport._recv_next, 0

    async def receive_next_contained() -> None:
        nonlocal dropped
        try:
            await receive_next()
        except ConnectionError:
            raise
        except Exception as error:
            dropped += 1
            if dropped.bit_count() == 1:  # the 1st, 2nd, 4th…: whoever sends such packets must not fill the log
                log.warning("Dropped %d packets that cannot be handled, the last for %r", dropped, error)

    transport._recv_next = receive_next_contained


def _attend_packets(receiver: Any, traffic: Traffic) -> None:
    """Count the media, ask again for what is still missing, and let no goodbye end the decoder."""
    handle_rtp, handle_rtcp = receiver._handle_rtp_packet, receiver._handle_rtcp_packet
    now = asyncio.get_running_loop().time
    asked_at = now()

    async def handle_rtp_counted(packet: Any, arrival_time_ms: int) -> None:
        nonlocal asked_at
        codec = getattr(receiver, CODECS).get(packet.payload_type)
        source = getattr(receiver, RTX_SOURCES).get(packet.ssrc, packet.ssrc)
        if codec is None or (codec.name == "rtx" and source == packet.ssrc):
            return  # of no use, and it must not be taken for the source
        followed = traffic.media_ssrc
        if not traffic.hears(source, now()):
            return
        if followed not in (0, source):
            _begin_anew(receiver)
        if packet.payload:
            traffic.media_packets += 1
        if (turn := getattr(packet.extensions, TURN, None)) is not None:
            traffic.turn = turn
        await handle_rtp(packet, arrival_time_ms=arrival_time_ms)
        # aiortc has put at most one frame into the decoder's inbox; what else is whole follows in its order.
        _decode_what_is_ready(receiver)
        missing = getattr(receiver, NACK_GENERATOR).missing
        if missing and now() - asked_at >= NACK_EVERY_S:
            asked_at = now()
            await receiver._send_rtcp_nack(traffic.media_ssrc, sorted(missing))

    async def handle_rtcp_but_bye(packet: Any) -> None:
        # On BYE aiortc ends its decoder for good, but a camera that is switched off may come back.
        if isinstance(packet, RtcpByePacket):
            traffic.goodbyes += 1
        else:
            await handle_rtcp(packet)

    receiver._handle_rtp_packet = handle_rtp_counted
    receiver._handle_rtcp_packet = handle_rtcp_but_bye


def _counting(received: Any, traffic: Traffic) -> Any:
    def count_and_receive(data: bytes, addr: tuple[Any, ...]) -> None:
        traffic.datagrams += 1
        received(data, addr)

    return count_and_receive
