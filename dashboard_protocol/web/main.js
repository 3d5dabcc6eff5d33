/** Feed → store → one dirty flag → at most one render a second. */

import { announcement } from "./announce.js";
import { $, all, bind } from "./bind.js";
import { cursorOn, timeChart } from "./chart.js";
import { listen } from "./controls.js";
import { createFeed } from "./feed.js";
import { buildModel, hold, only } from "./model.js";
import { personChart } from "./panels.js";
import { createStore, feedBack, feedLost, fold, roomNow } from "./store.js";
import { pageTitle } from "./words.js";

const RENDER_MS = 950;
const TITLE_MS = 10_000;
const DESCRIBE_MS = 30_000;
const DEAD_MS = 15_000;
const AT_ONCE = new Set(["hello", "snapshot", "bot_state", "forget", "bye", "alert"]);

const room = decodeURIComponent(location.pathname.split("/").filter(Boolean).at(-1) ?? "");
const store = createStore();
/** What the instructor chose, and the model that stands on the page. */
const ui = { pausedAt: null, covered: false, dismissed: new Set(), shown: null, person: null, windowS: 600, cursor: null, model: null };
const draw = bind(document.body);
const told = {};
let size = null;
let frame = 0;
let timer = 0;
let renderedMs = -Infinity;
let titledMs = -Infinity;
let describedMs = -Infinity;
let described = null;

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

const feed = createFeed({ room, link: takeLink(), onEvent: receive, onStatus: (status) => {
  if (status.phase === "down") feedLost(store, store.summaryAt ?? roomNow(store, performance.now()) ?? Date.now() / 1000);
  request(true);
} });

function receive(event) {
  fold(store, event, performance.now());
  if (event.type !== "hello") feedBack(store, event.at);
  const atOnce = AT_ONCE.has(event.type);
  // Who is forgotten is gone at once, also from a paused or hidden page.
  if (atOnce && ui.model?.live) show(only(ui.model, store.people.keys()));
  request(atOnce);
}

/** Render soon: at once when asked, else when a second has passed since the last one. */
function request(atOnce) {
  if (document.hidden || frame) return;
  const waitMs = atOnce ? 0 : RENDER_MS - (performance.now() - renderedMs);
  clearTimeout(timer);
  if (waitMs > 0) timer = setTimeout(request, waitMs, true);
  else frame = requestAnimationFrame(render);
}

function render() {
  frame = 0;
  const nowMs = (renderedMs = performance.now());
  const was = ui.model;
  if (was?.policy && was.profile !== store.hello.policy.profile) ui.pausedAt = null;
  const next = buildModel(store, feed.status, ui, nowMs, document.querySelector("dialog[open]")?.id);
  if (!next.live) ui.pausedAt = null;
  const paused = ui.pausedAt !== null && was?.live;
  retitle(next, nowMs);
  if (next.live && nowMs - describedMs > DESCRIBE_MS) {
    describedMs = nowMs;
    described = { now: next.series.row(next.second), then: next.series.row(next.second - 300) };
  }
  show(paused ? hold(was, next, ui) : next);
  const news = announcement(told, next, nowMs);
  if (news && (next.over || !(paused || ui.covered))) say(news);
}

function show(model) {
  ui.model = model;
  if (model.live) {
    const person = store.people.get(ui.person);
    model.person = person && personChart(person, model.hello.levels, model.second, Math.max(200, Math.min(506, innerWidth - 60)));
    if (ui.person && !person) $("person").close();
    model.chart = size && timeChart(model, size, ui.windowS);
    model.described = described;
  }
  read(ui.cursor);
}

/** Put the reading cursor on a second, or take it away with null, and draw. */
function read(second) {
  const { model } = ui;
  if (!model) return;
  const { chart } = model;
  ui.cursor = second === null || !chart ? null : Math.min(chart.axis.to - 1, Math.max(chart.axis.from, second));
  model.cursor = chart && cursorOn(chart, ui.cursor);
  model.reading = ui.cursor === null ? null : { at: ui.cursor, ...model.series.row(ui.cursor) };
  draw(model);
}

/** What stands in some places of the page, in one breath. */
const wordsOf = (selector) => [...all(selector)].filter((place) => place.checkVisibility()).map((place) => place.innerText.trim().replace(/\s*\n+\s*/g, ". ")).join(". ");

function say(news) {
  const said = news.startsWith("#") ? wordsOf(news) : news;
  if ($("status").textContent !== said) $("status").textContent = said;
}

function retitle(next, nowMs) {
  const title = ui.covered ? "classpulse" : pageTitle(next);
  const soon = nowMs - titledMs < TITLE_MS && next.state === ui.model?.state && next.slot?.kind === ui.model.slot?.kind;
  if (title === document.title || (!ui.covered && soon)) return;
  titledMs = nowMs;
  document.title = title;
}

/** Draw what stands, with another window or size; values stay as they are. */
const redraw = () => ui.model && show(ui.model);

new ResizeObserver(([{ contentRect: { width, height } }]) => {
  size = width < 100 ? null : { width: Math.floor(width), height: Math.floor(height) };
  redraw();
}).observe($("chart"));

listen(ui, feed, {
  redraw, read, request,
  pause() {
    ui.pausedAt = ui.pausedAt === null && ui.model?.live ? roomNow(store, performance.now()) : null;
    request(true);
  },
  say() {
    $("status").textContent = "";
    say("#column-words, #index-panel, #attentive-panel, #counts");
  },
});
for (const link of all(".privacy")) link.href = `/privacy/${encodeURIComponent(room)}`;
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && feed.status.phase === "down") feed.tryNow();
  request(true);
});
addEventListener("online", feed.tryNow);
setInterval(() => {
  const quiet = store.bot?.state === "live" && feed.status.phase === "open" && performance.now() - store.clockMs > DEAD_MS;
  if (quiet) feed.kick();
  request(false);
}, 1000);
feed.start();
