/** Every sentence of the page. Pure; no-break spaces between number and unit. */

const NB = "\u00a0";
export const DASH = "–";
const time = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const timeS = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const list = new Intl.PluralRules("en");

export const clock = (at) => time.format(at * 1000);
export const clockS = (at) => timeS.format(at * 1000);
const plural = (n, one, many) => (list.select(n) === "one" ? one : many);
const unit = (n, word) => `${n}${NB}${word}`;
const points = (n) => unit(n, plural(n, "point", "points"));
export const people = (n) => unit(n, plural(n, "person", "people"));
const times = (n) => (n === 1 ? "once" : n === 2 ? "twice" : unit(n, "times"));
const capital = (word) => word.charAt(0).toUpperCase() + word.slice(1);

/** Length of time: `38 s`, `4 min`, `1 h 12 min`; `exact` keeps seconds up to an hour. */
export function span(s, exact = false) {
  const whole = Math.max(0, Math.floor(s));
  if (whole < 60) return unit(whole, "s");
  const minutes = Math.floor(whole / 60);
  if (exact && minutes < 60) return unit(minutes, "min") + (whole % 60 ? ` ${unit(whole % 60, "s")}` : "");
  if (minutes < 60) return unit(minutes, "min");
  return unit(Math.floor(minutes / 60), "h") + (minutes % 60 ? ` ${unit(minutes % 60, "min")}` : "");
}

const missing = (value) => (value ?? NaN) !== value; // also of NaN, which differs from itself

/** A share as it is shown; the ends are open because class values arrive rounded. */
export function percent(share) {
  if (missing(share)) return DASH;
  const whole = Math.round(share * 100);
  if (whole === 0) return `<${NB}5%`;
  return whole === 100 ? `>${NB}95%` : `${whole}%`;
}

export const index = (share) => (missing(share) ? DASH : `${Math.round(share * 100)}`);
export const count = (n) => (missing(n) ? DASH : `${n}`);

export const signed = (value) => (missing(value) ? DASH : value.toFixed(2).replace("-", "−"));

export const levelName = (level) => capital(level.name);
export const meterLabel = (levels, level) => (level === null ? "level not known" : `level ${levels[level].name}, ${level + 1} of ${levels.length}`);

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
export const policyName = (profile) => `Policy: ${profile}`;

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
export const asOf = (at, s) => `as of ${clockS(at)}` + (s === undefined ? "" : `, ${span(s)} ago`);
const silence = (s) => `No new values for ${span(s)}`;
export const lastValue = (value, at) => `last ${value} at ${clockS(at)}`;
export const WITHHELD = "Withheld";
export const belowK = (analysed, k) => `${people(analysed)} analysed, ${k} are needed`;
const ORDINAL = ["", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];
export const returns = ({ k, freeze_s }) => `Values return by themselves ${unit(freeze_s, "s")} after a ${ORDINAL[k] ?? `${k}th`} person is analysed.`;

export function ground(summary) {
  const analysed = `${count(summary.analysed)} of ${people(summary.present)} analysed`;
  return summary.coverage === null ? analysed : `${analysed} · coverage ${percent(summary.coverage)}`;
}

const WHY = {
  facing: { fall: "looking away from the screen", rise: "facing the screen" },
  gaze: { fall: "gaze away from the screen", rise: "gaze on the screen" },
  eyes: { fall: "closed eyes", rise: "open eyes" },
  activity: { fall: "less movement in the faces", rise: "more movement in the faces" },
};

export function alertTitle(alert) {
  const by = Math.abs(Math.round(alert.to * 100) - Math.round(alert.from * 100));
  const minutes = Math.max(1, Math.round((alert.window.end - alert.window.start) / 60));
  return `Index ${alert.kind === "fall" ? "down" : "up"} ${points(by)} in ${unit(minutes, "min")}`;
}

export function alertGround(alert, spoken = false) {
  const values = spoken ? `From ${index(alert.from)} to ${index(alert.to)}` : `${index(alert.from)} → ${index(alert.to)}`;
  const { start, end } = alert.window;
  return `${values}, ${people(alert.people)} measured, ${clock(start)} to ${clock(end)}. Largest part: ${WHY[alert.why][alert.kind]}.`;
}

