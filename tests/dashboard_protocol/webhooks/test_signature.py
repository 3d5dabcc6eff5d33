"""What a receiver believes, and what it does not."""

import pytest

from dashboard_protocol.errors import WebhookRefused
from dashboard_protocol.webhooks import Verifier, sign
from dashboard_protocol.webhooks.signature import WINDOW_S

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + 32 * "A"
SENT = 1614265330
BODY = b'{"test": 2432232314}'


def verifier(at: float = SENT) -> Verifier:
    return Verifier(SECRET, clock=lambda: at)


def test_signature_is_that_of_the_published_example() -> None:
    """The reference vector of Standard Webhooks."""
    assert sign(SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJek", SENT, BODY) == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


@pytest.mark.parametrize("apart_s", [0, WINDOW_S, -WINDOW_S])
def test_genuine_message_passes_within_the_window(apart_s: float) -> None:
    signed = sign(SECRET, "bot-1", SENT, BODY)
    capital = {name.title(): value for name, value in signed.items()}
    assert verifier(SENT + apart_s).verify(capital, BODY) == "bot-1"


@pytest.mark.parametrize("apart_s", [WINDOW_S + 1, -WINDOW_S - 1, 86_400])
def test_message_that_is_too_old_or_from_the_future_is_refused(apart_s: float) -> None:
    with pytest.raises(WebhookRefused, match="too old"):
        verifier(SENT + apart_s).verify(sign(SECRET, "bot-1", SENT, BODY), BODY)


def test_replayed_message_is_refused_and_one_that_is_sent_again_passes() -> None:
    receiver, signed = verifier(), sign(SECRET, "bot-1", SENT, BODY)
    receiver.verify(signed, BODY)
    with pytest.raises(WebhookRefused, match="heard before"):
        receiver.verify(signed, BODY)
    assert receiver.verify(sign(SECRET, "bot-1", SENT + 2, BODY), BODY) == "bot-1"


def test_replay_is_refused_at_the_edge_of_the_window_and_little_is_remembered() -> None:
    now = float(SENT)
    receiver = Verifier(SECRET, clock=lambda: now)
    for number in range(100):
        receiver.verify(sign(SECRET, f"bot-{number}", SENT, BODY), BODY)
    now += WINDOW_S
    with pytest.raises(WebhookRefused, match="heard before"):
        receiver.verify(sign(SECRET, "bot-1", SENT, BODY), BODY)
    now += 1
    with pytest.raises(WebhookRefused, match="too old"):
        receiver.verify(sign(SECRET, "bot-1", SENT, BODY), BODY)
    receiver.verify(sign(SECRET, "bot-1", int(now), BODY), BODY)
    assert len(receiver._heard) == 1


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (sign(OTHER, "bot-1", SENT, BODY), BODY),
        (sign(SECRET, "bot-1", SENT, BODY), BODY + b" "),
        (sign(SECRET, "bot-1", SENT, BODY) | {"webhook-id": "bot-2"}, BODY),
        (sign(SECRET, "bot-1", SENT, BODY) | {"webhook-timestamp": str(SENT + 1)}, BODY),
        (sign(SECRET, "bot-1", SENT, BODY) | {"webhook-timestamp": f"+{SENT}"}, BODY),
        (sign(SECRET, "bot-1", SENT, BODY) | {"webhook-timestamp": "9" * 5000}, BODY),
        (sign(SECRET, "bot-1", SENT, BODY) | {"webhook-signature": ""}, BODY),
        (sign(SECRET, "bot-1", SENT, BODY) | {"webhook-signature": "v1,"}, BODY),
        (sign(SECRET, "bot-1", SENT, BODY) | {"webhook-signature": "v1a,ä"}, BODY),
        (sign(SECRET, "", SENT, BODY), BODY),
        (sign(SECRET, f"bot.{SENT}", SENT, BODY), BODY),
        ({}, BODY),
    ],
)
def test_what_was_not_signed_like_this_is_refused(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(WebhookRefused):
        verifier().verify(headers, body)


def test_one_of_several_signatures_is_enough_while_a_secret_is_changed() -> None:
    headers = sign(SECRET, "bot-1", SENT, BODY)
    both = f"{sign(OTHER, 'bot-1', SENT, BODY)['webhook-signature']} {headers['webhook-signature']}"
    assert verifier().verify(headers | {"webhook-signature": both}, BODY) == "bot-1"


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_c2hvcnQ=", "password-word", SECRET.removeprefix("whsec_"), "whsec_ä" * 9]
)
def test_unusable_secret_is_refused_without_being_quoted(secret: str) -> None:
    with pytest.raises(WebhookRefused, match="openssl rand") as refused:
        Verifier(secret)
    assert len(secret) < 7 or secret not in str(refused.value)
