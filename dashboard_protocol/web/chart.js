/** The chart as a model: strips over each other on one time axis, gaps, alert marks and the reading cursor. Pure. */

import { areaPath, bandPath, countTicks, gaps, runs, spread, stack, stepPath, timeAxis, timeTicks } from "./charts.js";
import { GAP } from "./ring.js";
import { clock, count, gapName, percent } from "./words.js";

const NARROW_PX = 480;
const SLIM_PX = 290;
const LABELLED_GAP_PX = 60;
// Two labels of a wide font, side by side.
const CLEAR_PX = 40;
const LABEL_APART_PX = 14;
const AXIS_PX = 34;
// page.css places the level rows beside the index strip by the same numbers.
const MARGINS = { top: 14, between: 30, bottom: 26 };
const BESIDE_PX = { most: 236, least: 208, share: 0.28, counts: 140 };

const AGGREGATE = [
  { share: 0.64, max: 1, ticks: [0, 0.5, 1], band: ["q1", "q3"], lines: [{ column: "mean" }] },
  {
    share: 0.21, max: 1, ticks: [0, 1], title: "Attentive", note: "% of people analysed", more: ", facing the screen with gaze on it",
    lines: [{ column: "attentive", say: (share, fresh) => percent(share) + (fresh ? " now" : ""), filled: true }],
  },
  { share: 0.15, title: "People", note: "solid: analysed · dashed: present", lines: [{ column: "analysed", say: heads("analysed"), filled: true }, { column: "present", say: heads("present") }] },
];
const COUNTS = [{
  share: 1,
  lines: [{ column: "facing", say: heads("facing"), filled: true }, { column: "visible", say: heads("face in view") }, { column: "camera_on", say: heads("camera on") }, { column: "present", say: heads("present") }],
}];

function heads(word) {
  return (n) => `${count(n)} ${word}`;
}

/** Chart of a live model for a box of `width` by `height` px; `windowS` 0 is all of the class. */
export function timeChart(model, { width, height }, windowS) {
  const { series, second, tail, ageS, alerts, presence } = model;
  const narrow = width < NARROW_PX;
  const beside = presence ? BESIDE_PX.counts : Math.min(BESIDE_PX.most, Math.max(BESIDE_PX.least, width * BESIDE_PX.share));
  const to = second + 1 + (tail === GAP.none ? 0 : Math.round(ageS));
  const from = windowS ? to - windowS : Math.max(series.first ?? to - 600, to - series.capacity);
  const axis = timeAxis(Math.min(from, to - 60), to, AXIS_PX, Math.round(narrow ? width : width - beside));
  const specs = presence ? COUNTS : AGGREGATE;
  const context = { ...model, axis, width, narrow, holes: gaps(series, axis, tail) };
  const strips = stack(height, specs.map(({ share }) => share), MARGINS).map((place, i) => strip(specs[i], place, context));
  const ticks = timeTicks(axis).map((tick) => ({ ...tick, x: Math.round(axis.x(tick.at)) + 0.5 }));
  const { bottom } = strips.at(-1);
  return {
    width, height, axis, series, strips, ticks, bottom, marks: presence ? [] : marks(alerts, axis, strips),
    base: `M${axis.x0} ${bottom + 0.5}H${axis.x1}` + ticks.map(({ x }) => `M${x} ${bottom}v5`).join(""),
  };
}

function strip(spec, { top, bottom }, { series, axis, width, narrow, holes, hello, second, tail, presence }) {
  const scale = spec.ticks ?? countTicks(most(series, axis));
  const max = spec.max ?? scale.at(-1);
  const y = (value) => bottom - (value / max) * (bottom - top);
  const labelled = spec.max || presence;
  const [low, high] = (spec.band ?? []).map((column) => runs(series.reader(column), axis));
  return {
    top, bottom, y, columns: spec.lines.map(({ column }) => column),
    grid: grid(spec.band ? hello.levels.map((level) => level.from).concat(1) : labelled ? scale : [0], y, axis, spec.band && !narrow ? width : 0),
    ticks: labelled ? scale.map((value) => ({ x: axis.x0 - 8, y: Math.round(y(value)) + 4, text: spec.max ? value * 100 : value })) : [],
    band: low && bandPath(low, high, y),
    series: spec.lines.map(({ column, filled }) => {
      const steps = runs(series.reader(column), axis);
      return { line: `line ${column}`, d: stepPath(steps, y), fill: `area ${column}`, area: filled ? areaPath(steps, y, bottom) : "" };
    }),
    // Only a gap of the feed or of the bot interrupts the counts.
    holes: holes.filter(({ cause }) => spec.max || cause !== GAP.withheld).map((hole) => gap(hole, axis, top, bottom, spec.band || presence)),
    labels: narrow ? [] : direct(spec.lines, series, second, tail, axis, y),
    x: axis.x0, caption: top - 8, title: spec.title, note: width < SLIM_PX ? "" : (spec.note ?? "") + (narrow ? "" : spec.more ?? ""),
  };
}

