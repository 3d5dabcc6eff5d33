/** Feed → store → one dirty flag → at most one render a second. */

import { Announcer } from "./announce.js";
import { drawCards, dropMissing } from "./cards.js";
import { drawAllChanges, drawPolicy, drawValues } from "./dialogs.js";
import { $, attr, text } from "./dom.js";
import { Feed } from "./feed.js";
import { buildModel } from "./model.js";
import * as panels from "./panels.js";
import { createStore, feedBack, feedLost, fold, roomNow } from "./store.js";
import { placeLevels, TimePanel } from "./timepanel.js";
import { drawBar, drawColumn, drawFirstRow, drawFrame, drawSlot } from "./view.js";
import * as words from "./words.js";

const RENDER_MS = 950;
const TITLE_MS = 10_000;
const DESCRIBE_MS = 30_000;
const DEAD_MS = 15_000;
const AT_ONCE = new Set(["hello", "snapshot", "bot_state", "forget", "bye", "alert"]);

/** What the slot tells even when paused. */
const MOVING = new Set(["trouble", "policy"]);

const room = decodeURIComponent(location.pathname.split("/").filter(Boolean).at(-1) ?? "");
const store = createStore();
const ui = { pausedAt: null, covered: false, dismissed: new Set(), shown: null };
const announcer = new Announcer($("status"));
let model = null;
let frame = 0;
let timer = 0;
let renderedMs = -Infinity;
let titledMs = -Infinity;
let describedMs = -Infinity;

