"""The report's charts: strips over each other on one time axis, drawn for a width. Pure: record in, SVG out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isnan

from markupsafe import Markup

from dashboard_protocol.report.paths import Axis, Scale, area_path, band_path, count_ticks, spread, step_path
from dashboard_protocol.report.story import Clock
from dashboard_protocol.report.strips import AGGREGATE, COUNTS, SHOWN, Strip
from dashboard_protocol.report.totals import Digest
from dashboard_protocol.view import text as words
from dashboard_protocol.view.markup import element, join
from dashboard_protocol.view.record import Record
from dashboard_protocol.view.sentences import say
from dashboard_protocol.view.timeline import Gap, Stretch, Timeline

WIDE_PX = 840
NARROW_PX = 350
"""Two drawings, because the text of a drawing must not shrink with the page."""
_LEFT_PX = 34
_LABELS_PX = 124
_TOP_PX = 18
_CAPTION_PX = 30
_AXIS_PX = 26
_LABEL_APART_PX = 14
_LETTER_PX = 7


@dataclass(frozen=True, slots=True)
class _Placed:
    strip: Strip
    top: int
    y: Scale
    bottom: int


class Chart:
    """Draws strips of a class for one width."""

    def __init__(self, record: Record, figures: Digest, clock: Clock, width_px: int) -> None:
        self._record = record
        self._timeline: Timeline = record.timeline
        self._figures = figures
        self._clock = clock
        self._width = width_px
        self._is_narrow = width_px < WIDE_PX
        right = width_px - (8 if self._is_narrow else _LABELS_PX)
        start, end = int(figures.start), int(figures.end) + 1
        self._axis = Axis(start, max(end, start + 10), _LEFT_PX, right)

    def timeline(self) -> Markup:
        """Draw index, attentive and people; counts where there are only these."""
        name = say("report.chart_counts") if self._figures.is_presence else say("report.chart_index")
        return self._draw("timeline", name, COUNTS if self._figures.is_presence else AGGREGATE, _CAPTION_PX)

    def expressions(self) -> Markup:
        """Draw the displayed expressions, each in its own strip, never re-sorted."""
        return self._draw("expressions", say("report.chart_shown"), SHOWN, 20 if self._is_narrow else 10)

    def _draw(self, kind: str, name: str, strips: Sequence[Strip], between: int) -> Markup:
        hatch = f"hatch-{kind}-{self._width}"
        placed, top = [], _TOP_PX if kind == "timeline" or self._is_narrow else 6
        for strip in strips:
            placed.append(self._place(strip, top))
            top += strip.height + between
        height = placed[-1].bottom + _AXIS_PX
        pattern = element(
            "pattern",
            element("path", d="M0 0V6", class_="hatching"),
            id=hatch,
            width=6,
            height=6,
            patternUnits="userSpaceOnUse",
            patternTransform="rotate(45)",
        )
        with_marks = kind == "timeline" and not self._figures.is_presence
        content: list[Markup | None] = [element("title", name), element("defs", pattern)]
        content += [self._strip(place, hatch, is_first=place is placed[0]) for place in placed]
        content += [self._flags(placed) if kind == "timeline" else None]
        content += [self._alerts(placed) if with_marks else None, self._time(placed[-1].bottom)]
        size = {"viewBox": f"0 0 {self._width} {height}", "width": self._width, "height": height}
        return element("svg", *content, role="img", class_="narrow" if self._is_narrow else "wide", **size)

    def _place(self, strip: Strip, top: int) -> _Placed:
        most = 1.0 if strip.is_share else float(count_ticks(self._figures.present_max)[-1])
        bottom = top + strip.height
        return _Placed(strip, top, lambda value: bottom - value / most * strip.height, bottom)

    def _strip(self, place: _Placed, hatch: str, *, is_first: bool) -> Markup:
        strip, axis, y = place.strip, self._axis, place.y
        get = {line.column: self._reader(line.column) for line in strip.lines}
        drawn = [self._grid(place)]
        drawn += [
            element("path", d=area_path(get[line.column], axis, y, place.bottom), class_=f"area {line.column}")
            for line in strip.lines
            if line.is_filled
        ]
        if strip.has_band:
            drawn.append(element("path", d=band_path(self._reader("q1"), self._reader("q3"), axis, y), class_="band"))
        # Head counts stay known while class values are withheld.
        hatched = [gap for gap in self._figures.gaps if strip.is_share or gap.cause < Gap.WITHHELD]
        drawn += [self._gap(gap, place, hatch, is_named=is_first and strip.height > 60) for gap in hatched]
        drawn += [
            element("path", d=step_path(get[line.column], axis, y), class_=f"line {line.column}")
            for line in reversed(strip.lines)
        ]
        return element("g", *drawn, self._caption(place), self._labels(place))

    def _reader(self, column: str) -> Callable[[int], float]:
        return lambda second: self._timeline.get(column, second)

    def _grid(self, place: _Placed) -> Markup:
        strip, axis = place.strip, self._axis
        ticks = strip.ticks if strip.is_share else tuple(count_ticks(self._figures.present_max))
        lines: Sequence[float] = ticks or (0.0,)
        beside = axis.x1
        if strip.has_band and self._record.hello is not None:
            lines = (0.0, *(level.from_ for level in self._record.hello.levels[1:]), 1.0)
            beside = axis.x1 if self._is_narrow else self._width
        if strip.height < 60:
            ticks = () if strip.is_share else (float(ticks[-1]),)
            lines = (0.0,)
        drawn = [element("path", d=f"M{axis.x0} {_half(place.y(value))}H{beside}", class_="grid") for value in lines]
        drawn += [
            _text(f"{value * 100 if strip.is_share else value:g}", axis.x0 - 8, place.y(value) + 4, "end")
            for value in ticks
        ]
        return join(*drawn)

    def _gap(self, gap: Stretch, place: _Placed, hatch: str, *, is_named: bool) -> Markup:
        left, right = self._axis.x(gap.start), self._axis.x(gap.end)
        middle = (place.top + place.bottom) / 2
        box = {"y": place.top, "height": place.bottom - place.top}
        drawn = [element("rect", x=left, width=right - left, fill=f"url(#{hatch})", **box)]
        assert self._record.hello is not None
        name = words.gap(gap.cause, self._record.hello.policy)
        plate_px = len(name) * _LETTER_PX + 12
        if is_named and right - left > plate_px:
            x = (left + right - plate_px) / 2
            drawn.append(element("rect", x=x, y=middle - 11, width=plate_px, height=22, class_="plate"))
            drawn.append(_text(name, (left + right) / 2, middle + 4, "middle"))
        return join(*drawn)

    def _caption(self, place: _Placed) -> Markup | None:
        strip, is_shown = place.strip, place.strip in SHOWN
        if not strip.title() or (is_shown and not self._is_narrow):
            return None
        note = self._median(strip) if is_shown else strip.short_note() if self._is_narrow else strip.note()
        said = element("tspan", note, class_="note", dx=8)
        return element(
            "text", strip.title(), said, x=self._axis.x0, y=place.top - (4 if is_shown else 8), class_="caption"
        )

    def _median(self, strip: Strip) -> str:
        found, analysed = self._figures.expressions.get(strip.lines[0].column), self._figures.medians.get("analysed")
        return words.percent(found.median / 100, self._record.hello, analysed) if found else words.DASH

    def _labels(self, place: _Placed) -> Markup | None:
        """What stands right of a strip: level names, the name of an expression, or the last values."""
        if self._is_narrow:
            return None
        x, strip = self._axis.x1 + 14, place.strip
        if strip.has_band and self._record.hello is not None:
            edges = [*(level.from_ for level in self._record.hello.levels), 1.0]
            middles = [place.y((low + high) / 2) + 4 for low, high in pairwise(edges)]
            named = [words.level_name(self._record.hello, level) for level in range(len(middles))]
            return join(*(_text(name, x, y) for name, y in zip(named, middles, strict=True)))
        if strip in SHOWN:
            line = place.bottom - 4
            return join(_text(strip.title(), x, line), _text(self._median(strip), self._width, line, "end strong"))
        if not strip.lines[0].is_reported:
            found = self._figures.attentive
            median = words.percent(found.median / 100, self._record.hello) if found else ""
            label = say("report.median_of", share=median) if found else words.DASH
            return _text(label, x, place.y((found.median if found else 0) / 100) + 4, "strong attentive")
        return self._last_values(place, x)

    def _last_values(self, place: _Placed, x: float) -> Markup:
        ends = [(line, self._timeline[line.column][-1]) for line in place.strip.lines]
        known = [(line, value) for line, value in ends if line.is_reported and not isnan(value)]
        tops = spread([place.y(value) + 4 for _, value in known], _LABEL_APART_PX)
        over = max(0.0, max(tops, default=0.0) - place.bottom - 4)
        return join(
            *(
                _text(line.label(value), x, top - over, "strong" if line.is_filled else "")
                for (line, value), top in zip(known, tops, strict=True)
            )
        )

    def _alerts(self, placed: Sequence[_Placed]) -> Markup:
        """Mark the alerts: a triangle each, a line through the strips, and the time where nothing else stands."""
        drawn: list[Markup] = []
        top = placed[0].top
        places = [(known, _half(self._axis.x(known.at))) for known in self._record.alerts]
        taken = [(x - 8, x + 8) for _, x in places]
        for known, x in reversed(places):
            said, is_rise = self._clock(known.at), known.alert.kind == "rise"
            stem = "".join(f"M{x} {place.top}V{place.bottom}" for place in placed)
            head = f"M{x} {top - 1}v-9m-4 4l4-4l4 4" if is_rise else f"M{x - 6} {top - 10}h12l-6 10z"
            rise = " rise" if is_rise else ""
            drawn.append(element("path", d=stem, class_=f"stem{rise}"))
            drawn.append(element("path", d=head, class_="good" if is_rise else "head"))
            long_px = len(said) * _LETTER_PX
            for start in (x + 9, x - 9 - long_px):
                end = start + long_px
                if start >= 0 and end <= self._width and all(end <= a or start >= b for a, b in taken):
                    taken.append((start, end))
                    drawn.append(_text(said, start, top - 2, f"mark{rise}"))
                    break
        return element("g", *drawn)

    def _flags(self, placed: Sequence[_Placed]) -> Markup:
        """Draw the instructor's marks: a line each, and the word of its kind where there is room for it."""
        drawn: list[Markup] = []
        free_from = 0.0
        for known in self._record.marks:
            x, said = _half(self._axis.x(known.at)), say(f"mark.{known.mark.kind}")
            drawn.append(
                element("path", d="".join(f"M{x} {place.top}V{place.bottom}" for place in placed), class_="flag")
            )
            if x >= free_from and x + 4 + len(said) * _LETTER_PX < self._axis.x1:
                drawn.append(_text(said, x + 4, placed[0].top + 13, "strong"))
                free_from = x + 12 + len(said) * _LETTER_PX
        return element("g", *drawn)

    def _time(self, base: int) -> Markup:
        axis = self._axis
        drawn = [element("path", d=f"M{axis.x0} {base + 0.5}H{axis.x1}", class_="base")]
        for at, has_label in axis.ticks():
            x = _half(axis.x(at))
            drawn.append(element("path", d=f"M{x} {base}v{6 if has_label else 4}", class_="tick"))
            if has_label and axis.x0 <= x < self._width - 20:
                drawn.append(_text(self._clock(at), x, base + 20, "middle"))
        return element("g", *drawn)


def _half(value: float) -> float:
    return round(value) + 0.5


def _text(said: str, x: float, y: float, class_: str = "") -> Markup:
    return element("text", said, x=float(x), y=float(round(y)), class_=class_ or None)
