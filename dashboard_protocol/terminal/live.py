"""`classpulse watch`: the live feed behind a link, on a screen, as lines or as JSON."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress

from rich.console import Console
from rich.live import Live

from dashboard_protocol.client import watch
from dashboard_protocol.codec import encode
from dashboard_protocol.errors import DashboardError, FeedLost
from dashboard_protocol.events import Event
from dashboard_protocol.terminal.log_lines import LogLines
from dashboard_protocol.terminal.screen import render
from dashboard_protocol.terminal.state import Watched
from dashboard_protocol.view.plain_text import plain

Take = Callable[[Event], None]
ANSWER_S = 15.0
"""For how long a gateway that was never heard may be silent; one that was heard before is given longer."""
_STOPS = (signal.SIGINT, signal.SIGTERM)


async def watch_in_terminal(link: str, *, json: bool = False, console: Console | None = None) -> int:
    """Show the class behind a link until it ends, or until ctrl-C.

    Args:
        link: the instructor's link.
        json: print every event as one JSON line instead.
        console: where to show it; stdout by default. One line a change where it is no terminal.

    Returns:
        The exit code: 0.

    Raises:
        AccessDenied: The link does not open this class.
        DashboardError: The feed stayed away, or speaks another version; the text says what to do.
        BrokenPipeError: Whoever read the output has gone.
    """
    shown = console or Console()
    if json:
        await _until_stopped(_follow(link, lambda event: print(plain(encode(event)), file=shown.file, flush=True)))
    elif shown.is_terminal:
        await _on_screen(link, shown)
    else:
        log_lines = LogLines()

        def say(event: Event) -> None:
            for line in log_lines.lines(event):
                print(plain(line), file=shown.file, flush=True)

        await _until_stopped(_follow(link, say))
    return 0


async def _on_screen(link: str, console: Console) -> None:
    clock = asyncio.get_running_loop().time
    watched = Watched()
    with Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as live:

        async def redraw() -> None:
            while True:
                live.update(render(watched, console.width, clock()), refresh=True)
                await asyncio.sleep(1)

        await _until_stopped(_follow(link, lambda event: watched.take(event, clock())), redraw())
    console.print(render(watched, console.width, clock()))


async def _follow(link: str, take: Take) -> None:
    try:
        async with asyncio.timeout(ANSWER_S) as patience, watch(link) as events:
            async for event in events:
                patience.reschedule(None)
                take(event)
    except TimeoutError:
        address = link.partition("#")[0]
        raise FeedLost(f"{address} does not answer: check the link, and whether its gateway runs.") from None


async def _until_stopped(work: Coroutine[None, None, None], *beside: Coroutine[None, None, None]) -> None:
    """Do the work until it ends or somebody stops it; what runs beside it ends with it."""
    refused: list[BaseException] = []
    try:
        async with asyncio.TaskGroup() as tasks:
            working = tasks.create_task(work, name="watch")
            others = [tasks.create_task(other, name="beside") for other in beside]
            working.add_done_callback(lambda _: [other.cancel() for other in others])
            with _stopping(working.cancel):
                await asyncio.wait([working])
    except* (DashboardError, BrokenPipeError) as found:
        refused.extend(found.exceptions)
    if refused:
        raise refused[0]


@contextmanager
def _stopping(stop: Callable[[], object]) -> Iterator[None]:
    """Let ctrl-C and SIGTERM stop in good order, while this lasts."""
    loop = asyncio.get_running_loop()
    # Event loops of Windows take no signals; there ctrl-C interrupts, as everywhere else in Python.
    with suppress(NotImplementedError):
        for number in _STOPS:
            loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        with suppress(NotImplementedError):
            for number in _STOPS:
                loop.remove_signal_handler(number)
