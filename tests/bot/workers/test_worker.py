"""A worker with real processes for its meetings; only the queue is this process's own."""

import asyncio
import errno
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.settings import Settings
from bot.settings.meeting import MeetingOptions
from bot.workers import assignment, forking, worker
from bot.workers import process as meeting_process
from bot.workers.child import NAME, Job
from bot.workers.status import WorkerFigures
from bot.workers.worker import Worker
from dashboard_protocol.auth.links import Access
from dashboard_protocol.auth.secrets_store import load_secret
from dashboard_protocol.errors import BusError
from dashboard_protocol.queue import BotRecord, HeartbeatReply, Invitation, MemoryQueue
from dashboard_protocol.vocabulary import Profile, State

PATIENCE_S = 100
JOB = Job(
    settings=Settings(room_url="local://r", policy=Profile.PRESENCE, port=0, meeting="m"), memory_mb=2000
).model_dump_json()


class Queue(MemoryQueue):
    """A queue that can be away."""

    is_away = False

    async def claim(self, worker: str, serving: Collection[str] = (), *, pages: bool = True) -> BotRecord | None:
        if self.is_away:
            raise BusError("The queue is away.")
        return await super().claim(worker, serving, pages=pages)

    async def beat(self, worker: str, ids: list[str]) -> dict[str, HeartbeatReply]:
        if self.is_away:
            raise BusError("The queue is away.")
        return await super().beat(worker, ids)


class Shift:
    """A running worker and what one knows of it."""

    def __init__(self, queue: Queue) -> None:
        self.queue = queue
        self.stop = asyncio.Event()

    async def invite(self, room_url: str = "local://r", **wanted: Any) -> None:
        known = {
            "id": "b", "room": Access(load_secret()).key_of(room_url), "room_url": room_url,
            "policy": Profile.PRESENCE, "requested_at": time.time(),
        }  # fmt: skip
        await self.queue.submit(Invitation.model_validate(known | wanted))

    async def until(self, state: State, reason: str | None = None, *, times: int = 1, bot: str = "b") -> BotRecord:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                record = await self.queue.bot(bot)
                assert record is not None
                found = [moment for moment in record.states if (moment.state, moment.reason) == (state, reason)]
                if len(found) >= times and record.now == found[-1]:
                    return record
                await asyncio.sleep(0.02)


@asynccontextmanager
async def a_shift(
    *,
    capacity: int = 1,
    browser_bots: int = 1,
    drain_s: float = 30,
    claim_s: float = 60,
    figures: WorkerFigures | None = None,
) -> AsyncIterator[Shift]:
    shift = Shift(Queue(claim_s=claim_s))
    working = Worker(
        shift.queue,
        name="w",
        capacity=capacity,
        browser_bots=browser_bots,
        options=MeetingOptions(),
        figures=figures,
    )
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(working.run(shift.stop, drain_s))
        yield shift
        shift.stop.set()
    assert children() == []


def children() -> list[int]:
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in found if b"bot.workers.fork_server" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def is_of_a_meeting(pid: int) -> bool:
    return Path(f"/proc/{pid}/comm").read_bytes().strip() == NAME


def bots() -> list[int]:
    return [pid for pid in children() if is_of_a_meeting(pid)]


def bot_process() -> int:
    """Return the process of the one meeting that is served."""
    [pid] = bots()
    return pid


def fork_server_process() -> int:
    [pid] = [pid for pid in children() if not is_of_a_meeting(pid)]
    return pid


@pytest.fixture(autouse=True)
def _state_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(worker, "BEAT_S", 0.1)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110  what it asks about lives in other processes
            await asyncio.sleep(0.02)


