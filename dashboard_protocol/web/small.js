/** The compact view as a page of its own: a popup, a frame in another page, an overlay in a film. It only shows. */

import { alertSlot } from "./alerts.js";
import { announcement } from "./announce.js";
import { keepAwake } from "./awake.js";
import { $, bind } from "./bind.js";
import { compact, withheld } from "./compact.js";
import { createFeed } from "./feed.js";
import { buildModel } from "./model.js";
import { pageTitle } from "./notify.js";
import { createStore, fold } from "./store.js";
import { load, shown } from "./words.js";

const [, view, named] = location.pathname.split("/");
const root = document.documentElement;
root.dataset.view = view;

/** Nothing is kept where a browser keeps nothing for a page in another's frame. */
function kept(open, name, value) {
  try {
    const store = open();
    if (value) store.setItem(name, value);
    return store.getItem(name);
  } catch {
    return value;
  }
}

root.dataset.theme = kept(() => localStorage, "classpulse:theme") ?? "";
load(await (await fetch(`/static/text.${root.lang}.json`)).json());

const room = decodeURIComponent(named);
/** As on the page: the link waits in this window for a reload, and in no address; a popup has it from the page. */
const link = kept(() => sessionStorage, `classpulse:link:${room}`, new URLSearchParams(location.hash.slice(1)).get("t"));
history.replaceState(null, "", location.pathname);

const store = createStore();
const ui = { dismissed: new Set(), alertSlot };
const announced = {};
const write = bind(document.body);
const feed = createFeed({ room, link, onStatus: draw, onEvent });

function onEvent(event) {
  fold(store, event, performance.now());
  draw();
}

function draw() {
  const nowMs = performance.now();
  const model = compact(buildModel(store, feed.status, ui, nowMs));
  const isShown = view !== "overlay" || !model.live || model.hello.capabilities?.includes("shares_class");
  write(isShown ? model : withheld(model));
  document.title = shown(pageTitle(model));
  const news = announcement(announced, model, nowMs);
  if (news) $("status").textContent = news.startsWith("#") ? model.small.words : news;
}

feed.start();
keepAwake(store, feed, draw);
