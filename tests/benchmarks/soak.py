"""Whether a bot in a Janus room gives back what people cost: 8 publishers, one of whom leaves and comes every 5 s.

Needs root (or `unshare -Urn`) and Janus; ends with code 77 and the reason elsewhere.
`python -m tests.benchmarks.soak [--minutes 10] [--json]`
"""

import argparse
import asyncio
import json
import os
import sys
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path

from bot.rooms.camera import ClipCamera
from bot.rooms.clip import read_clip
from bot.samples.people import PEOPLE
from bot.samples.story import clip_path
from tests.benchmarks.janus_server import JanusPerson, JanusServer, janus_server
from tests.benchmarks.local import line_with, running
from tests.benchmarks.network import PrivateNetwork, missing, private_network
from tests.benchmarks.process import machine, rss_mb

CANNOT = 77
PUBLISHERS = 8
CHURN_S = 5.0
SETTLING_S = 60.0
"""Allocators and caches fill in the first minute."""
GIVING_BACK_S = 15.0


def threads(pid: int) -> int:
    """Count a process's threads."""
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def sockets(pid: int) -> int:
    """Count a process's open sockets."""
    links = (os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink())
    return sum(link.startswith("socket:") for link in links)


async def comer(number: int) -> JanusPerson:
    """Let the next drawn person in."""
    who = PEOPLE[number % len(PEOPLE)]
    person = JanusPerson(JanusServer.url(), f"{who.name} {number}", ClipCamera(read_clip(clip_path(who.id, "calm"))))
    await person.join()
    return person


async def soak(network: PrivateNetwork, minutes: float) -> dict[str, float]:
    """Let people come and go, and see what stays of them."""
    async with janus_server(network), AsyncExitStack() as stack:
        bot_command = ("bot", "join", JanusServer.url(), "--policy", "aggregate", "--port", "0")
        bot = await stack.enter_async_context(running(*bot_command))
        await line_with(bot.stderr, "live")
        first = await comer(0)
        await asyncio.sleep(GIVING_BACK_S)
        await first.leave()
        await asyncio.sleep(GIVING_BACK_S)
        # By now every pool of threads has been filled, as it stays.
        before = threads(bot.pid), sockets(bot.pid)
        loop = asyncio.get_running_loop()
        begin_s = loop.time()
        settled_mb = now_mb = 0.0
        people = [await comer(number) for number in range(PUBLISHERS)]
        stack.push_async_callback(_everybody_leaves, people)
        for number in count(PUBLISHERS):
            await asyncio.sleep(CHURN_S)
            now_mb = rss_mb(bot.pid)
            if loop.time() - begin_s < SETTLING_S:
                settled_mb = now_mb
            if loop.time() - begin_s > SETTLING_S + 60.0 * minutes:
                break
            await people.pop(0).leave()
            people.append(await comer(number))
        await _everybody_leaves(people)
        await asyncio.sleep(GIVING_BACK_S)
        return {
            "churned": number - PUBLISHERS,
            "rss_mb": round(now_mb, 1),
            "growth_mb": round(now_mb - settled_mb, 1),
            "threads_left": threads(bot.pid) - before[0],
            "sockets_left": sockets(bot.pid) - before[1],
        }


async def _everybody_leaves(people: list[JanusPerson]) -> None:
    while people:
        await people.pop().leave()


def main() -> int:
    """Measure, and print the figures as one last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if reason := missing("janus"):
        print(f"a bot in a Janus room cannot be measured here: {reason}", file=sys.stderr)
        return CANNOT
    print(f"{machine()}; load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    with private_network() as network:
        figures = asyncio.run(soak(network, options.minutes))
    print(json.dumps(figures) if options.json else figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
