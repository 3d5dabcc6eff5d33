"""The address under which people reach a server that stands behind a proxy."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


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


PublicUrl = Annotated[str, AfterValidator(checked_public_url)]
