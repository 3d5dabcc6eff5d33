"""The environment that training restarts itself with."""

import json
import os
import subprocess
import sys

import pytest

from build_engine.environment import SETTINGS, missing_settings, restart_with_settings


def test_settings_of_the_user_stay() -> None:
    missing = missing_settings({"MALLOC_ARENA_MAX": "4", "PATH": "/bin"})
    assert "MALLOC_ARENA_MAX" not in missing
    assert missing.keys() == SETTINGS.keys() - {"MALLOC_ARENA_MAX"}


def test_process_with_all_settings_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(os, "execve", lambda *_: pytest.fail("restarted without need"))
    restart_with_settings()


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's malloc is Linux's")
def test_process_restarts_itself_with_the_settings_and_its_arguments() -> None:
    code = (
        "import json, os, sys; import build_engine.environment as e;"
        "e.os.execve = lambda path, arguments, values: print(json.dumps([arguments[1:], values]));"
        "e.restart_with_settings()"
    )
    clean = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    done = subprocess.run(
        [sys.executable, "-c", code, "train", "--data", "x"], env=clean, capture_output=True, check=True
    )
    arguments, values = json.loads(done.stdout)
    assert arguments == ["-m", "build_engine", "train", "--data", "x"]
    assert SETTINGS.items() <= values.items()
