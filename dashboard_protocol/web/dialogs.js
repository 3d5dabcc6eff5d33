/** Policy, all values, all changes: the calmer minute. */

import { $, attr, each, el, text } from "./dom.js";
import { changeLines } from "./panels.js";
import { EXPRESSIONS } from "./ring.js";
import * as words from "./words.js";

export function drawPolicy({ policy, hello }, room) {
  if (!policy) return;
  text($("policy-title"), words.policyName(policy.profile));
  const rows = words.POLICY_ROWS.map(([name, key]) => [name, policy[key]]);
  if (policy.profile !== "presence") rows.push(["Formula", `${hello.formula}: ${words.FORMULA}`]);
  definitions($("policy-rows"), rows);
  for (const link of document.querySelectorAll(".privacy")) attr(link, "href", `/privacy/${encodeURIComponent(room)}`);
}

const definitions = (list, rows) =>
  each(list, rows, () => el("div", "", el("dt"), el("dd")), (node, [name, value]) => {
    text(node.firstElementChild, name);
    text(node.lastElementChild, value);
  });

export function drawAllChanges({ changes }) {
  changeLines($("all-change-lines"), changes);
}

const signed = (value) => (value === null ? words.DASH : value.toFixed(2).replace("-", "−"));

/** Every number of the page as text, and the last ten minutes by minute. */
export function drawValues({ summary, presence, series, second, hello }) {
  if (!summary) return;
  const numbers = [["Present", summary.present], ["Camera on", summary.camera_on], ["Face in view", summary.visible]];
  if (presence) numbers.push(["Facing the camera", words.count(summary.facing)]);
  else {
    const { engagement } = summary;
    numbers.push(["Analysed", words.count(summary.analysed)], ["Coverage", words.percent(summary.coverage)], ["Engagement index", words.index(engagement?.mean)]);
    numbers.push(["Middle half of the class", `${words.index(engagement?.q1)} to ${words.index(engagement?.q3)}`], ["Attentive", words.percent(summary.attentive)]);
    hello.levels.forEach((_, i) => numbers.push([words.levelName(hello, i), words.percent(engagement?.levels?.[i])]));
    for (const name of EXPRESSIONS) numbers.push([words.EXPRESSION[name], words.percent(summary.expressions?.[name])]);
    numbers.push(["Valence", signed(summary.valence)], ["Arousal", signed(summary.arousal)]);
  }
  definitions($("value-rows"), numbers.map(([name, value]) => [name, `${value}`]));
  const columns = presence ? ["present", "camera_on", "visible", "facing"] : ["mean", "attentive", "analysed", "present"];
  const names = presence ? ["Present", "Camera on", "In view", "Facing"] : ["Index", "Attentive", "Analysed", "Present"];
  const shown = { mean: words.index, attentive: words.percent };
  const cells = (node, values) => [...node.children].forEach((cell, i) => text(cell, values[i]));
  cells($("minute-head"), ["Time", ...names]);
  const minutes = Array.from({ length: 10 }, (_, i) => second - 60 * i);
  each($("minute-rows"), minutes, () => el("tr", "", ...[0, 1, 2, 3, 4].map(() => el("td"))), (row, at) =>
    cells(row, [words.clock(at), ...columns.map((column) => (shown[column] ?? words.count)(series.get(column, at)))]));
}
