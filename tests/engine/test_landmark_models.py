"""The pool of models."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.errors import EngineError
from engine.landmark_models import Pool


class Counted:
    """A model that knows how many of its kind there are and whether it was freed."""

    made = 0

    def __init__(self) -> None:
        type(self).made += 1
        self.closed = False

    def close(self) -> None:
        self.closed = True


@pytest.fixture(autouse=True)
def _none_made() -> None:
    Counted.made = 0


def test_pool_loads_nothing_before_it_lends() -> None:
    Pool(Counted, 3).close()
    assert Counted.made == 0


def test_pool_lends_the_same_copy_again() -> None:
    pool = Pool(Counted, 3)
    with pool.lend() as first:
        pass
    with pool.lend() as second:
        assert second is first
    assert Counted.made == 1


def test_pool_never_makes_more_copies_than_its_size_and_lends_each_to_one_at_a_time() -> None:
    pool = Pool(Counted, 2)
    lent: set[int] = set()
    lock = threading.Lock()
    both_lent = threading.Barrier(2, timeout=10)

    def borrow(turn: int) -> None:
        with pool.lend() as model:
            with lock:
                assert id(model) not in lent
                lent.add(id(model))
                assert len(lent) <= 2
            if turn < 8:
                both_lent.wait()
            with lock:
                lent.remove(id(model))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(borrow, range(16)))
    assert Counted.made == 2


def test_model_that_fails_goes_back_to_the_pool() -> None:
    pool = Pool(Counted, 1)
    with pytest.raises(ValueError, match="broken"), pool.lend():
        raise ValueError("broken")
    with pool.lend() as model:
        assert not model.closed
    assert Counted.made == 1


def test_closing_frees_idle_copies_now_and_lent_ones_later() -> None:
    pool = Pool(Counted, 2)
    with pool.lend() as lent:
        with pool.lend() as idle:
            pass
        pool.close()
        assert idle.closed
        assert not lent.closed
    assert lent.closed
    with pytest.raises(EngineError, match="closed: make a new one"), pool.lend():
        pass
