"""The one bound on the size of pictures for all that decodes video. Pure."""

LARGEST_SIDE_PX, MOST_PX, LARGEST_RATIO = 4096, 4096 * 2304, 16
"""Of one picture. What is larger costs more memory than a camera is worth, and native libraries die of a side of 32,767
pixels."""


def is_camera_size(width_px: int, height_px: int) -> bool:
    """Return whether a camera may have such a picture."""
    shorter, longer = sorted((width_px, height_px))
    if shorter < 1 or longer > LARGEST_SIDE_PX:
        return False
    return shorter * longer <= MOST_PX and longer <= shorter * LARGEST_RATIO


def wrong_size(width_px: int, height_px: int) -> str:
    """Say that a picture has no size for us."""
    return f"pictures of {width_px}x{height_px}"
