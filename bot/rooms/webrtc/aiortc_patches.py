"""Patches for what aiortc 1.16 gets wrong for a receiver of many streams: the only file that touches its private names.

Each patch is put on the objects of one connection, never on the library: other users of aiortc see no change. Four of
them aiortc should have itself: UPSTREAM.md shows each fault with a script, and what to change.
"""

import asyncio
import math
import queue
import threading
import time
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpTransceiver, rtcdtlstransport
from aiortc.rtcrtpparameters import RTCRtcpFeedback, RTCRtpCodecParameters, RTCRtpHeaderExtensionParameters
from aiortc.rtcrtpreceiver import StreamStatistics
from aiortc.rtp import RTCP_PSFB_APP, RtcpByePacket, RtcpPsfbPacket, pack_remb_fci

from bot.errors import RoomRefused
from bot.rooms.webrtc.decoding import CodedPicture, Decoder
from bot.rooms.webrtc.orientation import UPRIGHT
from bot.rooms.webrtc.packets import ExtensionNumbers, PacketMalformed, is_control, read_packet
from bot.rooms.webrtc.reception import Feedback, VideoReception
from bot.rooms.webrtc.sdp_video import ORIENTATION, Video
from bot.rooms.webrtc.traffic import ArrivalRate, BurstRateControl, Contained, Traffic, enlarge, read_together

DECODER_THREAD = "_RTCRtpReceiver__decoder_thread"
DECODER_QUEUE = "_RTCRtpReceiver__decoder_queue"
ESTIMATOR = "_RTCRtpReceiver__remote_bitrate_estimator"
NACK_GENERATOR = "_RTCRtpReceiver__nack_generator"
OWN_SOURCE = "_RTCRtpReceiver__rtcp_ssrc"
STATISTICS = "_RTCRtpReceiver__remote_streams"
RECEIVER_NAMES = (
    *(DECODER_THREAD, DECODER_QUEUE, ESTIMATOR, NACK_GENERATOR, OWN_SOURCE, STATISTICS),
    *("receive", "_handle_rtcp_packet", "_send_rtcp", "_send_rtcp_nack", "_send_rtcp_pli"),
)
RELAY = "_TurnTransport__inner_protocol"
TRANSPORT_NAMES = ("_recv_next", "_rtp_router", "_rx_srtp", "_handle_rtcp_data")
CONNECTION_NAMES = ("get_component_candidates", "_protocols")
RECEPTION = "video_reception"
EXTENSIONS = "extension_numbers"
"""What the patches add: to a receiver, and to its transport."""
SENT_AT = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
CLOCK_RATE = 90_000
DecryptionFailed: type[Exception] = vars(rtcdtlstransport)["pylibsrtp"].Error


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
    deliver: Callable[[CodedPicture], None],
    traffic: Traffic,
    *,
    addresses: Iterable[str] | None = None,
    in_bursts: bool = False,
) -> None:
    """Put every patch on a connection of one stream, which has its transceivers and has not gathered candidates yet.

    Args:
        peer: A connection after `setRemoteDescription` (to answer) or `addTransceiver` (to offer).
        deliver: Called on the event loop with every picture that has come whole; must not block.
        traffic: Counts what the connection receives.
        addresses: As in `listen_on`; None keeps aioice's own choice.
        in_bursts: Whether a window is sent, little for long and much at once, and not a camera's steady stream.
    """
    for transceiver in peer.getTransceivers():
        patch_receiver(peer, transceiver, deliver, traffic)
        if in_bursts:
            getattr(transceiver.receiver, ESTIMATOR).rate_control = BurstRateControl()
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
        _extensions(anybody.receiver.transport).orientation = video.orientation


