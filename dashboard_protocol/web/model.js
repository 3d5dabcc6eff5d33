/** What the page says now: store, feed and the instructor's own choices → words and values. Pure. */

import { cards, panels } from "./panels.js";
import { GAP } from "./ring.js";
import { roomNow } from "./store.js";
import { countThreshold, past, trend } from "./trend.js";
import * as words from "./words.js";

const GRACE_MS = 2000;
const SILENT_S = 5;
const LOST_S = 60;
const FIRST_S = 15;
const ALERT_OPEN_S = 300;
const ALERT_KEPT_MS = 20_000;
const RECENT_S = 600;
const POLICY_TOLD_S = 60;
const LIVE_STATES = new Set(["live", "leaving", "interrupted", "silent", "reconnecting"]);
const STEPS = ["requested", "joining", "waiting", "live"];
const TAIL = { interrupted: GAP.feed, silent: GAP.feed, reconnecting: GAP.bot };
const OVER = new Set(["ended", "no_access"]);
/** What the slot tells even when paused. */
const MOVING = new Set(["trouble", "policy"]);

/** State of the page, one of the keys of words.BAR. */
export function pageState(store, feed, nowMs) {
  if (feed.phase === "outdated") return "outdated";
  if (store.bye || store.bot?.state === "ended") return "ended";
  if (feed.phase === "denied") return "no_access";
  if (!store.hello || !store.bot) return "connecting";
  const { state, reason } = store.bot;
  if (state === "waiting") return reason === "not_open" ? "not_open" : "lobby";
  if (state === "requested" || state === "joining") return state;
  if (feed.downMs !== null && nowMs - feed.downMs > GRACE_MS) return "interrupted";
  if (state === "reconnecting") return "reconnecting";
  if (store.summaryMs !== null && nowMs - store.summaryMs > SILENT_S * 1000) return "silent";
  return state;
}

/** The alert in the slot: stays 20 s before a newer one takes its place, 5 min at most, less when dismissed. */
export function openAlert(alerts, now, nowMs, ui) {
  const open = alerts.filter(({ at, alert }) => now - at < ALERT_OPEN_S && !ui.dismissed.has(alert.id));
  const kept = open.find(({ alert }) => alert.id === ui.shown?.id && nowMs - ui.shown.ms < ALERT_KEPT_MS);
  const chosen = kept ?? open.at(-1) ?? null;
  if (chosen?.alert.id !== ui.shown?.id) ui.shown = chosen && { id: chosen.alert.id, ms: nowMs };
  return chosen;
}

/** All that the page shows; `open` is the id of the open dialog. */
export function buildModel(store, feed, ui, nowMs, open) {
  const state = pageState(store, feed, nowMs);
  const now = roomNow(store, nowMs);
  const { hello, bot, bye, liveSince } = store;
  const policy = hello?.policy ?? null;
  const live = LIVE_STATES.has(state);
  const presence = policy?.profile === "presence";
  const durationS = bye ? bye.live_s : liveSince !== null && now !== null ? now - liveSince : null;
  const model = {
    state, page: state, now, hello, policy, live, presence, kind: "none", bar: words.BAR[state], pause: "Pause",
    // What index.html asks in `hidden=!is.…`: state, profile and end reason are different words.
    is: { [state]: true, [policy?.profile]: true, [bye?.reason ?? bot?.reason]: true }, profile: policy?.profile ?? "none", shownPolicy: state !== "no_access" && policy !== null, over: OVER.has(state),
    duration: durationS !== null && (live || state === "ended") ? words.span(durationS) : "", formula: hello?.formula,
    retryS: feed.retryMs === null ? null : Math.ceil((feed.retryMs - nowMs) / 1000), attempts: bot?.attempts, bye, bot,
  };
  if (!live) return Object.assign(model, column(store, model, feed));
  Object.assign(model, values(store, state, now, nowMs), { alerts: store.alerts, changes: store.changes });
  model.slot = slot(store, model, ui, nowMs);
  model.cards = cards(store.people, hello.levels, now);
  model.others = (model.summary?.present ?? 0) - model.cards.length;
  return Object.assign(model, panels(model, open));
}

/** A paused page: values stand still; state, policy, trouble and who was forgotten do not. */
export function hold(was, next, ui) {
  const { state, policy, hello, duration, cards: here } = next;
  const slotMoves = MOVING.has(next.slot.kind) || MOVING.has(was.slot.kind) || ui.dismissed.has(was.slot.id);
  return {
    ...only(was, here.map(({ key }) => key)), state, policy, hello, duration,
    page: "paused", bar: words.paused(ui.pausedAt), pause: "Resume", slot: slotMoves ? next.slot : was.slot,
  };
}

/** The model with cards of these participants only. */
export function only(model, participants) {
  const here = new Set(participants);
  return { ...model, cards: model.cards?.filter(({ key }) => here.has(key)) };
}

function column({ bot, byeAt, steps }, { state, now, over }, feed) {
  return {
    waitedS: now - bot?.since, endedAt: byeAt ?? bot?.since, broken: !over && feed.retryMs !== null,
    steps: state === "requested" || state === "joining" ? stepMarks(steps, state, now) : null,
  };
}

