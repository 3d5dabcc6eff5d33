"""Offers as real clients make them, written from their documentation and behaviour: what they say in which words.

Shortened where a section says the same of many codecs; candidates and fingerprints are invented.
"""

from dataclasses import dataclass

ICE = "a=ice-ufrag:4ZcD\r\na=ice-pwd:2/1muCWoOi3uLifh0NuRHlJk\r\n"
FINGERPRINT = "a=fingerprint:sha-256 " + ":".join(["75"] * 32) + "\r\n"
CANDIDATE = "a=candidate:1467250027 1 udp 2122260223 127.0.0.1 46243 typ host generation 0\r\n"
MID_URI = "urn:ietf:params:rtp-hdrext:sdes:mid"
CVO_URI = "urn:3gpp:video-orientation"
TIME_URI = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"
FEEDBACK = ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")


@dataclass(frozen=True)
class Offered:
    """An offer, and what the answer to it has to say."""

    sdp: str
    numbers: tuple[int, ...]
    """Payload types of the answer, codecs and their retransmissions."""
    orientation: int | None = None
    """Number of the header extension for it, in the offer and so in the answer."""
    mid: str = "0"


def lines(*each: str) -> str:
    return "".join(line + "\r\n" for line in each)


def codec(
    number: int, name: str, fmtp: str = "", repeats: int | None = None, feedback: tuple[str, ...] = FEEDBACK
) -> str:
    text = f"a=rtpmap:{number} {name}/90000\r\n" + lines(*(f"a=rtcp-fb:{number} {what}" for what in feedback))
    text += f"a=fmtp:{number} {fmtp}\r\n" if fmtp else ""
    return text + (lines(f"a=rtpmap:{repeats} rtx/90000", f"a=fmtp:{repeats} apt={number}") if repeats else "")


def h264(profile: str, mode: int = 1) -> str:
    return f"level-asymmetry-allowed=1;packetization-mode={mode};profile-level-id={profile}"


CHROMIUM = Offered(
    lines("v=0", "o=- 4611731400430051336 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0")
    + lines("a=extmap-allow-mixed", "a=msid-semantic: WMS 5a1c")
    + lines("m=video 9 UDP/TLS/RTP/SAVPF 96 97 103 104 107 108 109 114 115 116 117 118 39 40 45 46 98 99 123 124 125")
    + lines("c=IN IP4 0.0.0.0", "a=rtcp:9 IN IP4 0.0.0.0")
    + ICE
    + lines("a=ice-options:trickle")
    + FINGERPRINT
    + lines("a=setup:actpass", "a=mid:0", "a=extmap:1 urn:ietf:params:rtp-hdrext:toffset", f"a=extmap:2 {TIME_URI}")
    + lines(
        f"a=extmap:3 {CVO_URI}", f"a=extmap:4 {MID_URI}", "a=sendonly", "a=msid:5a1c 11", "a=rtcp-mux", "a=rtcp-rsize"
    )
    + codec(96, "VP8", repeats=97)
    + codec(103, "H264", h264("42001f"), 104)
    + codec(107, "H264", h264("42001f", 0), 108)
    + codec(109, "H264", h264("42e01f"), 114)
    + codec(115, "H264", h264("4d001f"), 116)
    + codec(117, "H264", h264("64001f"), 118)
    + codec(39, "H264", h264("f4001f"), 40)
    + codec(45, "AV1", "level-idx=5;profile=0;tier=0", 46)
    + codec(98, "VP9", "profile-id=0", 99)
    + lines("a=rtpmap:123 red/90000", "a=rtpmap:124 rtx/90000", "a=fmtp:124 apt=123", "a=rtpmap:125 ulpfec/90000")
    + lines("a=ssrc-group:FID 1551232 2342342", "a=ssrc:1551232 cname:KxM", "a=ssrc:2342342 cname:KxM"),
    (96, 97, 103, 104, 107, 108, 109, 114, 115, 116, 117, 118, 39, 40),
    orientation=3,
)
"""Chromium with getUserMedia: numbers below 64 since it ran out of others."""

ANDROID = Offered(
    lines("v=0", "o=- 77 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE audio video")
    + lines("m=audio 9 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0")
    + ICE
    + FINGERPRINT
    + lines("a=setup:actpass", "a=mid:audio", "a=sendrecv", "a=rtcp-mux", "a=rtpmap:111 opus/48000/2")
    + lines("m=video 9 UDP/TLS/RTP/SAVPF 96 97 98", "c=IN IP4 0.0.0.0")
    + ICE
    + FINGERPRINT
    + lines("a=setup:actpass", "a=mid:video", f"a=extmap:13 {CVO_URI}", f"a=extmap:3/sendonly {TIME_URI}", "a=sendrecv")
    + lines("a=rtcp-mux")
    + codec(96, "H264", h264("640c1f"), 97)
    + lines("a=rtpmap:98 red/90000"),
    (96, 97),
    orientation=13,
    mid="video",
)
"""The WebRTC library in a phone whose encoder makes High only, upright pictures by orientation."""

