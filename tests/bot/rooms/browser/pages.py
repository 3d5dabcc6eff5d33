"""Serves the pages of the tests on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.staticfiles import StaticFiles

from dashboard_protocol.http.server import serve

FOLDER = Path(__file__).parent


@asynccontextmanager
async def served(folder: Path = FOLDER) -> AsyncIterator[str]:
    """Serve a folder; yield its origin."""
    app = Starlette()
    app.mount("/", StaticFiles(directory=folder, html=True))
    async with serve(app, "127.0.0.1", 0) as server:
        yield server.origin
