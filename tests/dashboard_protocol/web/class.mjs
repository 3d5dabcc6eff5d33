/** Events for the tests of the pure modules, shaped as the gateway sends them. */

export const LEVELS = [["very low", 0], ["low", 0.3], ["high", 0.55], ["very high", 0.9]].map(([name, from]) => ({ name, means: name, from }));

export const hello = (profile = "aggregate") => ({
  type: "hello", at: 1000, seq: 0, epoch: 1, title: "Biology 101", bot_name: "Pulse", formula: "classpulse-engagement/2", levels: LEVELS,
  policy: { profile, computed: "c", leaves: "l", never: "n", opting_out: "o", k: 5, rounding_points: 5, window_s: 10, freeze_s: 10 },
  alerts: profile === "presence" ? null : { min_people: 8, warm_up_s: 300 },
});

export const summary = (at, mean = 0.8, more = {}) => ({
  type: "class_summary", at, present: 28, camera_on: 24, visible: 22, facing: null, analysed: 20, coverage: 0.85,
  engagement: mean === null ? null : { mean, q1: mean - 0.1, q3: mean + 0.1, levels: [0.1, 0.2, 0.45, 0.25], level: 2 },
  expressions: mean === null ? null : { angry: 0, disgust: 0, fear: 0, happy: 0.1, sad: 0.1, surprise: 0.1, neutral: 0.6, unclear: 0.1 },
  valence: 0, arousal: 0, attentive: mean === null ? null : mean, withheld: mean === null ? "below_k" : null, as_of: at, ...more,
});

export const state = (name, at, more = {}) => ({ type: "bot_state", at, state: name, since: at, reason: null, attempts: 0, ...more });

export const alert = (at, id = "a1") => ({ type: "alert", at, id, kind: "fall", from: 0.8, to: 0.6, window: { start: at - 180, end: at }, people: 20, why: "facing" });

export const mark = (at, id = "m1", kind = "slide", text = "") => ({ type: "mark", at, id, kind, text });

export const person = (name, at, more = {}) => ({ type: "participant", at, participant: name, name, level: 2, facing: true, displayed: "neutral", unmeasurable: null, since: at, ...more });

const COLUMNS = ["at", "mean", "q1", "q3", "attentive", "present", "camera_on", "visible", "facing", "analysed"];
export const series = (rows = []) => Object.fromEntries(COLUMNS.map((name) => [name, rows.map((row) => row[name] ?? null)]));

export const snapshot = (at, more = {}) => ({ type: "snapshot", at, bot_state: state("live", at - 60), live_since: at - 60, summary: null, series: series(), participants: [], alerts: [], bye: null, ...more });
