import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import * as words from "../../../dashboard_protocol/web/words.js";
import "./text.mjs";

const plain = (text) => text.replaceAll("\u00a0", " ");
const PACKAGE = new URL("../../../dashboard_protocol/", import.meta.url);

test("ages are reported in the two largest units", () => {
  assert.deepEqual([38, 240, 4320, 3600].map((s) => plain(words.span(s))), ["38 s", "4 min", "1 h 12 min", "1 h"]);
  assert.equal(plain(words.exactly(70)), "1 min 10 s");
});

test("shares are open at both ends, as far as they are rounded, and null is a dash", () => {
  assert.deepEqual([0, 0.05, 0.65, 1, null, NaN].map((share) => plain(words.percent(share, { points: 5 }))), ["< 5%", "5%", "65%", "> 95%", "–", "–"]);
  assert.deepEqual([0, 1].map((share) => plain(words.percent(share, { points: 10 }))), ["< 10%", "> 90%"]);
  assert.deepEqual([0.654, null].map(words.index), ["65", "–"]);
});

test("trends are reported in points, never in per cent", () => {
  const reported = [{ kind: "move", by: -15 }, { kind: "steady", s: 360 }, { kind: "steady", s: 601 }, { kind: "short", s: 190 }, { kind: "none" }];
  assert.deepEqual(reported.map((found) => plain(words.trend(found))), ["down 15 points in 5 min", "steady for 6 min", "steady for over 10 min", "measured for 3 min", "no comparison yet"]);
  assert.equal(plain(words.trend({ kind: "move", by: 4 }, true)), "up 4 in 5 min");
});

test("a number chooses the plural form, and a sentence of a newer bot is empty", () => {
  assert.deepEqual([1, 2].map((n) => plain(words.others(n))), ["1 more is counted in the class values only", "2 more are counted in the class values only"]);
  assert.equal(words.say("why.applause.rise"), "");
  assert.equal(words.bar("asleep"), "");
});

test("values with braces and dollars stand as they are", () => {
  assert.equal(words.say("policy.is", { profile: "{k} $& $1" }), "Policy: {k} $& $1.");
});

test("tries are reported by their number", () => {
  assert.deepEqual([0, 1, 2, 3].map((n) => plain(words.tried(n))), ["", "It has tried once.", "It has tried twice.", "It has tried 3 times."]);
  assert.deepEqual([0, 4].map((s) => plain(words.nextTry(s))), ["Trying now.", "Next try in 4 s."]);
});

test("no page text claims what was not measured", async () => {
  const texts = await Promise.all(["web/words.js", "web/index.html", "view/languages/en.json"].map((name) => readFile(new URL(name, PACKAGE), "utf8")));
  const never = /\bfeels?\b|\bmood\b|\bemotion|\bbored|\bdistracted|\bdisengaged|\boops|real-time AI|only \d+%/i;
  for (const text of texts) assert.doesNotMatch(text, never);
});

test("text from outside is shown, and what would turn it around is a replacement character", () => {
  assert.equal(words.shown("\u202eevil\u0007\u001b[2J\u2028\u00ad"), "\ufffdevil\ufffd\ufffd[2J\ufffd\ufffd");
  assert.equal(words.shown("Zoë می‌خواهم 👩‍👩‍👧 3\u00a0s"), "Zoë می‌خواهم 👩‍👩‍👧 3\u00a0s");
  assert.deepEqual([null, undefined, true, 3].map(words.shown), [null, undefined, true, 3]);
});
