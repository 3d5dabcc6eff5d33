// The worker of a document: encoded frames of the receivers that are wanted go to the bot, one message each.
"use strict";

const CODECS = { "video/vp8": 1, "video/h264": 2, "video/vp9": 3, "video/av1": 4 };
const HEADER_BYTES = 40;
const MOST_BEHIND_BYTES = 4_000_000;  // a bot that does not read gets nothing more
const LOOK_EVERY_MS = 100;
const now = () => performance.timeOrigin + performance.now();

let socket;
let wanted = { receivers: [], ssrcs: [] };
const transformers = new Map();

function connect({ url, looks }) {
  socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  socket.onmessage = ({ data }) => {
    const { want, key } = JSON.parse(data);
    if (want) wanted = want;
    // It may say that the decoder needs none, or that the receiver is gone: the bot asks again.
    if (key) transformers.get(key)?.sendKeyFrameRequest().catch(() => {});
  };
  // A page's own timers may be slowed down; and what it said before anybody could hear it would be lost.
  socket.onopen = () => { if (looks) setInterval(() => postMessage(now()), LOOK_EVERY_MS); };
}

onmessage = ({ data }) => {
  if (data.url) connect(data);
  else if (socket?.readyState === WebSocket.OPEN) socket.send(data.text);
};

function send(number, frame, about) {
  const { synchronizationSource: ssrc = 0, contributingSources: [csrc = 0] = [] } = about;
  const isWanted = wanted.receivers.includes(number) || wanted.ssrcs.includes(ssrc);
  if (!isWanted || socket?.readyState !== WebSocket.OPEN || socket.bufferedAmount > MOST_BEHIND_BYTES) return;
  const payload = new Uint8Array(frame.data);
  const message = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(message.buffer);
  view.setFloat64(0, now());
  view.setUint32(8, number);
  view.setUint32(12, ssrc);
  view.setUint32(16, csrc);
  view.setUint32(20, about.rtpTimestamp ?? frame.timestamp);
  view.setUint16(24, about.width ?? 0);
  view.setUint16(26, about.height ?? 0);
  view.setUint8(28, CODECS[(about.mimeType ?? "").toLowerCase()] ?? 0);
  view.setUint8(29, frame.type === "key" ? 1 : 0);
  view.setUint8(30, about.temporalIndex ?? 0);
  view.setUint8(31, about.spatialIndex ?? 0);
  view.setUint32(32, payload.length);
  message.set(payload, HEADER_BYTES);
  socket.send(message);
}

onrtctransform = async ({ transformer }) => {
  const { number } = transformer.options;
  transformers.set(number, transformer);
  const reader = transformer.readable.getReader();
  const writer = transformer.writable.getWriter();
  try {
    for (;;) {
      const { value: frame, done } = await reader.read();
      if (done) break;
      const about = frame.getMetadata();
      try {
        send(number, frame, about);
      } finally {
        // What the page decodes is thrown away. Less than the lowest layer, and everybody would be asked for key frames.
        if (!(about.temporalIndex > 0)) writer.write(frame).catch(() => {});
      }
    }
  } finally {
    transformers.delete(number);
  }
};
