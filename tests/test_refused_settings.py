"""A setting that cannot be used is refused in one line of ours, from wherever it came: flag, variable, worker, API."""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

import pytest
from pydantic import BaseModel

from bot import __main__ as classpulse
from bot.errors import SettingsRefused
from bot.settings import MeetingOptions, Settings
from bot.settings.flags import checked
from bot.settings.table import EVERYWHERE, TABLE, TARGET, markdown
from build_engine import __main__ as build_engine
from dashboard_protocol.settings.command_line import ExitCode
from dashboard_protocol.settings.setting import Setting, _kind, settings_of

OF_PROGRAMMERS = re.compile(r"[Ii]nput should|[Vv]alue error|pydantic|Traceback|validation error|type=|unable to parse")
NUMBERS = ("x", "-1", "nan", "1e999")
WRONG: dict[object, tuple[str, ...]] = {
    int: (*NUMBERS, "1.5"),
    float: NUMBERS,
    bool: ("maybe", "2"),
}
"""Kind of a value → texts that are none that any setting takes."""
BY_NAME = {
    "port": ("65536",),
    "metrics_port": ("65536",),
    "k": ("2",),
    "reads_per_s": ("31", "0"),
    "engine_threads": ("0", "65"),
    "threads": ("0", "65"),
    "retention_s": ("0", "3651"),
    "memory_mb": ("511",),
    "capacity": ("0",),
    "max_duration_s": ("0", "86401"),
    "bot_name": ("n" * 61,),
    "title": ("t" * 121,),
    "leave_out": ("n" * 201,),
    "webhook": ("w" * 501,),
    "room_url": ("r" * 4001,),
    "rooms": ("nonsense",),
    "webhooks": ("nonsense",),
    "trusted_proxies": ("300.1.1.1",),
    "allowed_hosts": ("https://h", "a b"),
    "public_url": ("h", "https://h/x"),
    "frame_origins": ("h", "https://h/x", "https://*"),
    "ice_server": ("turn:", "http://h"),
    "browser_hosts": ("https://h", "h:443", "a b"),
    "host": ("0.0.0.0",),
    "join_at": ("tomorrow", "2026-09-01T09:00"),
}
"""Field → texts beyond its bounds, or that a check of ours refuses."""
ANY_TEXT = {
    *("engine", "bus", "bots_bus", "media_host", "ice_credentials", "metrics_host", "tls_cert", "tls_key", "model"),
    "engagement_model",
    *("chromium", "debug_page", "site_secrets", "lti"),
    *("listen", "url", "api_key", "webhook_secret", "link", "keys", "state", "secret"),
}
"""Fields that take any text, a path or an address whose use is refused later, or no value at all; see the next test."""

Case = tuple[str, str, Setting, str]


def cases() -> Iterator[Case]:
    """Yield command, field, setting and a wrong text, for every setting that some text cannot be."""
    for command, models in TABLE.items():
        for model in models:
            for name, (setting, field) in settings_of(model, command).items():
                kind, _ = _kind(field.annotation)
                is_choice = isinstance(kind, type) and issubclass(kind, StrEnum)
                wrong = ("nonsense",) if is_choice else WRONG.get(kind, ())
                for text in (*wrong, *BY_NAME.get(name, ())):
                    yield command, name, setting, text


ALL = list(cases())
FLAGS = [case for case in ALL if case[2].spelled(case[1]) and case[3] not in WRONG[bool]]
VARIABLES = [case for case in ALL if case[2].variable]


def shown(value: object) -> str:
    return "" if isinstance(value, Setting) else str(value)[:12]


TRAIN = ("train", "--data", "drawn:70")
ROOM = ["local://r"]
PLACES: dict[str, list[str]] = {
    "demo": [], "join": ROOM, "invite": ROOM, "check-room": ROOM, "recording": ["class.mp4"], "engine": [],
    "serve": [], "worker": [], "report": ["seminar"], "watch": ["-"],
}  # fmt: skip
POLICY = {command: ["--policy", "presence"] for command in ("join", "invite", "recording")}


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for variable in {setting.variable for _, _, setting, _ in ALL} - {""}:
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(classpulse, "log_plainly", lambda level: None)


