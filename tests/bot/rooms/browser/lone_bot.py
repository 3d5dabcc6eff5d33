"""A bot in the browser room alone, to be killed: `lone_bot URL [WORKER_PID]`; prints its process once it is live."""

import asyncio
import os
import sys
import time

from bot.rooms import open_room
from bot.rooms.base import Admitted
from bot.rooms.notice import Notice
from bot.workers.child import die_with


async def main(url: str) -> None:
    """Stay until the end."""
    room = open_room(url, clock=time.time, notice=Notice("Ada", "presence", "Counts only."))
    async with room:
        async for event in room.events():
            if isinstance(event, Admitted):
                print(os.getpid(), flush=True)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        die_with(int(sys.argv[2]))
    asyncio.run(main(sys.argv[1]))
