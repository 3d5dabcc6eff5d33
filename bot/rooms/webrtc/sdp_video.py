"""Pure: what of an SDP video section can be received: its codecs by number, its extensions, and its sources.

aiortc knows two profiles of H264 and numbers from 96 on, and stumbles over what it does not know. So it is shown a
section that it takes, and the codecs as they were offered are given to it afterwards.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Final

CODECS = ("VP8", "H264")
"""What can be decoded."""
ORIENTATION: Final = "urn:3gpp:video-orientation"
_EXTENSIONS: Final = (
    "urn:ietf:params:rtp-hdrext:sdes:mid",
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
)
"""What aiortc reads itself."""
_H264_PROFILES: Final = (66, 77, 100, 110, 122, 244, 44)
"""`profile_idc` of Baseline, Main, High, High 10, High 4:2:2, High 4:4:4 and CAVLC 4:4:4: what FFmpeg decodes."""
_PLAIN_H264: Final = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
_H264_ANSWERED: Final = ("level-asymmetry-allowed", "packetization-mode", "profile-level-id")
_FEEDBACK: Final = ("nack", "nack pli", "goog-remb")
_LIKE_CONTROL: Final = range(64, 96)
"""Numbers that cannot be distinguished from RTCP on one port (RFC 5761, section 4)."""
_HELPERS: Final = ("RTX", "RED", "ULPFEC", "FLEXFEC-03", "FLEXFEC")
_PER_CODEC: Final = ("rtpmap", "fmtp", "rtcp-fb")
_LEFT_OUT: Final = (*_PER_CODEC, "extmap", "ssrc", "ssrc-group", "rid", "simulcast", "imageattr", "bundle-only")


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec as a section names it."""

    number: int
    """Its payload type."""
    name: str
    """One of `CODECS`."""
    parameters: tuple[tuple[str, str], ...] = ()
    """What the answer repeats of its parameters."""
    feedback: tuple[str, ...] = ()
    """What of the feedback we send it takes."""
    repeats: int | None = None
    """Payload type of its retransmissions."""
    parameter_sets: bytes = b""
    """H264: what a decoder has to know and the stream may never say, with start codes (RFC 6184, section 8.1)."""


@dataclass(frozen=True, slots=True)
class Video:
    """What of a section can be received."""

    codecs: tuple[Codec, ...]
    refused: tuple[str, ...]
    """Why each of the others cannot be."""
    orientation: int | None
    """Number of the header extension that says how the picture is turned."""


def read_video(section: str) -> Video:
    """Read a video section; never raises: what is unreadable is not received."""
    numbers = section.splitlines()[0].split()[3:]
    maps, parameters = _numbered(section, "rtpmap"), _numbered(section, "fmtp")
    repeats = _repeats(maps, parameters)
    codecs, refused = list[Codec](), list[str]()
    for number in dict.fromkeys(numbers):
        if number not in maps:
            continue
        name = maps[number].partition("/")[0].upper()
        said = _pairs(parameters.get(number, ""))
        if name in _HELPERS:
            continue
        if (obstacle := _obstacle(number, name, maps[number], said)) is not None:
            refused.append(obstacle)
            continue
        answered = tuple((key, said[key]) for key in _H264_ANSWERED if key in said) if name == "H264" else ()
        sets = _parameter_sets(said.get("sprop-parameter-sets", "")) if name == "H264" else b""
        feedback = _feedback(section, number)
        codecs.append(Codec(int(number), name, answered, feedback, repeats.get(number), sets))
    return Video(tuple(codecs), tuple(dict.fromkeys(refused)), _orientation(section))


def shown_section(section: str, video: Video) -> str:
    """Write the section as aiortc takes it: what can be received in it, and nothing it may stumble over.

    Of several sources only the first is named, with its retransmissions: the first of a simulcast is the smallest.
    """
    first, *lines = section.splitlines()
    numbers = [number for codec in video.codecs for number in (codec.number, codec.repeats) if number is not None]
    shown = [" ".join([*first.split()[:3], *map(str, numbers)])]
    shown += [line for line in lines if line.removeprefix("a=").partition(":")[0] not in _LEFT_OUT]
    for codec in video.codecs:
        shown.append(f"a=rtpmap:{codec.number} {codec.name}/90000")
        shown += [f"a=rtcp-fb:{codec.number} {feedback}" for feedback in codec.feedback]
        if codec.name == "H264":
            shown.append(f"a=fmtp:{codec.number} {_PLAIN_H264}")
        if codec.repeats is not None:
            shown += [f"a=rtpmap:{codec.repeats} rtx/90000", f"a=fmtp:{codec.repeats} apt={codec.number}"]
    for number, uri in _extensions(section):
        if uri in _EXTENSIONS:
            shown.append(f"a=extmap:{number} {uri}")
    shown += [f"a=ssrc:{source} cname:-" for source in _sources(section)]
    return "".join(line + "\r\n" for line in shown)


