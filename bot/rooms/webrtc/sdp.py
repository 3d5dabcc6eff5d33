"""Pure: an SDP offer of any client → the one video section that is accepted, and the answer for all sections."""

from collections.abc import Mapping
from dataclasses import dataclass

from bot.errors import BotError
from bot.rooms.webrtc.sdp_answer import misfits
from bot.rooms.webrtc.sdp_answer import split as _split
from bot.rooms.webrtc.sdp_video import CODECS, Video, extended_section, read_video, shown_section
from bot.rooms.webrtc.sdp_video import values as _values

MAX_CANDIDATES = 32
"""Of one offer; every pair with one of ours is tried, and an offer could name thousands."""
TRANSPORT_ATTRIBUTES = ("ice-ufrag", "ice-pwd", "ice-options", "fingerprint", "setup", "candidate", "end-of-candidates")


class OfferMalformed(BotError):
    """The text is no SDP offer that can be answered."""


class OfferUnsupported(BotError):
    """The offer is well formed, but offers no video that can be received."""


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer, reduced to the video section that is accepted."""

    original: str
    """As it came."""
    sdp: str
    """The reduced offer: one video section, no other."""
    index: int
    """Where that section stood in the original."""
    others: tuple[str, ...]
    """Answers to the other sections, in their order: inactive, and port 0 where that is possible."""
    is_bundled: bool
    """Whether the original names a bundle; only then may the answer."""
    video: Video
    """What of that section can be received; `sdp` shows it as aiortc takes it."""
    carrier: int | None
    """The section that carries the whole bundle's transport, if it is not the video's own; None if it is.

    Browsers that bundle all they have cannot do without it, so it is answered as inactive instead of port 0.
    """

    def complete(self, answer: str) -> str:
        """Turn the answer to the reduced offer into the answer to the original one.

        Args:
            answer: SDP answer with exactly one section.

        Raises:
            OfferUnsupported: The answer does not fit the offer, so it must not leave.
        """
        session, [video] = _split(answer)
        sections = [*self.others[: self.index], video, *self.others[self.index :]]
        if self.carrier is not None:
            sections[self.carrier] += _transport(video)
            mids = " ".join(mid for i in (self.carrier, self.index) for mid in _values(sections[i], "mid"))
            session = _with_bundle(session, mids)
        if not self.is_bundled:
            session = _with_bundle(session, "")
        whole = "".join([session, *sections])
        if wrong := misfits(self.original, whole):
            raise OfferUnsupported(f"The offer cannot be answered: {', '.join(wrong)[:200]}.")
        return whole


def read_offer(text: str) -> Offer:
    """Pick the first video section that can be received; reject audio, data and all further ones.

    Args:
        text: The SDP offer as it came.

    Raises:
        OfferMalformed: It is no SDP, or lacks what ICE and DTLS need.
        OfferUnsupported: No section sends video that can be received; the text names what it offers instead.
    """
    if not text.startswith("v=0"):
        raise OfferMalformed("This is no SDP offer: it must start with v=0.")
    session, sections = _split(text)
    if any(len(section.splitlines()[0].split()) < 4 for section in sections):
        raise OfferMalformed("This is no SDP offer: one of its m= lines is cut short.")
    videos = [section.splitlines()[0].split()[3:] for section in sections if section.startswith("m=video")]
    if not all(number.isdecimal() for numbers in videos for number in numbers):
        raise OfferMalformed("This is no SDP offer: its video has formats that are no numbers.")
    senders = {i: read_video(section) for i, section in enumerate(sections) if _sends_video(section)}
    index = next((i for i, video in senders.items() if video.codecs), None)
    if index is None:
        raise _unsupported(senders)
    carrier = _carrier(session, sections, index)
    shown = shown_section(sections[index], senders[index])
    video = _with_transport(session, shown, sections[carrier] if carrier is not None else "")
    if not _values(video, "rtcp-mux"):
        raise OfferMalformed("The offer lacks a=rtcp-mux: send RTP and RTCP over one port.")
    return Offer(
        original=text,
        is_bundled=any(value.startswith("BUNDLE") for value in _values(session, "group")),
        sdp=_with_bundle(session, " ".join(_values(video, "mid"))) + video,
        index=index,
        others=tuple(_silent(section, i == carrier) for i, section in enumerate(sections) if i != index),
        video=senders[index],
        carrier=carrier,
    )


def shown_to_aiortc(text: str) -> tuple[str, dict[str | None, Video]]:
    """Rewrite a description of several videos so that aiortc takes it.

    Returns:
        The description, and what of each video section can be received, by its mid; other sections stay as they are.
    """
    session, sections = _split(text)
    shown, videos = [session], dict[str | None, Video]()
    for section in sections:
        video = read_video(section) if section.startswith("m=video") else None
        if video is None or not video.codecs:
            shown.append(section)
            continue
        shown.append(shown_section(section, video))
        videos |= dict.fromkeys(_values(section, "mid")[:1], video)
    return "".join(shown), videos


def _unsupported(senders: Mapping[int, Video]) -> OfferUnsupported:
    refused = ", ".join(dict.fromkeys(reason for video in senders.values() for reason in video.refused))
    wanted = f"send one video track as {' or '.join(CODECS)}"
    if not refused:
        return OfferUnsupported(f"The offer has no video to receive: {wanted}.")
    return OfferUnsupported(f"The offer has no video to receive, only {refused[:200]}: {wanted}.")


def whole_offer(text: str) -> str:
    """Say in an offer of aiortc's to receive one video what we can receive beyond what it knows.

    Main and High of H264, which many servers pass on, and how pictures are turned.
    """
    session, [video] = _split(text)
    return session + extended_section(video)


def usable_answer(text: str) -> str:
    """Leave out the candidates of an answer that cannot be used.

    Args:
        text: The SDP answer as it came.
    """
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if _name(line) != "candidate" or _is_useful(line))


def accepts_video(answer: str) -> bool:
    """Return whether an answer takes the video that was offered."""
    _, sections = _split(answer)
    videos = [section for section in sections if section.startswith("m=video")]
    return any(section.split()[1] != "0" and not _values(section, "inactive") for section in videos)


def _is_useful(candidate: str) -> bool:
    """Return whether a candidate has an address and a port; one beyond 65535 would break the socket it is tried from.

    Looking up a .local name takes a network and seconds; ICE learns the address from the first check instead.
    """
    words = candidate.split()
    return len(words) > 5 and ".local" not in words[4] and words[5].isdecimal() and 0 < int(words[5]) < 65536


def _sends_video(section: str) -> bool:
    words = section.splitlines()[0].split()
    if len(words) < 4 or words[0] != "m=video":
        return False
    is_rejected = words[1] == "0" and not _values(section, "bundle-only")
    is_silent = bool(_values(section, "recvonly") or _values(section, "inactive"))
    return not is_rejected and not is_silent


def _carrier(session: str, sections: list[str], index: int) -> int | None:
    """Find the audio or video section that comes first in the bundle of the chosen one."""
    bundle = next((value.split()[1:] for value in _values(session, "group") if value.startswith("BUNDLE")), [])
    mids = [_values(section, "mid") for section in sections]
    if not set(mids[index]) & set(bundle) or mids[index] == bundle[:1]:
        return None
    is_media = [section.startswith(("m=audio", "m=video")) for section in sections]
    return next((i for i, mid in enumerate(mids) if mid == bundle[:1] and is_media[i]), None)


def _with_transport(session: str, section: str, carrier: str) -> str:
    """Give the section what a bundle may state only once, and drop what aiortc cannot use."""
    first, *lines = section.splitlines()
    words = first.split()
    words[1] = "9"  # a bundle-only section stands with port 0, which otherwise means rejected
    borrowed = [line for line in _transport(carrier).splitlines() if not _values(section, _name(line))]
    candidates = 0
    kept = [" ".join(words)]
    for line in lines + borrowed:
        is_candidate = _name(line) == "candidate"
        candidates += is_candidate
        if not is_candidate or (_is_useful(line) and candidates <= MAX_CANDIDATES):
            kept.append(line)
    video = "".join(line + "\r\n" for line in kept if line != "a=bundle-only")
    for name in ("ice-ufrag", "ice-pwd", "fingerprint", "setup"):
        if not _values(session, name) and not _values(video, name):
            raise OfferMalformed(f"The offer lacks a={name}: send a complete WebRTC offer.")
    return video


def _name(line: str) -> str:
    return line.removeprefix("a=").partition(":")[0]


def _transport(section: str) -> str:
    return "".join(line + "\r\n" for line in section.splitlines() if _name(line) in TRANSPORT_ATTRIBUTES)


def _with_bundle(session: str, mids: str) -> str:
    kept = [line for line in session.splitlines() if not line.startswith("a=group:")]
    group = [f"a=group:BUNDLE {mids}"] if mids else []
    return "".join(line + "\r\n" for line in kept + group)


def _silent(section: str, is_carrier: bool) -> str:
    words = section.splitlines()[0].split()
    words[1] = "9" if is_carrier else "0"
    lines = [" ".join(words), "c=IN IP4 0.0.0.0", *(f"a=mid:{mid}" for mid in _values(section, "mid")), "a=inactive"]
    if is_carrier:
        lines += ["a=rtcp-mux", *(line for line in section.splitlines() if line.startswith("a=rtpmap:"))]
    return "".join(line + "\r\n" for line in lines)
