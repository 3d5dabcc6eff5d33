/** What stands below the first row and in the dialogs, as rows of text with the length of their bars. Pure. */

import { runs, stepPath, timeAxis } from "./charts.js";
import { EXPRESSIONS, PERSON_S } from "./ring.js";
import * as words from "./words.js";

const CHANGES_SHOWN = 3;
const DOTS_AT_MOST = 60;
const MINUTES = 10;

const { compare: inOrder } = new Intl.Collator();
const line = (entry) => ({ at: entry.at, text: words.change(entry) });
const shares = (parts, whole) => Object.fromEntries(Object.entries(parts).map(([name, n]) => [name, n / whole]));

/** Panels of a live model whose values are known; `open` is the id of the open dialog. */
export function panels(model, open) {
  const { presence, changes, known, series, second } = model;
  const minute = (_, i) => ({ at: second - 60 * i, ...series.row(second - 60 * i) });
  return {
    changeLines: changes.slice(0, CHANGES_SHOWN).map(line), anyChange: changes.length > 0, moreChanges: changes.length > CHANGES_SHOWN,
    allChanges: open === "changes-all" ? changes.map(line) : [],
    minutes: open === "values" ? Array.from({ length: MINUTES }, minute) : [],
    ...(presence ? everyone(known) : classPanels(model)),
  };
}

function classPanels({ hello: { levels }, kind, known, then }) {
  const { present, camera_on, visible, analysed, engagement, expressions } = known ?? {};
  return {
    shares: shares({ present, camera_on, visible, analysed }, present),
    levels: levels.map((_, level) => levelRow(levels, engagement, level)).reverse(), few: Boolean(engagement && !engagement.levels),
    expressions: EXPRESSIONS.map((name) => {
      const [share, tick] = [expressions?.[name], expressions ? then(name) : NaN];
      return { name: words.EXPRESSION[name], share, tick, marked: tick > 0 || (tick === 0 && share > 0) };
    }),
    noted: { [kind === "withheld" || kind === "stale" ? kind : "now"]: true },
  };
}

/** One level: its share of people, and where it lies on the scale of the index. */
function levelRow(levels, engagement, level) {
  const [from, to] = [levels[level].from, levels[level + 1]?.from ?? 1];
  return { name: words.levelName(levels[level]), share: engagement?.levels?.[level], now: engagement?.level === level, middle: 1 - (from + to) / 2, part: to - from };
}

/** One dot a person, grouped by state, so that no dot is anyone; bars for a crowd. */
function everyone(known) {
  if (!known) return {};
  const { present, camera_on, visible, facing } = known;
  const groups = { facing, half: visible - facing, ring: camera_on - visible, off: present - camera_on };
  const crowded = present > DOTS_AT_MOST;
  const dots = crowded ? [] : Object.entries(groups).flatMap(([state, n]) => new Array(Math.max(0, n)).fill({ state }));
  return { groups, crowded, dots, shares: shares(groups, present) };
}

/** Cards in the order of their names, never of a value. */
export function cards(people, levels, now) {
  const order = [...people.values()].sort((a, b) => inOrder(a.name, b.name) || (a.participant < b.participant ? -1 : 1));
  return order.map(({ participant: key, name, level, facing, displayed, unmeasurable, since }) => ({
    key, name, level, meter: words.meterLabel(levels, level), means: levels[level]?.means,
    ...(level === null ? { unmeasured: true, facing: words.reason(unmeasurable, now - since) } : { word: words.levelName(levels[level]), facing: words.facing(facing), displayed: words.displayed(displayed) }),
  }));
}

/** Ten minutes of one person's level, for a chart `width` px wide and as high as index.html says. */
export function personChart({ name, levels: ring }, levels, second, width) {
  const axis = timeAxis(second + 1 - PERSON_S, second + 1, 84, width);
  const y = (level) => 118 - level * 34;
  return {
    name, width, from: axis.from, to: axis.to, line: stepPath(runs(ring.reader("level"), axis), y),
    levels: levels.map((level, i) => ({ text: words.levelName(level), y: y(i) + 4, line: `M84 ${y(i)}H${width}` })),
  };
}
