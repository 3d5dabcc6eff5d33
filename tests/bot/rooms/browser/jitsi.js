// A double of Jitsi Meet's page: it has the state of the real one (APP.store, APP.conference, the conference object and
// tracks of lib-jitsi-meet, the bridge's messages), as bot/rooms/browser/web/jitsi.js reads it, and real video. The bridge
// is a second connection in this page: like the real one it shows another person in a stream whose SSRC stays.
// `double` has what tests order; `?lobby=1`, `?locked=PASSWORD`, `?fails=ERROR`, `?known=NAME` say how it begins.
"use strict";

(() => {
  const asked = new URLSearchParams(location.search);
  const wishes = {};
  for (const pair of location.hash.slice(1).split("&")) {
    const [name, value] = pair.split("=");
    if (value) wishes[name] = JSON.parse(decodeURIComponent(value));
  }

  // -- the store -------------------------------------------------------------------------------------------------------

  const LONGEST_NAME = 50;
  let slices = {
    "features/base/conference": { conference: undefined, joining: undefined, membersOnly: undefined },
    "features/base/config": { prejoinConfig: { enabled: wishes["config.prejoinConfig.enabled"] ?? true } },
    "features/base/connection": {},
    "features/base/participants": { local: undefined, remote: new Map() },
    "features/base/tracks": [],
    "features/chat": { messages: [] },
    "features/e2ee": { enabled: false },
    "features/lobby": { knocking: false },
    "features/prejoin": { showPrejoin: true },
    "features/visitors": { iAmVisitor: false },
  };
  const set = (name, news) => { slices = { ...slices, [name]: { ...slices[name], ...news } }; };
  const BASE = "features/base/conference";
  const people = slices["features/base/participants"].remote;
  const rename = (name) => set("features/base/participants", { local: { id: "me", name: name.slice(0, LONGEST_NAME), local: true } });

  // -- the conference --------------------------------------------------------------------------------------------------

  const listened = new Map();
  const on = (event, listener) => { listened.set(event, [...(listened.get(event) ?? []), listener]); };
  const emit = (event, ...news) => { for (const listener of listened.get(event) ?? []) listener(...news); };
  let isJoined = false;

  const fail = (name) => {
    isJoined = false;
    const ours = { membersOnly: undefined, passwordRequired: undefined };
    if (name === "conference.connectionError.membersOnly") ours.membersOnly = conference;
    if (name === "conference.passwordRequired") ours.passwordRequired = conference;
    set(BASE, { conference: undefined, joining: undefined, error: { name, params: [] }, ...ours });
    set("features/lobby", { knocking: false });
  };
  const enter = () => {
    isJoined = true;
    set(BASE, { conference, joining: undefined, membersOnly: undefined, passwordRequired: undefined });
    set("features/lobby", { knocking: false });
    conference.setReceiverConstraints({ lastN: 1, constraints: {} });  // the page asks for what its window shows
  };
  class Conference {
    rtc = { addListener: on };
    on(event, listener) { on(event, listener); }
    isJoined() { return isJoined; }
    join(password) {
      if (asked.has("fails")) fail(asked.get("fails"));
      else if (asked.has("locked") && password !== asked.get("locked")) fail("conference.passwordRequired");
      else if (asked.has("lobby") && password !== asked.get("lobby")) fail("conference.connectionError.membersOnly");
      else enter();
    }
    joinLobby(name) { report({ knocked: name }); set("features/lobby", { knocking: true }); }
    leave() { report({ left: true }); isJoined = false; set(BASE, { conference: undefined }); }
    sendTextMessage(text) { report({ said: text }); }
    setReceiverConstraints(wanted) { report({ wanted }); }
  }
  const conference = new Conference();

  // -- people, their cameras, and the bridge ---------------------------------------------------------------------------

  const cameras = new Map();  // person → what they send
  const streams = [];  // { ssrc, sender, jitsiTrack }
  const bridge = new RTCPeerConnection();
  const receiving = new RTCPeerConnection();
  bridge.onicecandidate = ({ candidate }) => receiving.addIceCandidate(candidate);
  receiving.onicecandidate = ({ candidate }) => bridge.addIceCandidate(candidate);

  function paint([red, green]) {
    const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 180 });
    const paper = canvas.getContext("2d");
    let count = 0;
    setInterval(() => {
      paper.fillStyle = `rgb(${red}, ${green}, 60)`;
      paper.fillRect(0, 0, 320, 180);
      paper.fillStyle = "rgb(120, 120, 60)";
      paper.fillRect((count += 8) % 320, 0, 16, 180);
    }, 66);
    return canvas.captureStream(15).getVideoTracks()[0];
  }

  class RemoteTrack {
    constructor(ssrc, track, owner, source, videoType) { Object.assign(this, { ssrc, track, owner, source, videoType }); }
    getParticipantId() { return this.owner; }
    getSourceName() { return this.source; }
    getSsrc() { return this.ssrc; }
    getTrack() { return this.track; }
    getVideoType() { return this.videoType; }
  }
  const noteTracks = () => {
    slices = { ...slices, "features/base/tracks": streams.map(({ jitsiTrack }) => ({
      jitsiTrack, local: false, mediaType: jitsiTrack.videoType === "desktop" ? "screenShare" : "video", muted: false,
      participantId: jitsiTrack.owner, videoType: jitsiTrack.videoType,
    })) };
    conference.setReceiverConstraints({ lastN: 1, constraints: {} });
  };
  const message = (...mappedSources) => emit("rtc.video_ssrcs_remapped", { colibriClass: "VideoSourcesMap", mappedSources });
  const named = (name) => [...people.values()].find((person) => person.name === name).id;
  const sourceOf = (person, videoType) => `${person}-v${videoType === "desktop" ? 1 : 0}`;

  // One stream more: the bridge tells its map, then the page renegotiates.
  async function show(person, videoType, video) {
    const ssrc = 1001 + streams.length;
    message({ ssrc, owner: person, source: sourceOf(person, videoType), videoType });
    const { sender } = bridge.addTransceiver(video, { direction: "sendonly" });
    const coming = new Promise((resolve) => { receiving.ontrack = ({ track }) => resolve(track); });
    await bridge.setLocalDescription();
    await receiving.setRemoteDescription(bridge.localDescription);
    await receiving.setLocalDescription();
    await bridge.setRemoteDescription(receiving.localDescription);
    const jitsiTrack = new RemoteTrack(ssrc, await coming, person, sourceOf(person, videoType), videoType);
    streams.push({ ssrc, sender, jitsiTrack });
    noteTracks();
  }

  const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
  const orders = {
    come: ({ name, id = `id-${name}`, colour, ...further }) => {
      people.set(id, { id, name, ...further });
      if (!colour) return undefined;
      cameras.set(id, paint(colour));
      return show(id, "camera", cameras.get(id));
    },
    share: ({ name, colour }) => {
      const id = named(name);
      people.set(sourceOf(id, "desktop"), { id: sourceOf(id, "desktop"), name, fakeParticipant: "RemoteScreenShare" });
      return show(id, "desktop", paint(colour));
    },
    go: (name) => { people.delete(named(name)); },
    call: ({ from, to }) => { Object.assign(people.get(named(from)), { name: to }); },
    mute: (name) => {
      slices = { ...slices, "features/base/tracks": slices["features/base/tracks"].map(
        (each) => (each.participantId === named(name) ? { ...each, muted: true } : each),
      ) };
    },
    chat: ({ from, ...further }) => set("features/chat", { messages: [
      ...slices["features/chat"].messages, { messageType: "remote", participantId: from && named(from), timestamp: 1, ...further },
    ] }),
    // The bridge shows `to` in the stream of `from`. `late_ms`: the page learns so much later of it, or so much earlier
    // where that is negative. `deaf`: the page misses the bridge's message, as lib-jitsi-meet does while a track is made.
    rebind: async ({ from, to, late_ms: late = 0, deaf = false }) => {
      const stream = streams.find(({ jitsiTrack }) => jitsiTrack.owner === named(from));
      const other = streams.find(({ jitsiTrack }) => jitsiTrack.owner === named(to));
      const owner = named(to);
      const learn = () => {
        message({ ssrc: stream.ssrc, owner, source: sourceOf(owner, "camera"), videoType: "camera" });
        if (deaf) return;
        if (other) Object.assign(other.jitsiTrack, { owner: undefined });
        Object.assign(stream.jitsiTrack, { owner, source: sourceOf(owner, "camera") });
        noteTracks();
      };
      if (late < 0) { learn(); await pause(-late); }
      await stream.sender.replaceTrack(cameras.get(owner));
      if (late >= 0) { await pause(late); learn(); }
    },
    admit: enter,
    fail,
    interrupt: () => emit("conference.connectionInterrupted"),
    restore: () => emit("conference.connectionRestored"),
    kick: () => { emit("conference.kicked", {}, "", false); conference.leave(); },
    encrypt: () => set("features/e2ee", { enabled: true }),
    feature: ([name, news]) => { slices = { ...slices, [name]: news && !Array.isArray(news) ? { ...slices[name], ...news } : news }; },
    roster: (remote) => set("features/base/participants", { remote }),
    strip: (method) => { for (const { jitsiTrack } of streams) jitsiTrack[method] = undefined; },
    unbuild: () => { delete window.APP; },
    reload: () => location.reload(),
    static: (page) => history.pushState(null, "", `/static/${page}`),
  };

  // -- the page begins -------------------------------------------------------------------------------------------------

  const wire = new WebSocket(`${location.origin.replace("http", "ws")}/wire`);
  const early = [];
  const report = (news) => (wire.readyState === 1 ? wire.send(JSON.stringify(news)) : early.push(news));
  wire.onopen = () => { report({ address: location.href }); early.splice(0).forEach(report); };
  let line = Promise.resolve();  // one order after the other
  wire.onmessage = ({ data }) => {
    for (const [order, argument] of Object.entries(JSON.parse(data))) line = line.then(() => orders[order](argument));
  };

  async function begin() {
    rename(asked.get("known") ?? wishes["userInfo.displayName"] ?? "");
    window.APP = {
      store: { getState: () => slices },
      conference: {
        isJoined: () => isJoined,
        changeLocalDisplayName: (name) => { if (!asked.has("stubborn")) rename(name); },
      },
    };
    if (slices["features/base/config"].prejoinConfig.enabled) return;
    set("features/prejoin", { showPrejoin: false });
    const [camera] = (await navigator.mediaDevices.getUserMedia({ video: true })).getVideoTracks();
    report({ camera: camera.label });
    set(BASE, { joining: conference });
    conference.join();
  }
  setTimeout(begin, 50);
})();
