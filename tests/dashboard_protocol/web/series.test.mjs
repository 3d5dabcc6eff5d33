import assert from "node:assert/strict";
import { test } from "node:test";
import { marks } from "../../../dashboard_protocol/web/chart.js";
import { flags } from "../../../dashboard_protocol/web/flags.js";
import { areaPath, countTicks, gaps, runs, spread, stack, stepPath, timeAxis, timeTicks } from "../../../dashboard_protocol/web/charts.js";
import { GAP, Ring } from "../../../dashboard_protocol/web/ring.js";
import { countThreshold, median, trend } from "../../../dashboard_protocol/web/trend.js";
import "./text.mjs";

const ringOf = (values, start = 0) => {
  const ring = new Ring(["v"], 1000);
  values.forEach((v, i) => v !== null && ring.write(start + i, { v }, GAP.none, GAP.feed));
  return ring;
};
const fill = (n, value) => new Array(n).fill(value);

test("a ring holds the newest seconds and forgets the oldest", () => {
  const ring = new Ring(["v"], 10);
  for (let s = 0; s < 25; s++) ring.write(s, { v: s }, GAP.none, GAP.feed);
  assert.equal(ring.get("v", 24), 24);
  assert.equal(ring.get("v", 15), 15);
  assert.ok(Number.isNaN(ring.get("v", 14)));
});

test("a hole of two seconds keeps the value, a longer one is a gap with its reason", () => {
  const ring = ringOf([5, null, null, 6, null, null, null, 7]);
  assert.equal(ring.get("v", 2), 5);
  assert.ok(Number.isNaN(ring.get("v", 5)));
  assert.equal(ring.why(5), GAP.feed);
  assert.equal(ring.why(7), GAP.none);
});

test("history fills a gap and what lies before the first second", () => {
  const ring = ringOf([1, null, null, null, null, 2], 100);
  ring.write(102, { v: 3 }, GAP.none, GAP.bot);
  ring.write(90, { v: 4 }, GAP.none, GAP.bot);
  assert.equal(ring.get("v", 102), 3);
  assert.equal(ring.get("v", 90), 4);
  assert.equal(ring.why(95), GAP.bot);
});

test("a ring takes no more memory however long the class lasts", () => {
  const ring = new Ring(["v"], 60);
  for (let s = 0; s < 10_000; s += 7) ring.write(s, { v: 1 }, GAP.none, GAP.feed);
  assert.equal(ring.columns.v.length, 60);
});

test("the median needs half of its seconds", () => {
  const ring = ringOf([1, 2, null, null, null, null, null, 9]);
  assert.ok(Number.isNaN(median(ring, "v", 0, 7)));
  assert.equal(median(ring, "v", 0, 1), 2);
});

test("a move of fifteen points is reported, one of ten is steady", () => {
  const moved = ringOf([...fill(400, 0.8), ...fill(60, 0.65)]);
  assert.deepEqual(trend(moved, "v", 459), { kind: "move", by: -15 });
  const steady = ringOf([...fill(400, 0.8), ...fill(60, 0.7)]);
  assert.equal(trend(steady, "v", 459).kind, "steady");
});

test("the time since the last move is reported, ten minutes at most", () => {
  const ring = ringOf([...fill(100, 0.4), ...fill(800, 0.8)]);
  const found = trend(ring, "v", 600);
  assert.equal(found.kind, "steady");
  assert.ok(found.s >= 150 && found.s <= 220, `${found.s}`);
  assert.equal(trend(ringOf(fill(990, 0.5)), "v", 989).s, 601);
});

test("too little history and a gap at either end are no trend", () => {
  assert.deepEqual(trend(ringOf(fill(200, 0.8)), "v", 199), { kind: "short", s: 199 });
  assert.deepEqual(trend(ringOf([...fill(400, 0.8), ...fill(60, null), 0.8]), "v", 460), { kind: "none" });
});

test("counts move by a tenth of the class, and by two at least", () => {
  assert.deepEqual([5, 20, 28, 60].map(countThreshold), [2, 2, 3, 6]);
});

const axis = timeAxis(0, 10, 0, 100);
const y = (value) => 100 - value;
const get = (values) => (s) => values[s] ?? NaN;

