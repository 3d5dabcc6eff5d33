"""What `deploy/` says exists in the code: commands, flags and variables. No image is built here."""

import configparser
import json
import re
import shlex
import shutil
import subprocess
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml  # type: ignore[import-untyped]

from bot.__main__ import app
from bot.errors import SettingsRefused
from bot.settings.flags import checked, read_given
from bot.settings.table import EVERYWHERE, TABLE
from dashboard_protocol.settings.setting import settings_of

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
OURS = {name: service for name, service in COMPOSE["services"].items() if name not in ("redis", "janus")}
JANUS = COMPOSE["services"]["janus"]
SOURCE = "".join(
    path.read_text() for package in ("bot", "dashboard_protocol") for path in (ROOT / package).rglob("*.py")
)


VARIABLES = {
    setting.variable + ending
    for models in (*TABLE.values(), EVERYWHERE)
    for model in models
    for setting, _ in settings_of(model).values()
    for ending in ("", *(["_FILE"] if setting.is_secret else []))
}


def unit(path: Path) -> list[tuple[str, str]]:
    lines = (line for line in path.read_text().splitlines() if "=" in line and not line.startswith("#"))
    return [(name, value) for name, _, value in (line.partition("=") for line in lines)]


def check_command(words: list[str]) -> None:
    """Parse a command line as `classpulse` would, without running it."""
    group = typer.main.get_command(app)
    command = group.commands[words[0]]  # type: ignore[attr-defined]
    given = command.make_context(words[0], words[1:]).params
    for model in TABLE.get(words[0], ()):
        try:
            checked(model, read_given(model, words[0], given).values)
        except SettingsRefused as error:  # what a value needs beside it may come from the machine's environment
            if "cannot be used" in str(error):
                raise


def check_variable(name: str) -> None:
    if name.startswith("CLASSPULSE_"):
        assert name in VARIABLES


@pytest.mark.parametrize("service", OURS.values(), ids=OURS)
def test_composed_service_runs_a_command_that_exists(service: dict[str, Any]) -> None:
    check_command(service["command"])
    for name, value in service.get("environment", {}).items():
        check_variable(name)
        for inner in re.findall(r"\$\{(\w+)", value):
            check_variable(inner)


@pytest.mark.parametrize("service", COMPOSE["services"].values(), ids=COMPOSE["services"])
def test_composed_service_is_confined(service: dict[str, Any]) -> None:
    assert service["user"] != "root"
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    first, *more = service["security_opt"]
    assert first == "no-new-privileges:true"
    for rules in more:
        assert (DEPLOY / rules.removeprefix("seccomp:")).is_file()
    secrets = {secret if isinstance(secret, str) else secret["source"] for secret in service.get("secrets", ())}
    assert secrets <= set(COMPOSE["secrets"])
    for value in service.get("environment", {}).values():
        if value.startswith("/run/secrets/"):
            assert value.removeprefix("/run/secrets/") in secrets
    for port in service.get("ports", ()):
        assert port.startswith("127.0.0.1:") or port.endswith("/udp"), "TLS is the proxy's; media is encrypted anyway"
    for volume in service.get("volumes", ()):
        assert volume.partition(":")[0] in COMPOSE["volumes"]


def test_composed_gateway_believes_the_proxy_of_this_machine_and_no_container() -> None:
    [network] = COMPOSE["networks"]["default"]["ipam"]["config"]
    gateway = OURS["gateway"]["environment"]
    assert gateway["CLASSPULSE_TRUSTED_PROXIES"] == network["gateway"]
    assert ip_address(network["gateway"]) in ip_network(network["subnet"])
    assert "CLASSPULSE_PUBLIC_URL" in gateway["CLASSPULSE_PUBLIC_URL"]
    published = [port.rpartition(":")[2] for port in OURS["gateway"]["ports"]]
    assert gateway["CLASSPULSE_METRICS_PORT"] not in published


def test_services_that_can_be_asked_are_asked() -> None:
    assert all("healthcheck" in service for service in COMPOSE["services"].values())
    for name in ("gateway", "worker"):
        assert "/readyz" in str(COMPOSE["services"][name]["healthcheck"])
    worker = OURS["worker"]
    port = worker["command"][worker["command"].index("--metrics-port") + 1]
    assert f":{port}/readyz" in str(worker["healthcheck"])
    assert '"/readyz"' in SOURCE
    program, *words = OURS["engine"]["healthcheck"]["test"][1:]
    assert program == "classpulse"
    check_command(words)


def test_workers_find_the_engine_behind_a_folder_of_their_user_alone() -> None:
    engine, worker = OURS["engine"], OURS["worker"]
    address = worker["environment"]["CLASSPULSE_ENGINE"]
    assert address in engine["command"]
    folder = address.removeprefix("ipc://").rpartition("/")[0]
    for service in (engine, worker):
        assert f"engine:{folder}" in service["volumes"]
    options = COMPOSE["volumes"]["engine"]["driver_opts"]["o"].split(",")
    assert {"mode=0700", f"uid={engine['user']}"} <= set(options)
    assert engine["network_mode"] == "none"
    unit_of_engine = dict(unit(DEPLOY / "systemd" / "classpulse-engine.service"))
    assert unit_of_engine["RuntimeDirectoryMode"] == "0700"
    assert f"ipc:///run/{unit_of_engine['RuntimeDirectory']}/" in unit_of_engine["ExecStart"]
    assert {dict(unit(path))["User"] for path in UNITS} == {"classpulse"}


