"""The structure that keeps the project readable: which package imports what, and how large things grow."""

import ast
import io
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SIBLINGS = {"bot", "engine", "build_engine", "dashboard_protocol"}
MAX_MODULE_LINES = 250
MAX_FUNCTION_LINES = 50
"""Of code: comments, docstrings and blank lines are free, so that nobody saves on them."""

# A new dependency is one line here, with its reason, in the change that brings it.
ALWAYS = {
    "engine": {"engine", "numpy", "cv2", "mediapipe", "pydantic"},
    "dashboard_protocol": {
        "dashboard_protocol", "pydantic", "fastapi", "starlette", "uvicorn", "websockets", "jwt", "httpx",
        "prometheus_client",
    },
    "build_engine": {"build_engine", "engine", "numpy", "cv2", "typer", "rich"},
    "bot": {
        "bot", "engine", "dashboard_protocol", "numpy", "pydantic", "typer", "rich", "prometheus_client", "starlette",
    },
}  # fmt: skip
IN_PLACES = {
    "engine/runtimes/": {"onnxruntime", "tensorrt", "tensorrt_rtx", "pycuda"},
    "dashboard_protocol/bus/redis": {"redis"},
    "dashboard_protocol/sealing.py": {"cryptography"},
    "dashboard_protocol/server.py": {"h11"},  # what uvicorn speaks HTTP with
    "dashboard_protocol/queue/redis": {"redis"},
    "build_engine/": {"torch", "onnx", "onnxruntime", "matplotlib", "av", "tensorrt", "tensorrt_rtx"},
    "build_engine/peer.py": {"ai_edge_litert"},  # runs the network that ours is timed beside
    "bot/rooms/": {"aiortc", "aioice", "av", "httpx", "websockets"},
    "bot/rooms/notice_picture.py": {"cv2"},  # draws the picture by which the bot shows itself
    "bot/samples/": {"av", "cv2"},
    "bot/inference/": {"zmq"},
}
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


def test_only_the_cures_touch_private_names_of_the_media_library() -> None:
    """Private attributes of aiortc are spelled `_RTC…__name`, `_receiver…` and change without notice."""
    for path in (ROOT / "bot").rglob("*.py"):
        if path.name != "aiortc_cures.py":
            assert "_RTC" not in path.read_text(), f"{name(path)}: private names belong into aiortc_cures.py"


def test_sizes_of_shipped_files_are_modest() -> None:
    for path in (ROOT / "engine" / "models").glob("*"):
        assert path.stat().st_size <= 25 * 2**20, f"{name(path)} is over 25 MB"
