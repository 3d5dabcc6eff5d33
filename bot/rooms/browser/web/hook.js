// Runs in every document of the bot's browser, before the page's own scripts. It changes four things there: videos are
// handed to a worker of ours, still encoded; sound is turned down; the camera is the notice picture; and what the page
// says of itself by `window.classpulse` is told to the bot. Nothing is done to look like a person.
"use strict";

(({ binding, port, picture, relayOnly, workerSource }) => {
  const ticket = window[binding];
  delete window[binding];
  const Native = window.RTCPeerConnection;
  if (!Native || !window.RTCRtpScriptTransform) return;
  const isTop = window === window.top;

  let worker;
  const open = () => {
    if (worker) return worker;
    const source = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
    worker = new Worker(source);
    worker.onmessage = ({ data }) => look(data);
    ticket().then((token) => worker.postMessage({ url: `ws://127.0.0.1:${port}/${token}`, looks: isTop }));
    return worker;
  };

  // -- video: the worker gets every receiver's frames before anybody else can ask for them -----------------------------

  const receivers = new Map();  // number → what is known of a receiver
  const numbers = new WeakMap();  // receiver or track → its number
  let count = 0;

  function hook(connection) {
    connection.addEventListener("track", ({ receiver, transceiver, track }) => {
      if (track.kind !== "video") {
        transceiver.direction = "inactive";  // the bot hears nobody
        return;
      }
      if (numbers.has(receiver)) return;
      const number = ++count;
      const transform = new RTCRtpScriptTransform(open(), { number });
      receiver.transform = transform;
      numbers.set(receiver, number);
      numbers.set(track, number);
      receivers.set(number, { receiver, track, transform, connection });
    });
  }

  const wrapped = new Proxy(Native, {
    construct(target, given, newTarget) {
      const [configuration, ...rest] = given;
      const own = relayOnly ? [{ ...configuration, iceTransportPolicy: "relay" }, ...rest] : given;
      const connection = Reflect.construct(target, own, newTarget);
      hook(connection);
      return connection;
    },
  });
  Native.prototype.constructor = wrapped;
  window.RTCPeerConnection = wrapped;
  if (window.webkitRTCPeerConnection) window.webkitRTCPeerConnection = wrapped;

  const { addTransceiver } = Native.prototype;
  Native.prototype.addTransceiver = function (kind, init) {
    const isSound = kind === "audio" || kind?.kind === "audio";
    return addTransceiver.call(this, kind, isSound ? { ...init, direction: "inactive" } : init);
  };

  // A page that encrypts end to end takes the frames itself, and what it took would be of no use to us.
  let isEncrypted = false;
  const { createEncodedStreams } = RTCRtpReceiver.prototype;
  if (createEncodedStreams) {
    RTCRtpReceiver.prototype.createEncodedStreams = function () {
      isEncrypted = true;
      return createEncodedStreams.call(this);
    };
  }

  window.open = () => null;  // one page, and no windows beside it; those that come all the same are closed

  // -- the bot's camera: the notice picture, once a second; it has no microphone and shares no screen ------------------

  const denied = (text) => Promise.reject(new DOMException(text, "NotFoundError"));
  let camera;
  function noticeCamera() {
    if (camera?.readyState === "live") return camera.clone();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = picture.size;
    const image = new Image();
    image.src = picture.url;
    const stream = canvas.captureStream(0);
    [camera] = stream.getVideoTracks();
    camera.contentHint = "detail";
    const draw = () => {
      if (camera.readyState !== "live") return;
      canvas.getContext("2d").drawImage(image, 0, 0);
      camera.requestFrame();
      setTimeout(draw, picture.interval_ms);
    };
    image.decode().then(draw);
    return camera.clone();
  }
  if (navigator.mediaDevices) {
    const device = { deviceId: "notice", groupId: "notice", kind: "videoinput", label: "classpulse notice picture" };
    Object.assign(navigator.mediaDevices, {
      enumerateDevices: async () => [{ ...device, toJSON: () => device }],
      getUserMedia: async (wanted) => (
        wanted?.video && !wanted.audio ? new MediaStream([noticeCamera()]) : denied("this guest has no microphone")
      ),
      getDisplayMedia: () => denied("this guest shares no screen"),
    });
  }

  // -- what the page says of itself ----------------------------------------------------------------------------------

  const ASKED = ["state", "people", "streams", "chat", "encrypted"];
  const OPTIONAL = ["chat", "encrypted"];
  const numberOf = ({ track, receiver }) => {
    if (receiver instanceof RTCRtpReceiver) return numbers.get(receiver);
    if (track instanceof MediaStreamTrack) return numbers.get(track);
    for (const [number, known] of receivers) if (track && known.track.id === track) return number;
    return undefined;
  };
  const streamOf = (stream) => {
    if (typeof stream !== "object" || stream === null) return stream;
    const { person, kind, ssrc, unreadable } = stream;
    return { person, kind, ssrc, unreadable, receiver: numberOf(stream) };
  };

  function answers() {
    const page = window.classpulse;
    if (typeof page !== "object" || page === null) return { missing: true };
    const said = {};
    for (const name of ASKED) {
      if (OPTIONAL.includes(name) && typeof page[name] !== "function") continue;
      try {
        const answer = page[name]();
        said[name] = name === "streams" && Array.isArray(answer) ? answer.map(streamOf) : answer ?? null;
      } catch (error) {
        said.failed ??= `${name}(): ${error}`.slice(0, 300);
      }
    }
    return said;
  }

  let last = "";
  // `at`: when the worker asked. Whatever came to this page before then has been worked off by now, in order.
  function look(at) {
    for (const [number, { receiver, track, transform, connection }] of receivers) {
      if (track.readyState === "ended" || connection.connectionState === "closed") receivers.delete(number);
      else if (receiver.transform !== transform) isEncrypted = true;
    }
    let text;
    try {
      const said = answers();
      text = JSON.stringify({ ...said, encrypted: isEncrypted || said.encrypted === true });
    } catch (error) {
      text = JSON.stringify({ failed: `its answers cannot be sent: ${error}`.slice(0, 300) });
    }
    worker.postMessage({ text: text === last ? `{"at":${at}}` : `{"at":${at},"said":${text}}` });
    last = text;
  }

  if (isTop) open();
})
