/** Numbers, times and grammar in words, in the language of the sentences that are loaded. Pure. */

export const DASH = "–";
const missing = (value) => (value ?? NaN) !== value; // also of NaN, which differs from itself

const texts = {};
let locale, plurals;

/** Take the sentences of a language, before anything is said: by name, `end.kicked`, as sentences.py has it. */
export function load(sentences) {
  locale = sentences.locale;
  plurals = new Intl.PluralRules(locale);
  flatten(sentences, "");
}

function flatten(group, above) {
  for (const [name, text] of Object.entries(group)) {
    if (typeof text === "string" || "other" in text) texts[above + name] = text;
    else flatten(text, `${above}${name}.`);
  }
}

/** A sentence with its places filled in; `n` chooses among plural forms. One that a newer bot asks for is empty. */
export function say(key, values = {}) {
  const found = texts[key] ?? "";
  const text = typeof found === "string" ? found : (found[plurals.select(values.n)] ?? found.other);
  return text.replace(/\{(\w+)\}/g, (_, place) => values[place]?.toLocaleString(locale));
}

/** Time of day in the reader's zone; empty where there is none. */
export function clockWith(shape) {
  let format;
  return (at) => (missing(at) ? "" : (format ??= new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", ...shape })).format(at * 1000));
}
export const clock = clockWith();
export const clockS = clockWith({ second: "2-digit" });
export const points = (n) => say("unit.point", { n });
export const people = (n) => (missing(n) ? "" : say("unit.person", { n }));

/** Length of time: `38 s`, `4 min`, `1 h 12 min`; `exact` with seconds up to an hour. */
function lasted(s, withSeconds) {
  if (missing(s)) return "";
  const seconds = Math.max(0, Math.floor(s));
  const [minutes, hours] = [Math.floor(seconds / 60), Math.floor(seconds / 3600)];
  if (minutes === 0) return say("unit.s", { n: seconds });
  const [larger, rest] = hours > 0 ? [say("unit.h", { n: hours }), minutes % 60] : [say("unit.min", { n: minutes }), withSeconds && seconds % 60];
  return rest ? say("unit.two", { larger, smaller: hours > 0 ? say("unit.min", { n: rest }) : say("unit.s", { n: rest }) }) : larger;
}
export const span = (s) => lasted(s, false);
export const exactly = (s) => lasted(s, true);

/** A share with open ends; of `of` people one alone is not counted. */
export function percent(share, { points: step }, of) {
  if (missing(share)) return DASH;
  const whole = Math.round(share * 100);
  if (whole === 0) return say("share.less", { n: of ? step * Math.floor(100 / of / step + 1) : step });
  return whole === 100 ? say("share.more", { n: 100 - step }) : say("share.exact", { n: whole });
}

export const length = (share) => `${Math.round((share || 0) * 1000) / 10}%`;
export const index = (share) => (missing(share) ? DASH : `${Math.round(share * 100)}`);
export const count = (n) => (missing(n) ? DASH : `${n}`);

export const signed = (value) => (missing(value) ? DASH : Number(value.toFixed(2)).toLocaleString(locale, { minimumFractionDigits: 2 }).replace(/\u200e?-/, "−"));

/** Levels come with English words; of one that is new they stand as they are. */
const key = ({ name }) => name.replace(" ", "_");
const levelWord = (level) => say(`level.${key(level)}`) || level.name;
export const levelMeans = (level) => say(`level_means.${key(level)}`) || level.means;
export const levelName = (level) => levelWord(level).replace(/./u, (letter) => letter.toUpperCase());
export const levelFrom = (level) => say("level_from", { means: levelMeans(level), index: index(level.from) });
export const policyMeans = ({ profile, k }) => say(`policy.means.${profile}`, { k });
export const meterLabel = (levels, level = null) => (level === null ? say("page.meter_unknown") : say("page.meter", { name: levelWord(levels[level]), n: level + 1, whole: levels.length }));

export const expression = (name) => say(`expression.${name}`);

export const bar = (state) => say(`state.${state}`);
export const paused = (at) => say("page.paused", { at: clock(at) });

export function trend(found, counts = false) {
  if (found.kind === "move") {
    const values = { by: counts ? Math.abs(found.by) : points(Math.abs(found.by)), span: span(300) };
    return found.by < 0 ? say("trend.down", values) : say("trend.up", values);
  }
  if (found.kind === "steady" && counts) return say("trend.steady");
  if (found.kind === "steady") return found.s > 600 ? say("trend.steady_over", { span: span(600) }) : say("trend.steady_for", { span: span(Math.max(60, found.s)) });
  return found.kind === "short" ? say("trend.short", { span: span(found.s) }) : say("trend.none");
}

export const asOf = (at, s) => (s ? say("value.as_of_ago", { at: clockS(at), ago: ago(s) }) : say("value.as_of", { at: clockS(at) }));
export const lastValue = (value, at) => say("value.last", { value, at: clockS(at) });
export const first = ({ window_s: w, freeze_s: s }) => say("value.first", { span: span(w / 2 + s) });
export const settling = ({ freeze_s: s }) => say("value.settling", { span: span(s) });
export const belowK = (k) => say("value.below_k", { people: people(k) });
export const returns = ({ k, freeze_s: n }) =>
  say("value.returns", { span: say("unit.s", { n }), nth: say(`ordinal.${k}`) || say("nth", { n: k }) });

export function alertTitle({ kind, from, to, window: { start, end } }) {
  const by = Math.abs(Math.round(to * 100) - Math.round(from * 100));
  const minutes = Math.max(1, Math.round((end - start) / 60));
  return say(`alert.title.${kind}`, { points: points(by), span: say("unit.min", { n: minutes }) });
}

export const ago = (s) => say("ago", { span: span(s) });
export const nextTry = (n) => (n === null ? say("page.by_itself") : n > 0 ? say("page.next_try", { span: say("unit.s", { n }) }) : say("page.trying"));

const times = (n) => (n === 1 ? say("trouble.once") : n === 2 ? say("trouble.twice") : say("unit.time", { n }));
export const tried = (n) => (n > 0 ? say("trouble.tried", { times: times(n) }) : "");

export function mark({ kind, text }) {
  const word = say(`mark.${kind}`) || say("mark.note");
  return text ? say("marked", { kind: word, text }) : word;
}

const CHANGE = {
  mark: ({ mark: set }) => mark(set),
  alert: ({ alert: raised }) => alertTitle(raised),
  feed: ({ s }) => say("change.feed", { span: span(s) }),
  rejoined: ({ s }) => say("change.rejoined", { span: span(s) }),
  policy: ({ profile }) => say("change.policy", { profile }),
  withheld: ({ by }) => (by > 0 ? say("change.withheld") : say("change.returned")),
  opted_out: ({ by }) => say("change.opted_out", { people: people(by) }),
  present: ({ by }) => (by > 0 ? say("change.joined", { people: people(by) }) : say("change.left", { people: people(-by) })),
  camera_on({ by: n }) {
    const cameras = say("unit.camera", { n: Math.abs(n) });
    return n > 0 ? say("change.cameras_on", { cameras }) : say("change.cameras_off", { cameras });
  },
};
export const change = (entry) => CHANGE[entry.kind](entry);

export function lineLabel(column, value, model) {
  if (column !== "attentive") return say(`end_label.${column}`, { n: count(value) });
  const share = percent(value, model);
  return model.tail ? share : say("page.share_now", { share });
}

export function chartNote(name, narrow) {
  if (name === "attentive") return narrow ? say("page.of_analysed") : say("page.of_analysed_long");
  return name === "people" ? say("page.dashes") : "";
}

const GAPS = ["", "feed", "bot", "withheld", "settling"];
export const gapName = (cause, { freeze_s: s }) => say(`gap.${GAPS[cause]}`, { span: span(s) });
export const reason = (cause, s) => say(`reason.${cause}`, { span: span(s) }) || say("reason.not_in_view", { span: span(s) });
export const facing = (is) => (is === null ? DASH : is ? say("page.facing") : say("page.looking_away"));
export const displayed = (name) => say("page.displayed", { name: name ? expression(name).toLowerCase() : DASH });
export const others = (n) => (n > 0 ? say("page.others", { n }) : "");

const OBEYED = /(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;

/** Text from outside without what turns it around or hides in it, as `plain_text.py` has it. */
export const shown = (text) => (typeof text === "string" ? text.replace(OBEYED, "\ufffd") : text);
