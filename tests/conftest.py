"""What holds for every test."""

import atexit
import os
import sys
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

import httpx
import pytest
from hypothesis import HealthCheck, settings

# How long an example takes, and to make it, says how busy the machine is: other tests run beside it. The same examples
# every time: a verdict that luck decides says nothing of the change that is judged.
settings.register_profile(
    "shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)
settings.load_profile("shared machine")
# The same goes for a client's patience, five seconds unless it says otherwise.
httpx.AsyncClient.__init__.__kwdefaults__["timeout"] = httpx.Timeout(60)  # type: ignore[index]

# What tests ask for is no part of this user's own audit log.
os.environ["XDG_STATE_HOME"] = mkdtemp(prefix="classpulse-tests-")
atexit.register(rmtree, os.environ["XDG_STATE_HOME"], ignore_errors=True)

_broken: list[str] = []


def pytest_internalerror(excrepr: object) -> None:
    """Keep what broke pytest itself: where several processes run, what is said first is the cause."""
    _broken.append(str(excrepr))


def pytest_unconfigure() -> None:
    """Repeat it as the last lines, which are what a log that was cut still has."""
    if _broken:
        print(*_broken[0].splitlines()[-15:], sep="\n", file=sys.stderr)


@pytest.fixture(autouse=True)
def _process_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `classpulse` changes in its process would hold for every later test of this one."""
    if command := sys.modules.get("bot.__main__"):
        for name in ("forbid_core_dumps", "return_pictures_to_the_system"):
            monkeypatch.setattr(command, name, lambda: None)


@pytest.fixture
def state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state directory for this test alone."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "classpulse"
