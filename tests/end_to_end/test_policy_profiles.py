"""What a profile forbids does not happen in a running bot: not loaded, not published, not written, not logged."""

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.rooms.publishing.camera import ClipCamera
from bot.rooms.publishing.encoded_clip import read_clip
from bot.rooms.publishing.publisher import Publisher
from bot.samples.people import PEOPLE
from bot.samples.story import clip_path
from dashboard_protocol.client import watch
from dashboard_protocol.errors import AccessDenied
from dashboard_protocol.events import Body, ClassSummary, Event, Forget, ParticipantUpdate

PATIENCE_S = 60
SECRET = "a-secret-that-must-never-be-seen-anywhere-0123456789"

LONG_ENOUGH = 17
"""Summaries in which two people are analysed and, if they were enough, would have been counted."""


@dataclass
class RunningBot:
    """A bot in a process of its own, and what it says."""

    process: asyncio.subprocess.Process
    addresses: dict[str, str] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    errors: str = ""
    reported: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self) -> None:
        """Take addresses and everything else from stderr as it comes, so that the pipe never fills."""
        assert self.process.stderr is not None
        while line := (await self.process.stderr.readline()).decode():
            word, _, address = line.strip().partition(" ")
            if word in ("dashboard", "join"):
                self.addresses[word] = address.strip()
            else:
                self.errors += line
            if len(self.addresses) == 2:
                self.reported.set()
        self.reported.set()

    async def until(self, type_: str, **values: object) -> dict[str, Any]:
        """Read events until one of a type has these values."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE_S):
            while line := await self.process.stdout.readline():
                row = json.loads(line)
                self.rows.append(row)
                if row["type"] == type_ and all(row.get(name) == value for name, value in values.items()):
                    return dict(row)
        raise AssertionError(f"the bot ended before {type_} {values}")

    async def until_read(self, summaries: int = 1) -> None:
        """Read events until so many summaries counted pictures that were read; whose faces, no count says below k."""
        for _ in range(summaries):
            while (await self.until("class_summary"))["as_of"] is None:
                pass

    @property
    def whip(self) -> str:
        return self.addresses["join"].replace("/join/", "/whip/")


@asynccontextmanager
async def bot(
    state: Path, policy: str, *before: str, log: str = "WARNING", engine: str = ""
) -> AsyncIterator[RunningBot]:
    pipe = asyncio.subprocess.PIPE
    options = ("--engine", engine) if engine else ()
    environment = {**os.environ, "XDG_STATE_HOME": str(state), "CLASSPULSE_LOG": log, "CLASSPULSE_SECRET": SECRET}
    process = await asyncio.create_subprocess_exec(
        *before, sys.executable, "-m", "bot", "join", "local://r", "--policy", policy, "--port", "0", "--json",
        *options, stdout=pipe, stderr=pipe, env=environment, limit=2**20,
    )  # fmt: skip
    running = RunningBot(process)
    listening = asyncio.create_task(running.listen())
    try:
        async with asyncio.timeout(PATIENCE_S):
            await running.reported.wait()
        yield running
    finally:
        if process.returncode is None:
            process.terminate()
        assert process.stdout is not None
        running.rows += [json.loads(line) for line in (await process.stdout.read()).splitlines()]
        await process.wait()
        await listening


@asynccontextmanager
async def drawn_people(whip: str, count: int) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for person in PEOPLE[:count]:
            camera = ClipCamera(read_clip(clip_path(person.id, "calm")))
            await stack.enter_async_context(Publisher(whip, person.name, camera))
        yield


async def test_presence_never_loads_the_network_and_reports_counts_only(tmp_path: Path) -> None:
    async with bot(tmp_path, "presence", engine="a-network-that-is-not-there.onnx") as running:
        await running.until("bot_state", state="live")
        async with drawn_people(running.whip, 1):
            await running.until_read()
    for row in running.rows:
        if row["type"] == "class_summary":
            withheld = (
                "visible",
                "facing",
                "analysed",
                "coverage",
                "engagement",
                "expressions",
                "valence",
                "arousal",
                "attentive",
            )
            assert {row[name] for name in withheld} == {None}
            assert row["withheld"] == "presence"
        assert row["type"] in ("hello", "bot_state", "class_summary", "bye")


async def test_network_that_is_not_there_is_refused_where_expressions_may_be_computed(tmp_path: Path) -> None:
    """Else the test above would not notice a network that is loaded."""
    async with bot(tmp_path, "aggregate", engine="a-network-that-is-not-there.onnx") as running:
        assert await running.process.wait() != 0
    assert "no such model" in running.errors


async def test_aggregate_names_nobody_and_withholds_values_below_k(tmp_path: Path) -> None:
    async with bot(tmp_path, "aggregate") as running:
        await running.until("bot_state", state="live")
        async with drawn_people(running.whip, 2):
            await running.until_read(LONG_ENOUGH)
    summaries = [row for row in running.rows if row["type"] == "class_summary"]
    assert {(row["engagement"], row["analysed"], row["visible"]) for row in summaries} == {(None, None, None)}
    assert {row["expressions"] is None for row in summaries} == {True}
    assert {row["withheld"] for row in summaries} == {"below_k"}
    reported = json.dumps(running.rows)
    assert not any(person.name in reported for person in PEOPLE)
    assert not any(row["type"] == "participant" for row in running.rows)


async def published_within(feed: AsyncIterator[Event], kind: type[Body], within_s: float) -> Body:
    """The next body of a kind on an open page."""
    async with asyncio.timeout(within_s):
        async for event in feed:
            if isinstance(event.body, kind):
                return event.body
    raise AssertionError("the feed ended")


async def until_class_moved(feed: AsyncIterator[Event], seconds: int) -> list[Event]:
    """All that is published while the class is published so many times."""
    seen: list[Event] = []
    async with asyncio.timeout(PATIENCE_S):
        while sum(isinstance(event.body, ClassSummary) for event in seen) < seconds:
            seen.append(await anext(feed))
    return seen


@pytest.mark.integration
async def test_opting_out_reaches_open_pages_within_two_seconds_and_holds_until_she_says_otherwise(
    tmp_path: Path,
) -> None:
    def publisher() -> Publisher:
        return Publisher(running.whip, "Anna", ClipCamera(read_clip(clip_path(PEOPLE[0].id, "calm"))), opts_in=True)

    async with bot(tmp_path, "individual") as running, watch(running.addresses["dashboard"]) as page:
        origin = running.addresses["join"].partition("/join/")[0]
        feed = aiter(page)
        async with httpx.AsyncClient(base_url=origin) as http:
            await running.until("bot_state", state="live")
            async with publisher() as anna:
                await published_within(feed, ParticipantUpdate, PATIENCE_S)
                assert (await http.post("/v1/rooms/r/opt-outs", json={"name": "ANNA"})).status_code == 204
                await published_within(feed, Forget, 2.0)
                assert not [e for e in await until_class_moved(feed, 2) if isinstance(e.body, ParticipantUpdate)]
            async with publisher() as anna:
                later = await until_class_moved(feed, 3)
                assert not [event for event in later if isinstance(event.body, ParticipantUpdate)], "after a rejoin"
                assert later[-1].body.model_dump()["present"] == 1
                reading = f"{anna.resource}/reading"
                assert (await http.get(reading)).json() == {"read": False}
                assert (await http.put(reading, json={"read": True})).json() == {"read": True}
                shown = await published_within(feed, ParticipantUpdate, PATIENCE_S)
                assert isinstance(shown, ParticipantUpdate)
                assert shown.name == "Anna"
    log = (tmp_path / "classpulse" / "audit.jsonl").read_text()
    assert [json.loads(line)["event"] for line in log.splitlines()] == ["started", "opted_out", "opted_in", "ended"]
    assert "anna" not in log.casefold(), "the log names nobody"


@pytest.mark.integration
async def test_consent_shows_a_person_until_it_is_revoked_and_a_revoked_link_closes_the_page(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "CLASSPULSE_SECRET": SECRET}

    async def classpulse(*arguments: str) -> str:
        command = (sys.executable, "-m", "bot", *arguments)
        process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE)
        out, _ = await process.communicate()
        assert process.returncode == 0
        return out.decode().strip()

    async with bot(tmp_path, "individual") as running, watch(running.addresses["dashboard"]) as page:
        feed = aiter(page)
        environment["CLASSPULSE_URL"] = running.addresses["join"].partition("/join/")[0]
        agreements = running.addresses["join"].replace("/join/r", "/v1/rooms/r/agreements")
        async with httpx.AsyncClient() as http:
            await running.until("bot_state", state="live")
            camera = ClipCamera(read_clip(clip_path(PEOPLE[0].id, "calm")))
            async with Publisher(running.whip, "Anna", camera):
                await running.until("class_summary", present=1)
                stranger = await classpulse("consent", "r", "Berta")
                assert (await http.post(agreements, json={"token": stranger})).status_code == 403
                consent = await classpulse("consent", "r", "Anna")
                assert (await http.post(agreements, json={"token": consent})).status_code == 204
                await published_within(feed, ParticipantUpdate, PATIENCE_S)
                await classpulse("revoke", "r", "--name", "anna")
                assert isinstance(await published_within(feed, Forget, 5.0), Forget)
                assert (await http.post(agreements, json={"token": consent})).status_code == 403
                await classpulse("revoke", "r")
                with pytest.raises(AccessDenied):
                    await until_class_moved(feed, 60)


async def test_logs_hold_no_secret_even_when_everything_is_logged(tmp_path: Path) -> None:
    async with bot(tmp_path, "aggregate", log="DEBUG") as running:
        await running.until("bot_state", state="live")
        async with drawn_people(running.whip, 1), watch(running.addresses["dashboard"]) as feed:
            async for event in feed:
                if isinstance(event.body, ClassSummary) and event.body.as_of is not None:
                    break
    assert len(running.errors) > 1000, "a test of an empty log proves nothing"
    assert SECRET not in running.errors
    tokens = re.findall(r"eyJ[\w-]+\.[\w-]+\.[\w-]+", running.errors)
    assert not tokens, "links and session tokens must not be logged"
    assert not any(person.name in running.errors for person in PEOPLE), "names of people must not be logged"


@pytest.mark.integration
@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
async def test_no_file_is_written_that_could_hold_a_picture(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    before = (
        "strace",
        "-D",
        "-f",
        "--seccomp-bpf",
        "-qq",
        "-e",
        "trace=open,openat,creat,rename,renameat,renameat2",
        "-o",
        str(trace),
    )
    async with bot(tmp_path, "aggregate", *before) as running:
        await running.until("bot_state", state="live")
        async with drawn_people(running.whip, 1):
            await running.until_read()
    calls = trace.read_text(errors="replace").splitlines()
    written = [call for call in calls if re.search(r"O_WRONLY|O_RDWR|O_CREAT|\bcreat\(|\brename", call)]
    harmless = re.compile(
        r'"/dev/(null|tty|urandom)"|/proc/|\.pyc(\.\d+)?"|__pycache__|O_TMPFILE|O_DIRECTORY|= -1 E'
        r'|/classpulse/audit\.jsonl"'
    )
    assert any("face_landmark" in call or "mediapipe" in call for call in calls), "the trace saw the bot at work"
    assert not [call for call in written if not harmless.search(call)]
