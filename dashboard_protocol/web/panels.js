/** What stands below the first row and in the dialogs, as rows of text with the length of their bars. Pure. */

import { runs, stepPath, timeAxis } from "./charts.js";
import { EXPRESSIONS, PERSON_S } from "./ring.js";
import * as words from "./words.js";

const CHANGES_SHOWN = 3;
const DOTS_AT_MOST = 60;
const MINUTES = 10;
const HEADS = { present: "Present", camera_on: "Camera on", visible: "Face in view" };

const length = (share) => `${Math.round((share || 0) * 1000) / 10}%`;
const row = (name, value, share) => ({ name, value, width: length(share) });
const line = (entry) => ({ at: words.clock(entry.at), text: words.change(entry) });

/** Panels of a live model whose values are known; `open` is the id of the open dialog. */
export function panels(model, open) {
  const { presence, changes, summary, kind } = model;
  const known = kind === "lost" ? null : summary;
  const heads = Object.entries({ ...HEADS, ...(presence ? { facing: "Facing the camera" } : { analysed: "Analysed" }) });
  return {
    heads: heads.map(([key, name]) => row(name, words.count(known?.[key]), known?.[key] / known?.present)),
    changeLines: changes.slice(0, CHANGES_SHOWN).map(line), anyChange: changes.length > 0, moreChanges: changes.length > CHANGES_SHOWN,
    allChanges: open === "changes-all" ? changes.map(line) : [],
    ...(open === "values" && summary && allValues(model)),
    ...(presence ? everyone(known) : classPanels(model, known)),
  };
}

function classPanels({ hello, kind, policy, then, summaryAt }, known) {
  const { engagement, expressions } = known ?? {};
  return {
    levels: hello.levels.map((_, level) => levelRow(hello.levels, engagement, level)).reverse(), few: Boolean(engagement && !engagement.levels),
    expressions: EXPRESSIONS.map((name) => {
      const [now, tick] = [expressions?.[name], expressions ? then(name) : NaN];
      return { ...row(words.EXPRESSION[name], words.percent(now), now), tick: tick > 0 || (tick === 0 && now > 0) ? length(tick) : null };
    }),
    expressionNote: words.expressionNote(kind, policy.k, summaryAt),
  };
}

/** One level: its share of people, and where it lies on the scale of the index. */
function levelRow(levels, engagement, level) {
  const [from, to] = [levels[level].from, levels[level + 1]?.from ?? 1];
  const share = engagement?.levels?.[level];
  return { ...row(words.levelName(levels[level]), words.percent(share), share), now: engagement?.level === level, middle: length(1 - (from + to) / 2), part: length(to - from) };
}

/** One dot a person, grouped by state, so that no dot is anyone; bars for a crowd. */
function everyone(known) {
  const { present = 0, camera_on: on = 0, visible = 0, facing = 0 } = known ?? {};
  const groups = [["facing", facing, "facing the camera"], ["half", visible - facing, "in view, not facing"], ["ring", on - visible, "camera on, no face"], ["off", present - on, "camera off"]];
  const crowded = present > DOTS_AT_MOST;
  return {
    dots: crowded ? [] : groups.flatMap(([state, n]) => new Array(Math.max(0, n)).fill({ state })),
    crowd: crowded ? groups.map(([, n, label]) => row(label, n, n / present)) : [],
    dotKey: groups.map(([state, n, label]) => ({ state, text: `${known ? n : words.DASH} ${label}` })),
  };
}

/** Cards in the order of their names, never of a value. */
export function cards(people, levels, now) {
  const order = [...people.values()].sort((a, b) => a.name.localeCompare(b.name) || (a.participant < b.participant ? -1 : 1));
  return order.map(({ participant, name, level, facing, displayed, unmeasurable, since }) => {
    const card = { key: participant, name, level, meter: words.meterLabel(levels, level) };
    if (level === null) return { ...card, unmeasured: true, word: words.NOT_MEASURABLE, facing: words.reason(unmeasurable, now - since) };
    return { ...card, word: words.levelName(levels[level]), means: levels[level].means, facing: words.facing(facing), displayed: words.displayed(displayed) };
  });
}

/** Ten minutes of one person's level, for a chart `width` px wide. */
export function personChart(person, levels, second, width) {
  const height = 148;
  const axis = timeAxis(second + 1 - PERSON_S, second + 1, 84, width);
  const y = (level) => height - 30 - level * 34;
  return {
    name: person.name, width, height, left: axis.x0, base: height - 4, from: words.clock(axis.from), to: words.clock(axis.to),
    levels: levels.map((level, i) => ({ text: words.levelName(level), y: y(i) + 4, line: `M${axis.x0} ${y(i)}H${width}` })),
    line: stepPath(runs(person.levels.reader("level"), axis), y),
  };
}

/** What no panel tells as a number, and the last ten minutes by minute. */
function allValues({ summary, presence, series, second }) {
  const { count, index, percent, signed } = words;
  const { coverage, engagement, attentive, valence, arousal } = summary;
  const columns = presence ? [["present"], ["camera_on"], ["visible"], ["facing"]] : [["mean", index], ["attentive", percent], ["analysed"], ["present"]];
  const minute = (_, i) => {
    const at = second - 60 * i;
    const [a, b, c, d] = columns.map(([column, say = count]) => say(series.get(column, at)));
    return { at: words.clock(at), a, b, c, d };
  };
  return {
    values: {
      coverage: percent(coverage), index: index(engagement?.mean), middle: `${index(engagement?.q1)} to ${index(engagement?.q3)}`,
      attentive: percent(attentive), valence: signed(valence), arousal: signed(arousal),
    },
    minutes: Array.from({ length: MINUTES }, minute),
  };
}
