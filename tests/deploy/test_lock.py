"""What an installation gets is what was tested, to the byte: `make lock` wrote it, and nobody changed half of it."""

import re
import tomllib
from importlib.metadata import distributions, requires
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "deploy" / "requirements.lock").read_text()
LOCKED = dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", LOCK, re.MULTILINE))
WANTED = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
EXCLUDED = set(re.findall(r"^[a-z][a-z-]*$", (ROOT / "deploy" / "excluded.txt").read_text(), re.MULTILINE))


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_dependency_is_locked_with_digests() -> None:
    entries = re.split(r"^(?=[A-Za-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert len(entries) == len(LOCKED)
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)
    names = {plain(re.match(r"[A-Za-z0-9._-]+", wanted)[0]) for wanted in WANTED}  # type: ignore[index]
    assert names <= set(LOCKED), "run `make lock`"


def needed(name: str) -> set[str]:
    """Names of what a package declares that it needs here, without extras."""
    declared = [Requirement(line) for line in requires(name) or ()]
    return {plain(one.name) for one in declared if one.marker is None or one.marker.evaluate({"extra": ""})}


def test_an_installation_leaves_out_what_mediapipe_declares_and_never_calls() -> None:
    assert not EXCLUDED & set(LOCKED)
    assert needed("mediapipe") >= EXCLUDED, "nothing is left out that another package wants"


def test_an_installation_lacks_nothing_else_although_pip_is_asked_not_to_look() -> None:
    here = {plain(distribution.name) for distribution in distributions()}
    declared = {name: needed(name) for name in set(LOCKED) & here}
    lacking = {name: names - set(LOCKED) for name, names in declared.items() if names - set(LOCKED)}
    assert lacking == {"mediapipe": EXCLUDED}


def test_locked_versions_are_those_that_were_tested_together() -> None:
    lines = (ROOT / "deploy" / "constraints.txt").read_text().splitlines()
    tested = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    assert {plain(name): at for name, at in tested.items()}.items() >= LOCKED.items()


def test_whatever_installs_checks_the_digests() -> None:
    for name in ("Makefile", "deploy/Dockerfile", "deploy/Dockerfile.gpu"):
        text = (ROOT / name).read_text()
        assert "--no-deps --require-hashes" in text, "pip would install what the lock leaves out, or refuse"
        assert re.search(r"--no-deps --no-build-isolation (--editable )?\.", text), "this package alone has no digest"
