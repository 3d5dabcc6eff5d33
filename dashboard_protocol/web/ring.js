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
    return this.holds(second) ? this.columns[name][second % this.capacity] : NaN;
  }

  /** The same as a function of the second, for loops over a column. */
  reader(name) {
    const values = this.columns[name];
    const { capacity, last } = this;
    const first = last === null ? Infinity : Math.max(this.first, last - capacity + 1);
    return (second) => (second >= first && second <= last ? values[second % capacity] : NaN);
  }

  /** Why nothing is known at a second, one of GAP. */
  why(second) {
    return this.holds(second) ? this.cause[second % this.capacity] : GAP.none;
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
    const held = second - this.last - 1 <= HELD_S;
    const from = Math.max(this.last + 1, second - this.capacity);
    for (let s = from; s < second; s++) {
      if (held) this.#copy(this.last, s);
      else this.#put(s, null, hole);
    }
  }

  #put(second, row, cause) {
    const slot = second % this.capacity;
    for (const name in this.columns) this.columns[name][slot] = row?.[name] ?? NaN;
    this.cause[slot] = cause;
  }

  #copy(from, to) {
    for (const name in this.columns) this.columns[name][to % this.capacity] = this.columns[name][from % this.capacity];
    this.cause[to % this.capacity] = this.cause[from % this.capacity];
  }
}
