"""`classpulse engine`: one expression network for all bots of this machine."""

import asyncio
import json as json_text
import signal
import sys
from typing import Annotated

import typer

from dashboard_protocol.view.plain_text import plain

ListenFlag = Annotated[
    str,
    typer.Option(
        "--listen",
        envvar="CLASSPULSE_ENGINE_LISTEN",
        help="ipc://PATH of the Unix socket, in a folder of this user alone; ipc:// for the default.",
    ),
]
FallbackFlag = Annotated[
    bool,
    typer.Option(
        "--engine-fallback",
        envvar="CLASSPULSE_ENGINE_FALLBACK",
        help="Where a .plan does not fit this machine, read on the CPU and say so; else it is refused.",
    ),
]


def serve_engine(
    model: Annotated[
        str | None, typer.Argument(help="Expression network (.onnx, .plan); the shipped one if absent.")
    ] = None,
    *,
    listen: ListenFlag = "ipc://",
    threads: Annotated[int, typer.Option(min=1, max=64, help="Of the network on the CPU.")] = 1,
    engine_fallback: FallbackFlag = False,
    status: Annotated[
        bool, typer.Option("--status", help="Say how the engine there is, and exit: 0 if it answers, else 1.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON line.")] = False,
) -> None:
    """Read the faces of every bot on this machine, in common batches, until ctrl-C.

    Bots use it by `--engine ipc://`. Only crops of faces and maps of their regions come here, over a socket that only
    this user can open; nothing is kept.
    """
    if status:
        raise typer.Exit(asyncio.run(_report_status(listen, json)))
    asyncio.run(_serve(model, listen, threads, engine_fallback, json))


async def _serve(model: str | None, listen: str, threads: int, fallback: bool, json: bool) -> None:
    from bot.inference.server import hosting
    from bot.inference.wire import complete
    from engine.runtimes import load_runtime

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with hosting(listen, lambda: load_runtime(model, threads, fallback=fallback)) as host:
        status = host.status()
        if json:
            print(json_text.dumps({"address": complete(listen), **status}), flush=True)
        else:
            print(plain(f"engine     {status['model']} ({status['precision']}, {status['api']})"), file=sys.stderr)
            print(plain(f"bots       classpulse join … --engine {complete(listen)}"), file=sys.stderr, flush=True)
        await stop.wait()


async def _report_status(listen: str, json: bool) -> int:
    from bot.inference.server import ask_status
    from bot.inference.wire import complete

    status = await ask_status(listen)
    if json:
        print(json_text.dumps(status or {"ready": False}))
    elif status is None:
        print(plain(f"no engine answers at {complete(listen)}: start one with `classpulse engine`"), file=sys.stderr)
    else:
        mean = status["faces"] / status["batches"] if status["batches"] else 0.0
        print(plain(f"{status['model']} ({status['precision']}, {status['api']}), up for {status['up_s']:.0f} s"))
        print(plain(f"{status['faces']} faces in {status['batches']} batches, {mean:.1f} a batch"))
    return 0 if status else 1
