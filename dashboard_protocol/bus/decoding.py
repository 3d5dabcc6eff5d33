"""Pure: what was found in Redis, read. Whatever anybody left there, the only failure is `BusUnreadable`.

A single thing that cannot be read is an error; of many, those that can are taken, and one line logs the rest.
"""

import logging
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from dashboard_protocol.bus.base import Retained
from dashboard_protocol.codec import decode, first_problem
from dashboard_protocol.errors import BusUnreadable, ProtocolError, UnknownEvent, UnknownVersion
from dashboard_protocol.events import Event, Hello, Snapshot

log = logging.getLogger(__name__)

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn whatever goes wrong inside, where nothing but text is taken apart, into BusUnreadable.

    Args:
        what: where it lies, for people; what lies there is never quoted.
    """
    try:
        yield
    except ProtocolError as error:
        raise BusUnreadable(f"The bus carries what this version cannot read, {what}: {error}") from None
    except ValidationError as error:
        raise BusUnreadable(f"Redis holds what this version cannot read, {what}: {first_problem(error)}") from None
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise BusUnreadable(f"Redis holds what this version cannot read, {what} ({type(error).__name__}).") from None


def event(text: object, room: str) -> Event:
    """Read one event of a room."""
    with reading(f"for the room {room!r}"):
        return _event(text, room)


def events(texts: Iterable[object], room: str) -> Iterator[Event]:
    """Read many; those of types that only a newer v1 knows are left out quietly.

    Raises:
        BusUnreadable: One is of another protocol: whoever reads on would miss all that its bot says.
    """
    for text in texts:
        try:
            yield _event(text, room)
        except UnknownEvent as unknown:
            log.debug("%s", unknown)
        except UnknownVersion as unknown:
            raise BusUnreadable(f"The bus carries what this version cannot read: {unknown}") from None
        except (ProtocolError, TypeError, ValueError) as error:
            log.warning("what is no event, for the room %r, is left out (%s).", room, type(error).__name__)


def retained(hello: object, snapshot: object, room: str) -> Retained | None:
    """Read what is retained of a room; None where a part is missing or of another epoch."""
    if hello is None or snapshot is None:
        return None
    both = Retained(event(hello, room), event(snapshot, room))
    if not (isinstance(both.hello.body, Hello) and isinstance(both.snapshot.body, Snapshot)):
        raise BusUnreadable(f"Redis holds something else in the place of the hello or snapshot of the room {room!r}.")
    return both if both.hello.epoch == both.snapshot.epoch else None


def count(value: object, what: str) -> int:
    """Read a whole number that is not negative; 0 where there is none."""
    with reading(what):
        number = int(str(value or 0))
        if number < 0:
            raise ValueError
        return number


def moment(value: object, what: str) -> float:
    """Read Unix seconds."""
    with reading(what):
        seconds = float(str(value))
        if not math.isfinite(seconds):
            raise ValueError
        return seconds


def place(entry: object, what: str) -> tuple[int, int]:
    """Read `epoch-seq`, the id of an entry; (0, 0) where there is none."""
    with reading(what):
        epoch, _, seq = str(entry or "0-0").partition("-")
        return int(epoch), int(seq)


def model(kind: type[M], text: object, what: str) -> M:
    """Read a record."""
    with reading(what):
        return kind.model_validate_json(str(text))


def one_of(kinds: TypeAdapter[T], text: object, what: str) -> T:
    """Read a record of one of several kinds."""
    with reading(what):
        return kinds.validate_json(str(text))


def _event(text: object, room: str) -> Event:
    if not isinstance(text, str):
        raise ProtocolError("it is no text.")
    found = decode(text)
    if found.room != room:
        raise ProtocolError("it is another room's.")
    return found if found.prev is None else found.model_copy(update={"prev": None})
