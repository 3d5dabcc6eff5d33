/** After class: what the gateway keeps of it, on this page, as a file, as a table, on paper. Loaded once it is over. */

import { $ } from "./bind.js";
import { offerCopy } from "./copy.js";
import { fold } from "./store.js";

const { timeZone: zone } = new Intl.DateTimeFormat().resolvedOptions();
const pathOf = (room) => `/rooms/${encodeURIComponent(room)}/report`;

/** {headline, findings, events} of the class; null where it is kept no more, or nobody is there to be asked. */
async function fetchReport(room, token) {
  const body = new URLSearchParams({ token, zone, as: "page", lang: document.documentElement.lang });
  const asked = { method: "POST", body, cache: "no-store", credentials: "omit" };
  const response = await fetch(pathOf(room), asked).catch(() => null);
  if (!response?.ok) return null;
  const { headline, findings, events } = await response.json();
  return { headline, findings: findings.map((text) => ({ text })), events };
}

/** Have the buttons ask for the report's files; what opens it goes into no address, and into the form only on its way. */
function offerFiles(room, token) {
  const form = $("report");
  form.action = pathOf(room);
  form.elements.zone.value = zone;
  form.onsubmit = () => {
    form.elements.token.value = token;
    setTimeout(() => (form.elements.token.value = ""));
  };
  const sheet = $("report-sheet");
  sheet.onload = () => sheet.contentWindow.location.href !== "about:blank" && sheet.contentWindow.print();
  const [button, address] = [$("report-copy"), $("report-address")];
  const url = `${location.origin}${pathOf(room)}#t=${token}`;
  button.onclick = () => offerCopy(button, address, url);
}

/** Reads the report where one is due: `status()` is the feed's, or that of a class which is known by its report alone. */
export function createPast({ room, isReport, store, ui, feed, request }) {
  let [asked, isKept] = [null, false];

  function status() {
    if (isKept) return { ...feed.status, phase: "kept" };
    return isReport ? { ...feed.status, phase: asked === "gone" ? "denied" : "connecting" } : feed.status;
  }

  async function read({ state, bye }, token) {
    const due = { leaving: "leaving", ended: `ended ${bye?.live_s}`, no_access: "kept", connecting: isReport && "kept" }[state];
    if (!due || asked === due || asked === "gone" || isKept) return;
    asked = due;
    const report = await fetchReport(room, token);
    if (due === "kept") [isKept, asked] = [Boolean(report), report ? due : "gone"];
    if (report) {
      ui.report = report;
      if (due !== "leaving") for (const event of report.events) fold(store, event, performance.now());
      offerFiles(room, token);
    }
    request(true);
  }

  return { status, read };
}
