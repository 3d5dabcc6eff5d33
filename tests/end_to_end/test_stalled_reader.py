"""A reader that stops reading is cut off and slows nobody: a gateway and its readers in processes of their own."""

import pytest

from tests.benchmarks.gateway import measure

READERS = 50
RATE_HZ = 20.0
SECONDS = 4.0
TRIES = 4
"""A busy machine may stall a whole turn; a gateway that is slowed by its readers fails them all."""


@pytest.mark.integration
@pytest.mark.alone
@pytest.mark.timeout(900)
async def test_stalled_reader_is_cut_off_within_ten_seconds_and_slows_nobody() -> None:
    rows = []
    for _ in range(TRIES):
        row = await measure(READERS, SECONDS, rounds=1, rate_hz=RATE_HZ)
        assert row["stalled_aborted_s"] <= 10
        rows.append(row)
        if row["p99_ms"] <= 1.2 * max(known["p99_ms_without_stalled"] for known in rows):
            return
    raise AssertionError(f"the others were slowed: {rows}")
