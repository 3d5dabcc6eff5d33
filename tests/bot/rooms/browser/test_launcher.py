"""What is said where a browser cannot be started, and which address is which site's."""

import time
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from bot.errors import SettingsRefused
from bot.rooms import open_room
from bot.rooms.browser import launcher
from bot.rooms.browser.launcher import FLAGS, BrowserOptions, check_browser, find_chromium
from bot.rooms.browser.room import BrowserRoom
from bot.rooms.browser.sites import registry
from bot.rooms.browser.sites.base import Entrance, Guest, origin_of, web_url
from bot.rooms.notice import Notice
from dashboard_protocol.room_urls import Place, read_room

NOTICE = Notice("Ada", "presence", "Counts only.")


def place(url: str) -> Place:
    return read_room(url).places[0]


class Site:
    """An adapter of somebody else."""

    schemes = frozenset({"mysite+https", "browser+https"})
    example = "mysite+https://HOST/ROOM"

    def entrance(self, place: Place, guest: Guest) -> Entrance:
        return Entrance(web_url(place), script="window.classpulse = {}")


def test_adapter_of_others_takes_its_own_addresses_and_none_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("mysite", f"{__name__}:Site", registry.ENTRY_POINTS)
    monkeypatch.setattr(EntryPoint, "load", lambda self: Site())
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
    assert isinstance(registry.site_of(place("mysite+https://h/r")), Site)
    assert not isinstance(registry.site_of(place("browser+https://h/r")), Site)
    assert isinstance(open_room("mysite+https://h/r", clock=time.time, notice=NOTICE), BrowserRoom)


def test_adapter_that_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("broken", "nowhere:SITE", registry.ENTRY_POINTS)
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry])
    with pytest.raises(SettingsRefused, match=r"the adapter 'broken' \(nowhere:SITE\) cannot be loaded"):
        registry.sites()


def test_address_is_opened_as_browsers_write_it() -> None:
    assert web_url(place("browser+https://Meet.Example/a?b=c")) == "https://meet.example:443/a?b=c"
    assert origin_of(place("browser+https://meet.example/a")) == "https://meet.example"
    assert origin_of(place("browser+http://[::1]:8080/a")) == "http://[::1]:8080"


def test_page_without_tls_is_opened_on_this_machine_only() -> None:
    with pytest.raises(SettingsRefused, match="without TLS"):
        open_room("browser+http://meet.example/a", clock=time.time, notice=NOTICE)


def test_machine_without_chromium_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SettingsRefused, match="install it"):
        find_chromium(None)
    with pytest.raises(SettingsRefused, match="/nowhere/chromium is no program"):
        find_chromium("/nowhere/chromium")


async def test_installation_without_playwright_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher, "find_spec", lambda name: None)
    with pytest.raises(SettingsRefused, match=r"classpulse\[browser\]"):
        check_browser(BrowserOptions())
    with pytest.raises(SettingsRefused, match=r"classpulse\[browser\]"):
        async with open_room("browser+https://h/r", clock=time.time, notice=NOTICE):
            pass


def test_nothing_disguises_the_browser() -> None:
    assert "--enable-automation" in FLAGS
    assert not [flag for flag in FLAGS if "AutomationControlled" in flag or "user-agent" in flag]


def test_browser_knows_none_of_the_bots_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CLASSPULSE_SECRET", "mellon")
    environment = launcher._environment(tmp_path)
    assert "mellon" not in str(environment)
    assert environment["HOME"] == environment["TMPDIR"] == str(tmp_path)


def test_error_of_the_browser_says_nothing_of_what_opens_an_address() -> None:
    error = Exception("Page.goto: net::ERR_FAILED at https://h:8/join?fullName=x&checksum=mellon\nCall log:\n - mellon")
    assert launcher.first_line(error) == "Page.goto: net::ERR_FAILED at https://h:8/join"
