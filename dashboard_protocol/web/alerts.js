/** What the slot says of an alert: as it is now, whether she wished to hear of it, and what is worth a try. Pure. */

import * as words from "./words.js";

const ALERT_OPEN_S = 300;
const ALERT_KEPT_MS = 20_000;
/** Nearer than this to where it was the index is back. */
const BACK_POINTS = 10;

/** The slot of an open alert, or of alerts that are to be silent; null where there is nothing to say. */
export function alertSlot(store, summary, ui, now, nowMs) {
  const mean = summary?.engagement?.mean ?? null;
  const quiet = quietUntil(ui, mean, now);
  if (quiet) return { kind: "quiet", title: words.say("page.quiet"), ground: quiet, action: words.say("page.quiet_end") };
  const open = openAlert(store.alerts, now, nowMs, ui);
  if (!open) return null;
  const said = inWords(open.alert, mean, ui.may?.includes("mark"));
  const isGood = open.alert.kind === "rise" || said.isOver;
  return { kind: isGood ? "good" : "alert", id: open.at, ...said, agoS: now - open.at, action: words.say("page.dismiss"), quieten: !isGood, before: open.alert.from };
}

/** The alert in the slot: stays 20 s before a newer one, 5 min at most, less when dismissed. */
export function openAlert(alerts, now, nowMs, ui) {
  const open = alerts.filter(({ at }) => now - at < ALERT_OPEN_S && !ui.dismissed.has(at));
  const kept = nowMs - ui.shownMs < ALERT_KEPT_MS && open.find(({ at }) => at === ui.shownAt);
  const chosen = kept || open.at(-1);
  if (chosen?.at !== ui.shownAt) Object.assign(ui, { shownAt: chosen?.at, shownMs: nowMs });
  return chosen;
}

/** An alert as it is now: `mean` of the class, null while it is not known; over once it is back near where it was. */
export function inWords(raised, mean = null, mayMark = false) {
  const { kind, from, to, people: n, why, window: { start } } = raised;
  const now = mean ?? to;
  const moved = Math.round(now * 100) - Math.round(from * 100);
  const isOver = kind === "fall" ? moved > -BACK_POINTS : moved < BACK_POINTS;
  const values = { before: words.index(from), after: words.index(now), points: words.points(Math.abs(moved)), at: words.clock(start) };
  const title = isOver ? words.say("alert.back", values) : kind === "fall" ? words.say("alert.fall", values) : words.say("alert.rise", values);
  const part = words.say("alert.part", { people: words.people(n), why: words.say(`why.${why}.${kind}`) });
  return { title, isOver, ground: part, tip: isOver ? "" : kind === "fall" ? words.say(`tip.${why}`) : mayMark ? words.say("tip.rise") : "" };
}

/** Alerts rest as the instructor wished: for a while, or until what she intended is over. Says until when, or null. */
function quietUntil(ui, mean, now) {
  const { before, untilS } = ui.quiet ?? {};
  if (!ui.quiet || now >= untilS || (before !== undefined && mean !== null && mean > before - BACK_POINTS / 100)) return (ui.quiet = null);
  return before === undefined ? words.say("page.quiet_until", { at: words.clock(untilS) }) : words.say("page.quiet_back", { value: words.index(before), at: words.clock(untilS) });
}