def patch_receiver(
    peer: RTCPeerConnection, transceiver: RTCRtpTransceiver, deliver: Callable[[CodedPicture], None], traffic: Traffic
) -> None:
    """Patch one transceiver of a connection, once, before it receives; arguments as in `patch_connection`."""
    receiver: Any = transceiver.receiver
    getattr(receiver, ESTIMATOR).incoming_bitrate = ArrivalRate()
    contain_errors(receiver.transport)
    setattr(receiver, RECEPTION, _new_reception(receiver, deliver, traffic))
    _survive_goodbyes(receiver, traffic)
    _bound_decoder(peer, receiver, traffic)


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
    """Take what arrives on a connection's sockets at once and count it, and enlarge their receive buffers.

    The kernel drops what does not fit while the event loop is busy: of 12 streams of 720p on one stock socket, 40 %.
    Connectivity checks are the only sign of life of a person whose camera is off, and aiortc does not report them.

    Args:
        peer: A connection that has gathered its candidates.
        traffic: Where to count.
    """
    transports: dict[Any, Any] = {}
    for transceiver in peer.getTransceivers():
        transport: Any = transceiver.receiver.transport
        transports[transport.transport._connection] = transport
    for connection, transport in transports.items():
        for protocol in connection._protocols:
            take = protocol.datagram_received = _taking(protocol.datagram_received, transport, traffic)
            relay = getattr(protocol.transport, RELAY, None)
            enlarge((relay or protocol).transport.get_extra_info("socket"))
            if relay is None:
                read_together(protocol.transport, protocol, take)


async def skip_gap(transceivers: Iterable[RTCRtpTransceiver], traffic: Traffic) -> None:
    """Forget what came so far, and ask the sender for a whole picture to begin with."""
    # Whatever source is heard next is followed at once, without patience for the one before.
    traffic.heard_at, traffic.turn = -math.inf, UPRIGHT
    for transceiver in transceivers:
        _reception(transceiver.receiver).begin_anew()
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


def _reception(receiver: object) -> VideoReception:
    reception: VideoReception = getattr(receiver, RECEPTION)
    return reception


def _extensions(transport: Any) -> ExtensionNumbers:
    numbers: ExtensionNumbers = vars(transport).setdefault(EXTENSIONS, ExtensionNumbers())
    return numbers


def _new_reception(receiver: Any, deliver: Callable[[CodedPicture], None], traffic: Traffic) -> VideoReception:
    counted: dict[int, Any] = getattr(receiver, STATISTICS)

    def statistics(source: int) -> Any:
        return counted.get(source) or counted.setdefault(source, StreamStatistics(CLOCK_RATE))

    def estimate(arrived_ms: int, sent_at: int, size_bytes: int, source: int) -> Any:
        return getattr(receiver, ESTIMATOR).add(arrived_ms, sent_at, size_bytes, source)

    def send_rate(rate: tuple[int, list[int]]) -> None:
        if (own := getattr(receiver, OWN_SOURCE)) is not None:
            estimate = RtcpPsfbPacket(RTCP_PSFB_APP, own, 0, pack_remb_fci(*rate))
            _run_through(receiver._send_rtcp(estimate))

    feedback = Feedback(
        lambda source, numbers: _run_through(receiver._send_rtcp_nack(source, numbers)),
        lambda source: _run_through(receiver._send_rtcp_pli(source)),
        send_rate,
    )
    return VideoReception(
        traffic,
        deliver,
        feedback,
        missing=getattr(receiver, NACK_GENERATOR),
        statistics=statistics,
        estimate=estimate,
        now=asyncio.get_running_loop().time,
    )


