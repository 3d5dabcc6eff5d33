/** What the page says now: store, feed and own choices → words and values. Pure. */

import { cards, panels } from "./panels.js";
import { COUNTS, GAP } from "./ring.js";
import { roomNow } from "./store.js";
import { countThreshold, past, trend } from "./trend.js";
import * as words from "./words.js";

const GRACE_MS = 2000;
const SILENT_MS = 5000;
const LOST_MS = 60_000;
const FIRST_S = 20;
const RECENT_S = 600;
const POLICY_SHOWN_S = 60;
const LIVE_STATES = ["live", "leaving", "interrupted", "silent", "reconnecting"];
const TAIL = { interrupted: GAP.feed, silent: GAP.feed, reconnecting: GAP.bot };

/** State of the page, a `state` among the sentences. */
export function pageState({ bye, bot, hello, summaryMs }, feed, nowMs) {
  const { state, reason } = bot ?? {};
  if (feed.phase === "outdated") return "outdated";
  if (feed.phase === "kept" || bye || state === "ended") return "ended";
  if (feed.phase === "denied") return "no_access";
  if (state === "requested" || state === "joining") return state;
  if (!hello || !bot) return "connecting";
  if (state === "waiting") return reason === "not_open" ? "not_open" : "lobby";
  if (feed.downMs !== null && nowMs - feed.downMs > GRACE_MS) return "interrupted";
  return state !== "reconnecting" && nowMs - summaryMs > SILENT_MS ? "silent" : state;
}

/** All that the page shows; `open` is the id of the open dialog. */
export function buildModel(store, feed, ui, nowMs, open) {
  const state = pageState(store, feed, nowMs);
  const now = roomNow(store, nowMs);
  const { hello, bot, bye, liveSince, alerts, marks, changes, people } = store;
  const policy = hello && (ui.policyWords?.(hello.policy) ?? hello.policy);
  const live = LIVE_STATES.includes(state);
  const onlyWords = state === "no_access" || (state === "ended" && store.series.first === null);
  const presence = policy?.profile === "presence";
  const model = {
    state, page: state, now, hello, policy, live, presence, kind: "none", bar: words.bar(state), panels: live, pause: words.say("page.pause"),
    // What index.html asks in `hidden=!is.…`: state, profile and end reason are different words.
    is: { [state]: true, [policy?.profile]: true, [bye?.reason ?? bot?.reason]: true }, profile: policy?.profile ?? "none", shownPolicy: policy && state !== "no_access", over: state === "ended" || state === "no_access", onlyWords,
    duration: live || bye ? words.span(bye ? bye.live_s : now - (liveSince ?? NaN)) : "", formula: hello?.formula, leavesOut: hello?.capabilities?.includes("leaves_out") ?? false,
    mayMark: live && ui.may?.includes("mark"), mayShow: live && ui.may?.includes("overlay") && hello.capabilities?.includes("shares_class"), retryS: feed.retryMs === null ? null : Math.ceil((feed.retryMs - nowMs) / 1000), attempts: bot?.attempts, bye, bot,
  };
  if (!live) return Object.assign(model, column(store, model, feed), state === "ended" && over(store, model, feed, ui, open));
  Object.assign(model, values(store, model, now, nowMs), { alerts, marks, changes, people });
  model.slot = slot(store, model, ui, nowMs);
  model.cards = cards(people, hello.levels, now);
  model.others = (model.summary?.present ?? 0) - model.cards.length;
  return Object.assign(model, panels(model, open));
}

/** A paused page: values stand still; state, policy, trouble and who is forgotten do not. */
export function hold(was, next, ui) {
  const { state, policy, hello, duration, people, slot } = next;
  const moves = [slot.kind, was.slot.kind].some((kind) => kind === "trouble" || kind === "policy") || ui.dismissed.has(was.slot.id);
  return {
    ...only(was, people), state, policy, hello, duration,
    page: "paused", bar: words.paused(ui.pausedAt), pause: words.say("page.resume"), slot: moves ? slot : was.slot,
  };
}

/** The model with cards of these people only. */
export const only = (model, people) => ({ ...model, cards: model.cards.filter(({ key }) => people.has(key)) });

function column({ bot, byeAt, steps }, { now, over, is, policy }, feed) {
  const onItsWay = is.requested || is.joining;
  return {
    waitedS: now - bot?.since, endedAt: byeAt ?? bot?.since, broken: !over && feed.retryMs !== null,
    steps: onItsWay && steps, promise: onItsWay && policy,
  };
}

/** The class as a whole, once it has ended: what this page saw of it, or what the gateway keeps. */
function over({ series, bye, alerts, marks, changes, bot }, model, { phase }, { report, may }, open) {
  const kept = phase === "kept";
  const whole = { report, files: kept || (bye?.report && may?.includes("report")), soFar: kept && !bye && bot?.state !== "ended" };
  if (!model.policy || series.first === null) return whole;
  const after = { ...whole, after: true, panels: true, seenHere: !whole.files, kind: "past", second: series.last, series, tail: GAP.none, ageS: 0, alerts, marks, changes, then: () => NaN, points: model.policy.rounding_points };
  return { ...after, ...panels({ ...model, ...after }, open) };
}

