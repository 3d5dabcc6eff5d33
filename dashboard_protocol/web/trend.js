/** Did a value change: medians of 30 s, now and 5 min ago. */

const APART_S = 300;
const SPAN_S = 30;
const NEEDED_S = APART_S + SPAN_S / 2;
const STEADY_AT_MOST_S = 600;
const STEP_S = 30;
/** Moves of class values are reported from this many points on. */
const POINTS = 15;

/** NaN unless half of the seconds [from, to] are known. */
export function median(ring, column, from, to) {
  const get = ring.reader(column);
  const known = Array.from({ length: to - from + 1 }, (_, i) => get(from + i)).filter((value) => !Number.isNaN(value));
  return known.length * 2 < to - from + 1 ? NaN : known.sort((a, b) => a - b)[known.length >> 1];
}

export const past = (ring, column, second) => median(ring, column, second - APART_S - SPAN_S / 2, second - APART_S + SPAN_S / 2 - 1);

const change = (ring, column, second, scale) =>
  Math.round(median(ring, column, second - SPAN_S + 1, second) * scale) - Math.round(past(ring, column, second) * scale);

/** {kind: "move", by} | {kind: "steady" or "short", s} | {kind: "none"}; `scale` as 100 for shares. */
export function trend(ring, column, second, { scale = 100, threshold = POINTS } = {}) {
  if (ring.first === null) return { kind: "none" };
  const measured = second - ring.first;
  if (measured < NEEDED_S) return { kind: "short", s: measured };
  const by = change(ring, column, second, scale);
  if (Number.isNaN(by)) return { kind: "none" };
  if (Math.abs(by) >= threshold) return { kind: "move", by };
  for (let s = STEP_S; s <= STEADY_AT_MOST_S && measured - s >= NEEDED_S; s += STEP_S) {
    if (Math.abs(change(ring, column, second - s, scale)) >= threshold) return { kind: "steady", s };
  }
  return { kind: "steady", s: Math.min(measured, STEADY_AT_MOST_S + 1) };
}

/** A count moved when it differs by a tenth of the people present, and by two at least. */
export const countThreshold = (present) => Math.max(2, Math.ceil(present / 10));
