// A meeting page as somebody would write one: people and video by a Janus VideoRoom; lobby, chat and what a test wants
// by a WebSocket of the page's own server. It is joinable by window.classpulse.
"use strict";

(() => {
  const asked = new URLSearchParams(location.search);
  const [server, room] = [asked.get("janus"), Number(asked.get("room") ?? 1234)];
  const lateMs = Number(asked.get("late") ?? 0);  // so long this page knows of a switch too late
  let state = { state: "joining" };
  let own, session, publishing, subscribing, camera, ask, sending, receiving;
  let line = Promise.resolve();
  const people = new Map();  // feed → { id, name, mid }
  const shown = new Map();  // mid of ours → feed whose video it carries
  const layers = new Map();  // mid of ours → the layer that Janus was asked for there
  const tracks = new Map();  // mid of ours → track
  const written = [];

  // -- Janus -----------------------------------------------------------------------------------------------------------

  async function connect() {
    const socket = new WebSocket(server, "janus-protocol");
    const waiting = new Map();
    session = undefined;
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      const answered = waiting.get(message.transaction);
      if (message.janus === "ack") return;
      if (answered) { waiting.delete(message.transaction); answered(message); }
      else hear(message);
    };
    socket.onclose = () => {
      if (state.state === "live") { state = { state: "reconnecting", why: "Janus is gone" }; setTimeout(again, 300); }
      else if (state.state === "reconnecting") setTimeout(again, 300);
    };
    ask = (message) => new Promise((resolve) => {
      const transaction = String(Math.random());
      waiting.set(transaction, resolve);
      socket.send(JSON.stringify({ ...message, transaction, session_id: session }));
    });
    await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject; });
    session = (await ask({ janus: "create" })).data.id;
    const beat = setInterval(() => (socket.readyState === 1 ? ask({ janus: "keepalive" }) : clearInterval(beat)), 20_000);
  }

  const attach = async () => (await ask({ janus: "attach", plugin: "janus.plugin.videoroom" })).data.id;
  const say = async (handle_id, body, jsep) => {
    const answer = await ask({ janus: "message", handle_id, body, jsep });
    const { error, error_code: code } = answer.plugindata?.data ?? {};
    if (error) throw Object.assign(new Error(error), { code });
    return answer;
  };
  const complete = (peer) => new Promise((resolve) => {
    peer.onicecandidate = ({ candidate }) => { if (!candidate) resolve(peer.localDescription); };
  });

  async function enter(name) {
    await connect();
    publishing = await attach();
    const { plugindata: { data } } = await say(publishing, { request: "join", ptype: "publisher", room, display: name });
    own = data.id;
    for (const { id, display } of data.attendees ?? []) note(id, display);
    await publish();
    state = { state: "live" };
    meet(data.publishers);
  }

  async function publish() {
    sending = new RTCPeerConnection();
    sending.addTransceiver(camera, { direction: "sendonly" });
    const whole = complete(sending);
    await sending.setLocalDescription();
    await sending.setRemoteDescription((await say(publishing, { request: "publish" }, await whole)).jsep);
  }

  async function again() {
    for (const peer of [sending, receiving]) peer?.close();
    [subscribing, receiving] = [];
    for (const known of [people, shown, layers, tracks]) known.clear();
    try { await enter(document.title); } catch { /* the socket's end has asked for the next try */ }
  }

  const note = (id, display) => people.set(id, { ...people.get(id), id, name: display ?? "" });

  const hide = (mid) => { shown.delete(mid); layers.delete(mid); };

  function meet(publishers) {
    for (const { id, display, streams = [] } of publishers ?? []) {
      note(id, display);
      const video = streams.find(({ type, disabled }) => type === "video" && !disabled);
      if (video && ![...shown.values()].includes(id)) {
        people.get(id).mid = video.mid;
        change({ subscribe: [{ feed: id, mid: video.mid }] });
      }
    }
  }

  function part(id) {
    people.delete(id);
    for (const [mid, feed] of shown) if (feed === id) hide(mid);
    change({ unsubscribe: [{ feed: id }] });
  }

  // One change of what is received after the other.
  function change(wanted) {
    line = line.then(async () => {
      if (state.state !== "live") return;
      let answer;
      if (subscribing) answer = await say(subscribing, { request: "update", ...wanted });
      else if (wanted.subscribe) {
        const handle = await attach();
        answer = await say(handle, { request: "join", ptype: "subscriber", room, streams: wanted.subscribe });
        subscribing = handle;
        receiving = new RTCPeerConnection();
        receiving.ontrack = ({ track, transceiver }) => {
          tracks.set(transceiver.mid, track);
          const video = Object.assign(document.createElement("video"), { muted: true, autoplay: true });
          video.srcObject = new MediaStream([track]);
          document.body.append(video);
        };
      }
      await receive(answer);
    }).catch((error) => console.log(String(error)));
  }

  async function receive(answer) {
    const { streams } = answer?.plugindata?.data ?? {};
    if (answer?.jsep) {
      await receiving.setRemoteDescription(answer.jsep);
      const first = receiving.iceGatheringState === "new";
      const whole = first ? complete(receiving) : undefined;
      await receiving.setLocalDescription();
      await say(subscribing, { request: "start" }, first ? await whole : receiving.localDescription);
    }
    if (streams) {
      shown.clear();
      for (const { mid, feed_id: feed, type, active } of streams) {
        if (type === "video" && active && people.has(feed)) shown.set(mid, feed);
      }
    }
  }

  function hear({ janus, sender, plugindata, jsep }) {
    const data = plugindata?.data ?? {};
    if (sender === subscribing && (jsep || data.videoroom === "updated")) receive({ plugindata, jsep });
    if (sender !== publishing || janus !== "event") return;
    if (data.videoroom === "destroyed") state = { state: "ended" };
    if (data.leaving === "ok" && data.reason === "kicked") state = { state: "kicked", why: "by a moderator" };
    if (data.joining) note(data.joining.id, data.joining.display);
    if ("display" in data && "id" in data) note(data.id, data.display);
    meet(data.publishers);
    if (data.unpublished && data.unpublished !== "ok") {
      for (const [mid, feed] of shown) if (feed === data.unpublished) hide(mid);
      change({ unsubscribe: [{ feed: data.unpublished }] });
    }
    for (const gone of [data.leaving, data.kicked]) if (gone && gone !== "ok") part(gone);
  }

  // -- the page's own server -------------------------------------------------------------------------------------------

  const named = (name) => [...people.values()].find((person) => person.name === name);

  // Show somebody else in a stream. A page that does it right says first that nobody is there, and then who.
  async function rebind({ from, to }) {
    const [before, after] = [named(from), named(to)];
    const [mid] = [...shown].find(([, feed]) => feed === before.id);
    for (const [other, feed] of shown) if (feed === after.id) hide(other);
    layers.delete(mid);
    if (!lateMs) hide(mid);
    await say(subscribing, { request: "switch", streams: [{ feed: after.id, mid: after.mid, sub_mid: mid }] });
    if (lateMs) await new Promise((resolve) => { setTimeout(resolve, lateMs); });
    shown.set(mid, after.id);
  }

  const orders = {
    chat: ({ id, from, text }) => written.push({ id, person: named(from)?.id, text }),
    refuse: (why) => { state = { state: "refused", why }; },
    lobby: () => { state = { state: "lobby" }; },
    end: () => { state = { state: "ended" }; },
    encrypt: () => { receiving.getReceivers()[0].transform = null; },
    drop: () => {
      state = { state: "reconnecting" };
      written.splice(0, written.length, ...written.map((each) => ({ ...each, id: `again ${each.id}` })));
      setTimeout(() => { state = { state: "live" }; }, 500);
    },
    reload: () => location.reload(),
    go: (url) => { location.href = url; },
    frame: (src) => {
      const inner = document.createElement("iframe");
      document.body.append(Object.assign(inner, { src }));
      const opened = window.open(src) !== null;
      const waiting = setInterval(() => {
        if (inner.contentDocument) return;  // no longer the empty document: another origin's, or an error
        clearInterval(waiting);
        report({ opened });
      }, 50);
    },
    hang: () => { for (;;) { /* for ever */ } },
    spoil: (name) => { window.classpulse[name] = () => null; },
    rebind,
  };
  const wire = new WebSocket(location.origin.replace("http", "ws") + "/wire");
  const inside = new Promise((resolve) => {
    orders.admit = resolve;
    if (!asked.has("lobby")) resolve();
  });
  wire.onmessage = ({ data }) => {
    for (const [order, argument] of Object.entries(JSON.parse(data))) orders[order](argument);
  };
  // What a page finds out about this guest.
  async function probe() {
    const failure = (work) => work.then(() => "there", ({ name }) => name);
    const peer = new RTCPeerConnection();
    peer.addTransceiver("audio");
    const other = new RTCPeerConnection();
    peer.addTransceiver("video");
    await peer.setLocalDescription();
    const audible = peer.localDescription.sdp.replace(/(m=audio[^]*?)a=inactive/, "$1a=sendrecv");
    await other.setRemoteDescription({ type: "offer", sdp: audible });
    await other.setLocalDescription();
    report({ probed: {
      webdriver: navigator.webdriver,
      agent: navigator.userAgent.includes("Headless"),
      microphone: await failure(navigator.mediaDevices.getUserMedia({ audio: true, video: true })),
      screen: await failure(navigator.mediaDevices.getDisplayMedia()),
      devices: (await navigator.mediaDevices.enumerateDevices()).map(({ kind }) => kind),
      audio: [peer, other].map((each) => each.localDescription.sdp.match(/m=audio[^]*?a=(inactive|sendrecv|recvonly)/)[1]),
      private: await fetch("https://10.77.0.2/").then(() => "reached", () => "blocked"),
      binding: Object.keys(window).filter((name) => /^_[0-9a-f]{16}$/.test(name)),
    } });
  }
  const report = (news) => wire.readyState === 1 && wire.send(JSON.stringify(news));

  window.classpulse = {
    state: () => state,
    people: () => [...people.values()].filter(({ id }) => id !== own),
    streams: () => [...shown].filter(([mid]) => tracks.has(mid)).map(
      ([mid, person]) => ({ person, kind: "camera", track: tracks.get(mid) }),
    ),
    chat: () => written,
    join: async ({ name }) => {
      document.title = name;
      [camera] = (await navigator.mediaDevices.getUserMedia({ video: true })).getVideoTracks();
      if (asked.has("lobby")) state = { state: "lobby" };
      await inside;
      // As any page would, it tries once more where its server did not answer: a socket's error is an event.
      await enter(name).catch((error) => (error instanceof Event ? enter(name) : Promise.reject(error)));
      if (asked.has("probe")) await probe();
    },
    say: async (text) => report({ said: text }),
    want: async (sizes) => {
      report({ wanted: sizes });
      for (const { person, width } of sizes) {
        const [mid] = [...shown].find(([, feed]) => String(feed) === person) ?? [];
        const substream = width > 320 ? 2 : width > 160 ? 1 : 0;
        // Asked again for what it cannot have, Janus asks the publisher for a whole picture again.
        if (!mid || layers.get(mid) === substream) continue;
        layers.set(mid, substream);
        await say(subscribing, { request: "configure", streams: [{ mid, substream }] });
      }
    },
    leave: async () => { await say(publishing, { request: "leave" }); },
  };
})();
