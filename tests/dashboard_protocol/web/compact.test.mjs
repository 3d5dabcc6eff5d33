import assert from "node:assert/strict";
import { test } from "node:test";
import { alertSlot } from "../../../dashboard_protocol/web/alerts.js";
import { compact, withheld } from "../../../dashboard_protocol/web/compact.js";
import { buildModel } from "../../../dashboard_protocol/web/model.js";
import { createStore, fold } from "../../../dashboard_protocol/web/store.js";
import { alert, hello, state, summary } from "./class.mjs";
import "./text.mjs";

const OPEN = { phase: "open", downMs: null, retryMs: null };

function live(profile = "aggregate", until = 1100, mean = 0.8) {
  const store = createStore();
  fold(store, hello(profile), 0);
  fold(store, state("live", 1000), 0);
  const counts = profile === "presence" ? { engagement: null, facing: 14, withheld: "presence" } : {};
  for (let at = 1000; at <= until; at++) fold(store, summary(at, mean, counts), (at - 1000) * 1000);
  return store;
}

const shown = (store, feed = OPEN, nowMs = 100_000) => compact(buildModel(store, feed, { dismissed: new Set(), alertSlot }, nowMs)).small;

test("a calm class says its trend, in a line that is drawn over its ten minutes", () => {
  const small = shown(live());
  assert.deepEqual([small.shown, small.warns, small.words], [true, false, "measured for 1\u00a0min"]);
  assert.match(small.lines[0].d, /^M0 \d/);
  assert.match(small.lines[0].d, /H300$/);
  assert.equal(small.lines[0].line, "line mean");
  assert.equal(small.stems, "");
});

test("an alert takes the line and stands in the small chart, and a broken feed takes it from the alert", () => {
  const store = live("aggregate", 1100, 0.6);
  fold(store, alert(1090), 90_000);
  const small = shown(store);
  assert.ok(small.warns);
  assert.match(small.words, /^Index down 20\u00a0points since/);
  assert.match(small.stems, /^M\d+ 0V40$/);
  assert.deepEqual([shown(store, { ...OPEN, phase: "down", downMs: 90_000 }).words], ["The live feed is interrupted"]);
});

test("while values are withheld the line says why, and no alert of before", () => {
  const store = live("aggregate", 1100, 0.6);
  fold(store, alert(1090), 90_000);
  for (let at = 1101; at <= 1110; at++) fold(store, summary(at, null), (at - 1000) * 1000);
  const small = shown(store, OPEN, 110_000);
  assert.deepEqual([small.warns, small.words], [undefined, "Fewer than 5\u00a0people analysed"]);
});

test("a gap in the small chart is never bridged", () => {
  const store = live();
  for (let at = 1101; at <= 1110; at++) fold(store, summary(at, null), (at - 1000) * 1000);
  for (let at = 1111; at <= 1130; at++) fold(store, summary(at), (at - 1000) * 1000);
  assert.equal(shown(store, OPEN, 130_000).lines[0].d.match(/M/g).length, 2);
});

test("under presence there are counts, no index and no alert", () => {
  const small = shown(live("presence"));
  assert.deepEqual(small.lines.map(({ line }) => line), ["line facing", "line present"]);
  assert.deepEqual([small.grid, small.stems, small.warns], ["", "", false]);
});

test("before and after the class there are words and no figure, and so there are for whoever must not see it", () => {
  const store = createStore();
  fold(store, hello(), 0);
  fold(store, state("waiting", 1000, { reason: "lobby" }), 0);
  assert.deepEqual(shown(store), { words: "The bot is in the lobby" });
  assert.deepEqual(shown(live(), { ...OPEN, phase: "denied" }), { words: "This link does not open this class" });
  const { small } = withheld(compact(buildModel(live(), OPEN, { dismissed: new Set(), alertSlot }, 100_000)));
  assert.deepEqual(small, { words: "The figures of this class are not shown to others." });
});
