"""Pure: does an SDP answer fit the offer it answers? Asked before it leaves: a client says only that nothing comes."""

from collections.abc import Iterator

from bot.rooms.webrtc.sdp_video import values

_DIRECTIONS = {
    "sendonly": ("recvonly", "inactive"),
    "recvonly": ("sendonly", "inactive"),
    "inactive": ("inactive",),
    "sendrecv": ("sendrecv", "sendonly", "recvonly", "inactive"),
}
_ROLES = {"active": ("passive",), "passive": ("active",), "actpass": ("active", "passive")}


def misfits(offer: str, answer: str) -> list[str]:
    """Say in what an answer does not fit its offer (RFC 3264, RFC 8843, RFC 8285, RFC 6184); empty where it fits."""
    session, offered = split(offer)
    answered_session, answered = split(answer)
    if len(offered) != len(answered):
        return [f"{len(answered)} sections for {len(offered)}"]
    pairs = enumerate(zip(offered, answered, strict=True))
    found = [f"section {i}: {what}" for i, pair in pairs for what in _section(*pair)]
    bundles, bundled = _bundled(session), _bundled(answered_session)
    if not set(bundled) <= set(bundles):
        found.append("a bundle that was not offered")
    return found


def split(sdp: str) -> tuple[str, list[str]]:
    """Split into the session part and its sections, each with its line ends."""
    parts: list[list[str]] = [[]]
    for line in sdp.splitlines():
        if line.startswith("m="):
            parts.append([])
        if line.strip():
            parts[-1].append(line.strip() + "\r\n")
    session, *sections = ("".join(part) for part in parts)
    return session, sections


def _section(offered: str, answered: str) -> Iterator[str]:
    kind, port, *_ = answered.splitlines()[0].split()
    if kind != offered.split(maxsplit=1)[0]:
        yield "another kind"
        return
    if values(offered, "mid") != values(answered, "mid"):
        yield "another mid"
    if port == "0":
        return
    numbers, known = _formats(answered), _formats(offered)
    yield from (f"number {number}, which was not offered" for number in numbers if number not in known)
    yield from (
        f"{number} as another codec" for number in numbers if number in known and numbers[number] != known[number]
    )
    if (way := _direction(answered)) not in _DIRECTIONS[_direction(offered)]:
        yield f"{way} for {_direction(offered)}"
    extensions = {_extension(value) for value in values(offered, "extmap")}
    yield from (f"extension {value}" for value in values(answered, "extmap") if _extension(value) not in extensions)
    if values(answered, "rtcp-mux") and not values(offered, "rtcp-mux"):
        yield "one port for RTP and RTCP, which was not offered"
    for role in values(answered, "setup"):
        if any(role not in _ROLES.get(said, _ROLES["actpass"]) for said in values(offered, "setup")):
            yield f"role {role}"


def _formats(section: str) -> dict[str, tuple[str, ...]]:
    """Give for every number what both sides have to agree on."""
    maps = dict(value.split(" ", 1) for value in values(section, "rtpmap") if " " in value)
    parameters = dict(value.split(" ", 1) for value in values(section, "fmtp") if " " in value)
    return {
        number: _agreed(maps.get(number, "").strip().lower(), parameters.get(number, ""))
        for number in section.splitlines()[0].split()[3:]
    }


def _agreed(codec: str, parameters: str) -> tuple[str, ...]:
    pairs = dict(pair.strip().lower().partition("=")[::2] for pair in parameters.split(";"))
    if codec.startswith("h264/"):
        # The level is each side's own; the rest of the profile is not.
        return codec, pairs.get("profile-level-id", "42e01f")[:4], pairs.get("packetization-mode", "0")
    return (codec, pairs.get("apt", "")) if codec.startswith("rtx/") else (codec,)


def _direction(section: str) -> str:
    return next((name for name in _DIRECTIONS if values(section, name)), "sendrecv")


def _extension(value: str) -> tuple[str, ...]:
    number, uri = [*value.split(), "", ""][:2]
    return number.partition("/")[0], uri


def _bundled(session: str) -> list[str]:
    return [mid for value in values(session, "group") if value.startswith("BUNDLE") for mid in value.split()[1:]]
