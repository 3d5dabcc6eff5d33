/** An alert outside of the page, for whoever chose it: a notification of the desktop, a soft sound. */

const GAIN = 0.04;
const TONE_HZ = 392;
const TONE_S = 0.35;

const isChosen = (name) => localStorage.getItem(`classpulse:${name}`) === "true";
let audio = null;

/** Remember a choice; a notification needs the browser's leave too, and is not chosen without it. */
export async function choose(name, box) {
  if (name === "notify" && box.checked) box.checked = (await globalThis.Notification?.requestPermission()) === "granted";
  localStorage.setItem(`classpulse:${name}`, box.checked);
  if (name === "sound" && box.checked) sound();
}

/** Tell of an alert: where she looks at the page already, it speaks for itself. */
export function notify({ title, ground, id }) {
  if (isChosen("sound")) sound();
  if (isChosen("notify") && document.hidden && globalThis.Notification?.permission === "granted") new Notification(title, { body: ground, tag: `${id}`, silent: true });
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
