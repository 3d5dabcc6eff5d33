// Runs in a page of Jitsi Meet, after the hook and before the page's own scripts: says in our language what the page
// knows. All of it is read from Jitsi's own state when it is asked for: its store (APP.store) and the conference object
// of lib-jitsi-meet that is in there. Where something has another form than is known here, one line says which.
(({ name, password }) => {
  const HEIGHTS = [180, 360, 720];  // of the layers that Jitsi sends
  const MOST_MESSAGES = 200;
  const MOST_CHARACTERS = 300_000;
  const broken = (what) => { throw new Error(what); };
  const refused = (why) => ({ state: "refused", why });
  const NEEDS_TOKEN = refused("it takes nobody without an account or a token: add ?jwt=… to the address");
  // How it ended, or why it waits, by the names of Jitsi's errors of conference and connection.
  const ERRORS = {
    "conference.authenticationRequired": { state: "not_open", why: "its host is not there" },
    "conference.connectionError.accessDenied": refused("somebody in it said no"),
    "conference.connectionError.notAllowed": NEEDS_TOKEN,
    "conference.destroyed": { state: "ended" },
    "conference.display_name_required": refused("it does not know the bot's name"),
    "conference.max_users": refused("it is full"),
    "conference.reservationError": refused("nobody has reserved it for now"),
    "connection.notLiveError": { state: "not_open", why: "it has not begun" },
    "connection.passwordRequired": NEEDS_TOKEN,
  };

  // -- what Jitsi knows ------------------------------------------------------------------------------------------------

  function feature(called) {
    const store = window.APP?.store;
    if (typeof store?.getState !== "function") broken("the page has no APP.store: it is no page of Jitsi Meet that is known");
    const found = store.getState()[called];
    return found ?? broken(`Jitsi's store has no "${called}"`);
  }
  const peek = (called) => window.APP?.store?.getState?.()?.[called] ?? {};
  const the = (object, method, where) => (
    typeof object?.[method] === "function" ? object[method]() : broken(`Jitsi's ${where} has no ${method}()`)
  );

  function others() {
    const { remote } = feature("features/base/participants");
    if (!(remote instanceof Map)) broken('Jitsi\'s "features/base/participants" has no Map called remote');
    // Shared screens, films and whiteboards are participants there, too.
    return [...remote.values()].filter((each) => !each.fakeParticipant && !each.isFakeParticipant);
  }

  function own() {
    const { local } = feature("features/base/participants");
    return local ?? broken('Jitsi\'s "features/base/participants" has no local');
  }

  function videos() {
    const tracks = feature("features/base/tracks");
    if (!Array.isArray(tracks)) broken('Jitsi\'s "features/base/tracks" is no list');
    return tracks.filter(({ local, mediaType }) => !local && mediaType !== "audio").map(video);
  }

  // Whose a video is, say three: its track, the store, and the bridge, which may have bound its SSRC to somebody else.
  // Where they do not agree, it is nobody's: a track that is renewed may have missed the bridge's last word.
  function video({ jitsiTrack, participantId, mediaType, videoType, muted }) {
    const person = the(jitsiTrack, "getParticipantId", "track");
    const source = the(jitsiTrack, "getSourceName", "track");
    const track = the(jitsiTrack, "getTrack", "track");
    const bridge = bound.get(jitsiTrack.getSsrc?.() ?? jitsiTrack.getSSRC?.());
    const isSure = Boolean(person) && person === participantId
      && (!bridge || (bridge.owner === person && bridge.source === source));
    const isCamera = mediaType === "video" && videoType === "camera" && the(jitsiTrack, "getVideoType", "track") === "camera";
    return { person, source, track, isSure, isCamera, isOn: !muted };
  }

  // -- the conference --------------------------------------------------------------------------------------------------

  const followed = new WeakSet();
  const bound = new Map();  // SSRC → { owner, source }, as the bridge said last
  const widths = new Map();  // person → how wide their picture had better be
  let kicked, wasIn = false, isInterrupted = false;

  // Once for each conference object, from before it is joined on.
  function follow(conference) {
    if (followed.has(conference)) return;
    if (typeof conference.on !== "function") broken("Jitsi's conference has no on()");
    if (typeof conference.setReceiverConstraints !== "function") broken("Jitsi's conference has no setReceiverConstraints()");
    followed.add(conference);
    bound.clear();
    isInterrupted = false;
    conference.on("conference.kicked", (by, reason, isReplaced) => {
      kicked = { state: "kicked", why: isReplaced ? "another one with the same token came" : "by a moderator" };
    });
    conference.on("conference.connectionInterrupted", () => { isInterrupted = true; });
    conference.on("conference.connectionRestored", () => { isInterrupted = false; });
    conference.rtc?.addListener?.("rtc.video_ssrcs_remapped", ({ mappedSources = [] }) => {
      for (const { ssrc, owner, source } of mappedSources) bound.set(ssrc, { owner, source });
    });
    // The page asks the bridge for what its window shows, again and again; the bot is there for everybody.
    const ask = conference.setReceiverConstraints;
    conference.setReceiverConstraints = () => ask.call(conference, constraints());
  }

  function constraints() {
    const each = {};
    let known = [];
    try { known = videos(); } catch { /* the next look says what is wrong; the page's own call must not break */ }
    for (const { person, source, isCamera } of known) {
      const height = (widths.get(person) ?? 0) * 9 / 16;
      each[source] = { maxHeight: isCamera ? HEIGHTS.find((lines) => lines >= height) ?? HEIGHTS.at(-1) : 0 };
    }
    const defaultConstraints = { maxHeight: HEIGHTS[0] };
    return { lastN: -1, selectedSources: [], onStageSources: [], defaultConstraints, constraints: each };
  }

  // -- the bot's own stay ----------------------------------------------------------------------------------------------

  let tried;  // { error }: what Jitsi had said before the password was given
  let isRenamed = false;
  const isWrong = (error) => Boolean(tried && error && error !== tried.error);
  // Jitsi cuts long names; what must not happen is that others see the bot under a token's name.
  const isNamed = () => {
    const shown = own().name ?? "";
    return shown.length >= Math.min(name.length, 40) && name.startsWith(shown);
  };

  function stay() {
    if (kicked) return kicked;
    const page = location.pathname.match(/\/static\/(close\w*|authError)\.html$/);
    if (page) return page[1] === "authError" ? NEEDS_TOKEN : { state: "ended" };
    if (!window.APP?.store && document.readyState !== "complete") return "joining";
    const { conference, joining, membersOnly, passwordRequired, error } = feature("features/base/conference");
    for (const each of [conference, joining, membersOnly, passwordRequired]) if (each) follow(each);
    if (conference) return stateInside(conference);
    if (passwordRequired) return stateAtLock(error);
    if (membersOnly || peek("features/lobby").knocking) return { state: "lobby" };
    const why = error?.name ?? peek("features/base/connection").error?.name;
    if (ERRORS[why]) return ERRORS[why];
    if (peek("features/base/config").prejoinConfig?.enabled && peek("features/prejoin").showPrejoin) {
      broken("Jitsi stays on its page before the meeting, which this server does not let an address leave out");
    }
    return { state: wasIn ? "reconnecting" : "joining", why };
  }

  function stateInside(conference) {
    if (peek("features/visitors").iAmVisitor) return refused("it takes the bot for a visitor, whom nobody sees");
    if (!the(window.APP.conference, "isJoined", "APP.conference")) return wasIn ? "reconnecting" : "joining";
    if (!isNamed()) return isRenamed ? refused("it shows the bot under the name of its token") : "joining";
    wasIn = true;
    return isInterrupted ? { state: "reconnecting", why: "the line to its bridge broke" } : "live";
  }

  function stateAtLock(error) {
    if (!password) return refused("it has a password: add ?password=… to the address");
    return isWrong(error) ? refused("the password is another one") : "joining";
  }

  // What the page does not do by itself; true once there is nothing more to do.
  const knocked = new WeakSet();
  function act() {
    const { conference, membersOnly, passwordRequired, error } = feature("features/base/conference");
    if (conference && !isNamed()) {
      window.APP.conference?.changeLocalDisplayName?.(name);
      isRenamed = true;
    }
    const door = passwordRequired ?? membersOnly;
    if (door && password && !tried) {
      tried = { error };
      door.join(password);
    } else if (membersOnly && (!password || isWrong(error)) && !peek("features/lobby").knocking && !knocked.has(door)) {
      knocked.add(door);
      door.joinLobby(name);
    }
    return Boolean(conference);
  }

  async function join() {
    while (!window.APP?.store || !act()) await new Promise((resolve) => { setTimeout(resolve, 100); });
    feature("features/base/conference").conference?.setReceiverConstraints();
  }

  // -- our language ----------------------------------------------------------------------------------------------------

  function chat() {
    const { messages } = feature("features/chat");
    if (!Array.isArray(messages)) broken('Jitsi\'s "features/chat" has no list called messages');
    const said = [];
    let characters = 0;
    for (const each of messages.slice(-MOST_MESSAGES).reverse()) {
      const person = each.participantId ?? each.id;  // older ones call it id
      const { message: text, messageId, timestamp, editedAt } = each;
      if (each.messageType !== "remote" || each.isFromVisitor || each.lobbyChat || !person || typeof text !== "string") continue;
      if ((characters += text.length) > MOST_CHARACTERS) break;
      const id = `${messageId ?? timestamp} ${editedAt ?? ""} ${text.slice(0, 100)}`;  // an edited message is said anew
      said.unshift({ id, person, text });
    }
    return said;
  }

  function isEncrypted() {
    const people = others();
    return Boolean(peek("features/e2ee").enabled) || (people.length > 0 && people.every((each) => each.e2eeEnabled));
  }

  let isIn = false;  // who is outside is told nothing of anybody
  const inside = (answer) => () => (isIn ? answer() : []);
  const conference = () => feature("features/base/conference").conference;
  window.classpulse = {
    state: () => {
      isIn = false;
      const said = stay();
      isIn = said === "live";
      return said;
    },
    people: inside(() => others().map(
      ({ id, name: called, botType }) => ({ id, name: called ?? "", bot: Boolean(botType) }),
    )),
    streams: inside(() => {
      const here = new Set(others().map(({ id }) => id));
      return videos().filter(({ person, isSure, isOn }) => isSure && isOn && here.has(person)).map(
        ({ person, track, isCamera }) => ({ person, track, kind: isCamera ? "camera" : "screen" }),
      );
    }),
    chat: inside(chat),
    encrypted: () => isIn && isEncrypted(),
    join,
    say: async (text) => { await conference()?.sendTextMessage(text); },
    want: async (sizes) => {
      widths.clear();
      for (const { person, width } of sizes) widths.set(person, width);
      conference()?.setReceiverConstraints();
    },
    leave: async () => { await conference()?.leave(); },
  };
})
