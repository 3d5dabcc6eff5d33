"""An application on a server of its own, as long as a block lasts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.types import ASGIApp


@asynccontextmanager
async def served(app: ASGIApp, host: str = "127.0.0.1", *, is_patient: bool = True) -> AsyncIterator[str]:
    """Serve it on a free port.

    Args:
        app: What answers.
        host: The address of this machine to listen at.
        is_patient: Whether requests that are being answered may end when the block does.

    Yields:
        Its origin, `http://HOST:PORT`.
    """
    config = uvicorn.Config(app, host=host, port=0, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield f"http://{host}:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.force_exit = not is_patient
        await server.shutdown()
