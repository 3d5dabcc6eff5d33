"""The same refusal ends every command with the same exit code: refusals × the commands that meet them."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot import __main__ as classpulse
from bot import errors as bot_errors
from bot.exit_codes import CODES, ENDS, exit_code
from build_engine import __main__ as build_engine
from dashboard_protocol import errors as dashboard_errors
from dashboard_protocol.auth.links import Access
from dashboard_protocol.bus import MemoryBus
from dashboard_protocol.control_api.api_keys import ApiKeys, Scope
from dashboard_protocol.control_api.service import Control
from dashboard_protocol.gateway.app import create_app
from dashboard_protocol.http.server import serve
from dashboard_protocol.queue import MemoryQueue
from dashboard_protocol.room_urls import AllowedRooms
from dashboard_protocol.settings.command_line import ExitCode
from engine import errors as engine_errors

JOIN = "join local://r --policy presence --port 0"
NOBODY = "http://127.0.0.1:1"
ASKED = {
    "invite": "invite local://r --policy presence",
    "bots": "bots",
    "webhooks": "webhooks b",
    "leave": "leave b",
    "report": "report r",
    "link": "link r",
    "consent": "consent r Anna",
    "revoke": "revoke r",
}
"""What is asked of a gateway."""

REFUSALS: dict[str, tuple[ExitCode, tuple[str, ...]]] = {
    "address of no kind of bus": (
        ExitCode.USAGE, (f"{JOIN} --bus kafka://h", "serve --port 0 --bus kafka://h", "worker --bus kafka://h"),
    ),
    "address of a bus that cannot be read": (
        ExitCode.USAGE, (f"{JOIN} --bus redis://h:x", "serve --port 0 --bus redis://h:x", "worker --bus redis://h:x"),
    ),
    "bus that does not answer": (
        ExitCode.UNREACHABLE, (f"{JOIN} --bus redis://127.0.0.1:1", "worker --bus redis://127.0.0.1:1"),
    ),
    "gateway that does not answer": (
        ExitCode.UNREACHABLE,
        (*(f"{words} --url {NOBODY}" for words in ASKED.values()), f"watch {NOBODY}/rooms/r#t=x"),
    ),
    "room of no kind": (
        ExitCode.USAGE,
        (
            "join zoom://1 --policy presence --port 0", "people zoom://1", "check-room zoom://1", "check-room local://r",
            "invite zoom://1 --policy presence --url {gateway} --api-key {key}",
        ),
    ),
    "room that does not answer": (
        ExitCode.UNREACHABLE,
        (
            "people http://127.0.0.1:1/whip/r --count 1", "check-room janus+ws://127.0.0.1:1/1",
            "engine --status --listen ipc://{file}.socket",
        ),
    ),
    "key that opens nothing": (
        ExitCode.DENIED, tuple(f"{words} --url {{gateway}} --api-key cpk_wrong" for words in ASKED.values()),
    ),
    "key that opens other things": (
        ExitCode.DENIED,
        ("link local://r --url {gateway} --api-key {poor}", "consent local://r Anna --url {gateway} --api-key {poor}"),
    ),
    "nothing of this name": (
        ExitCode.USAGE,
        tuple(f"{ASKED[name]} --url {{gateway}} --api-key {{key}}" for name in ("webhooks", "leave", "link", "report")),
    ),
    "link that is none": (ExitCode.USAGE, ("watch nonsense",)),
    "link that opens nothing": (ExitCode.DENIED, ("watch {gateway}/rooms/r#t=x",)),
    "report that cannot be written": (
        ExitCode.USAGE,
        (f"{JOIN} --report {{file}}/r.html", "demo --port 0 --report {file}/r.html", "report r --out {file}/r.html"),
    ),
    "network that is not there": (
        ExitCode.USAGE,
        (
            "join local://r --policy aggregate --port 0 --engine {file}.onnx", "demo --port 0 --engine {file}.onnx",
            "worker --bus memory:// --engine {file}.onnx", "engine {file}.onnx",
        ),
    ),
    "port that is taken": (
        ExitCode.USAGE, ("join local://r --policy presence --port {taken}", "serve --bus memory:// --port {taken}"),
    ),
    "open door": (
        ExitCode.USAGE, ("join local://r --policy presence --host 0.0.0.0", "serve --bus memory:// --host 0.0.0.0"),
    ),
    "secret that cannot be used": (
        ExitCode.USAGE,
        tuple(f"@CLASSPULSE_SECRET=short {words}" for words in (JOIN, "serve --port 0", "worker", "link r")),
    ),
}  # fmt: skip
"""Refusal → its exit code, and the command lines that meet it."""
CASES = [(refusal, code, words) for refusal, (code, lines) in REFUSALS.items() for words in lines]


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A gateway that runs, keys of it, a file and a port that is taken."""
    folder = tmp_path_factory.mktemp("codes")
    keys = ApiKeys(folder / "keys.json")
    control = Control(MemoryQueue(), MemoryBus(), Access(b"x" * 32), keys, AllowedRooms(["local"]))
    key = keys.add("admin", frozenset({Scope.ADMIN}))
    poor = keys.add("poor", frozenset({Scope.INVITE}))
    (folder / "file").write_text("")
    ready, found, stop = threading.Event(), dict[str, str](), asyncio.Event()

    async def run() -> None:
        async with serve(create_app(control.bus, control.access, control=control), port=0) as server:
            found["gateway"] = server.origin
            ready.set()
            await stop.wait()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    assert ready.wait(30)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield found | {
            "key": key, "poor": poor, "file": str(folder / "file"), "taken": str(taken.getsockname()[1])
        }  # fmt: skip
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


