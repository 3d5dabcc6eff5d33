"""What a bot in a browser room costs, it and its browser apart, beside a Janus room: 640x360@15, 4 reads a second.

Our own meeting page on a Janus; Janus, page and people run in processes of their own, all in a network of its own.
`cores` and `rss_mb` are those of the bot's process, `browser_cores` and `browser_rss_mb` of all that it started:
Chromium and Playwright's driver (of memory that processes share, each has its part). Needs root, Janus and Chromium;
ends with code 77 and the reason elsewhere. `python -m tests.benchmarks.browser [--counts 9,25] [--seconds 40] [--json]`
`--soak 30` lets people come and go for so many minutes. With `--simulcast` the people are pages of a Chromium that send
their picture in up to three sizes; what they were asked for stands beside. It costs them much: take few (`--counts 4`).
"""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from bot.rooms.browser.launcher import NAMES
from tests.benchmarks import janus
from tests.benchmarks.janus_browser import BrowserPerson, a_browser
from tests.benchmarks.janus_server import JanusServer, janus_server
from tests.benchmarks.local import WARM_UP_S, line_with, measure_bot, running
from tests.benchmarks.network import SERVER, PrivateNetwork, missing, private_network
from tests.benchmarks.process import cpu_s, descendants, machine, pss_mb, rss_mb
from tests.bot.rooms.browser.pages import meeting_server

CANNOT = 77


@asynccontextmanager
async def people(count: int, *, simulcast: bool) -> AsyncIterator[list[BrowserPerson]]:
    """Bring people in who send VP8 at 640x360@15; those who are pages can be asked what they sent."""
    if not simulcast:
        async with running("tests.benchmarks.janus_publishers", JanusServer.url(), str(count)) as publishers:
            await line_with(publishers.stdout, f"publishing {count}")
            yield []
        return
    async with a_browser("kofi") as browser:
        pages = [await BrowserPerson.open(browser, f"Person {number}", layers=3) for number in range(count)]
        for page in pages:
            await page.join()
        yield pages


async def sent(pages: list[BrowserPerson]) -> dict[str, Any]:
    """Say what people who are pages sent in all, and what they were asked for."""
    asked = [await page.call("asked") for page in pages]
    sizes = [await page.call("sizes") for page in pages]
    return (
        {"sizes": sizes, **{name: sum(each[name] for each in asked) for name in ("requests", "keys")}} if pages else {}
    )


async def measure(network: PrivateNetwork, count: int, seconds: float, *, simulcast: bool = False) -> dict[str, Any]:
    """Measure one bot with `count` participants on a page."""
    async with janus_server(network), meeting_server() as meeting:
        url = meeting.url("meeting.html", janus=f"ws://{SERVER}:8188")
        flags = ("--policy", "individual", "--port", "0", "--browser-host", SERVER)
        async with running("tests.benchmarks.janus_bot", "join", url, *flags) as bot:
            dashboard = await line_with(bot.stderr, "dashboard")
            await line_with(bot.stderr, "live")
            async with people(count, simulcast=simulcast) as pages:
                measuring = asyncio.create_task(measure_bot(bot.pid, dashboard, count, seconds))
                await asyncio.sleep(WARM_UP_S)
                loop = asyncio.get_running_loop()
                began_s, before = loop.time(), _used_s(bot.pid)
                figures = await measuring
                after, elapsed_s = _used_s(bot.pid), loop.time() - began_s
                used_s = sum(after[pid] - before.get(pid, 0.0) for pid in after)
                return {
                    **figures,
                    **await sent(pages),
                    "browser_cores": round(used_s / elapsed_s, 2),
                    "browser_rss_mb": round(sum(pss_mb(pid) for pid in after)),
                }


def _used_s(pid: int) -> dict[int, float]:
    used = {}
    for each in descendants(pid):
        with suppress(OSError):
            used[each] = cpu_s(each)
    return used


async def measure_all(
    network: PrivateNetwork, counts: list[int], seconds: float, *, simulcast: bool = False
) -> dict[str, Any]:
    """Measure every count in both connectors; with people who are pages, in the page alone."""
    rows = {}
    for count in counts:
        row = await measure(network, count, seconds, simulcast=simulcast)
        if simulcast:
            rows[str(count)] = row
            continue
        beside = await janus.measure(network, count, seconds)
        rows[str(count)] = row | {"janus_cores": beside["cores"], "janus_rss_mb": beside["rss_mb"]}
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
    parser.add_argument("--simulcast", action="store_true", help="people are pages of a Chromium, with three layers")
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
            else measure_all(network, options.counts, options.seconds, simulcast=options.simulcast)
        )
        rows = asyncio.run(work)
    print(json.dumps(rows) if options.json else rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
