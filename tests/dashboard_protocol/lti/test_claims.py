"""What browsers bring from a learning platform is decoded, or refused by our own error, whatever form it has."""

import json
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from dashboard_protocol.errors import LaunchRefused
from dashboard_protocol.lti.claims import read_launch, read_login, read_token
from dashboard_protocol.lti.platform_keys import read_keys
from tests.dashboard_protocol.lti.platform import CLAIM, CLIENT, STUDENT, TEACHER, claims, public_key
from tests.hostile import (
    CLAIMS_THAT_ARE_NONE,
    FORMS_THAT_LAUNCH_NOTHING,
    KEY_SETS_THAT_ARE_NONE,
    KEYS_THAT_ARE_NONE,
    REDIS_BYTES,
    REDIS_TEXTS,
)

HEADER = {"alg": "RS256", "kid": "k1"}
LONG = {"roles", "context", "deployment_id", "resource_link", "version", "message_type"}


def token(said: bytes, header: object = HEADER) -> str:
    parts = (json.dumps(header).encode(), said, b"signature")
    return ".".join(urlsafe_b64encode(part).decode().rstrip("=") for part in parts)


def whole(**changes: Any) -> bytes:
    return json.dumps(claims("n1", **changes)).encode()


def test_whole_launch_is_decoded_without_any_name_of_a_person() -> None:
    read = read_token(token(whole(**{f"{CLAIM}roles": [STUDENT, TEACHER]})))
    assert (read.claims.client_id, read.claims.teaches, read.header.kid) == (CLIENT, True, "k1")
    assert read_token(token(whole(aud=[CLIENT], azp=CLIENT))).claims.client_id == CLIENT
    assert "Ada" not in repr(read)
    assert "example.org" not in repr(read).replace("moodle.example.org", "")


@pytest.mark.parametrize("form", FORMS_THAT_LAUNCH_NOTHING)
def test_form_that_launches_nothing_is_refused(form: bytes) -> None:
    for read in (read_login, read_launch):
        with pytest.raises(LaunchRefused):
            read(form)


@pytest.mark.parametrize("said", [*CLAIMS_THAT_ARE_NONE, *REDIS_BYTES, *(text.encode() for text in REDIS_TEXTS)])
def test_claims_that_are_none_are_refused(said: bytes) -> None:
    with pytest.raises(LaunchRefused):
        read_token(token(said))


@pytest.mark.parametrize("said", [row for row in CLAIMS_THAT_ARE_NONE if row.endswith(b"}") and b"999" not in row])
def test_launch_with_one_claim_that_is_none_is_refused(said: bytes) -> None:
    named = {f"{CLAIM}{name}" if name in LONG else name: value for name, value in json.loads(said).items()}
    with pytest.raises(LaunchRefused):
        read_token(token(whole(**named)))


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        "ä.ö.ü",
        "!!!.???.###",
        "e30.e30.",
        "e30.e30.e30",
        ".e30.e30",
        "e30." * 9000,
        "\x00.\x00.\x00",
    ],
)
def test_text_that_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(LaunchRefused):
        read_token(text)


@pytest.mark.parametrize(
    "header",
    [{}, [], None, "RS256", {"alg": "none", "kid": "k"}, {"alg": "HS256", "kid": "k"}, {"alg": "RS256"},
     {"alg": "RS256", "kid": ""}, {"alg": ["RS256"], "kid": "k"}, {"alg": "rs256", "kid": "k"},
     {"alg": "RS256", "kid": 5}],
)  # fmt: skip
def test_token_signed_in_any_other_way_is_refused(header: object) -> None:
    with pytest.raises(LaunchRefused):
        read_token(token(whole(), header))


@given(some.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused_by_our_own_error(text: bytes) -> None:
    for read in (read_login, read_launch, lambda said: read_token(token(said))):
        try:
            read(text)
        except LaunchRefused:
            continue


@pytest.mark.parametrize("text", KEY_SETS_THAT_ARE_NONE)
def test_key_set_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(LaunchRefused):
        read_keys(text)


@pytest.mark.parametrize("changes", KEYS_THAT_ARE_NONE)
def test_keys_for_anything_else_are_left_out_of_a_key_set(changes: dict[str, object]) -> None:
    good, other = public_key("k1"), changes and public_key("k1") | {"kid": "k9"} | changes
    assert [key.kid for key in read_keys(json.dumps({"keys": [other, good]}))] == ["k1"]
