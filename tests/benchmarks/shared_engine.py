"""One engine process on the CPU and eight bots: how many faces a second it answers, and how long an answer takes.

Each bot is a process of its own that offers faces of drawn people at a steady rate, cut out beforehand: what a face
waits for its batch, is computed, and travels both ways is the engine's; finding faces is not.
`python -m tests.benchmarks.shared_engine [--json] [--seconds 15] [--bots 8] [--rate 30]`
"""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from contextlib import AsyncExitStack

import numpy as np

from bot.inference.client import SharedNetwork
from bot.inference.server import ask_status
from bot.samples import drawing
from bot.samples.people import PEOPLE
from bot.samples.pose import Pose
from engine.crops import face_batch
from engine.errors import InferenceFailed
from engine.faces import FaceFinder
from engine.readings import FaceBatch
from engine.runtimes import load_runtime
from tests.benchmarks.local import line_with, running
from tests.benchmarks.process import cpu_s, machine, percentile

WARM_UP_S = 2.0
SIZES = (1, 2, 4, 8, 16, 32)
PEOPLE_A_BOT = 8


def drawn_faces() -> FaceBatch:
    """Cut out the drawn people, as the shipped network expects them."""
    pictures = [drawing.draw(person.look, Pose()) for person in PEOPLE]
    with FaceFinder() as finder, load_runtime() as runtime:
        faces = [(picture, face) for picture in pictures if (face := finder.find(picture)) is not None]
        return face_batch(faces, runtime.manifest.input)


def per_batch(faces: FaceBatch) -> dict[int, float]:
    """Measure milliseconds of CPU a face, one thread, for each size of a batch; the quickest of five rounds."""
    rows = {}
    with load_runtime() as runtime:
        for size in SIZES:
            index = np.arange(size) % len(faces)
            batch = FaceBatch(faces.crops[index], faces.regions[index])
            rounds, calls = [], max(1, 64 // size)
            for _ in range(5):
                begin_s = time.process_time()
                for _ in range(calls):
                    runtime.infer(batch)
                rounds.append((time.process_time() - begin_s) / (calls * size))
            rows[size] = round(1000 * min(rounds), 3)
    return rows


async def offer(address: str, rate: float, seconds: float, path: str) -> None:
    """Be one bot: offer faces, each person's in turn, and write how long each answer took, in ms; NaN for none."""
    with np.load(path) as saved:
        faces = FaceBatch(saved["crops"], saved["regions"])
    singles = [FaceBatch(faces.crops[[i]], faces.regions[[i]]) for i in range(len(faces))]
    took_ms: list[float] = []
    loop = asyncio.get_running_loop()

    async with SharedNetwork(address) as network, asyncio.TaskGroup() as asking:
        await network.found()
        print("offering", flush=True)

        async def ask(number: int, is_counted: bool) -> None:
            begin_s = loop.time()
            scores = None
            with contextlib.suppress(InferenceFailed):  # outdated: the engine is far behind
                scores = await network.score(f"person {number % PEOPLE_A_BOT}", singles[number % len(singles)])
            if is_counted:
                took_ms.append(float("nan") if scores is None else 1000 * (loop.time() - begin_s))

        begin_s = loop.time()
        for number in range(round(rate * (seconds + WARM_UP_S))):
            due_s = begin_s + number / rate
            await asyncio.sleep(due_s - loop.time())
            asking.create_task(ask(number, due_s >= begin_s + WARM_UP_S))
    print(json.dumps(took_ms), flush=True)


async def measure(bots: int, rate: float, seconds: float, faces: FaceBatch) -> dict[str, float]:
    """Measure one engine with so many bots that each offer so many faces a second."""
    with tempfile.TemporaryDirectory(prefix="classpulse-") as folder:
        address, path = f"ipc://{folder}/engine", f"{folder}/faces.npz"
        np.savez(path, crops=faces.crops, regions=faces.regions)
        async with AsyncExitStack() as stack:
            engine = await stack.enter_async_context(running("bot", "engine", "--listen", address, "--json"))
            await line_with(engine.stdout, "{")
            command = ("tests.benchmarks.shared_engine", "--offer", address, "--faces", path)
            flags = ("--rate", str(rate), "--seconds", str(seconds))
            offering = [await stack.enter_async_context(running(*command, *flags)) for _ in range(bots)]
            for process in offering:
                await line_with(process.stdout, "offering")
            before, used_s = await ask_status(address), cpu_s(engine.pid)
            answers = await asyncio.gather(*(process.communicate() for process in offering))
            after, used_s = await ask_status(address), cpu_s(engine.pid) - used_s
    assert before is not None
    assert after is not None
    took_ms = [ms for out, _ in answers for ms in json.loads(out.splitlines()[-1])]
    answered = [ms for ms in took_ms if ms == ms]
    counted = after["faces"] - before["faces"]
    return {
        "faces_per_s": round(len(answered) / seconds, 1),
        "p95_ms": round(percentile(answered, 0.95), 1),
        "mean_batch": round(counted / (after["batches"] - before["batches"]), 2),
        "offered_per_s": bots * rate,
        "p50_ms": round(percentile(answered, 0.5), 1),
        "cpu_ms_a_face": round(1000 * used_s / counted, 2),
    }


async def main() -> None:
    """Measure, print a table of batch sizes, and with `--json` one last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--bots", type=int, default=8)
    parser.add_argument("--rate", type=float, default=30.0, help="faces a second of each bot")
    parser.add_argument("--offer", help=argparse.SUPPRESS)
    parser.add_argument("--faces", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.offer:
        await offer(options.offer, options.rate, options.seconds, options.faces)
        return
    print(machine(), file=sys.stderr)
    faces = drawn_faces()
    rows = per_batch(faces)
    print("| batch | CPU, ms a face |\n|---|---|", file=sys.stderr)
    for size, ms in rows.items():
        print(f"| {size} | {ms:.2f} |", file=sys.stderr)
    row = await measure(options.bots, options.rate, options.seconds, faces)
    if options.json:
        print(json.dumps({**row, "cpu_ms_by_batch": rows}))
    else:
        print("\n".join(f"{name:15} {value}" for name, value in row.items()))


if __name__ == "__main__":
    asyncio.run(main())
