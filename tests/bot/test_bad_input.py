"""What a person gets for what cannot be used: one line that says what to do, an exit code, and no traceback."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any

import jwt
import pytest

from bot.rooms.browser.sites.registry import sites
from dashboard_protocol.auth.links import Access
from engine.runtimes import DEFAULT_MODEL

PATIENCE_S = 120
SECRET = "0123456789abcdef0123456789abcdef"
PRESENCE = ("--policy", "presence", "--port", "0")
READS = ("join", "local://r", "--policy", "aggregate", "--port", "0")
CHOOSE = (
    "choose a policy: --policy presence, aggregate or individual (or CLASSPULSE_POLICY); a real meeting has no default"
)
ROOMS = "known are local://NAME, janus+ws(s)://HOST:PORT/ROOM, whep+http(s)://HOST/PATH, " + ", ".join(
    site.example for site in sites()
)
EXPORT = "export it again with `build-engine export`"
TLS = "give --tls-cert and --tls-key, or --behind-proxy when a proxy in front of it ends TLS"
OUTSIDE = "--host 0.0.0.0 is reachable from other machines: " + TLS
NO_LINK = "is not the beginning of a link: write https://HOST or https://HOST:PORT"
REPORT = "The report cannot be written to"

CASES: dict[str, tuple[tuple[str, ...], str, int]] = {
    "no policy": (("join", "local://r"), CHOOSE, 2),
    "no policy, for a room that is not there": (("join", "janus+ws://127.0.0.1:1/1"), CHOOSE, 2),
    "no room": (("join", "zoom://1", *PRESENCE), f"'zoom://1' is no room this bot can join; {ROOMS}", 2),
    "no room name": (
        ("join", "local://a b", *PRESENCE),
        "local://a b is no room name: use letters, digits, '.', '_' and '-', at most 64", 2,
    ),
    "open door": (("join", "local://r", *PRESENCE, "--host", "0.0.0.0"), OUTSIDE, 2),
    "open gateway": (("serve", "--host", "0.0.0.0"), OUTSIDE, 2),
    "half of a certificate": (
        ("join", "local://r", *PRESENCE, "--tls-cert", "{folder}/garbage.onnx"),
        "--tls-cert and --tls-key belong together: give both or none", 2,
    ),
    "public address": (("join", "local://r", *PRESENCE, "--public-url", "h"), f"--public-url: 'h' {NO_LINK}", 2),
    "public address of a gateway": (
        ("serve", "--public-url", "https://h/x"), f"--public-url: 'https://h/x' {NO_LINK}", 2,
    ),
    "bus": (
        ("join", "local://r", *PRESENCE, "--bus", "kafka://h"),
        "No bus is known for 'kafka': known are memory://, redis://, rediss:// and redis+sentinel://.", 2,
    ),
    "missing clip": (
        ("demo", "--port", "0", "--clip", "{folder}/none.mp4"),
        "{folder}/none.mp4 cannot be read as video "
        "([Errno 2] No such file or directory: '{folder}/none.mp4'): give a video file", 2,
    ),
    "clip that is none": (
        ("demo", "--port", "0", "--clip", "{folder}/garbage.onnx"),
        "{folder}/garbage.onnx cannot be read as video "
        "([Errno 1094995529] Invalid data found when processing input: '{folder}/garbage.onnx'): give a video file", 2,
    ),
    "missing model": ((*READS, "--engine", "{folder}/none.onnx"), "{folder}/none.onnx: no such model; " + EXPORT, 2),
    "model of no kind": (
        (*READS, "--engine", "{folder}/model.txt"),
        "{folder}/model.txt: no runtime for .txt; give one of .onnx, .plan", 2,
    ),
    "model without a manifest": (
        (*READS, "--engine", "{folder}/bare.onnx"), "{folder}/bare.json: no such manifest; " + EXPORT, 2,
    ),
    "garbage for a model": (
        (*READS, "--engine", "{folder}/garbage.onnx"),
        "{folder}/garbage.onnx: digest {garbage}… is not {bare}… of garbage.json; "
        "the file was changed or mixed up: " + EXPORT, 2,
    ),
    "truncated model": (
        (*READS, "--engine", "{folder}/short.onnx"),
        "{folder}/short.onnx: digest {short}… is not {bare}… of short.json; "
        "the file was changed or mixed up: " + EXPORT, 2,
    ),
    "report in a folder that is a file": (
        ("join", "local://r", *PRESENCE, "--report", "{folder}/garbage.onnx/r.html"),
        REPORT + " {folder}/garbage.onnx/r.html (Not a directory): choose another path.", 2,
    ),
    "report nowhere": (
        ("join", "local://r", *PRESENCE, "--report", "{folder}/none/r.html"),
        REPORT + " {folder}/none/r.html (No such file or directory): choose another path.", 2,
    ),
    "no link": (
        ("watch", "nonsense"), "This is no instructor's link: it looks like https://HOST/rooms/ROOM#t=LINK.", 2,
    ),
    "no gateway": (
        ("watch", "http://127.0.0.1:1/rooms/r#t=x"),
        "http://127.0.0.1:1/rooms/r does not answer: check the link, and whether its gateway runs.", 3,
    ),
    "no gateway to invite at": (
        ("invite", "local://r", "--policy", "presence", "--url", "http://127.0.0.1:1"),
        "No gateway answers at http://127.0.0.1:1: start `classpulse serve`, or set CLASSPULSE_URL.", 3,
    ),
    "no gateway to revoke at": (
        ("revoke", "r", "--url", "http://127.0.0.1:1"),
        "No gateway answers at http://127.0.0.1:1: start `classpulse serve`, or set CLASSPULSE_URL.", 3,
    ),
    "consent of nobody": (("consent", "r", ""), "A consent is for one display name of 1 to 50 characters.", 2),
    "consent for ever": (("consent", "r", "Anna", "--days", "900"), "A consent holds for at most 200 days.", 2),
}  # fmt: skip
"""Name → arguments, the last line on stderr behind `classpulse: `, exit code."""

FORBIDDEN: dict[str, tuple[dict[str, str], tuple[str, ...], str]] = {
    "secret that others can read": (
        {"XDG_STATE_HOME": "{folder}/open"}, ("link", "r"),
        "{folder}/open/classpulse/secret can be read by other users: "
        "run chmod 600 on it, or delete it for a new one.",
    ),
    "secret that is too short": (
        {"CLASSPULSE_SECRET": "short"}, ("link", "r"), "CLASSPULSE_SECRET is too short: use at least 32 random bytes.",
    ),
    "secret file that is not there": (
        {"CLASSPULSE_SECRET_FILE": "{folder}/none"}, ("link", "r"),
        "{folder}/none cannot be read: check CLASSPULSE_SECRET_FILE.",
    ),
    "state directory that is a file": (
        {"XDG_STATE_HOME": "{folder}/garbage.onnx"}, ("join", "local://r", *PRESENCE),
        "No secret at {folder}/garbage.onnx/classpulse/secret (Not a directory): set CLASSPULSE_SECRET instead.",
    ),
    "audit log that cannot be written": (
        {"XDG_STATE_HOME": "{folder}/garbage.onnx", "CLASSPULSE_SECRET": SECRET}, ("join", "local://r", *PRESENCE),
        "the audit log {folder}/garbage.onnx/classpulse/audit.jsonl cannot be written (Not a directory): "
        "set XDG_STATE_HOME to a folder that can",
    ),
    "revocations that are damaged": (
        {"XDG_STATE_HOME": "{folder}/damaged", "CLASSPULSE_SECRET": SECRET}, ("join", "local://r", *PRESENCE),
        "The revocations in {folder}/damaged/classpulse/revocations.json cannot be used (it is damaged): "
        "mend or remove that file.",
    ),
}  # fmt: skip
"""Name → environment, arguments, the line."""
Done = subprocess.CompletedProcess[str]


def facts(folder: Path) -> dict[str, str]:
    """What the lines quote."""
    files = {name: (folder / f"{name}.onnx").read_bytes() for name in ("bare", "short", "garbage")}
    return {"folder": str(folder)} | {name: sha256(content).hexdigest()[:12] for name, content in files.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that are not what they seem."""
    folder = tmp_path_factory.mktemp("bad")
    shipped = DEFAULT_MODEL
    (folder / "bare.onnx").write_bytes(shipped.read_bytes())
    (folder / "short.onnx").write_bytes(shipped.read_bytes()[:4000])
    (folder / "garbage.onnx").write_bytes(b"garbage\n" * 100)
    (folder / "model.txt").write_text("a model")
    for name in ("short", "garbage"):
        shutil.copy(shipped.with_suffix(".json"), folder / f"{name}.json")
    state = folder / "open" / "classpulse"
    state.mkdir(parents=True)
    (state / "secret").write_text(SECRET)
    (state / "secret").chmod(0o644)
    damaged = folder / "damaged" / "classpulse"
    damaged.mkdir(parents=True)
    (damaged / "revocations.json").write_text("{")
    return folder


