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
from typing import Any

from tests.benchmarks.janus_server import JanusServer, janus_server
from tests.benchmarks.local import line_with, measure_bot, running
from tests.benchmarks.network import PrivateNetwork, missing, private_network
from tests.benchmarks.process import machine

CANNOT = 77


async def measure(network: PrivateNetwork, count: int, seconds: float) -> dict[str, Any]:
    """Measure one bot with `count` participants."""
    url = JanusServer.url()
    async with janus_server(network):
        bot_command = ("tests.benchmarks.janus_bot", "join", url, "--policy", "individual", "--port", "0")
        async with running(*bot_command) as bot:
            dashboard = await line_with(bot.stderr, "dashboard")
            await line_with(bot.stderr, "live")
            async with running("tests.benchmarks.janus_publishers", url, str(count)) as people:
                await line_with(people.stdout, f"publishing {count}")
                states, rates = list[str](), list[str]()
                async with asyncio.TaskGroup() as tasks:
                    listening = [
                        tasks.create_task(_note(bot.stderr, "reconnecting", states)),
                        tasks.create_task(_note(people.stdout, "sending", rates)),
                    ]
                    figures = await measure_bot(bot.pid, dashboard, count, seconds)
                    for task in listening:
                        task.cancel()
                return figures | {"reconnects": len(states), "sent_fps_min": min(map(float, rates[1:]), default=0.0)}


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
