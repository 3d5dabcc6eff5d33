"""What a bot in a browser room costs, it and its browser apart, beside a Janus room: 640x360@15, 4 reads a second.

Our own meeting page on a Janus; Janus, page and people run in processes of their own, all in a network of its own.
`cores` and `rss_mb` are those of the bot's process, `browser_cores` and `browser_rss_mb` of all that it started:
Chromium and Playwright's driver (of memory that processes share, each has its part). Needs root, Janus and Chromium;
ends with code 77 and the reason elsewhere. `python -m tests.benchmarks.browser [--counts 9,25] [--seconds 40] [--json]`
People send what Chromium sends with simulcast (`simulcast_people.py`), or with `--one-size` one picture of 640x360.
What they and Janus take of the same machine stands beside. `asked_most` says how often the one who was asked most was
asked for a whole picture, `viewer_asked_most` how often with an ordinary viewer in the bot's place. `--soak 30` lets
people come and go for so many minutes.
"""

import argparse
import asyncio
import json
import os
import sys
from typing import Any

from bot.rooms.browser.launcher import NAMES
from tests.benchmarks import janus
from tests.benchmarks.janus_browser import an_ordinary_viewer
from tests.benchmarks.janus_server import JanusServer, janus_server
from tests.benchmarks.local import WARM_UP_S, line_with, measure_bot, running
from tests.benchmarks.network import SERVER, PrivateNetwork, missing, private_network
from tests.benchmarks.process import CoresUsed, descendants, machine, pss_mb, rss_mb
from tests.bot.rooms.browser.pages import meeting_server

CANNOT = 77
SENT_FPS, READS_PER_S, CORES, MEMORY_MB = 14.0, 3.5, 2.0, 1200
"""What has to be sent and read by whoever is worst off, and what bot and browser may take for it."""
BESIDE = ("cores", "rss_mb", "sent_fps_min")
"""What is kept of the Janus room."""
ASKED = ("asked_most", "asked_in_all", "sent_fps_min")
"""What is kept of the same page with an ordinary viewer, instead of the bot."""


async def measure(network: PrivateNetwork, count: int, seconds: float, *, simulcast: bool) -> dict[str, Any]:
    """Measure one bot with `count` participants on a page."""
    async with janus_server(network) as server, meeting_server() as meeting:
        url = meeting.url("meeting.html", janus=f"ws://{SERVER}:8188")
        flags = ("--policy", "individual", "--port", "0", "--browser-host", SERVER)
        async with running("tests.benchmarks.janus_bot", "join", url, *flags) as bot:
            dashboard = await line_with(bot.stderr, "dashboard")
            await line_with(bot.stderr, "live")
            async with janus.people(count, simulcast=simulcast) as people:
                measuring = asyncio.create_task(measure_bot(bot.pid, dashboard, count, seconds))
                await asyncio.sleep(WARM_UP_S)
                cores = CoresUsed(
                    {
                        "browser_cores": lambda: descendants(bot.pid),
                        "people_cores": lambda: [people.pid],
                        "janus_server_cores": lambda: [server.pid],
                    }
                )
                figures = await measuring
                memory_mb = sum(pss_mb(pid) for pid in descendants(bot.pid))
                return {**figures, **cores(), "browser_rss_mb": round(memory_mb), **people.figures}


async def watch(network: PrivateNetwork, count: int, seconds: float) -> dict[str, Any]:
    """Let an ordinary viewer be on the same page for as long as a bot is, and return what the people were asked for."""
    async with janus_server(network), meeting_server() as meeting:
        url = meeting.url("meeting.html", janus=f"ws://{SERVER}:8188")
        async with an_ordinary_viewer(url), janus.people(count, simulcast=True) as people:
            await asyncio.sleep(WARM_UP_S + seconds)
            return people.figures


