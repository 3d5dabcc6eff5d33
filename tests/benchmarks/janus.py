"""What a bot in a Janus room costs: people of 640x360 at 15 frames a second, each read 4 times a second.

Janus and the people run in processes of their own, all in a network of its own; cores and memory are those of the bot's
process. `sent_fps_min` is what the slowest of the people sent: below 14 the machine was too small for them, and the
figures say little. Needs root (or `unshare -Urn`) and Janus; ends with code 77 and the reason elsewhere.
`python -m tests.benchmarks.janus [--publishers 25] [--seconds 40] [--json]`
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.benchmarks.janus_server import JanusServer, janus_server
from tests.benchmarks.local import line_with, measure_bot, running
from tests.benchmarks.network import PrivateNetwork, missing, private_network
from tests.benchmarks.process import machine

CANNOT = 77


class People:
    """Who publishes, from a process of their own."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._rates: list[float] = []
        self._asked = (0, 0)

    @property
    def figures(self) -> dict[str, Any]:
        """What they sent so far, and of several sizes what they were asked for."""
        asked = {"asked_most": self._asked[0], "asked_in_all": self._asked[1]} if self._asked[1] else {}
        return {"sent_fps_min": min(self._rates[1:], default=0.0), **asked}

    async def listen(self, lines: asyncio.StreamReader | None) -> None:
        """Take what they say."""
        assert lines is not None
        async for line in lines:
            match line.decode().split():
                case ["sending", rate]:
                    self._rates.append(float(rate))
                case ["asked", most, in_all]:
                    self._asked = int(most), int(in_all)


@asynccontextmanager
async def people(count: int, *, simulcast: bool = False) -> AsyncIterator[People]:
    """Bring people in who send VP8 at 640x360@15, in as many sizes as Chromium does or in one."""
    sizes = ("2",) if simulcast else ()
    async with running("tests.benchmarks.janus_publishers", JanusServer.url(), str(count), *sizes) as process:
        await line_with(process.stdout, f"publishing {count}")
        people = People(process.pid)
        listening = asyncio.create_task(people.listen(process.stdout))
        try:
            yield people
        finally:
            listening.cancel()
            await asyncio.wait([listening])


async def measure(network: PrivateNetwork, count: int, seconds: float, *, simulcast: bool = False) -> dict[str, Any]:
    """Measure one bot with `count` participants."""
    url = JanusServer.url()
    async with janus_server(network):
        bot_command = ("tests.benchmarks.janus_bot", "join", url, "--policy", "individual", "--port", "0")
        async with running(*bot_command) as bot:
            dashboard = await line_with(bot.stderr, "dashboard")
            await line_with(bot.stderr, "live")
            async with people(count, simulcast=simulcast) as publishing:
                states = list[str]()
                listening = asyncio.create_task(_note(bot.stderr, "reconnecting", states))
                figures = await measure_bot(bot.pid, dashboard, count, seconds)
                listening.cancel()
                await asyncio.wait([listening])
                return figures | {"reconnects": len(states)} | publishing.figures


async def _note(stream: asyncio.StreamReader | None, word: str, found: list[str]) -> None:
    """Keep what follows a word at the beginning of a line."""
    assert stream is not None
    async for line in stream:
        if line.startswith(word.encode()):
            found.append(line.decode().removeprefix(word).strip())


def main() -> int:
    """Measure, and print the figures as one last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--publishers", type=int, default=25)
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if reason := missing("janus", "nft"):
        print(f"a bot in a Janus room cannot be measured here: {reason}", file=sys.stderr)
        return CANNOT
    print(f"{machine()}; load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    with private_network() as network:
        figures = asyncio.run(measure(network, options.publishers, options.seconds))
    print(json.dumps(figures) if options.json else figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
