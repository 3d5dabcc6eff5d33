/** Expressions, people, changes, everyone now: rows of numbers with their bars. */

import { $, each, el, hide, style, text } from "./dom.js";
import { EXPRESSIONS } from "./ring.js";
import * as words from "./words.js";

function row() {
  return el("div", "row", el("dt"), el("dd", "bar", el("i", "fill"), el("i", "tick")), el("dd", "value"));
}

/** Fill one row: `share` is the bar, `tick` an earlier share or NaN, both of the bar's whole length. */
function fillRow(node, { name, share, tick, value, strong }) {
  const [label, bar, number] = node.children;
  text(label, name);
  text(number, value);
  node.classList.toggle("now", strong === true);
  style(bar.firstElementChild, "width", `${Math.round((share || 0) * 1000) / 10}%`);
  const marked = tick > 0 || (tick === 0 && share > 0);
  hide(bar.lastElementChild, !marked);
  if (marked) style(bar.lastElementChild, "left", `${Math.round(tick * 1000) / 10}%`);
}

export const rows = (list, items) => each(list, items, row, fillRow);

export function drawExpressions({ summary, kind, then, policy, summaryAt }) {
  const known = summary?.expressions && kind !== "lost" ? summary.expressions : null;
  rows($("expression-rows"), EXPRESSIONS.map((name) => ({
    name: words.EXPRESSION[name], share: known?.[name] ?? 0, tick: known ? then(name) : NaN, value: words.percent(known?.[name]),
  })));
  text($("expression-note"), kind === "withheld" ? words.notes.withheld(policy.k) : kind === "stale" ? words.notes.stood(summaryAt) : words.notes.expressions);
}

export function drawPeople({ summary, kind }) {
  const known = kind === "lost" ? null : summary;
  const whole = known?.present || 1;
  rows($("people-rows"), [["Present", "present"], ["Camera on", "camera_on"], ["Face in view", "visible"], ["Analysed", "analysed"]].map(([name, key]) => ({
    name, share: (known?.[key] ?? 0) / whole, tick: NaN, value: words.count(known?.[key]),
  })));
}

/** The four levels, highest first, each with its share of people. */
export function levelRows({ hello, summary, kind }) {
  const engagement = kind === "lost" ? null : summary?.engagement;
  return [3, 2, 1, 0].map((level) => ({
    name: words.levelName(hello, level), share: engagement?.levels?.[level] ?? 0, tick: NaN,
    value: words.percent(engagement?.levels?.[level]), strong: engagement?.level === level,
  }));
}

function line() {
  return el("li", "", el("time"), el("span"));
}

export function changeLines(list, changes) {
  each(list, changes, line, (node, entry) => {
    text(node.firstElementChild, words.clock(entry.at));
    text(node.lastElementChild, words.change(entry));
  });
}

const SHOWN = 3;

export function drawChanges({ changes }) {
  changeLines($("change-lines"), changes.slice(0, SHOWN));
  hide($("no-changes"), changes.length > 0);
  hide($("all-changes"), changes.length <= SHOWN);
}

const DOTS_AT_MOST = 60;

/** One dot a person, grouped by state, so that no dot is anyone. */
export function drawEveryone({ summary, kind }) {
  const known = kind === "lost" ? null : summary;
  const { present = 0, camera_on: on = 0, visible = 0, facing = 0 } = known ?? {};
  const groups = [["facing", facing, "facing the camera"], ["half", visible - facing, "in view, not facing"], ["ring", on - visible, "camera on, no face"], ["off", present - on, "camera off"]];
  const dots = present > DOTS_AT_MOST ? [] : groups.flatMap(([name, n]) => new Array(Math.max(0, n)).fill(name));
  each($("dots"), dots, () => el("i"), (dot, name) => { if (dot.className !== name) dot.className = name; });
  each($("dot-key"), groups, () => el("li", "", el("i"), el("span")), (item, [name, n, label]) => {
    item.firstElementChild.className = name;
    text(item.lastElementChild, `${known ? n : words.DASH} ${label}`);
  });
  hide($("everyone-bars"), present <= DOTS_AT_MOST);
  if (present > DOTS_AT_MOST) rows($("everyone-bars"), groups.map(([, n, label]) => ({ name: label, share: n / present, tick: NaN, value: `${n}` })));
}