def verdict(count: int, row: dict[str, Any]) -> str:
    """Say whether a measurement keeps the budgets, and whether the machine was large enough for it to say anything."""
    both = row["cores"] + row["browser_cores"]
    others = row["people_cores"] + row["janus_server_cores"]
    memory_mb = row["rss_mb"] + row["browser_rss_mb"]
    lacks = [
        text
        for text, is_kept in (
            (f"{row['sent_fps_min']:.1f} of 15 pictures/s were sent", row["sent_fps_min"] >= SENT_FPS),
            (f"{row['reads_per_s_slowest']:.1f} reads/s of the slowest", row["reads_per_s_slowest"] >= READS_PER_S),
            (f"{both:.2f} cores", both <= CORES),
            (f"{memory_mb} MB", memory_mb <= MEMORY_MB),
        )
        if not is_kept
    ]
    fits = f"do not fit ({', '.join(lacks)})" if lacks else "fit"
    return (
        f"{count} participants {fits}: bot and browser {both:.2f} cores and {memory_mb} MB; of the same "
        f"{os.cpu_count()} the people take {row['people_cores']:.2f} and Janus {row['janus_server_cores']:.2f}, "
        f"all together {others + both:.2f}"
    )


async def measure_all(network: PrivateNetwork, counts: list[int], seconds: float, *, simulcast: bool) -> dict[str, Any]:
    """Measure every count in both connectors."""
    rows = {}
    for count in counts:
        row = await measure(network, count, seconds, simulcast=simulcast)
        print(verdict(count, row), file=sys.stderr, flush=True)
        beside = await janus.measure(network, count, seconds, simulcast=simulcast)
        rows[str(count)] = row | {f"janus_{name}": beside[name] for name in BESIDE}
        if simulcast:
            viewed = await watch(network, count, seconds)
            rows[str(count)] |= {f"viewer_{name}": viewed[name] for name in ASKED}
        print(f"{count} participants: {rows[str(count)]}", file=sys.stderr, flush=True)
    return rows


async def soak(network: PrivateNetwork, minutes: float, people: int = 4, stay_s: float = 30.0) -> dict[str, Any]:
    """Let people come and go; note the memory of bot and browser each time that everybody is gone."""
    bot_mb: list[float] = []
    browser_mb: list[float] = []
    async with janus_server(network), meeting_server() as meeting:
        url = meeting.url("meeting.html", janus=f"ws://{SERVER}:8188")
        flags = ("--policy", "aggregate", "--port", "0", "--browser-host", SERVER)
        async with running("tests.benchmarks.janus_bot", "join", url, *flags) as bot:
            await line_with(bot.stderr, "live")
            loop = asyncio.get_running_loop()
            until_s = loop.time() + 60 * minutes
            while loop.time() < until_s:
                async with running("tests.benchmarks.janus_publishers", JanusServer.url(), str(people)) as publishers:
                    await line_with(publishers.stdout, f"publishing {people}")
                    await asyncio.sleep(stay_s)
                bot_mb.append(round(rss_mb(bot.pid), 1))
                browser_mb.append(round(sum(pss_mb(pid) for pid in descendants(bot.pid)), 1))
                print(f"bot {bot_mb[-1]} MB, browser {browser_mb[-1]} MB", file=sys.stderr, flush=True)
    warm = len(bot_mb) // 5  # what is loaded once is loaded by then
    return {
        "rounds": len(bot_mb),
        "bot_mb": [bot_mb[warm], bot_mb[-1]],
        "browser_mb": [browser_mb[warm], browser_mb[-1]],
    }


def main() -> int:
    """Measure, and print the figures as one last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=lambda text: [int(part) for part in text.split(",")], default=[9, 25])
    parser.add_argument("--seconds", type=float, default=40.0)
    parser.add_argument("--one-size", action="store_true", help="people send one size of their picture")
    parser.add_argument("--soak", type=float, metavar="MINUTES", help="people come and go; only memory is measured")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if reason := missing("janus", "nft", NAMES[0]):
        print(f"a bot in a browser room cannot be measured here: {reason}", file=sys.stderr)
        return CANNOT
    print(f"{machine()}; load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    with private_network() as network:
        work = (
            soak(network, options.soak)
            if options.soak
            else measure_all(network, options.counts, options.seconds, simulcast=not options.one_size)
        )
        rows = asyncio.run(work)
    print(json.dumps(rows) if options.json else rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