export const ago = (s) => `${span(s)} ago`;
export const since = (at) => `since ${clockS(at)}`;
export const calm = {
  none: `None in the last ${unit(10, "min")}`,
  last: (at) => `None open; last one ${clock(at)}`,
  few: (n) => `Alerts need ${people(n)} analysed`,
  early: (at) => `Alerts start at ${clock(at)}`,
};

export const trouble = {
  interrupted: (at, nextS) => ({
    title: "The live feed is interrupted",
    ground: (at === null ? "" : `Values on this page are from ${clockS(at)}. `) + (nextS > 0 ? `Next try in ${unit(nextS, "s")}.` : "Trying now."),
  }),
  silent: (at, s) => ({ title: silence(s), ground: `Values on this page are from ${clockS(at)}. The connection stands.` }),
  reconnecting: (attempts) => ({
    title: "The bot is rejoining the meeting",
    ground: "Nothing is measured until it is back." + (attempts > 0 ? ` It has tried ${times(attempts)}.` : ""),
  }),
};
export const policyChanged = ({ profile, leaves }) => ({ title: `The policy is now ${profile}`, ground: `Leaves the bot: ${leaves}` });

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

const PROFILE = {
  presence: () => "Counts only; no expressions, no attention, no names.",
  aggregate: ({ k }) => `Class values only, from ${k} people up; no names.`,
  individual: ({ k }) => `Class values from ${k} people up, and values of people who opted in themselves.`,
};
export const policySentence = (policy) => `Policy: ${policy.profile}. ${PROFILE[policy.profile](policy)}`;
export const POLICY_ROWS = [["Computed", "computed"], ["Leaves the bot", "leaves"], ["Never", "never"], ["Opting out", "opting_out"]];
export const FORMULA = "facing the screen, gaze and open eyes; a small part for movement in the face";

export const gapName = (cause) => ["", "feed interrupted", "bot rejoining", "withheld"][cause];
export const notes = {
  shares: "shares from 10 people",
  levels: "People in each level.",
  expressions: `Bar: now. Tick: ${unit(5, "min")} ago. Rounded to 5 points.`,
  withheld: (k) => `Withheld while fewer than ${k} people are analysed.`,
  stood: (at) => `Values of ${clockS(at)}.`,
};

/** The reading cursor's line: time, then what was measured, of how many. */
export function reading(at, row) {
  const spread = Number.isNaN(row.q1) ? "" : ` (${index(row.q1)}–${index(row.q3)})`;
  return [clockS(at), ` index ${index(row.mean)}${spread} · attentive ${percent(row.attentive)} · ${count(row.analysed)} of ${count(row.present)} analysed`];
}

export function readingCounts(at, row) {
  return [clockS(at), ` ${count(row.present)} present · ${count(row.camera_on)} camera on · ${count(row.visible)} in view · ${count(row.facing)} facing`];
}

/** What a chart tells those who do not see it; rewritten every 30 s. */
export function chartText(row, then) {
  return `Now index ${index(row.mean)}, attentive ${percent(row.attentive)}, ${count(row.analysed)} of ${count(row.present)} people analysed. ` +
    `5 minutes ago index ${index(then.mean)}, attentive ${percent(then.attentive)}. All values lists every number.`;
}

export const countsText = (row) => `Now ${readingCounts(0, row)[1].trim()}. All values lists every number.`;

const REASON = {
  camera_off: () => "camera off",
  not_in_view: (s) => `face not in view for ${span(s)}`,
  too_small: () => "face too small",
  codec: () => "video format not readable",
  engine_away: () => "reader not available",
  starting: () => "just started",
};
export const NOT_MEASURABLE = "Not measurable";
export const reason = (cause, s) => REASON[cause](s);
export const facing = (is) => (is === null ? DASH : is ? "facing the screen" : "looking away");
export const displayed = (name) => `displayed: ${name === null || name === "unclear" ? "unclear" : EXPRESSION[name].toLowerCase()}`;
export const optedIn = (n) => `${people(n)} who opted in`;
export const others = (n) => (n > 0 ? `${n} more ${plural(n, "is", "are")} counted in the class values only` : "");

