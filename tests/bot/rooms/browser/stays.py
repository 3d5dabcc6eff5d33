"""What tests await of a bot's stay on a page, and which of two people a picture is of."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from bot.rooms.base import RoomEvent
from engine.readings import Image

Kind = TypeVar("Kind")


async def until(events: AsyncIterator[RoomEvent], kind: type[Kind], name: str = "", within_s: float = 90.0) -> Kind:
    """Pass over events until one of a kind, of a participant of this name if one is given."""
    async with asyncio.timeout(within_s):
        async for event in events:
            if isinstance(event, kind) and name in ("", getattr(getattr(event, "participant", None), "name", "")):
                return event
    raise AssertionError(f"no {kind}")


async def ended(events: AsyncIterator[RoomEvent]) -> None:
    """Read up to the error that ends the stay."""
    async with asyncio.timeout(60):
        async for _ in events:
            pass


def whose(picture: Image) -> str:
    """Return whose camera a picture is of; neither's where it is a mixture."""
    red, green = picture[:, :, 0].mean(), picture[:, :, 1].mean()
    return "Eve" if red > 150 > 80 > green else "Kofi" if green > 150 > 80 > red else f"nobody ({red:.0f}, {green:.0f})"
