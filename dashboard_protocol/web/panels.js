/** What stands below the first row and in the dialogs: rows of text with their bars. Pure. */

import { areaPath, runs, timeAxis } from "./charts.js";
import { DISPLAYED } from "./ring.js";
import * as words from "./words.js";

const CHANGES_SHOWN = 3;
const CHANGES_SHOWN_AFTER = 12;
const DOTS_AT_MOST = 60;
const MINUTES = 10;
/** The chart's description is rewritten this often. */
const DESCRIBED_S = 30;

const { compare: inOrder } = new Intl.Collator();
const line = (entry) => ({ at: entry.at, text: words.change(entry) });

/** Panels of a live model whose values are known; `open` is the id of the open dialog. */
export function panels(model, open) {
  const { presence, changes, known, series, second, after } = model;
  const shown = after ? CHANGES_SHOWN_AFTER : CHANGES_SHOWN;
  const minute = (_, i) => ({ at: second - 60 * i, ...series.row(second - 60 * i) });
  const shownAt = Math.max(second - (second % DESCRIBED_S), series.first);
  return {
    changeLines: changes.slice(0, shown).map(line), anyChange: changes.length > 0, moreChanges: changes.length > shown,
    allChanges: open === "changes-all" ? changes.map(line) : [],
    described: { now: series.row(shownAt), then: series.row(shownAt - 300) },
    minutes: open === "values" ? Array.from({ length: MINUTES }, minute) : [],
    ...(presence ? everyone(known ?? {}) : classPanels(model)),
  };
}

const TRACE = { width: 100, height: 14 };
const height = (share) => TRACE.height * (1 - share);

const bars = (counts, { present }) => Object.fromEntries(Object.entries(counts).map(([name, n]) => [name, n / present]));

function classPanels({ hello: { levels, policy }, kind, old, known, then, points, series, second }) {
  const axis = timeAxis(second + 1 - 60 * MINUTES, second + 1, 0, TRACE.width);
  const { engagement, expressions, expressions_unmeasurable: away } = known ?? {};
  return {
    shares: known && bars(known, known),
    meanings: levels.map((level) => ({ name: words.levelName(level), means: words.levelFrom(level) })).reverse(), policyMeans: words.policyMeans(policy),
    levels: levels.map((_, number) => levelRow(levels, number, engagement)).reverse(), few: Boolean(engagement && !engagement.levels),
    expressions: DISPLAYED.map((column) => {
      const share = expressions?.[column];
      const tick = expressions ? then(column) : NaN;
      const trace = areaPath(runs(series.reader(column), axis), height, TRACE.height);
      return { name: words.expression(column), share, trace, tick, marked: tick > 0 || (tick === 0 && share > 0), text: words.percent(share, { points }, known?.analysed) };
    }),
    noted: { [kind === "withheld" ? known.withheld : old ? "old" : away ? "away" : "now"]: true },
  };
}

function levelRow(levels, number, engagement) {
  const { [number]: level, [number + 1]: next = { from: 1 } } = levels;
  return {
    name: words.levelName(level), share: engagement?.levels?.[number], now: engagement?.level === number,
    middle: 1 - (level.from + next.from) / 2, part: next.from - level.from,
  };
}

/** One dot a person, grouped by state, so that no dot is anyone; bars for a crowd. */
function everyone(known) {
  const { present, camera_on, visible, facing } = known;
  const groups = { facing, half: visible - facing, ring: camera_on - visible, off: present - camera_on };
  const crowded = present > DOTS_AT_MOST;
  const dots = crowded ? [] : Object.entries(groups).flatMap(([state, n]) => new Array(Math.max(0, n || 0)).fill({ state }));
  return { groups, crowded, dots, few: visible === null, shares: bars(groups, known) };
}

/** Cards in the order of their names, never of a value. */
export function cards(people, levels, now) {
  const order = [...people.values()].sort((a, b) => inOrder(a.name, b.name) || (a.participant < b.participant ? -1 : 1));
  return order.map(({ participant: key, name, level, facing, displayed, unmeasurable, since }) => ({
    key, name, level, meter: words.meterLabel(levels, level), means: levels[level] && words.levelMeans(levels[level]),
    ...(level === null ? { unmeasured: true, facing: words.reason(unmeasurable, now - since) } : { word: words.levelName(levels[level]), facing: words.facing(facing), displayed: words.displayed(displayed) }),
  }));
}
