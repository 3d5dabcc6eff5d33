"""The READMEs keep their word: the tree is the tree, commands exist, every link leads somewhere.

`python -m tests.test_readme` writes the tree of bot/README.md from the first line of every folder's docstring.
"""

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import av
import cv2
import pytest

from bot.samples.story import clip_path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
WAY_IN = ROOT / "bot" / "README.md"
MOST_LINES = 160
"""Of the front page: what is needed in the first minute, and where the rest is."""
PAGES = sorted(path for path in ROOT.rglob("*.md") if not {".venv", "artefacts", "runs"} & set(path.parts))
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
PATH = re.compile(r"`([a-z_]+(?:/[a-z_0-9.]+)*/?(?:\.py|\.md|\.js|/))`")
PACKAGES = ("bot", "engine", "build_engine", "dashboard_protocol")
WITHOUT_INIT = {
    "bot/rooms/local/web/": "The join page.",
    "dashboard_protocol/web/": "The instructor's page: feed, fold, model, charts; plain modules that need no build.",
}
OTHERS = {
    "tests/": "mirrors the packages; contracts/ for every room and bus, end_to_end/ with real browsers, benchmarks/",
    "deploy/": "Dockerfiles, compose file, systemd units, a dashboard for operators, the tested versions",
}
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
TREE = re.compile(r"(<!-- tree -->\n```text\n).*?(```\n<!-- /tree -->)", re.DOTALL)


def first_line(folder: Path) -> str:
    """Say what a folder is for, in its own words."""
    return (ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or "").partition("\n")[0]


def tree() -> str:
    folders = {path.parent for package in PACKAGES for path in (ROOT / package).rglob("__init__.py")}
    said = {f"{path.relative_to(ROOT).as_posix()}/": first_line(path) for path in folders} | WITHOUT_INIT
    rows: list[tuple[str, str]] = []
    for package in PACKAGES:
        for path in sorted(path for path in said if path.startswith(f"{package}/")):
            names = path.strip("/").split("/")
            rows.append(("  " * (len(names) - 1) + f"{names[-1]}/", said[path]))
    rows += OTHERS.items()
    return "".join(f"{left:<26}{right}".rstrip() + "\n" for left, right in rows)


def write_tree() -> None:
    WAY_IN.write_text(TREE.sub(lambda found: found.group(1) + tree() + found.group(2), WAY_IN.read_text()))


def commands() -> list[list[str]]:
    shells = [body for kind, body in FENCE.findall(README.read_text()) if kind == "console"]
    return [shlex.split(line) for shell in shells for line in shell.splitlines() if line and not line.startswith("#")]


def test_tree_names_every_folder() -> None:
    found = TREE.search(WAY_IN.read_text())
    assert found, "bot/README.md has lost its tree"
    assert found.group(0) == found.group(1) + tree() + found.group(2), "run: python -m tests.test_readme"


@pytest.mark.parametrize("command", [c for c in commands() if c[0] in ("classpulse", "build-engine")], ids=" ".join)
def test_commands_of_the_readme_exist_with_their_flags(command: list[str]) -> None:
    words = [word for word in command if re.fullmatch(r"[a-z][a-z-]*", word)]
    executable = Path(sys.executable).with_name(words[0])
    shown = subprocess.run(
        [executable, words[1], "--help"], capture_output=True, text=True, timeout=60, env={"COLUMNS": "200"}
    )
    assert shown.returncode == 0, shown.stderr
    for flag in (word for word in command if word.startswith("--")):
        assert flag in shown.stdout


@pytest.mark.parametrize("command", [c for c in commands() if c[0] == "make"], ids=" ".join)
def test_make_targets_of_the_readme_exist(command: list[str]) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert command[1] in targets


def test_example_in_python_reads_the_face_of_a_picture(tmp_path: Path) -> None:
    [example] = [body for kind, body in FENCE.findall(README.read_text()) if kind == "python"]
    with av.open(str(clip_path("noor", "calm"))) as clip:
        cv2.imwrite(str(tmp_path / "picture.jpg"), next(clip.decode(video=0)).to_ndarray(format="bgr24"))
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Box("), done.stdout


def test_front_page_is_read_in_a_minute() -> None:
    assert len(README.read_text().splitlines()) <= MOST_LINES


def anchors(page: Path) -> set[str]:
    """Return what a link to a heading of a page may end with."""
    said = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(page.read_text()))
    return {heading.strip().replace(" ", "-") for heading in said}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", [WAY_IN, ROOT / "deploy" / "README.md"], ids=["bot", "deploy"])
def test_every_file_that_the_way_in_names_is_there(page: Path) -> None:
    for path in PATH.findall(page.read_text()):
        places = (page.parent / path, ROOT / path, ROOT / "dashboard_protocol" / path)
        assert any(place.exists() for place in places), path


if __name__ == "__main__":
    write_tree()
