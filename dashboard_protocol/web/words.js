/** Every sentence of the page. Pure; no-break spaces between number and unit. */

const NB = "\u00a0";
export const DASH = "–";
export const NAME = "classpulse";
const missing = (value) => (value ?? NaN) !== value; // also of NaN, which differs from itself

/** Time of day in the reader's zone; empty where there is none. */
function clockWith(shape) {
  const format = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...shape });
  return (at) => (missing(at) ? "" : format.format(at * 1000));
}
export const clock = clockWith();
export const clockS = clockWith({ second: "2-digit" });
const unit = (n, word) => `${n}${NB}${word}`;
const many = (n, one, more = `${one}s`) => unit(n, n === 1 ? one : more);
export const points = (n) => many(n, "point");
export const people = (n) => (missing(n) ? "" : many(n, "person", "people"));

/** Length of time: `38 s`, `4 min`, `1 h 12 min`; `exact` with seconds up to an hour. */
function lasted(s, withSeconds) {
  if (missing(s)) return "";
  const seconds = Math.max(0, Math.floor(s));
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  if (minutes === 0) return unit(seconds, "s");
  const two = (n, word, rest, restWord) => unit(n, word) + (rest ? ` ${unit(rest, restWord)}` : "");
  return hours > 0 ? two(hours, "h", minutes % 60, "min") : two(minutes, "min", withSeconds && seconds % 60, "s");
}
export const span = (s) => lasted(s, false);
export const exactly = (s) => lasted(s, true);

/** A share with open ends; of `of` people one alone is not told. */
export function percent(share, { points: step }, of) {
  if (missing(share)) return DASH;
  const whole = Math.round(share * 100);
  if (whole === 0) return `<${NB}${of ? step * Math.floor(100 / of / step + 1) : step}%`;
  return whole === 100 ? `>${NB}${100 - step}%` : `${whole}%`;
}

export const length = (share) => `${Math.round((share || 0) * 1000) / 10}%`;
export const index = (share) => (missing(share) ? DASH : `${Math.round(share * 100)}`);
export const count = (n) => (missing(n) ? DASH : `${n}`);

export const signed = (value) => (missing(value) ? DASH : value.toFixed(2).replace("-", "−"));

export const levelName = ({ name }) => name[0].toUpperCase() + name.slice(1);
export const meterLabel = (levels, level = null) => (level === null ? "level not known" : `level ${levels[level].name}, ${level + 1} of ${levels.length}`);

export const EXPRESSION = {
  angry: "Anger", disgust: "Disgust", fear: "Fear", happy: "Happiness", sad: "Sadness", surprise: "Surprise", neutral: "Neutral",
  unclear: "Unclear",
};

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
  if (found.kind === "steady") return counts ? "steady" : found.s > 600 ? `steady for over ${unit(10, "min")}` : `steady for ${span(Math.max(60, found.s))}`;
  if (found.kind === "short") return `measured for ${span(found.s)}`;
  return "no comparison yet";
}

export const FIRST_VALUES = `first values in about ${unit(15, "s")}`;
export const SETTLING = `values return in about ${unit(10, "s")}`;
export const asOf = (at, s) => `as of ${clockS(at)}` + (s ? `, ${ago(s)}` : "");
export const lastValue = (value, at) => `last ${value} at ${clockS(at)}`;
export const WITHHELD = "Withheld";
export const UNMEASURABLE = "Not measurable";
export const UNHEARD = "who asks not to be read cannot be heard";
export const belowK = (k) => `Fewer than ${people(k)} analysed`;
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

export function alert(raised) {
  const { kind, from, to, people: n, why, window: { start, end } } = raised;
  const rest = `, ${people(n)} measured, ${clock(start)} to ${clock(end)}. Largest part: ${WHY[why][kind]}.`;
  return { title: alertTitle(raised), ground: `${index(from)} → ${index(to)}${rest}`, spoken: `From ${index(from)} to ${index(to)}${rest}` };
}

export const ago = (s) => `${span(s)} ago`;
export const nextTry = (s) => (s === null ? "It comes back by itself." : s > 0 ? `Next try in ${unit(s, "s")}.` : "Trying now.");
export const tried = (attempts) => (attempts > 0 ? `It has tried ${{ 1: "once", 2: "twice" }[attempts] ?? unit(attempts, "times")}.` : "");

export const policyChanged = ({ profile, leaves }) => `The policy is now ${profile}. Leaves the bot: ${leaves}`;

const CHANGE = {
  alert: ({ alert: raised }) => alertTitle(raised),
  feed: ({ s }) => `Feed interrupted for ${span(s)}`,
  rejoined: ({ s }) => `Bot away for ${span(s)}`,
  policy: ({ profile }) => `Policy changed to ${profile}`,
  withheld: ({ by }) => (by > 0 ? "Withheld: too few people analysed" : "Values returned"),
  opted_out: ({ by }) => `${people(by)} opted out within a minute`,
  present: ({ by }) => `${people(Math.abs(by))} ${by > 0 ? "joined" : "left"}`,
  camera_on: ({ by }) => `${many(Math.abs(by), "camera")} went ${by > 0 ? "on" : "off"}`,
};
export const change = (entry) => CHANGE[entry.kind](entry);

const LINE = { visible: "face in view", camera_on: "camera on" };
export const lineLabel = (column, value, model) => (column === "attentive" ? percent(value, model) + (model.tail ? "" : " now") : `${count(value)} ${LINE[column] ?? column}`);

export function chartNote(title, narrow) {
  if (title === "Attentive") return `% of people analysed${narrow ? "" : ", facing the screen with gaze on it"}`;
  return title === "People" ? "solid: analysed · dashed: present" : "";
}

export const gapName = (cause) => ["", "feed interrupted", "bot rejoining", "withheld"][cause];
export const REASON = {
  camera_off: "camera off", too_small: "face too small", codec: "video format not readable", engine_away: "reader not available",
  starting: "just started", wishes_unreachable: "no pictures are taken",
};
export const reason = (cause, s) => REASON[cause] ?? `face not in view for ${span(s)}`;
export const facing = (is) => (is === null ? DASH : is ? "facing the screen" : "looking away");
export const displayed = (name) => `displayed: ${EXPRESSION[name]?.toLowerCase() ?? DASH}`;
export const others = (n) => (n > 0 ? `${n} more ${n === 1 ? "is" : "are"} counted in the class values only` : "");

export function pageTitle({ hello, state, slot, hero }) {
  if (!hello) return NAME;
  const value = state === "live" && hero?.number ? `${hero.word} ${hero.number}` : BAR[state];
  return `${slot?.kind === "alert" ? "• " : ""}${value} · ${hello.title}`;
}

export const spokenLevel = (word) => `Engagement index now ${word}`;

const OBEYED = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;

/** Text from outside without what turns it around or hides in it, as `plain_text.py` has it. */
export const shown = (text) => (typeof text === "string" ? text.replace(OBEYED, "\ufffd") : text);
