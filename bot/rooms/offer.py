"""Pure: an SDP offer of any client → the one video section that is accepted, and the answer for all sections."""

from dataclasses import dataclass

from bot.errors import BotError

CODECS = ("VP8", "H264")
"""What aiortc decodes."""
MAX_CANDIDATES = 32
TRANSPORT_ATTRIBUTES = ("ice-ufrag", "ice-pwd", "ice-options", "fingerprint", "setup", "candidate", "end-of-candidates")


class OfferMalformed(BotError):
    """The text is no SDP offer that can be answered."""


class OfferUnsupported(BotError):
    """The offer is well formed, but offers no video that can be received."""


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer, reduced to the video section that is accepted."""

    sdp: str
    """The reduced offer: one video section, no other."""
    index: int
    """Where that section stood in the original."""
    rejections: tuple[str, ...]
    """Answers to the other sections, in their order; port 0 and inactive."""

    def complete(self, answer: str) -> str:
        """Turn the answer to the reduced offer into the answer to the original one.

        Args:
            answer: SDP answer with exactly one section.
        """
        session, video = _split(answer)
        sections = [*self.rejections[: self.index], *video, *self.rejections[self.index :]]
        return "".join([session, *sections])


def read_offer(text: str) -> Offer:
    """Pick the first video section that can be received; reject audio, data and all further ones.

    Args:
        text: The SDP offer as it came.

    Raises:
        OfferMalformed: It is no SDP, or lacks what ICE and DTLS need.
        OfferUnsupported: No section sends VP8 or H264 video.
    """
    if not text.startswith("v=0"):
        raise OfferMalformed("This is no SDP offer: it must start with v=0.")
    session, sections = _split(text)
    index = next((i for i, section in enumerate(sections) if _sends_video(section)), None)
    if index is None:
        raise OfferUnsupported("The offer has no video to receive: send one video track as VP8 or H264.")
    video = _with_transport(session, sections, index)
    rejections = tuple(_rejection(section) for i, section in enumerate(sections) if i != index)
    return Offer(sdp=_only_bundle_of(session, video) + video, index=index, rejections=rejections)


def _split(sdp: str) -> tuple[str, list[str]]:
    """Split into the session part and its sections, each with its line ends."""
    parts: list[list[str]] = [[]]
    for line in sdp.splitlines():
        if line.startswith("m="):
            parts.append([])
        if line.strip():
            parts[-1].append(line.strip() + "\r\n")
    session, *sections = ("".join(part) for part in parts)
    return session, sections


def _values(part: str, name: str) -> list[str]:
    prefix = f"a={name}"
    return [line[len(prefix) + 1 :] for line in part.splitlines() if line == prefix or line.startswith(prefix + ":")]


def _sends_video(section: str) -> bool:
    words = section.splitlines()[0].split()
    if len(words) < 4 or words[0] != "m=video":
        return False
    is_rejected = words[1] == "0" and not _values(section, "bundle-only")
    is_silent = bool(_values(section, "recvonly") or _values(section, "inactive"))
    maps = (value.partition(" ")[2].partition("/")[0].upper() for value in _values(section, "rtpmap"))
    return not is_rejected and not is_silent and any(name in CODECS for name in maps)


def _with_transport(session: str, sections: list[str], index: int) -> str:
    """Give the section what a bundle may state only once, in its first section, and drop what aiortc cannot use."""
    first, *lines = sections[index].splitlines()
    words = first.split()
    words[1] = "9"  # a bundle-only section stands with port 0, which otherwise means rejected
    candidates = 0
    kept = [" ".join(words)]
    for line in lines + _borrowed(session, sections, index):
        is_candidate = line.startswith("a=candidate:")
        candidates += is_candidate
        # Looking up a .local name takes a network and seconds; ICE learns the address from the first check instead.
        if not is_candidate or (".local " not in line and candidates <= MAX_CANDIDATES):
            kept.append(line)
    video = "".join(line + "\r\n" for line in kept if line != "a=bundle-only")
    for name in ("ice-ufrag", "ice-pwd", "fingerprint", "setup"):
        if not _values(session, name) and not _values(video, name):
            raise OfferMalformed(f"The offer lacks a={name}: send a complete WebRTC offer.")
    return video


def _borrowed(session: str, sections: list[str], index: int) -> list[str]:
    bundle = next((value.split()[1:] for value in _values(session, "group") if value.startswith("BUNDLE")), [])
    if not set(_values(sections[index], "mid")) & set(bundle):
        return []
    tagged = next((section for section in sections if _values(section, "mid") == bundle[:1]), "")
    return [
        line
        for name in TRANSPORT_ATTRIBUTES
        if not _values(sections[index], name)
        for line in tagged.splitlines()
        if line == f"a={name}" or line.startswith(f"a={name}:")
    ]


def _only_bundle_of(session: str, video: str) -> str:
    kept = [line for line in session.splitlines() if not line.startswith("a=group:")]
    kept += [f"a=group:BUNDLE {mid}" for mid in _values(video, "mid")[:1]]
    return "".join(line + "\r\n" for line in kept)


def _rejection(section: str) -> str:
    words = section.splitlines()[0].split()
    words[1:2] = ["0"]
    mids = [f"a=mid:{mid}" for mid in _values(section, "mid")[:1]]
    return "".join(line + "\r\n" for line in (" ".join(words), "c=IN IP4 0.0.0.0", *mids, "a=inactive"))
