"""Where the commands are run: plain terminals, users without a home, proxies, systems that lack what Linux has."""

import json
import os
import pwd
import subprocess
import sys
from pathlib import Path

import pytest

from bot.terminal_encoding import speak_plainly
from dashboard_protocol.auth.secrets_store import state_directory
from dashboard_protocol.client import watch
from dashboard_protocol.control_api.client import ControlClient
from dashboard_protocol.errors import ControlRefused, ProxyRefused, SecretRefused
from dashboard_protocol.http.proxies import goes_by_proxy

ROOT = Path(__file__).resolve().parents[2]
AWAY = "https://gateway.example.org"
# As on a system without these, whose event loops take no signal handlers either: clients must not need them.
NO_UNIX = """
import asyncio, sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name in ("fcntl", "resource", "pwd", "grp", "termios"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules.pop(name, None)
sys.meta_path.insert(0, Missing())
def refuse(*_):
    raise NotImplementedError
asyncio.SelectorEventLoop.add_signal_handler = asyncio.SelectorEventLoop.remove_signal_handler = refuse
sys.argv[0] = "classpulse"
from bot.__main__ import main
main()
"""


def run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "XDG_STATE_HOME") if name in os.environ}
    return subprocess.run(
        (sys.executable, *command),
        cwd=ROOT, env=kept | {"PYTHONWARNINGS": "default"} | variables,
        capture_output=True, text=True, errors="replace", timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437"])
def test_help_reads_on_terminals_of_any_encoding(encoding: str) -> None:
    done = run("-m", "bot", "join", "--help", PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    assert "Run one bot in the foreground" in done.stdout


def test_json_says_the_same_where_its_characters_are_missing(tmp_path: Path) -> None:
    said = {"name": "Žofie 🙂 Ωmega", "text": "5\u00a0min"}
    with (tmp_path / "ascii").open("w+", encoding="ascii") as stream:
        speak_plainly(stream)
        print(json.dumps(said, ensure_ascii=False), file=stream)
        stream.seek(0)
        assert json.loads(stream.read()) == {"name": said["name"], "text": "5 min"}


def test_user_without_a_home_learns_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_: int) -> pwd.struct_passwd:
        raise KeyError("getpwuid(): uid not found: 54321")

    for variable in ("HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(SecretRefused, match="set XDG_STATE_HOME"):
        state_directory()


@pytest.fixture
def socks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1")


@pytest.mark.usefixtures("socks")
async def test_socks_proxy_is_refused_in_one_line_by_every_client() -> None:
    with pytest.raises(ProxyRefused, match=r"ALL_PROXY names a SOCKS proxy.*NO_PROXY"):
        ControlClient(AWAY)
    with pytest.raises(ProxyRefused):
        async with watch(f"{AWAY}/rooms/r#t=abc"):
            pass


@pytest.mark.usefixtures("socks")
def test_socks_proxy_keeps_nobody_from_this_machine() -> None:
    with ControlClient("http://127.0.0.1:9") as control, pytest.raises(ControlRefused, match="No gateway answers"):
        control.bots()


@pytest.mark.usefixtures("socks")
def test_proxy_is_asked_for_other_machines_that_are_not_excepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "gateway.example.org")
    assert not goes_by_proxy(AWAY)
    monkeypatch.delenv("NO_PROXY")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert goes_by_proxy(AWAY)
    assert not any(map(goes_by_proxy, ("http://127.0.0.1:9", "ws://localhost/x", "http://[::1]:8080")))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--help",), "instructor"),
        (("bots",), "No gateway answers"),
        (("report", "r"), "No gateway answers"),
        (("invite", "local://r", "--policy", "presence"), "No gateway answers"),
        (("watch", "http://127.0.0.1:9/rooms/r#t=abc"), "does not answer"),
        (("join", "local://r", "--policy", "presence"), "this command needs Linux or macOS"),
        (("serve",), "this command needs Linux or macOS"),
    ],
    ids=" ".join,
)
def test_clients_run_where_only_python_is(words: tuple[str, ...], says: str, tmp_path: Path) -> None:
    done = run("-c", NO_UNIX, *words, XDG_STATE_HOME=str(tmp_path), CLASSPULSE_URL="http://127.0.0.1:9")
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
