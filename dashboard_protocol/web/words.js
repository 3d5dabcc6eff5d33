/** Every sentence of the page. Pure; no-break spaces between number and unit. */

const NB = "\u00a0";
export const DASH = "–";
const missing = (value) => (value ?? NaN) !== value; // also of NaN, which differs from itself

/** Time of day in the reader's zone; empty where there is none. */
function clockWith(shape) {
  const format = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...shape });
  return (at) => (missing(at) ? "" : format.format(at * 1000));
}
export const clock = clockWith();
export const clockS = clockWith({ second: "2-digit" });
const plural = (n, one, many) => (n === 1 ? one : many);
const unit = (n, word) => `${n}${NB}${word}`;
const points = (n) => unit(n, plural(n, "point", "points"));
export const people = (n) => (missing(n) ? "" : unit(n, plural(n, "person", "people")));
const times = (n) => (n === 1 ? "once" : n === 2 ? "twice" : unit(n, "times"));
const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);

/** Length of time: `38 s`, `4 min`, `1 h 12 min`; `exact` keeps seconds up to an hour. */
export function span(s, exact = false) {
  if (missing(s)) return "";
  const seconds = Math.max(0, Math.floor(s));
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  if (minutes === 0) return unit(seconds, "s");
  const two = (n, word, rest, restWord) => unit(n, word) + (rest ? ` ${unit(rest, restWord)}` : "");
  return hours > 0 ? two(hours, "h", minutes % 60, "min") : two(minutes, "min", exact && seconds % 60, "s");
}

/** A share as it is shown; the ends are open because class values arrive rounded. */
export function percent(share) {
  if (missing(share)) return DASH;
  const whole = Math.round(share * 100);
  if (whole === 0) return `<${NB}5%`;
  return whole === 100 ? `>${NB}95%` : `${whole}%`;
}

/** Length of a bar. */
export const length = (share) => `${Math.round((share || 0) * 1000) / 10}%`;
export const index = (share) => (missing(share) ? DASH : `${Math.round(share * 100)}`);
export const count = (n) => (missing(n) ? DASH : `${n}`);

export const signed = (value) => (missing(value) ? DASH : value.toFixed(2).replace("-", "−"));

export const levelName = (level) => capital(level.name);
export const meterLabel = (levels, level = null) => (level === null ? "level not known" : `level ${levels[level].name}, ${level + 1} of ${levels.length}`);

export const EXPRESSION = {
  angry: "Anger", disgust: "Disgust", fear: "Fear", happy: "Happiness", sad: "Sadness", surprise: "Surprise", neutral: "Neutral",
};

/** The bar's word for a state. */
export const BAR = {
  connecting: "Connecting", requested: "Waiting", joining: "Joining", lobby: "In the lobby", not_open: "Not open yet",
  live: "Live", leaving: "Leaving", interrupted: "Feed interrupted", silent: "No new values", reconnecting: "Bot rejoining",
  ended: "Ended", no_access: "No access", outdated: "Outdated",
};
export const paused = (at) => `Paused ${clock(at)}`;

export function trend(found, counts = false) {
  if (found.kind === "move") {
    const by = Math.abs(found.by);
    return `${found.by < 0 ? "down" : "up"} ${counts ? by : points(by)} in ${unit(5, "min")}`;
  }
  if (found.kind === "steady" && counts) return "steady";
  if (found.kind === "steady") return found.s > 600 ? `steady for over ${unit(10, "min")}` : `steady for ${span(Math.max(60, found.s))}`;
  if (found.kind === "short") return `measured for ${span(found.s)}`;
  return "no comparison yet";
}

export const FIRST_VALUES = `first values in about ${unit(15, "s")}`;
export const SETTLING = `values return in about ${unit(10, "s")}`;
export const asOf = (at, s) => `as of ${clockS(at)}` + (s ? `, ${ago(s)}` : "");
export const lastValue = (value, at) => `last ${value} at ${clockS(at)}`;
export const WITHHELD = "Withheld";
export const belowK = (analysed, k) => `${people(analysed)} analysed, ${k} are needed`;
const ORDINAL = ["", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];
export const returns = ({ k, freeze_s }) => `Values return by themselves ${unit(freeze_s, "s")} after a ${ORDINAL[k] ?? `${k}th`} person is analysed.`;

