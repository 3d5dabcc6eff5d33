"""Offers of real clients, reduced to one video section and answered in full."""

import pytest

from bot.rooms.webrtc.sdp import OfferMalformed, OfferUnsupported, read_offer, usable_answer

SESSION = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2\r\na=msid-semantic: WMS *\r\n"
TRANSPORT = (
    "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=fingerprint:sha-256 AA:BB\r\na=setup:actpass\r\n"
    "a=candidate:1 1 udp 2113937151 10.0.0.7 50000 typ host\r\n"
    "a=candidate:2 1 udp 2113937150 7a3b.local 50001 typ host\r\n"
)
AUDIO = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"
VIDEO = "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:1\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:96 VP8/90000\r\n"
DATA = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:2\r\na=sctp-port:5000\r\n"
ANSWER = (
    "v=0\r\ns=-\r\na=group:BUNDLE 1\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=recvonly\r\na=rtpmap:96 VP8/90000\r\n"
)


def test_video_of_a_bundle_takes_the_transport_of_its_first_section() -> None:
    offer = read_offer(SESSION + AUDIO + TRANSPORT + VIDEO + DATA)
    assert offer.sdp.count("m=") == 1
    assert "a=group:BUNDLE 1\r\n" in offer.sdp
    assert "a=ice-ufrag:abcd\r\n" in offer.sdp
    assert "10.0.0.7 50000" in offer.sdp
    assert "a=setup:actpass\r\n" in offer.sdp


def test_own_transport_of_the_video_wins() -> None:
    own = TRANSPORT.replace("abcd", "efgh")
    offer = read_offer(SESSION + AUDIO + TRANSPORT + VIDEO + own)
    assert "a=ice-ufrag:efgh\r\n" in offer.sdp
    assert "abcd" not in offer.sdp


def test_transport_of_a_section_outside_the_bundle_is_not_borrowed() -> None:
    with pytest.raises(OfferMalformed, match="ice-ufrag"):
        read_offer(SESSION.replace("BUNDLE 0 1 2", "BUNDLE 0 2") + AUDIO + TRANSPORT + VIDEO)


def test_transport_may_stand_in_the_session_part() -> None:
    offer = read_offer(SESSION + TRANSPORT + VIDEO)
    assert offer.sdp.count("a=ice-ufrag:abcd") == 1


def test_bundle_only_video_is_no_rejected_video() -> None:
    bundle_only = VIDEO.replace("m=video 9", "m=video 0") + "a=bundle-only\r\n"
    offer = read_offer(SESSION + AUDIO + TRANSPORT + bundle_only)
    assert "m=video 9 " in offer.sdp
    assert "bundle-only" not in offer.sdp


def test_names_that_take_a_network_to_resolve_are_dropped() -> None:
    assert ".local" not in read_offer(SESSION + VIDEO + TRANSPORT).sdp


def test_candidates_are_limited() -> None:
    many = "".join(f"a=candidate:{n} 1 udp 1 10.0.0.7 {n} typ host\r\n" for n in range(1000, 1100))
    assert read_offer(SESSION + VIDEO + TRANSPORT + many).sdp.count("a=candidate:") <= 32


ANSWER_TRANSPORT = "a=ice-ufrag:wxyz\r\na=fingerprint:sha-256 CC:DD\r\na=setup:active\r\n"


def test_answer_rejects_every_other_section_in_its_place() -> None:
    session = SESSION.replace("BUNDLE 0 1 2", "BUNDLE 1 0 2")
    offer = read_offer(session + AUDIO + VIDEO + TRANSPORT + DATA)
    assert offer.complete(ANSWER + ANSWER_TRANSPORT) == (
        "v=0\r\ns=-\r\na=group:BUNDLE 1\r\n"
        "m=audio 0 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=inactive\r\n"
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=recvonly\r\na=rtpmap:96 VP8/90000\r\n" + ANSWER_TRANSPORT + ""
        "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=inactive\r\n"
    )


def test_audio_that_carries_the_bundle_stays_as_its_transport_only() -> None:
    offer = read_offer(SESSION + AUDIO + TRANSPORT + VIDEO)
    assert offer.complete(ANSWER + ANSWER_TRANSPORT) == (
        "v=0\r\ns=-\r\na=group:BUNDLE 0 1\r\n"
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=inactive\r\na=rtcp-mux\r\n"
        "a=rtpmap:111 opus/48000/2\r\n" + ANSWER_TRANSPORT + ""
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=recvonly\r\na=rtpmap:96 VP8/90000\r\n" + ANSWER_TRANSPORT
    )


def test_first_of_several_videos_that_can_be_received_is_taken() -> None:
    silent = VIDEO.replace("mid:1", "mid:0").replace("sendonly", "inactive")
    screen = VIDEO.replace("mid:1", "mid:2")
    offer = read_offer(SESSION + silent + VIDEO + TRANSPORT + screen)
    assert offer.index == 1
    assert len(offer.others) == 2


@pytest.mark.parametrize("codec", ["VP8", "h264", "H264"])
def test_codecs_that_can_be_decoded_are_taken(codec: str) -> None:
    assert read_offer(SESSION + VIDEO.replace("VP8", codec) + TRANSPORT).index == 0


def test_line_ends_of_unix_are_understood() -> None:
    assert read_offer((SESSION + VIDEO + TRANSPORT).replace("\r\n", "\n")).sdp.count("\r\n") > 10


@pytest.mark.parametrize(
    "sections",
    [AUDIO, DATA, VIDEO.replace("VP8", "AV1"), VIDEO.replace("sendonly", "recvonly"), VIDEO.replace("o 9", "o 0"), ""],
)
def test_offer_without_video_to_receive_is_unsupported(sections: str) -> None:
    with pytest.raises(OfferUnsupported, match="VP8 or H264"):
        read_offer(SESSION + sections + TRANSPORT)


@pytest.mark.parametrize("text", ["", "hello", "m=video", "\r\n"])
def test_what_is_no_sdp_is_malformed(text: str) -> None:
    with pytest.raises(OfferMalformed, match="v=0"):
        read_offer(text)


@pytest.mark.parametrize("port", ["0", "65536", "4294967296", "-1", "x", ""])
def test_candidates_that_would_break_a_socket_are_dropped(port: str) -> None:
    wrong = f"a=candidate:3 1 udp 1 10.0.0.8 {port} typ host\r\n"
    assert "10.0.0.8" not in read_offer(SESSION + VIDEO + TRANSPORT + wrong).sdp
    assert usable_answer(ANSWER + TRANSPORT + wrong) == ANSWER + TRANSPORT.replace(
        "a=candidate:2 1 udp 2113937150 7a3b.local 50001 typ host\r\n", ""
    )
