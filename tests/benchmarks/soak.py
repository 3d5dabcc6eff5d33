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
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from bot.rooms.publishing.camera import ClipCamera
from bot.rooms.publishing.encoded_clip import read_clip
from bot.samples.people import PEOPLE
from bot.samples.story import clip_path
from tests.benchmarks.janus_server import JanusPerson, JanusServer, janus_server
from tests.benchmarks.local import line_with, running
from tests.benchmarks.network import PrivateNetwork, missing, private_network
from tests.benchmarks.process import machine, rss_mb

CANNOT = 77


@dataclass(frozen=True, slots=True)
class Plan:
    """How people come and go."""

    minutes: float = 10.0
    """How long it is measured."""
    publishers: int = 8
    churn_s: float = 5.0
    """One of them leaves, and another comes, after so long."""
    settling_s: float = 60.0
    """Allocators and caches fill in the first minute."""
    giving_back_s: float = 15.0
    """How long a bot may take to free what people cost, once they left."""


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


async def soak(network: PrivateNetwork, plan: Plan) -> dict[str, float]:
    """Let people come and go, and see what stays of them."""
    async with janus_server(network), AsyncExitStack() as stack:
        bot_command = ("bot", "join", JanusServer.url(), "--policy", "aggregate", "--port", "0")
        bot = await stack.enter_async_context(running(*bot_command))
        await line_with(bot.stderr, "live")
        people = [await comer(number) for number in range(plan.publishers)]
        stack.push_async_callback(_everybody_leaves, people)
        await asyncio.sleep(plan.giving_back_s)
        await _everybody_leaves(people)
        await asyncio.sleep(plan.giving_back_s)
        # By now the pools of threads have been filled; the event loop's own may still get one more.
        before = threads(bot.pid), sockets(bot.pid)
        loop = asyncio.get_running_loop()
        begin_s = loop.time()
        settled_mb = now_mb = 0.0
        people += [await comer(number) for number in range(plan.publishers)]
        for number in count(plan.publishers):
            await asyncio.sleep(plan.churn_s)
            now_mb = rss_mb(bot.pid)
            print(f"{loop.time() - begin_s:.0f} s: {now_mb:.1f} MB", file=sys.stderr, flush=True)
            if loop.time() - begin_s < plan.settling_s:
                settled_mb = now_mb
            if loop.time() - begin_s > plan.settling_s + 60.0 * plan.minutes:
                break
            await people.pop(0).leave()
            people.append(await comer(number))
        await _everybody_leaves(people)
        await asyncio.sleep(plan.giving_back_s)
        return {
            "churned": number - plan.publishers,
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
    parser.add_argument("--minutes", type=float, default=Plan().minutes)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if reason := missing("janus"):
        print(f"a bot in a Janus room cannot be measured here: {reason}", file=sys.stderr)
        return CANNOT
    print(f"{machine()}; load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    with private_network() as network:
        figures = asyncio.run(soak(network, Plan(options.minutes)))
    print(json.dumps(figures) if options.json else figures)
    return 0


if __name__ == "__main__":
    sys.exit(main())
