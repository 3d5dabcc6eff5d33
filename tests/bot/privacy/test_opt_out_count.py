"""The instructor learns how many opted out, never that one did."""

from bot.privacy.opt_out_count import OptOutCount


def test_opt_out_count_is_reported_from_k_up_and_for_a_minute() -> None:
    count = OptOutCount(3)
    count.add(["a", "b"], 100.0)
    assert count.count(100.0) is None
    count.add(["c"], 130.0)
    assert count.count(130.0) == 3
    count.add(["d"], 131.0)
    assert count.count(159.9) == 4
    assert count.count(160.0) is None, "two of them are a minute ago"


def test_opt_out_count_is_not_driven_up_by_one_who_changes_their_mind() -> None:
    count = OptOutCount(3)
    for at in range(10):
        count.add(["a"], at)
    assert count.count(10.0) is None
