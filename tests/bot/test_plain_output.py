"""Text of rooms, servers and people at the edges where something might obey it: terminal, log, page."""

import ast
import logging
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from bot.commands.clients import _table
from dashboard_protocol.control_api.schemas import BotView
from dashboard_protocol.view.markup import element
from dashboard_protocol.view.plain_text import PlainFormatter, plain, plain_lines, shown
from dashboard_protocol.vocabulary import Profile, State
from tests.hostile import MARKUP, OBEYED

ROOT = Path(__file__).parents[2]
EDGES = [
    *(ROOT / "bot" / "commands").glob("*.py"), *(ROOT / "dashboard_protocol" / "terminal").glob("*.py"),
    ROOT / "bot" / "__main__.py", ROOT / "bot" / "foreground.py",
]  # fmt: skip


def is_clean(text: str) -> bool:
    return all(character.isprintable() or character in "\u200c\u200d" for character in text)


@pytest.mark.parametrize("text", OBEYED)
def test_nothing_that_is_obeyed_passes(text: str) -> None:
    assert is_clean(plain(text))
    assert is_clean(plain_lines(text).replace("\n", ""))
    assert is_clean(shown(text).replace("\n", ""))


@pytest.mark.parametrize("text", ["Zoë Müller", "می‌خواهم", "👩‍👩‍👧", "日本語 クラス", "a\u00a0b", *MARKUP])
def test_what_people_write_stays_as_it_is(text: str) -> None:
    if "\u00a0" not in text:  # a space to the eye, and no character of category C
        assert plain(text) == text
    assert shown(text) == text


@pytest.mark.parametrize("text", OBEYED)
def test_log_line_is_one_line(text: str) -> None:
    record = logging.LogRecord("bot", logging.WARNING, "", 0, "room %s: %s", (text, ValueError(text)), None)
    assert is_clean(PlainFormatter().format(record))


@pytest.mark.parametrize("text", OBEYED)
def test_traceback_in_a_log_is_clean(text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError:
        record = logging.LogRecord("bot", logging.ERROR, "", 0, "it broke", None, sys.exc_info())
    assert all(map(is_clean, PlainFormatter().format(record).split("\n")))


@pytest.mark.parametrize("text", [*OBEYED, *MARKUP])
def test_room_of_any_name_is_listed(text: str) -> None:
    view = BotView(
        id="b", room=text, room_url="", policy=Profile.PRESENCE, state=State.ENDED, since=0.0, reason=text, states=(),
        join=None, link="", privacy="", webhook=None, report=None,
    )  # fmt: skip
    console = Console(highlight=False, markup=False, width=400, record=True, file=StringIO())
    console.print(_table([view]))
    listed = console.export_text()
    assert all(map(is_clean, listed.split("\n")))
    if text in MARKUP:
        assert text in listed


@pytest.mark.parametrize("text", OBEYED)
def test_report_shows_and_does_not_obey(text: str) -> None:
    page = element("p", text, title=text)
    assert is_clean(page.replace("\n", ""))


def test_error_that_quotes_an_address_is_clean_in_the_terminal() -> None:
    for words in (
        ["watch", "http://h/rooms/\x1b[2Jr#t=x"],
        ["join", "local://r", "--host", "\x1b[2J", "--policy", "presence"],
    ):
        command = [sys.executable, "-m", "bot", *words]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode in (2, 3)
        assert len(done.stderr.splitlines()) == 1
        assert "\x1b" not in done.stdout + done.stderr
    assert "\\u001b[2J" in done.stderr


def is_plain(value: ast.expr) -> bool:
    """Whether an argument of print is a constant, or went through what cleans it."""
    if isinstance(value, ast.Constant | ast.Name):
        return isinstance(value, ast.Constant) or value.id.isupper() or value.id == "__version__"
    if isinstance(value, ast.IfExp):
        return is_plain(value.body) and is_plain(value.orelse)
    if isinstance(value, ast.JoinedStr):
        return all(is_plain(part.value) for part in value.values if isinstance(part, ast.FormattedValue))
    called = value.func if isinstance(value, ast.Call) else None
    name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
    return name in ("plain", "plain_lines", "dumps", "add")  # JSON escapes it; a key of ours has no such sign


@pytest.mark.parametrize("path", EDGES, ids=lambda path: path.stem)
def test_every_print_of_a_command_is_clean(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            assert all(map(is_plain, node.args)), f"{path.name}:{node.lineno} prints what nobody cleaned"


@pytest.mark.parametrize(
    ("word", "given", "environment"),
    [
        ("-", "http://127.0.0.1:1/rooms/r#t=secret\n", {}),
        (None, "", {"CLASSPULSE_LINK": "http://127.0.0.1:1/rooms/r#t=secret"}),
    ],
)
def test_link_need_not_stand_in_the_list_of_processes(
    word: str | None, given: str, environment: dict[str, str]
) -> None:
    words = [sys.executable, "-m", "bot", "watch", *filter(None, [word])]
    done = subprocess.run(
        words, cwd=ROOT, input=given, env=os.environ | environment, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip
    assert "http://127.0.0.1:1/rooms/r does not answer" in done.stderr
    assert "secret" not in done.stderr