FIREFOX = Offered(
    lines("v=0", "o=mozilla...THIS_IS_SDPARTA-99.0 7148 0 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=sendrecv")
    + FINGERPRINT
    + lines("a=group:BUNDLE 0", "a=ice-options:trickle", "a=msid-semantic:WMS *")
    + lines("m=video 9 UDP/TLS/RTP/SAVPF 120 124 121 125 126 127 97 98 105 106 103 104 123 122 119", "c=IN IP4 0.0.0.0")
    + lines("a=sendonly", f"a=extmap:3 {MID_URI}", f"a=extmap:4 {TIME_URI}")
    + lines("a=extmap:5 urn:ietf:params:rtp-hdrext:toffset")
    + lines("a=extmap:6/recvonly http://www.webrtc.org/experiments/rtp-hdrext/playout-delay", f"a=extmap:8 {CVO_URI}")
    + lines("a=fmtp:126 profile-level-id=42e01f;level-asymmetry-allowed=1;packetization-mode=1")
    + lines("a=fmtp:97 profile-level-id=42e01f;level-asymmetry-allowed=1", "a=fmtp:98 apt=97", "a=fmtp:127 apt=126")
    + lines("a=fmtp:105 profile-level-id=42001f;level-asymmetry-allowed=1;packetization-mode=1", "a=fmtp:106 apt=105")
    + lines("a=fmtp:120 max-fs=12288;max-fr=60", "a=fmtp:124 apt=120", "a=fmtp:121 max-fs=12288;max-fr=60")
    + lines("a=fmtp:125 apt=121", "a=fmtp:119 apt=122")
    + ICE
    + lines("a=mid:0", "a=msid:{6c35} {f1}", "a=rtcp-fb:120 nack", "a=rtcp-fb:120 nack pli", "a=rtcp-fb:120 ccm fir")
    + lines("a=rtcp-fb:126 nack", "a=rtcp-fb:97 nack", "a=rtcp-mux", "a=rtcp-rsize", "a=rtpmap:120 VP8/90000")
    + lines("a=rtpmap:124 rtx/90000", "a=rtpmap:121 VP9/90000", "a=rtpmap:125 rtx/90000", "a=rtpmap:126 H264/90000")
    + lines("a=rtpmap:127 rtx/90000", "a=rtpmap:97 H264/90000", "a=rtpmap:98 rtx/90000", "a=rtpmap:105 H264/90000")
    + lines("a=rtpmap:106 rtx/90000", "a=rtpmap:103 H264/90000", "a=rtpmap:104 rtx/90000", "a=fmtp:104 apt=103")
    + lines("a=rtpmap:123 ulpfec/90000", "a=rtpmap:122 red/90000", "a=rtpmap:119 rtx/90000", "a=setup:actpass")
    + lines("a=rid:h send", "a=rid:l send", "a=simulcast:send h;l")
    + lines("a=ssrc:2655508255 cname:{735484ea}", "a=ssrc:99 cname:{735484ea}", "a=ssrc-group:FID 2655508255 99"),
    (120, 124, 126, 127, 97, 98, 105, 106, 103, 104),
    orientation=8,
)
"""Firefox: attributes in an order of its own, the fingerprint in the session, simulcast by RID."""

SAFARI = Offered(
    lines("v=0", "o=- 8350 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0", "a=msid-semantic: WMS b2")
    + lines("m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 100 101 104 105", "c=IN IP4 0.0.0.0")
    + ICE
    + FINGERPRINT
    + lines("a=setup:actpass", "a=mid:0", f"a=extmap:2 {TIME_URI}", f"a=extmap:3 {CVO_URI}", f"a=extmap:9 {MID_URI}")
    + lines("a=sendonly", "a=rtcp-mux", "a=rtcp-rsize")
    + codec(96, "H264", h264("640c1f"), 97)
    + codec(98, "H264", h264("42e01f"), 99)
    + codec(100, "VP8", repeats=101)
    + codec(104, "H265", "level-id=93;tx-mode=SRST", 105)
    + lines(
        "a=ssrc:1 cname:a", "a=ssrc:2 cname:a", "a=ssrc:3 cname:a", "a=ssrc-group:FID 1 2", "a=ssrc-group:FEC-FR 1 3"
    ),
    (96, 97, 98, 99, 100, 101),
    orientation=3,
)
"""Safari on a phone: H264 High first, which its camera sends sideways."""

OBS = Offered(
    lines("v=0", "o=rtc 3767197920 0 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1", "a=group:LS 0 1")
    + lines("a=msid-semantic:WMS *")
    + FINGERPRINT
    + lines("a=setup:actpass", "a=ice-ufrag:jBua", "a=ice-pwd:cUXG1Ne9nbRlbxuNhkLUvs", "a=ice-options:ice2,trickle")
    + lines("m=audio 9 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0", "a=mid:0", "a=sendonly", "a=rtcp-mux")
    + lines("a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;maxaveragebitrate=96000;stereo=1;useinbandfec=1")
    + lines("m=video 9 UDP/TLS/RTP/SAVPF 96 97", "c=IN IP4 0.0.0.0", "a=mid:1", "a=sendonly", "a=rtcp-mux")
    + lines("a=ssrc:2 cname:x", "a=ssrc:2 msid:x x-video", "a=rtpmap:96 H264/90000", "a=rtcp-fb:96 nack")
    + lines("a=rtcp-fb:96 nack pli", "a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1")
    + lines("a=rtpmap:97 RTX/90000", "a=fmtp:97 apt=96")
    + CANDIDATE,
    (96, 97),
    mid="1",
)
"""OBS Studio (libdatachannel): transport in the session, candidates in the last section only."""

