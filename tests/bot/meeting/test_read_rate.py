"""The governor against simulated engines: however little they can do, everybody gets an even share of it."""

import asyncio
import heapq
import random
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.meeting.read_rate import LEAST_SHARE, ReadRate, ReadSchedule

WANTED = 4.0


@dataclass
class Classroom:
    """Readers and an engine with so many workers, on a clock of the simulation."""

    people: int
    workers: int
    work_s: Callable[[float], float]
    """How long a read takes a worker, at a time."""
    read_rate: ReadRate = field(default_factory=lambda: ReadRate(WANTED))
    reads: list[list[float]] = field(default_factory=list)
    """When the reads of each person were done."""
    took_s: list[tuple[float, float]] = field(default_factory=list)
    rates: list[tuple[float, float]] = field(default_factory=list)

    def run(self, until_s: float) -> None:
        readers = [self.read_rate.turns() for _ in range(self.people)]
        self.reads = [[] for _ in readers]
        # (when, order, who, since when the read waits; None for a turn that may have come)
        coming: list[tuple[float, int, int, float | None]] = [(0.0, n, n, None) for n in range(self.people)]
        waiting: deque[tuple[int, float]] = deque()
        free, order = self.workers, self.people
        while coming[0][0] < until_s:
            now, _, who, since = heapq.heappop(coming)
            turns = readers[who]
            if since is None and (wait_s := turns.wait_s(now)) > 0:
                heapq.heappush(coming, (now + wait_s, order, who, None))
            elif since is None:
                turns.take(now)
                waiting.append((who, now))
            else:
                free += 1
                self.reads[who].append(now)
                self.took_s.append((now, now - since))
                self.read_rate.note(now, turns, now - since)
                self.rates.append((now, self.read_rate.rate_per_s))
                heapq.heappush(coming, (now, order, who, None))
            while free and waiting:
                reader, asked_at = waiting.popleft()
                free -= 1
                order += 1
                heapq.heappush(coming, (now + self.work_s(now), order, reader, asked_at))
            order += 1

    def rates_between(self, begin_s: float, end_s: float) -> list[float]:
        """How often each person was read a second."""
        return [sum(begin_s <= at < end_s for at in reads) / (end_s - begin_s) for reads in self.reads]

    def governed(self, begin_s: float, end_s: float) -> list[float]:
        """The rates that the governor chose."""
        return [rate for at, rate in self.rates if begin_s <= at < end_s]


def able(classroom: tuple[int, int], share: float) -> Callable[[float], float]:
    """Make an engine that can do this share of what so many people want of so many workers."""
    people, workers = classroom
    return lambda at: workers / (share * people * WANTED)


CLASSROOMS = st.tuples(st.integers(2, 40), st.integers(1, 4)).filter(lambda sizes: sizes[0] > sizes[1])


@settings(max_examples=12)
@given(CLASSROOMS, st.floats(0.1, 3.0))
def test_nobody_is_read_20_percent_less_often_than_anybody_else(sizes: tuple[int, int], share: float) -> None:
    classroom = Classroom(*sizes, able(sizes, share))
    classroom.run(80.0)
    rates = classroom.rates_between(20.0, 80.0)
    assert min(rates) >= 0.8 * max(rates)


@settings(max_examples=12)
@given(CLASSROOMS, st.floats(1.3, 10.0))
def test_everybody_is_read_at_the_wanted_rate_where_there_is_room(sizes: tuple[int, int], share: float) -> None:
    # A read may still take too long for one person, where few people have a slow engine.
    work_s = min(able(sizes, share)(0.0), 0.3 / WANTED)
    classroom = Classroom(*sizes, lambda at: work_s)
    classroom.run(20.0)
    assert min(classroom.rates_between(1.0, 20.0)) >= 0.95 * WANTED
    assert classroom.read_rate.pressure == 0.0


@settings(max_examples=12)
@given(st.tuples(st.integers(10, 40), st.integers(1, 3)), st.floats(0.15, 0.9), st.floats(0.0, 0.5))
def test_overload_settles_close_to_what_can_be_done(sizes: tuple[int, int], share: float, noise: float) -> None:
    """No swing beyond a half above and a third below what can be done, but as reads vary; four fifths are used."""
    even, chance = able(sizes, share), random.Random(1)
    classroom = Classroom(*sizes, lambda at: even(at) * chance.uniform(1.0 - noise, 1.0 + noise))
    classroom.run(150.0)
    chosen = classroom.governed(60.0, 150.0)
    assert max(chosen) <= (1.45 + noise) * share * WANTED
    assert min(chosen) >= 0.67 * share * WANTED
    assert min(classroom.rates_between(60.0, 150.0)) >= 0.8 * share * WANTED
    assert 0.0 < classroom.read_rate.pressure < 1.0


