import assert from "node:assert/strict";
import { test } from "node:test";
import { announcement } from "../../../dashboard_protocol/web/announce.js";
import { backoffS, hasGap } from "../../../dashboard_protocol/web/feed.js";
import { alertSlot, openAlert } from "../../../dashboard_protocol/web/alerts.js";
import { buildModel, pageState } from "../../../dashboard_protocol/web/model.js";
import { GAP } from "../../../dashboard_protocol/web/ring.js";
import { createStore, fold, roomNow } from "../../../dashboard_protocol/web/store.js";
import { alert, hello, mark, person, series, snapshot, state, summary } from "./class.mjs";
import "./text.mjs";

const OPEN = { phase: "open", downMs: null, retryMs: null };
const newUi = () => ({ pausedAt: null, dismissed: new Set(), alertSlot });

function live(profile = "aggregate", until = 1100) {
  const store = createStore();
  fold(store, hello(profile), 0);
  fold(store, state("live", 1000), 0);
  for (let at = 1000; at <= until; at++) fold(store, summary(at), (at - 1000) * 1000);
  return store;
}

test("the room's clock goes on from the last event by monotonic time", () => {
  assert.equal(roomNow(live(), 103_000), 1103);
  assert.equal(roomNow(createStore(), 5), null);
});

test("somebody who is left out is said to be, once the bot says so, and nobody else ever is", () => {
  const store = live();
  assert.equal(buildModel(store, OPEN, newUi(), 100_000).leavesOut, false);
  fold(store, { ...hello(), capabilities: ["leaves_out"] }, 100_000);
  assert.equal(buildModel(store, OPEN, newUi(), 100_000).leavesOut, true);
});

test("the bot's states are the page's, with the reason of waiting", () => {
  const store = createStore();
  assert.equal(pageState(store, OPEN, 0), "connecting");
  fold(store, hello(), 0);
  for (const [name, reason, shown] of [["requested", null, "requested"], ["joining", null, "joining"], ["waiting", "lobby", "lobby"], ["waiting", "not_open", "not_open"], ["reconnecting", null, "reconnecting"], ["leaving", null, "leaving"], ["ended", "kicked", "ended"]]) {
    fold(store, state(name, 1000, { reason }), 0);
    assert.equal(pageState(store, OPEN, 0), shown);
  }
});

test("a room without a bot is waiting for one, though nobody says hello yet", () => {
  const store = createStore();
  fold(store, snapshot(1000, { bot_state: state("requested", 990), live_since: null }), 0);
  const model = buildModel(store, OPEN, newUi(), 0);
  assert.deepEqual([model.state, model.profile, model.promise], ["requested", "none", null]);
});

test("live needs proof: silence after five seconds, interruption after two without a socket", () => {
  const store = live();
  assert.equal(pageState(store, OPEN, 104_900), "live");
  assert.equal(pageState(store, OPEN, 105_100), "silent");
  assert.equal(pageState(store, { phase: "down", downMs: 100_000, retryMs: null }, 101_900), "live");
  assert.equal(pageState(store, { phase: "down", downMs: 100_000, retryMs: null }, 102_100), "interrupted");
});

test("an end outweighs a refused link, and a refused link everything else", () => {
  const store = live();
  assert.equal(pageState(store, { ...OPEN, phase: "denied" }, 0), "no_access");
  fold(store, { type: "bye", at: 1200, reason: "room_closed", report: null, live_s: 200, present_max: 28, alerts: 0 }, 0);
  assert.equal(pageState(store, { ...OPEN, phase: "denied" }, 0), "ended");
  const model = buildModel(store, OPEN, newUi(), 0);
  assert.ok(model.is.ended && model.is.room_closed);
  assert.equal(model.endedAt, 1200);
});

test("old values are grey, and after a minute gone", () => {
  const store = live();
  const down = { phase: "down", downMs: 100_000, retryMs: 141_000 };
  const stale = buildModel(store, down, newUi(), 138_000);
  assert.equal(stale.kind, "stale");
  assert.match(stale.hero.trend.text, /^as of \d\d:\d\d:\d\d, 38\u00a0s ago$/);
  assert.deepEqual([stale.slot.kind, stale.slot.from, stale.retryS], ["trouble", 1100, 3]);
  const lost = buildModel(store, down, newUi(), 161_000);
  assert.deepEqual([lost.kind, lost.hero.word, lost.hero.number], ["lost", "–", null]);
  assert.match(lost.hero.trend.text, /^last High 80 at/);
});