@pytest.mark.parametrize(("refusal", "code", "words"), CASES, ids=lambda value: str(value).partition(" --")[0])
def test_refusal_has_its_exit_code_in_every_command(
    refusal: str, code: ExitCode, words: str, facts: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(classpulse, "log_plainly", lambda level: None)
    given = words.format(**facts).split()
    for variable in [word for word in given if word.startswith("@")]:
        monkeypatch.setenv(*variable.removeprefix("@").split("=", 1))
        given.remove(variable)
    monkeypatch.setattr("sys.argv", ["classpulse", *given])
    with pytest.raises(SystemExit) as ended:
        classpulse.main()
    said = capsys.readouterr()
    assert ended.value.code == code, said.err
    assert said.out == ""
    assert said.err.splitlines()[-1].startswith("classpulse: ")
    assert "Traceback" not in said.err


def errors_of(module: Any) -> list[type[Exception]]:
    return [each for each in vars(module).values() if isinstance(each, type) and issubclass(each, Exception)]


@pytest.mark.parametrize("module", [bot_errors, dashboard_errors, engine_errors], ids=lambda module: module.__name__)
def test_every_error_of_ours_has_an_exit_code(module: Any) -> None:
    for kind in errors_of(module):
        error = kind.__new__(kind)
        assert exit_code(error) is not None, kind.__name__
    assert exit_code(ValueError()) is None, "a bug comes out whole"


def test_both_command_lines_agree_about_errors_of_the_engine() -> None:
    for kind in errors_of(engine_errors):
        assert exit_code(kind("")) is build_engine.exit_code(kind(""))


def test_no_row_of_the_table_stands_in_the_shadow_of_another() -> None:
    """A row that says what the one above it in the tree says is not needed."""
    for kind, code in CODES.items():
        above = next((CODES[base] for base in kind.__mro__[1:] if base in CODES), None)
        assert code is not above, kind.__name__


def test_stay_that_ended_otherwise_than_wanted_is_no_success() -> None:
    good = {reason.value for reason, code in ENDS.items() if code is ExitCode.DONE}
    assert good == {"asked_to_leave", "max_duration", "room_closed", "alone"}
