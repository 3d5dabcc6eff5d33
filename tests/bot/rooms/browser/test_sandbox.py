"""A page's processes are in Chromium's sandbox wherever the system allows it, and the log says where they are not."""

import asyncio
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from bot.rooms.browser import launcher
from bot.rooms.browser.launcher import NAMES, NAMESPACES, no_sandbox_because
from tests.bot.rooms.browser.pages import meeting_server
from tests.bot.rooms.browser.processes import processes_of
from tests.contracts.rooms import until

NOBODY = ("setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups")
ROOT = Path(__file__).parents[4]
PYTHONS = (os.path.realpath(sys.executable), f"/usr/bin/python3.{sys.version_info.minor}")
"""One of them may be reached by nobody, though root's own is not."""


def may(*command: str) -> bool:
    """Whether nobody can do something."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return not subprocess.run([*NOBODY, *command], cwd=ROOT, env=environment, capture_output=True).returncode


def why_not() -> str | None:
    """Say why nobody can be put into a sandbox here."""
    if os.geteuid() != 0 or not shutil.which(NOBODY[0]):
        return "to be somebody without rights takes root and setpriv"
    if shutil.which(NAMES[0]) is None:
        return "chromium is not installed"
    if not may(*NAMESPACES):
        return "this system allows no user namespaces"
    return None if python_of_nobody() else "nobody may not read this checkout"


def python_of_nobody() -> str | None:
    """Return a Python that nobody can run this checkout with."""
    return next((each for each in PYTHONS if may("test", "-x", each) and may(each, "-c", "import bot.rooms")), None)


def is_confined(pid: int) -> bool:
    """Whether a process is in a user namespace of its own, and may make few system calls."""
    filtered = "\nSeccomp:\t2\n" in Path(f"/proc/{pid}/status").read_text()
    return filtered and os.readlink(f"/proc/{pid}/ns/user") != os.readlink("/proc/self/ns/user")


async def test_browser_of_root_has_no_sandbox_and_one_where_namespaces_are_forbidden_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert await no_sandbox_because() == "this process runs as root"
    monkeypatch.setattr(os, "geteuid", lambda: 10001)
    monkeypatch.setattr(launcher, "NAMESPACES", ("sh", "-c", "echo unshare failed: not permitted >&2; exit 1"))
    assert await no_sandbox_because() == "this system allows no user namespaces (unshare failed: not permitted)"
    monkeypatch.setattr(launcher, "NAMESPACES", ("true",))
    assert await no_sandbox_because() is None


@pytest.mark.integration
async def test_pages_of_a_bot_without_rights_are_in_the_sandbox() -> None:
    if reason := why_not():
        pytest.skip(reason)
    with TemporaryDirectory(prefix="cp", ignore_cleanup_errors=True) as folder:
        os.chown(folder, 65534, 65534)
        async with meeting_server() as server:
            places = dict.fromkeys(("TMPDIR", "HOME", "XDG_STATE_HOME"), folder)
            environment = {**os.environ, **places, "PYTHONPATH": os.pathsep.join(sys.path)}
            python = python_of_nobody()
            assert python is not None
            bot = await asyncio.create_subprocess_exec(
                *NOBODY,
                python,
                "-m",
                "tests.bot.rooms.browser.lone_bot",
                server.url("simple.html"),
                cwd=ROOT,
                env=environment,
                stdout=asyncio.subprocess.PIPE,
            )
            assert bot.stdout is not None
            try:
                async with asyncio.timeout(60):
                    assert await bot.stdout.readline(), "it is live"
                renderers = processes_of(Path(folder), "--type=renderer")
                assert renderers
                assert [pid for pid in renderers if not is_confined(pid)] == []
                assert processes_of(Path(folder), "--no-sandbox") == []
            finally:
                if bot.returncode is None:
                    bot.kill()
                await bot.wait()
                await until(lambda: not processes_of(Path(folder)), 30)