@settings(max_examples=8)
@given(st.tuples(st.integers(10, 40), st.integers(1, 3)), st.floats(0.1, 0.8))
def test_rate_recovers_when_the_pressure_ends(sizes: tuple[int, int], share: float) -> None:
    strained, relaxed = able(sizes, share), able(sizes, 4.0)
    classroom = Classroom(*sizes, lambda at: strained(at) if 10.0 < at < 60.0 else relaxed(at))
    classroom.run(150.0)
    assert min(classroom.governed(20.0, 60.0)) < WANTED
    assert min(classroom.rates_between(130.0, 150.0)) >= 0.95 * WANTED
    assert classroom.read_rate.pressure == 0.0


def test_reads_do_not_come_in_bursts() -> None:
    """25 people who came at the same moment: nobody waits for more than four others."""
    classroom = Classroom(25, 1, lambda at: 0.007)
    classroom.run(20.0)
    assert max(took_s for at, took_s in classroom.took_s if at > 1.0) < 0.036


@pytest.mark.parametrize(("people", "together"), [(3, 1), (6, 2), (25, 5), (40, 7)])
def test_reads_come_in_six_groups_of_nearly_the_same_size(people: int, together: int) -> None:
    """What has just run is still at hand for the next face, which a read of each alone would not find."""
    read_rate = ReadRate(WANTED)
    readers = [read_rate.turns() for _ in range(people)]
    for reader in readers:
        reader.take(0.0)
    groups = Counter(round(reader.wait_s(0.0), 6) for reader in readers)
    assert len(groups) <= 6
    assert max(groups.values()) <= together


def test_pictures_are_not_old_under_a_load_that_is_twice_too_much() -> None:
    classroom = Classroom(32, 2, able((32, 2), 0.5))
    classroom.run(90.0)
    took_s = sorted(took_s for at, took_s in classroom.took_s if at > 30.0)
    assert took_s[int(0.95 * len(took_s))] < 0.5
    assert min(classroom.rates_between(30.0, 90.0)) > 1.8


def test_hiccup_changes_nothing() -> None:
    classroom = Classroom(25, 2, lambda at: 0.3 if 10.0 < at < 10.05 else 0.01)
    classroom.run(20.0)
    assert set(classroom.governed(0.0, 20.0)) == {WANTED}


def test_rate_never_falls_below_its_floor() -> None:
    classroom = Classroom(8, 1, lambda at: 10.0)
    classroom.run(600.0)
    assert classroom.read_rate.rate_per_s == pytest.approx(LEAST_SHARE * WANTED)


def test_slow_pictures_of_one_person_do_not_take_the_turns_of_others() -> None:
    """Whoever's reads take several times as long is read as often while there is room."""
    read_rate = ReadRate(WANTED)
    slow, quick = read_rate.turns(), read_rate.turns()
    taken: dict[ReadSchedule, list[float]] = {slow: [], quick: []}
    busy_until = {slow: 0.0, quick: 0.0}
    for step in range(1000):
        now = step * 0.01
        for turns, work_s in ((slow, 0.1), (quick, 0.02)):
            if now >= busy_until[turns] and turns.wait_s(now) == 0.0:
                turns.take(now)
                taken[turns].append(now)
                busy_until[turns] = now + work_s
                read_rate.note(now + work_s, turns, work_s)
    assert abs(len(taken[slow]) - len(taken[quick])) <= 1


async def test_reader_waits_for_its_turns_and_makes_up_for_none_it_missed() -> None:
    loop, turns = asyncio.get_running_loop(), ReadRate(20.0).turns()
    times = []
    for number in range(6):
        await turns.next()
        times.append(loop.time())
        if number == 2:
            await asyncio.sleep(0.22)  # four turns and a half
    gaps = [after - before for before, after in pairwise(times)]
    assert times[-1] - times[0] >= 0.22 + 2 * 0.05 - 0.03
    assert gaps[2] >= 0.22
    assert gaps[3] >= 0.02


async def test_reads_that_take_long_are_measured_and_slow_everybody_down() -> None:
    read_rate = ReadRate(100.0)
    turns = read_rate.turns()
    async with asyncio.timeout(20):
        while read_rate.pressure == 0.0:
            await turns.next()
            with turns.reading():
                await asyncio.sleep(0.03)
    assert read_rate.rate_per_s < 60.0


async def test_read_that_fails_is_measured_too() -> None:
    read_rate = ReadRate(100.0)
    turns = read_rate.turns()
    async with asyncio.timeout(20):
        while read_rate.pressure == 0.0:
            await turns.next()
            with suppress(ZeroDivisionError), turns.reading():
                await asyncio.sleep(0.03)
                raise ZeroDivisionError


async def test_cancelled_wait_takes_no_turn() -> None:
    turns = ReadRate(0.1).turns()
    await turns.next()
    waiting = asyncio.create_task(turns.next())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert turns.wait_s(asyncio.get_running_loop().time()) > 1.0
