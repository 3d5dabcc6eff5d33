"""Every real client's offer is answered by what it offered; what cannot be received is refused by its name."""

import time

import pytest

from bot.rooms.webrtc.peer_connection import Peer
from bot.rooms.webrtc.sdp import OfferMalformed, OfferUnsupported, read_offer
from bot.rooms.webrtc.sdp_answer import misfits, split
from bot.rooms.webrtc.sdp_video import read_video, shown_section, values
from tests.bot.rooms.webrtc.client_offers import CHROMIUM, CLIENTS, CVO_URI, FFMPEG, GSTREAMER, OBS, SIMULCAST


async def answered(offer: str) -> str:
    async with Peer(time.time, ["127.0.0.1"]) as bot:
        return await bot.answer(offer)


@pytest.mark.parametrize("client", CLIENTS)
async def test_answer_to_a_real_client_names_what_it_offered_and_nothing_else(client: str) -> None:
    offer = CLIENTS[client]
    answer = await answered(offer.sdp)
    assert misfits(offer.sdp, answer) == []
    _, sections = split(answer)
    (video,) = [section for section in sections if section.startswith("m=video")]
    assert tuple(map(int, video.splitlines()[0].split()[3:])) == offer.numbers
    assert values(video, "mid") == [offer.mid]
    assert values(video, "recvonly") == [""]
    orientations = [value for value in values(video, "extmap") if value.endswith(CVO_URI)]
    assert orientations == ([] if offer.orientation is None else [f"{offer.orientation} {CVO_URI}"])


def test_first_source_of_a_simulcast_is_shown_with_its_retransmissions() -> None:
    _, (section,) = split(SIMULCAST.sdp)
    shown = shown_section(section, read_video(section))
    assert values(shown, "ssrc") == ["1551232 cname:-", "2342342 cname:-"]


def test_parameter_sets_of_the_description_are_kept_for_the_decoder() -> None:
    (codec,) = read_offer(GSTREAMER.sdp).video.codecs
    assert [unit[0] & 0x1F for unit in codec.parameter_sets.split(b"\0\0\0\1")[1:]] == [7, 8]
    assert dict(codec.parameters) == {
        "level-asymmetry-allowed": "1",
        "packetization-mode": "1",
        "profile-level-id": "4d401f",
    }


@pytest.mark.parametrize(
    ("right", "wrong", "named"),
    [
        ("profile-level-id=42e01f", "profile-level-id=53e01f", "H264 of profile 53e01f"),
        ("packetization-mode=1", "packetization-mode=2", "H264 in packetization mode 2"),
        ("H264/90000", "H265/90000", "only H265"),
        ("H264/90000", "H264/48000", "another clock"),
        ("a=rtcp-mux\r\na=ssrc", "a=ssrc", "a=rtcp-mux"),
    ],
)
async def test_what_cannot_be_received_is_refused_by_its_name(right: str, wrong: str, named: str) -> None:
    assert right in OBS.sdp
    with pytest.raises((OfferUnsupported, OfferMalformed), match=named):
        await answered(OBS.sdp.replace(right, wrong))


@pytest.mark.parametrize("number", [72, 64, 95])
async def test_number_that_is_taken_for_rtcp_is_refused_by_its_name(number: int) -> None:
    with pytest.raises(OfferUnsupported, match=f"H264 under number {number}"):
        await answered(FFMPEG.sdp.replace("106", str(number)))


@pytest.mark.parametrize(
    ("right", "wrong", "reported"),
    [
        ("m=video", "m=audio", "another kind"),
        ("a=mid:0", "a=mid:1", "another mid"),
        ("SAVPF 96", "SAVPF 50 96", "number 50"),
        ("rtpmap:96 VP8", "rtpmap:96 VP9", "96 as another codec"),
        ("profile-level-id=64001f", "profile-level-id=42e01f", "117 as another codec"),
        ("a=recvonly", "a=sendrecv", "sendrecv for sendonly"),
        ("a=extmap:3", "a=extmap:7", "extension 7"),
        ("a=group:BUNDLE 0", "a=group:BUNDLE 0 9", "bundle"),
        ("a=setup:active", "a=setup:actpass", "role actpass"),
    ],
)
async def test_answer_that_does_not_fit_is_found_before_it_leaves(right: str, wrong: str, reported: str) -> None:
    answer = await answered(CHROMIUM.sdp)
    assert right in answer
    assert reported in " ".join(misfits(CHROMIUM.sdp, answer.replace(right, wrong)))


async def test_our_own_offer_names_every_profile_and_the_orientation_and_takes_an_answer_of_them() -> None:
    async with Peer(time.time, ["127.0.0.1"]) as bot:
        _, (video,) = split(await bot.offer())
        profiles = {value.split("profile-level-id=")[1][:4] for value in values(video, "fmtp") if "profile" in value}
        assert profiles == {"4200", "42e0", "4d00", "6400"}
        (orientation,) = [value for value in values(video, "extmap") if value.endswith(CVO_URI)]
        (high,) = [value.split()[0] for value in values(video, "fmtp") if "64001f" in value]
        answer = FFMPEG.sdp.split("m=")[0].replace("BUNDLE 0 1", "BUNDLE 0") + "m=" + FFMPEG.sdp.split("m=")[2]
        answer = answer.replace("106", high).replace("a=mid:1", f"a=mid:0\r\na=extmap:{orientation}")
        await bot.accept(answer)
        (transceiver,) = bot._connection.getTransceivers()
        assert [str(codec.payloadType) for codec in transceiver._codecs] == [high]
        assert CVO_URI in [extension.uri for extension in transceiver._headerExtensions]
