/** What the page says now: store, feed and the instructor's own choices → words and values. Pure. */

import { cards, panels, policyRows } from "./panels.js";
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
  const told = live || state === "ended";
  const durationS = bye ? bye.live_s : liveSince !== null && now !== null ? now - liveSince : null;
  const model = {
    state, page: state, now, hello, policy, live, presence, bot, kind: "none", bar: words.BAR[state], pause: "Pause",
    profile: policy?.profile ?? "none", shownPolicy: state === "no_access" ? null : policy, over: OVER.has(state),
    duration: told && durationS !== null ? words.span(durationS) : "",
    footer: words.footer(presence), formula: presence ? "" : hello?.formula,
    policyName: words.policyName(policy?.profile), policyRows: policy ? policyRows(policy, hello) : [],
  };
  if (!live) return Object.assign(model, column(store, model, feed, nowMs));
  Object.assign(model, values(store, state, now, nowMs), { alerts: store.alerts, changes: store.changes });
  model.slot = slot(store, model, feed, ui, nowMs);
  model.cards = cards(store.people, hello, now);
  model.cardsTitle = words.optedIn(model.cards.length);
  model.cardsOthers = words.others((model.summary?.present ?? 0) - model.cards.length);
  return Object.assign(model, panels(model, open));
}

/** A paused page: values stand still; state, policy, trouble and who was forgotten do not. */
export function hold(was, next, ui) {
  const { state, policy, shownPolicy, policyRows: rows, hello, duration } = next;
  const slotMoves = MOVING.has(next.slot.kind) || MOVING.has(was.slot.kind) || ui.dismissed.has(was.slot.id);
  return {
    ...forgetOthers(was, next.cards.map(({ key }) => key)), state, policy, shownPolicy, policyRows: rows, hello, duration,
    page: "paused", bar: words.paused(ui.pausedAt), pause: "Resume", slot: slotMoves ? next.slot : was.slot,
  };
}

/** The model without the cards of all but some people. */
export function forgetOthers(model, participants) {
  const here = new Set(participants);
  return { ...model, cards: model.cards.filter(({ key }) => here.has(key)) };
}

function column({ steps, bot, bye, byeAt }, { state, hello, policy, now, over }, feed, nowMs) {
  const told = words.column(state, { hello, bot, bye, byeAt, now });
  const at = words.STEPS.findIndex(([name]) => name === bot?.state);
  const retryS = over || feed.retryMs === null ? null : Math.ceil((feed.retryMs - nowMs) / 1000);
  const broken = retryS === null ? null : words.trouble.interrupted(null, retryS);
  return {
    column: { ...told, lines: told.lead.map((text) => ({ text })), facts: (told.facts ?? []).map(([name, value]) => ({ name, value })) },
    steps: (told.steps ? words.STEPS : []).map(([name, label], i) => {
      const waited = i === at && i > 0 ? ` · ${words.span(now - steps[name])}` : "";
      return { label, mark: i < at ? "done" : i === at ? "now" : "", when: steps[name] === undefined ? "" : words.clock(steps[name]) + waited };
    }),
    note: broken ? `${broken.title}. ${broken.ground}` : told.steps && policy ? words.policySentence(policy) : "",
  };
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
  const { levels, policy } = store.hello;
  const ground = summary ? words.ground(summary) : "";
  const engagement = summary?.engagement;
  const unknown = { word: words.DASH, number: "", level: null, meter: words.meterLabel(levels, null), ground };
  if (kind === "withheld") return { ...unknown, word: words.WITHHELD, trend: plain(words.belowK(summary.analysed, policy.k)), ground: words.returns(policy) };
  if (kind === "settling" || !engagement) return { ...unknown, trend: plain(waitingText(store, now)) };
  const word = words.levelName(levels[engagement.level]);
  const number = words.index(engagement.mean);
  if (kind === "lost") return { ...unknown, trend: plain(words.lastValue(`${word} ${number}`, summaryAt)), ground: "" };
  const line = kind === "stale" ? plain(words.asOf(summaryAt, ageS)) : told(trend(series, "mean", second));
  return { word, number, level: engagement.level, meter: words.meterLabel(levels, engagement.level), trend: line, ground };
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
