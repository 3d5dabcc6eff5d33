"""The image for a GPU machine, as far as it can be checked where none is built: sources, pins, commands."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import typer
import yaml  # type: ignore[import-untyped]
from packaging.requirements import Requirement

from bot.__main__ import app as classpulse
from build_engine.__main__ import app as build_engine

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "deploy" / "Dockerfile.gpu").read_text()
LINES = TEXT.replace("\\\n", " ").splitlines()
GPU_EXTRA = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["gpu"]


def check_command(app: Any, words: list[str]) -> None:
    """Parse a command line as the program would, without running it."""
    command = typer.main.get_command(app).commands[words[0]]  # type: ignore[attr-defined]
    command.make_context(words[0], words[1:])


def test_image_starts_the_engine_as_nobody_special() -> None:
    [command] = [line for line in LINES if line.startswith("CMD ")]
    check_command(classpulse, yaml.safe_load(command.removeprefix("CMD ")))
    assert LINES.index("USER classpulse") < LINES.index(command)
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", "\n".join(LINES), re.MULTILINE):
        assert all((ROOT / name).exists() for name in source.split())


def test_commands_in_its_head_exist() -> None:
    commands = re.findall(r"--entrypoint build-engine classpulse-gpu (.+)$", TEXT, re.MULTILINE)
    assert len(commands) == 2
    for command in commands:
        check_command(build_engine, shlex.split(command))


def test_plan_that_is_built_is_the_one_that_is_served() -> None:
    built = re.search(r"plan default -o (\S+)", TEXT)
    assert built is not None
    assert f'"engine", "{built[1]}"' in TEXT


def test_everything_from_outside_is_pinned_and_allowed_by_the_gpu_extra() -> None:
    images = re.findall(r"^FROM (\S+)", TEXT, re.MULTILINE)
    assert all(re.fullmatch(r"nvidia/cuda:\d+\.\d+\.\d+-\w+-ubuntu24\.04", image) for image in images)
    assert len({image.split("-")[0] for image in images}) == 1  # built and run with one CUDA
    pinned = dict(re.findall(r"\b(pycuda|tensorrt)(?:-cu\d+)?==(\S+)", TEXT))
    allowed = {Requirement(line).name: Requirement(line).specifier for line in GPU_EXTRA}
    assert pinned.keys() == {"pycuda", "tensorrt"}
    assert all(allowed[name].contains(version) for name, version in pinned.items())


def test_it_says_that_nobody_has_built_it() -> None:
    assert "Nobody has built this image" in TEXT.replace("\n# ", " ")
