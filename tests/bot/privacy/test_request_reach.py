"""Who cannot hear who asks not to be read takes no pictures, and leaves in the end. With a stepped clock."""

import pytest

from bot.privacy.request_reach import DEAF_AFTER_S, LEAVE_AFTER_S, RequestsReach


def test_nobody_is_read_before_requests_were_heard_for_the_first_time() -> None:
    reach = RequestsReach()
    assert not reach.may_look(100.0)
    assert not reach.is_lost(1e9)


@pytest.mark.parametrize(
    ("silent_s", "may_look", "is_lost"),
    [
        (0.0, True, False),
        (DEAF_AFTER_S, True, False),
        (DEAF_AFTER_S + 0.1, False, False),
        (LEAVE_AFTER_S, False, False),
        (LEAVE_AFTER_S + 0.1, False, True),
    ],
)
def test_opt_out_may_go_unheard_for_ten_seconds_before_nobody_is_read(
    silent_s: float, may_look: bool, is_lost: bool
) -> None:
    reach = RequestsReach()
    reach.heard(100.0)
    assert reach.may_look(100.0 + silent_s) is may_look
    assert reach.is_lost(100.0 + silent_s) is is_lost


def test_bot_reads_again_at_once_when_requests_are_heard_again() -> None:
    reach = RequestsReach()
    reach.heard(100.0)
    assert not reach.may_look(200.0)
    reach.heard(200.0)
    assert reach.may_look(200.0)
    reach.heard(150.0)  # an answer that was long on its way
    assert reach.may_look(210.0)
