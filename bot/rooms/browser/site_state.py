"""Pure: what a page says of itself by `window.classpulse`, read and bounded; what cannot be understood is one line.

`README.md` beside this file is the other half: what each answer means, for whoever writes such a page.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from bot.errors import BotError

MOST_BYTES = 1 << 20
"""Of one message of the page."""
MOST_PEOPLE = 1000
MOST_STREAMS = 2000
MOST_MESSAGES = 500
LONGEST_ID = 200
LONGEST_TEXT = 5000
LONGEST_REASON = 200

Part = TypeVar("Part")


class PageState(StrEnum):
    """What a page says of the bot's own stay."""

    JOINING = "joining"
    """On its way in; nobody has to do anything."""
    LOBBY = "lobby"
    """Somebody has to let the bot in."""
    NOT_OPEN = "not_open"
    """The meeting has not begun."""
    FULL = "full"
    """It takes nobody more."""
    LIVE = "live"
    """In the meeting: the meeting's server has confirmed it."""
    RECONNECTING = "reconnecting"
    """Was in; the page tries to come back by itself."""
    REFUSED = "refused"
    """Not let in, for good."""
    KICKED = "kicked"
    """Was in, and was sent out."""
    ENDED = "ended"
    """The meeting is over."""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is in the meeting, the bot itself excepted."""

    id: str
    name: str
    is_bot: bool = False
    """Whether the meeting's server marks them as a machine: it is nobody to read."""


@dataclass(frozen=True, slots=True)
class VideoSource:
    """Where frames come from: a receiver of the page's main document, or an SSRC."""

    receiver: int | None = None
    ssrc: int | None = None


@dataclass(frozen=True, slots=True)
class CameraStream:
    """The camera of a person that is on, and by what its frames are known."""

    person: str
    source: VideoSource


@dataclass(frozen=True, slots=True)
class UnreadableCamera:
    """The camera of a person that is on, and that the page does not get or does not show."""

    person: str
    reason: str
    """One line."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """Something that a person, and nobody else, wrote."""

    id: str
    person: str
    text: str


@dataclass(frozen=True, slots=True)
class Said:
    """All that a page says at one moment."""

    state: PageState | None
    """None for a page that has no `window.classpulse` yet."""
    why: str = ""
    people: tuple[Person, ...] = ()
    streams: tuple[CameraStream, ...] = ()
    unreadable: tuple[UnreadableCamera, ...] = ()
    """Of people who are in no stream."""
    chat: tuple[ChatMessage, ...] = ()
    is_encrypted: bool = False
    """Whether the page encrypts end to end: what the bot gets of it is of no use, and none of its business."""
    trouble: str | None = None
    """What of it cannot be understood, in one line; of the rest nothing is said of people, streams and chat then."""


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the page."""

    at: float
    """Milliseconds of the page's clock."""
    said: Said | None
    """None where it says the same as before."""


class LookMalformed(BotError):
    """A message is none of the hook's."""


class _Unexpected(Exception):
    """An answer is not what its function is to answer; the text is one line."""


def read_look(message: str) -> Look:
    """Read one message of the hook.

    Raises:
        LookMalformed: It is none: the hook speaks so to nobody. What the page itself answers wrongly is a `trouble`.
    """
    try:
        if len(message) > MOST_BYTES:
            raise ValueError("too long")
        given = json.loads(message)
        at = float(given["at"])
        if not math.isfinite(at):
            raise ValueError("no time")
        said = given.get("said")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise LookMalformed("the page's socket said something that the hook never says") from error
    return Look(at, None if said is None else read_said(said))


def read_said(said: object) -> Said:
    """Read what a page answers; never raises."""
    try:
        return _read(said)
    except _Unexpected as error:
        return Said(PageState.JOINING, trouble=_line(error))


