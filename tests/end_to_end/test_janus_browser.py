"""A person with a real browser in a Janus room: the bot reads her picture, and she sees the bot and its notice."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

from bot.rooms.base import Absence, CameraOn, Joined, Left
from bot.rooms.janus import JanusRoom
from bot.rooms.notice import Notice, visible_name
from tests.benchmarks.janus_server import PORT, JanusServer, janus_server
from tests.benchmarks.network import BOT, SERVER, PrivateNetwork, missing, private_network
from tests.contracts.rooms import expect, expect_gone

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", "--no-sandbox", "--disable-quic",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-features=WebRtcHideLocalIpsWithMdns,LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets",
]  # fmt: skip
WHY_NOT = missing("janus") or (None if Path(CHROMIUM).exists() else f"{CHROMIUM} is not installed")
ORIGIN = "http://127.0.0.1/"
"""Answered by the test itself; a browser gives its camera only to a page like this or over TLS."""

pytestmark = [pytest.mark.integration, pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))]

JOIN = """async ({ url, name, codec }) => {
  const socket = new WebSocket(url, "janus-protocol");
  const waiting = new Map();
  let session;
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.janus !== "ack") waiting.get(message.transaction)?.(message);
  };
  await new Promise((resolve) => { socket.onopen = resolve; });
  const ask = (message) => new Promise((resolve) => {
    const transaction = String(Math.random());
    waiting.set(transaction, resolve);
    socket.send(JSON.stringify({ ...message, transaction, session_id: session }));
  });
  session = (await ask({ janus: "create" })).data.id;
  const attach = async () => (await ask({ janus: "attach", plugin: "janus.plugin.videoroom" })).data.id;
  const tell = (handle_id, body, jsep) => ask({ janus: "message", handle_id, body, jsep });
  const complete = (peer) => new Promise((resolve) => {
    peer.onicecandidate = ({ candidate }) => { if (!candidate) resolve(peer.localDescription); };
  });

  const own = await attach();
  const joined = await tell(own, { request: "join", ptype: "publisher", room: 1234, display: name });
  const media = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 360 } });
  const sending = new RTCPeerConnection();
  const transceiver = sending.addTransceiver(media.getVideoTracks()[0], { direction: "sendonly" });
  const { codecs } = RTCRtpSender.getCapabilities("video");
  transceiver.setCodecPreferences(codecs.filter((one) => [`video/${codec}`, "video/rtx"].includes(one.mimeType)));
  let whole = complete(sending);
  await sending.setLocalDescription();
  const body = { request: "publish", videocodec: codec.toLowerCase() };
  await sending.setRemoteDescription((await tell(own, body, await whole)).jsep);

  const [bot] = joined.plugindata.data.publishers;
  const other = await attach();
  const streams = [{ feed: bot.id, mid: "0" }];
  const offered = await tell(other, { request: "join", ptype: "subscriber", room: 1234, streams });
  const receiving = new RTCPeerConnection();
  const video = document.createElement("video");
  video.muted = true;
  receiving.ontrack = ({ track }) => { video.srcObject = new MediaStream([track]); video.play(); };
  await receiving.setRemoteDescription(offered.jsep);
  whole = complete(receiving);
  await receiving.setLocalDescription();
  await tell(other, { request: "start" }, await whole);
  await new Promise((resolve) => { video.onresize = resolve; });
  window.leave = () => socket.close();
  return { display: bot.display, size: [video.videoWidth, video.videoHeight] };
}"""


@pytest.fixture
def network() -> Iterator[PrivateNetwork]:
    with private_network() as network:
        yield network


@pytest.fixture
async def server(network: PrivateNetwork) -> AsyncIterator[JanusServer]:
    async with janus_server(network) as server:
        yield server


@pytest.fixture
async def browser(network: PrivateNetwork) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def page(browser: Browser) -> Page:
    page = await browser.new_page()
    await page.route(ORIGIN, lambda route: route.fulfill(content_type="text/html", body="<!doctype html>"))
    await page.goto(ORIGIN)
    return page


@pytest.mark.parametrize("codec", ["VP8", "H264"])
async def test_browser_and_bot_see_each_other(server: JanusServer, page: Page, codec: str) -> None:
    notice = Notice(bot_name="Ada", profile="aggregate", summary="Class values only.")
    async with JanusRoom(server.url(), clock=time.time, notice=notice, addresses=[BOT]) as room:
        events = room.events()
        seen = await page.evaluate(JOIN, {"url": f"ws://{SERVER}:{PORT}", "name": "Eve", "codec": codec})
        assert seen == {"display": visible_name("Ada"), "size": [640, 360]}
        assert (await expect(events, Joined)).participant.name == "Eve"
        on = await expect(events, CameraOn)
        async with asyncio.timeout(20):
            async for frame in on.track.frames():
                if frame.width_px == 640:
                    assert frame.to_rgb().std() > 10
                    break
        await page.evaluate("leave()")
        assert await expect_gone(events) == Left(on.participant, Absence.LEFT)