async def test_worker_serves_a_meeting_until_it_is_asked_to_leave_and_reports_its_figures() -> None:
    figures = WorkerFigures()

    def value(name: str, **labels: str) -> float | None:
        return figures.registry.get_sample_value(name, labels)

    async with a_shift(figures=figures) as shift:
        await shift.invite(title="Biology")
        record = await shift.until(State.LIVE)
        assert record.worker == "w"
        assert record.join is not None
        assert "/join/r#t=" in record.join, "whoever joins shows the token of the class"
        await until(lambda: (value("classpulse_events_total", bot="b", type="class_summary") or 0) >= 2)
        assert value("classpulse_bot_state", bot="b", state="live") == 1
        assert (value("classpulse_bot_memory_bytes", bot="b") or 0) > 50e6
        assert (value("classpulse_worker_meetings"), value("classpulse_worker_claims_total")) == (1, 1)
        shift.queue._entries.clear()  # the queue loses its memory: the worker reports what it runs
        await until(lambda: "b" in shift.queue._entries)
        assert (await shift.queue.bot("b")) == record
        await shift.queue.ask_to_leave("b")
        record = await shift.until(State.ENDED, "asked_to_leave")
        await until(lambda: value("classpulse_worker_meetings") == 0)
        assert value("classpulse_bot_state", bot="b", state="live") is None
    states = [State.REQUESTED, State.JOINING, State.LIVE, State.LEAVING, State.ENDED]
    assert [moment.state for moment in record.states] == states


async def test_killed_bot_starts_again_and_one_that_breaks_too_often_has_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(assignment, "MAX_RESTARTS", 1)
    async with a_shift() as shift:
        await shift.invite()
        await shift.until(State.LIVE)
        os.kill(bot_process(), signal.SIGKILL)
        record = await shift.until(State.LIVE, times=2)
        assert (State.RECONNECTING, "bot_lost") in [(moment.state, moment.reason) for moment in record.states]
        os.kill(bot_process(), signal.SIGKILL)
        await shift.until(State.ENDED, "failed")


async def test_longest_stay_counts_from_when_the_first_process_of_a_bot_was_live() -> None:
    async with a_shift() as shift:
        await shift.invite(max_duration_s=5)
        await shift.until(State.LIVE)
        os.kill(bot_process(), signal.SIGKILL)
        record = await shift.until(State.ENDED, "max_duration")
    lives = [moment.since for moment in record.states if moment.state is State.LIVE]
    [leaving] = [moment.since for moment in record.states if moment.state is State.LEAVING]
    assert leaving - lives[0] >= 5
    # On a machine too slow to be live a second time within the five seconds, it leaves at once.
    assert len(lives) == 1 or leaving - lives[1] < max(0.0, 5 - (lives[1] - lives[0])) + 1.5


async def test_drained_worker_gives_its_meeting_back() -> None:
    async with a_shift(drain_s=0) as shift:
        await shift.invite()
        await shift.until(State.LIVE)
        shift.stop.set()
        await shift.until(State.RECONNECTING, "handed_over")
        async with asyncio.timeout(PATIENCE_S):
            while (taken := await shift.queue.claim("other")) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert taken.worker == "other"


async def test_drained_worker_gives_back_at_once_what_has_no_bot_in_its_room_and_keeps_what_is_live() -> None:
    async with a_shift(capacity=2, drain_s=2 * PATIENCE_S) as shift:
        await shift.invite()
        await shift.until(State.LIVE)
        await shift.invite("nonsense://r", id="c")
        await shift.until(State.RECONNECTING, "bot_lost", bot="c")
        shift.stop.set()
        await shift.until(State.RECONNECTING, "handed_over", bot="c")
        await shift.until(State.LIVE)
        os.kill(bot_process(), signal.SIGKILL)
        await shift.until(State.RECONNECTING, "handed_over")


async def test_worker_whose_meeting_was_given_to_another_ends_its_bot() -> None:
    async with a_shift() as shift:
        await shift.invite()
        await shift.until(State.LIVE)
        shift.queue._entries["b"].record = shift.queue._entries["b"].record.model_copy(update={"worker": "other"})
        shift.stop.set()
    record = await shift.queue.bot("b")
    assert record is not None
    assert record.now.state is State.LIVE  # it is the other worker's to report


