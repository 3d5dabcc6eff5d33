// A double of BigBlueButton's client, as far as its state shows outside: what it subscribes to and how its document says
// which camera is where. Its cameras are canvases of this very page, of the colours that stand in their ids.
"use strict";

(() => {
  const session = new URLSearchParams(location.search).get("sessionToken");
  const SUBSCRIPTIONS = {
    getUserCurrent: "user_current { userId joined guestStatus joinErrorCode ejectReasonCode loggedOut meeting { ended endedReasonCode } }",
    MeetingSubscription: "meeting { lockSettings { webcamsOnlyForModerator } usersPolicies { webcamsOnlyForModerator } }",
    "Patched_UserListSubscription($offset: Int!, $limit: Int!)": "user(limit: $limit, offset: $offset) { userId name bot cameras { streamId } }",
    Patched_VideoStreams: "user_camera { streamId user { userId name isModerator } }",
    "chatMessages($limit: Int!, $offset: Int!)": "chat_message_public { user { userId } messageId message }",
  };
  const tiles = new Map();  // id of a camera → its tile
  const painters = new Map();  // id of a camera → who paints it, and the track that is received
  let socket, pageSize;
  let count = 0;

  function connect() {
    const ids = new Map();
    socket = new WebSocket(location.origin.replace("http", "ws") + "/graphql", "graphql-transport-ws");
    const say = (message) => socket.readyState === 1 && socket.send(JSON.stringify(message));
    const ask = (name) => {
      const id = String(count += 1);
      const [operationName] = name.split("(");
      ids.set(id, operationName);
      say({ id, type: "subscribe", payload: { operationName, query: `subscription ${name} { ${SUBSCRIPTIONS[name]} }`, variables: { offset: 0, limit: 50 } } });
      return id;
    };
    socket.onopen = () => say({ type: "connection_init", payload: { headers: { "X-Session-Token": session } } });
    socket.onclose = () => setTimeout(connect, 300);
    let hasJoined = false;
    let isInside = false;
    socket.onmessage = ({ data }) => {
      const { type, id, payload } = JSON.parse(data);
      if (type === "connection_ack") ask("getUserCurrent");
      if (type === "order") orders[payload.name](payload);
      if (type !== "next") return;
      const name = ids.get(id);
      if (name === "getUserCurrent" && payload.data.user_current) {
        const [me] = payload.data.user_current;
        if (me && me.guestStatus !== "WAIT" && !me.joined && !hasJoined) {
          hasJoined = true;
          say({ id: String(count += 1), type: "subscribe", payload: { query: "mutation UserJoin { userJoinMeeting }" } });
        }
        if (me?.joined && !isInside) {
          isInside = true;
          for (const each of Object.keys(SUBSCRIPTIONS).slice(1)) ask(each);
        }
      }
      if (name === "MeetingSubscription") pageSize = payload.data.meeting?.[0]?.pageSize;
      if (name === "Patched_VideoStreams" && payload.data.user_camera && !payload.data.patch) show(payload.data.user_camera);
    };
  }

  // Its own setting, in its own place.
  const isPaged = () => JSON.parse(sessionStorage.getItem("BBB_changed_settings_application") ?? "{}").paginationEnabled !== false;

  function show(rows) {
    const seen = rows.filter(({ user }) => user?.userId !== "bot").slice(0, isPaged() ? 1 : pageSize);
    const ids = seen.map(({ streamId }) => streamId);
    for (const [id, tile] of tiles) if (!ids.includes(id)) { tile.remove(); tiles.delete(id); }
    for (const id of ids) {
      if (tiles.has(id)) continue;
      const tile = Object.assign(document.createElement("div"), { className: "videoContainer" });
      tile.dataset.stream = id;
      tile.append(Object.assign(document.createElement("video"), { muted: true, autoplay: true }));
      document.body.append(tile);
      tiles.set(id, tile);
      receive(id);
    }
  }

  async function receive(id) {
    if (painters.has(id)) return;
    const painter = { colour: id.split("_")[2].split(".") };
    painters.set(id, painter);
    const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 180 });
    let at = 0;
    setInterval(() => {
      const paper = canvas.getContext("2d");
      paper.fillStyle = `rgb(${painter.colour[0]}, ${painter.colour[1]}, 60)`;
      paper.fillRect(0, 0, 320, 180);
      paper.fillStyle = "rgb(120, 120, 120)";
      paper.fillRect(at = (at + 8) % 320, 0, 16, 180);
    }, 66);
    const [sending, receiving] = [new RTCPeerConnection(), new RTCPeerConnection()];
    sending.onicecandidate = ({ candidate }) => receiving.addIceCandidate(candidate);
    receiving.onicecandidate = ({ candidate }) => sending.addIceCandidate(candidate);
    receiving.ontrack = ({ track }) => {
      painter.stream = new MediaStream([track]);
      const tile = tiles.get(id);
      if (tile) tile.firstChild.srcObject = painter.stream;
    };
    sending.addTransceiver(canvas.captureStream(15).getVideoTracks()[0], { direction: "sendonly" });
    await sending.setLocalDescription();
    await receiving.setRemoteDescription(sending.localDescription);
    await receiving.setLocalDescription();
    await sending.setRemoteDescription(receiving.localDescription);
  }

  const orders = {
    // The media server shows somebody else on a track that is there already, as LiveKit does.
    rebind: ({ from, to, late }) => {
      const painter = painters.get(from);
      const [before, after] = [tiles.get(from), tiles.get(to)];
      after.firstChild.srcObject = null;
      const paint = () => { painter.colour = to.split("_")[2].split("."); };
      if (late) paint();
      setTimeout(() => {
        before.firstChild.srcObject = null;
        paint();
        after.firstChild.srcObject = painter.stream;
        painters.set(to, painter);
      }, late);
    },
    hang_up: () => socket.close(),
  };

  // Its buttons: a first one, and one of the preview behind it.
  function addButton(name, onclick) {
    const made = Object.assign(document.createElement("button"), { onclick });
    made.dataset.test = name;
    document.body.append(made);
  }
  addEventListener("DOMContentLoaded", () => addButton("joinVideo", async () => {
    const stream = await navigator.mediaDevices.getUserMedia({ video: true });
    addButton("startSharingWebcam", () => socket.send(JSON.stringify({
      id: String(count += 1),
      type: "subscribe",
      payload: { query: "mutation CameraBroadcastStart { cameraBroadcastStart }", variables: { tracks: stream.getVideoTracks().length } },
    })));
  }));
  connect();
})();
