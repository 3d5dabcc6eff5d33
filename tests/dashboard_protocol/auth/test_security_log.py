"""Who asked for what stands in the audit log, without names; no record keeps anybody from what was asked."""

import json
from pathlib import Path

import pytest

from dashboard_protocol.auth import security_log
from dashboard_protocol.auth.security_log import SecurityEvent, note
from dashboard_protocol.control_api.api_keys import Scope
from tests.dashboard_protocol.control_api.test_authorisation import ROOM, a_service
from tests.dashboard_protocol.staging import a_stage


@pytest.fixture(autouse=True)
def _nothing_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security_log, "_counted", type(security_log._counted)())


def lines(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "audit.jsonl").read_text().splitlines()]


async def test_what_keys_ask_for_is_noted_by_their_marks(tmp_path: Path, state_folder: Path) -> None:
    async with a_service(tmp_path, "Zoraya") as service:
        key = service.control.keys.add("Zoraya", frozenset(Scope), max_bots=1)
        mark = service.control.keys.check(key).fingerprint
        for route in (
            "POST /v1/rooms/{room}/link",
            "DELETE /v1/rooms/{room}/links",
            "POST /v1/rooms/{room}/consents/revocations",
            "POST /v1/bots",
        ):
            await service.ask(route, key)
        await service.ask("GET /v1/bots", "cpk_forged")
        await service.http.post(f"/v1/rooms/{ROOM}/session", json={"link": "forged"})
        await service.control.queue.erase(ROOM, service.control.bus)
        await service.control.queue.ask_to_leave("b")
    noted = [(line["event"], line.get("what"), line.get("key"), line.get("room")) for line in lines(state_folder)]
    assert noted == [
        ("key_made", None, mark, None),
        ("key_used", None, mark, None),
        ("link_made", None, mark, ROOM),
        ("revoked", "links", mark, ROOM),
        ("revoked", "consents", mark, ROOM),
        ("limit_hit", "bots", mark, None),
        ("refused", "key", None, None),
        ("refused", "link", None, None),
    ]
    text = (state_folder / "audit.jsonl").read_text()
    assert "zoraya" not in text.casefold()
    assert "anna" not in text.casefold()
    assert (state_folder / "audit.jsonl").stat().st_mode & 0o077 == 0


async def test_requests_under_a_foreign_name_or_from_foreign_pages_are_noted(state_folder: Path) -> None:
    async with a_stage() as stage:
        for headers in ({"host": "evil.example"}, {"origin": "https://evil.example"}):
            await stage.http("POST", "/v1/rooms/r/session", headers=headers)
        async with stage.connect() as reader:
            await reader.send({"type": "authenticate", "v": 1, "token": "forged"})
            await reader.close_code()
    assert [(line["event"], line.get("what")) for line in lines(state_folder)] == [
        ("refused", "host"),
        ("refused", "origin"),
        ("refused", "session"),
    ]
    assert "evil" not in (state_folder / "audit.jsonl").read_text()


def test_what_anybody_can_cause_at_will_fills_no_disk(state_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1000.0
    monkeypatch.setattr("dashboard_protocol.auth.security_log.time.monotonic", lambda: now_s)
    for number in range(5000):
        note(SecurityEvent.REFUSED, "key")
        note(SecurityEvent.KEY_USED, key=f"{number % 2}")
    now_s += 60
    note(SecurityEvent.REFUSED, "key")
    found = [(line["event"], line.get("times", 1)) for line in lines(state_folder)]
    assert found == [("refused", 1), ("key_used", 1), ("key_used", 1), ("refused", 5000)]


async def test_opening_and_revoking_go_on_where_the_audit_log_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("a file where a folder should be")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    async with a_service(tmp_path, "asker") as service:
        key = service.control.keys.add("asker", frozenset({Scope.WATCH}))
        assert (await service.ask("POST /v1/rooms/{room}/link", key)).status_code == 200
        assert (await service.ask("DELETE /v1/rooms/{room}/links", key)).status_code == 200
    assert "the audit log could not be written" in caplog.text
