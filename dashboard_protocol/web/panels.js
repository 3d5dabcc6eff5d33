/** What stands below the first row and in the dialogs, as rows of text with the length of their bars. Pure. */

import { stepPath, runs, timeAxis } from "./charts.js";
import { EXPRESSIONS, PERSON_S } from "./ring.js";
import * as words from "./words.js";

const CHANGES_SHOWN = 3;
const DOTS_AT_MOST = 60;
const MINUTES = 10;

const length = (share) => `${Math.round((share || 0) * 1000) / 10}%`;
const row = (name, value, share) => ({ name, value, width: length(share) });
const definition = ([name, value]) => ({ name, value });
const line = (entry) => ({ at: words.clock(entry.at), text: words.change(entry) });

/** Panels of a live model whose values are known; `open` is the id of the open dialog. */
export function panels(model, open) {
  const { presence, changes, summary, kind } = model;
  const known = kind === "lost" ? null : summary;
  return {
    changeLines: changes.slice(0, CHANGES_SHOWN).map(line), anyChange: changes.length > 0, moreChanges: changes.length > CHANGES_SHOWN,
    allChanges: open === "changes-all" ? changes.map(line) : [],
    ...(open === "values" && summary && allValues(model)),
    ...(presence ? everyone(known) : classPanels(model, known)),
  };
}

function classPanels({ hello, kind, policy, then, summaryAt }, known) {
  const { engagement, expressions } = known ?? {};
  const few = Boolean(engagement && !engagement.levels);
  return {
    levels: hello.levels.map((_, level) => levelRow(hello, engagement, level)).reverse(),
    few, levelsNote: few ? words.notes.shares : words.notes.levels,
    expressions: EXPRESSIONS.map((name) => {
      const [now, tick] = [expressions?.[name], expressions ? then(name) : NaN];
      return { ...row(words.EXPRESSION[name], words.percent(now), now), tick: tick > 0 || (tick === 0 && now > 0) ? length(tick) : null };
    }),
    expressionNote: kind === "withheld" ? words.notes.withheld(policy.k) : kind === "stale" ? words.notes.stood(summaryAt) : words.notes.expressions,
    heads: [["Present", "present"], ["Camera on", "camera_on"], ["Face in view", "visible"], ["Analysed", "analysed"]]
      .map(([name, key]) => row(name, words.count(known?.[key]), known?.[key] / known?.present)),
  };
}

/** One level: its share of people, and where it lies on the scale of the index. */
function levelRow({ levels }, engagement, level) {
  const [from, to] = [levels[level].from, levels[level + 1]?.from ?? 1];
  const share = engagement?.levels?.[level];
  return { ...row(words.levelName(levels[level]), words.percent(share), share), now: engagement?.level === level, middle: length(1 - (from + to) / 2), part: length(to - from) };
}

/** One dot a person, grouped by state, so that no dot is anyone; bars for a crowd. */
function everyone(known) {
  const { present = 0, camera_on: on = 0, visible = 0, facing = 0 } = known ?? {};
  const groups = [["facing", facing, "facing the camera"], ["half", visible - facing, "in view, not facing"], ["ring", on - visible, "camera on, no face"], ["off", present - on, "camera off"]];
  const crowd = present > DOTS_AT_MOST;
  return {
    crowd, dots: crowd ? [] : groups.flatMap(([state, n]) => new Array(Math.max(0, n)).fill({ state })),
    dotKey: groups.map(([state, n, label]) => ({ state, text: `${known ? n : words.DASH} ${label}` })),
    crowdRows: crowd ? groups.map(([, n, label]) => row(label, n, n / present)) : [],
  };
}

/** Cards in the order of their names, never of a value. */
export function cards(people, { levels }, now) {
  const order = [...people.values()].sort((a, b) => a.name.localeCompare(b.name) || (a.participant < b.participant ? -1 : 1));
  return order.map(({ participant, name, level, facing, displayed, unmeasurable, since }) => {
    const card = { key: participant, name, level, meter: words.meterLabel(levels, level) };
    if (level === null) return { ...card, unmeasured: true, word: words.NOT_MEASURABLE, facing: words.reason(unmeasurable, now - since) };
    return { ...card, word: words.levelName(levels[level]), means: levels[level].means, facing: words.facing(facing), displayed: words.displayed(displayed) };
  });
}

/** Ten minutes of one person's level, for a chart `width` px wide; null when nobody is looked at. */
export function personChart(person, { levels }, second, width) {
  if (!person) return null;
  const height = 148;
  const axis = timeAxis(second + 1 - PERSON_S, second + 1, 84, width);
  const y = (level) => height - 30 - level * 34;
  return {
    name: person.name, width, height, left: axis.x0, base: height - 4, from: words.clock(axis.from), to: words.clock(axis.to),
    levels: levels.map((level, i) => ({ text: words.levelName(level), y: y(i) + 4, line: `M${axis.x0} ${y(i)}H${width}` })),
    line: stepPath(runs(person.levels.reader("level"), axis), y),
  };
}

export function policyRows(policy, hello) {
  const rows = words.POLICY_ROWS.map(([name, key]) => [name, policy[key]]);
  if (policy.profile !== "presence") rows.push(["Formula", `${hello.formula}: ${words.FORMULA}`]);
  return rows.map(definition);
}

/** Every number of the page as text, and the last ten minutes by minute. */
function allValues({ summary, presence, series, second, hello }) {
  const { count, index, percent, signed } = words;
  const { present, camera_on, visible, facing, analysed, coverage, engagement, attentive, expressions, valence, arousal } = summary;
  const numbers = [["Present", count(present)], ["Camera on", count(camera_on)], ["Face in view", count(visible)]];
  if (presence) numbers.push(["Facing the camera", count(facing)]);
  else {
    numbers.push(
      ["Analysed", count(analysed)], ["Coverage", percent(coverage)], ["Engagement index", index(engagement?.mean)],
      ["Middle half of the class", `${index(engagement?.q1)} to ${index(engagement?.q3)}`], ["Attentive", percent(attentive)],
      ...hello.levels.map((level, i) => [words.levelName(level), percent(engagement?.levels?.[i])]),
      ...EXPRESSIONS.map((name) => [words.EXPRESSION[name], percent(expressions?.[name])]), ["Valence", signed(valence)], ["Arousal", signed(arousal)],
    );
  }
  const columns = presence
    ? [["present", "Present", count], ["camera_on", "Camera on", count], ["visible", "In view", count], ["facing", "Facing", count]]
    : [["mean", "Index", index], ["attentive", "Attentive", percent], ["analysed", "Analysed", count], ["present", "Present", count]];
  const minute = (_, i) => {
    const at = second - 60 * i;
    return { at: words.clock(at), cells: columns.map(([column, , say]) => ({ text: say(series.get(column, at)) })) };
  };
  return { numbers: numbers.map(definition), columns: columns.map(([, text]) => ({ text })), minutes: Array.from({ length: MINUTES }, minute) };
}
