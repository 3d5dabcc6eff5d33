"""What is looked for by its name in the field is found by it: the table of nouns and places, and the verbs."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
QUESTIONS = {
    "where is a Janus room joined?": "bot/rooms/janus/",
    "where does a browser come into our own room?": "bot/rooms/local/",
    "where is WebRTC spoken?": "bot/rooms/webrtc/",
    "where is what may leave decided?": "bot/disclosure/",
    "where does somebody opt out?": "bot/privacy/",
    "where is the formula of engagement?": "bot/engagement/",
    "where are a machine's bots run?": "bot/workers/",
    "where is the control API?": "dashboard_protocol/control_api/",
    "who notifies webhooks?": "dashboard_protocol/webhooks/",
    "where are links and tokens checked?": "dashboard_protocol/auth/",
}
"""A newcomer's ten, answered by the names of folders alone."""
PACKAGES = ("bot", "engine", "build_engine", "dashboard_protocol")
HOUSE = {
    # what a newcomer asks: where is a Janus room joined, where is a rate limit, where is what may leave decided, …
    "janus": "bot/rooms/janus/",
    "gallery": "bot/rooms/gallery/",
    "webrtc": "bot/rooms/webrtc/",
    "rate limit": "dashboard_protocol/rate_limit.py",
    "disclosure": "bot/disclosure/",
    "privacy": "bot/privacy/",
    "worker": "bot/workers/",
    "webhooks": "dashboard_protocol/webhooks/",
    "gateway": "dashboard_protocol/gateway/",
    "control api": "dashboard_protocol/control_api/",
    "auth": "dashboard_protocol/auth/",
    "engagement": "bot/engagement/",
    "training": "build_engine/training/",
    # a bot in its meeting
    "lifecycle": "bot/meeting/lifecycle.py",
    "participants": "bot/meeting/participants.py",
    "meeting": "bot/meeting/meeting.py",
    "observers": "bot/meeting/observers.py",
    "observer": "bot/meeting/observer.py",
    "class events": "bot/meeting/class_events.py",
    "read rate": "bot/meeting/read_rate.py",
    "outbox": "bot/meeting/outbox.py",
    "change detection": "bot/classroom/change_detection.py",
    "policy": "bot/disclosure/policy.py",
    "rounding": "bot/disclosure/rounding.py",
    "opt out": "bot/privacy/opt_outs.py",
    "audit log": "bot/privacy/audit_log.py",
    "inference": "bot/inference/",
    "batching": "bot/inference/batching.py",
    # rooms
    "ice": "bot/rooms/webrtc/ice.py",
    "sdp": "bot/rooms/webrtc/sdp.py",
    "jitter buffer": "bot/rooms/webrtc/jitter_buffer.py",
    "peer connection": "bot/rooms/webrtc/peer_connection.py",
    "decoding": "bot/rooms/webrtc/decoding.py",
    "h264": "bot/rooms/codecs/h264.py",
    "patches": "bot/rooms/webrtc/aiortc_patches.py",
    "simulcast": "bot/rooms/janus/simulcast.py",
    "data channels": "bot/rooms/janus/data_channels.py",
    "whip": "bot/rooms/local/whip_endpoint.py",
    "whep": "bot/rooms/whep.py",
    "join page": "bot/rooms/local/join_page.py",
    "publishing": "bot/rooms/publishing/",
    "latest frame": "bot/rooms/latest_frame.py",
    "recordings": "bot/recordings/",
    # protocol, bus, gateway
    "events": "dashboard_protocol/events.py",
    "schema": "dashboard_protocol/schema/",
    "snapshot": "dashboard_protocol/snapshot.py",
    "bus": "dashboard_protocol/bus/",
    "queue": "dashboard_protocol/queue/",
    "replay buffer": "dashboard_protocol/bus/replay_buffer.py",
    "retention": "dashboard_protocol/bus/retention.py",
    "send queue": "dashboard_protocol/gateway/send_queue.py",
    "room feed": "dashboard_protocol/gateway/room_feed.py",
    "api keys": "dashboard_protocol/control_api/api_keys.py",
    "tokens": "dashboard_protocol/auth/tokens.py",
    "consent": "dashboard_protocol/auth/consent.py",
    "revocations": "dashboard_protocol/auth/revocations.py",
    "pseudonyms": "dashboard_protocol/auth/pseudonyms.py",
    "privacy requests": "dashboard_protocol/privacy_requests/",
    "http": "dashboard_protocol/http/",
    "proxies": "dashboard_protocol/http/proxies.py",
    "terminal": "dashboard_protocol/terminal/",
    "report": "dashboard_protocol/report/",
    "trend": "dashboard_protocol/view/trend.py",
    # faces and networks
    "face geometry": "engine/face_geometry.py",
    "face models": "engine/face_models/",
    "mesh": "engine/face_models/mesh.py",
    "tensorrt": "engine/runtimes/tensorrt.py",
    "landmarks": "build_engine/data/landmarks.py",
    "augment": "build_engine/data/augment.py",
    "attention": "build_engine/networks/attention.py",
    "pretrained": "build_engine/networks/pretrained_imagenet.py",
    "sam": "build_engine/training/sam.py",
    "quantize": "build_engine/deployment/quantize.py",
    "parity": "build_engine/deployment/parity.py",
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_question_of_a_newcomer_is_answered_by_a_folder_that_says_what_it_is(question: str) -> None:
    folder = ROOT / QUESTIONS[question]
    said = (ast.get_docstring(ast.parse((folder / "__init__.py").read_text())) or "").partition("\n")[0]
    assert said.endswith((".", ":")), "its first line is a line of the tree in bot/README.md"
    assert f"{folder.name}/" in (ROOT / "bot" / "README.md").read_text()
    alike = {path for package in PACKAGES for path in (ROOT / package).rglob(folder.name) if path.is_dir()}
    assert alike == {folder}, "one folder of a name"


def bearing(noun: str) -> set[str]:
    """Return the folders and modules whose own name begins or ends with a noun, or has it between underscores."""
    wanted = f"_{noun.replace(' ', '_')}"
    shown = {path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.suffix in ("", ".py")}
    return {
        path.relative_to(ROOT).as_posix() + ("/" if path.is_dir() else "")
        for path in shown
        if wanted in f"_{path.stem}" and "__pycache__" not in path.parts
    }


@pytest.mark.parametrize("noun", HOUSE)
def test_what_is_looked_for_by_its_name_is_found_by_it(noun: str) -> None:
    place = HOUSE[noun]
    assert (ROOT / place).exists()
    found = bearing(noun)
    assert place in found
    assert len(found) <= 8, f"a search for {noun!r} finds {sorted(found)}"


ONE_VERB_EACH = re.compile(r"(?i)tell(?!i[gs]|er)|told|wish")
"""Said of five things once: what is published (events), reported (a status), logged, sent to webhooks, counted.
A person requests to opt out or in. And a person is "they"."""
ONE_PERSON = re.compile(r"(?i)\b(she|hers?|herself)\b")
STAYS = {
    "WISHES_UNREACHABLE": "the word of protocol v1, which readers know",
    "wishes_unreachable": "the same",
    "'told'": "a field of a bot in Redis, which the gateways and workers of another version read",
    "people must be told": "as the AI Act says it",
    "The people were told": "by their teacher, in so many words",
    "tell them yourself": "the same",
    "cannot be told from others": "a sentence for an operator",
}
"""What is not to be replaced, and why."""


def said(text: str) -> str:
    """Return a line without what stays."""
    for words in STAYS:
        text = text.replace(words, "").replace(words.replace("'", '"'), "")
    return text


def tokens() -> Iterator[tuple[Path, int, str]]:
    """Yield every name, comment and text of the code, a line each; this file's own tables are left out."""
    for folder in (*PACKAGES, "tests"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path == Path(__file__).resolve() or "node_modules" in path.parts:
                continue
            for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
                if token.type in (tokenize.NAME, tokenize.COMMENT, tokenize.STRING):
                    for number, line in enumerate(token.string.splitlines(), token.start[0]):
                        yield path, number, line


def test_events_are_published_states_reported_webhooks_notified_and_nothing_is_merely_told() -> None:
    found = [(path, number, line) for path, number, line in tokens() if ONE_VERB_EACH.search(said(line))]
    assert not found, [f"{path.relative_to(ROOT)}:{number}: {line.strip()}" for path, number, line in found]


def test_person_is_they_in_names_texts_and_comments() -> None:
    found = [(path, number, line) for path, number, line in tokens() if ONE_PERSON.search(line)]
    assert not found, [f"{path.relative_to(ROOT)}:{number}: {line.strip()}" for path, number, line in found]
