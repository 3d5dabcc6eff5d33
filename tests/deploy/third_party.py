"""Writes `deploy/THIRD_PARTY.md` from what the locked packages say of themselves.

`make third-party` runs it.
"""

import re
from collections.abc import Iterator
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "deploy" / "requirements.lock"
LIST = ROOT / "deploy" / "THIRD_PARTY.md"
HEAD = """# What classpulse is built on

Every package that an installation of the demo gets, from `requirements.lock`, with the licence and the home page that
the package itself states. `make third-party` writes this file; a test compares it with the lock. Nothing of these
packages is copied into this repository. Some wheels carry libraries of others, such as FFmpeg in av and in OpenCV;
their licences lie in the wheels. Training, tests and a GPU bring more packages, which are no part of a service.

| package | version | licence | home page |
|---|---|---|---|
"""
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ \\]+)", re.MULTILINE)
PAGES = ("source", "source code", "repository", "github", "code", "homepage", "home", "home page", "documentation")
LONGEST = 60
"""Characters of a licence's name; some packages put the whole text in its place."""


def pinned() -> list[tuple[str, str]]:
    """Return name and version of every locked package, in the lock's order."""
    return PINNED.findall(LOCK.read_text())


def licence_of(reported: PackageMetadata) -> str:
    """Say under what a package comes, in its own words."""
    for field in ("License-Expression", "License"):
        said = _first(reported, field).strip()
        if said and len(said) <= LONGEST and "\n" not in said and said != "UNKNOWN":
            return said
    kinds = [
        kind.rpartition(" :: ")[2] for kind in reported.get_all("Classifier") or [] if kind.startswith("License ::")
    ]
    return ", ".join(kinds) or "see the package"


def page_of(reported: PackageMetadata) -> str:
    """Name where a package lives."""
    urls = dict(_labelled(reported))
    return next((urls[label] for label in PAGES if label in urls), _first(reported, "Home-page"))


def _first(reported: PackageMetadata, field: str) -> str:
    return next(iter(reported.get_all(field) or ()), "")


def _labelled(reported: PackageMetadata) -> Iterator[tuple[str, str]]:
    for entry in reported.get_all("Project-URL") or []:
        label, _, url = entry.partition(",")
        yield label.strip().lower(), url.strip()


def table() -> str:
    """Write the file's text; what only other versions of Python need keeps the row that it has.

    Raises:
        PackageNotFoundError: A locked package is not installed here, and has no row.
    """
    before = {row.split(" | ")[0]: row for row in LIST.read_text().splitlines()} if LIST.exists() else {}
    rows = []
    for name, version in pinned():
        try:
            reported = metadata(name)
            if reported["Version"] != version:
                raise PackageNotFoundError(f"{name} {version}; installed is {reported['Version']}")
            rows.append(f"| {name} | {version} | {licence_of(reported)} | {page_of(reported)} |\n")
        except PackageNotFoundError:
            if f"| {name}" not in before:
                raise
            rows.append(before[f"| {name}"] + "\n")
    return HEAD + "".join(rows)


if __name__ == "__main__":
    LIST.write_text(table())
