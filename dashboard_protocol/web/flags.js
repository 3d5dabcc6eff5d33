import { crisp, upright } from "./chart.js";
import { mark } from "./words.js";

const LETTER_PX = 7.5;
const LETTERS_AT_LEAST = 5;

/** What the instructor marked: a line through the strips, and its words where they end before the next one. Pure. */
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
