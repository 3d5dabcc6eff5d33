"""What `make` does before a program of ours runs."""

import shutil
import socket
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
STUB = '#!/bin/sh\n[ "$1" = demo ] && echo "$@"\nexit 0\n'

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="no make")


def make_demo(folder: Path, *words: str, **environment: str) -> list[str]:
    """Run `make demo` where Python and classpulse only say how they were called; return what was said."""
    shutil.copy(ROOT / "Makefile", folder)
    (folder / "deploy").mkdir()
    (folder / ".venv" / "bin").mkdir(parents=True)
    for name in ("pyproject.toml", "deploy/requirements.lock", "deploy/excluded.txt"):
        (folder / name).touch()
    for name in ("python", "classpulse"):
        (folder / ".venv" / "bin" / name).write_text(STUB)
        (folder / ".venv" / "bin" / name).chmod(0o755)
    done = subprocess.run(
        ["make", "-C", str(folder), "demo", *words],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=True,
        env={"PATH": "/usr/bin:/bin", **environment},
    )  # fmt: skip
    return [line for line in done.stdout.splitlines() if not line.startswith("make")]


def test_demo_takes_the_next_port_where_its_own_is_taken_and_says_so_before_it_installs(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = make_demo(tmp_path, CLASSPULSE_PORT=str(port))
    assert said[0].startswith(f"port {port} is taken: this demo is at http://127.0.0.1:")
    chosen = int(said[0].rpartition(":")[2])
    assert chosen > port
    assert "installing" in said[1]
    assert said[-1] == f"demo --report artefacts/demo.html --port {chosen}"


def test_demo_keeps_to_the_port_that_somebody_names(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = make_demo(tmp_path, f'ARGS=--port {port} --clip "my film.mp4"')
    assert said[-1] == f"demo --report artefacts/demo.html --port {port} --clip my film.mp4"