const WHY = {
  facing: { fall: "looking away from the screen", rise: "facing the screen" },
  gaze: { fall: "gaze away from the screen", rise: "gaze on the screen" },
  eyes: { fall: "closed eyes", rise: "open eyes" },
  activity: { fall: "less movement in the faces", rise: "more movement in the faces" },
};

export function alertTitle({ kind, from, to, window: { start, end } }) {
  const by = Math.abs(Math.round(to * 100) - Math.round(from * 100));
  const minutes = Math.max(1, Math.round((end - start) / 60));
  return `Index ${kind === "fall" ? "down" : "up"} ${points(by)} in ${unit(minutes, "min")}`;
}

/** An alert in its title, its ground, and the ground as it is spoken. */
export function alert(raised) {
  const { kind, from, to, people: n, why, window: { start, end } } = raised;
  const rest = `, ${people(n)} measured, ${clock(start)} to ${clock(end)}. Largest part: ${WHY[why][kind]}.`;
  return { title: alertTitle(raised), ground: `${index(from)} → ${index(to)}${rest}`, spoken: `From ${index(from)} to ${index(to)}${rest}` };
}

export const ago = (s) => `${span(s)} ago`;
export const nextTry = (s) => (s === null ? "It comes back by itself." : s > 0 ? `Next try in ${unit(s, "s")}.` : "Trying now.");
export const tried = (attempts) => (attempts > 0 ? `It has tried ${times(attempts)}.` : "");

export const policyChanged = ({ profile, leaves }) => `The policy is now ${profile}. Leaves the bot: ${leaves}`;

/** One line of Changes. */
export function change(entry) {
  const by = Math.abs(entry.by);
  switch (entry.kind) {
    case "alert": return alertTitle(entry.alert);
    case "feed": return `Feed interrupted for ${span(entry.s)}`;
    case "rejoined": return `Bot away for ${span(entry.s)}`;
    case "policy": return `Policy changed to ${entry.profile}`;
    case "withheld": return "Values withheld: too few people analysed";
    case "returned": return "Values returned";
    case "present": return `${people(by)} ${entry.by > 0 ? "joined" : "left"}`;
    case "camera_on": return `${unit(by, plural(by, "camera", "cameras"))} went ${entry.by > 0 ? "on" : "off"}`;
  }
}

const LINE = { analysed: "analysed", present: "present", facing: "facing", visible: "face in view", camera_on: "camera on" };
export const lineLabel = (column, value, fresh) => (column === "attentive" ? percent(value) + (fresh ? " now" : "") : `${count(value)} ${LINE[column]}`);

export function chartNote(title, narrow) {
  if (title === "Attentive") return `% of people analysed${narrow ? "" : ", facing the screen with gaze on it"}`;
  return title === "People" ? "solid: analysed · dashed: present" : "";
}

export const gapName = (cause) => ["", "feed interrupted", "bot rejoining", "withheld"][cause];
const REASON = {
  camera_off: () => "camera off",
  not_in_view: (s) => `face not in view for ${span(s)}`,
  too_small: () => "face too small",
  codec: () => "video format not readable",
  engine_away: () => "reader not available",
  starting: () => "just started",
};
export const reason = (cause, s) => REASON[cause](s);
export const facing = (is) => (is === null ? DASH : is ? "facing the screen" : "looking away");
export const displayed = (name) => `displayed: ${name === null || name === "unclear" ? "unclear" : EXPRESSION[name].toLowerCase()}`;
export const others = (n) => (n > 0 ? `${n} more ${plural(n, "is", "are")} counted in the class values only` : "");

export const exactly = (s) => span(s, true);

export function pageTitle({ hello, state, slot, hero }) {
  if (!hello) return "classpulse";
  const value = state === "live" && hero?.number ? `${hero.word} ${hero.number}` : BAR[state];
  return `${slot?.kind === "alert" ? "• " : ""}${value} · ${hello.title}`;
}

export const spokenLevel = (word) => `Engagement index now ${word}`;
