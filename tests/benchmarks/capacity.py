"""Beyond one machine: many classes on workers of a few cores, simulated with what was measured; no machine is needed.

Workers ask for invitations as `bot.workers.worker` does, with its times: all that have room hear of one and ask at
once, whoever comes first has it, and pauses before it asks again; a dead worker's classes are found by those who ask by
time. Nobody is placed by load, so the table says how even it gets. Every figure that was measured is a constant here.
`python -m tests.benchmarks.capacity [--classes 1000] [--cores 4] [--spare 0.1] [--cpu-ms-a-read 6.1] [--json]`
"""

import argparse
import heapq
import json
import random
from collections import Counter
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

from bot.workers.worker import BEAT_S, POLL_S, WAIT_S
from dashboard_protocol.queue.base import CLAIM_S

PEOPLE = 25
READS_PER_S = 3.9
CPU_MS_A_READ = 6.1
"""`make bench NAME=local ARGS="--counts 25"`, AMD EPYC with 2 cores: 0.61 cores and 3.9 reads a second each."""
MEETING_MB = 283
"""Of the same run: the resident memory of one class's process."""
START_S = (0.1, 0.7)
"""From a claim to live on a warm worker (README.md of this folder)."""
MOST_LOAD = 0.85
"""Share of a worker's cores that classes may use; beyond, reads come late and everybody is read less."""
CLASS_COMMANDS, WORKER_COMMANDS = 28.2, 16.7
"""Commands a second of Redis (`make bench NAME=redis_load`), scripts' own included."""
CLASS_REDIS_MS, WORKER_REDIS_MS = 0.55, 0.35
"""Milliseconds of Redis' processor a second, of the same run."""
CLASS_KB_PER_S, CLASS_KEPT_KB_PER_S = 4.1, 0.63
"""Traffic of Redis, and what stays of a class until it is as old as `--retention` says."""
BEGIN_WITHIN_S = 60.0
"""All classes begin on the hour, within this time."""
RUNS = 10
RING_S = 0.003
"""Within which those who hear of an invitation ask."""


@dataclass
class Worker:
    """One machine, as far as the queue knows it."""

    running: int = 0
    asks_at: float = 0.0
    is_paused: bool = False
    """Whether it has just claimed; else it waits for news, and asks by time where there are none."""
    is_alive: bool = True


