"""The structure that keeps the project readable: which package imports what, and how large things grow."""

import ast
import functools
import io
import sys
import tokenize
from collections.abc import Container, Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SIBLINGS = {"bot", "engine", "build_engine", "dashboard_protocol"}
MAX_MODULE_LINES = 250
MAX_FUNCTION_LINES = 50
MAX_MODULES = 15
"""Of code: comments, docstrings and blank lines are free, so that nobody saves on them."""

# A new dependency is one line here, with its reason, in the change that brings it.
ALWAYS = {
    "engine": {"engine", "numpy", "cv2", "pydantic"},
    "dashboard_protocol": {
        "dashboard_protocol", "pydantic", "fastapi", "starlette", "uvicorn", "websockets", "jwt", "httpx",
        "markupsafe", "prometheus_client",
    },
    "build_engine": {"build_engine", "engine", "numpy", "cv2", "typer", "rich"},
    "bot": {
        "bot", "engine", "dashboard_protocol", "numpy", "pydantic", "typer", "rich", "prometheus_client", "starlette",
    },
}  # fmt: skip
IN_PLACES = {
    "engine/face_models/": {"onnxruntime", "flatbuffers"},  # runs mediapipe's networks, read from its package's files
    "engine/runtimes/": {"onnxruntime", "tensorrt", "tensorrt_rtx", "pycuda"},
    "dashboard_protocol/auth/redis": {"redis"},
    "dashboard_protocol/bus/redis": {"redis"},
    "dashboard_protocol/privacy_requests/redis": {"redis"},
    "dashboard_protocol/terminal/": {"rich"},
    "dashboard_protocol/view/formats.py": {"babel"},  # plural rules, numbers and dates of each language
    "dashboard_protocol/home/qr.py": {"segno"},  # QR codes
    "dashboard_protocol/lti/redis": {"redis"},
    "dashboard_protocol/lti/validation.py": {"pylti1p3", "jwcrypto"},  # launches from learning platforms, as an extra
    "dashboard_protocol/sealing.py": {"cryptography"},
    "dashboard_protocol/settings/command_line.py": {"typer"},
    "build_engine/__main__.py": {"dashboard_protocol"},  # both command lines speak alike
    "build_engine/commands/": {"dashboard_protocol"},
    "dashboard_protocol/http/server.py": {"h11"},  # what uvicorn speaks HTTP with
    "dashboard_protocol/queue/redis": {"redis"},
    "build_engine/": {"torch", "onnx", "onnxruntime", "matplotlib", "av", "tensorrt", "tensorrt_rtx"},
    "build_engine/evaluation/classical.py": {"sklearn"},  # the classifiers that came before networks
    "build_engine/deployment/peer.py": {"ai_edge_litert"},  # runs the network that ours is timed beside
    "bot/rooms/browser/": {"websockets"},
    "bot/rooms/browser/launcher.py": {"playwright"},  # lazily: only who joins a page needs it
    "bot/rooms/browser/page.py": {"playwright"},
    "bot/rooms/browser/room.py": {"playwright"},
    "bot/rooms/janus/": {"aiortc", "av", "websockets"},
    "bot/rooms/local/gateway_routes.py": {"httpx"},  # hands on what people ask of a bot at a gateway
    "bot/rooms/publishing/": {"aiortc", "av", "httpx"},
    "bot/labelled_clips/plots.py": {"matplotlib"},
    "bot/recordings/": {"av", "cv2"},
    "bot/rooms/gallery/": {"cv2"},
    "bot/rooms/webrtc/": {"aiortc", "aioice", "av", "httpx"},
    "bot/rooms/whep.py": {"httpx"},
    "bot/rooms/notice_picture.py": {"aiortc", "av", "cv2"},  # draws the picture by which the bot shows itself
    "bot/samples/": {"av", "cv2"},
    "bot/inference/": {"zmq"},
}
ARROWS: dict[str, set[str]] = {
    "bot/classroom": {"bot/engagement", "bot/rooms"},
    "bot/commands": {
        "bot",
        "bot/inference",
        "bot/labelled_clips",
        "bot/privacy",
        "bot/recordings",
        "bot/rooms/local",
        "bot/rooms/publishing",
        "bot/settings",
        "bot/workers",
        "dashboard_protocol",
        "dashboard_protocol/auth",
        "dashboard_protocol/bus",
        "dashboard_protocol/control_api",
        "dashboard_protocol/gateway",
        "dashboard_protocol/http",
        "dashboard_protocol/lti",
        "dashboard_protocol/privacy_requests",
        "dashboard_protocol/queue",
        "dashboard_protocol/report",
        "dashboard_protocol/settings",
        "dashboard_protocol/view",
        "dashboard_protocol/webhooks",
        "engine/runtimes",
    },
    "bot/disclosure": {"bot", "bot/classroom", "bot/engagement", "dashboard_protocol", "dashboard_protocol/view"},
    "bot/engagement": {"dashboard_protocol", "engine"},
    "bot/engagement/evaluation": {"bot/engagement", "dashboard_protocol", "engine"},
    "bot/inference": {"bot", "bot/rooms", "dashboard_protocol/auth", "engine", "engine/runtimes"},
    "bot/labelled_clips": {
        "bot",
        "bot/engagement",
        "bot/engagement/evaluation",
        "bot/inference",
        "bot/meeting",
        "bot/recordings",
        "bot/rooms",
        "engine",
        "engine/runtimes",
    },
    "bot/meeting": {
        "bot",
        "bot/classroom",
        "bot/disclosure",
        "bot/engagement",
        "bot/inference",
        "bot/privacy",
        "bot/rooms",
        "dashboard_protocol",
        "dashboard_protocol/auth",
        "dashboard_protocol/bus",
        "engine",
    },
    "bot/privacy": {
        "bot",
        "bot/rooms",
        "bot/rooms/local",
        "bot/settings",
        "dashboard_protocol",
        "dashboard_protocol/auth",
        "dashboard_protocol/bus",
        "dashboard_protocol/http",
        "dashboard_protocol/privacy_requests",
        "dashboard_protocol/queue",
        "dashboard_protocol/view",
    },
    "bot/recordings": {
        "bot",
        "bot/disclosure",
        "bot/inference",
        "bot/meeting",
        "bot/privacy",
        "bot/rooms",
        "bot/rooms/gallery",
        "bot/rooms/webrtc",
        "bot/settings",
        "dashboard_protocol",
        "dashboard_protocol/auth",
        "dashboard_protocol/bus",
        "engine",
    },
    "bot/rooms": {
        "bot",
        "bot/rooms/browser",
        "bot/rooms/browser/sites",
        "bot/rooms/janus",
        "bot/rooms/local",
        "bot/rooms/webrtc",
        "dashboard_protocol",
        "dashboard_protocol/auth",
        "dashboard_protocol/view",
        "engine",
    },
    "bot/rooms/browser": {
        "bot",
        "bot/rooms",
        "bot/rooms/browser/sites",
        "bot/rooms/codecs",
        "bot/rooms/webrtc",
        "dashboard_protocol",
        "dashboard_protocol/http",
    },
    "bot/rooms/browser/sites": {"bot", "bot/rooms", "dashboard_protocol"},
    "bot/rooms/codecs": set(),
    "bot/rooms/gallery": {"bot/rooms", "engine"},
    "bot/rooms/janus": {
        "bot",
        "bot/rooms",
        "bot/rooms/webrtc",
        "dashboard_protocol",
        "dashboard_protocol/auth",
        "dashboard_protocol/http",
        "engine",
    },
    "bot/rooms/local": {
        "bot",
        "bot/rooms",
        "bot/rooms/gallery",
        "bot/rooms/webrtc",
        "dashboard_protocol",
        "dashboard_protocol/auth",
        "dashboard_protocol/http",
        "dashboard_protocol/queue",
        "dashboard_protocol/view",
    },
    "bot/rooms/publishing": {
        "bot",
        "bot/rooms/janus",
        "bot/rooms/local",
        "bot/rooms/webrtc",
        "bot/samples",
        "dashboard_protocol",
        "dashboard_protocol/http",
        "engine",
    },
    "bot/rooms/webrtc": {
        "bot",
        "bot/rooms",
        "bot/rooms/codecs",
        "dashboard_protocol",
        "dashboard_protocol/http",
        "engine",
    },
    "bot/settings": {
        "bot",
        "bot/classroom",
        "dashboard_protocol",
        "dashboard_protocol/auth",
        "dashboard_protocol/http",
        "dashboard_protocol/settings",
        "dashboard_protocol/webhooks",
    },
    "bot/samples": {"bot", "engine"},
    "bot/workers": {
        "bot",
        "bot/inference",
        "bot/privacy",
        "bot/rooms",
        "bot/settings",
        "dashboard_protocol",
        "dashboard_protocol/auth",
        "dashboard_protocol/bus",
        "dashboard_protocol/http",
        "dashboard_protocol/queue",
        "dashboard_protocol/view",
        "engine",
    },
    "build_engine/commands": {
        "build_engine",
        "build_engine/data",
        "build_engine/deployment",
        "build_engine/evaluation",
        "build_engine/training",
        "engine",
        "engine/runtimes",
    },
    "build_engine/data": {"build_engine", "engine"},
    "build_engine/deployment": {
        "build_engine",
        "build_engine/data",
        "build_engine/evaluation",
        "build_engine/networks",
        "build_engine/training",
        "engine",
        "engine/runtimes",
    },
    "build_engine/evaluation": {
        "build_engine",
        "build_engine/data",
        "build_engine/networks",
        "build_engine/training",
        "engine",
        "engine/runtimes",
    },
    "build_engine/networks": {"build_engine", "engine"},
    "build_engine/training": {"build_engine", "build_engine/data", "build_engine/networks", "engine"},
    "dashboard_protocol/auth": {"dashboard_protocol", "dashboard_protocol/bus", "dashboard_protocol/queue"},
    "dashboard_protocol/bus": {"dashboard_protocol"},
    "dashboard_protocol/control_api": {
        "dashboard_protocol",
        "dashboard_protocol/auth",
        "dashboard_protocol/bus",
        "dashboard_protocol/http",
        "dashboard_protocol/queue",
        "dashboard_protocol/report",
        "dashboard_protocol/schema",
        "dashboard_protocol/settings",
        "dashboard_protocol/view",
        "dashboard_protocol/webhooks",
    },
    "dashboard_protocol/gateway": {
        "dashboard_protocol",
        "dashboard_protocol/auth",
        "dashboard_protocol/bus",
        "dashboard_protocol/control_api",
        "dashboard_protocol/home",
        "dashboard_protocol/http",
        "dashboard_protocol/report",
        "dashboard_protocol/settings",
        "dashboard_protocol/view",
    },
    "dashboard_protocol/home": {
        "dashboard_protocol",
        "dashboard_protocol/auth",
        "dashboard_protocol/control_api",
        "dashboard_protocol/http",
        "dashboard_protocol/queue",
        "dashboard_protocol/view",
    },
    "dashboard_protocol/http": {"dashboard_protocol", "dashboard_protocol/auth", "dashboard_protocol/view"},
    "dashboard_protocol/lti": {
        "dashboard_protocol",
        "dashboard_protocol/auth",
        "dashboard_protocol/bus",
        "dashboard_protocol/control_api",
        "dashboard_protocol/http",
        "dashboard_protocol/view",
    },
    "dashboard_protocol/privacy_requests": {"dashboard_protocol", "dashboard_protocol/bus"},
    "dashboard_protocol/queue": {"dashboard_protocol", "dashboard_protocol/bus"},
    "dashboard_protocol/report": {"dashboard_protocol", "dashboard_protocol/view"},
    "dashboard_protocol/schema": {"dashboard_protocol", "dashboard_protocol/webhooks"},
    "dashboard_protocol/settings": {"dashboard_protocol"},
    "dashboard_protocol/terminal": {"dashboard_protocol", "dashboard_protocol/view"},
    "dashboard_protocol/view": {"dashboard_protocol"},
    "dashboard_protocol/webhooks": {"dashboard_protocol", "dashboard_protocol/http", "dashboard_protocol/queue"},
    "engine/face_models": {"engine"},
    "engine/runtimes": {"engine"},
}
"""One way: folder → what its modules import from outside of it. The modules beside `bot/`, … themselves are free."""
NEVER_IN_ENGINE = {"asyncio", "socket", "selectors", "ssl", "http"}


