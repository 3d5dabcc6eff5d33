"""A QR code as one path of an SVG: for phones that come into a room by a poster or a shared screen."""

from itertools import groupby

QUIET = 4
"""Modules of border that a reader needs."""


def qr_path(text: str) -> tuple[int, str]:
    """Return the side of a QR code in modules, the border included, and the path of its dark modules."""
    import segno  # takes a moment, and only rooms that people join here need it

    rows = [list(row) for row in segno.make(text, error="m", micro=False).matrix]
    strokes = []
    for y, row in enumerate(rows, QUIET):
        x = QUIET
        for is_dark, run in groupby(row):
            length = len(list(run))
            if is_dark:
                strokes.append(f"M{x} {y}h{length}v1h-{length}z")
            x += length
    return len(rows) + 2 * QUIET, "".join(strokes)
