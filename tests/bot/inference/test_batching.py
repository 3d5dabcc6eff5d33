"""Who is read when: the rules under every order of arrival, and the thread that keeps them."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.inference.batching import Batcher, Batches, FaceOutdated
from engine.errors import EngineError, InferenceFailed, ModelRefused
from engine.readings import FaceBatch, Scores

PATIENCE_S = 0.010
arrivals = st.lists(
    st.tuples(st.integers(0, 6), st.floats(0, 0.02, allow_nan=False)), max_size=60
)  # participant, and seconds after the one before


def simulate(most: int, coming: list[tuple[int, float]], busy_s: float) -> tuple[list[Any], list[Any], list[int]]:
    """Run arrivals through `Batches` before a network that takes `busy_s` a batch.

    Returns:
        Batches as (sent at, due at, participants, faces, since), faces that were dropped as (face, by), and how many
        waited after each step.
    """
    batches: Batches[int] = Batches(most, PATIENCE_S)
    sent, dropped, depths = [], [], []
    now = free_at = 0.0
    times = []
    for number, (participant, pause_s) in enumerate(coming):
        now += pause_s
        times.append((now, participant, number))
    pending = list(times)
    owner = {number: participant for _, participant, number in times}
    while pending or len(batches):
        wait_s = batches.wait_s(max(now, free_at) if not pending else now)
        send_at = None if wait_s is None else max(free_at, (max(now, free_at) if not pending else now) + wait_s)
        if pending and (send_at is None or pending[0][0] <= send_at):
            now, participant, number = pending.pop(0)
            older = batches.add(participant, number, now)
            if older is not None:
                dropped.append((older, number))
        else:
            assert send_at is not None
            now = max(now, send_at)
            batch = batches.take()
            sent.append((now, free_at, [owner[face] for face, _ in batch], [face for face, _ in batch], batch))
            free_at = now + busy_s
        depths.append(len(batches))
    return sent, dropped, depths


@given(st.integers(1, 5), arrivals, st.sampled_from([0.0, 0.003, 0.05]))
def test_every_face_is_read_once_or_dropped_for_a_newer_one_of_the_same_person(
    most: int, coming: list[tuple[int, float]], busy_s: float
) -> None:
    sent, dropped, _ = simulate(most, coming, busy_s)
    read = [face for _, _, _, faces, _ in sent for face in faces]
    lost = [older for older, _ in dropped]
    assert sorted(read + lost) == list(range(len(coming)))
    for older, newer in dropped:
        assert newer > older
        assert coming[older][0] == coming[newer][0]


@given(st.integers(1, 5), arrivals, st.sampled_from([0.0, 0.003, 0.05]))
def test_no_batch_is_too_large_or_empty_or_holds_a_person_twice(
    most: int, coming: list[tuple[int, float]], busy_s: float
) -> None:
    sent, _, depths = simulate(most, coming, busy_s)
    for _, _, people, _, _ in sent:
        assert 1 <= len(people) <= most
        assert max(Counter(people).values()) == 1
    assert max(depths, default=0) <= 7, "one place for each participant"


@given(st.integers(1, 5), arrivals, st.sampled_from([0.0, 0.003, 0.05]))
def test_a_free_network_keeps_nobody_waiting_longer_than_its_patience(
    most: int, coming: list[tuple[int, float]], busy_s: float
) -> None:
    sent, _, _ = simulate(most, coming, busy_s)
    for at, free_at, people, _, batch in sent:
        oldest = min(since for _, since in batch)
        assert at <= max(free_at, oldest + PATIENCE_S) + 1e-9
        assert len(people) == most or at >= oldest + PATIENCE_S - 1e-9, "only a full batch goes early"


@given(st.integers(1, 5), arrivals, st.sampled_from([0.003, 0.05]))
def test_nobody_is_read_twice_before_somebody_who_came_earlier(
    most: int, coming: list[tuple[int, float]], busy_s: float
) -> None:
    sent, _, _ = simulate(most, coming, busy_s)
    waits = [since for _, _, _, _, batch in sent for _, since in batch]
    assert waits == sorted(waits), "in the order in which places were taken"


def test_newer_face_keeps_the_turn_of_the_one_it_replaces() -> None:
    batches: Batches[str] = Batches(2, PATIENCE_S)
    assert batches.add("anna", "old", 0.0) is None
    assert batches.add("ben", "b", 0.001) is None
    assert batches.add("cleo", "c", 0.002) is None
    assert batches.add("anna", "new", 0.003) == "old"
    assert [item for item, _ in batches.take()] == ["new", "b"]
    assert len(batches) == 1


class Answers:
    """Collects what a batcher says."""

    def __init__(self) -> None:
        self.by: dict[str, Scores | EngineError] = {}
        self._changed = threading.Condition()

    def of(self, name: str) -> Callable[[Scores | EngineError], None]:
        def take(answer: Scores | EngineError) -> None:
            with self._changed:
                assert name not in self.by, "answered twice"
                self.by[name] = answer
                self._changed.notify()

        return take

    def wait(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.by) >= count, 30)

    def number(self, name: str) -> float:
        answer = self.by[name]
        assert isinstance(answer, Scores)
        assert answer.fer7.shape == (1, 7)
        return float(answer.fer7[0, 0])


def test_every_answer_goes_to_its_participant(network: Any, make_face: Callable[[float], FaceBatch]) -> None:
    answers = Answers()
    with Batcher(network.load, 0.002) as batcher:

        def ask(first: int) -> None:
            for number in range(first, first + 25):
                batcher.submit(number, make_face(float(number)), answers.of(str(number)))

        threads = [threading.Thread(target=ask, args=(first,)) for first in range(0, 100, 25)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        answers.wait(100)
    assert all(answers.number(str(number)) == number for number in range(100))
    assert batcher.batches == len(network.batches) < 100
    assert batcher.faces == 100
    assert max(map(len, network.batches)) == network.max_batch


def test_faces_gather_while_the_network_works(network: Any, make_face: Callable[[float], FaceBatch]) -> None:
    answers = Answers()
    network.gate.clear()
    with Batcher(network.load, 0.0) as batcher:
        batcher.submit("anna", make_face(1), answers.of("first"))
        assert network.is_at_work.wait(30)
        for number, name in enumerate(("anna", "ben", "cleo"), start=2):
            batcher.submit(name, make_face(number), answers.of(name))
        network.gate.set()
        answers.wait(4)
    assert network.batches == [[1.0], [2.0, 3.0, 4.0]]


def test_outdated_face_is_reported_as_such(network: Any, make_face: Callable[[float], FaceBatch]) -> None:
    answers = Answers()
    network.gate.clear()
    with Batcher(network.load, 0.0) as batcher:
        batcher.submit("ben", make_face(0), answers.of("ben"))
        assert network.is_at_work.wait(30)
        batcher.submit("anna", make_face(1), answers.of("old"))
        batcher.submit("anna", make_face(2), answers.of("new"))
        assert isinstance(answers.by["old"], FaceOutdated)
        network.gate.set()
        answers.wait(3)
    assert answers.number("new") == 2


@pytest.mark.parametrize(("trouble", "text"), [("fails", "the device rejected"), ("breaks", "the network broke")])
def test_broken_batch_is_reported_and_the_next_one_is_read(
    network: Any, make_face: Callable[[float], FaceBatch], trouble: str, text: str
) -> None:
    answers = Answers()
    with Batcher(network.load, 0.0) as batcher:
        setattr(network, trouble, True)
        batcher.submit("anna", make_face(1), answers.of("anna"))
        answers.wait(1)
        setattr(network, trouble, False)
        batcher.submit("ben", make_face(2), answers.of("ben"))
        answers.wait(2)
    assert isinstance(answers.by["anna"], InferenceFailed)
    assert text in str(answers.by["anna"])
    assert answers.number("ben") == 2


def test_one_thread_owns_the_network_from_loading_to_closing(
    network: Any, make_face: Callable[[float], FaceBatch]
) -> None:
    answers = Answers()
    with Batcher(network.load) as batcher:
        batcher.submit("anna", make_face(1), answers.of("anna"))
        answers.wait(1)
    assert network.is_closed
    assert network.thread not in (-1, threading.get_ident())


def test_closing_answers_who_still_waits(network: Any, make_face: Callable[[float], FaceBatch]) -> None:
    answers = Answers()
    with Batcher(network.load, 60.0) as batcher:
        batcher.submit("anna", make_face(1), answers.of("anna"))
    batcher.submit("ben", make_face(1), answers.of("ben"))
    for name in ("anna", "ben"):
        assert "closed" in str(answers.by[name])


def test_model_that_cannot_be_loaded_is_refused_where_the_batcher_is_entered() -> None:
    def load() -> Any:
        raise ModelRefused("absent.onnx: no such model")

    with pytest.raises(ModelRefused, match="no such model"), Batcher(load):
        pass


def test_batches_are_reported(network: Any, make_face: Callable[[float], FaceBatch]) -> None:
    from prometheus_client import REGISTRY

    def value(name: str) -> float:
        return REGISTRY.get_sample_value(name) or 0.0

    names = ("classpulse_batch_faces_sum", "classpulse_batch_wait_seconds_count", "classpulse_inference_seconds_count")
    before = [value(name) for name in names]
    answers = Answers()
    with Batcher(network.load, 0.0) as batcher:
        for number in range(5):
            batcher.submit(number, make_face(number), answers.of(str(number)))
        answers.wait(5)
    grown = [value(name) - old for name, old in zip(names, before, strict=True)]
    assert grown == [5.0, 5.0, float(len(network.batches))]
    assert value("classpulse_batch_depth") == 0.0
