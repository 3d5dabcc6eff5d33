"""What a process that reads faces loads, and that it says nothing of it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=ROOT, text=True, capture_output=True, check=True
    )


def test_finding_faces_says_nothing_on_stderr() -> None:
    pytest.importorskip("bot.samples.drawing")
    done = run(
        "from bot.samples.drawing import draw\n"
        "from bot.samples.people import PEOPLE\n"
        "from bot.samples.pose import Pose\n"
        "from engine.faces import FaceFinder\n"
        "with FaceFinder() as finder: print(len(finder.find_all(draw(PEOPLE[0].look, Pose()))))\n"
        "import sys; print('mediapipe' in sys.modules)"
    )
    assert (done.stdout, done.stderr) == ("1\nFalse\n", ""), "of mediapipe, only the files are read"


def test_importing_the_engine_loads_no_models_and_no_runtime() -> None:
    done = run(
        "import sys, engine, engine.expressions, engine.runtimes\n"
        "print(sorted({'mediapipe', 'onnxruntime', 'matplotlib'} & sys.modules.keys()))"
    )
    assert done.stdout == "[]\n"
