/** The chart as a model: strips on a time axis, gaps, alert marks and cursor. Pure. */

import { areaPath, countTicks, gaps, runs, spread, stack, stepPath, timeAxis, timeTicks } from "./charts.js";
import { GAP } from "./ring.js";
import { chartNote, clock, gapName, lineLabel, mark, say } from "./words.js";

const NARROW_PX = 480;
const SLIM_PX = 290;
const LABELLED_GAP_PX = 60;
// Two labels of a wide font.
const CLEAR_PX = 40;
const MARK_APART_PX = 52;
const LABEL_APART_PX = 14;
/** So short a dip below k is bridged: the page does not empty for it, and the chart has no stripe. */
const BRIDGED_S = 3;
const LETTER_PX = 7.5;
const LETTERS_AT_LEAST = 5;
// page.css places the level rows beside the index strip by the same numbers.
const MARGINS = { top: 14, between: 30, bottom: 26 };
const besidePx = (width, presence) => (presence ? 140 : Math.min(236, Math.max(208, width * 0.28)));

// A strip is filled down to zero from its first line; two fills are the band between them.
const AGGREGATE = [
  { share: 0.64, max: 1, ticks: [0, 0.5, 1], band: ["q1", "q3"], lines: ["mean"] },
  { share: 0.21, max: 1, ticks: [0, 1], name: "attentive", lines: ["attentive"] },
  { share: 0.15, name: "people", lines: ["analysed", "present"] },
];
const COUNTS = [{ share: 1, lines: ["facing", "visible", "camera_on", "present"] }];

const crisp = (px) => Math.round(px) + 0.5;

/** Chart of a live model for a box in px; `windowS` 0 is all of the class. */
export function timeChart(model, { width, height }, windowS) {
  const { series, second, tail, ageS, alerts, marks: set, presence, after } = model;
  const narrow = width < NARROW_PX;
  const to = second + 1 + (tail === GAP.none ? 0 : Math.round(ageS));
  const from = windowS ? to - windowS : Math.max(series.first ?? to - 600, to - series.capacity);
  const axis = timeAxis(Math.min(from, to - 60), to, 34, Math.round(narrow ? width : width - (after ? CLEAR_PX / 2 : besidePx(width, presence))));
  const specs = presence ? COUNTS : AGGREGATE;
  const context = { ...model, axis, width, narrow, holes: gaps(series, axis, tail) };
  const strips = stack(height, specs.map(({ share }) => share), MARGINS).map((place, i) => strip(specs[i], place, context));
  const ticks = timeTicks(axis).map((tick) => ({ ...tick, x: crisp(axis.x(tick.at)) }));
  const { bottom } = strips.at(-1);
  return {
    box: `0 0 ${width} ${height}`, axis, end: after ? clock(second) : say("value.now"), series, strips, ticks, bottom, marks: presence ? [] : marks(alerts, axis, strips), flags: flags(set ?? [], axis, strips),
    base: `M${axis.x0} ${bottom + 0.5}H${axis.x1}` + ticks.map(({ x }) => `M${x} ${bottom}v5`).join(""),
  };
}

function strip({ max, ticks, band, name, lines }, { top, bottom }, context) {
  const { series, axis, width, narrow, hello, presence } = context;
  const scale = ticks ?? countTicks(most(series, axis));
  const y = (value) => bottom - (value / (max ?? scale.at(-1))) * (bottom - top);
  const labelled = max || presence;
  const steps = Object.fromEntries([...(band ?? []), ...lines].map((column) => [column, runs(series.reader(column), axis)]));
  return {
    top, bottom, y, lines, title: name && say(`name.${name}`), x: axis.x0, caption: top - 8, note: width < SLIM_PX ? "" : chartNote(name, narrow),
    grid: grid(band ? hello.levels.map((level) => level.from).concat(1) : labelled ? scale : [0], y, axis, band && !narrow && !context.after ? width : 0),
    ticks: labelled ? scale.map((value) => ({ x: axis.x0 - 8, y: Math.round(y(value)) + 4, text: max ? value * 100 : value })) : [],
    fill: band ? "band" : `area ${lines[0]}`, area: (band ?? [lines[0]]).map((column) => areaPath(steps[column], y, bottom)).join(""),
    series: Object.keys(steps).map((column) => ({ line: `line ${column}`, d: stepPath(steps[column], y) })),
    // Counts go on while values are withheld.
    holes: context.holes.filter(({ cause, from, to }) => (max || cause < GAP.withheld) && (cause !== GAP.withheld || to - from > BRIDGED_S)).map((hole) => gap(hole, axis, top, bottom, band || presence)),
    labels: band || narrow || !context.known ? [] : labels(lines, context, y),
  };
}

