"""What reaches stderr, tested on the process's own file descriptor."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.native_log import native_chatter_withheld

ROOT = Path(__file__).resolve().parents[2]
EXCEPT = "ignore:Type google._upb._message:DeprecationWarning"
"""What protobuf says of itself on Python 3.12; see pyproject.toml."""


def test_chatter_is_dropped_and_all_else_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    with native_chatter_withheld():
        os.write(2, b"W0000 00:00:1795361003.677605    8736 inference.cc:114] Feedback manager requires\n")
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n")
        os.write(2, b"something real\n")
    os.write(2, b"W0000 00:00:1.2 afterwards\n")
    assert capfd.readouterr().err.splitlines() == ["something real", "W0000 00:00:1.2 afterwards"]


def test_what_was_said_before_a_failure_is_passed_on(capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        with native_chatter_withheld():
            os.write(2, b"the reason\n")
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        fail()
    assert capfd.readouterr().err == "the reason\n"


def run(code: str, stderr: int | None = subprocess.PIPE) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-W", EXCEPT, "-c", code],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=stderr,
        check=True,
    )


def test_finding_faces_says_nothing_on_stderr() -> None:
    pytest.importorskip("bot.samples.drawing")
    done = run(
        "from bot.samples.drawing import draw\n"
        "from bot.samples.people import PEOPLE\n"
        "from bot.samples.pose import Pose\n"
        "from engine.faces import FaceFinder\n"
        "with FaceFinder() as finder: print(len(finder.find_all(draw(PEOPLE[0].look, Pose()))))"
    )
    assert (done.stdout, done.stderr) == ("1\n", "")


def test_what_python_prints_keeps_its_place() -> None:
    done = run(
        "import sys\n"
        "from engine.native_log import native_chatter_withheld\n"
        "print('before', file=sys.stderr)\n"
        "with native_chatter_withheld(): print('within', file=sys.stderr)\n"
        "print('after', file=sys.stderr)"
    )
    assert done.stderr == "before\nwithin\nafter\n"


def test_process_without_stderr_is_served() -> None:
    done = run(
        "import os; os.close(2)\n"
        "from engine.native_log import native_chatter_withheld\n"
        "with native_chatter_withheld(): print('served')",
    )
    assert done.stdout == "served\n"


def test_importing_the_engine_loads_no_models_and_no_runtime() -> None:
    done = run(
        "import sys, engine, engine.expressions, engine.runtimes\n"
        "print(sorted({'mediapipe', 'onnxruntime', 'matplotlib'} & sys.modules.keys()))"
    )
    assert done.stdout == "[]\n"
