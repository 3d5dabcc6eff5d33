"""The engine's own eyes on the drawings."""

from collections.abc import Iterator

import pytest

from engine.faces import FaceFinder


@pytest.fixture(scope="session")
def finder() -> Iterator[FaceFinder]:
    with FaceFinder() as finder:
        yield finder