/** Horizontal lines; right of the index the same lines part the levels. */
function grid(values, y, { x0, x1 }, width) {
  const path = (value) => `M${x0} ${crisp(y(value))}H${x1}` + (width && value > 0 && value < 1 ? `m4 0H${width}` : "");
  return values.map(path).join("");
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
  const name = named && width > LABELLED_GAP_PX ? gapName(cause) : "";
  return { x, width, y: top, height: bottom - top, middle: x + width / 2, base: (top + bottom) / 2 + 4, name };
}

function labels(lines, model, y) {
  const { series, second, axis } = model;
  const shown = lines.map((column, i) => ({ column, i, value: series.get(column, second) })).filter(({ value }) => !Number.isNaN(value));
  const tops = spread(shown.map(({ value }) => y(value) + 4), LABEL_APART_PX);
  const over = Math.max(0, ...tops.map((top) => top - y(0) - 4));
  return shown.map(({ column, i, value }, n) =>
    ({ class: i ? column : `${column} strong`, x: axis.x1 + 14, y: Math.round(tops[n] - over), text: lineLabel(column, value, model) }));
}

const upright = (x, strips) => strips.map(({ top, bottom }) => `M${x} ${top}V${bottom}`).join("");

export function marks(alerts, axis, strips) {
  const { top } = strips[0];
  const shown = alerts.map(({ at }) => at).filter((at) => at > axis.from && at < axis.to).sort((a, b) => a - b);
  return shown.map((at, i) => {
    const x = crisp(axis.x(at));
    const crowded = axis.x(shown[i + 1]) - x < MARK_APART_PX; // the newer of two captions stays
    const left = x > axis.x1 - 50;
    return { stem: upright(x, strips), head: `M${x - 6} ${top - 10}h12l-6 10z`, x: left ? x - 10 : x + 10, y: top - 2, class: left ? "time end" : "time", text: crowded ? "" : clock(at) };
  });
}

/** What the instructor marked: a line through the strips, and its words where they end before the next one. */
export function flags(set, axis, strips) {
  const { top } = strips[0];
  const shown = set.filter(({ at }) => at > axis.from && at < axis.to);
  return shown.map(({ at, mark: said }, i) => {
    const x = crisp(axis.x(at));
    const room = (i + 1 < shown.length ? axis.x(shown[i + 1].at) : axis.x1) - x - 8;
    const letters = Math.floor(room / LETTER_PX);
    const words = mark(said);
    const text = letters >= words.length ? words : letters >= LETTERS_AT_LEAST ? `${words.slice(0, letters - 1)}…` : "";
    return { stem: upright(x, strips), x: x + 4, y: top + 13, text };
  });
}

/** Labels of the time axis, and at second `cursor`, or null, a hairline with dots. */
export function cursorOn({ axis, ticks, bottom, strips, series, end }, cursor) {
  const label = (x, text, mark) => ({ class: mark, x, y: bottom + 18, text });
  const x = cursor === null ? NaN : crisp(axis.x(cursor));
  const near = (other) => Math.abs(x - other) <= CLEAR_PX;
  const times = ticks.filter((tick) => tick.major && tick.x < axis.x1 - 14 - CLEAR_PX && !near(tick.x)).map((tick) => label(tick.x, clock(tick.at), "middle"));
  if (!(x >= axis.x1 - 2 * CLEAR_PX)) times.push(label(axis.x1, end, "end strong"));
  if (Number.isNaN(x)) return { times };
  times.push(label(Math.max(axis.x0 + 14, Math.min(axis.x1 - 18, x)), clock(cursor), "middle strong"));
  const dots = strips.flatMap(({ lines, y }) => lines.map((column) => ({ class: `dot ${column}`, x, y: y(series.get(column, cursor)) })));
  return { times, hair: upright(x, strips), dots: dots.filter((dot) => !Number.isNaN(dot.y)) };
}
