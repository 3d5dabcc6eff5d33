"""The address under which people reach a server that stands behind a proxy."""

import re
from collections.abc import Iterable
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")


def checked_public_url(text: str) -> str:
    """Return `https://HOST[:PORT]` without a slash at its end.

    Raises:
        ValueError: It is no such address.
    """
    parts = urlsplit(text)
    try:
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is none
        is_address = False
    if not is_address or parts.username or parts.path.strip("/") or parts.query or parts.fragment or " " in text:
        raise ValueError(f"{text!r} is not the beginning of a link: write https://HOST or https://HOST:PORT")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def checked_frame_origins(entries: Iterable[str]) -> tuple[str, ...]:
    """Return whose pages may show one of ours in a frame: `https://HOST[:PORT]`.

    Raises:
        ValueError: An entry is none; the text says which.
    """
    origins = tuple(checked_public_url(entry) for entry in entries)
    for origin in origins:
        # They become part of a header, where a semicolon would begin another rule, and a star let everybody in.
        if not _ORIGIN.fullmatch(origin):
            raise ValueError(f"{origin!r} is no origin: write https://HOST or https://HOST:PORT")
    return origins


PublicUrl = Annotated[str, AfterValidator(checked_public_url)]
