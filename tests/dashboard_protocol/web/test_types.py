"""The page, and what a gateway writes, under the type checker with the types that the protocol is published as."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from dashboard_protocol.codec import encode
from dashboard_protocol.events import Event
from dashboard_protocol.schema import TYPES_FILE
from tests.dashboard_protocol.test_codec import BODIES
from tests.dashboard_protocol.web.test_modules import NODE, WEB

pytest_plugins = ["tests.dashboard_protocol.web.browser_fixtures"]
pytestmark = pytest.mark.integration
CHECKED = ("store.js", "feed.js")
"""Modules that read and write what is on the socket; what the others show is made of it."""
OPTIONS = {
    "allowJs": True,
    "checkJs": True,
    "noEmit": True,
    "strict": False,
    "target": "es2022",
    "module": "es2022",
    "moduleResolution": "bundler",
    "lib": ["es2023", "dom", "dom.iterable"],
    "types": [],
}


class Checker:
    """A copy of page and types, and the compiler over it."""

    def __init__(self, folder: Path, modules: Path) -> None:
        self._folder = folder
        self._compiler = modules / "typescript" / "bin" / "tsc"
        for path in (*WEB.glob("*.js"), *WEB.glob("*.d.ts")):
            self.write(f"web/{path.name}", path.read_text())
        self.write(f"schema/{TYPES_FILE.name}", TYPES_FILE.read_text())

    def write(self, name: str, text: str) -> None:
        path = self._folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def complaints(self, *files: str) -> str:
        self.write("tsconfig.json", json.dumps({"compilerOptions": OPTIONS, "files": files}))
        command = [NODE or "node", str(self._compiler), "-p", str(self._folder)]
        return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False).stdout


@pytest.fixture
def checker(tmp_path: Path, fetched_modules: Path | str) -> Checker:
    if isinstance(fetched_modules, str):
        pytest.skip(f"the type checker did not come from npm: {fetched_modules}")
    assert shutil.which("node"), "npm comes with it"
    return Checker(tmp_path, fetched_modules)


def test_page_reads_and_writes_what_the_types_say(checker: Checker) -> None:
    assert checker.complaints(*(f"web/{name}" for name in CHECKED)) == ""


@pytest.mark.parametrize(
    ("was", "now", "user"), [("live_since", "live_from", "store.js"), ("token: string", "ticket: string", "feed.js")]
)
def test_field_that_is_called_otherwise_is_missed_in_the_page(checker: Checker, was: str, now: str, user: str) -> None:
    checker.write(f"schema/{TYPES_FILE.name}", TYPES_FILE.read_text().replace(f"  {was}", f"  {now}"))
    assert user in checker.complaints(*(f"web/{name}" for name in CHECKED))


def test_every_event_that_is_written_is_of_its_type(checker: Checker) -> None:
    events = [encode(Event(room="r", epoch=1, seq=1, at=1.0, body=body)) for body in BODIES]
    head = f'import type {{ ToReader }} from "./schema/{TYPES_FILE.name.removesuffix(".d.ts")}";\n'
    checker.write("written.ts", f"{head}export const written: ToReader[] = [{','.join(events)}];\n")
    assert checker.complaints("written.ts") == ""
    checker.write("written.ts", f'{head}export const made: ToReader = {{ type: "applause" }};\n')
    assert "applause" in checker.complaints("written.ts")
