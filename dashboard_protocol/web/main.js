/** Feed → store → one dirty flag → at most one render a second. */

import { $, all, bind, openDialog } from "./bind.js";
import { cursorOn, timeChart } from "./chart.js";
import { createFeed } from "./feed.js";
import { buildModel, hold, only } from "./model.js";
import { createStore, fold, roomNow } from "./store.js";
import { load } from "./words.js";

const RENDER_MS = 950;
const MAY_WAIT = ["class_summary", "participant"];

// Before the words, which wait for the network.
document.documentElement.dataset.theme = localStorage.getItem("classpulse:theme") ?? "";
load(await (await fetch(`/static/text.${document.documentElement.lang}.json`)).json());

const [, named, isReport] = location.pathname.split("/").filter(Boolean);
const room = decodeURIComponent(named);
const store = createStore();
/** What the instructor chose, the model that stands on the page, and what is loaded once the first view stands. */
const ui = { pausedAt: null, covered: false, dismissed: new Set(), person: null, windowS: 600, cursor: null, model: null, report: null };
const draw = bind(document.body);
const announced = {};
let size = null;
let frame, timer;
let renderedMs = -Infinity;

const [linkKey, reportKey] = ["link", "report"].map((kind) => `classpulse:${kind}:${room}`);

/** The link waits in this tab for a reload; the address bar may be on a shared screen. */
function takeLink() {
  const link = new URLSearchParams(location.hash.slice(1)).get("t");
  if (link) {
    sessionStorage.setItem(isReport ? reportKey : linkKey, link);
    history.replaceState(null, "", location.pathname + location.search);
  }
  return isReport ? null : sessionStorage.getItem(linkKey);
}

const onSession = ({ may, report }) => Object.assign(ui, { may }) && report && sessionStorage.setItem(reportKey, report);
const feed = createFeed({ room, link: takeLink(), onEvent: receive, onStatus: () => request(true), onSession });
/** What the gateway keeps of a class that is over, or is about to be: then its bot may take the gateway along. */
let past = null;
const PAST = /leaving|ended|no_access|connecting/;
const heard = () => past?.status() ?? (isReport ? { ...feed.status, phase: sessionStorage.getItem(reportKey) ? "connecting" : "denied" } : feed.status);

async function look(next) {
  const token = sessionStorage.getItem(reportKey);
  if (!token || !PAST.test(next.state)) return;
  const { createPast } = await import("./after.js");
  past ??= createPast({ room, isReport, store, ui, feed, request });
  past.read(next, token);
}

function receive(event) {
  fold(store, event, performance.now());
  const atOnce = !MAY_WAIT.includes(event.type);
  // Who is forgotten is gone at once, also from a paused or hidden page.
  if (atOnce && ui.model?.live) show(only(ui.model, store.people));
  request(atOnce);
}

/** Render at once when asked, else a second after the last time. */
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
  const next = buildModel(store, heard(), ui, nowMs, openDialog()?.id);
  if (!next.live) ui.pausedAt = null;
  if (next.state === "requested") ui.report = null;
  look(next);
  const paused = ui.pausedAt !== null && was?.live;
  ui.retitle?.(ui, next, nowMs);
  show(paused ? hold(was, next, ui) : next);
  ui.notify?.(next.slot);
  const news = ui.announcement?.(announced, next, nowMs);
  if (news && (next.over || !(paused || ui.covered))) say(news);
}

function show(model) {
  ui.model = model;
  if (model.panels) model.chart = size && timeChart({ ...model, flagsOf: ui.flags }, size, model.live ? ui.windowS : 0);
  if (model.live) {
    const person = store.people.get(ui.person);
    model.person = person && ui.personChart?.(person, model.hello.levels, model.second, Math.max(200, Math.min(506, innerWidth - 60)));
    if (ui.person && !person) $("person").close();
  }
  read(ui.cursor);
}

/** Put the reading cursor on a second, or away with null, and draw. */
function read(second) {
  const { model } = ui;
  if (!model) return;
  const { chart } = model;
  ui.cursor = second === null || !chart ? null : Math.min(chart.axis.to - 1, Math.max(chart.axis.from, second));
  model.cursor = chart && cursorOn(chart, ui.cursor);
  model.reading = ui.cursor === null ? null : { at: ui.cursor, ...model.series.row(ui.cursor) };
  draw(model);
}

/** Say a sentence, or what stands in places (`#…`) of the page, in one breath. */
function say(news) {
  const places = news.startsWith("#") ? all(news).filter((place) => place.checkVisibility()) : [];
  const said = places.map((place) => place.innerText.trim().replace(/\s*\n+\s*/g, ". ")).join(". ") || news;
  if ($("status").textContent !== said) $("status").textContent = said;
}

const redraw = () => ui.model && show(ui.model);

new ResizeObserver(([{ contentRect: { width, height } }]) => {
  ui.zoom = parseInt(getComputedStyle(document.documentElement).fontSize) / 16;
  size = width < 100 ? null : { width: width / ui.zoom, height: height / ui.zoom };
  redraw();
}).observe($("chart"));

if (isReport) request(true);
else feed.start();

const LATER = ["controls", "announce", "notify", "alerts", "awake", "flags", "person", "policy"];
Object.assign(ui, ...(await Promise.all(LATER.map((name) => import(`./${name}.js`)))));
ui.listen(ui, feed, {
  redraw, read, request, store,
  pause() {
    ui.pausedAt = ui.pausedAt === null && ui.model?.live ? roomNow(store, performance.now()) : null;
  },
  say() {
    $("status").textContent = "";
    say("#column-words, #index-panel, #attentive-panel, #counts");
  },
});
ui.keepAwake(store, feed, request);