def _run_through(sending: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine of aiortc that sends something, which never waits for anything."""
    try:
        sending.send(None)
    except StopIteration:
        return
    sending.close()
    raise RuntimeError("what is sent at once had to wait")


def _taking(pass_on: Callable[[bytes, Any], None], transport: Any, traffic: Traffic) -> Callable[..., None]:
    """Take media out of what arrives; the rest, checks of the connection and its handshake, goes on to aiortc."""
    router, numbers, contained = transport._rtp_router, _extensions(transport), Contained()

    def take(datagram: bytes, address: Any, arrived_ms: int | None = None) -> None:
        traffic.datagrams += 1
        if not datagram or not 127 < datagram[0] < 192:
            pass_on(datagram, address)
            return
        session = transport._rx_srtp
        if session is None:
            return  # before the handshake is over nothing can be decrypted
        try:
            if is_control(datagram):
                _run_through(transport._handle_rtcp_data(session.unprotect_rtcp(datagram)))
                return
            packet = read_packet(session.unprotect(datagram), numbers)
            receiver = router.route_rtp(packet)
            if receiver is not None:
                _reception(receiver).take(packet, arrived_ms or time.time_ns() // 1_000_000)
        except (DecryptionFailed, PacketMalformed):
            pass  # of somebody who has no key, or come twice; or of somebody who has it, and none
        except Exception as error:
            contained.note(error)

    return take


class _Ending:
    """Stands in for a decoder's queue, in which aiortc only puts what ends it."""

    def __init__(self, reception: VideoReception) -> None:
        self._reception = reception

    def put(self, item: None) -> None:
        decoder, self._reception.decoder = self._reception.decoder, None
        if decoder is not None:
            decoder.end()


def _bound_decoder(peer: RTCPeerConnection, receiver: Any, traffic: Traffic) -> None:
    receive, reception = receiver.receive, _reception(receiver)
    setattr(receiver, DECODER_QUEUE, _Ending(reception))

    async def receive_cured(parameters: Any) -> None:
        # A connection closed while it was being made would start a decoder that nobody ends.
        if peer.signalingState == "closed":
            return
        at_its_end: queue.Queue[None] = queue.Queue()
        at_its_end.put(None)
        setattr(receiver, DECODER_QUEUE, at_its_end)  # of which aiortc's own thread makes nothing
        await receive(parameters)
        setattr(receiver, DECODER_QUEUE, _Ending(reception))
        if isinstance(getattr(receiver, DECODER_THREAD), threading.Thread):
            decoder = Decoder(reception.frames, reception.lost_picture, asyncio.get_running_loop(), traffic.refuse)
            traffic.decoders.append(decoder)
            setattr(receiver, DECODER_THREAD, _Unjoined())
            reception.decoder = decoder
            decoder.start()
        _route(receiver, parameters)

    receiver.receive = receive_cured


def _route(receiver: Any, parameters: Any) -> None:
    """Bring what a later description says to a receiver that has started; aiortc looks only at the first.

    With several video sections aiortc cannot route retransmissions either: it registers only the media's own source.
    """
    sources: dict[int, int | None] = {}
    for encoding in parameters.encodings:  # one for each codec, of which some come without retransmissions
        sources[encoding.ssrc] = encoding.rtx.ssrc if encoding.rtx else sources.get(encoding.ssrc)
    repeats = {rtx: ssrc for ssrc, rtx in sources.items() if rtx is not None}
    _reception(receiver).describe(parameters.codecs, repeats)
    for extension in parameters.headerExtensions:
        if extension.uri == SENT_AT:
            _extensions(receiver.transport).sent_at = extension.id
    receiver.transport._rtp_router.register_receiver(
        receiver,
        ssrcs=[source for pair in sources.items() for source in pair if source is not None],
        payload_types=[codec.payloadType for codec in parameters.codecs],
        mid=parameters.muxId,
    )


def contain_errors(transport: Any) -> None:
    """Let a datagram that cannot be handled cost only itself; stock aiortc closes the connection on an empty one."""
    if "_recv_next" in vars(transport):
        return
    receive_next, contained = transport._recv_next, Contained()

    async def receive_next_contained() -> None:
        try:
            await receive_next()
        except ConnectionError:
            raise
        except Exception as error:
            contained.note(error)

    transport._recv_next = receive_next_contained


def _survive_goodbyes(receiver: Any, traffic: Traffic) -> None:
    """Let no goodbye end the decoder."""
    handle_rtcp = receiver._handle_rtcp_packet

    async def handle_rtcp_but_bye(packet: Any) -> None:
        # On BYE aiortc ends its decoder for good, but a camera that is switched off may come back.
        if isinstance(packet, RtcpByePacket):
            traffic.goodbyes += 1
        else:
            await handle_rtcp(packet)

    receiver._handle_rtcp_packet = handle_rtcp_but_bye
