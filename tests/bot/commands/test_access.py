"""`classpulse link`, `consent` and `revoke`, as commands."""

import asyncio
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bot.commands.access import add_access
from dashboard_protocol.access import Access
from dashboard_protocol.errors import AccessDenied, ConsentRefused
from dashboard_protocol.revocations import open_revocations
from dashboard_protocol.secret import load_secret, state_directory

app = typer.Typer()
add_access(app)


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for name in ("CLASSPULSE_SECRET", "CLASSPULSE_BUS", "CLASSPULSE_ORIGIN", "CLASSPULSE_PUBLIC_URL"):
        monkeypatch.delenv(name, raising=False)


def told(*arguments: str) -> str:
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


def seen_by_a_bot() -> Access:
    access = Access(load_secret(), revocations=open_revocations("memory://", state_directory()))
    asyncio.run(access.revocations.exchange())
    return access


def test_link_begins_where_people_reach_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told("link", "r").startswith("http://127.0.0.1:8080/rooms/r#t=")
    monkeypatch.setenv("CLASSPULSE_PUBLIC_URL", "https://class.example.org")
    assert told("link", "r").startswith("https://class.example.org/rooms/r#t=")


def test_consent_is_printed_alone_or_in_her_join_link() -> None:
    consents = seen_by_a_bot().consents
    assert consents.check("r", "anna", told("consent", "r", "Anna", "--days", "2")).name == "Anna"
    link = told("consent", "r", "Anna", "--join", "https://h/join/r#t=secret")
    assert link.startswith("https://h/join/r#t=secret&c=")
    consents.check("r", "Anna", link.partition("&c=")[2])
    assert told("consent", "r", "Anna", "--join", "https://h/join/r").startswith("https://h/join/r#c=")


def test_revoking_reaches_a_bot_of_this_machine() -> None:
    link, consent = told("link", "r").partition("#t=")[2], told("consent", "r", "Anna")
    assert told("revoke", "r", "--name", "anna") == "consents of this person in r made so far open nothing any more"
    access = seen_by_a_bot()
    access.exchange("r", link)
    with pytest.raises(ConsentRefused):
        access.consents.check("r", "Anna", consent)
    assert told("revoke", "r") == "links to r made so far open nothing any more"
    with pytest.raises(AccessDenied):
        seen_by_a_bot().exchange("r", link)
