/** What the page says now: store, feed and the instructor's own choices → words and values. Pure. */

import { GAP } from "./ring.js";
import { roomNow } from "./store.js";
import { APART_S, countThreshold, median, trend } from "./trend.js";
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

export function buildModel(store, feed, ui, nowMs) {
  const state = pageState(store, feed, nowMs);
  const now = roomNow(store, nowMs);
  const model = { state, now, hello: store.hello, live: LIVE_STATES.has(state), pausedAt: ui.pausedAt };
  model.policy = store.hello?.policy ?? null;
  model.presence = model.policy?.profile === "presence";
  model.durationS = store.bye ? store.bye.live_s : store.liveSince !== null && now !== null ? now - store.liveSince : null;
  if (!model.live) {
    model.column = words.column(state, { ...store, now });
    return Object.assign(model, { bot: store.bot, steps: store.steps, retryS: feed.retryMs && (feed.retryMs - nowMs) / 1000 });
  }
  Object.assign(model, values(store, state, now, nowMs));
  model.slot = slot(store, model, feed, ui, nowMs);
  model.alertOpen = model.slot.kind === "alert";
  model.alerts = store.alerts;
  model.changes = store.changes;
  model.people = [...store.people.values()].sort((a, b) => a.name.localeCompare(b.name) || (a.participant < b.participant ? -1 : 1));
  return model;
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
  const { summary, hello, series, summaryAt } = store;
  const kind = condition(store, state, nowMs);
  const ageS = summary ? (nowMs - store.summaryMs) / 1000 : null;
  const second = Math.floor(summaryAt ?? now);
  const then = (column) => median(series, column, second - APART_S - 15, second - APART_S + 14);
  const tail = { interrupted: GAP.feed, silent: GAP.feed, reconnecting: GAP.bot }[state] ?? GAP.none;
  const common = { kind, summary, summaryAt, ageS, second, series, tail, then };
  if (hello.policy.profile === "presence") return { ...common, counts: counts(common, kind) };
  return { ...common, hero: hero(common, store, now), attentive: attentive(common, store, now) };
}

function told(found, counts) {
  const direction = found.kind === "move" ? (found.by < 0 ? "down" : "up") : found.kind === "steady" ? "flat" : "none";
  return { text: words.trend(found, counts), direction };
}

const plain = (text) => ({ text, direction: "none" });

function waitingText(store, now) {
  return store.liveSince === null || now - store.liveSince < FIRST_S + 5 ? words.FIRST_VALUES : words.SETTLING;
}

function hero({ kind, summary, summaryAt, ageS, second, series }, store, now) {
  const { hello } = store;
  if (kind === "withheld") {
    const { k } = hello.policy;
    return { word: words.WITHHELD, number: "", level: null, trend: plain(words.belowK(summary.analysed, k)), ground: words.returns(hello.policy), dashed: true };
  }
  const ground = summary ? words.ground(summary) : "";
  const engagement = summary?.engagement;
  if (kind === "settling" || !engagement) return { word: words.DASH, number: "", level: null, trend: plain(waitingText(store, now)), ground, dashed: false };
  const word = words.levelName(hello, engagement.level);
  const number = words.index(engagement.mean);
  if (kind === "lost") return { word: words.DASH, number: "", level: null, trend: plain(words.lastValue(`${word} ${number}`, summaryAt)), ground: "", dashed: false };
  const line = kind === "stale" ? plain(words.asOf(summaryAt, ageS)) : told(trend(series, "mean", second));
  return { word, number, level: engagement.level, trend: line, ground, dashed: false };
}

function attentive({ kind, summary, summaryAt, second, series }, store, now) {
  if (kind === "withheld") return { word: words.WITHHELD, trend: plain("") };
  if (kind === "settling" || !summary?.engagement) return { word: words.DASH, trend: plain(waitingText(store, now)) };
  const word = words.percent(summary.attentive);
  if (kind === "lost") return { word: words.DASH, trend: plain(words.lastValue(word, summaryAt)) };
  return { word, trend: kind === "stale" ? plain(words.asOf(summaryAt)) : told(trend(series, "attentive", second)) };
}

const CELLS = [["present", "Present", null], ["camera_on", "Camera on", "present"], ["visible", "Face in view", "camera_on"], ["facing", "Facing the camera", "visible"]];

function counts({ kind, summary, summaryAt, ageS, second, series }) {
  return CELLS.map(([column, label, whole]) => {
    if (!summary || kind === "lost") return { label, value: words.DASH, of: "", trend: plain(summary ? words.lastValue(words.count(summary[column]), summaryAt) : words.FIRST_VALUES) };
    const found = trend(series, column, second, { scale: 1, threshold: countThreshold(summary.present) });
    const line = kind === "stale" ? plain(words.asOf(summaryAt, column === "present" ? ageS : undefined)) : told(found, true);
    return { label, value: words.count(summary[column]), of: whole ? `of ${summary[whole]}` : "", trend: line };
  });
}

function slot(store, { state, now, summaryAt, ageS, presence, summary }, feed, ui, nowMs) {
  if (state === "interrupted") {
    const next = feed.retryMs === null ? 0 : Math.ceil((feed.retryMs - nowMs) / 1000);
    return { kind: "trouble", ...words.trouble.interrupted(summaryAt, next), foot: summaryAt === null ? "" : words.since(summaryAt), action: "Try now" };
  }
  if (state === "reconnecting") return { kind: "trouble", ...words.trouble.reconnecting(store.bot.attempts), foot: words.since(store.bot.since) };
  if (state === "silent") return { kind: "trouble", ...words.trouble.silent(summaryAt, ageS), foot: words.since(summaryAt) };
  const found = presence ? null : openAlert(store.alerts, now, nowMs, ui);
  if (found) {
    const { alert, at } = found;
    return { kind: "alert", id: alert.id, title: words.alertTitle(alert), ground: words.alertGround(alert), spoken: words.alertGround(alert, true), foot: words.ago(now - at), action: "Dismiss" };
  }
  if (store.policyAt !== null && now - store.policyAt < POLICY_TOLD_S && !ui.dismissed.has(store.policyAt)) {
    return { kind: "policy", id: store.policyAt, ...words.policyChanged(store.hello.policy), foot: words.ago(now - store.policyAt), action: "Dismiss" };
  }
  return presence ? { kind: "empty" } : { kind: "calm", lead: calm(store, now, summary) };
}

function calm(store, now, summary) {
  const { alerts, hello, liveSince } = store;
  if (hello.alerts) {
    if (liveSince !== null && now < liveSince + hello.alerts.warm_up_s) return words.calm.early(liveSince + hello.alerts.warm_up_s);
    if (summary && (summary.analysed ?? 0) < hello.alerts.min_people && summary.withheld !== "below_k") return words.calm.few(hello.alerts.min_people);
  }
  const last = alerts.at(-1);
  return last && now - last.at < RECENT_S ? words.calm.last(last.at) : words.calm.none;
}
