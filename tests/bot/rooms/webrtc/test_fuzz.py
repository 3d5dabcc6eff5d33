"""Broken offers, answers and packets: a seeded share of what `tests/benchmarks/fuzz.py` sends."""

import logging

import pytest

from tests.benchmarks.fuzz import fuzz


async def test_broken_words_and_packets_cost_only_themselves(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    figures = await fuzz(40, 600, seed=2)
    assert figures["tracebacks"] == []
    assert [reported for reported in (*figures["offers"], *figures["answers"]) if reported.startswith("bug")] == []
    assert {"OfferMalformed", "admitted"} <= set(figures["offers"]), "some were broken beyond use, and some were not"
    assert {"refused", "taken"} == set(figures["answers"])
