/** The join page: reads the notice to a person, shows their own picture, and brings it into the room. */

import { Refused, Stay } from "./whip.js";
import { load, say as said } from "./words.js";

const CAMERA = { video: { width: 640, height: 360, frameRate: 15 } };
const ASK_AGAIN_MS = 5000;

const { lang } = document.documentElement;
load(await (await fetch(`../join-assets/text.${lang}.json`)).json());

const $ = (id) => document.getElementById(id);
const room = decodeURIComponent(location.pathname.split("/").pop());
const { token, consent } = readInvitation();
let camera = null;
let stay = null;
let isLeftOut = false;
let sharesClass = false;
let privacyPage = "";

/** The invitation's token and consent leave the address bar at once; a reload of this tab finds them again. */
function readInvitation() {
  const given = new URLSearchParams(location.hash.slice(1));
  const [token, consent] = ["t", "c"].map((name) => {
    const kept = `classpulse join ${room} ${name}`;
    if (given.has(name)) sessionStorage.setItem(kept, given.get(name));
    return sessionStorage.getItem(kept);
  });
  if (given.size) history.replaceState(null, "", location.pathname + location.search);
  return { token, consent };
}

/** Whose consent it is, to fill in the name; whether it holds is the room's to say. */
function nameOf(consent) {
  try {
    const claims = atob(consent.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"));
    return String(JSON.parse(new TextDecoder().decode(Uint8Array.from(claims, (c) => c.charCodeAt()))).name);
  } catch {
    return "";
  }
}

function say(status, trouble = "") {
  $("status").textContent = status;
  $("trouble").textContent = trouble;
}

/** States: apart (before joining, or after), joining, joined. */
function enter(state) {
  document.body.dataset.state = state;
  const isApart = state === "apart";
  $("join").hidden = state === "joined";
  $("leave").hidden = isApart;
  $("join").disabled = !isApart;
  $("camera").disabled = state === "joining";
  for (const id of ["name", "individual"]) $(id).disabled = !isApart;
  for (const id of ["opt-out", "teach", "teach-link"]) $(id).disabled = state === "joining";
  isLeftOut = isLeftOut && state === "joined";
  if (isApart) $("class").hidden = true;
}

async function readNotice() {
  let info;
  try {
    const answer = await fetch(`${room}/info.json?lang=${lang}`);
    if (!answer.ok) throw new Error(answer.status);
    info = await answer.json();
  } catch {
    $("presence").textContent = said("notice.unanswered");
    return false;
  }
  $("room").textContent = info.title;
  document.title = said("join.page_title", { title: info.title });
  $("bot").textContent = info.bot;
  $("presence").textContent = info.is_open ? said("notice.is_here") : said("notice.is_away");
  $("summary").textContent = info.summary;
  $("more").hidden = info.points.length === 0;
  sharesClass = info.shares_class;
  privacyPage = info.privacy_page;
  $("privacy").href = new URL(`../privacy/${encodeURIComponent(room)}`, location.href);
  $("points").replaceChildren(...info.points.flatMap(({ heading, text }) => [entry("dt", heading), entry("dd", text)]));
  if ($("individual-choice").hidden && info.offers_individual && consent) {
    $("name").value ||= nameOf(consent);
  }
  $("individual-choice").hidden = !info.offers_individual;
  return info.is_open;
}

/** An entry of what is computed; where it names the privacy page it leads there. */
function entry(tag, text) {
  const element = document.createElement(tag);
  const [before, after] = text.split(privacyPage);
  element.append(before);
  if (after !== undefined) element.append(Object.assign(document.createElement("a"), { href: $("privacy").href, textContent: privacyPage }), after);
  return element;
}

/** Where we see what our teacher sees, while we are in the room and where that is allowed. */
async function showClass() {
  const mine = stay;
  const page = sharesClass ? await mine?.classPage() : null;
  $("class").hidden = !page || stay !== mine;
  if (page) $("class-link").href = new URL(page, location.origin);
}

async function follow() {
  const isOpen = await readNotice();
  if (!isOpen) setTimeout(follow, ASK_AGAIN_MS);
}

async function switchOn() {
  const media = await navigator.mediaDevices.getUserMedia(CAMERA);
  camera = media.getVideoTracks()[0];
  camera.addEventListener("ended", () => switchOff().then(() => say($("status").textContent, said("join.unplugged"))));
  $("preview").srcObject = media;
  $("preview").parentElement.classList.add("sees");
  $("camera").textContent = said("join.camera_off");
  await stay?.show(camera);
}

async function switchOff() {
  camera?.stop();
  camera = null;
  $("preview").srcObject = null;
  $("preview").parentElement.classList.remove("sees");
  $("camera").textContent = said("join.camera_on");
  await stay?.show(null);
}

function whipUrl() {
  const url = new URL(`../whip/${encodeURIComponent(room)}`, location.href.split("#")[0]);
  if ($("individual").checked && !$("opt-out").checked) url.searchParams.set("individual", "1");
  return url;
}

function shownName() {
  const name = $("name").value.trim() || said("join.guest");
  return $("opt-out").checked ? `${name} #optout` : name;
}

async function join() {
  say(said("join.joining"));
  enter("joining");
  const mine = new Stay(token, lost);
  try {
    if (!camera) await switchOn();
    await mine.show(camera);
    await mine.join(whipUrl(), shownName(), $("individual").checked && !$("opt-out").checked ? consent : null);
  } catch (error) {
    mine.leave();
    enter("apart");
    say("", explain(error));
    return;
  }
  stay = mine;
  // Somebody of this name may have asked not to be read: that holds until they say otherwise.
  const isRead = await mine.reading();
  if (stay !== mine) return;
  if (isRead === false) $("opt-out").checked = true;
  enter("joined");
  $("leave").focus();
  say(inside());
  await teach();
  await showClass();
}

/** With a link that opens this class, whoever teaches it is no part of it, for this stay. */
async function teach() {
  for (const element of document.querySelectorAll(".teaches")) element.hidden = !$("teach").checked;
  const link = $("teach-link").value.trim().split("#t=").pop();
  if (!$("teach").checked || !stay || !link || isLeftOut) return;
  const mine = stay;
  const isOne = await mine.teach(link);
  if (stay !== mine) return;
  isLeftOut = isOne;
  for (const id of ["teach", "teach-link"]) $(id).disabled = isOne;
  if (!isOne) $("teach-link").value = "";
  say(inside(), isOne ? "" : said("join.not_teaching"));
}

function inside() {
  if (isLeftOut) return said("join.teaching");
  if (!camera) return said("join.unseen");
  return $("opt-out").checked ? said("join.unread") : said("join.joined");
}

/** During a stay the box is the person's word on this stay, and theirs alone. */
async function choose() {
  const wanted = !$("opt-out").checked;
  const isRead = await stay?.reading(wanted);
  if (!stay) return;
  $("opt-out").checked = isRead === null ? wanted : !isRead;
  say(inside(), isRead === wanted ? "" : said("join.unheard"));
}

function lost() {
  stay = null;
  enter("apart");
  $("join").textContent = said("join.again");
  say("", said("join.lost"));
  follow();
}

async function leave() {
  const goodbye = stay?.leave();
  stay = null;
  await switchOff();
  await goodbye;
  enter("apart");
  $("join").textContent = said("join.again");
  $("join").focus();
  say(said("join.left"));
}

async function toggle() {
  try {
    await (camera ? switchOff() : switchOn());
    if (stay) say(inside());
    else say("");
  } catch (error) {
    say($("status").textContent, explain(error));
  }
}

function explain(error) {
  if (error instanceof Refused) {
    if (error.status === 401) return said("join.bad_link");
    if (error.status === 403) return said("join.bad_consent");
    if (error.status === 404) return said("join.no_room");
    return error.message || said("join.no_answer");
  }
  if (error.name === "NotAllowedError") return said("join.denied");
  if (error.name === "NotFoundError" || error.name === "OverconstrainedError") return said("join.no_camera");
  if (error.name === "NotReadableError" || error.name === "AbortError") return said("join.busy");
  if (!navigator.mediaDevices) return said("join.denied");
  return said("join.no_answer");
}

$("form").addEventListener("submit", (event) => {
  event.preventDefault();
  if (document.body.dataset.state === "apart") join();
});
$("camera").addEventListener("click", toggle);
$("leave").addEventListener("click", leave);
$("opt-out").addEventListener("change", () => {
  if ($("opt-out").checked) $("individual").checked = false;
  if (stay) choose();
});
$("individual").addEventListener("change", () => {
  if ($("individual").checked) $("opt-out").checked = false;
});
for (const id of ["teach", "teach-link"]) $(id).addEventListener("change", teach);
addEventListener("pagehide", () => stay?.leave());
addEventListener("pageshow", (event) => event.persisted && stay && lost());
follow();
