/** The live feed: session, socket, gaps, and coming back. Knows no words and no document. */

import { post } from "./post.js";

const BACKOFF_S = [0.5, 1, 2, 4, 8, 15];
const VERSION = 1;
const DENIED = [4401, 4403];
const OUTDATED = 4406;
/** Renew when this part of the session's life is over. */
const RENEW_AT = 0.75;
const RENEW_RETRY_S = 20;

/** Wait before try `attempt` (0-based); a jitter of ±20 % parts the readers. */
export const backoffS = (attempt, random = Math.random) => (BACKOFF_S[attempt] ?? BACKOFF_S.at(-1)) * (0.8 + 0.4 * random());

/** Whether an event does not follow the last one; `seq` is null before the first. */
export const hasGap = ({ prev = null }, seq) => prev !== null && seq !== null && prev !== seq;

/**
 * Calls `onEvent(event)`, `onStatus()` when its `status` changed, {phase, downMs, retryMs}, monotonic, and `onSession(session)`:
 * what the link may do, and what opens the report.
 */
export function createFeed({ room, link, onEvent, onStatus, onSession }) {
  const path = `/v1/rooms/${encodeURIComponent(room)}`;
  const feed = { room, token: null, status: { phase: "connecting", downMs: null, retryMs: null }, start, tryNow, kick };
  let [attempt, mayRetry, ended, asked] = [0, true, false, false];
  /** Epoch and highest seq, to resume after. */
  let position = null;
  let seq = null;
  let socket = null;
  let turn, retry, renewal;

  async function start() {
    clearTimeout(retry);
    close();
    if (!link) return set({ phase: "denied" });
    const mine = (turn = {});
    try {
      const session = await exchange();
      if (mine !== turn) return;
      if (!session) return set({ phase: "denied" });
      open(session.token);
      renewIn(session.expires_in_s);
    } catch {
      if (mine === turn) again();
    }
  }

  /** Try now if the feed is down or its link was refused. */
  function tryNow() {
    if ((feed.status.phase === "open" && feed.status.downMs === null) || feed.status.phase === "outdated") return;
    attempt = 0;
    start();
  }

  /** The socket looks open but nothing comes. */
  function kick() {
    socket?.onclose({ code: 1006 });
  }

  /** A new session; null when the link is refused. */
  async function exchange() {
    const response = await post(`${path}/session`, { link });
    if (response.status === 403) return null;
    if (!response.ok) throw new Error(`session: ${response.status}`);
    const session = await response.json();
    onSession?.(session);
    feed.token = session.token;
    return session;
  }

  function open(token) {
    socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}${path}/events`);
    socket.onopen = () => send({ type: "authenticate", v: VERSION, token, ...(position && { resume: position }) });
    socket.onmessage = ({ data }) => receive(JSON.parse(data));
    socket.onclose = ({ code }) => {
      close();
      if (!ended) closed(code);
    };
  }

  /** @param {import("./types").Event} event */
  function receive(event) {
    // Answers to this reader alone have no seq: errors, `renewed`, `feed`.
    if (event.type === "feed") return set({ downMs: event.state === "interrupted" ? performance.now() : null });
    if (!("seq" in event)) return;
    if (event.type === "hello" || event.type === "snapshot") {
      [attempt, mayRetry, asked] = [0, true, false];
      set({ phase: "open", downMs: null, retryMs: null });
    }
    if (event.type === "hello") seq = null;
    else follow(event);
    onEvent(event);
  }

  function follow(event) {
    const sameBot = position === null || position.epoch === event.epoch;
    ended = event.type === "bye" || Boolean(event.bye) || (sameBot && ended);
    if (event.type !== "snapshot" && (!sameBot || hasGap(event, seq)) && !asked) {
      asked = true;
      send({ type: "snapshot" });
    }
    seq = event.seq;
    // Newer summaries overtake older events: resume after the highest.
    position = { epoch: event.epoch, seq: sameBot && position ? Math.max(seq, position.seq) : seq };
  }

  function closed(code) {
    if (code === OUTDATED) return set({ phase: "outdated" });
    if (!DENIED.includes(code)) return again();
    // The session may have run out: one fresh exchange before the link counts as refused.
    if (!mayRetry) return set({ phase: "denied" });
    mayRetry = false;
    start();
  }

  function again() {
    const now = performance.now();
    const waitMs = backoffS(attempt++) * 1000;
    set({ phase: "down", downMs: feed.status.downMs ?? now, retryMs: now + waitMs });
    retry = setTimeout(start, waitMs);
  }

  /** Renew before the session is over, and soon again where that fails. */
  function renewIn(lifeS) {
    clearTimeout(renewal);
    renewal = setTimeout(async () => {
      const session = await exchange().catch(() => null);
      if (session) send({ type: "renew", token: session.token });
      renewIn(session?.expires_in_s ?? RENEW_RETRY_S);
    }, lifeS * RENEW_AT * 1000);
  }

  /** @param {import("./types").Message} message */
  function send(message) {
    if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  }

  function close() {
    clearTimeout(renewal);
    if (!socket) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    socket.close();
    socket = null;
  }

  function set(change) {
    feed.status = { ...feed.status, ...change };
    onStatus();
  }

  return feed;
}
