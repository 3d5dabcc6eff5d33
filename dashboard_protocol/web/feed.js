/** The live feed: session, socket, gaps, and coming back. Knows no words and no document. */

const BACKOFF_S = [0.5, 1, 2, 4, 8, 15];
const VERSION = 1;
const DENIED = new Set([4401, 4403]);
const OUTDATED = 4406;
/** Renew when this part of the session's life is over. */
const RENEW_AT = 0.75;
const RENEW_RETRY_S = 15;

/** Waiting time before try `attempt` (0-based), with jitter of ±20 % so that readers do not return together. */
export function backoffS(attempt, random = Math.random) {
  return BACKOFF_S[Math.min(attempt, BACKOFF_S.length - 1)] * (0.8 + 0.4 * random());
}

/** Whether an event follows the last one; `seq` is null before the first. */
export function hasGap(event, seq) {
  return event.prev !== undefined && event.prev !== null && seq !== null && event.prev !== seq;
}

class Refused extends Error {}

export class Feed {
  /** `onEvent(event)` and `onStatus(status)`; status: {phase, downMs, retryMs}, times monotonic. */
  constructor({ room, link, onEvent, onStatus }) {
    this.path = `/v1/rooms/${encodeURIComponent(room)}`;
    this.link = link;
    this.onEvent = onEvent;
    this.onStatus = onStatus;
    this.status = { phase: "connecting", downMs: null, retryMs: null };
    this.attempt = 0;
    this.mayRetry = true;
    this.position = null;
    this.seq = null;
    this.ended = false;
  }

  /** Connect, or connect again at once. */
  async start() {
    clearTimeout(this.retry);
    this.#close();
    if (!this.link) return this.#set({ phase: "denied" });
    const mine = (this.turn = {});
    try {
      const session = await this.#exchange();
      if (mine === this.turn) this.#open(session);
    } catch (error) {
      if (mine !== this.turn) return;
      if (error instanceof Refused) this.#set({ phase: "denied" });
      else this.#again();
    }
  }

  /** Try now if the feed is down or its link was refused. */
  tryNow() {
    if (this.status.phase === "open" || this.status.phase === "outdated") return;
    this.attempt = 0;
    this.start();
  }

  /** The socket looks open but nothing comes: give it up and connect again. */
  kick() {
    if (this.socket) this.socket.onclose({ code: 1006 });
  }

  async #exchange() {
    const response = await fetch(`${this.path}/session`, {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ link: this.link }),
      cache: "no-store", credentials: "omit",
    });
    if (response.status === 403) throw new Refused();
    if (!response.ok) throw new Error(`session: ${response.status}`);
    return response.json();
  }

  #open({ token, expires_in_s: lifeS }) {
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}${this.path}/events`);
    this.socket = socket;
    socket.onopen = () => {
      this.#send({ type: "authenticate", v: VERSION, token, ...(this.position && { resume: this.position }) });
      this.#renewIn(lifeS * RENEW_AT);
    };
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = ({ code }) => {
      this.#close();
      this.#closed(code);
    };
  }

  #receive(event) {
    // Answers to this reader alone have no seq: errors, `renewed`.
    if (event.seq === undefined) return;
    if (event.type === "hello") {
      this.attempt = 0;
      this.mayRetry = true;
      this.asked = false;
      this.seq = null;
      this.#set({ phase: "open", downMs: null, retryMs: null });
    } else {
      this.#follow(event);
    }
    this.onEvent(event);
  }

  #follow(event) {
    const { epoch, seq } = event;
    const sameBot = this.position === null || this.position.epoch === epoch;
    if (!sameBot) this.ended = false;
    if (event.type === "bye" || event.bye) this.ended = true;
    if (event.type === "snapshot") this.asked = false;
    else if ((!sameBot || hasGap(event, this.seq)) && !this.asked) {
      this.asked = true;
      this.#send({ type: "snapshot" });
    }
    this.seq = seq;
    // Newer summaries overtake older events: one resumes after the highest.
    this.position = { epoch, seq: sameBot && this.position ? Math.max(seq, this.position.seq) : seq };
  }

  #closed(code) {
    if (this.ended) return;
    if (code === OUTDATED) return this.#set({ phase: "outdated" });
    if (!DENIED.has(code)) return this.#again();
    // The session may merely have run out: one fresh exchange before the link counts as refused.
    if (!this.mayRetry) return this.#set({ phase: "denied" });
    this.mayRetry = false;
    this.start();
  }

  #again() {
    const now = performance.now();
    const waitMs = backoffS(this.attempt++) * 1000;
    this.#set({ phase: "down", downMs: this.status.downMs ?? now, retryMs: now + waitMs });
    this.retry = setTimeout(() => this.start(), waitMs);
  }

  #renewIn(seconds) {
    clearTimeout(this.renewal);
    this.renewal = setTimeout(async () => {
      try {
        const { token, expires_in_s: lifeS } = await this.#exchange();
        this.#send({ type: "renew", token });
        this.#renewIn(lifeS * RENEW_AT);
      } catch {
        this.#renewIn(RENEW_RETRY_S);
      }
    }, seconds * 1000);
  }

  #send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }

  #close() {
    clearTimeout(this.renewal);
    if (!this.socket) return;
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null;
    this.socket.close();
    this.socket = null;
  }

  #set(change) {
    this.status = { ...this.status, ...change };
    this.onStatus(this.status);
  }
}
