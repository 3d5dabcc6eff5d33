"""Starts a Chromium for one meeting, with a profile of its own that goes when it goes."""

import asyncio
import fcntl
import logging
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from typing import TYPE_CHECKING

from bot.errors import RoomUnreachable, SettingsRefused

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext

log = logging.getLogger(__name__)

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""As distributions call it."""
FOLDER = "classpulse-browser-"
KEEPER = Path(__file__).with_name("keeper.py")
NAMESPACES = ("unshare", "--user", "--pid", "--net", "--fork", "true")
"""What Chromium's sandbox is made of, without privileges."""
TRIAL_S = 5.0
START_S = 30.0
CLOSE_S = 5.0
KEPT_BY = "keeper"
"""File in a browser's folder that names the keeper's process."""
NEW_S = 60.0
"""A folder so young may not be held yet by whoever has made it."""
VIEW = (1920, 1080)
"""Pixels of the bot's window: sites send small pictures to small windows."""
FLAGS = (
    "--enable-automation",  # this is a bot, and every page may know
    "--headless",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-service-autorun",
    "--disable-background-networking",
    "--disable-breakpad",  # a dump of a crash would have faces in it
    "--disable-client-side-phishing-detection",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-features=MediaRouter,OptimizationHints,Translate",
    "--disable-gpu",
    "--disable-sync",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    "--disable-quic",  # it would go past the proxy
    "--metrics-recording-only",
    "--mute-audio",
    "--no-pings",
    "--password-store=basic",
    f"--window-size={VIEW[0]},{VIEW[1]}",
)
"""Nothing here hides what the browser is."""


_BEHIND = re.compile(r"(https?://[^\s?#]*)[?#]\S*")
"""An address, and what stands behind its path."""


@dataclass(frozen=True, slots=True)
class BrowserOptions:
    """What an operator says once for all meetings."""

    chromium: str | None = None
    """Path of the program; None for the one that is found."""
    reached: tuple[str, ...] = ()
    """Hosts that pages may reach though they are in a private network."""
    debug_page: Path | None = None
    """Folder for the texts of a page that is not understood, where nobody else is in its meeting; None to keep none."""
    site_secrets: Path | None = None
    """File of the secrets of sites' APIs, by host."""


def find_chromium(chosen: str | None) -> str:
    """Return the path of Chromium.

    Raises:
        SettingsRefused: There is none.
    """
    for name in (chosen,) if chosen else NAMES:
        if found := shutil.which(name):
            return found
    if chosen:
        raise SettingsRefused(f"{chosen} is no program that can be run: --chromium names Chromium")
    raise SettingsRefused(
        "a browser room needs Chromium, which is not on this machine's PATH: install it (Debian: chromium), "
        "or name it with --chromium"
    )


def check_browser(options: BrowserOptions) -> None:
    """See that a browser can be started here.

    Raises:
        SettingsRefused: Playwright or Chromium is missing.
    """
    if find_spec("playwright") is None:
        raise SettingsRefused("a browser room needs Playwright: pip install 'classpulse[browser]'")
    find_chromium(options.chromium)


async def no_sandbox_because() -> str | None:
    """Return why Chromium can put no sandbox around pages here; None where it can.

    What forbids it is written in many places (kernel, AppArmor, a container's system calls), so it is tried.
    """
    if os.geteuid() == 0:
        return "this process runs as root"
    try:
        trial = await asyncio.create_subprocess_exec(*NAMESPACES, stderr=asyncio.subprocess.PIPE)
        _, said = await asyncio.wait_for(trial.communicate(), TRIAL_S)
    except (OSError, TimeoutError):
        return None  # it cannot be tried; Chromium says itself what it lacks
    reason = first_line(Exception(said.decode(errors="replace")))
    return f"this system allows no user namespaces ({reason})" if trial.returncode else None


@asynccontextmanager
async def chromium(
    options: BrowserOptions, *, proxy_port: int, direct: Sequence[str]
) -> AsyncIterator["BrowserContext"]:
    """Start a browser with one empty page; leaving ends it, and removes all that it wrote.

    Args:
        options: The machine's.
        proxy_port: On loopback: the way to everything else.
        direct: `HOST:PORT` that it reaches without the proxy.

    Yields:
        Its context.

    Raises:
        SettingsRefused: There is no Chromium.
        RoomUnreachable: It does not start.
    """
    from playwright.async_api import Error, async_playwright

    program = find_chromium(options.chromium)
    why = await no_sandbox_because()
    if why is not None:
        log.warning("Chromium runs without its sandbox: %s", why)
    with _folder() as folder:
        arguments = [
            "-I", "-S", str(KEEPER), str(folder), program, *FLAGS, *(["--no-sandbox"] if why else []),
            f"--proxy-server=http://127.0.0.1:{proxy_port}",
            f"--proxy-bypass-list={';'.join(['<-loopback>', *direct])}",
            f"--user-data-dir={folder / 'profile'}", "--remote-debugging-pipe", "about:blank",
        ]  # fmt: skip
        async with AsyncExitStack() as stack:
            try:
                playwright = await stack.enter_async_context(async_playwright())
                context = await playwright.chromium.launch_persistent_context(
                    folder / "profile", executable_path=sys.executable, args=arguments, ignore_default_args=True,
                    artifacts_dir=folder / "artefacts", timeout=START_S * 1000, handle_sigint=False,
                    env=_environment(folder), handle_sigterm=False, handle_sighup=False, bypass_csp=True,
                    service_workers="block", accept_downloads=False, locale="en-US",
                    viewport={"width": VIEW[0], "height": VIEW[1]},
                )  # fmt: skip
            except Exception as error:  # of Playwright, and of its driver where that ends before it said anything
                raise RoomUnreachable(f"Chromium ({program}) did not start: {first_line(error)}") from error
            try:
                yield context
            finally:
                try:
                    async with asyncio.timeout(CLOSE_S):
                        await context.close()
                except (Error, TimeoutError):
                    _kill(folder)


def _kill(folder: Path) -> None:
    """End a browser that does not end by itself."""
    with suppress(OSError, ValueError):
        os.kill(int((folder / KEPT_BY).read_text()), signal.SIGTERM)


@contextmanager
def browser_errors() -> Iterator[None]:
    """Say of whatever Playwright raises that the browser is gone: it may go at any moment.

    Raises:
        RoomUnreachable: It is.
    """
    from playwright.async_api import Error

    try:
        yield
    except Error as error:
        raise RoomUnreachable(f"the browser ended ({first_line(error)})") from error


def first_line(error: BaseException) -> str:
    """Return what an error of Playwright says first, without what opens an address; what follows is for programmers."""
    return _BEHIND.sub(r"\1", next(iter(str(error).strip().splitlines()), ""))[:200]


def _environment(folder: Path) -> dict[str, str | float | bool]:
    """Return what Chromium's processes know of this one's: none of its secrets, and no other place to write to."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TZ") if name in os.environ}
    return {**kept, "HOME": str(folder), "TMPDIR": str(folder)}


@contextmanager
def _folder() -> Iterator[Path]:
    """Make a folder for one browser, and remove it with what is left of others, whose bots are no more."""
    sweep()
    folder = Path(mkdtemp(prefix=FOLDER, dir=gettempdir()))
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield folder
    finally:
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
    """Remove the folders of this user's browsers that nobody holds any more."""
    for folder in Path(gettempdir()).glob(f"{FOLDER}*"):
        with suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                about = os.fstat(lock)
                if about.st_uid == os.geteuid() and time.time() - about.st_mtime > NEW_S:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)