def test_audit_log_outlives_the_containers_that_write_it() -> None:
    folder = re.search(r"XDG_STATE_HOME=(\S+)", (DEPLOY / "Dockerfile").read_text())
    assert folder is not None
    for name in ("gateway", "worker"):
        assert f"state:{folder[1]}" in OURS[name]["volumes"]
        assert not any(mount.startswith(folder[1]) for mount in OURS[name]["tmpfs"])
    assert COMPOSE["volumes"]["state"] is None


def test_janus_serves_rooms_as_the_bot_can_read_them() -> None:
    lines = (DEPLOY / "janus" / "Dockerfile").read_text()
    for source in re.findall(r"^COPY (.+) \S+$", lines, re.MULTILINE):
        assert all((ROOT / name).exists() for name in source.split())
    rooms = (DEPLOY / "janus" / "rooms.example.jcfg").read_text()
    assert 'videocodec = "vp8,h264"' in rooms
    assert "notify_joining = true" in rooms
    media = re.search(r'rtp_port_range = "(\d+-\d+)"', (DEPLOY / "janus" / "janus.jcfg").read_text())
    assert media is not None
    assert f"{media[1]}:{media[1]}/udp" in JANUS["ports"]
    [secret] = JANUS["secrets"]
    assert secret["target"].startswith("/etc/janus/")


@pytest.mark.integration
@pytest.mark.skipif(not (shutil.which("janus") and shutil.which("unshare")), reason="needs janus and unshare")
def test_janus_takes_the_configuration_and_its_healthcheck_holds(tmp_path: Path) -> None:
    for name in ("janus.jcfg", "janus.transport.websockets.jcfg"):
        shutil.copy(DEPLOY / "janus" / name, tmp_path)
    shutil.copy(DEPLOY / "janus" / "rooms.example.jcfg", tmp_path / "janus.plugin.videoroom.jcfg")
    _, *check = JANUS["healthcheck"]["test"]
    start = f"janus --debug-level 4 --configs-folder {tmp_path} --config {tmp_path}/janus.jcfg --nat-1-1 192.0.2.1"
    script = f"""
        ip link set lo up
        stdbuf -oL {start} &
        for _ in $(seq 100); do {shlex.join(check)} && kill -9 $! && exit 0; sleep 0.1; done; kill -9 $!; exit 1
    """
    run = subprocess.run(["unshare", "-Urn", "bash", "-c", script], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0
    assert "VideoRoom plugin initialized" in run.stdout


def test_image_runs_a_command_that_exists_as_nobody_special() -> None:
    lines = (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    [command] = [line for line in lines if line.startswith("CMD ")]
    check_command(yaml.safe_load(command.removeprefix("CMD ")))
    assert "USER classpulse" in lines
    for source in re.findall(r"^COPY (?!--from)(.+) \S+$", "\n".join(lines), re.MULTILINE):
        assert all((ROOT / name).exists() for name in source.split())


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_unit_runs_a_command_that_exists_with_variables_that_are_read(path: Path) -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    assert parser.sections() == ["Unit", "Service", "Install"]
    _, *words = shlex.split(parser["Service"]["ExecStart"])
    check_command(words)
    settings = unit(path)
    credentials = {value.partition(":")[0] for name, value in settings if name == "LoadCredential"}
    for variable, _, value in (value.partition("=") for name, value in settings if name == "Environment"):
        check_variable(variable)
        if value.startswith("%d/"):
            assert value.removeprefix("%d/") in credentials


def test_worker_whose_image_has_no_chromium_takes_no_pages_and_the_other_may_have_a_sandbox() -> None:
    assert OURS["worker"]["environment"]["CLASSPULSE_BROWSER_BOTS"] == "0"
    pages = OURS["pages"]
    assert f"AS {pages['build']['target']}\n" in (DEPLOY / "Dockerfile").read_text()
    forbidden = json.loads((DEPLOY / "seccomp-browser.json").read_text())["syscalls"][0]
    assert forbidden["action"] == "SCMP_ACT_ERRNO"
    assert not {"clone", "clone3", "unshare", "setns", "chroot", "seccomp", "mount", "pivot_root"} & set(
        forbidden["names"]
    )
    assert {"bpf", "kexec_load", "init_module", "open_by_handle_at"} <= set(forbidden["names"])
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    users = [line for line in lines if line.startswith(("FROM", "USER"))]
    assert [users[at - 1] for at, line in enumerate(users) if line.startswith("FROM") and at][-1] == "USER classpulse"


def test_there_is_a_unit_for_every_role() -> None:
    assert [path.stem for path in UNITS] == ["classpulse-engine", "classpulse-gateway", "classpulse-worker"]


def test_operators_dashboard_shows_figures_that_exist() -> None:
    dashboard = json.loads((DEPLOY / "grafana" / "classpulse.json").read_text())
    shown = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    names = {name for expression in shown for name in re.findall(r"classpulse_\w+", expression)}
    assert len(names) > 15
    for name in names:
        figure = re.sub(r"_(total|bucket|sum|count)$", "", name)
        assert f'"{figure}"' in SOURCE, f"{name} is counted nowhere"
    places = [tuple(panel["gridPos"].values()) for panel in dashboard["panels"]]
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("words", [["serve", "--nonsense"], ["worker", "--capacity", "none"]])
def test_the_check_itself_refuses_what_does_not_exist(words: list[str]) -> None:
    with pytest.raises(Exception, match=r"--nonsense|capacity none cannot be used"):
        check_command(words)
