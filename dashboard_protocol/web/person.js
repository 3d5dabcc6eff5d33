/** The chart of one person who opted in, in their dialog. Pure. */

import { runs, stepPath, timeAxis } from "./charts.js";
import { PERSON_S } from "./ring.js";
import * as words from "./words.js";

/** Ten minutes of one person's level, for a chart `width` px wide. */
export function personChart({ name, levels: ring }, levels, second, width) {
  const axis = timeAxis(second + 1 - PERSON_S, second + 1, 84, width);
  const y = (level) => 118 - level * 34;
  return {
    name, width, from: axis.from, to: axis.to, line: stepPath(runs(ring.reader("level"), axis), y),
    levels: levels.map((level, i) => ({ text: words.levelName(level), y: y(i) + 4, line: `M84 ${y(i)}H${width}` })),
  };
}
