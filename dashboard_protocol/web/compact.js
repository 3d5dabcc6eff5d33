/** The compact view, what fits beside a meeting: the page's model → a line of words and one small line. Pure. */

import { most, runs, stepPath, timeAxis } from "./charts.js";
import { say, span } from "./words.js";

const [WIDE, HIGH, SHOWN_S] = [300, 40, 600];
const OVER = { ended: "end.title", no_access: "page.no_access", outdated: "page.outdated" };
const TROUBLE = { interrupted: "page.interrupted", silent: "trouble.silent", reconnecting: "trouble.reconnecting" };

/** The model with what the small view adds to it. */
export function compact(model) {
  if (!model.live) return { ...model, small: { words: say(OVER[model.state] ?? `before.${model.state}`) } };
  return { ...model, small: { shown: true, ...line(model), ...spark(model) } };
}

/** The same without any figure, for whoever must not be shown them. */
export const withheld = (model) => ({ ...model, small: { words: say("compact.not_shown") } });

/** One line for all: why nothing is heard, why there is no value, an alert, or how it was lately. */
function line({ slot, state, kind, ageS, profile, hero, trends }) {
  if (slot.kind === "trouble") return { warns: true, words: say(TROUBLE[state], { span: span(ageS) }) };
  if (kind === "withheld") return { words: hero.trend.text };
  if (slot.kind === "policy") return { words: say("page.policy_now", { profile }) };
  return { warns: slot.kind === "alert", words: slot.title ?? (trends?.present ?? hero.trend).text };
}

/** The last ten minutes, or all of a younger class; as in the chart a gap is never bridged, and 100 is the top. */
function spark({ series, second, hello: { levels }, presence, alerts }) {
  const to = second + 1;
  const axis = timeAxis(Math.min(to - 60, Math.max(series.first ?? 0, to - SHOWN_S)), to, 0, WIDE);
  const columns = presence ? ["facing", "present"] : ["mean"];
  const top = presence ? most(series.reader("present"), axis) : 1;
  const y = (value) => HIGH - 1 - (value / top) * (HIGH - 2);
  return {
    grid: presence ? "" : levels.map(({ from }) => `M0 ${y(from)}H${WIDE}`).join(""),
    stems: presence ? "" : alerts.filter(({ at }) => at > axis.from).map(({ at }) => `M${Math.round(axis.x(at))} 0V${HIGH}`).join(""),
    lines: columns.map((column) => ({ line: `line ${column}`, d: stepPath(runs(series.reader(column), axis), y) })),
  };
}