async def test_bot_that_breaks_at_once_starts_again_until_it_is_asked_to_leave() -> None:
    async with a_shift() as shift:
        await shift.invite("nonsense://r")
        await shift.until(State.RECONNECTING, "bot_lost")
        await shift.queue.ask_to_leave("b")
        await shift.until(State.ENDED, "asked_to_leave")


async def test_worker_that_can_start_no_further_process_keeps_its_meeting(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_shift(capacity=2) as shift:
        await shift.invite()
        await shift.until(State.LIVE)
        monkeypatch.setattr(sys, "executable", "/nowhere/python")
        os.kill(fork_server_process(), signal.SIGKILL)
        await until(lambda: "no process can be started for the next meeting" in caplog.text)
        await shift.invite("local://s", id="c")
        await asyncio.sleep(0.5)
        assert (await shift.until(State.REQUESTED, bot="c")).worker is None, "others may have what this one lacks"
        await shift.until(State.LIVE)
        await shift.queue.ask_to_leave("b")
        await shift.until(State.ENDED, "asked_to_leave")


async def test_worker_whose_fork_server_was_killed_keeps_its_meeting_and_serves_the_next() -> None:
    async with a_shift(capacity=2, drain_s=0) as shift:
        await shift.invite()
        await shift.until(State.LIVE)
        first, bot = fork_server_process(), bot_process()
        os.kill(first, signal.SIGKILL)
        await shift.invite("local://s", id="c")
        await shift.until(State.LIVE, bot="c")
        await shift.until(State.LIVE)
        assert bot in bots()
        assert fork_server_process() != first


async def test_meeting_whose_fork_server_hangs_is_handed_back_and_the_hung_one_is_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(forking, "FORK_S", 0.5)
    monkeypatch.setattr(worker, "NO_PROCESS_S", 0.5)
    figures = WorkerFigures()
    async with a_shift(drain_s=0, figures=figures) as shift:
        await until(lambda: figures.registry.get_sample_value("classpulse_worker_warm") == 1)
        hung = fork_server_process()
        os.kill(hung, signal.SIGSTOP)
        await shift.invite()
        await shift.until(State.RECONNECTING, "handed_over")
        await shift.until(State.LIVE)  # nobody else took it
        assert hung not in children()


async def test_meeting_is_served_by_a_process_that_dies_with_its_worker_though_another_forked_it(
    tmp_path: Path,
) -> None:
    program = (
        "import asyncio, time\n"
        "from bot.workers.forking import ForkServer\n"
        "async def main():\n"
        "    server = ForkServer()\n"
        "    task = asyncio.create_task(server.stay_warm())\n"
        "    while not server.is_warm: await asyncio.sleep(0.02)\n"
        f"    meeting, job = await server.fork(), Job.model_validate_json({JOB!r})\n"
        "    async for line in meeting.serve(job):\n"
        "        if line.state and line.state.state == 'live': print(meeting.pid, flush=True)\n"
        "from bot.workers.child import Job\n"
        "asyncio.run(main())\n"
    )
    pipe = asyncio.subprocess.PIPE
    worker_process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=pipe)
    assert worker_process.stdout is not None
    async with asyncio.timeout(PATIENCE_S):
        pid = int(await worker_process.stdout.readline())
    assert is_of_a_meeting(pid)
    worker_process.kill()
    await worker_process.wait()
    await until(lambda: not Path(f"/proc/{pid}").exists())


async def test_worker_goes_on_while_the_queue_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "CLAIM_S", 0.1)
    async with a_shift(drain_s=0) as shift:
        shift.queue.is_away = True
        await shift.invite()
        await asyncio.sleep(0.3)
        assert (await shift.until(State.REQUESTED)).worker is None
        shift.queue.is_away = False
        await shift.until(State.LIVE)


async def test_bot_that_is_asked_to_leave_while_it_waits_to_start_again_does_not_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(assignment.Assignment, "pause_s", property(lambda _: 3.0, lambda *_: None), raising=False)
    async with a_shift() as shift:
        await shift.invite()
        await shift.until(State.LIVE)
        os.kill(bot_process(), signal.SIGKILL)
        await shift.until(State.RECONNECTING, "bot_lost")
        await shift.queue.ask_to_leave("b")
        record = await shift.until(State.ENDED, "asked_to_leave")
        await until(lambda: bots() == [])
    after = [moment.state for moment in record.states][-2:]
    assert after == [State.RECONNECTING, State.ENDED], "no other process joined meanwhile"