test("steps are level and upright, and gaps are not bridged", () => {
  assert.equal(stepPath(runs(get([10, 10, 20, 20]), axis), y), "M0 90H20V80H40");
  assert.equal(stepPath(runs(get([10, NaN, NaN, 20]), axis), y), "M0 90H10M30 80H40");
});

test("several values in a pixel become their minimum and maximum", () => {
  const dense = timeAxis(0, 8, 0, 2);
  assert.equal(stepPath(runs(get([1, 9, 4, 4, 4, 4, 4, 4]), dense), y), "M0 96H2");
  assert.equal(stepPath(runs(get([4, 4, 4, 4, 1, 9, 4, 4]), dense), y), "M0 96H1V91V99V96H2");
});

test("areas stand on their base", () => {
  assert.equal(areaPath(runs(get([10, 10]), axis), y, 100), "M0 100L0 90H20V100Z");
});

test("gaps carry their reason, also after the newest value", () => {
  const ring = ringOf([1, null, null, null, 1]);
  assert.deepEqual(gaps(ring, timeAxis(0, 8, 0, 80), GAP.bot), [{ from: 1, to: 4, cause: GAP.feed }, { from: 5, to: 8, cause: GAP.bot }]);
  assert.deepEqual(gaps(ring, timeAxis(4, 8, 0, 80), GAP.none), []);
});

test("time labels have room and counts are round", () => {
  const labels = timeTicks(timeAxis(0, 600, 0, 524)).filter(({ major }) => major);
  assert.deepEqual(labels.map(({ at }) => at), [0, 120, 240, 360, 480, 600]);
  assert.deepEqual(countTicks(28), [0, 10, 20, 30]);
  assert.deepEqual(countTicks(0), [0, 1]);
});

test("labels are kept apart and strips share the height", () => {
  assert.deepEqual(spread([50, 45, 100], 14), [59, 45, 100]);
  const strips = stack(480, [0.64, 0.21, 0.15], { top: 14, between: 30, bottom: 26 });
  assert.equal(strips[0].bottom - strips[0].top, 243);
  assert.equal(strips[2].bottom, 454);
});

test("times of alerts stand below no triangle, over no other time, and within the chart", () => {
  const axis = { from: 0, to: 600, x1: 600, x: (at) => at };
  for (const times of [[100, 300, 330], [560, 590], [540, 570, 596], [5, 20, 45, 70], [300, 310, 320]]) {
    const drawn = marks(times.map((at) => ({ at })), axis, [{ top: 10, bottom: 100 }]);
    assert.equal(drawn.length, times.length);
    const labels = drawn.filter(({ text }) => text).map(({ x, class: mark }) => (mark === "time" ? [x, x + 38] : [x - 38, x]));
    for (const [from, to] of labels) assert.ok(from >= 0 && to <= 600 && times.every((at) => to <= at - 6 || from >= at + 7), `${times}: ${from} to ${to}`);
    labels.sort(([one], [other]) => one - other).forEach(([from], i) => assert.ok(i === 0 || from >= labels[i - 1][1]));
    assert.ok(labels.length > 0);
  }
});

test("what rose is drawn calmly", () => {
  const axis = { from: 0, to: 600, x1: 600, x: (at) => at };
  const [fall, rise] = marks([{ at: 100, alert: { kind: "fall" } }, { at: 300, alert: { kind: "rise" } }], axis, [{ top: 10, bottom: 100 }]);
  assert.deepEqual([fall.kind, rise.kind], ["head", "good"]);
  assert.match(fall.head, /z$/);
  assert.doesNotMatch(rise.head, /z$/, "an arrow, and no triangle");
});

test("words of a mark end before the next one, and are left out where nothing fits", () => {
  const strips = [{ top: 14, bottom: 100 }];
  const axis = timeAxis(0, 600, 0, 600);
  const set = [[10, "slide", "the cell"], [130, "question", ""], [150, "break", ""], [580, "note", ""]].map(([at, kind, text]) => ({ at, mark: { kind, text } }));
  assert.deepEqual(flags(set, axis, strips).map(({ text }) => text), ["Slide: the ce…", "", "Break", ""]);
});
