/** A pure fold of events into what the page knows; `record.py` finds the same changes. */

import { CLASS_S, COLUMNS, DISPLAYED, GAP, PERSON_S, Ring } from "./ring.js";

const CHANGES_KEPT = 200;
/** A dip below k of this length shows what stood before it; counts are as they are. */
const BRIDGED_S = 3;
const MARKS_KEPT = 200;
/** A head count, or too few people, is reported once it has stood for this long. */
const SETTLED_S = 10;
/** And a hole from this length on. */
const SILENT_S = 5;

export function createStore() {
  return {
    hello: null, bot: null, steps: {}, liveSince: null, summary: null, summaryAt: null, summaryMs: Infinity,
    series: new Ring([...COLUMNS, ...DISPLAYED], CLASS_S),
    people: new Map(), alerts: [], marks: [], changes: [], bye: null, byeAt: null, policyAt: null,
    clockAt: null, clockMs: null, noted: {}, away: false, rowAt: NaN,
  };
}

/** Fold one event; `receivedMs` is monotonic. */
export function fold(store, event, receivedMs) {
  Object.assign(store, { clockAt: event.at, clockMs: receivedMs });
  FOLDS[event.type]?.(store, event, receivedMs);
}

/** The room's clock now, from the last event and the time since it came. */
export function roomNow(store, nowMs) {
  return store.clockAt === null ? null : store.clockAt + (nowMs - store.clockMs) / 1000;
}

/** @type {import("./types").Folds} */
const FOLDS = {
  hello(store, event) {
    const before = store.hello?.policy.profile;
    if (before && before !== event.policy.profile) {
      note(store, event.at, { kind: "policy", profile: event.policy.profile });
      store.policyAt = event.at;
      store.people.clear();
    }
    store.hello = event;
  },

  snapshot(store, event, receivedMs) {
    const { bot_state: bot, series, summary } = event;
    if (bot) setState(store, bot);
    store.liveSince = event.live_since;
    series.at.forEach((at, i) => {
      // What the page saw itself stays: a series does not carry expressions.
      if (at > store.rowAt || !store.series.knows(Math.floor(at))) foldRow(store, at, Object.fromEntries(COLUMNS.map((name) => [name, series[name][i]])), i > 0);
    });
    if (summary) takeSummary(store, summary, series.at.at(-1) ?? event.at, receivedMs, event.at);
    store.people = new Map(event.participants.map((person) => [person.participant, keepPerson(store, person)]));
    for (const { at, alert } of event.alerts) addAlert(store, at, alert);
    for (const { at, mark } of event.marks ?? []) addMark(store, at, mark);
    store.bye = event.bye;
    if (event.bye) store.byeAt = bot?.since ?? event.at;
  },

  bot_state(store, event) {
    setState(store, event);
    if (event.state === "live") store.liveSince ??= event.since;
  },

  class_summary: (store, event, receivedMs) => takeSummary(store, event, event.at, receivedMs),

  participant(store, event) {
    const person = keepPerson(store, event);
    person.levels.write(Math.floor(event.at), { level: event.level }, GAP.none, GAP.none);
    store.people.set(event.participant, person);
  },

  alert: (store, event) => addAlert(store, event.at, event),
  mark: (store, event) => addMark(store, event.at, event),
  forget: (store, event) => store.people.delete(event.participant),
  bye: (store, event) => Object.assign(store, { bye: event, byeAt: event.at }),
};

function setState(store, { state, since, reason, attempts }) {
  if (store.bot?.state === "reconnecting" && state === "live") note(store, store.bot.since, { kind: "rejoined", s: since - store.bot.since });
  if (state === "requested" || state === "joining") store.bye = null;
  store.bot = { state, since, reason, attempts };
  store.away ||= state !== "live";
  store.steps[state] ??= since;
}

/** @param {import("./types").Summary} summary */
function takeSummary(store, summary, at, receivedMs, eventAt = at) {
  if (summary.engagement) store.whole = { summary, at };
  const { present, camera_on, visible } = summary;
  const isDip = summary.withheld === "below_k" && at - store.whole?.at <= BRIDGED_S;
  Object.assign(store, { summary: isDip ? { ...store.whole.summary, present, camera_on, visible } : summary, summaryAt: at, summaryMs: receivedMs - Math.max(0, eventAt - at) * 1000 });
  if (!/settling|wishes/.test(summary.withheld)) watch(store, "withheld", at, summary.withheld === "below_k" ? 1 : 0, 0);
  watch(store, "opted_out", at, summary.opted_out ?? 0, 0);
  foldRow(store, at, { ...summary, ...summary.engagement, ...summary.expressions });
}

function keepPerson(store, person) {
  const levels = store.people.get(person.participant)?.levels ?? new Ring(["level"], PERSON_S);
  return { ...person, levels };
}

/** One row of class values. A hole before it is the bot's where its state says so, or its own account, `reported`. */
function foldRow(store, at, row, reported = false) {
  const { series, rowAt, away, bot, hello } = store;
  const presence = hello?.policy.profile === "presence";
  series.write(Math.floor(at), row, presence || Number.isFinite(row.mean) ? GAP.none : row.withheld === "settling" ? GAP.settling : GAP.withheld, away || reported ? GAP.bot : GAP.feed);
  if (at <= rowAt) return;
  if (!away && at - rowAt >= SILENT_S) note(store, rowAt, { kind: reported ? "rejoined" : "feed", s: at - rowAt });
  Object.assign(store, { rowAt: at, away: bot !== null && bot.state !== "live" });
  watch(store, "present", at, row.present);
  if (presence) watch(store, "camera_on", at, row.camera_on);
}

/** Report what has stood for a while, joins and leaves as their sum, never one by one. */
function watch(store, kind, at, value, reported = value) {
  const noted = (store.noted[kind] ??= { reported, value, since: at });
  if (value !== noted.value) Object.assign(noted, { value, since: at });
  if (value === noted.reported || at - noted.since < SETTLED_S) return;
  // That their minute is over is no news.
  if (kind !== "opted_out" || value > noted.reported) note(store, noted.since, { kind, by: value - noted.reported });
  noted.reported = value;
}

function addAlert(store, at, alert) {
  // Another bot numbers its alerts anew: the time distinguishes them.
  if (store.alerts.some((known) => known.at === at)) return;
  store.alerts.push({ at, alert });
  note(store, at, { kind: "alert", alert });
}

function addMark(store, at, mark) {
  if (store.marks.some((known) => known.mark.id === mark.id)) return;
  store.marks.push({ at, mark });
  store.marks.splice(0, store.marks.length - MARKS_KEPT);
  note(store, at, { kind: "mark", mark });
}

function note(store, at, change) {
  store.changes.unshift({ at, ...change });
  store.changes.sort((a, b) => b.at - a.at).splice(CHANGES_KEPT);
}