@pytest.fixture(scope="module")
def runs(folder: Path) -> Iterator[dict[str, "Future[Done]"]]:
    """Every case, two at a time: what takes long is to start."""
    known = facts(folder)
    wanted: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
        name: ({}, arguments) for name, (arguments, _, _) in CASES.items()
    }
    wanted |= {name: (environment, arguments) for name, (environment, arguments, _) in FORBIDDEN.items()}

    def run(environment: dict[str, str], arguments: tuple[str, ...]) -> Done:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("CLASSPULSE_")}
        chosen = {name: value.format(**known) for name, value in environment.items()}
        return subprocess.run(
            [sys.executable, "-m", "bot", *(argument.format(**known) for argument in arguments)],
            capture_output=True, text=True, timeout=PATIENCE_S, stdin=subprocess.DEVNULL,
            env={**clean, "XDG_STATE_HOME": str(folder / "state"), **chosen},
        )  # fmt: skip

    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(run, *one) for name, one in wanted.items()}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_used_ends_in_one_line(folder: Path, runs: dict[str, "Future[Done]"], case: str) -> None:
    _, line, code = CASES[case]
    done = runs[case].result()
    expected = line.format(**facts(folder))
    assert done.stderr.splitlines()[-1] == f"classpulse: {expected}"
    assert done.returncode == code
    assert done.stdout == ""
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("case", FORBIDDEN)
def test_what_may_not_be_read_or_written_ends_in_one_line(
    folder: Path, runs: dict[str, "Future[Done]"], case: str
) -> None:
    _, _, line = FORBIDDEN[case]
    done = runs[case].result()
    assert done.stderr == f"classpulse: {line.format(**facts(folder))}\n"
    assert (done.returncode, done.stdout) == (2, "")


