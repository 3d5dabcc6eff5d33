/**
 * classpulse events, protocol v1: what a gateway sends to a reader (`ToReader`), and what a reader may send
 * (`FromReader`). Made from the types by `python -m dashboard_protocol.schema`; change nothing here.
 */

/** The class index changed. */
export interface Alert {
  /** Reference value, rounded as the policy demands. */
  from: number;
  id: string;
  kind: "fall" | "rise";
  /** People measured, down to pairs. */
  people: number;
  to: number;
  type: "alert";
  /** The factor that moved most. */
  why: "facing" | "gaze" | "eyes" | "activity";
  window: Window;
}

/** An alert and when it was raised. */
export interface AlertAt {
  alert: Alert;
  at: number;
}

/** Parameters of the change detection in force (bot/ENGAGEMENT.md, section 5). */
export interface AlertParameters {
  block_s: number;
  limit: number;
  min_move: number;
  min_people: number;
  reference_s: number;
  /** Share of the analysed set that may change before the reference starts again. */
  reset_share: number;
  silence_s: number;
  slack: number;
  warm_up_s: number;
}

/** First message of a reader, within 5 s. */
export interface Authenticate {
  /** Most class summaries, and updates of one participant, a second; null for all. */
  rate_hz?: number | null;
  resume?: Resume | null;
  token: string;
  type: "authenticate";
  v: number;
}

/** The bot entered a state. */
export interface BotState {
  /** Tries made since the connection was lost, or since joining began. */
  attempts: number;
  /** Machine word: an end reason, `lobby`, `not_open`, or the cause of a reconnect. */
  reason: string | null;
  since: number;
  state: State;
  type: "bot_state";
}

/** Last event of an epoch. */
export interface Bye {
  alerts: number;
  live_s: number;
  present_max: number;
  reason: EndReason;
  /** Address of the report, where there is one. */
  report: string | null;
  type: "bye";
}

/** The class in one second. */
export interface ClassSummary {
  /** People whose index is not null, likewise; null under `presence`. */
  analysed: number | null;
  arousal: number | null;
  /** When the newest frame in this event was decoded; null before the first. */
  as_of: number | null;
  /** Share of the analysed. */
  attentive: number | null;
  camera_on: number;
  /** Mean facing-coverage of the analysed. */
  coverage: number | null;
  engagement: Engagement | null;
  /**
   * Share of the analysed people by displayed expression, of those for whom it could be read; counted in pairs, so
   * that one person alone is not counted and the shares need not add up to 1.
   */
  expressions: Partial<Record<"angry" | "disgust" | "fear" | "happy" | "sad" | "surprise" | "neutral" | "unclear", number>> | null;
  /** Why expressions, valence and arousal are null while faces are seen: `engine_away`; else null. */
  expressions_unmeasurable: Unmeasurable | null;
  /** Those of them facing the camera, likewise; only under `presence`. */
  facing: number | null;
  /** People in the room who opted out within the last minute; null below k of them. */
  opted_out: number | null;
  /** As the room shows everybody who is in it, exact; opting out changes nothing about it. So `camera_on`. */
  present: number;
  /** Faces read a second, all participants together, mean of 10 s. */
  reads_per_s: number;
  type: "class_summary";
  valence: number | null;
  /** People with a face in view, down to pairs; null while fewer than k are, or until the first have settled. */
  visible: number | null;
  /** Why the values above are null; null when they are not. */
  withheld: Withheld | null;
}

/** Why a bot's stay ended. */
export type EndReason = "asked_to_leave" | "room_closed" | "kicked" | "refused" | "unreachable" | "alone" | "max_duration" | "opted_out" | "worker_lost" | "failed";

/** Class values of the index; quartiles and level shares only from 10 analysed people. */
export interface Engagement {
  /** Level of the mean, with hysteresis. */
  level: number;
  /** Share of people at each level, lowest first. */
  levels: [number, number, number, number] | null;
  mean: number;
  q1: number | null;
  q3: number | null;
}

export interface Envelope {
  /** When the event was made. */
  at: number;
  /** Grows with every bot that serves the room, from 1; 0 only in the snapshot of a room that had no bot yet. */
  epoch: number;
  /** The seq sent before this one on this connection; absent from `hello` and `snapshot`. */
  prev?: number;
  room: string;
  /** Grows by one an event within room and epoch; `hello` and `snapshot` repeat the current one. */
  seq: number;
  /** Protocol version. */
  v: 1;
}

/** The gateway lost its event bus, or has it again; the connection stays, and no event is missed unsaid. */
export interface Feed {
  state: "interrupted" | "restored";
  type: "feed";
}

/** Readers drop everything they hold of this participant. */
export interface Forget {
  participant: string;
  type: "forget";
}

export type FromReader = Authenticate | Renew | SnapshotWanted | Rate;

