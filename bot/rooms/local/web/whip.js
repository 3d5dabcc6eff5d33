/** Publishes one camera or window into a room by WHIP (RFC 9725): POST the offer, DELETE to leave. Video only. */

const GATHERING_MS = 2000;
const DISCONNECTED_MS = 5000;
const SHARP_BITS_PER_S = 6_000_000;

/** A room that did not let us in; `status` is the HTTP status, 0 without an answer. */
export class Refused extends Error {
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

/** The sentence of a problem (RFC 9457); of another server's refusal what it says. */
function sentence(text) {
  try {
    return JSON.parse(text).detail;
  } catch {
    return text.trim();
  }
}

/** One stay in a room, with or without a picture. */
export class Stay {
  #peer = new RTCPeerConnection({ iceServers: [], bundlePolicy: "max-bundle" });
  #sender = this.#peer.addTransceiver("video", { direction: "sendonly" }).sender;
  #resource = null;
  #people = null;
  #headers;
  #lost;
  #patience = 0;

  /** `lost` is called once if the connection ends without our doing. */
  constructor(token, lost) {
    this.#headers = token ? { Authorization: `Bearer ${token}` } : {}; // not the consent: only joining needs it
    this.#lost = lost;
    this.#peer.addEventListener("connectionstatechange", () => this.#watch());
  }

  /** Send this track; null sends nothing, which the room takes for camera off. */
  async show(track) {
    await this.#sender.replaceTrack(track);
  }

  /** Have every detail sent, and rather fewer pictures: of a window, once it is shared. */
  async sharpen() {
    const parameters = this.#sender.getParameters();
    parameters.degradationPreference = "maintain-resolution";
    for (const encoding of parameters.encodings) encoding.maxBitrate = SHARP_BITS_PER_S;
    await this.#sender.setParameters(parameters).catch(() => {}); // a browser that cannot sends as it does by itself
  }

  /** Join by this address under this name, if there is one; `consent` is the signed leave to be shown, likewise. */
  async join(url, name, consent) {
    await this.#peer.setLocalDescription();
    await this.#gathered();
    const offer = this.#peer.localDescription.sdp;
    // The name is no part of the address, which stands in every log between here and there.
    const headers = { "Content-Type": "application/sdp", ...this.#headers };
    if (name !== null) headers["Classpulse-Name"] = encodeURIComponent(name);
    if (consent) headers["Classpulse-Consent"] = consent;
    let response;
    try {
      response = await fetch(url, { method: "POST", headers, body: offer });
    } catch {
      throw new Refused(0, "");
    }
    const text = await response.text();
    if (response.status !== 201) throw new Refused(response.status, sentence(text));
    this.#resource = new URL(response.headers.get("Location"), url);
    this.#people = `${this.#resource}/people`;
    await this.#peer.setRemoteDescription({ type: "answer", sdp: text });
    // The room's goodbye closes DTLS; the connection's own state would take half a minute to notice.
    this.#sender.transport.addEventListener("statechange", () => this.#watch());
  }

  /** Ask whether the room reads us; with an answer of our own, have it so. Null where the room does not say. */
  async reading(wanted) {
    if (!this.#resource) return null;
    const ask = { headers: this.#headers };
    if (wanted !== undefined) Object.assign(ask, { method: "PUT", body: JSON.stringify({ read: wanted }) });
    const response = await fetch(`${this.#resource}/reading`, ask).catch(() => null);
    return response?.ok ? (await response.json()).read : null;
  }

  /** Where we see what our teacher sees; null where that is not allowed. */
  async classPage() {
    if (!this.#resource) return null;
    const response = await fetch(`${this.#resource}/class`, { headers: this.#headers }).catch(() => null);
    return response?.ok ? (await response.json()).page : null;
  }

  /** Say that we teach the class, with the instructor's link; whether we are left out of it now. */
  async teach(link) {
    if (!this.#resource) return false;
    const ask = { headers: this.#headers, method: "PUT", body: JSON.stringify({ link }) };
    const response = await fetch(`${this.#resource}/teaching`, ask).catch(() => null);
    return response?.ok === true;
  }

  /** Ask who is found in the window that we share, or decide about them; also of a stay that has ended. */
  async people(decision) {
    const ask = { headers: this.#headers };
    if (decision) Object.assign(ask, { method: "PUT", body: JSON.stringify(decision) });
    const response = await fetch(this.#people, ask).catch(() => null);
    return { status: response?.status ?? 0, people: response?.ok ? await response.json().catch(() => null) : null };
  }

  /** Leave for good; also works while the page is being closed. */
  async leave() {
    this.#lost = null;
    clearTimeout(this.#patience);
    const resource = this.#resource;
    this.#resource = null;
    // The goodbye goes first: a connection that closes before it makes the room forget the stay it names.
    if (resource) {
      await fetch(resource, { method: "DELETE", headers: this.#headers, keepalive: true }).catch(() => {});
    }
    this.#peer.close();
  }

  #watch() {
    clearTimeout(this.#patience);
    if (!this.#lost) return;
    const state = this.#peer.connectionState;
    if (this.#sender.transport?.state === "closed") {
      this.#resource = null; // the room has said goodbye, and there is nothing left to delete
      this.#end();
    } else if (state === "failed") this.#end();
    if (state === "disconnected") this.#patience = setTimeout(() => this.#end(), DISCONNECTED_MS);
  }

  #end() {
    const lost = this.#lost;
    this.leave();
    lost();
  }

  #gathered() {
    return new Promise((resolve) => {
      const check = () => this.#peer.iceGatheringState === "complete" && resolve();
      this.#peer.addEventListener("icegatheringstatechange", check);
      setTimeout(resolve, GATHERING_MS);
      check();
    });
  }
}
