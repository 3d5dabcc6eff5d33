/** The chart as a model: strips on a time axis, gaps, alert marks and cursor. Pure. */

import { areaPath, countTicks, gaps, most, runs, spread, stack, stepPath, timeAxis, timeTicks } from "./charts.js";
import { GAP } from "./ring.js";
import { chartNote, clock, gapName, lineLabel, say } from "./words.js";

const NARROW_PX = 480;
const SLIM_PX = 290;
const LABELLED_GAP_PX = 60;
// Two labels of a wide font.
const CLEAR_PX = 40;
const TIME_PX = 40;
const LABEL_APART_PX = 14;
/** So short a dip below k is bridged: the page does not empty for it, and the chart has no stripe. */
const BRIDGED_S = 3;
// page.css places the level rows beside the index strip by the same numbers.
const MARGINS = { top: 14, between: 30, bottom: 26 };
const besidePx = (width, { presence, few }) => (presence ? 140 : few ? 112 : Math.min(236, Math.max(208, width * 0.28)));

// A strip is filled down to zero from its first line; two fills are the band between them.
const AGGREGATE = [
  { share: 0.64, max: 1, ticks: [0, 0.5, 1], band: ["q1", "q3"], lines: ["mean"] },
  { share: 0.21, max: 1, ticks: [0, 1], name: "attentive", lines: ["attentive"] },
  { share: 0.15, name: "people", lines: ["analysed", "present"] },
];
const COUNTS = [{ share: 1, lines: ["facing", "visible", "camera_on", "present"] }];

export const crisp = (px) => Math.round(px) + 0.5;

/** Chart of a live model for a box in px; `windowS` 0 is all of the class. */
export function timeChart(model, { width, height }, windowS) {
  const { series, second, tail, ageS, alerts, marks: set, presence, after, flagsOf } = model;
  const narrow = width < NARROW_PX;
  const to = second + 1 + (tail === GAP.none ? 0 : Math.round(ageS));
  // A class that is younger than the window fills it.
  const from = Math.max(series.first ?? to - (windowS || 600), to - (windowS || series.capacity));
  const axis = timeAxis(Math.min(from, to - 60), to, 34, Math.round(narrow ? width : width - (after ? CLEAR_PX / 2 : besidePx(width, model))));
  const specs = presence ? COUNTS : AGGREGATE;
  const context = { ...model, axis, width, narrow, holes: gaps(series, axis, tail) };
  const strips = stack(height, specs.map(({ share }) => share), MARGINS).map((place, i) => strip(specs[i], place, context));
  const ticks = timeTicks(axis).map((tick) => ({ ...tick, x: crisp(axis.x(tick.at)) }));
  const { bottom } = strips.at(-1);
  return {
    box: `0 0 ${width} ${height}`, axis, end: after ? clock(second) : say("value.now"), series, strips, ticks, bottom, marks: presence ? [] : marks(alerts, axis, strips), flags: flagsOf?.(set, axis, strips) ?? [],
    base: `M${axis.x0} ${bottom + 0.5}H${axis.x1}` + ticks.map(({ x }) => `M${x} ${bottom}v5`).join(""),
  };
}

function strip({ max, ticks, band, name, lines }, { top, bottom }, context) {
  const { series, axis, width, narrow, hello, presence } = context;
  const scale = ticks ?? countTicks(most(series.reader("present"), axis));
  const y = (value) => bottom - (value / (max ?? scale.at(-1))) * (bottom - top);
  const labelled = max || presence;
  const steps = Object.fromEntries([...(band ?? []), ...lines].map((column) => [column, runs(series.reader(column), axis)]));
  return {
    top, bottom, y, lines, title: name && say(`name.${name}`), x: axis.x0, caption: top - 8, note: width < SLIM_PX ? "" : chartNote(name, narrow),
    grid: grid(band ? hello.levels.map((level) => level.from).concat(1) : labelled ? scale : [0], y, axis, band && !narrow && !context.after && !context.few ? width : 0),
    ticks: labelled ? scale.map((value) => ({ x: axis.x0 - 8, y: Math.round(y(value)) + 4, text: max ? value * 100 : value })) : [],
    layers: presence ? [...lines].reverse().map((column) => ({ layer: `layer ${column}`, d: areaPath(steps[column], y, bottom) })) : [],
    fill: band ? "band" : `area ${lines[0]}`, area: (band ?? (presence ? [] : [lines[0]])).map((column) => areaPath(steps[column], y, bottom)).join(""),
    series: Object.keys(steps).map((column) => ({ line: `line ${column}`, d: stepPath(steps[column], y) })),
    // Counts go on while values are withheld.
    holes: context.holes.filter(({ cause, from, to }) => (max || cause < GAP.withheld) && (cause !== GAP.withheld || to - from > BRIDGED_S)).map((hole) => gap(hole, axis, top, bottom, (band || presence) && hello.policy)),
    labels: band || narrow || !context.known ? [] : labels(lines, context, y),
  };
}

