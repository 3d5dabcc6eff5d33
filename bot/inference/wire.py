"""What bots and the engine process of a machine say to each other, and where: crops and regions, never pictures."""

import os
import stat
from pathlib import Path
from typing import Final

import numpy as np

from bot.errors import SettingsRefused
from dashboard_protocol.auth.secrets_store import state_directory
from engine.crops import REGIONS, CropSpec
from engine.expressions import FER7, FERPLUS8
from engine.readings import FaceBatch, Scores

SCHEME: Final = "ipc://"
HELLO: Final = b"hello/1"
"""To the engine: who are you? Back: session, manifest. The number is that of this protocol."""
FACE: Final = b"face"
"""To the engine: session, request, participant, crops, regions."""
SCORES: Final = b"scores"
"""Back: request, seven probabilities, eight or nothing."""
UNREAD: Final = b"unread"
"""Back: request, and one line why the face was not read."""
STATUS: Final = b"status"
"""To the engine: how are you? Back: a JSON object."""

MAX_MESSAGE_BYTES: Final = 8 * 2**20
"""Room for the largest crop that a manifest may ask for; whoever sends more is cut off by ZeroMQ, before it is held."""
_LONGEST_PATH: Final = 107  # of a Unix socket, in bytes
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class Malformed(ValueError):
    """A message that does not fit the protocol or the model; it is dropped."""


def default_address() -> str:
    """Name the address that the engine of this user and machine has where none is chosen."""
    return f"{SCHEME}{state_directory() / 'engine' / 'socket'}"


def complete(address: str) -> str:
    """Check an address and fill in the default.

    Args:
        address: `ipc://PATH`, or `ipc://` for the default.

    Raises:
        SettingsRefused: There can be no socket.
    """
    if not address.startswith(SCHEME):
        raise SettingsRefused(f"{address}: an engine process is reached by ipc://PATH, on this machine alone")
    path = Path(address.removeprefix(SCHEME) or default_address().removeprefix(SCHEME)).absolute()
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise SettingsRefused(f"{path}: a socket's path has at most {_LONGEST_PATH} bytes; choose a shorter one")
    return f"{SCHEME}{path}"


def make_folder(address: str) -> None:
    """Make the folder of an engine's socket, open to this user alone.

    Raises:
        SettingsRefused: It cannot be made, or somebody else could reach the socket.
    """
    folder = _folder(address)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsRefused(f"{folder}: {error.strerror}; choose a folder that you may write") from error
    check_folder(address)


def check_folder(address: str) -> bool:
    """Return whether the folder of a socket is there; it need not be before the engine has run.

    Raises:
        SettingsRefused: Somebody else may enter it, and could have put an engine there.
    """
    folder = _folder(address)
    try:
        found = folder.stat()
    except OSError:
        return False
    if found.st_uid != os.geteuid() or found.st_mode & _OTHERS:
        raise SettingsRefused(
            f"{folder}: other users may enter it; give the socket a folder of its own with `mkdir -m 700`"
        )
    return True


def _folder(address: str) -> Path:
    return Path(address.removeprefix(SCHEME)).parent


def face_parts(face: FaceBatch) -> tuple[bytes, bytes]:
    """Turn one face into bytes."""
    return face.crops.tobytes(), face.regions.tobytes()


def parse_face(crops: bytes, regions: bytes, spec: CropSpec) -> FaceBatch:
    """Turn bytes into one face; the arrays are views of them.

    Raises:
        Malformed: Another length than the model's input has.
    """
    try:
        return FaceBatch(
            np.frombuffer(crops, np.float32).reshape(1, spec.channels, spec.size_px, spec.size_px),
            np.frombuffer(regions, np.float32).reshape(1, len(REGIONS), spec.region_grid, spec.region_grid),
        )
    except ValueError as error:
        raise Malformed(f"the face does not fit the model: {error}") from error


def scores_parts(scores: Scores) -> tuple[bytes, bytes]:
    """Turn the scores of one face into bytes."""
    return scores.fer7.tobytes(), b"" if scores.ferplus8 is None else scores.ferplus8.tobytes()


def parse_scores(fer7: bytes, ferplus8: bytes) -> Scores:
    """Turn bytes into the scores of one face.

    Raises:
        Malformed: Another length than scores have.
    """
    try:
        eight = np.frombuffer(ferplus8, np.float32).reshape(1, len(FERPLUS8)) if ferplus8 else None
        return Scores(np.frombuffer(fer7, np.float32).reshape(1, len(FER7)), eight)
    except ValueError as error:
        raise Malformed(f"these are no scores: {error}") from error