test("withheld is said, never shown as zero", () => {
  const store = live();
  fold(store, summary(1105, null, { analysed: null }), 105_000);
  const model = buildModel(store, OPEN, newUi(), 105_000);
  assert.equal(model.hero.word, "Withheld");
  assert.equal(model.hero.trend.text, "Fewer than 5\u00a0people analysed");
  assert.equal(model.hero.level, null);
  assert.equal(store.series.why(1105), GAP.withheld);
  assert.equal(store.series.get("present", 1105), 28);
});

test("a bot that cannot hear opt-outs is said to measure nothing, and counts go on", () => {
  const store = live();
  const unheard = { analysed: null, visible: null, withheld: "wishes_unreachable" };
  fold(store, summary(1101, null, unheard), 101_000);
  const model = buildModel(store, OPEN, newUi(), 101_000);
  assert.deepEqual([model.kind, model.hero.word, model.attentive.word], ["withheld", "Not measurable", "Not measurable"]);
  assert.equal(model.hero.trend.text, "who asks not to be read cannot be heard");
  assert.equal(model.hero.ground, "no pictures are taken");
  assert.deepEqual([model.noted, model.slot.few], [{ wishes_unreachable: true }, undefined]);
  assert.equal(store.series.get("present", 1101), 28);
  for (let second = 1102; second < 1120; second++) fold(store, summary(second, null, { ...unheard, opted_out: 6 }), 1000 * (second - 1000));
  assert.deepEqual(store.changes.map(({ kind, by }) => [kind, by]), [["opted_out", 6]]);
});

test("a gap is reported as what it was, and history fills it", () => {
  const store = live();
  fold(store, summary(1128), 128_000);
  assert.equal(store.series.why(1110), GAP.feed);
  assert.deepEqual([store.changes[0].kind, store.changes[0].s], ["feed", 28]);
  const rows = Array.from({ length: 28 }, (_, i) => ({ ...summary(1101 + i), mean: 0.7, q1: 0.6, q3: 0.8 }));
  fold(store, snapshot(1128, { series: series(rows) }), 128_000);
  assert.equal(store.series.why(1110), GAP.none);
  assert.equal(Math.round(store.series.get("mean", 1110) * 100), 70);
  fold(store, state("reconnecting", 1130), 130_000);
  fold(store, state("live", 1150), 150_000);
  fold(store, summary(1150), 150_000);
  assert.equal(store.series.why(1140), GAP.bot);
});

test("a hole in the snapshot of somebody who comes late is the bot's own", () => {
  const store = createStore();
  const rows = [1100, 1101, 1140, 1141].map((at) => ({ ...summary(at), mean: 0.7 }));
  fold(store, hello(), 0);
  fold(store, snapshot(1141, { series: series(rows) }), 0);
  assert.equal(store.series.why(1120), GAP.bot);
  assert.deepEqual(store.changes, [{ at: 1101, kind: "rejoined", s: 39 }]);
});

test("the first alert of the next bot is another one, though it has the same number", () => {
  const store = live();
  fold(store, alert(1100), 100_000);
  fold(store, alert(1500), 500_000);
  assert.equal(store.alerts.length, 2);
});

test("an alert is kept once, stays twenty seconds before a newer one, and can be dismissed", () => {
  const store = live();
  fold(store, alert(1100), 100_000);
  fold(store, snapshot(1100, { alerts: [{ at: 1100, alert: alert(1100) }] }), 100_000);
  assert.equal(store.alerts.length, 1);
  const ui = newUi();
  assert.equal(openAlert(store.alerts, 1101, 101_000, ui).alert.id, "a1");
  fold(store, alert(1110, "a2"), 110_000);
  assert.equal(openAlert(store.alerts, 1111, 111_000, ui).alert.id, "a1");
  assert.equal(openAlert(store.alerts, 1122, 122_000, ui).alert.id, "a2");
  ui.dismissed.add(1100).add(1110);
  assert.equal(openAlert(store.alerts, 1123, 123_000, ui), undefined);
  assert.equal(openAlert(store.alerts, 1500, 500_000, newUi()), undefined);
});

