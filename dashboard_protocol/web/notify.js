/** What is said outside of the page: its title, and for whoever chose it a notification of the desktop, a soft sound. */

import { $ } from "./bind.js";
import { bar, shown } from "./words.js";

const NAME = "classpulse";
const TITLE_MS = 10_000;
const GAIN = 0.04;
const TONE_HZ = 392;
const TONE_S = 0.35;

let audio = null;
let told = null;
let titledMs = -Infinity;

/** What a box of the menu chooses; a notification needs the browser's leave too, and is not chosen without it. */
export async function choose(box) {
  if (box.id === "notify" && box.checked) box.checked = (await globalThis.Notification?.requestPermission()) === "granted";
  if (box.id === "sound" && box.checked) sound();
}

/** Tell of an alert, once: where she looks at the page already, it speaks for itself. */
export function notify({ kind, title, ground, id } = {}) {
  if (kind !== "alert" || id === told) return;
  told = id;
  if ($("sound").checked) sound();
  if ($("notify").checked && document.hidden && globalThis.Notification?.permission === "granted") new Notification(title, { body: ground, tag: `${id}`, silent: true });
}

export function pageTitle({ hello, state, slot, hero }) {
  if (!hello) return NAME;
  const value = state === "live" && hero?.number ? `${hero.word} ${hero.number}` : bar(state);
  return `${slot?.kind === "alert" ? "• " : ""}${value} · ${hello.title}`;
}

/** Say in the title what the page says: a value at most every ten seconds, a state and an alert at once. */
export function retitle({ covered, model }, next, nowMs) {
  const soon = nowMs - titledMs < TITLE_MS && next.state === model?.state && next.slot?.kind === model.slot?.kind;
  const title = shown(pageTitle(covered ? {} : next));
  if (title === document.title || (soon && title !== NAME && document.title !== NAME)) return;
  titledMs = nowMs;
  document.title = title;
}

function sound() {
  audio ??= new AudioContext();
  const [tone, gain] = [audio.createOscillator(), audio.createGain()];
  const until = audio.currentTime + TONE_S;
  tone.frequency.value = TONE_HZ;
  gain.gain.setValueAtTime(GAIN, audio.currentTime);
  gain.gain.exponentialRampToValueAtTime(0.0001, until);
  tone.connect(gain).connect(audio.destination);
  tone.start();
  tone.stop(until);
}