/** First event on a connection: what this feed is. Consumes no seq. */
export interface Hello {
  /** null under `presence`. */
  alerts: AlertParameters | null;
  bot_name: string;
  capabilities: string[];
  formula: string;
  /** Four levels, lowest first. */
  levels: Level[];
  /** Which class this is: the same for every bot that serves it; links name it. Empty where nobody knows. */
  meeting: string;
  /** What `model` of a participant is; absent where nothing of that kind is shown, which is usual. */
  model?: LearnedModel | null;
  policy: PolicyMeaning;
  software: string;
  /** The room's name for people. */
  title: string;
  type: "hello";
}

/** A head that was trained on labels and speaks beside the index: what it is, and from whom it learnt. */
export interface LearnedModel {
  clips: number;
  name: string;
  people: number;
  /** The data in words. */
  trained_on: string;
}

/** One of the four levels of the engagement index, lowest first. */
export interface Level {
  /** Lower threshold of the index. */
  from: number;
  means: string;
  name: string;
}

/** The instructor, or a program of theirs, marked a moment of the class. It says nothing of anybody in it. */
export interface Mark {
  id: string;
  kind: "slide" | "question" | "exercise" | "break" | "note";
  /** As they typed it; empty for the word of its kind alone. */
  text: string;
  type: "mark";
}

/** A mark and when it was set. */
export interface MarkAt {
  at: number;
  mark: Mark;
}

/** One person who opted in; only under `individual`. */
export interface ParticipantUpdate {
  as_of: number | null;
  coverage: number | null;
  displayed: "angry" | "disgust" | "fear" | "happy" | "sad" | "surprise" | "neutral" | "unclear" | null;
  /** Why `displayed` is null although the face is seen well: `engine_away`; else null. */
  expressions_unmeasurable: Unmeasurable | null;
  /** Whether the newest measured read faces the screen. */
  facing: boolean | null;
  grade: "full" | "partial" | null;
  index: number | null;
  level: number | null;
  /** What a learned head says beside the index, see `hello`; absent without one, and where `index` is null. */
  model?: number | null;
  name: string;
  participant: string;
  reads_per_s: number;
  /** Since when `unmeasurable` holds, or since when the person is measured. */
  since: number;
  type: "participant";
  /** Why `index` is null; null when it is not. */
  unmeasurable: Unmeasurable | null;
}

/** The profile in force, in words for people and in numbers for programs. */
export interface PolicyMeaning {
  computed: string;
  freeze_s: number;
  /** Fewest people for class values, and for counts of their faces. */
  k: number;
  leaves: string;
  never: string;
  opting_out: string;
  profile: Profile;
  rounding_points: number;
  window_s: number;
}

/** The gateway did not understand a message, and goes on. */
export interface Problem {
  code: "unknown_message" | "unknown_version";
  /** One sentence for people. */
  message: string;
  type: "error";
}

/** Policy profile: what may be computed, and what may leave the bot. */
export type Profile = "presence" | "aggregate" | "individual";

/** The reader wants another rate. */
export interface Rate {
  rate_hz?: number | null;
  type: "rate";
}

/** A fresh session token, before the present one expires. */
export interface Renew {
  token: string;
  type: "renew";
}

/** The gateway took the fresh token. */
export interface Renewed {
  expires_in_s: number;
  type: "renewed";
}

/** Where a reader was: the highest seq it received, and in which epoch. */
export interface Resume {
  epoch: number;
  seq: number;
}

/** Class values of the last ten minutes as columns of equal length, one row a summary, oldest first. */
export interface Series {
  analysed: (number | null)[];
  at: number[];
  attentive: (number | null)[];
  camera_on: number[];
  facing: (number | null)[];
  mean: (number | null)[];
  present: number[];
  q1: (number | null)[];
  q3: (number | null)[];
  visible: (number | null)[];
}

/** All that a late reader needs. Carries the current seq and consumes none. */
export interface Snapshot {
  /** Alerts of this epoch, oldest first. */
  alerts: AlertAt[];
  bot_state: BotState | null;
  bye: Bye | null;
  live_since: number | null;
  /** Marks of this epoch, oldest first; left out while there are none. */
  marks?: MarkAt[];
  participants: ParticipantUpdate[];
  series: Series;
  summary: ClassSummary | null;
  type: "snapshot";
}

/** The reader found a gap and asks for a snapshot. */
export interface SnapshotWanted {
  type: "snapshot";
}

/** Where a bot is in its life. */
export type State = "requested" | "joining" | "waiting" | "live" | "reconnecting" | "leaving" | "ended";

export type ToReader = (Envelope & Hello) | (Envelope & Snapshot) | (Envelope & BotState) | (Envelope & ClassSummary) | (Envelope & ParticipantUpdate) | (Envelope & Alert) | (Envelope & Mark) | (Envelope & Forget) | (Envelope & Bye) | Renewed | Feed | Problem;

/** Why a participant has no index. */
export type Unmeasurable = "camera_off" | "not_in_view" | "too_small" | "codec" | "engine_away" | "starting" | "wishes_unreachable";

/** A stretch of time on the room's clock. */
export interface Window {
  end: number;
  start: number;
}

/** Why class values are null although the bot is live. */
export type Withheld = "below_k" | "settling" | "presence" | "wishes_unreachable";