const NULLED = /below|wishes/;
const isUnheard = (summary) => summary?.withheld === "wishes_unreachable";

/** fresh | stale (old, still shown) | lost (too old to show) | withheld | settling. */
function condition(store, state, nowMs) {
  const { summary, summaryMs, hello } = store;
  if (!summary) return "settling";
  if (state in TAIL) return nowMs - summaryMs > LOST_MS ? "lost" : "stale";
  if (hello.policy.profile === "presence") return "fresh";
  if (NULLED.test(summary.withheld)) return "withheld";
  return summary.engagement ? "fresh" : "settling";
}

function values(store, { state, presence, policy }, now, nowMs) {
  const { summary, hello, series, summaryAt, summaryMs, liveSince } = store;
  const kind = condition(store, state, nowMs);
  const second = Math.floor(summaryAt ?? now);
  const common = {
    kind, old: kind === "stale" || kind === "lost", known: kind === "lost" ? null : summary, summary, summaryAt, second, series,
    ageS: summary && (nowMs - summaryMs) / 1000, tail: TAIL[state] ?? GAP.none,
    then: (column) => past(series, column, second), points: policy.rounding_points,
    missing: isUnheard(summary) ? words.say("value.unheard") : now - (liveSince ?? now) < FIRST_S ? words.first(policy) : presence ? words.say("value.withheld") : words.settling(policy),
  };
  if (presence) return { ...common, trends: countTrends(common) };
  return { ...common, ...(kind === "withheld" ? withheld(summary, hello) : measured(common, hello.levels)) };
}

/** The line below a value: its trend, when it was fresh, or why it is missing. */
function below({ kind, series, second, summaryAt, ageS, missing }, value, column, { counted, age } = {}) {
  if (kind === "lost" && value) return { text: words.lastValue(value, summaryAt) };
  if (kind === "lost" || kind === "stale") return { text: words.asOf(summaryAt, age && ageS) };
  if (value === null) return { text: missing };
  const found = trend(series, column, second, counted);
  const direction = { move: found.by < 0 ? "down" : "up", steady: "flat" }[found.kind];
  return { text: words.trend(found, Boolean(counted)), direction };
}

function measured(common, levels) {
  const { kind, summary, known } = common;
  const engagement = kind === "settling" ? null : summary.engagement;
  const shown = known && engagement;
  const [word, number] = engagement ? [words.levelName(levels[engagement.level]), words.index(engagement.mean)] : [];
  const attentive = engagement && words.percent(summary.attentive, common);
  return {
    hero: {
      word: shown ? word : words.DASH, number: shown && number, level: shown?.level ?? null, meter: words.meterLabel(levels, shown?.level),
      trend: below(common, engagement && `${word} ${number}`, "mean", { age: true }),
    },
    attentive: { word: shown ? attentive : words.DASH, trend: below(common, attentive, "attentive") },
  };
}

function withheld(summary, { levels, policy }) {
  const [word, why, ground] = isUnheard(summary)
    ? [words.say("value.unmeasurable"), words.say("value.unheard"), words.say("value.no_pictures")]
    : [words.say("value.withheld"), words.belowK(policy.k), words.returns(policy)];
  return { hero: { word, level: null, meter: words.meterLabel(levels), trend: { text: why }, ground }, attentive: { word } };
}

function countTrends(common) {
  const { summary } = common;
  const counted = { scale: 1, threshold: countThreshold(summary?.present) };
  return Object.fromEntries(COUNTS.map((column) => [column, below(common, summary?.[column] ?? null, column, { counted, age: column === "present" })]));
}

function slot(store, { state, now, summaryAt, presence, summary }, ui, nowMs) {
  if (state in TAIL) {
    const from = state === "reconnecting" ? null : summaryAt;
    return { kind: "trouble", is: { [state]: true }, from, since: from ?? store.bot.since, action: state === "interrupted" ? words.say("page.try_now") : "" };
  }
  // It comes with what is loaded once the first view stands.
  const alert = presence ? null : ui.alertSlot?.(store, summary, ui, now, nowMs);
  if (alert) return alert;
  const id = store.policyAt;
  if (id !== null && now - id < POLICY_SHOWN_S && !ui.dismissed.has(id)) return { kind: "policy", is: { policy: true }, id, agoS: now - id, action: words.say("page.dismiss") };
  return presence ? { kind: "empty" } : { kind: "calm", ...calm(store, now, summary) };
}

/** Why there can be no alert yet, or how long there was none. */
function calm({ alerts, hello, liveSince }, now, summary) {
  const { warm_up_s: warmUpS, min_people: few } = hello.alerts;
  if (liveSince !== null && now < liveSince + warmUpS) return { early: liveSince + warmUpS };
  if (summary && (summary.analysed ?? 0) < few && !NULLED.test(summary.withheld)) return { few };
  const last = alerts.at(-1)?.at;
  return now - last < RECENT_S ? { last } : { none: true };
}
