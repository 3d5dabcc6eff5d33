// A participant of a Janus VideoRoom in a browser, as a small meeting page would be one. Every function answers once
// Janus has agreed.
"use strict";

window.person = (() => {
  let ask, handle, camera, sending, channel, socket;
  const heard = [];
  const seen = new Map();

  async function connect(url) {
    socket = new WebSocket(url, "janus-protocol");
    const waiting = new Map();
    let session;
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.janus !== "ack") waiting.get(message.transaction)?.(message);
    };
    await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject; });
    ask = (message) => new Promise((resolve) => {
      const transaction = String(Math.random());
      waiting.set(transaction, resolve);
      socket.send(JSON.stringify({ ...message, transaction, session_id: session }));
    });
    session = (await ask({ janus: "create" })).data.id;
    const beat = setInterval(() => (socket.readyState === 1 ? ask({ janus: "keepalive" }) : clearInterval(beat)), 20_000);
  }

  const attach = async () => (await ask({ janus: "attach", plugin: "janus.plugin.videoroom" })).data.id;
  const say = async (handle_id, body, jsep) => {
    const answer = await ask({ janus: "message", handle_id, body, jsep });
    if (answer.plugindata?.data?.error) throw new Error(answer.plugindata.data.error);
    return answer;
  };
  const complete = (peer) => new Promise((resolve) => {
    peer.onicecandidate = ({ candidate }) => { if (!candidate) resolve(peer.localDescription); };
  });

  async function publish(codec, layers, smallestFirst, talks) {
    sending = new RTCPeerConnection();
    const sendEncodings = ["h", "m", "l"].slice(0, layers).map((rid, index) => (
      { rid, scaleResolutionDownBy: 2 ** index, maxBitrate: 2_000_000 / 4 ** index }
    ));
    if (smallestFirst) sendEncodings.reverse();
    const direction = "sendonly";
    const transceiver = sending.addTransceiver(camera, layers > 1 ? { direction, sendEncodings } : { direction });
    const { codecs } = RTCRtpSender.getCapabilities("video");
    const chosen = codecs.filter((one) => [`video/${codec}`, "video/rtx"].includes(one.mimeType));
    transceiver.setCodecPreferences(chosen);
    if (talks) channel = sending.createDataChannel("JanusDataChannel");
    const whole = complete(sending);
    await sending.setLocalDescription();
    const body = { request: "publish", videocodec: codec.toLowerCase() };
    await sending.setRemoteDescription((await say(handle, body, await whole)).jsep);
  }

  async function open(width, height) {
    const media = await navigator.mediaDevices.getUserMedia({ video: { width, height } });
    [camera] = media.getVideoTracks();
  }

  // `layers`: how many sizes of the picture are sent, the largest first unless it is said otherwise.
  async function join({
    url, room, name, codec, layers = 1, smallestFirst = false, width = 640, height = 360, talks = false,
  }) {
    await connect(url);
    handle = await attach();
    const { plugindata } = await say(handle, { request: "join", ptype: "publisher", room, display: name });
    await open(width, height);
    await publish(codec, layers, smallestFirst, talks);
    return plugindata.data.publishers.map(({ id, display }) => ({ id, display }));
  }

  // Publish the same camera anew, in the same section. (Janus keeps a section's codec for as long as it is published.)
  async function recode(codec) {
    await say(handle, { request: "unpublish" });
    sending.close();
    await publish(codec, 1, false, false);
  }

  // Receive all of a publisher; answers once a picture of it was drawn.
  async function watch(feed) {
    const other = await attach();
    const offered = await say(other, { request: "join", ptype: "subscriber", room: 1234, streams: [{ feed }] });
    const receiving = new RTCPeerConnection();
    const video = document.createElement("video");
    video.muted = true;
    receiving.ontrack = ({ track }) => { video.srcObject = new MediaStream([track]); video.play(); };
    receiving.ondatachannel = ({ channel: from }) => {
      from.onmessage = ({ data }) => heard.push({ from: from.label, text: data });
    };
    await receiving.setRemoteDescription(offered.jsep);
    const whole = complete(receiving);
    // Janus sends nothing over data channels to somebody who has opened none.
    if (offered.jsep.sdp.includes("m=application")) receiving.createDataChannel("JanusDataChannel");
    await receiving.setLocalDescription();
    await say(other, { request: "start" }, await whole);
    await new Promise((resolve) => { video.requestVideoFrameCallback(resolve); });
    seen.set(feed, video);
  }

  // What is shown of a publisher now: size, colour of the frame's edge, how much its middle varies.
  function look(feed) {
    const video = seen.get(feed);
    const { videoWidth: width, videoHeight: height } = video;
    const canvas = new OffscreenCanvas(width, height).getContext("2d");
    canvas.drawImage(video, 0, 0);
    const edge = [...canvas.getImageData(width / 2, 3, 1, 1).data.slice(0, 3)];
    const { data } = canvas.getImageData(width / 8, height / 8, width * 3 / 4, height * 3 / 4);
    const green = data.filter((_, index) => index % 4 === 1);
    return { size: [width, height], edge, range: Math.max(...green.slice(0, 60_000)) - Math.min(...green.slice(0, 60_000)) };
  }

  return {
    join, recode, watch, look,
    resize: ([width, height]) => camera.applyConstraints({ width, height }),
    // How wide each size is that is sent, the largest first: a browser leaves out what it has no room for.
    sizes: async () => [...(await sending.getStats()).values()]
      .filter(({ type, framesEncoded }) => type === "outbound-rtp" && framesEncoded)
      .map(({ frameWidth }) => frameWidth).sort((one, other) => other - one),
    // How often this person was asked for a whole picture, and how many pictures they sent. Janus asks for one in
    // every size at once, which is one request.
    asked: async () => {
      const sent = [...(await sending.getStats()).values()].filter(({ type }) => type === "outbound-rtp");
      const sum = (name) => sent.reduce((all, each) => all + (each[name] ?? 0), 0);
      const requests = Math.max(...sent.map(({ pliCount = 0, firCount = 0 }) => pliCount + firCount));
      return { requests, sent: sum("framesEncoded") };
    },
    heard: () => heard,
    say: (text) => channel.send(text),
    talks: () => channel?.readyState === "open",
    cameraOff: async () => {
      await sending.getSenders()[0].replaceTrack(null);
      camera.stop();
    },
    cameraOn: async () => {
      await open(640, 360);
      await sending.getSenders()[0].replaceTrack(camera);
    },
    leave: () => socket.close(),
  };
})();
