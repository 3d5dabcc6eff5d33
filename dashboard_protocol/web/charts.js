/** Series → SVG path strings. Pure: pixels in, strings out. */

import { GAP } from "./ring.js";

const px = (value) => Math.round(value * 10) / 10;

/** The time axis: whole seconds [from, to] on pixels [x0, x1]. */
export function timeAxis(from, to, x0, x1) {
  const scale = (x1 - x0) / Math.max(1, to - from);
  return {
    from, to, x0, x1,
    x: (at) => Math.min(x1, Math.max(x0, x0 + (at - from) * scale)),
    at: (x) => Math.round(from + (Math.min(x1, Math.max(x0, x)) - x0) / scale),
    bucket: Math.max(1, Math.ceil(1 / scale)),
  };
}

/** Runs of known buckets, of a pixel at most: [{x, end, low, high, last}][]. */
export function runs(get, axis) {
  const found = [[]];
  const start = axis.from - (axis.from % axis.bucket);
  for (let s = start; s < axis.to; s += axis.bucket) {
    const cell = bucketOf(get, s, Math.min(s + axis.bucket, axis.to));
    if (cell) found.at(-1).push({ x: px(axis.x(s)), end: px(axis.x(s + axis.bucket)), ...cell });
    else if (found.at(-1).length) found.push([]);
  }
  return found.filter((run) => run.length);
}

function bucketOf(get, from, to) {
  let low = Infinity;
  let high = -Infinity;
  let last = NaN;
  for (let s = from; s < to; s++) {
    const value = get(s);
    if (Number.isNaN(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
    last = value;
  }
  return Number.isNaN(last) ? null : { low, high, last };
}

/** Step line through runs; a pixel of several values spans their minimum and maximum. */
export const stepPath = (steps, y) => steps.map((run) => stepRun(run, y, "M")).join("");

function stepRun(run, y, first) {
  let path = "";
  let level = null;
  for (const { x, low, high, last } of run) {
    if (path === "") path = `${first}${x} ${px(y(last))}`;
    else if (last !== level || low !== high) {
      path += `H${x}`;
      if (low !== high) path += `V${px(y(high))}V${px(y(low))}`;
      path += `V${px(y(last))}`;
    }
    level = last;
  }
  return `${path}H${run.at(-1).end}`;
}

export const areaPath = (steps, y, base) =>
  steps.map((run) => `M${run[0].x} ${px(base)}${stepRun(run, y, "L")}V${px(base)}Z`).join("");

/** Stretches without values: [{from, to, cause}]; `tail` says why at the end, or is GAP.none. */
export function gaps(ring, axis, tail) {
  const found = [];
  for (let s = Math.max(axis.from, ring.first ?? axis.to); s < axis.to; s++) {
    const cause = s > ring.last ? tail : ring.why(s);
    const open = found.at(-1);
    if (cause === GAP.none) continue;
    if (open?.to === s && open.cause === cause) open.to++;
    else found.push({ from: s, to: s + 1, cause });
  }
  return found;
}

/** Seconds between labels, and between ticks. */
const STEPS_S = [[60, 60], [120, 60], [180, 60], [300, 60], [600, 300], [900, 300], [1800, 600], [3600, 1800]];
const LABEL_PX = 88;

/** Ticks of a time axis: [{at, major}]; the major ones have room for a label. */
export function timeTicks(axis) {
  const perPx = (axis.to - axis.from) / (axis.x1 - axis.x0);
  const [step, minor] = STEPS_S.find(([s]) => s / perPx >= LABEL_PX) ?? STEPS_S.at(-1);
  const ticks = [];
  for (let at = Math.ceil(axis.from / minor) * minor; at <= axis.to; at += minor) ticks.push({ at, major: at % step === 0 });
  return ticks;
}

/** The highest value of a series on an axis, 1 at least. */
export function most(get, axis) {
  let found = 1;
  for (let s = axis.from; s < axis.to; s++) if (get(s) > found) found = get(s);
  return found;
}

/** Whole round numbers from 0 to at least `max`, at most five. */
export function countTicks(max) {
  const step = [1, 2, 5, 10, 25, 50, 100, 250, 500].find((s) => max / s <= 4) ?? 1000;
  const top = Math.max(1, Math.ceil(max / step));
  return Array.from({ length: top + 1 }, (_, i) => i * step);
}

/** Push label positions apart; keeps their order from top to bottom. */
export function spread(tops, apart) {
  const placed = [...tops];
  let free = -Infinity;
  for (const i of [...tops.keys()].sort((a, b) => tops[a] - tops[b])) free = (placed[i] = Math.max(tops[i], free)) + apart;
  return placed;
}

/** Strips over each other: heights by share of what captions and axis leave. */
export function stack(height, shares, { top, between, bottom }) {
  const free = Math.max(0, height - top - bottom - between * (shares.length - 1));
  let y = top;
  return shares.map((share) => {
    const strip = { top: Math.round(y), bottom: Math.round(y + free * share) };
    y += free * share + between;
    return strip;
  });
}
