import { runs, stepPath, timeAxis } from "./charts.js";
import { PERSON_S } from "./ring.js";
import { levelName } from "./words.js";

/** Ten minutes of the level of a person who opted in, for a chart in their dialog, `width` px wide. Pure. */
export function personChart({ name, levels: ring }, levels, second, width) {
  const axis = timeAxis(second + 1 - PERSON_S, second + 1, 84, width);
  const y = (level) => 118 - level * 34;
  return {
    name, width, from: axis.from, to: axis.to, line: stepPath(runs(ring.reader("level"), axis), y),
    levels: levels.map((level, i) => ({ text: levelName(level), y: y(i) + 4, line: `M84 ${y(i)}H${width}` })),
  };
}