def refused(words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], main: Any) -> str:
    """Run a command line that must refuse; return its one line."""
    monkeypatch.setattr("sys.argv", ["command", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    assert ended.value.code == ExitCode.USAGE, said
    assert said.out == ""
    [line] = said.err.splitlines()
    assert not OF_PROGRAMMERS.search(line), line
    return str(line)


@pytest.mark.parametrize(("command", "name", "setting", "text"), FLAGS, ids=shown)
def test_wrong_flag_is_one_line_that_names_it_and_says_what_to_give(
    command: str,
    name: str,
    setting: Setting,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    flag = setting.spelled(name).partition("/")[0]
    given = [text] if setting.is_argument else [f"{flag}={text}"]
    places = [] if setting.is_argument else PLACES[command]
    policy = [] if name == "policy" else POLICY.get(command, [])
    line = refused([command, *places, *policy, *given], monkeypatch, capsys, classpulse.main)
    assert flag in line
    assert text[:60] in line or name == "ice_server"  # which may hold a password


@pytest.mark.parametrize(("command", "name", "setting", "text"), VARIABLES, ids=shown)
def test_wrong_variable_is_one_line_that_names_it_and_says_what_to_give(
    command: str,
    name: str,
    setting: Setting,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(setting.variable, text)
    policy = [] if name == "policy" else POLICY.get(command, [])
    line = refused([command, *PLACES[command], *policy], monkeypatch, capsys, classpulse.main)
    assert setting.variable in line
    assert text[:60] in line or name == "ice_server"


def test_wrong_level_of_the_log_is_refused_by_every_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLASSPULSE_LOG", "loud")
    line = refused(["version"], monkeypatch, capsys, classpulse.main)
    assert line == "classpulse: CLASSPULSE_LOG=loud cannot be used: give debug, info, warning, error or critical"


OPTIONS = [
    (name, text)
    for name, (_, field) in settings_of(MeetingOptions).items()
    for text in (*WRONG.get(_kind(field.annotation)[0], ()), *BY_NAME.get(name, ()))
    if name != "retention_s" or text in NUMBERS
]


@pytest.mark.parametrize(("name", "text"), OPTIONS, ids=str)
def test_wrong_option_of_a_meeting_is_one_line_that_names_it(name: str, text: str) -> None:
    values = {name: (text,) if name == "ice_server" else text}
    for model, needed in ((MeetingOptions, {}), (Settings, {"room_url": "local://r", "policy": "presence"})):
        with pytest.raises(SettingsRefused) as error:
            checked(model, needed | values)
        assert not OF_PROGRAMMERS.search(str(error.value))
        assert "\n" not in str(error.value)
        assert name.replace("_", "-") in str(error.value).replace("_", "-")


def test_option_of_a_meeting_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(SettingsRefused, match=r"^read_per_s: there is no such setting; known are .*reads_per_s"):
        checked(MeetingOptions, {"read_per_s": 3})


def test_every_setting_has_a_wrong_value_here_or_takes_any_text() -> None:
    every: list[type[BaseModel]] = [model for models in (*TABLE.values(), EVERYWHERE) for model in models]
    named = {name for model in every for name in settings_of(model)}
    assert named - {name for _, name, _, _ in ALL} - ANY_TEXT == {"log"}, "which a test of its own has"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([*TRAIN, "--epochs", "0"], "--epochs 0 cannot be used: give 1 or more; see build-engine train -h"),
        ([*TRAIN, "--epochs", "x"], "--epochs x cannot be used: give a whole number; see build-engine train -h"),
        ([*TRAIN, "--backbone", "vgg"], "--backbone: 'vgg' is not one of 'resnet50', 'inception_v3'"),
        ([*TRAIN, "--weights", "none.dat"], "--weights: file 'none.dat' does not exist"),
        ([*TRAIN, "--recipe", "perfect"], "--recipe: 'perfect' is none of paper"),
        ([*TRAIN, "--fast"], "No such option: --fast"),
        (["bench", "--batch", "0"], "--batch 0 cannot be used: give 1 or more; see build-engine bench -h"),
        (["train"], "Missing option '--data'; see build-engine train -h"),
        (["fly"], "No such command 'fly'; see build-engine -h"),
    ],
)
def test_build_engine_refuses_in_one_line_too(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(build_engine, "restart_with_settings", lambda: None)
    line = refused(words, monkeypatch, capsys, build_engine.main)
    assert line.startswith(f"build-engine: {said}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["join"], "Missing argument 'room_url'; see classpulse join -h"),
        (["watch"], "give an instructor's link, - for stdin, or CLASSPULSE_LINK"),
        (
            ["key", "add", "me", "--days", "never"],
            "--days never cannot be used: give a number; see classpulse key add -h",
        ),
        (["key", "add", "me", "--scope", "all"], "--scope: 'all' is not one of 'invite', 'watch', 'consent', 'admin'"),
        (
            ["people", "local://r", "--count", "65"],
            "--count 65 cannot be used: give 64 at most; see classpulse people -h",
        ),
        (["leave", "a", "b"], "Got unexpected extra argument(s) (b); see classpulse leave -h"),
        (["join", "local://r", "--polcy", "presence"], "No such option: --polcy"),
    ],
)
def test_what_a_command_reads_itself_is_refused_in_one_line(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(words, monkeypatch, capsys, classpulse.main).startswith(f"classpulse: {said}")


def test_refusal_that_names_a_flag_says_which_variable_stands_behind_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLASSPULSE_HOST", "0.0.0.0")
    line = refused(["serve"], monkeypatch, capsys, classpulse.main)
    assert line.endswith("ends TLS (--host is CLASSPULSE_HOST here)")


@pytest.mark.parametrize("name", ["CLASSPULSE_ICE_CREDENTIALS", "CLASSPULSE_BUS", "CLASSPULSE_WEBHOOK_SECRET"])
def test_refusal_quotes_no_secret(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, "sesame" * 40)
    command = ["invite"] if "WEBHOOK" in name else ["join", "--ice-server", "turn:h"]
    line = refused([*command, "local://r", "--policy", "presence"], monkeypatch, capsys, classpulse.main)
    assert "sesame" not in line


def test_table_of_settings_for_operators_is_that_of_the_code() -> None:
    assert TARGET.read_text() == markdown(), "run: python -m bot.settings.table"