test("an alert's words follow the present, and are good news once it is over", () => {
  const store = live();
  fold(store, alert(1100), 100_000);
  const slot = (at, mean) => {
    fold(store, summary(at, mean), (at - 1000) * 1000);
    const { kind, title, tip } = buildModel(store, OPEN, newUi(), (at - 1000) * 1000).slot;
    return [kind, title.replace(/\d\d:\d\d/, "T").replaceAll("\u00a0", " "), Boolean(tip)];
  };
  assert.deepEqual(slot(1101, 0.45), ["alert", "Index down 35 points since T: 80 → 45", true]);
  assert.deepEqual(slot(1102, 0.6), ["alert", "Index down 20 points since T: 80 → 60", true]);
  assert.deepEqual(slot(1103, 0.8), ["good", "Index back at 80, as before T", false]);
});

test("a rise is good news and no alarm", () => {
  const store = live();
  fold(store, { ...alert(1100), kind: "rise", from: 0.4, to: 0.7 }, 100_000);
  fold(store, summary(1101, 0.75), 101_000);
  const { slot } = buildModel(store, OPEN, newUi(), 101_000);
  assert.deepEqual([slot.kind, slot.quieten], ["good", false]);
  assert.match(slot.title, /^Index up 35.points since \d\d:\d\d: 40.→.75$/);
});

test("who only watches is offered neither marks nor a report", () => {
  const store = live();
  fold(store, { ...alert(1100), kind: "rise", from: 0.4, to: 0.7 }, 100_000);
  fold(store, summary(1101, 0.75), 101_000);
  const said = (may) => {
    const { mayMark, slot } = buildModel(store, OPEN, { ...newUi(), may }, 101_000);
    return [Boolean(mayMark), Boolean(slot.tip)];
  };
  assert.deepEqual(said(["mark", "report"]), [true, true]);
  assert.deepEqual(said([]), [false, false]);
  fold(store, { type: "bye", at: 1102, reason: "room_closed", report: "/rooms/r/report", live_s: 60, present_max: 28, alerts: 1 }, 102_000);
  const files = (may) => Boolean(buildModel(store, OPEN, { ...newUi(), may }, 102_000).files);
  assert.deepEqual([files(["mark", "report"]), files([])], [true, false]);
});

test("what is intended is silent until the index is back, and a snooze until its time", () => {
  const store = live();
  const ui = newUi();
  fold(store, alert(1100), 100_000);
  fold(store, summary(1101, 0.5), 101_000);
  ui.quiet = { before: 0.8, untilS: 3800 };
  const { slot } = buildModel(store, OPEN, ui, 101_000);
  assert.deepEqual([slot.kind, slot.title], ["quiet", "Alerts are silent"]);
  assert.match(slot.ground, /^Until the index is back at about 80, or \d\d:\d\d/);
  fold(store, summary(1102, 0.75), 102_000);
  assert.notEqual(buildModel(store, OPEN, ui, 102_000).slot.kind, "quiet");
  assert.equal(ui.quiet, null);
  ui.quiet = { untilS: 1110 };
  assert.equal(buildModel(store, OPEN, ui, 102_000).slot.kind, "quiet");
  fold(store, summary(1111, 0.5), 111_000);
  assert.equal(buildModel(store, OPEN, ui, 111_000).slot.kind, "alert");
});

test("a dip below k of three seconds does not empty the page, a longer one does", () => {
  const store = live();
  buildModel(store, OPEN, newUi(), 100_000);
  for (const at of [1101, 1102, 1103]) {
    fold(store, summary(at, null, { analysed: null, present: 27 }), (at - 1000) * 1000);
    const { hero, kind, known } = buildModel(store, OPEN, newUi(), (at - 1000) * 1000);
    assert.deepEqual([kind, hero.number, known.present], ["fresh", "80", 27]);
  }
  fold(store, summary(1104, null, { analysed: null }), 104_000);
  assert.equal(buildModel(store, OPEN, newUi(), 104_000).hero.word, "Withheld");
});

