/** Series in fixed arrays, one slot a second of the room's clock. NaN is a gap. */

export const GAP = { none: 0, feed: 1, bot: 2, withheld: 3, settling: 4 };
export const COUNTS = ["present", "camera_on", "visible", "facing"];
export const COLUMNS = ["mean", "q1", "q3", "attentive", ...COUNTS, "analysed"];
/** Displayed expressions, in the engine's order. */
export const DISPLAYED = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral", "unclear"];
export const CLASS_S = 4 * 3600;
export const PERSON_S = 600;

/** Holes up to this long keep the value before them: summaries are means of 10 s. */
const HELD_S = 2;

export class Ring {
  constructor(names, capacity) {
    this.capacity = capacity;
    this.first = null;
    this.last = null;
    this.cause = new Uint8Array(capacity);
    this.columns = {};
    for (const name of names) this.columns[name] = new Float32Array(capacity).fill(NaN);
  }

  get(name, second) {
    return this.reader(name)(second);
  }

  /** Value of a column by its second, NaN where nothing is known: for loops. */
  reader(name) {
    const { capacity, last, first, columns: { [name]: values } } = this;
    const oldest = last === null ? Infinity : Math.max(first, last - capacity + 1);
    return (second) => (second >= oldest && second <= last ? values[second % capacity] : NaN);
  }

  why(second) {
    return this.holds(second) ? this.cause[second % this.capacity] : GAP.none;
  }

  /** Whether a second was reported, be it that its values are withheld. */
  knows(second) {
    return this.holds(second) && (this.why(second) || GAP.withheld) >= GAP.withheld;
  }

  holds(second) {
    return this.last !== null && second >= this.first && second <= this.last && second > this.last - this.capacity;
  }

  /** Write one second; `hole` is the GAP of the seconds skipped before or after it. */
  write(second, row, cause, hole) {
    const { first, last, capacity } = this;
    if (last !== null && last - second >= capacity) return;
    this.last = Math.max(second, last ?? second);
    this.first = Math.max(Math.min(second, first ?? second), this.last - capacity + 1);
    for (let s = Math.max((last ?? second) + 1, this.first); s < second; s++) this.#put(s, null, hole);
    for (let s = second + 1; s < first; s++) this.#put(s, null, hole);
    this.#put(second, row, cause);
    for (let s = second - HELD_S - 1; s <= second; s++) this.#hold(s);
  }

  #hold(second) {
    let next = second + 1;
    while (next <= second + HELD_S && !this.knows(next)) next++;
    if (next === second + 1 || !this.knows(second) || !this.knows(next)) return;
    for (let s = second + 1; s < next; s++) this.#put(s, this.row(second), this.why(second));
  }

  row(second) {
    return Object.fromEntries(Object.keys(this.columns).map((name) => [name, this.get(name, second)]));
  }

  #put(second, row, cause) {
    const slot = second % this.capacity;
    for (const name in this.columns) this.columns[name][slot] = row?.[name] ?? NaN;
    this.cause[slot] = cause;
  }
}