/** Horizontal lines; right of the index the same lines part the levels. */
function grid(values, y, axis, width) {
  return values.map((value) => {
    const at = Math.round(y(value)) + 0.5;
    return `M${axis.x0} ${at}H${axis.x1}` + (width && value > 0 && value < 1 ? `M${axis.x1 + 4} ${at}H${width}` : "");
  }).join("");
}

function most(series, axis) {
  const present = series.reader("present");
  let found = 1;
  for (let s = axis.from; s < axis.to; s++) if (present(s) > found) found = present(s);
  return found;
}

function gap({ from, to, cause }, axis, top, bottom, named) {
  const x = axis.x(from);
  const width = axis.x(to) - x;
  return { x, width, y: top, height: bottom - top, middle: x + width / 2, base: (top + bottom) / 2 + 4, name: named && width > LABELLED_GAP_PX ? gapName(cause) : "" };
}

function direct(lines, series, second, tail, axis, y) {
  const shown = lines.map((line) => ({ ...line, value: series.get(line.column, second) })).filter(({ say, value }) => say && !Number.isNaN(value));
  const tops = spread(shown.map(({ value }) => y(value) + 4), LABEL_APART_PX);
  const over = Math.max(0, ...tops.map((top) => top - y(0) - 4));
  return shown.map(({ column, say, filled, value }, i) =>
    ({ class: `label ${column}${filled ? " strong" : ""}`, x: axis.x1 + 14, y: Math.round(tops[i] - over), text: say(value, tail === GAP.none) }));
}

const upright = (x, strips) => strips.map(({ top, bottom }) => `M${x} ${top}V${bottom}`).join("");

function marks(alerts, axis, strips) {
  const { top } = strips[0];
  return alerts.filter(({ at }) => at > axis.from && at < axis.to).map(({ at }) => {
    const x = Math.round(axis.x(at)) + 0.5;
    const left = x > axis.x1 - 50;
    return { stem: upright(x, strips), head: `M${x - 6} ${top - 10}h12l-6 10z`, x: left ? x - 10 : x + 10, y: top - 2, class: left ? "label time end" : "label time", text: clock(at) };
  });
}

/** The labels of the time axis, and at second `cursor`, or null, a hairline with a dot on each line. */
export function cursorOn({ axis, ticks, bottom, strips, series }, cursor) {
  const read = cursor === null || cursor < axis.from ? null : axis.x(cursor);
  const taken = [axis.x1 - 14, ...(read === null ? [] : [read])];
  const label = (x, text, mark) => ({ class: `label ${mark}`, x, y: bottom + 18, text });
  const times = ticks.filter(({ major, x }) => major && taken.every((other) => Math.abs(x - other) > CLEAR_PX)).map(({ at, x }) => label(x, clock(at), "middle"));
  if (read === null || read < axis.x1 - 2 * CLEAR_PX) times.push(label(axis.x1, "now", "end strong"));
  if (read === null) return { times };
  times.push(label(Math.max(axis.x0 + 14, Math.min(axis.x1 - 18, read)), clock(cursor), "middle strong"));
  const x = Math.round(read) + 0.5;
  const dots = strips.flatMap(({ columns, y }) => columns.map((column) => ({ class: `dot ${column}`, x, y: Math.round(y(series.get(column, cursor))) })));
  return { times, hair: upright(x, strips), dots: dots.filter((dot) => !Number.isNaN(dot.y)) };
}
