"""`classpulse engine`: what it says, and how it is refused."""

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bot.commands import engine
from bot.commands.engine import serve_engine
from bot.errors import SettingsRefused
from bot.inference import wire
from bot.inference.server import Host
from engine.errors import ModelRefused


@pytest.fixture
def address() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="cp-") as folder:
        yield f"ipc://{folder}/e"


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the engine asked to end as soon as it is ready, and its status asked for before."""

    class Ready(Host):
        def status(self) -> dict[str, object]:
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
            return super().status()

    monkeypatch.setattr("bot.inference.server.Host", Ready)


app = typer.Typer()
app.command()(serve_engine)


@pytest.mark.usefixtures("stopped")
def test_engine_says_what_it_runs_and_how_bots_reach_it(address: str, capfd: pytest.CaptureFixture[str]) -> None:
    engine.serve_engine(listen=address, status=False, json=False)
    said = capfd.readouterr().err
    assert "int8, onnx" in said
    assert f"--engine {address}" in said


@pytest.mark.usefixtures("stopped")
def test_machine_output_is_one_line(address: str) -> None:
    result = CliRunner().invoke(app, ["--listen", address, "--json"])
    assert result.exit_code == 0
    reported = json.loads(result.stdout)
    assert reported["ready"] is True
    assert reported["address"] == address
    assert reported["max_batch"] >= 8


def test_missing_model_is_refused_and_leaves_no_socket(address: str, tmp_path: Path) -> None:
    with pytest.raises(ModelRefused, match="no such model"):
        serve_engine(model=str(tmp_path / "absent.onnx"), listen=address, status=False, json=False)
    assert not Path(address.removeprefix("ipc://")).exists()


def test_network_address_is_refused() -> None:
    with pytest.raises(SettingsRefused, match="ipc://PATH, on this machine alone"):
        serve_engine(listen="tcp://0.0.0.0:5555", status=False, json=False)


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (None, 3, "start one with `classpulse engine`"),
        (
            {"model": "net 1", "precision": "int8", "api": "onnx", "up_s": 5.0, "faces": 9, "batches": 3},
            0,
            "9 faces in 3 batches, 3.0 a batch",
        ),
    ],
)
def test_status_is_reported_to_people_and_programs(
    address: str, monkeypatch: pytest.MonkeyPatch, status: dict[str, object] | None, code: int, says: str
) -> None:
    async def answer(_: str) -> dict[str, object] | None:
        return status

    monkeypatch.setattr("bot.inference.server.ask_status", answer)
    result = CliRunner().invoke(app, ["--listen", address, "--status"])
    assert result.exit_code == code
    assert says in result.output
    result = CliRunner().invoke(app, ["--listen", address, "--status", "--json"])
    assert result.exit_code == code
    assert json.loads(result.stdout) == (status or {"ready": False})


def test_default_address_is_in_a_folder_of_this_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(wire, "_LONGEST_PATH", 1000)  # pytest's folders have long names
    assert wire.complete("ipc://") == f"ipc://{tmp_path}/classpulse/engine/socket"
    wire.make_folder(wire.complete("ipc://"))
    assert (tmp_path / "classpulse" / "engine").stat().st_mode & 0o777 == 0o700
