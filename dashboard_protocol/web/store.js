/** A pure fold of events into what the page knows. Reads no clock, touches no document. */

import { CLASS_S, COLUMNS, EXPRESSIONS, GAP, PERSON_S, Ring } from "./ring.js";

const CHANGES_KEPT = 200;
/** A head count is told once it has stood for this long. */
const SETTLED_S = 10;

export function createStore() {
  return {
    hello: null, bot: null, steps: {}, liveSince: null, summary: null, summaryAt: null, summaryMs: null,
    series: new Ring([...COLUMNS, ...EXPRESSIONS], CLASS_S),
    people: new Map(), alerts: [], changes: [], bye: null, byeAt: null, policyAt: null,
    clockAt: null, clockMs: null, noted: {}, lostAt: null,
  };
}

/** Fold one event; `receivedMs` is monotonic. */
export function fold(store, event, receivedMs) {
  store.clockAt = event.at;
  store.clockMs = receivedMs;
  FOLDS[event.type]?.(store, event, receivedMs);
}

/** The room's clock now, from the last event and the time since it came. */
export function roomNow(store, nowMs) {
  return store.clockAt === null ? null : store.clockAt + (nowMs - store.clockMs) / 1000;
}

/** The feed broke, or stands again: remembered, so that the gap can be told. */
export function feedLost(store, at) {
  store.lostAt ??= at;
}

export function feedBack(store, at) {
  if (store.lostAt === null) return;
  note(store, store.lostAt, { kind: "feed", s: at - store.lostAt });
  store.lostAt = null;
}

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
    if (event.bot_state) setState(store, event.bot_state);
    store.liveSince = event.live_since;
    foldSeries(store, event.series);
    const newest = event.series.at.at(-1);
    if (event.summary) keepSummary(store, event.summary, newest ?? event.at, receivedMs, event.at);
    store.people = new Map(event.participants.map((person) => [person.participant, keepPerson(store, person)]));
    for (const { at, alert } of event.alerts) addAlert(store, at, alert);
    store.bye = event.bye;
    if (event.bye) store.byeAt = event.bot_state?.since ?? event.at;
  },

  bot_state(store, event) {
    setState(store, event);
    if (event.state === "live") store.liveSince ??= event.since;
  },

  class_summary(store, event, receivedMs) {
    keepSummary(store, event, event.at, receivedMs, event.at);
    foldSecond(store, event.at, { ...event, ...event.engagement, ...event.expressions });
  },

  participant(store, event) {
    const person = keepPerson(store, event);
    person.levels.write(Math.floor(event.at), { level: event.level }, GAP.none, GAP.none);
    store.people.set(event.participant, person);
  },

  alert(store, event) {
    addAlert(store, event.at, event);
  },

  forget(store, event) {
    store.people.delete(event.participant);
  },

  bye(store, event) {
    store.bye = event;
    store.byeAt = event.at;
  },
};

function setState(store, { state, since, reason, attempts }) {
  if (store.bot?.state === "reconnecting" && state === "live") note(store, store.bot.since, { kind: "rejoined", s: since - store.bot.since });
  if (state === "requested" || state === "joining") store.bye = null;
  store.bot = { state, since, reason, attempts };
  store.steps[state] ??= since;
}

function keepSummary(store, summary, at, receivedMs, eventAt) {
  const was = store.summary?.withheld ?? null;
  Object.assign(store, { summary, summaryAt: at, summaryMs: receivedMs - Math.max(0, eventAt - at) * 1000 });
  if (summary.withheld === "below_k" && was !== "below_k") note(store, at, { kind: "withheld" });
  if (was === "below_k" && summary.withheld === null) note(store, at, { kind: "returned" });
}

function keepPerson(store, person) {
  const levels = store.people.get(person.participant)?.levels ?? new Ring(["level"], PERSON_S);
  return { ...person, levels };
}

function foldSeries(store, columns) {
  columns.at.forEach((at, i) => {
    // What the page saw itself stays: it also holds the expressions, which a series does not carry.
    if (store.series.knows(Math.floor(at))) return;
    foldSecond(store, at, Object.fromEntries(COLUMNS.map((name) => [name, columns[name][i]])));
  });
}

function foldSecond(store, at, row) {
  const presence = store.hello?.policy.profile === "presence";
  const cause = presence || Number.isFinite(row.mean) ? GAP.none : GAP.withheld;
  const hole = store.bot?.state === "reconnecting" || store.lostAt === null ? GAP.bot : GAP.feed;
  store.series.write(Math.floor(at), row, cause, hole);
  watchCount(store, "present", at, row.present);
  if (presence) watchCount(store, "camera_on", at, row.camera_on);
}

/** Tell joins and leaves in lines of their sum, never one by one. */
function watchCount(store, kind, at, value) {
  const noted = (store.noted[kind] ??= { told: value, value, since: at });
  if (at < noted.since) return;
  if (value !== noted.value) Object.assign(noted, { value, since: at });
  if (value === noted.told || at - noted.since < SETTLED_S) return;
  note(store, noted.since, { kind, by: value - noted.told });
  noted.told = value;
}

function addAlert(store, at, alert) {
  if (store.alerts.some((known) => known.alert.id === alert.id)) return;
  store.alerts.push({ at, alert });
  note(store, at, { kind: "alert", alert });
}

function note(store, at, change) {
  store.changes.unshift({ at, ...change });
  store.changes.sort((a, b) => b.at - a.at);
  store.changes.length = Math.min(store.changes.length, CHANGES_KEPT);
}
