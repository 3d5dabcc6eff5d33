"""Who has proven nothing yet makes room; who came to do something gets in."""

import pytest

from dashboard_protocol.http.newcomers import Newcomers, Room


def filled(
    *askers: str, places: int, share: int | None = None, safe_s: float = 0, own_safe_s: float = 0
) -> Newcomers[int]:
    newcomers: Newcomers[int] = Newcomers(places, share=share, safe_s=safe_s, own_safe_s=own_safe_s)
    for number, asker in enumerate(askers):
        assert newcomers.room(asker, float(number)) == Room()
        newcomers.enter(number, asker, float(number))
    return newcomers


def test_oldest_goes_when_all_places_are_taken() -> None:
    newcomers = filled("a", "b", "c", places=3)
    assert newcomers.room("d", 3.0) == Room(goes=0)
    newcomers.leave(0)
    assert newcomers.room("d", 3.0) == Room()


def test_full_share_costs_ones_own_oldest_though_places_are_free() -> None:
    newcomers = filled("a", "b", "b", places=10, share=2)
    assert newcomers.room("b", 3.0) == Room(goes=1)
    assert newcomers.room("a", 3.0) == Room()


def test_newcomer_takes_the_place_of_whoever_holds_most_though_others_came_earlier() -> None:
    newcomers = filled("a", "b", "b", "b", places=4, safe_s=1, own_safe_s=5)
    assert newcomers.room("c", 3.5) == Room(goes=1)
    assert newcomers.room("b", 3.5) == Room(wait_s=1.5)


@pytest.mark.parametrize(("now", "room"), [(2.0, Room(wait_s=3.0)), (5.0, Room(goes=0)), (9.0, Room(goes=0))])
def test_class_behind_one_address_waits_for_each_other_before_the_oldest_goes(now: float, room: Room[int]) -> None:
    assert filled("nat", "nat", places=2, safe_s=1, own_safe_s=5).room("nat", now) == room


def test_whoever_proved_herself_is_in_nobodys_way() -> None:
    newcomers = filled("a", "a", places=2)
    newcomers.leave(1)
    newcomers.leave(1)
    assert 1 not in newcomers
    assert len(newcomers) == 1
    assert newcomers.room("b", 2.0) == Room()