/** The link waits in this tab for a reload; out of the address bar, because she may share her screen. */
function takeLink() {
  const key = `classpulse:link:${room}`;
  const link = new URLSearchParams(location.hash.slice(1)).get("t");
  if (link) {
    sessionStorage.setItem(key, link);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return sessionStorage.getItem(key);
}

const feed = new Feed({ room, link: takeLink(), onEvent: receive, onStatus: (status) => {
  if (status.phase === "down") feedLost(store, store.summaryAt ?? roomNow(store, performance.now()) ?? Date.now() / 1000);
  request(true);
} });

function receive(event) {
  fold(store, event, performance.now());
  if (event.type !== "hello") feedBack(store, event.at);
  const atOnce = AT_ONCE.has(event.type);
  if (atOnce) dropPeople();
  request(atOnce);
}

/** Who is forgotten is gone at once, also from a paused or hidden page. */
function dropPeople() {
  dropMissing([...store.people.values()]);
  if (model?.people) model.people = model.people.filter(({ participant }) => store.people.has(participant));
}

/** Render soon: at once when asked, else when a second has passed since the last one. */
function request(atOnce) {
  if (document.hidden || frame) return;
  const waitMs = atOnce ? 0 : RENDER_MS - (performance.now() - renderedMs);
  clearTimeout(timer);
  if (waitMs > 0) timer = setTimeout(() => request(true), waitMs);
  else frame = requestAnimationFrame(render);
}

function render() {
  frame = 0;
  const nowMs = (renderedMs = performance.now());
  if (model?.policy && model.policy.profile !== store.hello.policy.profile) ui.pausedAt = null;
  const next = buildModel(store, feed.status, ui, nowMs);
  if (!next.live) ui.pausedAt = next.pausedAt = null;
  const paused = ui.pausedAt !== null;
  announcer.follow(next, nowMs, paused || ui.covered);
  retitle(next, nowMs);
  drawBar(next);
  drawFrame(next);
  drawPolicy(next, room);
  if (!next.live) drawColumn(next);
  else if (!paused || !model?.live) drawLive((model = next), nowMs);
  else drawSlot(MOVING.has(next.slot.kind) || MOVING.has(model.slot.kind) || ui.dismissed.has(model.slot.id) ? next : model);
  if (!paused || !next.live) model = next;
}

function drawLive(shown, nowMs) {
  chart.build(shown.presence);
  chart.drift = shown.ageS;
  drawFirstRow(shown);
  drawSlot(shown);
  panels.drawChanges(shown);
  if (shown.presence) panels.drawEveryone(shown);
  else {
    panels.drawExpressions(shown);
    panels.drawPeople(shown);
    panels.rows($("levels"), panels.levelRows(shown));
    const few = shown.summary?.engagement && !shown.summary.engagement.levels;
    text($("levels-note"), few ? words.notes.shares : chart.size?.narrow ? words.notes.levels : "");
  }
  if (shown.policy.profile === "individual") drawCards(shown);
  if ($("values").open) drawValues(shown);
  drawChart();
  if (nowMs - describedMs > DESCRIBE_MS) describe(shown, nowMs);
}

function drawChart() {
  if (!model?.live || !chart.size) return;
  chart.draw(model);
  if (!model.presence) placeLevels($("levels"), $("levels-note"), chart, model.hello);
}

const rowAt = (series, at) => Object.fromEntries(Object.keys(series.columns).map((name) => [name, series.get(name, at)]));

function describe({ series, second, presence }, nowMs) {
  describedMs = nowMs;
  const now = rowAt(series, second);
  text($("chart-text"), presence ? words.countsText(now) : words.chartText(now, rowAt(series, second - 300)));
}

function retitle(next, nowMs) {
  const title = ui.covered ? "classpulse" : words.pageTitle(next);
  if (title === document.title || (!ui.covered && nowMs - titledMs < TITLE_MS && next.state === model?.state && next.alertOpen === model.alertOpen)) return;
  titledMs = nowMs;
  document.title = title;
}

const chart = new TimePanel($("chart"), (at) => {
  const [head, rest] = at === null ? ["", ""] : (model.presence ? words.readingCounts : words.reading)(at, rowAt(model.series, at));
  text($("reading").firstElementChild, head);
  text($("reading").lastElementChild, rest);
  attr($("time-head"), "data-reading", at === null ? null : "");
});
new ResizeObserver(([{ contentRect }]) => {
  chart.resize(Math.floor(contentRect.width), Math.floor(contentRect.height));
  if (model?.live) drawChart();
}).observe($("chart"));

const ACTIONS = {
  pause() {
    ui.pausedAt = ui.pausedAt === null && model?.live ? roomNow(store, performance.now()) : null;
    request(true);
  },
  cover() {
    ui.covered = !ui.covered;
    for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
    for (const open of document.querySelectorAll("[popover]:popover-open")) open.hidePopover();
    for (const part of document.querySelectorAll("body > :not(#cover)")) part.inert = ui.covered;
    document.body.toggleAttribute("data-covered", ui.covered);
    document.title = ui.covered ? "classpulse" : words.pageTitle(model);
    if (ui.covered) $("cover").focus();
  },
  dismiss() {
    const { slot } = model ?? {};
    if (slot?.kind === "trouble" && slot.action) feed.tryNow();
    else if (slot?.action) ui.dismissed.add(slot.id);
    request(true);
  },
  again: () => feed.tryNow(),
  window() {
    const options = [...document.querySelectorAll("[data-window]")];
    const at = options.findIndex((button) => Number(button.dataset.window) === chart.windowS);
    setWindow(Number(options[(at + 1) % options.length].dataset.window));
  },
  values() {
    if (!model?.live) return;
    drawValues(model);
    $("values").showModal();
  },
  changes() {
    drawAllChanges(model);
    $("changes-all").showModal();
  },
  read: () => model && announcer.row(model),
  keys: () => $("keys").showModal(),
};

function setWindow(seconds) {
  chart.windowS = seconds;
  for (const button of document.querySelectorAll("[data-window]")) attr(button, "aria-pressed", `${Number(button.dataset.window) === seconds}`);
  drawChart();
}

function setTheme(theme) {
  attr(document.documentElement, "data-theme", theme || null);
  for (const button of document.querySelectorAll("[data-theme-choice]")) attr(button, "aria-pressed", `${button.dataset.themeChoice === theme}`);
}

const KEYS = { p: "pause", c: "cover", d: "dismiss", w: "window", v: "values", s: "read", "?": "keys" };

document.addEventListener("click", ({ target }) => {
  const button = target.closest("button, a");
  if (!button) return;
  const { do: action, window: seconds, themeChoice } = button.dataset;
  if (action) {
    if (action !== "cover") button.closest("[popover]")?.hidePopover();
    ACTIONS[action]();
  }
  if (seconds !== undefined) setWindow(Number(seconds));
  if (themeChoice !== undefined) {
    localStorage.setItem("classpulse:theme", themeChoice);
    setTheme(themeChoice);
  }
});
document.addEventListener("person", () => drawCards(model));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !$("keys-on").checked) return;
  if (event.target.closest("input, textarea, select")) return;
  const action = KEYS[event.key.toLowerCase()];
  if (!action || (document.querySelector("dialog[open]") && action !== "cover") || (ui.covered && action !== "cover")) return;
  event.preventDefault();
  ACTIONS[action]();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && feed.status.phase === "down") feed.tryNow();
  request(true);
});
addEventListener("online", () => feed.tryNow());
$("keys-on").addEventListener("change", ({ target }) => localStorage.setItem("classpulse:keys", target.checked ? "" : "off"));

setTheme(localStorage.getItem("classpulse:theme") ?? "");
$("keys-on").checked = localStorage.getItem("classpulse:keys") !== "off";
setWindow(600);
setInterval(() => {
  const quiet = store.bot?.state === "live" && feed.status.phase === "open" && performance.now() - store.clockMs > DEAD_MS;
  if (quiet) feed.kick();
  request(false);
}, 1000);
feed.start();
