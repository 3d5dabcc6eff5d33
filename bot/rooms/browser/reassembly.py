"""Pure: the layers of a picture, which come one by one, put together again."""

from collections.abc import Sequence

from bot.rooms.browser.wire import WireFrame
from bot.rooms.codecs import vp9
from bot.rooms.webrtc.jitter_buffer import EncodedFrame

VP9, AV1 = "VP9", "AV1"


def pictures(frames: Sequence[WireFrame]) -> list[list[WireFrame]]:
    """Group frames of one source, in the order in which they came, by picture: what has one timestamp is one."""
    groups: list[list[WireFrame]] = []
    for frame in frames:
        if groups and groups[-1][0].timestamp == frame.timestamp and groups[-1][-1].spatial < frame.spatial:
            groups[-1].append(frame)
        else:
            groups.append([frame])
    return groups


def joined(layers: Sequence[WireFrame], *, top_layer: int) -> EncodedFrame:
    """Make one encoded picture of its spatial layers, the smallest first.

    Args:
        layers: At least one, of one timestamp and codec.
        top_layer: The highest temporal layer that comes: of a picture in it, if it is not the lowest too, nothing
            depends.
    """
    first = layers[0]
    parts = [layer.data for layer in layers]
    data = vp9.join(parts) if first.codec == VP9 else b"".join(parts)
    return EncodedFrame(data, first.timestamp, 0, is_discardable=0 < first.temporal == top_layer)