@pytest.mark.parametrize("fate", ["taken", "drained"])
async def test_meeting_that_goes_to_others_while_its_bot_waits_to_start_again_is_let_go(
    fate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assignment.Assignment, "pause_s", property(lambda _: 3.0, lambda *_: None), raising=False)
    async with a_shift(drain_s=0) as shift:
        await shift.invite()
        await shift.until(State.LIVE)
        os.kill(bot_process(), signal.SIGKILL)
        record = await shift.until(State.RECONNECTING, "bot_lost")
        if fate == "taken":
            shift.queue._entries["b"].record = record.model_copy(update={"worker": "other"})
        shift.stop.set()
    known = await shift.queue.bot("b")
    assert known is not None
    assert known.states.count(known.states[2]) == 1, "it was live once"
    assert known.now.reason == ("bot_lost" if fate == "taken" else "handed_over")


async def test_bot_that_hangs_is_killed_and_starts_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(meeting_process, "SILENT_S", 5.0)
    async with a_shift(drain_s=0) as shift:
        await shift.invite()
        await shift.until(State.LIVE)
        os.kill(bot_process(), signal.SIGSTOP)
        record = await shift.until(State.LIVE, times=2)
    assert "has said nothing for 5 s and is killed" in caplog.text
    assert (State.RECONNECTING, "bot_lost") in [(moment.state, moment.reason) for moment in record.states]


async def test_bot_that_hangs_is_gone_soon_after_it_was_asked_to_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(meeting_process, "LEAVE_S", 1.0)
    async with a_shift() as shift:
        await shift.invite()
        await shift.until(State.LIVE)
        os.kill(bot_process(), signal.SIGSTOP)
        await shift.queue.ask_to_leave("b")
        await shift.until(State.ENDED, "asked_to_leave")
        await until(lambda: bots() == [])


def no_more_files(pid: int) -> int:
    raise OSError(errno.EMFILE, f"Too many open files (process {pid})")


async def test_meeting_for_which_there_is_no_process_is_handed_back_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with a_shift(capacity=3) as shift:
        await shift.invite()
        await shift.until(State.LIVE)
        monkeypatch.setattr(os, "pidfd_open", no_more_files)
        await shift.invite("local://s", id="c")
        await shift.until(State.RECONNECTING, "handed_over", bot="c")
        assert "no process can be started for it here" in caplog.text
        async with asyncio.timeout(PATIENCE_S):
            while (taken := await shift.queue.claim("other")) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert taken.invitation.id == "c"
        await shift.until(State.LIVE)
        assert len(children()) == 2, "the bot, and what it was forked from"
        await shift.queue.ask_to_leave("b")
        await shift.until(State.ENDED, "asked_to_leave")


async def test_worker_that_was_suspended_keeps_its_own_bot_and_claims_no_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with a_shift(capacity=3, claim_s=4, drain_s=0) as shift:
        await shift.invite()
        await shift.until(State.LIVE)
        # As if nothing had been heard of it for long: its next step is to claim, before it beats.
        monkeypatch.setattr(worker, "BEAT_S", 3.0)
        shift.queue._entries["b"].beat_at = -1000.0
        await asyncio.sleep(1.5)
        record = await shift.queue.bot("b")
        assert record is not None
        assert [moment.state for moment in record.states] == [State.REQUESTED, State.JOINING, State.LIVE]
        assert len(bots()) == 1


STAND_IN = """#!{python}
import os, sys, time
from bot.workers import fork_server

async def refused(error):
    raise error("The bus refuses, for 10 min now.")

def run_meeting(worker_pid):
    if sys.stdin.readline():
        {does}
        time.sleep(1000)

fork_server.run_meeting, fork_server.NEARLY_ALWAYS_USED = run_meeting, ()
fork_server.main(int(sys.argv[-1]))
"""


