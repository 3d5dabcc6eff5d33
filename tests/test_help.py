"""Help of both command lines, as it stands in a terminal of 80 columns."""

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from bot import __main__ as classpulse
from build_engine import __main__ as build_engine
from tests.test_settings_names import commands

APPS = {"classpulse": classpulse.app, "build-engine": build_engine.app}
COLUMNS = 80
HELPS = [
    (name, path)
    for name, app in APPS.items()
    for path in ["", *(["key"] if name == "classpulse" else []), *(path for path, _ in commands(get_command(app)))]
]
CUT = re.compile(r"(\.\.\.|…|--[a-z-]*-)$")
"""A line that ends within a word: cut, or broken inside a flag."""
OF_PROGRAMMERS = re.compile(r"Input should|Value error|<(list|str|int|float|bool|path|file)\b|pydantic|\bint range\b")


def shown(name: str, path: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the help of a command."""
    monkeypatch.setenv("COLUMNS", str(COLUMNS))
    command: Any = get_command(APPS[name])
    context = command.make_context(name, [], resilient_parsing=True)
    for word in path.split():
        command = command.commands[word]
        context = command.make_context(word, [], parent=context, resilient_parsing=True)
    return str(command.get_help(context))


@pytest.mark.parametrize(("name", "path"), HELPS, ids=lambda word: word or "itself")
def test_help_is_readable_in_eighty_columns(name: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown(name, path, monkeypatch).splitlines()
    assert max(map(len, lines)) <= COLUMNS
    # The usage and lists of values may end so; a description may not.
    assert [line for line in lines if CUT.search(line) and not line.startswith("Usage:") and ", …" not in line] == []
    assert [line for line in lines if OF_PROGRAMMERS.search(line)] == []


@pytest.mark.parametrize(("name", "path"), HELPS, ids=lambda word: word or "itself")
def test_help_shows_an_example_with_flags_that_the_command_has(
    name: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shown(name, path, monkeypatch)
    described, _, examples = text.partition("\n  Example")
    assert f"{name} {path}".strip() in examples
    if path and path != "key":
        assert set(re.findall(r"(?<!\S)--[a-z-]+", examples)) <= set(re.findall(r"--[a-z-]+", described))


@pytest.mark.parametrize(("name", "path"), HELPS, ids=lambda word: word or "itself")
def test_help_is_had_by_either_flag(name: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert re.search(r"^  -h, --help ", shown(name, path, monkeypatch), re.MULTILINE)


def ask(name: str, *words: str, **environment: str) -> str:
    program = Path(sys.executable).with_name(name)
    done = subprocess.run([program, *words], capture_output=True, text=True, timeout=60, env=os.environ | environment)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("name", APPS)
def test_version_is_asked_of_the_command_line_itself(name: str) -> None:
    assert ask(name, "--version") == f"{version('classpulse')}\n"


@pytest.mark.parametrize(
    ("name", "word", "completed"),
    [
        ("classpulse", "join --pol", "--policy"),
        ("classpulse", "wor", "worker"),
        ("build-engine", "plan --prec", "--precision"),
    ],
)
def test_shell_completes_commands_and_flags(name: str, word: str, completed: str) -> None:
    words = f"{name} {word}"
    asked = {f"_{name.replace('-', '_').upper()}_COMPLETE": "complete_bash", "COMP_WORDS": words}
    assert completed in ask(name, **asked, COMP_CWORD=str(words.count(" "))).split()


@pytest.mark.parametrize("name", APPS)
def test_command_line_shows_its_version_and_how_the_shell_completes_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = shown(name, "", monkeypatch)
    assert "--version" in text
    assert f"    {name} --install-completion" in text