ROOM = Access(SECRET.encode()).key_of("local://r")


def token(**changes: Any) -> str:
    claims = {"use": "link", "room": ROOM, "since": 1e9, "exp": 4e9, **changes}
    return jwt.encode(claims, SECRET, algorithm="HS256")


@pytest.mark.integration
def test_link_that_is_over_or_of_another_room_ends_in_one_line(tmp_path: Path) -> None:
    """At a gateway that runs: a bot whose links have the same secret."""
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path), "CLASSPULSE_SECRET": SECRET}
    command = [sys.executable, "-m", "bot"]
    joining = [*command, "join", "local://r", *PRESENCE]
    with subprocess.Popen(joining, stderr=subprocess.PIPE, text=True, env=environment) as bot:
        try:
            assert bot.stderr is not None
            dashboard = next(line for line in bot.stderr if line.startswith("dashboard")).split()[1]
            origin, _, good = dashboard.partition(f"/rooms/{ROOM}#t=")
            jwt.decode(good, SECRET, algorithms=["HS256"])
            bad = (token(exp=1e9 + 1), token(room="s"), token(use="consent"))
            watching = [[*command, "watch", f"{origin}/rooms/{ROOM}#t={each}"] for each in bad]
            done = [
                subprocess.run(each, capture_output=True, text=True, timeout=PATIENCE_S, env=environment)
                for each in watching
            ]
        finally:
            bot.terminate()
            bot.communicate(timeout=PATIENCE_S)
    reported = {(each.stderr, each.returncode, each.stdout) for each in done}
    assert reported == {("classpulse: This link does not open this class.\n", 4, "")}
