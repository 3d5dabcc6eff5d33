"""What an installation gets is what was tested, to the byte: `make lock` wrote it, and nobody changed half of it."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "deploy" / "requirements.lock").read_text()
LOCKED = dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", LOCK, re.MULTILINE))
WANTED = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_dependency_is_locked_with_digests() -> None:
    entries = re.split(r"^(?=[A-Za-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert len(entries) == len(LOCKED)
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)
    names = {plain(re.match(r"[A-Za-z0-9._-]+", wanted)[0]) for wanted in WANTED}  # type: ignore[index]
    assert names <= set(LOCKED), "run `make lock`"


def test_locked_versions_are_those_that_were_tested_together() -> None:
    lines = (ROOT / "deploy" / "constraints.txt").read_text().splitlines()
    tested = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    assert {plain(name): at for name, at in tested.items()}.items() >= LOCKED.items()


def test_whatever_installs_checks_the_digests() -> None:
    for name in ("Makefile", "deploy/Dockerfile", "deploy/Dockerfile.gpu"):
        text = (ROOT / name).read_text()
        assert "--require-hashes" in text
        assert re.search(r"--no-deps --no-build-isolation (--editable )?\.", text), "this package alone has no digest"
