/** The share page: publishes the window of somebody else's meeting, and shows who is found in it and who is left out. */

import { Refused, Stay } from "./whip.js";
import { load, say as said } from "./words.js";

const WINDOW = {
  video: { width: { ideal: 1920 }, height: { ideal: 1080 }, frameRate: { ideal: 8, max: 10 } },
  audio: false, selfBrowserSurface: "exclude", surfaceSwitching: "include", monitorTypeSurfaces: "exclude",
};
const LOOK_MS = 500;
const STALE_MS = 3000;
const ASK_AGAIN_MS = 5000;
const RECONNECT_MS = [500, 1000, 2000, 4000];
const RECONNECT_AT_MOST_MS = 120_000;

const { lang } = document.documentElement;
load(await (await fetch(`../join-assets/text.${lang}.json`)).json());

const $ = (id) => document.getElementById(id);
const room = decodeURIComponent(location.pathname.split("/").pop());
let link = readLink();
let media = null;
let stay = null;
let seen = null;
let seenAt = 0;

/** The instructor's link leaves the address bar at once; a reload of this tab finds it again. */
function readLink() {
  const kept = `classpulse share ${room}`;
  const given = new URLSearchParams(location.hash.slice(1)).get("t");
  if (given) sessionStorage.setItem(kept, given);
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  return sessionStorage.getItem(kept);
}

function say(status, trouble = "") {
  if ($("status").textContent !== status) $("status").textContent = status;
  if ($("trouble").textContent !== trouble) $("trouble").textContent = trouble;
}

/** States: apart (nothing is shared), connecting, shared, reconnecting. */
function enter(state) {
  document.body.dataset.state = state;
  const isApart = state === "apart";
  for (const element of document.querySelectorAll(".before")) element.hidden = !isApart;
  $("proof").hidden = !isApart || link !== null;
  $("share").hidden = !isApart;
  $("stop").hidden = isApart;
  for (const id of ["stage", "key"]) $(id).hidden = isApart;
  if (state !== "shared") for (const id of ["ask", "doubt"]) $(id).hidden = true;
  if (isApart) {
    $("tiles").replaceChildren();
    seen = null;
  }
}

async function readNotice() {
  let info;
  try {
    info = await (await fetch(`../join/${encodeURIComponent(room)}/info.json?lang=${lang}`)).json();
  } catch {
    $("presence").textContent = said("notice.unanswered");
    return false;
  }
  document.title = said("sharing.page_title", { title: info.title });
  $("room").textContent = said("sharing.title_with", { title: info.title });
  $("bot").textContent = info.bot;
  $("presence").textContent = info.is_open ? said("notice.is_here") : said("notice.is_away");
  $("summary").textContent = info.summary;
  $("words").textContent = forTheClass(info);
  $("more").hidden = info.points.length === 0;
  $("points").replaceChildren(...info.points.flatMap(({ heading, text }) => [entry("dt", heading), entry("dd", text)]));
  $("share").disabled = Boolean(info.gallery_obstacle);
  if (document.body.dataset.state === "apart" && info.gallery_obstacle) say("", info.gallery_obstacle);
  return info.is_open;
}

/** What the instructor says to the people in the meeting, who cannot see the bot. */
function forTheClass({ bot, profile }) {
  const privacy = new URL(`../privacy/${encodeURIComponent(room)}`, location.href.split("#")[0]);
  const isReachable = !["127.0.0.1", "localhost", "[::1]"].includes(location.hostname);
  const where = isReachable ? [said("sharing.words_at", { address: privacy })] : [];
  return [said("sharing.words", { bot, profile }), ...where, said("sharing.words_out")].join(" ");
}

function entry(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}

async function follow() {
  if (!(await readNotice())) setTimeout(follow, ASK_AGAIN_MS);
}

function whipUrl() {
  const url = new URL(`../whip/${encodeURIComponent(room)}`, location.href.split("#")[0]);
  url.search = new URLSearchParams({ as: "gallery", ask: "1", informed: "1" });
  return url;
}

async function share() {
  link ??= $("link").value.trim().split("#t=").pop() || null;
  if (!link) return say("", said("sharing.not_theirs"));
  if (!$("informed").checked) return say("", said("sharing.not_informed"));
  if (!navigator.mediaDevices?.getDisplayMedia) return say("", said("sharing.unsupported"));
  say(said("sharing.picking"));
  try {
    media = await navigator.mediaDevices.getDisplayMedia(WINDOW);
  } catch {
    return say("", said("sharing.denied"));
  }
  const [track] = media.getVideoTracks();
  track.contentHint = "detail";
  track.addEventListener("ended", stop);
  $("preview").srcObject = media;
  enter("connecting");
  say(said("sharing.connecting"));
  try {
    await connect();
  } catch (error) {
    return end(explain(error));
  }
  $("stop").focus();
}

/** Publish what is shared already; throws where the room does not take it. */
async function connect() {
  const mine = new Stay(link, () => reconnect(mine));
  try {
    await mine.show(media.getVideoTracks()[0]);
    await mine.join(whipUrl(), null, null);
    await mine.sharpen();
  } catch (error) {
    mine.leave();
    throw error;
  }
  if (!media) return mine.leave();
  stay = mine;
  enter("shared");
  look(mine);
}

