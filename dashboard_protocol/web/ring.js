/** Series in fixed arrays, one slot a second of the room's clock. NaN is a gap; nothing here grows. */

export const GAP = { none: 0, feed: 1, bot: 2, withheld: 3 };
export const EXPRESSIONS = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"];
export const COUNTS = ["present", "camera_on", "visible", "facing", "analysed"];
export const COLUMNS = ["mean", "q1", "q3", "attentive", ...COUNTS];
export const CLASS_S = 4 * 3600;
export const PERSON_S = 600;

/** Holes up to this long keep the value before them: summaries are means of 10 s and come about once a second. */
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

  /** Value of a column at a whole second; NaN where nothing is known. */
  get(name, second) {
    return this.reader(name)(second);
  }

  /** The same as a function of the second, for loops over a column. */
  reader(name) {
    const { capacity, last, first, columns: { [name]: values } } = this;
    const oldest = last === null ? Infinity : Math.max(first, last - capacity + 1);
    return (second) => (second >= oldest && second <= last ? values[second % capacity] : NaN);
  }

  /** Why nothing is known at a second, one of GAP. */
  why(second) {
    return this.holds(second) ? this.cause[second % this.capacity] : GAP.none;
  }

  /** Whether a second was measured. */
  knows(second) {
    return this.holds(second) && this.why(second) === GAP.none;
  }

  holds(second) {
    return this.last !== null && second >= this.first && second <= this.last && second > this.last - this.capacity;
  }

  /** Write one second; `hole` is the GAP of the seconds that were skipped before it. */
  write(second, row, cause, hole) {
    if (this.last === null) {
      this.first = this.last = second;
    } else if (second > this.last) {
      this.#bridge(second, hole);
      this.last = second;
      this.first = Math.max(this.first, second - this.capacity + 1);
    } else if (second < this.first) {
      if (this.last - second >= this.capacity) return;
      for (let s = second + 1; s < this.first; s++) this.#put(s, null, hole);
      this.first = second;
    }
    this.#put(second, row, cause);
  }

  #bridge(second, hole) {
    const held = second - this.last - 1 <= HELD_S && this.row(this.last);
    for (let s = Math.max(this.last + 1, second - this.capacity); s < second; s++) this.#put(s, held || null, held ? this.why(this.last) : hole);
  }

  /** All columns at a second. */
  row(second) {
    return Object.fromEntries(Object.keys(this.columns).map((name) => [name, this.get(name, second)]));
  }

  #put(second, row, cause) {
    const slot = second % this.capacity;
    for (const name in this.columns) this.columns[name][slot] = row?.[name] ?? NaN;
    this.cause[slot] = cause;
  }
}
