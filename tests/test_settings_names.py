"""Names that scripts, units and other machines rely on: nothing of this is renamed or lost; what is new may come.

Whoever takes a name away on purpose takes it out of the tables here, and says so in CHANGELOG.md.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from pydantic import BaseModel
from typer.main import get_command

from bot import __main__ as classpulse
from bot.settings.meeting import MeetingOptions
from build_engine import __main__ as build_engine
from dashboard_protocol.control_api import schemas

VARIABLE = re.compile(r"CLASSPULSE_[A-Z_]*[A-Z]")
CLIENT = "--url=CLASSPULSE_URL --api-key=CLASSPULSE_API_KEY"
REACHED = (
    "--host=CLASSPULSE_HOST --port=CLASSPULSE_PORT --tls-cert --tls-key --behind-proxy --no-behind-proxy "
    "--trusted-proxy=CLASSPULSE_TRUSTED_PROXIES --public-url=CLASSPULSE_PUBLIC_URL "
    "--frame-origin=CLASSPULSE_FRAME_ORIGINS"
)
FIGURES = (
    "--metrics-port=CLASSPULSE_METRICS_PORT --metrics-host=CLASSPULSE_METRICS_HOST "
    "--allowed-host=CLASSPULSE_ALLOWED_HOSTS"
)
MEDIA = (
    "--ice-server=CLASSPULSE_ICE_SERVERS --ice-server=CLASSPULSE_ICE_CREDENTIALS "
    "--ice-server=CLASSPULSE_ICE_CREDENTIALS_FILE --relay-only=CLASSPULSE_RELAY_ONLY"
)
READING = "--engine=CLASSPULSE_ENGINE --engine-fallback=CLASSPULSE_ENGINE_FALLBACK --reads-per-s"
BROWSER = "--chromium=CLASSPULSE_CHROMIUM --browser-host=CLASSPULSE_BROWSER_HOSTS"
STAY = "--leave-alone-after=CLASSPULSE_LEAVE_ALONE_AFTER"
STORE = "--bus=CLASSPULSE_BUS --bus=CLASSPULSE_BUS_FILE --retention=CLASSPULSE_RETENTION"

CLASSPULSE = {
    "demo": "--clip --policy=CLASSPULSE_POLICY --engine=CLASSPULSE_ENGINE --duration --report --port=CLASSPULSE_PORT "
    "--json",
    "join": f"ROOM_URL --policy=CLASSPULSE_POLICY --title --bot-name=CLASSPULSE_BOT_NAME --k --bus=CLASSPULSE_BUS "
    f"--notice-given --leave-out --duration --take-over --report --json {READING} {REACHED} {FIGURES} {MEDIA} {STAY} "
    f"{BROWSER} --debug-page",
    "check-room": f"ROOM_URL --patience --duration --notice-given --json {MEDIA} {BROWSER} --debug-page",
    "people": f"ROOM_URL --count --duration {CLIENT}",
    "watch": "LINK=CLASSPULSE_LINK --json",
    "version": "",
    "serve": f"--rooms=CLASSPULSE_ROOMS --policy=CLASSPULSE_POLICY --allowed-policies=CLASSPULSE_ALLOWED_POLICIES "
    f"--webhooks=CLASSPULSE_WEBHOOKS --lti=CLASSPULSE_LTI {STORE} {REACHED} {FIGURES}",
    "worker": f"--media-host=CLASSPULSE_MEDIA_HOST --capacity --drain --memory-mb --engine-threads {STORE} {READING} "
    f"{FIGURES} {MEDIA} {STAY} {BROWSER}",
    "engine": "MODEL --listen=CLASSPULSE_ENGINE_LISTEN --threads --engine-fallback=CLASSPULSE_ENGINE_FALLBACK "
    "--status --json",
    "invite": "ROOM_URL --policy=CLASSPULSE_POLICY --title --bot-name --join-at --duration --leave-out "
    f"--webhook=CLASSPULSE_WEBHOOK_SECRET {CLIENT} --json",
    "bots": f"{CLIENT} --json",
    "webhooks": f"BOT_ID {CLIENT} --json",
    "leave": f"BOT_ID {CLIENT} --json",
    "report": f"ROOM --out {CLIENT} --json",
    "link": f"ROOM --standing {CLIENT}",
    "consent": f"ROOM NAME --days --join {CLIENT}",
    "revoke": f"ROOM --name {CLIENT}",
    "engagement-evaluate": "--data --layout --out --engine --threads --train-head --plots --json",
    "key add": "NAME --scope --days --max-bots",
    "key list": "--json",
    "key remove": "NAME",
}
"""Command → its arguments and flags; behind `=` a variable that its help names there."""

PLAN = "--max-batch --api --sm --optimisation-level --workspace-mb"
BUILD_ENGINE = {
    "train": "--data --recipe --out --resume --epochs --seed --backbone --start-from --weights --teacher --raw-crops "
    "--cache --json",
    "evaluate": "--data --split --model --confusion --through-video --bitrate --cache --json",
    "compare": "--data --variant --seeds --epochs --out --cache --json",
    "split-study": "--data --variant --seed --epochs --out --cache --json",
    "export": "RUNS --data --to --private-test --trained-on --cache --json",
    "quantize": "MODEL --data --to --private-test --ranges-only --cache --json",
    "parity": "--data --model --int8 --plan --cache --json",
    "plan": f"MODEL --output -o --precision --timing-cache --check --json {PLAN}",
    "verify": f"MODEL --output -o --data --precision --keep --cache --json {PLAN}",
    "bench": "MODELS --batch --threads --rounds --json",
    "fairness": "--data --model --to --json",
    "explain": "IMAGE --to --model --json",
}

MEETING_OPTIONS: dict[str, object] = {
    "reads_per_s": 4.0,
    "engine": None,
    "engine_fallback": False,
    "engine_threads": 2,
    "bus": "memory://",
    "retention_s": 604_800.0,
    "leave_alone_after_s": None,
    "share_with_class": False,
    "media_host": None,
    "chromium": None,
    "browser_hosts": (),
}
"""What a worker hands to the process of every meeting, and what it is where nobody says."""

API = {
    schemas.BotRequest: "room_url policy bot_name title join_at max_duration_s leave_out notice_given webhook",
    schemas.WebhookRequest: "url secret",
    schemas.BotView: "id room room_url policy state since reason states join link privacy webhook",
    schemas.RoomView: "room",
    schemas.RevocationView: "generation reach",
    schemas.LinkView: "link",
    schemas.ConsentRequest: "name valid_s",
    schemas.ConsentView: "token expires_in_s",
    schemas.Withdrawal: "name",
}
"""Body of the control API → its fields."""


def commands(command: Any, *path: str) -> Iterator[tuple[str, Any]]:
    """Yield every command below, by the words that call it."""
    within: dict[str, Any] = getattr(command, "commands", {})
    for name, each in within.items():
        yield from commands(each, *path, name)
    if not within:
        yield " ".join(path), command


def names(command: Any) -> set[str]:
    """Return the arguments and flags of a command, and each with the variables that its help names."""
    context = command.make_context("command", [], resilient_parsing=True)
    found: set[str] = set()
    for parameter in command.params:
        is_flag = parameter.param_type_name == "option"
        spelled = {*parameter.opts, *parameter.secondary_opts} if is_flag else {parameter.name.upper()}
        said = " ".join(parameter.get_help_record(context) or ())
        found |= spelled | {f"{name}={variable}" for name in spelled for variable in VARIABLE.findall(said)}
    return found


@pytest.mark.parametrize(
    ("app", "table"),
    [(classpulse.app, CLASSPULSE), (build_engine.app, BUILD_ENGINE)],
    ids=["classpulse", "build-engine"],
)
def test_no_flag_and_no_variable_is_renamed_or_lost(app: typer.Typer, table: dict[str, str]) -> None:
    known = {path: names(command) for path, command in commands(get_command(app))}
    lost = {path: missing for path, said in table.items() if (missing := set(said.split()) - known.get(path, set()))}
    assert not lost


def test_what_a_worker_hands_to_a_meeting_keeps_its_names_and_defaults() -> None:
    options = MeetingOptions().model_dump()
    assert {name: options.get(name, "lost") for name in MEETING_OPTIONS} == MEETING_OPTIONS


@pytest.mark.parametrize("body", API, ids=lambda body: body.__name__)
def test_no_field_of_the_control_api_is_renamed_or_lost(body: type[BaseModel]) -> None:
    assert set(API[body].split()) <= set(body.model_fields)