GSTREAMER = Offered(
    lines("v=0", "o=- 1646 0 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=ice-options:trickle", "a=group:BUNDLE video0")
    + lines("m=video 9 UDP/TLS/RTP/SAVPF 96 97", "c=IN IP4 0.0.0.0", "a=setup:actpass")
    + ICE
    + lines("a=rtcp-mux", "a=rtcp-rsize", "a=sendonly", "a=rtpmap:96 H264/90000", "a=rtcp-fb:96 nack")
    + lines("a=rtcp-fb:96 nack pli", "a=framerate:30", "a=rtcp-fb:96 transport-cc", "a=rtpmap:97 rtx/90000")
    + lines(
        "a=fmtp:96 packetization-mode=1;profile-level-id=4d401f;"
        "sprop-parameter-sets=Z01AH5ZSAoAt2AgAAAMACAAAAwDgeMGVQA==,aOuPIA==;level-asymmetry-allowed=1"
    )
    + lines("a=fmtp:97 apt=96", "a=ssrc-group:FID 1733 25", "a=ssrc:1733 msid:user u", "a=ssrc:1733 cname:user")
    + lines("a=ssrc:25 msid:user u", "a=ssrc:25 cname:user", "a=mid:video0")
    + FINGERPRINT,
    (96, 97),
    mid="video0",
)
"""GStreamer's whipsink before x264enc: Main, with its parameter sets."""

FFMPEG = Offered(
    lines("v=0", "o=FFmpeg 4489045141692799359 2 IN IP4 127.0.0.1", "s=FFmpegPublishSession", "t=0 0")
    + lines("a=group:BUNDLE 0 1", "a=extmap-allow-mixed", "a=msid-semantic: WMS")
    + lines("m=audio 9 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0")
    + ICE
    + FINGERPRINT
    + lines(
        "a=setup:passive", "a=mid:0", "a=sendonly", "a=msid:FFmpeg audio", "a=rtcp-mux", "a=rtpmap:111 opus/48000/2"
    )
    + lines("a=ssrc:7 cname:FFmpeg", "a=ssrc:7 msid:FFmpeg audio")
    + lines("m=video 9 UDP/TLS/RTP/SAVPF 106", "c=IN IP4 0.0.0.0")
    + ICE
    + FINGERPRINT
    + lines("a=setup:passive", "a=mid:1", "a=sendonly", "a=msid:FFmpeg video", "a=rtcp-mux", "a=rtcp-rsize")
    + lines(
        "a=rtpmap:106 H264/90000", "a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f"
    )
    + lines("a=ssrc:8 cname:FFmpeg", "a=ssrc:8 msid:FFmpeg video"),
    (106,),
    mid="1",
)
"""ffmpeg -f whip: the profile of whatever is encoded, High unless it is asked otherwise; waits to be called."""

SIMULCAST = Offered(
    CHROMIUM.sdp.replace("a=ssrc-group:FID 1551232 2342342\r\n", "a=ssrc-group:SIM 1551232 31 32\r\n")
    + lines("a=ssrc-group:FID 1551232 2342342", "a=ssrc:31 cname:KxM", "a=ssrc:32 cname:KxM", "a=ssrc-group:FID 31 33"),
    CHROMIUM.numbers,
    orientation=3,
)
"""Several sizes under one number, named in an older way."""

NUMBERS_BELOW_96 = Offered(
    OBS.sdp.replace("96 97", "35 36").replace(":96 ", ":35 ").replace(":97 ", ":36 ").replace("apt=96", "apt=35"),
    (35, 36),
    mid="1",
)
"""A client that numbers from 35 on."""

WITHOUT_BUNDLE = Offered(
    lines("v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "m=video 9 UDP/TLS/RTP/SAVPF 100", "c=IN IP4 0.0.0.0")
    + ICE
    + FINGERPRINT
    + lines("a=setup:active", "a=mid:0", "a=sendonly", "a=rtcp-mux", "a=rtpmap:100 vp8/90000")
    + lines("a=extmap:2 urn:example:one with words behind it", "a=ssrc:5 cname"),
    (100,),
)
"""A small client of one section: lower case, no bundle, and words that most parsers do not expect."""

CLIENTS = {
    "chromium": CHROMIUM,
    "android": ANDROID,
    "firefox": FIREFOX,
    "safari": SAFARI,
    "obs": OBS,
    "gstreamer": GSTREAMER,
    "ffmpeg": FFMPEG,
    "simulcast": SIMULCAST,
    "numbers below 96": NUMBERS_BELOW_96,
    "without bundle": WITHOUT_BUNDLE,
}
