"""Layers that come one by one are one picture again."""

from dataclasses import replace

from bot.rooms.browser.reassembly import joined, pictures
from bot.rooms.browser.wire import WireFrame
from bot.rooms.codecs import vp9

FRAME = WireFrame(0.0, 1, 7, 0, 0, 0, 0, "AV1", False, 0, 0, b"low")


def test_layers_of_one_timestamp_are_one_picture() -> None:
    low, high = FRAME, replace(FRAME, spatial=1, data=b"high")
    later = replace(FRAME, timestamp=6000)
    assert pictures([low, high, later]) == [[low, high], [later]]
    assert joined([low, high], top_layer=0).data == b"lowhigh"


def test_same_layer_twice_is_two_pictures() -> None:
    assert pictures([FRAME, FRAME]) == [[FRAME], [FRAME]]


def test_layers_of_vp9_have_an_index() -> None:
    layers = [replace(FRAME, codec="VP9"), replace(FRAME, codec="VP9", spatial=1, data=b"high")]
    assert vp9.split(joined(layers, top_layer=0).data) == [b"low", b"high"]


def test_picture_of_the_highest_temporal_layer_may_be_left_out_and_one_of_the_lowest_never() -> None:
    assert [joined([replace(FRAME, temporal=layer)], top_layer=2).is_discardable for layer in (0, 1, 2)] == [
        False,
        False,
        True,
    ]
    assert not joined([FRAME], top_layer=0).is_discardable
