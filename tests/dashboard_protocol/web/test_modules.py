"""The page's pure modules under `node --test`, its colours and its size."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
WEB = HERE.parents[2] / "dashboard_protocol" / "web"
STYLE = (WEB / "page.css").read_text()
KILOBYTE = 1024
SCRIPT_KB = 90
"""All script of the instructor's side: page, home, small window, frame and overlay; formula and report have none."""
FIRST_VIEW_KB = 60
"""What a browser must have before the page shows a class; the rest comes once it stands."""
STYLE_KB = 24
TEXT, GRAPHIC = 4.5, 3.0

NODE = shutil.which("node")


@pytest.mark.skipif(NODE is None, reason="needs node for the page's modules")
@pytest.mark.parametrize("suite", sorted(path.name for path in HERE.glob("*.test.mjs")))
def test_pure_modules_pass_under_node(suite: str) -> None:
    done = subprocess.run([NODE or "node", "--test", suite], cwd=HERE, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-4000:]
    assert re.search(r"^# fail 0$", done.stdout, re.MULTILINE), done.stdout[-4000:]


def _tokens() -> dict[str, tuple[str, str]]:
    found = re.findall(r"--(\w+): light-dark\(#(\w{6}), #(\w{6})\);", STYLE)
    return {name: (light, dark) for name, light, dark in found}


def _luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    linear = [value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2.2 between two colours."""
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("front", "back", "least", "stated"),
    [
        ("ink", "surface", TEXT, (16.4, 14.4)),
        ("ink2", "surface", TEXT, (7.9, 8.9)),
        ("ink2", "bg", TEXT, (7.3, 9.8)),
        ("ink3", "surface", TEXT, (5.7, 6.4)),
        ("ink3", "bg", TEXT, (5.2, 7.0)),
        ("edge", "surface", GRAPHIC, (3.7, 4.4)),
        ("edge", "sunken", GRAPHIC, (3.2, 3.9)),
        ("index", "surface", GRAPHIC, (5.2, 7.3)),
        ("index", "band", GRAPHIC, (3.9, 5.0)),
        ("att", "surface", GRAPHIC, (4.6, 7.2)),
        ("att", "attBand", GRAPHIC, (4.1, 6.0)),
        ("attInk", "surface", TEXT, (6.7, 9.1)),
        ("count", "surface", GRAPHIC, (5.4, 6.4)),
        ("count", "countBand", GRAPHIC, (4.4, 5.2)),
        ("count", "sunken", GRAPHIC, (4.7, 5.7)),
        ("alert", "surface", GRAPHIC, (5.2, 7.9)),
        ("alertInk", "surface", TEXT, (7.6, 9.9)),
        ("ink", "alertBg", TEXT, (15.1, 13.5)),
        ("ink2", "alertBg", TEXT, None),
        ("alertLine", "bg", GRAPHIC, (3.3, 4.5)),
    ],
)
def test_colours_keep_their_contrast(front: str, back: str, least: float, stated: tuple[float, float] | None) -> None:
    tokens = _tokens()
    found = [contrast(tokens[front][theme], tokens[back][theme]) for theme in (0, 1)]
    assert min(found) >= least
    if stated is not None:
        assert found == pytest.approx(stated, abs=0.1)


def test_no_colour_stands_outside_the_tokens() -> None:
    rules = STYLE.split("}", 1)[1] + (WEB / "compact.css").read_text()
    assert set(re.findall(r"#[0-9A-Fa-f]{3,8}\b(?=[;, )])", rules)) <= {"#0006", "#0000"}  # backdrop, and nothing


def test_page_asks_nobody_else_and_carries_nothing_inline() -> None:
    for name in ("index.html", "compact.html", "home.html"):
        page = (WEB / name).read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=\"/static/)|<style|\sstyle=|\son\w+=", page), name
    for path in WEB.glob("*.*"):
        text = path.read_text()
        assert set(re.findall(r"https?://[\w./-]+", text)) <= {"http://www.w3.org/2000/svg"}, path.name
        assert "innerHTML" not in text, path.name


def test_style_and_all_script_of_the_instructors_side_stay_small() -> None:
    """Counted is every script of `dashboard_protocol/web`, whichever page loads it, in bytes as they are served.

    Not counted are the pages of the people in a room, where they join and share a window (`bot/rooms/local/web`):
    another side, which never loads these pages and takes `words.js` alone from here; and what the bot's own browser
    runs in meetings (`bot/rooms/browser/web`), which is served to nobody.
    """
    assert (WEB / "page.css").stat().st_size <= STYLE_KB * KILOBYTE
    scripts = [path for path in WEB.rglob("*") if path.suffix in {".js", ".mjs"}]
    assert {"main.js", "home.js", "small.js", "beside.js", "after.js"} <= {path.name for path in scripts}
    assert sum(path.stat().st_size for path in scripts) <= SCRIPT_KB * KILOBYTE
    first = _needed_at_first(WEB / "main.js", set())
    assert {"main.js", "feed.js", "store.js", "model.js", "chart.js"} <= {path.name for path in first}
    assert not {"after.js", "controls.js"} & {path.name for path in first}
    assert sum(path.stat().st_size for path in first) <= FIRST_VIEW_KB * KILOBYTE


def _needed_at_first(module: Path, seen: set[Path]) -> set[Path]:
    """What a module imports before it runs, and what that imports."""
    if module not in seen:
        seen.add(module)
        for name in re.findall(r"^import [^;]*? from \"\./([\w.]+)\"", module.read_text(), re.MULTILINE):
            _needed_at_first(WEB / name, seen)
    return seen


@pytest.mark.parametrize("path", sorted(WEB.glob("*.js")), ids=lambda path: path.name)
def test_modules_stay_readable_in_one_sitting(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 300