/** The window is still shared with this page: bring it back to the bot, unless another one took its place. */
async function reconnect(lost) {
  if (stay !== lost) return;
  stay = null;
  if ((await lost.people()).status === 410) return end(said("sharing.replaced"));
  if (!media) return;
  enter("reconnecting");
  say(said("sharing.reconnecting"));
  const givesUpAt = performance.now() + RECONNECT_AT_MOST_MS;
  for (let tries = 0; media; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, RECONNECT_MS[Math.min(tries, RECONNECT_MS.length - 1)]));
    if (!media) return;
    try {
      return await connect();
    } catch (error) {
      const isFinal = error instanceof Refused && [400, 401, 403, 409, 415, 422].includes(error.status);
      if (isFinal) return end(explain(error));
      if (performance.now() > givesUpAt) return end(said("sharing.lost"));
    }
  }
}

/** Ask again and again who is found. */
async function look(mine) {
  while (stay === mine) {
    const { status, people } = await mine.people();
    if (stay !== mine) return;
    if (status === 410) return end(said("sharing.replaced"));
    if (people) show(people);
    $("stage").classList.toggle("stale", performance.now() - seenAt > STALE_MS);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function show(people) {
  seenAt = performance.now();
  if (!people.tiles) return;
  seen = people;
  const of = (reading) => people.tiles.filter((tile) => tile.reading === reading).length;
  const isAsking = !people.has_begun;
  $("ask").hidden = !isAsking || !people.tiles.length;
  $("begin").textContent = of("left_out") ? said("sharing.begin_others") : said("sharing.begin");
  $("doubt").hidden = isAsking || !of("doubted");
  const lost = people.lost ? [said("sharing.doubted_lost", { who: people.lost })] : [];
  $("doubt-text").textContent = [said("sharing.doubted", { n: of("doubted") }), ...lost, said("sharing.look_alike")].join(" ");
  draw(people.tiles);
  if (people.state === "too_small") {
    say(said("sharing.too_small", { size: people.obstacle.match(/\d+x\d+/)?.[0] ?? "" }));
  } else if (people.state === "unreadable") say(said("sharing.unreadable", { what: people.obstacle }));
  else if (people.state === "frozen") say(said("sharing.frozen"));
  else if (people.state === "connecting") say(said("sharing.connecting"));
  else if (isAsking) say(said("sharing.asking"));
  else say(said("sharing.being_read", { n: of("read"), out: of("left_out") }));
}

/** Keep the button of each tile, so that focus stays where it was. */
function draw(tiles) {
  const known = new Map([...$("tiles").children].map((button) => [button.dataset.id, button]));
  for (const { id, box, reading } of tiles) {
    const button = known.get(id) ?? newTile(id);
    known.delete(id);
    const [left, top, width, height] = box.map((side) => `${100 * side}%`);
    Object.assign(button.style, { left, top, width, height });
    button.dataset.reading = reading;
    button.setAttribute("aria-pressed", String(reading === "left_out"));
    const number = id.slice(1);
    const word = said(`sharing.reading.${reading}`);
    button.firstChild.textContent = `${number} · ${word}`;
    button.setAttribute("aria-label", said("sharing.tile", { number, reading: word }));
  }
  for (const gone of known.values()) gone.remove();
}

function newTile(id) {
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.id = id;
  button.append(document.createElement("span"));
  button.addEventListener("click", () => decide({ [button.dataset.reading === "left_out" ? "read" : "leave_out"]: [id] }));
  $("tiles").append(button);
  return button;
}

async function decide(decision) {
  const mine = stay;
  if (!mine) return;
  const { people } = await mine.people(decision);
  if (stay !== mine) return;
  if (people) show(people);
  $("trouble").textContent = people ? "" : said("sharing.not_decided");
}

function end(trouble = "") {
  const goodbye = stay?.leave();
  stay = null;
  for (const track of media?.getTracks() ?? []) track.stop();
  media = null;
  $("preview").srcObject = null;
  enter("apart");
  say(trouble ? "" : said("sharing.ended"), trouble);
  follow();
  return goodbye;
}

async function stop() {
  if (!media) return;
  await end();
  $("share").focus();
}

function explain(error) {
  if (error instanceof Refused) {
    if (error.status === 401) {
      link = null;
      sessionStorage.removeItem(`classpulse share ${room}`);
      return said("sharing.not_theirs");
    }
    if (error.status === 404) return said("join.no_room");
    return error.message || said("join.no_answer");
  }
  return said("join.no_answer");
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (document.body.dataset.state === "apart") share();
});
$("stop").addEventListener("click", stop);
$("begin").addEventListener("click", () => decide({ begin: true }));
$("none").addEventListener("click", () => {
  decide({ read: seen.tiles.filter((tile) => tile.reading === "doubted").map((tile) => tile.id) });
});
$("copy").addEventListener("click", async () => {
  await navigator.clipboard.writeText($("words").textContent);
  say(said("sharing.copied"));
});
addEventListener("pagehide", () => stay?.leave());
addEventListener("pageshow", (event) => event.persisted && media && end());
enter("apart");
follow();