def _read(said: object) -> Said:
    if not isinstance(said, Mapping):
        raise _Unexpected("window.classpulse answered nothing that can be read")
    is_encrypted = said.get("encrypted") is True
    if said.get("missing"):
        return Said(None, is_encrypted=is_encrypted)
    broke = f"window.classpulse broke: {said['failed']}" if "failed" in said else None
    if broke is not None and "state" not in said:
        raise _Unexpected(broke)
    state, why = _state(said.get("state"))
    try:
        if broke is not None:
            raise _Unexpected(broke)
        people = _listed(said, "people", MOST_PEOPLE, _person, "{id, name}")
        streams = _listed(said, "streams", MOST_STREAMS, _stream, "{person, kind, track}")
        chat = _listed(said, "chat", MOST_MESSAGES, _message, "{id, person, text}") if "chat" in said else ()
        _check_unique("people()", [person.id for person in people])
    except _Unexpected as error:
        return Said(state, why, is_encrypted=is_encrypted, trouble=_line(error))
    cameras = tuple(each for each in streams if isinstance(each, CameraStream))
    shown = {each.person for each in cameras}
    unreadable = tuple(each for each in streams if isinstance(each, UnreadableCamera) and each.person not in shown)
    return Said(state, why, people, cameras, unreadable, chat, is_encrypted)


def _state(given: object) -> tuple[PageState, str]:
    state, why = (given.get("state"), given.get("why")) if isinstance(given, Mapping) else (given, None)
    if not isinstance(state, str) or state not in set(PageState):
        known = ", ".join(PageState)
        raise _Unexpected(f"state() answered {_shown(given)}: known are {known}")
    return PageState(state), _line(why) if isinstance(why, str) else ""


def _listed(
    said: Mapping[str, Any], name: str, most: int, read: Callable[[object, str], Part], form: str
) -> tuple[Part, ...]:
    given = said.get(name)
    if not isinstance(given, list):
        raise _Unexpected(f"{name}() answered {_shown(given)}: a list of {form} is expected")
    if len(given) > most:
        raise _Unexpected(f"{name}() answered {len(given)} entries: {most} are the most")
    return tuple(read(each, f"{name}()[{index}]") for index, each in enumerate(given))


def _person(given: object, where: str) -> Person:
    fields = _fields(given, where)
    name = fields.get("name")
    return Person(
        _id(fields, "id", where), name[:LONGEST_TEXT] if isinstance(name, str) else "", bool(fields.get("bot"))
    )


def _stream(given: object, where: str) -> CameraStream | UnreadableCamera | None:
    """Read a stream; None for what is no camera, or is not received yet."""
    fields = _fields(given, where)
    person, kind = _id(fields, "person", where), fields.get("kind", "camera")
    if kind not in ("camera", "screen"):
        raise _Unexpected(f"{where}.kind is {_shown(kind)}: 'camera' or 'screen' is expected")
    receiver, ssrc = (_number(fields.get(name), f"{where}.{name}") for name in ("receiver", "ssrc"))
    why_not = fields.get("unreadable")
    if why_not is not None and not isinstance(why_not, str):
        raise _Unexpected(f"{where}.unreadable is {_shown(why_not)}: text is expected")
    if kind == "camera" and why_not is not None:
        return UnreadableCamera(person, _line(why_not))
    if kind == "screen" or (receiver is None and ssrc is None):
        return None
    return CameraStream(person, VideoSource(receiver, ssrc))


def _message(given: object, where: str) -> ChatMessage:
    fields = _fields(given, where)
    text = fields.get("text")
    if not isinstance(text, str):
        raise _Unexpected(f"{where}.text is {_shown(text)}: text is expected")
    return ChatMessage(_id(fields, "id", where), _id(fields, "person", where), text[:LONGEST_TEXT])


def _fields(given: object, where: str) -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        raise _Unexpected(f"{where} is {_shown(given)}: an object is expected")
    return given


def _id(fields: Mapping[str, Any], name: str, where: str) -> str:
    given = fields.get(name)
    text = str(given) if isinstance(given, str | int) and not isinstance(given, bool) else ""
    if not 0 < len(text) <= LONGEST_ID:
        raise _Unexpected(f"{where}.{name} is {_shown(given)}: text of 1 to {LONGEST_ID} characters is expected")
    return text


def _number(given: object, where: str) -> int | None:
    if given is None:
        return None
    if not isinstance(given, int) or isinstance(given, bool) or not 0 < given < 2**32:
        raise _Unexpected(f"{where} is {_shown(given)}: a number is expected")
    return given


def _check_unique(where: str, ids: list[str]) -> None:
    if len(set(ids)) < len(ids):
        raise _Unexpected(f"{where} names one id twice")


def _shown(given: object) -> str:
    return "nothing" if given is None else _line(json.dumps(given, ensure_ascii=False, default=str))[:60]


def _line(text: object) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())[:LONGEST_REASON]