def stand_in(folder: Path, does: str) -> str:
    """Make a program that does something in place of a bot's process."""
    program = folder / "python"
    program.write_text(STAND_IN.format(python=sys.executable, does=does))
    program.chmod(0o700)
    return str(program)


async def test_process_that_says_more_than_a_line_may_hold_disturbs_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported = '{"state": {"type": "bot_state", "state": "live", "since": 1.0, "reason": null, "attempts": 0}}'
    monkeypatch.setattr(sys, "executable", stand_in(tmp_path, f"print('x' * 2**22); print('{reported}', flush=True)"))
    async with a_shift() as shift:
        await shift.invite()
        await shift.until(State.LIVE)
        await shift.queue.ask_to_leave("b")
        await shift.until(State.ENDED, "asked_to_leave")


@pytest.mark.parametrize(("ousted", "reason"), [("taken", "room_taken"), ("outrun", "room_taken")])
async def test_bot_whose_room_is_anothers_ends_and_does_not_fight(
    ousted: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assignment, "YIELD_S", 0.2)
    monkeypatch.setattr(assignment, "SHUT_OUT_S", 0.3)
    monkeypatch.setattr(assignment, "SHUT_OUT_PAUSE_S", 0.4)
    # Outrun at first, and then it finds the room held by the other.
    times = tmp_path / "times"
    does = (
        f"first = not __import__('os').path.exists({str(times)!r}); open({str(times)!r}, 'a').write('x'); "
        f"print('{{\\\"ousted\\\": \\\"' + ({ousted!r} if first else 'taken') + '\\\"}}', flush=True); sys.exit(1)"
    )
    monkeypatch.setattr(sys, "executable", stand_in(tmp_path, does))
    async with a_shift() as shift:
        await shift.invite()
        await shift.until(State.ENDED, reason)
    assert len(times.read_text()) == (3 if ousted == "outrun" else 2)


async def test_bot_that_the_bus_refuses_for_too_long_has_failed_by_that_and_is_not_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIMES", str(tmp_path / "times"))
    does = (
        "open(os.environ['TIMES'], 'a').write('x'); from bot.workers import child; import asyncio; import bot.app; "
        "from dashboard_protocol.errors import BusGivenUp; bot.app.run = lambda *_: refused(BusGivenUp); "
        f"asyncio.run(child._serve(child.Job.model_validate_json({JOB!r})))"
    )
    monkeypatch.setattr(sys, "executable", stand_in(tmp_path, does))
    async with a_shift() as shift:
        await shift.invite()
        await shift.until(State.ENDED, "failed: bus refuses")
    assert (tmp_path / "times").read_text() == "x"


async def test_bug_in_what_looks_after_one_meeting_ends_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    take = worker.Worker._take

    async def breaks(self: Worker, claimed: Any, reported: Any) -> None:
        if claimed.id == "c" and reported.state is not None:
            raise ZeroDivisionError
        await take(self, claimed, reported)

    monkeypatch.setattr(worker.Worker, "_take", breaks)
    async with a_shift(capacity=2, drain_s=0) as shift:
        await shift.invite()
        await shift.until(State.LIVE)
        await shift.invite("local://s", id="c")
        await shift.until(State.ENDED, "failed", bot="c")
        assert "ZeroDivisionError" in caplog.text
        await shift.until(State.LIVE)
        await until(lambda: len(bots()) == 1)


async def test_worker_whose_heartbeats_are_refused_is_not_ready_though_the_queue_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "CLAIM_S", 0.1)
    queue, stop = Queue(), asyncio.Event()
    working = Worker(queue, name="w", capacity=1, options=MeetingOptions())

    async def until_it_says(obstacle: str | None) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while await working.obstacle() != obstacle:  # noqa: ASYNC110  it says so only when asked
                await asyncio.sleep(0.02)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(working.run(stop, 0))
        queue.is_away = True
        await until_it_says("The queue is away.")
        await queue.ping()
        queue.is_away = False
        await until_it_says(None)
        stop.set()