def extended_section(section: str) -> str:
    """Add to aiortc's own section what can be received beyond it, under numbers that are free."""
    first, *lines = section.splitlines()
    taken = {*first.split()[3:]}
    numbers = (number for number in range(96, 128) if str(number) not in taken)
    ids = (number for number in range(1, 15) if number not in dict(_extensions(section)))
    added = [f"a=extmap:{next(ids)} {ORIENTATION}"]
    for profile in ("4d001f", "64001f"):
        number = next(numbers)
        first += f" {number}"
        added += [f"a=rtpmap:{number} H264/90000", *(f"a=rtcp-fb:{number} {feedback}" for feedback in _FEEDBACK)]
        added.append(f"a=fmtp:{number} level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={profile}")
    return "".join(line + "\r\n" for line in [first, *lines, *added])


def values(part: str, name: str) -> list[str]:
    """Give the values of every attribute of this name; an attribute without a value has an empty one."""
    prefix = f"a={name}"
    return [line[len(prefix) + 1 :] for line in part.splitlines() if line == prefix or line.startswith(prefix + ":")]


def _numbered(section: str, name: str) -> dict[str, str]:
    """Give an attribute's values by the number they begin with; the first of each counts."""
    found: dict[str, str] = {}
    for value in values(section, name):
        number, _, rest = value.partition(" ")
        found.setdefault(number, rest.strip())
    return found


def _pairs(parameters: str) -> dict[str, str]:
    pairs = (pair.strip().partition("=") for pair in parameters.split(";"))
    return {key.strip().lower(): value.strip() for key, _, value in pairs if key.strip()}


def _repeats(maps: dict[str, str], parameters: dict[str, str]) -> dict[str, int]:
    """Find the retransmissions of each number."""
    found: dict[str, int] = {}
    for number, name in maps.items():
        if name.upper() == "RTX/90000" and number.isdecimal() and int(number) in _numbers_taken():
            found.setdefault(_pairs(parameters.get(number, "")).get("apt", ""), int(number))
    return found


def _numbers_taken() -> list[int]:
    return [number for number in range(128) if number not in _LIKE_CONTROL]


def _obstacle(number: str, name: str, mapped: str, said: dict[str, str]) -> str | None:
    """Say why a codec cannot be received."""
    if name not in CODECS:
        return name
    if not number.isdecimal() or int(number) not in _numbers_taken():
        return f"{name} under number {number}, which is none beside RTCP"
    if mapped.split("/")[1:2] != ["90000"]:
        return f"{name} with another clock than 90000"
    if name == "H264":
        mode, profile = said.get("packetization-mode", "0"), said.get("profile-level-id", "42e01f")
        if mode not in ("0", "1"):
            return f"H264 in packetization mode {mode}"
        try:
            is_decoded = len(profile) == 6 and int(profile[:2], 16) in _H264_PROFILES
        except ValueError:
            is_decoded = False
        if not is_decoded:
            return f"H264 of profile {profile}"
    return None


def _feedback(section: str, number: str) -> tuple[str, ...]:
    offered = {
        value.partition(" ")[2].strip() for value in values(section, "rtcp-fb") if value.split(" ")[0] in ("*", number)
    }
    return tuple(feedback for feedback in _FEEDBACK if feedback in offered)


def _parameter_sets(sprop: str) -> bytes:
    """Decode H264's parameter sets, base64 with commas between them; none where one cannot be read."""
    try:
        units = [base64.b64decode(text, validate=True) for text in sprop.split(",") if text]
    except (binascii.Error, ValueError):
        return b""
    return b"".join(b"\0\0\0\1" + unit for unit in units if unit and unit[0] & 0x1F in (7, 8))


def _extensions(section: str) -> list[tuple[int, str]]:
    """Give number and name of the header extensions that the other side sends."""
    found = []
    for value in values(section, "extmap"):
        number, uri = [*value.split(), "", ""][:2]
        number, _, direction = number.partition("/")
        if number.isdecimal() and 0 < int(number) < 256 and direction in ("", "sendrecv", "sendonly"):
            found.append((int(number), uri))
    return found


def _orientation(section: str) -> int | None:
    return next((number for number, uri in _extensions(section) if uri.lower() == ORIENTATION), None)


def _sources(section: str) -> list[str]:
    """Give the first source and that of its retransmissions."""
    groups = [value.split() for value in values(section, "ssrc-group")]
    named = dict.fromkeys(value.split(" ")[0] for value in values(section, "ssrc"))
    simulcast = [group[1] for group in groups if group[:1] == ["SIM"] and len(group) > 1]
    first = next((source for source in [*simulcast, *named] if source.isdecimal()), None)
    if first is None:
        return []
    repeats = [group[2] for group in groups if group[:2] == ["FID", first] and len(group) == 3 and group[2].isdecimal()]
    return [first, *repeats[:1]]
