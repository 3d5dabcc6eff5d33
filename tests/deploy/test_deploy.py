"""What `deploy/` says exists in the code: commands, flags and variables. No image is built here."""

import configparser
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml  # type: ignore[import-untyped]

from bot.__main__ import app

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if name != "redis"}
SOURCE = "".join(
    path.read_text() for package in ("bot", "dashboard_protocol") for path in (ROOT / package).rglob("*.py")
)


def unit(path: Path) -> list[tuple[str, str]]:
    lines = (line for line in path.read_text().splitlines() if "=" in line and not line.startswith("#"))
    return [(name, value) for name, _, value in (line.partition("=") for line in lines)]


def check_command(words: list[str]) -> None:
    """Parse a command line as `classpulse` would, without running it."""
    group = typer.main.get_command(app)
    command = group.commands[words[0]]  # type: ignore[attr-defined]
    command.make_context(words[0], words[1:])


def check_variable(name: str) -> None:
    if name.startswith("CLASSPULSE_"):
        assert f'"{name.removesuffix("_FILE")}"' in SOURCE
        assert not name.endswith("_FILE") or name.removesuffix("_FILE") in ("CLASSPULSE_BUS", "CLASSPULSE_SECRET")


@pytest.mark.parametrize("service", OURS.values(), ids=OURS)
def test_composed_service_runs_a_command_that_exists(service: dict[str, Any]) -> None:
    check_command(service["command"])
    for name in service["environment"]:
        check_variable(name)


@pytest.mark.parametrize("service", COMPOSE["services"].values(), ids=COMPOSE["services"])
def test_composed_service_is_confined(service: dict[str, Any]) -> None:
    assert service["user"] != "root"
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    known = set(COMPOSE["secrets"])
    assert set(service["secrets"]) <= known
    for value in service.get("environment", {}).values():
        if value.startswith("/run/secrets/"):
            assert value.removeprefix("/run/secrets/") in service["secrets"]
    for port in service.get("ports", ()):
        assert port.startswith("127.0.0.1:")


def test_services_that_can_be_asked_are_asked() -> None:
    assert all("healthcheck" in COMPOSE["services"][name] for name in ("redis", "gateway"))
    assert "/readyz" in str(COMPOSE["services"]["gateway"]["healthcheck"])
    assert '"/readyz"' in SOURCE


def test_image_runs_a_command_that_exists_as_nobody_special() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    [command] = [line for line in lines if line.startswith("CMD ")]
    check_command(yaml.safe_load(command.removeprefix("CMD ")))
    assert "USER classpulse" in lines
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", "\n".join(lines), re.MULTILINE):
        assert all((ROOT / name).exists() for name in source.split())


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_unit_runs_a_command_that_exists_with_variables_that_are_read(path: Path) -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    assert parser.sections() == ["Unit", "Service", "Install"]
    _, *words = shlex.split(parser["Service"]["ExecStart"])
    check_command(words)
    settings = unit(path)
    credentials = {value.partition(":")[0] for name, value in settings if name == "LoadCredential"}
    for variable, _, value in (value.partition("=") for name, value in settings if name == "Environment"):
        check_variable(variable)
        if value.startswith("%d/"):
            assert value.removeprefix("%d/") in credentials


def test_there_is_a_unit_for_every_role() -> None:
    assert [path.stem for path in UNITS] == ["classpulse-gateway", "classpulse-worker"]


@pytest.mark.parametrize("words", [["serve", "--nonsense"], ["worker", "--capacity", "none"]])
def test_the_check_itself_refuses_what_does_not_exist(words: list[str]) -> None:
    with pytest.raises(Exception, match=r"--nonsense|valid integer"):
        check_command(words)
