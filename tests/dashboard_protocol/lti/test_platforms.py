"""The operator's list of learning platforms: read whole, or refused in one line that says where."""

import json
from pathlib import Path
from typing import Any

import pytest

from dashboard_protocol.errors import PlatformsRefused
from dashboard_protocol.lti.platforms import read_platforms
from tests.hostile import ADDRESSES_THAT_ARE_NONE, ORIGINS_THAT_ARE_NONE

MOODLE: dict[str, Any] = {
    "issuer": "https://moodle.example.org", "client_id": "a1", "deployment_ids": ["1", "2"],
    "auth_url": "https://moodle.example.org/mod/lti/auth.php", "token_url": "https://moodle.example.org/mod/lti/token.php",
    "jwks_url": "https://moodle.example.org/mod/lti/certs.php", "api_key": "moodle",
    "rooms": {"42": "janus+wss://janus.example.org/77"},
}  # fmt: skip
CANVAS: dict[str, Any] = {
    "issuer": "https://canvas.instructure.com", "client_id": "10000000000001", "deployment_ids": ["1:8865aa05b4b79b64"],
    "auth_url": "https://sso.canvaslms.com/api/lti/authorize_redirect",
    "jwks_url": "https://sso.canvaslms.com/api/lti/security/jwks", "api_key": "canvas",
}  # fmt: skip


def written(folder: Path, text: object) -> Path:
    path = folder / "platforms.json"
    path.write_text(text if isinstance(text, str) else json.dumps(text))
    return path


def test_registration_is_found_by_issuer_and_client_and_by_an_issuer_that_has_one(tmp_path: Path) -> None:
    platforms = read_platforms(written(tmp_path, [MOODLE, CANVAS, CANVAS | {"client_id": "2"}]))
    moodle = platforms.find(MOODLE["issuer"], None)
    assert moodle is not None
    assert moodle.rooms["42"] == "janus+wss://janus.example.org:8989/77"
    assert platforms.find(MOODLE["issuer"], "a1") is moodle
    assert platforms.find(MOODLE["issuer"], "a2") is None
    assert platforms.find(CANVAS["issuer"], None) is None, "it has two"
    canvas = platforms.find(CANVAS["issuer"], "2")
    assert canvas is not None
    assert canvas.origins == ("https://canvas.instructure.com", "https://sso.canvaslms.com")


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("{}", "it:"),
        ([MOODLE, MOODLE], "twice"),
        ([MOODLE | {"api_key": ""}], "0.api_key"),
        ([MOODLE | {"surplus": 1}], "0.surplus"),
        ([MOODLE | {"deployment_ids": []}], "0.deployment_ids"),
        ([{name: value for name, value in MOODLE.items() if name != "jwks_url"}], "0.jwks_url"),
        ([MOODLE | {"jwks_url": "http://moodle.example.org/certs"}], "in the clear"),
        ([MOODLE] * 101, "it:"),
    ],
)
def test_list_that_cannot_be_used_is_refused_and_says_where(tmp_path: Path, text: object, where: str) -> None:
    with pytest.raises(PlatformsRefused, match=where) as refused:
        read_platforms(written(tmp_path, text))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("address", ORIGINS_THAT_ARE_NONE)
def test_address_of_a_platform_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    if "/path" in address or "?x" in address:
        return  # addresses have these, unlike origins
    with pytest.raises(PlatformsRefused, match="auth_url"):
        read_platforms(written(tmp_path, [MOODLE | {"auth_url": address}]))


@pytest.mark.parametrize("address", ADDRESSES_THAT_ARE_NONE)
def test_room_of_a_course_that_is_none_is_refused(tmp_path: Path, address: str) -> None:
    with pytest.raises(PlatformsRefused, match=r"rooms\.42"):
        read_platforms(written(tmp_path, [MOODLE | {"rooms": {"42": address}}]))


def test_file_that_is_not_there_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PlatformsRefused, match="cannot be read"):
        read_platforms(tmp_path / "absent.json")
    with pytest.raises(PlatformsRefused, match="larger than"):
        read_platforms(written(tmp_path, " " * ((1 << 20) + 1)))