/** How far the bot is on its way into the meeting. */
function stepMarks(steps, state, now) {
  const at = STEPS.indexOf(state);
  return Object.fromEntries(STEPS.map((name, i) => [name, { mark: i < at ? "done" : i === at ? "now" : "", at: steps[name], s: i === at && i > 0 ? now - steps[name] : null }]));
}

/** fresh | stale (old, still shown) | lost (too old to show) | withheld | settling. */
function condition(store, state, nowMs) {
  const { summary, summaryMs } = store;
  if (!summary) return "settling";
  const old = state === "interrupted" || state === "silent" || state === "reconnecting";
  if (old) return nowMs - summaryMs > LOST_S * 1000 ? "lost" : "stale";
  if (summary.withheld === "below_k") return "withheld";
  return summary.withheld === "settling" || (summary.withheld === null && !summary.engagement) ? "settling" : "fresh";
}

function values(store, state, now, nowMs) {
  const { summary, hello, series, summaryAt, summaryMs } = store;
  const kind = condition(store, state, nowMs);
  const second = Math.floor(summaryAt ?? now);
  const common = {
    kind, old: kind === "stale" || kind === "lost", known: kind === "lost" ? null : summary, summary, summaryAt, second, series,
    ageS: summary && (nowMs - summaryMs) / 1000, tail: TAIL[state] ?? GAP.none,
    then: (column) => past(series, column, second),
    missing: liveFor(store, now) < FIRST_S + 5 ? words.FIRST_VALUES : words.SETTLING,
  };
  if (hello.policy.profile === "presence") return { ...common, trends: countTrends(common) };
  return { ...common, ...(kind === "withheld" ? withheld(summary, hello) : measured(common, hello.levels)) };
}

const liveFor = ({ liveSince }, now) => (liveSince === null ? 0 : now - liveSince);
const plain = (text) => ({ text, direction: "none" });

/** The line below a value: its trend while it is fresh, else when it was so, or why it is missing. */
function below({ kind, series, second, summaryAt, ageS, missing }, value, column, { counted, age } = {}) {
  if (value === null) return plain(missing);
  if (kind === "lost") return plain(words.lastValue(value, summaryAt));
  if (kind === "stale") return plain(words.asOf(summaryAt, age && ageS));
  const found = trend(series, column, second, counted);
  const direction = { move: found.by < 0 ? "down" : "up", steady: "flat" }[found.kind] ?? "none";
  return { text: words.trend(found, Boolean(counted)), direction };
}

function measured(common, levels) {
  const { kind, summary, known } = common;
  const engagement = kind === "settling" ? null : summary.engagement;
  const shown = known && engagement;
  const [word, number] = engagement ? [words.levelName(levels[engagement.level]), words.index(engagement.mean)] : [];
  const attentive = engagement && words.percent(summary.attentive);
  return {
    hero: {
      word: shown ? word : words.DASH, number: shown && number, level: shown?.level ?? null, meter: words.meterLabel(levels, shown?.level),
      trend: below(common, engagement && `${word} ${number}`, "mean", { age: true }),
    },
    attentive: { word: shown ? attentive : words.DASH, trend: below(common, attentive, "attentive") },
  };
}

function withheld({ analysed }, { levels, policy }) {
  const hero = { word: words.WITHHELD, level: null, meter: words.meterLabel(levels), trend: plain(words.belowK(analysed, policy.k)), ground: words.returns(policy) };
  return { hero, attentive: { word: words.WITHHELD, trend: plain("") } };
}

const COUNTS = ["present", "camera_on", "visible", "facing"];

function countTrends(common) {
  const { summary } = common;
  const counted = { scale: 1, threshold: countThreshold(summary?.present) };
  return Object.fromEntries(COUNTS.map((column) => [column, below(common, summary && words.count(summary[column]), column, { counted, age: column === "present" })]));
}

function slot(store, { state, now, summaryAt, presence, summary }, ui, nowMs) {
  if (state in TAIL) {
    const from = state === "reconnecting" ? null : summaryAt;
    return { kind: "trouble", is: { [state]: true }, from, since: from ?? store.bot.since, action: state === "interrupted" ? "Try now" : "" };
  }
  const open = presence ? null : openAlert(store.alerts, now, nowMs, ui);
  if (open) return { kind: "alert", id: open.alert.id, ...words.alert(open.alert), agoS: now - open.at, action: "Dismiss" };
  const id = store.policyAt;
  if (id !== null && now - id < POLICY_TOLD_S && !ui.dismissed.has(id)) return { kind: "policy", is: { policy: true }, id, agoS: now - id, action: "Dismiss" };
  return presence ? { kind: "empty" } : { kind: "calm", ...calm(store, now, summary) };
}

/** Why there can be no alert yet, or how long there was none. */
function calm({ alerts, hello, liveSince }, now, summary) {
  const { warm_up_s: warmUpS, min_people: few } = hello.alerts;
  if (liveSince !== null && now < liveSince + warmUpS) return { early: liveSince + warmUpS };
  if (summary && (summary.analysed ?? 0) < few && summary.withheld !== "below_k") return { few };
  const last = alerts.at(-1)?.at;
  return now - last < RECENT_S ? { last } : { none: true };
}
