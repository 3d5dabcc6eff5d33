"""The learning platforms that may launch classes here, as the operator wrote them down in a file."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from dashboard_protocol.errors import PlatformsRefused, RoomNotAllowed
from dashboard_protocol.http.public_url import checked_frame_origins
from dashboard_protocol.http.request_rules import LOOPBACK_NAMES
from dashboard_protocol.room_urls import read_room

MOST_PLATFORMS = 100
MOST_BYTES = 1 << 20


def _address(text: str) -> str:
    """Return an https address; plain http only on this machine."""
    if not text.isascii() or not text.isprintable() or " " in text or "#" in text:
        raise ValueError("write https://HOST/PATH")
    parts = urlsplit(text)
    checked_frame_origins([f"{parts.scheme}://{parts.netloc}"])
    if parts.scheme != "https" and parts.hostname not in LOOPBACK_NAMES:
        raise ValueError("write https://HOST/PATH: what launches a class is not sent in the clear")
    return text


def _room(text: str) -> str:
    try:
        return read_room(text).url
    except RoomNotAllowed as error:
        raise ValueError(str(error)) from None


Name = Annotated[str, Field(min_length=1, max_length=255)]
Address = Annotated[str, Field(max_length=1000), AfterValidator(_address)]


class Platform(BaseModel):
    """One registration of this service at a learning platform."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    issuer: Annotated[Address, Field(description="What the platform calls itself.")]
    client_id: Annotated[Name, Field(description="What it calls this service.")]
    deployment_ids: Annotated[
        tuple[Name, ...], Field(min_length=1, max_length=1000, description="Where it offers this service.")
    ]
    auth_url: Annotated[Address, Field(description="Where a launch goes on.")]
    token_url: Annotated[Address | None, Field(description="Where programs get tokens; nothing here asks for one.")] = (
        None
    )
    jwks_url: Annotated[Address, Field(description="Where its public keys are.")]
    api_key: Annotated[
        Name, Field(description="Name of the API key whose classes its teachers see, and start where it may invite.")
    ]
    rooms: Annotated[
        dict[Name, Annotated[str, AfterValidator(_room)]],
        Field(description="A course's id there → the address of its meeting; others get a room of this service."),
    ] = {}

    @property
    def origins(self) -> tuple[str, ...]:
        """Whose pages are the platform's, as far as its addresses say."""
        parts = [urlsplit(url) for url in (self.issuer, self.auth_url)]
        return tuple(dict.fromkeys(f"{each.scheme}://{each.netloc.lower()}" for each in parts))


_FILE = TypeAdapter(Annotated[tuple[Platform, ...], Field(max_length=MOST_PLATFORMS)])


class Platforms:
    """All that are registered.

    Args:
        registered: no two of one issuer and client.

    Raises:
        PlatformsRefused: Two are the same.
    """

    def __init__(self, registered: Iterable[Platform]) -> None:
        self._known: dict[tuple[str, str], Platform] = {}
        for platform in registered:
            key = (platform.issuer, platform.client_id)
            if key in self._known:
                raise PlatformsRefused(f"{platform.issuer} with the client {platform.client_id!r} stands there twice.")
            self._known[key] = platform

    def find(self, issuer: str, client_id: str | None) -> Platform | None:
        """Return a registration; without a client that of an issuer which has one alone."""
        if client_id is not None:
            return self._known.get((issuer, client_id))
        of_issuer = [platform for (known, _), platform in self._known.items() if known == issuer]
        return of_issuer[0] if len(of_issuer) == 1 else None


def read_platforms(path: Path) -> Platforms:
    """Read the operator's file.

    Raises:
        PlatformsRefused: It cannot be read, or says something that cannot be used; the text says where.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise PlatformsRefused(f"{path} is larger than 1 MB.")
        return Platforms(_FILE.validate_python(json.loads(text), strict=None))
    except OSError as error:
        raise PlatformsRefused(f"{path} cannot be read: {error.strerror}.") from error
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"])) or "it"
        said = str(problem.get("ctx", {}).get("error", problem["msg"]))
        raise PlatformsRefused(f"{path}: {place}: {said}") from error
    except (ValueError, RecursionError) as error:
        raise PlatformsRefused(f"{path} is no JSON: {error}") from error