export const footer = (presence) => (presence ? "Counts only. Not for grading or discipline." : "A displayed expression is what a face shows, nothing more. Not for grading or discipline.");
export const STEPS = [["requested", "Bot requested"], ["joining", "Joining the meeting"], ["waiting", "Let in by the host"], ["live", "Reading faces"]];

const END = {
  asked_to_leave: (at) => `The bot was asked to leave at ${at}. It has left.`,
  room_closed: (at) => `The room was closed at ${at}. The bot has left.`,
  kicked: (at) => `The bot was removed from the meeting at ${at}.`,
  refused: (at) => `The meeting refused the bot at ${at}.`,
  unreachable: (at) => `The meeting could not be reached; the bot gave up at ${at}.`,
  alone: (at) => `Everyone else had left by ${at}. The bot has left.`,
  max_duration: (at) => `The longest stay that was set ended at ${at}. The bot has left.`,
  opted_out: (at) => `The class was opted out at ${at}. The bot has left.`,
  worker_lost: (at) => `Measuring stopped at ${at}: the machine that ran the bot was lost.`,
  failed: (at) => `Measuring stopped at ${at}: the bot failed.`,
};

/** The one-column states: {title, lead[], steps, facts, action, note}. */
export function column(state, { hello, bot, bye, byeAt, now }) {
  const name = hello ? `“${hello.bot_name}”` : "";
  switch (state) {
    case "connecting": return { title: "Connecting to the class", lead: ["This page follows by itself."] };
    case "requested": return { title: "Waiting for the bot", lead: ["It was asked to join and no worker has taken it yet. This page follows by itself."], steps: true };
    case "joining": return { title: "The bot is joining", lead: [`It will appear in the meeting as ${name}.`], steps: true };
    case "lobby": return { title: "The bot is in the lobby", lead: [`Let ${name} in from your meeting's participant list.`, `In the lobby since ${clock(bot.since)}, ${span(now - bot.since, true)}.`] };
    case "not_open": return { title: "The room is not open yet", lead: ["The bot joins by itself when it opens.", `Last tried ${clock(bot.since)}.`] };
    case "ended": return ended(bot, bye, byeAt);
    case "outdated": return { title: "This page is older than its feed", lead: ["Reload it to get the version that fits."], action: { kind: "reload", label: "Reload" } };
    default: return {
      title: "This link does not open this class",
      lead: ["It may have expired (links last until the class ends, 12\u00a0h at most), been revoked, or been copied in part.", "Ask the person who invited the bot for a new link."],
      action: { kind: "again", label: "Try again" },
    };
  }
}

function ended(bot, bye, byeAt) {
  const why = END[bye?.reason ?? bot?.reason]?.(clock(byeAt ?? bot.since)) ?? "The bot has left.";
  const facts = bye ? [["Live", span(bye.live_s)], ["Present at most", `${bye.present_max}`], ["Alerts", `${bye.alerts}`]] : [];
  return { title: "The class has ended", lead: [why], facts, action: bye?.report ? { kind: "report", label: "Open the report", href: bye.report } : null };
}

export const pageTitle = (model) => {
  const { hello, live, state, alertOpen } = model;
  if (!hello) return "classpulse";
  const value = live && state === "live" && model.hero?.number ? `${model.hero.word} ${model.hero.number}` : BAR[state] ?? "";
  return `${alertOpen ? "• " : ""}${value} · ${hello.title}`;
};

/** The first row in one breath, for `S`. */
export const spokenRow = (model) => model.presence
  ? model.counts.map(({ label, value, of, trend: told }) => `${label} ${value}${of ? ` ${of}` : ""}, ${told}.`).join(" ")
  : `Engagement index ${model.hero.word} ${model.hero.number}, ${model.hero.trend.text}. Attentive ${model.attentive.word}, ${model.attentive.trend.text}. ${model.hero.ground}`;
export const spokenLevel = (word) => `Engagement index now ${word}`;