test("a wait for values has a reason of its own where it is hatched", () => {
  const store = live();
  for (let at = 1101; at < 1111; at++) fold(store, summary(at, null, { withheld: "settling" }), (at - 1000) * 1000);
  assert.equal(store.series.why(1105), GAP.settling);
});

test("a mark is kept once, and says what was typed", () => {
  const store = live();
  fold(store, mark(1090, "m1", "question", "cells"), 90_000);
  fold(store, snapshot(1100, { marks: [{ at: 1090, mark: mark(1090, "m1", "question", "cells") }, { at: 1095, mark: mark(1095, "m2", "break") }] }), 100_000);
  const { marks, changeLines } = buildModel(store, OPEN, newUi(), 100_000);
  assert.deepEqual(marks.map(({ at, mark: { kind } }) => [at, kind]), [[1090, "question"], [1095, "break"]]);
  assert.deepEqual(changeLines.map(({ text }) => text), ["Break", "Question: cells"]);
});

test("a laugh leaves a trace beside its bar", () => {
  const store = live();
  for (let at = 1101; at < 1110; at++) fold(store, summary(at, 0.8, { expressions: { ...summary(at).expressions, happy: 0.6 } }), 0);
  for (let at = 1110; at < 1200; at++) fold(store, summary(at), (at - 1000) * 1000);
  const [, , , happy] = buildModel(store, OPEN, newUi(), 199_000).expressions;
  assert.equal(happy.share, 0.1);
  assert.match(happy.trace, /V5\.6/);
});

test("connection trouble takes the slot before an alert", () => {
  const store = live();
  fold(store, alert(1100), 100_000);
  fold(store, summary(1101, 0.6), 101_000);
  assert.equal(buildModel(store, OPEN, newUi(), 101_000).slot.kind, "alert");
  assert.equal(buildModel(store, OPEN, newUi(), 110_000).slot.kind, "trouble");
});

test("the calm slot says why there can be no alerts yet", () => {
  assert.equal(buildModel(live(), OPEN, newUi(), 100_000).slot.early, 1300);
  const store = live("aggregate", 1400);
  assert.equal(buildModel(store, OPEN, newUi(), 400_000).slot.none, true);
  fold(store, summary(1401, 0.8, { analysed: 6 }), 401_000);
  assert.equal(buildModel(store, OPEN, newUi(), 401_000).slot.few, 8);
});

test("forget leaves nothing of a person, and names alone order the cards", () => {
  const store = live("individual");
  for (const name of ["Noah", "Ada", "Maya"]) fold(store, person(name, 1100), 100_000);
  fold(store, { type: "forget", at: 1101, participant: "Maya" }, 101_000);
  assert.deepEqual(buildModel(store, OPEN, newUi(), 101_000).cards.map(({ name }) => name), ["Ada", "Noah"]);
  assert.ok(!JSON.stringify([...store.people.keys(), store.changes]).includes("Maya"));
});

test("expressions that cannot be read now are missing with their reason, the rest goes on", () => {
  const store = live("individual");
  const away = { expressions_unmeasurable: "engine_away" };
  fold(store, summary(1101, 0.8, { expressions: null, ...away }), 101_000);
  fold(store, person("Ada", 1101, { displayed: null, ...away }), 101_000);
  const model = buildModel(store, OPEN, newUi(), 101_000);
  assert.deepEqual([model.hero.number, model.noted, model.expressions[0].share], ["80", { away: true }, undefined]);
  assert.equal(model.cards[0].displayed, "displayed: –");
});

test("heads are reported as sums that have stood for ten seconds", () => {
  const store = live();
  for (let at = 1101; at < 1120; at++) fold(store, summary(at, 0.8, { present: at < 1105 ? 29 : 30 }), 0);
  assert.deepEqual(store.changes.map(({ kind, by }) => [kind, by]), [["present", 2]]);
});

