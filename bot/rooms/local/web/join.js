/** The join page: reads the notice to a person, shows their own picture, and brings it into the room. */

import { Refused, Stay } from "./whip.js";

const CAMERA = { video: { width: 640, height: 360, frameRate: 15 } };
const ASK_AGAIN_MS = 5000;
/** As the policy's own words have it. */
const PRIVACY_PAGE = "privacy page of this room";

const words = {
  here: "is in this room.",
  away: "is not in this room now. This page follows by itself.",
  unanswered: "does not answer.",
  joining: "Joining …",
  joined: "You are in the room.",
  unread: "You are in the room. Your face is not read.",
  teaching: "You are in the room. You teach this class: you are neither read nor counted.",
  notTeaching: "This is not an instructor's link of this class, so you are still a part of it. Paste the whole link.",
  unseen: "You are in the room. Your camera is off.",
  unheard: "Your request did not reach the bot. Try again; leaving the room always works.",
  left: "You have left the room.",
  lost: "The connection was lost. You are no longer in the room.",
  noCamera: "No camera was found. Connect one and try again.",
  denied: "The browser may not use the camera. Allow it in the address bar, then try again.",
  busy: "The camera cannot be opened. Close other programs that use it, then try again.",
  unplugged: "The camera stopped. Connect it and switch it on again.",
  badLink: "This link does not open this room: its token is missing, wrong or too old. Ask for a new invitation.",
  badConsent: "Your consent does not hold for this name in this room. Untick it to join without, or ask for a new one.",
  noRoom: "There is no such room here.",
  noAnswer: "The bot does not answer. It may have left; try again in a moment.",
};

const $ = (id) => document.getElementById(id);
const room = decodeURIComponent(location.pathname.split("/").pop());
const { token, consent } = readInvitation();
let camera = null;
let stay = null;
let isLeftOut = false;
let sharesClass = false;

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
    const answer = await fetch(`${room}/info.json`);
    if (!answer.ok) throw new Error(answer.status);
    info = await answer.json();
  } catch {
    $("presence").textContent = words.unanswered;
    return false;
  }
  $("room").textContent = info.title;
  document.title = `Join ${info.title} · classpulse`;
  $("bot").textContent = info.bot;
  $("presence").textContent = info.is_open ? words.here : words.away;
  $("summary").textContent = info.summary;
  $("more").hidden = info.points.length === 0;
  sharesClass = info.shares_class;
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
  const [before, after] = text.split(PRIVACY_PAGE);
  element.append(before);
  if (after !== undefined) element.append(Object.assign(document.createElement("a"), { href: $("privacy").href, textContent: PRIVACY_PAGE }), after);
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
  camera.addEventListener("ended", () => switchOff().then(() => say($("status").textContent, words.unplugged)));
  $("preview").srcObject = media;
  $("preview").parentElement.classList.add("sees");
  $("camera").textContent = "Camera off";
  await stay?.show(camera);
}

async function switchOff() {
  camera?.stop();
  camera = null;
  $("preview").srcObject = null;
  $("preview").parentElement.classList.remove("sees");
  $("camera").textContent = "Camera on";
  await stay?.show(null);
}

function whipUrl() {
  const url = new URL(`../whip/${encodeURIComponent(room)}`, location.href.split("#")[0]);
  if ($("individual").checked && !$("opt-out").checked) url.searchParams.set("individual", "1");
  return url;
}

function shownName() {
  const name = $("name").value.trim() || "Guest";
  return $("opt-out").checked ? `${name} #optout` : name;
}

async function join() {
  say(words.joining);
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
  say(inside(), isOne ? "" : words.notTeaching);
}

function inside() {
  if (isLeftOut) return words.teaching;
  if (!camera) return words.unseen;
  return $("opt-out").checked ? words.unread : words.joined;
}

/** During a stay the box is the person's word on this stay, and theirs alone. */
async function choose() {
  const wanted = !$("opt-out").checked;
  const isRead = await stay?.reading(wanted);
  if (!stay) return;
  $("opt-out").checked = isRead === null ? wanted : !isRead;
  say(inside(), isRead === wanted ? "" : words.unheard);
}

function lost() {
  stay = null;
  enter("apart");
  $("join").textContent = "Join again";
  say("", words.lost);
  follow();
}

async function leave() {
  const goodbye = stay?.leave();
  stay = null;
  await switchOff();
  await goodbye;
  enter("apart");
  $("join").textContent = "Join again";
  $("join").focus();
  say(words.left);
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
    if (error.status === 401) return words.badLink;
    if (error.status === 403) return words.badConsent;
    if (error.status === 404) return words.noRoom;
    return error.message || words.noAnswer;
  }
  if (error.name === "NotAllowedError") return words.denied;
  if (error.name === "NotFoundError" || error.name === "OverconstrainedError") return words.noCamera;
  if (error.name === "NotReadableError" || error.name === "AbortError") return words.busy;
  if (!navigator.mediaDevices) return words.denied;
  return words.noAnswer;
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