def modules() -> list[Path]:
    return [path for package in sorted(SIBLINGS) for path in sorted((ROOT / package).rglob("*.py"))]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the top-level package of every import, lazy ones included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.partition(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module.partition(".")[0]


@pytest.mark.parametrize("path", modules(), ids=name)
def test_module_imports_only_what_its_package_may(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    allowed = set(ALWAYS[package])
    for place, extra in IN_PLACES.items():
        if name(path).startswith(place):
            allowed |= extra
    used = set(imported(ast.parse(path.read_text())))
    if package == "engine":
        assert not used & NEVER_IN_ENGINE
    foreign = {module for module in used if module not in sys.stdlib_module_names} - allowed
    assert not foreign, f"{name(path)} imports {sorted(foreign)}; the table in this test says why it may not"


def code_lines(text: str, tree: ast.AST) -> set[int]:
    """Return the numbers of the lines that hold code: no comment, no docstring, no blank line."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT):
            lines |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines -= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


@pytest.mark.parametrize("path", modules(), ids=name)
def test_module_stays_readable(path: Path) -> None:
    text = path.read_text()
    tree = ast.parse(text)
    code = code_lines(text, tree)
    assert len(code) <= MAX_MODULE_LINES, f"{len(code)} lines of code: split it on a noun"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = len(code & set(range(node.lineno, (node.end_lineno or node.lineno) + 1)))
            assert lines <= MAX_FUNCTION_LINES, f"{node.name} has {lines} lines of code"


@pytest.mark.parametrize("path", modules(), ids=name)
def test_public_names_are_documented(path: Path) -> None:
    tree = ast.parse(path.read_text())
    if path.stat().st_size:
        assert ast.get_docstring(tree), "a module says what it is"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"


def test_only_the_patches_touch_private_names_of_the_media_library() -> None:
    """Private attributes of aiortc are spelled `_RTC…__name`, `_receiver…` and change without notice."""
    for path in (ROOT / "bot").rglob("*.py"):
        if path.name != "aiortc_patches.py":
            assert "_RTC" not in path.read_text(), f"{name(path)}: private names belong into aiortc_patches.py"


@functools.cache
def python_modules() -> dict[str, Path]:
    """Return every module by its dotted name."""
    named = {}
    for path in modules():
        parts = path.relative_to(ROOT).with_suffix("").parts
        named[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return named


def imports(path: Path, known: Container[str]) -> set[str]:
    """Return the modules of ours that a module imports, lazily or for its types too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in known else node.module)
    return {module for module in found if module in known}


@functools.cache
def arrows() -> dict[str, set[str]]:
    """Return what imports what, module by module."""
    known = python_modules()
    return {module: imports(path, known) - {module} for module, path in known.items()}


def folder(module: str) -> str:
    return name(python_modules()[module].parent)


@functools.cache
def parents() -> set[str]:
    """Return the folders that have folders of modules within."""
    return {name(path.parent.parent) for path in modules()}


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """Return each circle that is met on a walk along the arrows."""
    found: list[list[str]] = []
    done: set[str] = set()

    def walk(node: str, way: list[str]) -> None:
        if node in way:
            found.append([*way[way.index(node) :], node])
        elif node not in done:
            for further in sorted(graph.get(node, ())):
                walk(further, [*way, node])
            done.add(node)

    for node in sorted(graph):
        walk(node, [])
    return found


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circles(arrows()) == []


def test_no_folders_import_each_other_in_a_circle() -> None:
    """A folder without folders counts as one; of others each module counts by itself, as `bot.app`, `bot.errors`."""
    whole = parents()
    graph: dict[str, set[str]] = {}
    for module, imported_modules in arrows().items():
        ends = [end if folder(end) in whole else folder(end) for end in (module, *sorted(imported_modules))]
        graph.setdefault(ends[0], set()).update(end for end in ends[1:] if end != ends[0])
    assert circles(graph) == []


def test_arrows_between_folders_are_those_of_the_table() -> None:
    whole = parents()
    used: dict[str, set[str]] = {}
    for module, imported_modules in arrows().items():
        start = folder(module)
        if start not in whole or "/" in start:
            used.setdefault(start, set()).update(folder(end) for end in imported_modules if folder(end) != start)
    assert used == ARROWS, "an arrow that is new, or is gone, is one word in the table"


@pytest.mark.parametrize("path", sorted({path.parent for path in modules()}), ids=name)
def test_folder_shows_few_modules(path: Path) -> None:
    shown = [module.name for module in path.glob("*.py") if module.name != "__init__.py"]
    assert len(shown) <= MAX_MODULES, f"{len(shown)} modules: a folder of this size is searched, not read"


def test_sizes_of_shipped_files_are_modest() -> None:
    for path in (ROOT / "engine" / "models").glob("*"):
        assert path.stat().st_size <= 25 * 2**20, f"{name(path)} is over 25 MB"
