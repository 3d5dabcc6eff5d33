// What BigBlueButton's own client (3.x) knows, told as `window.classpulse`. The client asks its server by GraphQL over a
// WebSocket; what it subscribes to is read along. Which camera is in which <video> stands in its document, at
// `data-stream`, whatever server brings the media. Nothing of this is the client's promise: what is missing is said.
(({ patienceMs, joinUrl, askAgainMs }) => {
  if (!location.protocol.startsWith("http")) return;
  const CHAT = "MAIN-PUBLIC-GROUP-CHAT";
  const MOST_MESSAGES = 500;
  const CAMERA_MS = 20_000;  // the client may take so long to turn the bot's camera on
  const ANSWER_MS = 5_000;  // so long the server may take to answer what the bot asks of it
  const UNSEEN_MS = 5_000;  // a camera that has just been turned on is not shown at once
  const NOT_OPEN = ["notFound", "meetingNotFound", "invalidMeetingIdentifier"];
  const OTHER_WORDS = {
    max_participants: { state: "full" },
    maxParticipantsReached: { state: "full" },
    meetingForciblyEnded: { state: "ended", why: "it was ended" },
    guestDeniedAccess: { state: "refused", why: "a moderator did not let the bot in" },
  };
  const began = performance.now();
  const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

  // -- what the client subscribes to, and is answered -------------------------------------------------------------------

  const wires = new Map();  // socket → its subscriptions: id → { field, rows, error }
  let me = {};  // what was last said of the bot itself; it outlives a connection that ends
  let joinedAt;

  const { send } = WebSocket.prototype;
  const NativeSocket = WebSocket;
  window.WebSocket = new Proxy(NativeSocket, {
    construct(target, given, newTarget) {
      const socket = Reflect.construct(target, given, newTarget);
      if ([given[1]].flat().some((protocol) => String(protocol).startsWith("graphql"))) follow(socket);
      return socket;
    },
  });
  NativeSocket.prototype.constructor = window.WebSocket;

  function follow(socket) {
    const subscriptions = new Map();
    wires.set(socket, subscriptions);
    socket.addEventListener("message", ({ data }) => hear(subscriptions, parsed(data)));
    socket.addEventListener("close", () => wires.delete(socket));
    socket.send = (data) => {
      const { type, id } = parsed(data);
      if (type === "complete") subscriptions.delete(id);
      return send.call(socket, data);
    };
  }

  function parsed(data) {
    try { return JSON.parse(data) ?? {}; } catch { return {}; }
  }

  function hear(subscriptions, { type, id, payload }) {
    if (type === "complete") subscriptions.delete(id);
    if (type === "next" && payload?.data) take(subscriptions, id, payload.data);
  }

  function take(subscriptions, id, { patch, ...data }) {
    const [field] = Object.keys(data);
    const known = subscriptions.get(id) ?? { field };
    subscriptions.set(id, known);
    try {
      if (patch) known.rows = patched(known.rows, patch);
      else if (field.endsWith("_stream")) known.rows = [...(known.rows ?? []), ...data[field]].slice(-MOST_MESSAGES);
      else known.rows = data[field];
      known.error = undefined;
    } catch (error) {
      known.error = `BigBlueButton's change of ${field} cannot be followed: ${error.message}`;
    }
    if (field === "user_current" && known.rows?.[0]) Object.assign(me, known.rows[0]);
    if (me.joined) joinedAt ??= performance.now();
  }

  // JSON Patch (RFC 6902): the server says of long answers only what has changed.
  function patched(before, patch) {
    if (before === undefined) throw new Error("it came before there was anything to change");
    let whole = structuredClone(before);
    const steps = (path) => path.split("/").slice(1).map((each) => each.replaceAll("~1", "/").replaceAll("~0", "~"));
    const at = (path) => steps(path).reduce((inside, step) => inside[step], whole);
    function put(path, value, isNew) {
      if (path === "") { whole = value; return; }
      const last = steps(path).pop();
      const inside = at(path.slice(0, path.lastIndexOf("/")));
      if (!Array.isArray(inside)) inside[last] = value;
      else if (isNew) inside.splice(last === "-" ? inside.length : Number(last), 0, value);
      else inside[Number(last)] = value;
    }
    function drop(path) {
      const last = steps(path).pop();
      const inside = at(path.slice(0, path.lastIndexOf("/")));
      if (!Array.isArray(inside)) delete inside[last];
      else inside.splice(Number(last), 1);
    }
    for (const { op, path, from, value } of patch) {
      if (op === "remove") drop(path);
      else if (op === "add") put(path, value, true);
      else if (op === "replace") put(path, value, false);
      else if (op === "copy") put(path, structuredClone(at(from)), true);
      else if (op === "move") { const moved = at(from); drop(from); put(path, moved, true); }
      else if (op !== "test") throw new Error(`it has the step ${op}`);
    }
    return whole;
  }

  // All rows of a field, whoever in the client asked for them; undefined where nobody did yet.
  function rowsOf(field) {
    let found;
    for (const subscriptions of wires.values()) {
      for (const { field: theirs, rows, error } of subscriptions.values()) {
        if (theirs !== field) continue;
        if (error) throw new Error(error);
        if (!Array.isArray(rows)) throw new Error(`BigBlueButton's ${field} is ${JSON.stringify(rows)}: a list was expected`);
        found = [...(found ?? []), ...rows];
      }
    }
    return found;
  }

  function isAnswered(field) {
    return [...wires.values()].some((subscriptions) => [...subscriptions.values()].some((each) => each.field === field));
  }

  function needed(row, name, of) {
    if (row?.[name] === undefined || row[name] === null) {
      throw new Error(`BigBlueButton's ${of} has no ${name}: the adapter was written for another version`);
    }
    return row[name];
  }

  // -- the bot's own stay -----------------------------------------------------------------------------------------------

  // Where the server's API did not let the bot in, it says so in an address or a document of its own.
  function refusedByApi() {
    const [error] = [parsed(new URLSearchParams(location.search).get("errors"))].flat();
    if (error?.key) return error;
    if (document.querySelector("response > returncode")?.textContent !== "FAILED") return undefined;
    const [key, message] = ["messageKey", "message"].map((name) => document.querySelector(name)?.textContent);
    return { key: key ?? "an unknown reason", message };
  }

  const worded = (code) => code.replace(/(_eject)?_reason$/, "").replaceAll("_", " ");

  function over() {
    const code = [me.joinErrorCode, me.ejectReasonCode].find((each) => each && each !== "not_eject_reason");
    if (code) return OTHER_WORDS[code.replace(/_reason$/, "")] ?? { state: joinedAt ? "kicked" : "refused", why: worded(code) };
    if (me.meeting?.ended) return { state: "ended", why: worded((me.meeting.endedReasonCode ?? "").toLowerCase()) };
    if (me.guestStatus === "DENY") return OTHER_WORDS.guestDeniedAccess;
    if (me.loggedOut) return { state: "kicked", why: "it was logged out" };
    return undefined;
  }

  function missing(since, line) {
    if (performance.now() - since > patienceMs) throw new Error(line);
    return "joining";
  }

  function state() {
    const error = refusedByApi();
    if (error) {
      if (NOT_OPEN.includes(error.key) && joinUrl) return "not_open";
      return OTHER_WORDS[error.key] ?? { state: "refused", why: error.message ?? error.key };
    }
    const end = over();
    if (end) return end;
    const own = rowsOf("user_current");
    if (!own) {
      if (joinedAt) return "reconnecting";
      return missing(began, wires.size
        ? "BigBlueButton's client asks for no user_current: the adapter was written for another version"
        : "the page opens no GraphQL connection: it is no client of BigBlueButton 3");
    }
    if (own.length && !("joined" in me)) needed({}, "joined", "user_current");
    if (me.guestStatus === "WAIT") return "lobby";
    if (!me.joined) return "joining";
    needed(me, "userId", "user_current");
    if (isAnswered("user")) return "live";
    return missing(joinedAt, "BigBlueButton's client asks for no list of its users: is it hidden, or another version?");
  }

  const isIn = () => joinedAt !== undefined && !over() && Boolean(rowsOf("user_current"));

  // A meeting that is not there yet is asked for again; the page that says so does not do it.
  async function askAgain() {
    for (;;) {
      await pause(askAgainMs);
      const { url } = await fetch(joinUrl).catch(() => ({ url: "errors=" }));
      if (!url.includes("errors=")) break;
    }
    location.replace(joinUrl);
  }

  // -- people, cameras, chat --------------------------------------------------------------------------------------------

  function people() {
    if (!isIn()) return [];
    const rows = rowsOf("user") ?? [];
    const named = rows.filter((row) => row?.userId && typeof row.name === "string");
    if (rows.length && !named.length) needed(rows[0]?.userId ? { userId: 1 } : {}, rows[0]?.userId ? "name" : "userId", "user");
    const found = new Map();
    for (const { user } of rowsOf("user_camera") ?? []) found.set(needed(user, "userId", "user_camera.user"), user);
    for (const row of named) found.set(row.userId, { ...found.get(row.userId), ...row });
    found.delete(me.userId);
    return [...found.values()].filter(({ loggedOut }) => !loggedOut).map(
      ({ userId, name, bot }) => ({ id: userId, name, bot: bot === true }),
    );
  }

  function shown() {
    const tracks = new Map();  // id of a camera → track
    for (const tile of document.querySelectorAll("[data-stream]")) {
      const track = tile.querySelector("video")?.srcObject?.getVideoTracks().find(({ readyState }) => readyState === "live");
      if (track && !tracks.has(tile.dataset.stream)) tracks.set(tile.dataset.stream, track);
    }
    return tracks;
  }

  function whyUnseen(user) {
    const { lockSettings, usersPolicies } = Object.assign({}, ...(rowsOf("meeting") ?? []));
    const isLocked = lockSettings?.webcamsOnlyForModerator || usersPolicies?.webcamsOnlyForModerator;
    if (isLocked && me.locked && !me.isModerator && !user.isModerator) {
      return "viewers of this meeting see the cameras of moderators only: let the bot join with role=moderator";
    }
    return "the client does not show it: its cameras are on several pages, or it cannot get this one";
  }

  const unseenSince = new Map();  // id of a camera → when it was first not to be seen

  function streams() {
    if (!isIn()) return [];
    const cameras = new Map();  // id of a camera → { user, kind }
    for (const user of rowsOf("user") ?? []) {
      for (const { streamId } of user?.cameras ?? []) cameras.set(streamId, { user, kind: "camera" });
    }
    for (const row of rowsOf("user_camera") ?? []) {
      const id = needed(row, "streamId", "user_camera");
      const isScreen = row.contentType === "screenshare" || id.includes("screenshare");
      cameras.set(id, { user: needed(row, "user", "user_camera"), kind: isScreen ? "screen" : "camera" });
    }
    const tracks = shown();
    for (const id of unseenSince.keys()) if (tracks.has(id) || !cameras.has(id)) unseenSince.delete(id);
    return [...cameras].filter(([, { user }]) => user.userId !== me.userId).flatMap(([id, { user, kind }]) => {
      const said = { person: needed(user, "userId", "user_camera.user"), kind };
      if (tracks.has(id)) return [{ ...said, track: tracks.get(id) }];
      if (!unseenSince.has(id)) unseenSince.set(id, performance.now());
      return performance.now() - unseenSince.get(id) > UNSEEN_MS ? [{ ...said, unreadable: whyUnseen(user) }] : [];
    });
  }

  const read = new Map();  // message as it came → its text, and a number for it: it may be written anew under its old id
  function textOf(html) {
    if (read.size > 2 * MOST_MESSAGES) read.clear();
    if (!read.has(html)) {
      const text = new DOMParser().parseFromString(html, "text/html").body.textContent;
      read.set(html, { text, mark: [...text].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) >>> 0, 7) });
    }
    return read.get(html);
  }

  function chat() {
    if (!isIn()) return [];
    const rows = [...(rowsOf("chat_message_public") ?? []), ...(rowsOf("chat_message_public_stream") ?? [])];
    const said = new Map();
    for (const row of rows) {
      const person = row?.user?.userId ?? row?.senderId;
      if (!person || person === me.userId) continue;  // nobody wrote it, but the server itself; or the bot did
      const { text, mark } = textOf(needed(row, "message", "chat message"));
      const id = `${needed(row, "messageId", "chat message")} ${mark}`;
      said.set(id, { id, person, text });
    }
    return [...said.values()].slice(-MOST_MESSAGES);
  }

  // -- what the bot does there: it shows its picture, says what it is, and goes -------------------------------------------

  let asked = 0;
  // The answer is not asked for: where the chat is locked, say, the server refuses, and nothing is wrong with the page.
  async function mutate(query, variables = {}) {
    const isReady = ([{ readyState }, subscriptions]) => (
      readyState === NativeSocket.OPEN && [...subscriptions.values()].some(({ field }) => field === "user_current")
    );
    const until = performance.now() + ANSWER_MS;
    while (![...wires].some(isReady) && performance.now() < until) await pause(250);
    const [socket] = [...wires].find(isReady) ?? [];
    if (!socket) return;
    const id = `classpulse-${asked += 1}`;
    const answered = new Promise((resolve) => {
      function listen({ data }) {
        const { id: theirs, type } = parsed(data);
        if (theirs !== id || type === "next") return;
        socket.removeEventListener("message", listen);
        resolve();
      }
      socket.addEventListener("message", listen);
      socket.addEventListener("close", resolve);
    });
    send.call(socket, JSON.stringify({ id, type: "subscribe", payload: { query, variables } }));
    await Promise.race([answered, pause(ANSWER_MS)]);
  }

  const button = (name) => document.querySelector(`[data-test="${name}"]:not([disabled]):not([aria-disabled="true"])`);

  // Where cameras are locked or the meeting has none, the bot is seen by its name and its words alone.
  async function showPicture() {
    const until = performance.now() + CAMERA_MS;
    const pressed = new Set();
    const isOn = () => (rowsOf("user_camera") ?? []).some(({ user }) => user?.userId === me.userId);
    while (performance.now() < until && !isOn()) {
      for (const name of ["closeModal", "joinVideo", "startSharingWebcam"]) {
        const found = button(name);
        if (!found || pressed.has(name) || (name === "closeModal" && pressed.has("joinVideo"))) continue;
        pressed.add(name);
        found.click();
        break;
      }
      await pause(250);
    }
  }

  async function join() {
    if (refusedByApi()) {
      if (joinUrl && state() === "not_open") askAgain();
      return;
    }
    while (!isIn()) await pause(250);
    await showPicture();
  }

  // The client's own setting: all cameras on one page.
  for (const storage of [sessionStorage, localStorage]) {
    const kept = parsed(storage.getItem("BBB_changed_settings_application"));
    storage.setItem("BBB_changed_settings_application", JSON.stringify({ ...kept, paginationEnabled: false }));
  }

  window.classpulse = {
    state,
    people,
    streams,
    chat,
    join,
    say: (text) => mutate(
      "mutation ChatSendMessage($chatId: String!, $chatMessageInMarkdownFormat: String!) {"
      + " chatSendMessage(chatId: $chatId, chatMessageInMarkdownFormat: $chatMessageInMarkdownFormat) }",
      { chatId: CHAT, chatMessageInMarkdownFormat: text },
    ),
    leave: () => mutate("mutation UserLeaveMeeting { userLeaveMeeting }"),
  };
})