test("under presence there are counts and nothing else", () => {
  const store = createStore();
  fold(store, hello("presence"), 0);
  fold(store, state("live", 1000), 0);
  fold(store, summary(1000, null, { facing: 18, analysed: null, withheld: "presence" }), 0);
  const model = buildModel(store, OPEN, newUi(), 0);
  assert.deepEqual(Object.keys(model.trends), ["present", "camera_on", "visible", "facing"]);
  assert.deepEqual(model.groups, { facing: 18, half: 4, ring: 2, off: 4 });
  assert.equal(model.slot.kind, "empty");
  assert.equal(model.hero, undefined);
  assert.equal(store.series.why(1000), GAP.none);
});

test("counts of faces that are withheld leave one dot a camera and say so", () => {
  const store = createStore();
  fold(store, hello("presence"), 0);
  fold(store, state("live", 900), 0);
  fold(store, summary(1000, null, { camera_on: 3, visible: null, facing: null, analysed: null, withheld: "presence" }), 0);
  const model = buildModel(store, OPEN, newUi(), 0);
  assert.deepEqual(model.groups, { facing: null, half: 0, ring: 3, off: 25 });
  assert.equal(model.few, true);
  assert.deepEqual(model.dots.map(({ state: seen }) => seen), [...Array(3).fill("ring"), ...Array(25).fill("off")]);
  assert.equal(model.trends.visible.text, "Withheld");
  assert.notEqual(model.trends.present.text, model.trends.visible.text);
  assert.ok(Number.isNaN(store.series.get("visible", 1000)));
});

test("expressions are reported with what one person alone, who is not reported, could be", () => {
  const store = live();
  fold(store, summary(1101, 0.8, { analysed: 8 }), 101_000);
  const rows = buildModel(store, OPEN, newUi(), 101_000).expressions;
  assert.deepEqual(rows.map(({ name }) => name).slice(-2), ["Neutral", "Unclear"]);
  assert.deepEqual([rows[0].text, rows[6].text, rows[7].text], ["<\u00a015%", "60%", "10%"]);
});

test("a change of policy clears the people and is reported", () => {
  const store = live("individual");
  fold(store, person("Ada", 1100), 100_000);
  fold(store, { ...hello("aggregate"), at: 1101 }, 101_000);
  assert.equal(store.people.size, 0);
  assert.equal(buildModel(store, OPEN, newUi(), 101_500).slot.is.policy, true);
});

test("values are not announced, changes of state and alerts are", () => {
  const store = live();
  const memory = {};
  const say = (nowMs) => announcement(memory, buildModel(store, OPEN, newUi(), nowMs), nowMs);
  assert.equal(say(100_000), null);
  fold(store, summary(1101, 0.5), 101_000);
  assert.equal(say(101_000), null);
  fold(store, alert(1102), 102_000);
  assert.match(say(102_000), /^Index down 30.points since \d\d:\d\d: 80.→.50\. 20.people measured\. Largest part: .*Try: /);
  fold(store, state("reconnecting", 1103), 103_000);
  assert.equal(say(103_000), "#slot .words");
});

test("values that come back are announced, also after a moment of settling", () => {
  const store = live();
  const memory = {};
  const say = (nowMs) => announcement(memory, buildModel(store, OPEN, newUi(), nowMs), nowMs);
  say(100_000);
  fold(store, summary(1104, null, { analysed: null }), 104_000);
  assert.match(say(104_000), /^Withheld\. Fewer than 5.people analysed\. Values return/);
  fold(store, summary(1105, null, { withheld: "settling" }), 105_000);
  assert.equal(say(105_000), null);
  fold(store, summary(1112), 112_000);
  assert.equal(say(112_000), "Values are back. Engagement index now High");
});

test("retries back off to fifteen seconds, and a gap is a prev that is not the last seq", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 9].map((n) => backoffS(n, () => 0.5)), [0.5, 1, 2, 4, 8, 15, 15]);
  assert.ok(hasGap({ prev: 4, seq: 9 }, 3));
  assert.ok(!hasGap({ prev: 4, seq: 9 }, 4));
  assert.ok(!hasGap({ prev: 4, seq: 9 }, null));
});
