"""Whose a frame is: nobody's face under another's name, however a site's word and its media overtake each other."""

from dataclasses import dataclass
from itertools import accumulate

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.rooms.browser.resolver import SETTLE_MS, Resolver
from bot.rooms.browser.site_state import VideoSource

APART_MS = 500.0
"""What word and media may be apart."""
SHORTEST_MS = 1200.0
"""So long a person is shown in a stream at least: then, whatever word and media are apart, some look sees it said."""
CAMERA = VideoSource(receiver=1)


@dataclass
class Switched:
    """A stream in which people follow each other, and what the site says of it when."""

    owners: list[str | None]
    lasts_ms: list[float]
    apart_ms: list[float]

    def __post_init__(self) -> None:
        self.changes = list(accumulate(self.lasts_ms))
        self.said_at = list(accumulate((at + by for at, by in zip(self.changes, self.apart_ms, strict=True)), max))

    def owner(self, at: float, changes: list[float]) -> str | None:
        number = sum(change <= at for change in changes)
        return self.owners[min(number, len(self.owners) - 1)]


@st.composite
def switched(draw: st.DrawFn) -> Switched:
    count = draw(st.integers(1, 6))
    owners = draw(st.lists(st.sampled_from(["eve", "ada", "kofi", None]), min_size=count, max_size=count))
    lasts = draw(st.lists(st.floats(SHORTEST_MS, 4000), min_size=count, max_size=count))
    apart = draw(st.lists(st.floats(-APART_MS, APART_MS), min_size=count, max_size=count))
    return Switched(owners, lasts, apart)


def judged(stream: Switched, look_gaps: list[float], frame_gap: float) -> list[tuple[str, str | None]]:
    """Play a stream; return for every frame that was shown as whose, and whose it was."""
    resolver, shown, held = Resolver(), [], []
    end = stream.changes[-1] + 3000
    looks = [at for at in accumulate(look_gaps * (int(end / min(look_gaps) / len(look_gaps)) + 1)) if at < end]
    frames = [number * frame_gap for number in range(int(end / frame_gap))]
    said: dict[VideoSource, str] | None = None
    for at, is_look in sorted([(at, True) for at in looks] + [(at, False) for at in frames]):
        if not is_look:
            binding = resolver.claimed(at, 1, 7)
            if binding is not None:
                held.append((at, binding))
            continue
        owner = stream.owner(at, stream.said_at)
        now = {CAMERA: owner} if owner else {}
        resolver.look(at, None if now == said else now)
        said = now
        for came_at, binding in list(held):
            is_proven = resolver.is_proven(came_at, 1, 7, binding)
            if is_proven is not None:
                held.remove((came_at, binding))
            if is_proven:
                shown.append((binding.person, stream.owner(came_at, stream.changes)))
    return shown


@given(switched(), st.lists(st.floats(60, 150), min_size=1, max_size=7), st.floats(30, 90))
@settings(max_examples=300)
def test_frame_is_never_shown_as_another_persons(stream: Switched, look_gaps: list[float], frame_gap: float) -> None:
    assert all(shown == true for shown, true in judged(stream, look_gaps, frame_gap))


def test_person_who_stays_is_shown_from_what_came_a_moment_after_the_site_said_so() -> None:
    shown = judged(Switched(["eve"], [4000], [0]), [100.0], 66.0)
    assert len(shown) > 0.6 * 7000 / 66
    assert set(shown) == {("eve", "eve")}


def look_on(resolver: Resolver, start: float, owners: dict[VideoSource, str] | None, seconds: float = 1.0) -> float:
    for number in range(int(seconds * 10)):
        resolver.look(start + number * 100, owners if number == 0 else None)
    return start + int(seconds * 10) * 100


def test_stream_that_two_are_said_to_be_in_is_nobodys() -> None:
    resolver = Resolver()
    at = look_on(resolver, 0, {VideoSource(receiver=1): "eve", VideoSource(ssrc=7): "ada"}, 2)
    assert resolver.claimed(at, 1, 7) is None
    assert resolver.claimed(at, 1, 8) is not None


def test_stream_in_another_document_is_known_by_its_ssrc_only() -> None:
    resolver = Resolver()
    at = look_on(resolver, 0, {VideoSource(receiver=1): "eve"}, 2)
    assert resolver.claimed(at, None, 1) is None


def test_page_that_was_too_busy_to_be_looked_at_proves_nothing_of_that_time() -> None:
    resolver = Resolver()
    at = look_on(resolver, 0, {CAMERA: "eve"}, 2)
    binding = resolver.claimed(at, 1, 7)
    assert binding is not None
    resolver.look(at + SETTLE_MS + 1000, None)
    assert resolver.is_proven(at, 1, 7, binding) is None
    resolver.look(at + SETTLE_MS + 1100, None)
    assert resolver.is_proven(at, 1, 7, binding) is True


def test_same_person_who_comes_back_into_a_stream_is_another_stay() -> None:
    resolver = Resolver()
    at = look_on(resolver, 0, {CAMERA: "eve"}, 2)
    first = resolver.claimed(at, 1, 7)
    resolver.look(at, {})
    at = look_on(resolver, at + 100, {CAMERA: "eve"}, 2)
    second = resolver.claimed(at, 1, 7)
    assert first is not None
    assert second is not None
    assert first is not second
    assert resolver.is_proven(at - 1000, 1, 7, first) is False
