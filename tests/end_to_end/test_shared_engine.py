"""A class whose engine is a process of its own that is killed in the middle of it: what the dashboard gets."""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from bot.app import Addresses, Surroundings, run
from bot.rooms.publishing.camera import ClipCamera
from bot.rooms.publishing.encoded_clip import read_clip
from bot.rooms.publishing.publisher import Publisher
from bot.samples.people import PEOPLE
from bot.samples.story import clip_path
from bot.settings import Settings
from dashboard_protocol.events import ClassSummary, EndReason, Event, ParticipantUpdate, Profile, Unmeasurable

pytestmark = [pytest.mark.integration]
PATIENCE_S = 100
RESUMED_WITHIN_S = 10.0
"""Two by design: 0.3 to find it, a read of most people, a summary each second. A busy machine takes longer."""


class Shown:
    """What the bot published so far."""

    def __init__(self) -> None:
        self.summaries: list[tuple[float, ClassSummary]] = []
        self.updates: list[ParticipantUpdate] = []
        self._changed = asyncio.Event()

    def take(self, event: Event) -> None:
        if isinstance(event.body, ClassSummary):
            self.summaries.append((event.at, event.body))
        elif isinstance(event.body, ParticipantUpdate):
            self.updates.append(event.body)
        self._changed.set()

    async def until(self, holds: Callable[[ClassSummary], bool]) -> tuple[float, ClassSummary]:
        """Wait for a summary that comes from now on and for which something holds."""
        seen = len(self.summaries)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for at, summary in self.summaries[seen:]:
                    if holds(summary):
                        return at, summary
                seen = len(self.summaries)
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def engine_process(address: str) -> AsyncIterator[asyncio.subprocess.Process]:
    command = [sys.executable, "-m", "bot", "engine", "--listen", address, "--json"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            assert json.loads(await process.stdout.readline())["ready"]
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def test_class_goes_on_without_its_engine_and_expressions_come_back_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    shown_events, stop = Shown(), asyncio.Event()

    async def guests(addresses: Addresses) -> None:
        async with AsyncExitStack() as stack:
            for person in PEOPLE[:4]:
                camera = ClipCamera(read_clip(clip_path(person.id, "calm")))
                await stack.enter_async_context(Publisher(addresses.whip, person.name, camera, opts_in=True))
            await asyncio.Event().wait()

    with tempfile.TemporaryDirectory(prefix="cp-") as folder:
        address = f"ipc://{folder}/engine"
        settings = Settings(room_url="local://killed", policy=Profile.INDIVIDUAL, port=0, k=3, engine=address)
        surroundings = Surroundings(stop=stop, report_addresses=lambda _: None, show=shown_events.take, guests=guests)
        async with asyncio.TaskGroup() as tasks:
            bot = tasks.create_task(run(settings, surroundings))
            async with engine_process(address) as process:
                _, before = await shown_events.until(lambda summary: summary.expressions is not None)
                assert before.expressions_unmeasurable is None
                process.kill()
                await process.wait()
                _, missed = await shown_events.until(lambda s: s.expressions_unmeasurable is Unmeasurable.ENGINE_AWAY)
            _, later = await shown_events.until(lambda s: s.expressions_unmeasurable is Unmeasurable.ENGINE_AWAY)
            for summary in (missed, later):
                assert (summary.expressions, summary.valence, summary.arousal) == (None, None, None)
                assert summary.engagement is not None, "everything else goes on"
                assert summary.reads_per_s > 0
            absent = [update for update in shown_events.updates if update.expressions_unmeasurable is not None]
            assert absent
            assert {update.displayed for update in absent} == {None}
            assert any(update.index is not None for update in absent)
            async with engine_process(address):
                back_at = shown_events.summaries[-1][0]
                resumed_at, resumed = await shown_events.until(lambda summary: summary.expressions is not None)
                assert resumed.expressions_unmeasurable is None
                assert resumed_at - back_at <= RESUMED_WITHIN_S
            stop.set()
    assert bot.result() is EndReason.ASKED_TO_LEAVE
