"""`classpulse engine`: one expression network for all bots of this machine."""

import asyncio
import json as json_text
import signal
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from bot.settings.flags import takes_settings
from bot.settings.service import EngineSettings
from dashboard_protocol.settings.command_line import ExitCode, add_command
from dashboard_protocol.view.plain_text import plain

if TYPE_CHECKING:
    from engine.runtimes.base import Runtime

EXAMPLES = ("classpulse engine", "classpulse engine fer.plan --engine-fallback", "classpulse engine --status --json")


def add_engine(app: typer.Typer) -> None:
    """Add the command to the command line."""
    add_command(app, serve_engine, EXAMPLES, "engine")


@takes_settings("engine")
def serve_engine(
    settings: EngineSettings,
    *,
    status: Annotated[
        bool, typer.Option("--status", help="Say how the engine there is, and exit: 0 if it answers, else 3.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON line.")] = False,
) -> None:
    """Read faces for this machine's bots, until ctrl-C.

    Faces of all bots are read in common batches. Bots use it by `--engine ipc://`. Only crops of faces and maps of
    their regions come here, over a socket that only this user can open; nothing is kept.
    """
    if status:
        raise typer.Exit(asyncio.run(_report_status(settings.listen, json)))
    asyncio.run(_serve(settings, json))


async def _serve(settings: EngineSettings, json: bool) -> None:
    from bot.inference.server import hosting
    from bot.inference.wire import complete
    from engine.runtimes import load_runtime

    def load() -> "Runtime":
        return load_runtime(settings.model, settings.threads, fallback=settings.engine_fallback)

    listen = settings.listen
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with hosting(listen, load) as host:
        status = host.status()
        if json:
            print(json_text.dumps({"address": complete(listen), **status}), flush=True)
        else:
            print(plain(f"engine     {status['model']} ({status['precision']}, {status['api']})"), file=sys.stderr)
            print(plain(f"bots       classpulse join … --engine {complete(listen)}"), file=sys.stderr, flush=True)
        await stop.wait()


async def _report_status(listen: str, json: bool) -> ExitCode:
    from bot.inference.server import ask_status
    from bot.inference.wire import complete

    status = await ask_status(listen)
    if json:
        print(json_text.dumps(status or {"ready": False}))
    elif status is None:
        print(
            plain(f"classpulse: no engine answers at {complete(listen)}: start one with `classpulse engine`"),
            file=sys.stderr,
        )
    else:
        mean = status["faces"] / status["batches"] if status["batches"] else 0.0
        print(plain(f"{status['model']} ({status['precision']}, {status['api']}), up for {status['up_s']:.0f} s"))
        print(plain(f"{status['faces']} faces in {status['batches']} batches, {mean:.1f} a batch"))
    return ExitCode.DONE if status else ExitCode.UNREACHABLE