/** Horizontal lines; right of the index the same lines part the levels. */
function grid(values, y, { x0, x1 }, width) {
  const path = (value) => `M${x0} ${crisp(y(value))}H${x1}` + (width && value > 0 && value < 1 ? `m4 0H${width}` : "");
  return values.map(path).join("");
}

function gap({ from, to, cause }, axis, top, bottom, policy) {
  const x = axis.x(from);
  const width = axis.x(to) - x;
  const name = policy && width > LABELLED_GAP_PX ? gapName(cause, policy) : "";
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

export const upright = (x, strips) => strips.map(({ top, bottom }) => `M${x} ${top}V${bottom}`).join("");

/** Alerts: the newest has its time first; no time stands below a triangle, or over another. */
export function marks(alerts, axis, strips) {
  const { top } = strips[0];
  const shown = alerts.filter(({ at }) => at > axis.from && at < axis.to).sort((a, b) => b.at - a.at);
  const taken = shown.map(({ at }) => [axis.x(at) - 8, axis.x(at) + 8]);
  const fits = ([from, to]) => from >= 0 && to <= axis.x1 && taken.every(([a, b]) => to <= a || from >= b);
  const drawn = shown.map(({ at, alert: { kind } = {} }) => {
    const x = crisp(axis.x(at));
    const place = [[x + 9, x + 9 + TIME_PX], [x - 9 - TIME_PX, x - 9]].find(fits);
    if (place) taken.push(place);
    const left = place && place[0] < x;
    // What rose is no alarm: an arrow, and no triangle.
    const head = kind === "rise" ? `M${x} ${top - 1}v-9m-4 4l4 -4l4 4` : `M${x - 6} ${top - 10}h12l-6 10z`;
    return { stem: upright(x, strips), head, kind: kind === "rise" ? "good" : "head", x: left ? x - 10 : x + 10, y: top - 2, class: left ? "time end" : "time", text: place ? clock(at) : "" };
  });
  return drawn.reverse();
}

/** Labels of the time axis, and at second `cursor`, or null, a hairline with dots. */
export function cursorOn({ axis, ticks, bottom, strips, series, end }, cursor) {
  const label = (x, text, mark) => ({ class: mark, x, y: bottom + 18, text });
  const x = cursor === null ? NaN : crisp(axis.x(cursor));
  const near = (other) => Math.abs(x - other) <= CLEAR_PX;
  const times = ticks.filter((tick) => tick.major && tick.x < axis.x1 - 24 - CLEAR_PX && !near(tick.x)).map((tick) => label(tick.x, clock(tick.at), "middle"));
  if (!(x >= axis.x1 - 2 * CLEAR_PX)) times.push(label(axis.x1, end, "end strong"));
  if (Number.isNaN(x)) return { times };
  times.push(label(Math.max(axis.x0 + 14, Math.min(axis.x1 - 18, x)), clock(cursor), "middle strong"));
  const dots = strips.flatMap(({ lines, y }) => lines.map((column) => ({ class: `dot ${column}`, x, y: y(series.get(column, cursor)) })));
  return { times, hair: upright(x, strips), dots: dots.filter((dot) => !Number.isNaN(dot.y)) };
}
