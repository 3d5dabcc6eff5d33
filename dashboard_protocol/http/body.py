"""The body of a request, read no further than its route takes."""

from starlette.requests import Request


async def bounded_body(request: Request, most_bytes: int) -> bytes | None:
    """Read a request's body; None for one that is longer than `most_bytes`.

    Raises:
        ClientDisconnect: The asker has gone before it was whole.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most_bytes:
            return None
    return bytes(body)
