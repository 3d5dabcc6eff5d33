"""How often everybody is read: as often as wanted while reads are quick, less and evenly for all when they take long.

Measured is how long a read takes from its turn to its result, waiting included, and not how busy the machine is: a
busy machine may read in time, and an idle one may wait for a distant engine.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil, floor, inf

LONG = 0.6
"""Reads that take more of a turn than this are too many: soon a turn comes before the read of the last is done."""
SHORT = 0.35
"""Reads that take less of a turn than this leave room for more; between the two nothing changes."""
PATIENCE = 2
"""So many judgements in a row that reads take too long, before the rate falls: a hiccup is none of its business."""
AIM = 0.85
"""Share of what could be done that is asked for then."""
DRAIN_TURNS = 3.0
"""So long after a cut nothing is judged: what had piled up has to be done first."""
MOST_CUT = 0.3
"""Least that one step leaves of the rate."""
RISE_PER_S, RISE = 0.1, 0.5
"""Growth while there is room: in wanted rates a second, and at most so much of the rate in one step."""
WARY_RISE_PER_S, WARY_RISE = 0.015, 0.06
"""The same, close to what was all that could be done the last time."""
WARY_FROM, WARY_TO = 0.8, 1.2
"""What is close, in shares of that."""
LEAST_SHARE = 1 / 16
"""Lowest rate, in shares of the wanted one."""
JUDGE_EVERY_S = 0.5
JUDGE_EVERY_TURNS = 2.0
"""The longer of the two: every reader should have had a turn, or the slow ones are missing from the judgement."""
ALMOST = 1e-6
"""Part of a turn that rounding may leave."""
GOLDEN = 0.618033988749895
"""Multiples of it, modulo 1, lie evenly apart however many there are: Weyl's sequence with the golden section."""
GROUPS = 6
"""Parts of a turn: whose places lie in the same one are read together. Networks that have just run are still at hand
for the next face, and faces share batches: of 25 people, five at once, a read costs an eighth less than alone."""


class ReadRate:
    """Sets one rate for all. Pure: it is given the time, and reads no clock.

    Turns are counted on a clock of their own that runs at the rate: each reader has one turn in every unit of it, at a
    place of their own, so a change of the rate changes everybody's alike; reads come in small groups and not in bursts.
    """

    def __init__(self, wanted_per_s: float, *, is_spread: bool = True) -> None:
        """Begin at the wanted rate.

        Args:
            wanted_per_s: Reads of each person a second, while there is room; above 0.
            is_spread: Whether readers take turns; False gives all the same one, where time stands still for reads and
                those of one moment share the cores.
        """
        self._is_spread = is_spread
        self._wanted = wanted_per_s
        self._rate = wanted_per_s
        self._capacity: float | None = None
        self._overloads = 0
        self._deaf_until = -inf
        self._turn = 0.0
        self._turn_at: float | None = None
        self._readers = 0
        self._judged_at: float | None = None
        self._took_s = 0.0
        self._reads: Counter[ReadSchedule] = Counter()

    @property
    def rate_per_s(self) -> float:
        """Reads of each person a second that there is room for."""
        return self._rate

    @property
    def pressure(self) -> float:
        """How much of the wanted rate cannot be had, in [0, 1): 0 is all at ease."""
        return 1.0 - self._rate / self._wanted

    def position(self, now: float) -> float:
        """Return the count of turns; `now` in seconds, never less than before."""
        if self._turn_at is None:
            self._turn_at = now
        self._turn += max(0.0, now - self._turn_at) * self._rate
        self._turn_at = max(now, self._turn_at)
        return self._turn

    def turns(self) -> "ReadSchedule":
        """Give a new reader a place."""
        self._readers += 1 if self._is_spread or not self._readers else 0
        return ReadSchedule(self, floor(self._readers * GOLDEN % 1.0 * GROUPS) / GROUPS)

    def note(self, now: float, turns: "ReadSchedule", took_s: float) -> None:
        """Take the time that a reader's read took, from its turn to its result."""
        if now < self._deaf_until:
            return
        if self._judged_at is None:
            self._judged_at = now
            return
        self._took_s += took_s
        self._reads[turns] += 1
        elapsed_s = now - self._judged_at
        if elapsed_s >= max(JUDGE_EVERY_S, JUDGE_EVERY_TURNS / self._rate):
            self.position(now)  # what has passed was at the old rate
            reads = self._reads.total()
            load, achieved = self._took_s / reads * self._rate, reads / len(self._reads) / elapsed_s
            self._judged_at, self._took_s = now, 0.0
            self._reads.clear()
            if self._judge(load, achieved, elapsed_s):
                self._judged_at, self._deaf_until = None, now + DRAIN_TURNS / self._rate

    def _judge(self, load: float, achieved: float, elapsed_s: float) -> bool:
        """Change the rate; return whether it was cut.

        Args:
            load: Part of a turn that a read takes.
            achieved: Reads of each person a second; when too many are asked for, this is all that can be done.
            elapsed_s: Since the last judgement.
        """
        self._overloads = self._overloads + 1 if load > LONG else 0
        is_cut = self._overloads >= PATIENCE
        if is_cut:
            self._overloads = 0
            self._capacity = min(achieved, self._rate)
            self._rate = max(AIM * self._capacity, MOST_CUT * self._rate)
        elif load < SHORT:
            is_close = self._capacity is not None and WARY_FROM < self._rate / self._capacity < WARY_TO
            per_s, most = (WARY_RISE_PER_S, WARY_RISE) if is_close else (RISE_PER_S, RISE)
            self._rate += min(per_s * self._wanted * elapsed_s, most * self._rate)
        self._rate = min(self._wanted, max(LEAST_SHARE * self._wanted, self._rate))
        return is_cut


class ReadSchedule:
    """One reader's turns: `wait_s` and `take` decide, `next` waits."""

    def __init__(self, read_rate: ReadRate, place: float) -> None:
        """Begin with a turn at once.

        Args:
            read_rate: Sets the rate.
            place: Where in every unit this reader's turn lies, in [0, 1).
        """
        self._read_rate = read_rate
        self._place = place
        self._due: float | None = None
        self._late_s = 0.0

    @property
    def interval_s(self) -> float:
        """Time between two turns, as it is now."""
        return 1.0 / self._read_rate.rate_per_s

    def wait_s(self, now: float) -> float:
        """Return how long it is until the next turn; 0 if it has come."""
        left = 0.0 if self._due is None else self._due - self._read_rate.position(now)
        return left * self.interval_s if left > ALMOST else 0.0

    def take(self, now: float) -> None:
        """Take the turn that has come. One missed by more than a turn is not made up for: that would be a burst."""
        position = self._read_rate.position(now)
        if self._due is not None and position < self._due + 1.0:
            self._due += 1.0
        else:
            self._due = ceil(position + 0.5 - self._place) + self._place

    async def next(self) -> None:
        """Wait for the next turn and take it."""
        loop = asyncio.get_running_loop()
        self._late_s = 0.0
        while (wait_s := self.wait_s(loop.time())) > 0.0:
            woken_at = loop.time() + wait_s
            await asyncio.sleep(wait_s)
            self._late_s = max(0.0, loop.time() - woken_at)
        self.take(loop.time())

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Measure the read of this turn; a loop too busy to wake its reader in time counts too."""
        loop = asyncio.get_running_loop()
        began_at = loop.time() - self._late_s
        try:
            yield
        finally:
            self._read_rate.note(loop.time(), self, loop.time() - began_at)