class Service:
    """Workers and the queue that they ask."""

    def __init__(self, workers: int, capacity: int, chance: random.Random) -> None:
        self.workers = [Worker() for _ in range(workers)]
        self.asked = 0
        """How often a worker asked the queue."""
        self._capacity = capacity
        self._chance = chance
        self._asking: list[tuple[float, int]] = []
        for number in range(workers):
            self._ask_at(number, chance.uniform(0, WAIT_S))

    def place(self, wanted_at: list[float], *, rings: bool) -> list[float]:
        """Hand out classes.

        Args:
            wanted_at: when each may be claimed, ascending.
            rings: whether workers hear of them, as of invitations; a dead worker's are found by time alone.

        Returns:
            When each was claimed, as far as there is room.
        """
        coming, waiting, claimed_at = wanted_at[::-1], 0, list[float]()
        room = sum(self._capacity - worker.running for worker in self.workers if worker.is_alive)
        while len(claimed_at) < min(len(wanted_at), room):
            if coming and coming[-1] <= self._asking[0][0]:
                waiting += 1
                at = coming.pop()
                for number in range(len(self.workers) if rings else 0):
                    self._ring(number, at)
                continue
            at, number = heapq.heappop(self._asking)
            worker = self.workers[number]
            if worker.asks_at != at or not self._may_claim(worker):
                continue
            self.asked += 1
            worker.is_paused = waiting > 0
            if worker.is_paused:
                waiting -= 1
                worker.running += 1
                claimed_at.append(at)
            self._ask_at(number, at + (POLL_S if worker.is_paused else WAIT_S))
        return claimed_at

    def kill(self, number: int) -> int:
        """Lose a machine; return how many classes it had."""
        self.workers[number].is_alive = False
        return self.workers[number].running

    def _may_claim(self, worker: Worker) -> bool:
        return worker.is_alive and worker.running < self._capacity

    def _ring(self, number: int, at: float) -> None:
        worker = self.workers[number]
        if self._may_claim(worker) and not worker.is_paused and worker.asks_at > at + RING_S:
            self._ask_at(number, at + self._chance.uniform(0, RING_S))

    def _ask_at(self, number: int, at: float) -> None:
        self.workers[number].asks_at = at
        heapq.heappush(self._asking, (at, number))


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of a service."""

    classes: int
    cores: int
    spare: float
    """Share of workers more than the classes fill."""
    cpu_ms_a_read: float

    @property
    def cores_a_class(self) -> float:
        """Cores that one class keeps busy."""
        return PEOPLE * READS_PER_S * self.cpu_ms_a_read / 1000

    @property
    def capacity(self) -> int:
        """Classes a worker, `--capacity`; one at least."""
        return max(1, floor(self.cores * MOST_LOAD / self.cores_a_class))

    @property
    def workers(self) -> int:
        """Machines, the spare ones included."""
        return ceil(self.classes / self.capacity * (1 + self.spare))


def simulate(plan: Plan, chance: random.Random) -> dict[str, Any]:
    """Begin all classes on the hour, and lose one machine."""
    service = Service(plan.workers, plan.capacity, chance)
    wanted_at = sorted(chance.uniform(10, 10 + BEGIN_WITHIN_S) for _ in range(plan.classes))
    claimed_at = service.place(wanted_at, rings=True)
    asked_per_s = service.asked / (claimed_at[-1] - wanted_at[0])
    even = Counter(worker.running for worker in service.workers)
    waits = [claimed - wanted for claimed, wanted in zip(claimed_at, wanted_at, strict=True)]
    dies_at = claimed_at[-1] + 60 + chance.uniform(0, 1)
    moved = service.kill(max(range(plan.workers), key=lambda number: service.workers[number].running))
    # Its last word came within the last beat; so long after that, its classes are anybody's.
    found_at = dies_at - chance.uniform(0, BEAT_S) + CLAIM_S
    again_at = [at + chance.uniform(*START_S) for at in service.place([found_at] * moved, rings=False)]
    return {
        "wait_s": waits,
        "asked_per_s": asked_per_s,
        "classes_by_worker": even,
        "moved": moved,
        "unserved_s": [at - dies_at for at in again_at],
    }


def figures(plan: Plan, seed: int) -> dict[str, float | int | str]:
    """Simulate many times, and add up what it takes."""
    chance = random.Random(seed)
    runs = [simulate(plan, chance) for _ in range(RUNS)]
    waits, unserved = (sorted(value for run in runs for value in run[name]) for name in ("wait_s", "unserved_s"))
    even = sum((run["classes_by_worker"] for run in runs), Counter[int]())
    commands = plan.classes * CLASS_COMMANDS + plan.workers * WORKER_COMMANDS
    redis_cores = (plan.classes * CLASS_REDIS_MS + plan.workers * WORKER_REDIS_MS) / 1000
    return {
        "classes": plan.classes,
        "classes_a_worker": plan.capacity,
        "workers": plan.workers,
        "cores_busy_a_worker_full": round(plan.capacity * plan.cores_a_class, 2),
        "memory_gb_a_worker_full": round(plan.capacity * MEETING_MB / 1000, 1),
        "workers_full": f"{even[plan.capacity] / sum(even.values()):.0%}",
        "workers_idle": f"{even[0] / sum(even.values()):.0%}",
        "invited_to_claimed_p99_s": round(_percentile(waits, 0.99), 2),
        "asked_a_second_while_all_begin": round(sum(run["asked_per_s"] for run in runs) / RUNS),
        "redis_commands_per_s": round(commands),
        "redis_cores": round(redis_cores, 2),
        "redis_mb_per_s": round(plan.classes * CLASS_KB_PER_S / 1000, 1),
        "redis_gb_an_hour_kept": round(plan.classes * CLASS_KEPT_KB_PER_S * 3600 / 1e6, 1),
        "moved_by_a_death": max(run["moved"] for run in runs),
        "unserved_p50_s": round(_percentile(unserved, 0.5), 1),
        "unserved_most_s": round(unserved[-1], 1),
        "core_hours_a_class_hour": round(plan.cores_a_class, 2),
        "core_hours_a_class_hour_provided": round(plan.workers * plan.cores / plan.classes, 2),
    }


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def main() -> None:
    """Simulate and print a table, or with `--json` one line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--cores", type=int, default=4)
    parser.add_argument("--spare", type=float, default=0.1)
    parser.add_argument("--cpu-ms-a-read", type=float, default=CPU_MS_A_READ)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = figures(Plan(options.classes, options.cores, options.spare, options.cpu_ms_a_read), options.seed)
    print(json.dumps(found) if options.json else "\n".join(f"{name:34}{value}" for name, value in found.items()))


if __name__ == "__main__":
    main()
