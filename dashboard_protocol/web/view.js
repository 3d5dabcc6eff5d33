/** Model → document: bar, first row, the one-column states. Writes only what differs. */

import { $, attr, each, el, fillMeter, hide, text } from "./dom.js";
import * as words from "./words.js";

const ALWAYS = new Set(["ended", "no_access"]);

export function drawBar(model) {
  const { state, hello, pausedAt, durationS, policy, live } = model;
  const paused = pausedAt !== null && live;
  attr(document.body, "data-state", paused ? "paused" : state);
  attr(document.body, "data-policy", policy?.profile ?? "none");
  attr(document.body, "data-values", live ? model.kind : "none");
  text($("room"), hello?.title ?? "");
  attr($("room"), "title", hello?.title ?? "");
  text($("state"), paused ? words.paused(pausedAt) : words.BAR[state]);
  text($("duration"), durationS !== null && (live || state === "ended") ? words.span(durationS) : "");
  hide($("policy-button"), !policy || state === "no_access");
  if (policy) text($("policy-button").lastElementChild, policy.profile);
  for (const button of document.querySelectorAll("[data-do=pause]")) {
    text(button.lastElementChild, paused ? "Resume" : "Pause");
    hide(button, !live);
  }
  for (const button of document.querySelectorAll("[data-do=cover]")) hide(button, ALWAYS.has(state));
}

export function drawFrame({ live, presence, policy, hello, state }) {
  hide($("live"), !live);
  hide($("column"), live);
  for (const part of document.querySelectorAll("[data-for]")) hide(part, !policy || !part.dataset.for.split(" ").includes(policy.profile));
  text($("footer-words"), words.footer(presence));
  text($("formula"), hello && !presence && state !== "no_access" ? hello.formula : "");
}

function drawTrend(node, { text: words_, direction }) {
  attr(node, "data-direction", direction);
  text(node.lastElementChild, words_);
}

export function drawFirstRow(model) {
  if (model.presence) return drawCounts(model.counts);
  const { hero, attentive, hello } = model;
  fillMeter($("meter"), hero.level, hero.dashed, words.meterLabel(hello, hero.level));
  text($("level"), hero.word);
  text($("number"), hero.number);
  drawTrend($("index-trend"), hero.trend);
  text($("ground"), hero.ground);
  text($("withheld").firstElementChild, hero.trend.text);
  text($("withheld").lastElementChild, hero.ground);
  text($("attentive"), attentive.word);
  drawTrend($("attentive-trend"), attentive.trend);
}

function drawCounts(cells) {
  each($("counts"), cells, () => $("count-cell").content.firstElementChild.cloneNode(true), (cell, { label, value, of, trend }) => {
    const [caption, hero, line] = cell.children;
    text(caption, label);
    text(hero.firstElementChild, value);
    text(hero.lastElementChild, of);
    drawTrend(line, trend);
  });
}

export function drawSlot({ slot }) {
  attr($("slot"), "data-kind", slot.kind);
  text($("slot-lead"), slot.lead ?? "");
  text($("slot-title"), slot.title ?? "");
  text($("slot-ground"), slot.ground ?? "");
  text($("slot-foot"), slot.foot ?? "");
  text($("slot-action"), slot.action ?? "");
  hide($("slot-action"), !slot.action);
}

export function drawColumn(model) {
  const { column, policy, bot, steps, now, state, retryS } = model;
  text($("column-title"), column.title);
  each($("column-lead"), column.lead, () => el("p"), text);
  const at = bot && words.STEPS.findIndex(([name]) => name === bot.state);
  each($("steps"), column.steps ? words.STEPS : [], () => el("li", "", el("i"), el("span"), el("time")), (item, [name, label], i) => {
    item.className = i < at ? "done" : i === at ? "now" : "";
    text(item.children[1], label);
    const since = steps[name];
    const elapsed = i === at && i > 0 ? ` · ${words.span(now - since)}` : "";
    text(item.lastElementChild, since === undefined ? "" : words.clock(since) + elapsed);
  });
  each($("facts"), column.facts ?? [], () => el("div", "", el("dt"), el("dd")), (fact, [name, value]) => {
    text(fact.firstElementChild, name);
    text(fact.lastElementChild, value);
  });
  const { action } = column;
  hide($("column-button"), !action || action.kind === "report");
  hide($("column-link"), action?.kind !== "report");
  if (action) text($(action.kind === "report" ? "column-link" : "column-button"), action.label);
  if (action?.href) attr($("column-link"), "href", action.href);
  const broken = retryS !== null && retryS !== undefined && !ALWAYS.has(state) ? words.trouble.interrupted(null, Math.ceil(retryS)) : null;
  text($("column-note"), broken ? `${broken.title}. ${broken.ground}` : column.steps && policy ? words.policySentence(policy) : "");
}
