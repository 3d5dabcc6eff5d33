/** What the instructor marks on the timeline: typed, chosen, or both. */

import { $ } from "./bind.js";

/** Make the dialog ready: each of its buttons sets a mark of its kind, with what is typed, and closes it. */
export function openMark(feed) {
  const [form, field, failed] = [$("mark-form"), $("mark-text"), $("mark-failed")];
  field.value = "";
  failed.hidden = true;
  form.onsubmit = async (event) => {
    event.preventDefault();
    const { value: kind = "note" } = event.submitter ?? {};
    if (kind === "close") return $("mark").close();
    failed.hidden = await send(feed, { kind, text: field.value.trim() });
    if (failed.hidden) $("mark").close();
  };
}

/** Whether the gateway took it. */
async function send({ room, token }, mark) {
  const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
  const asked = { method: "POST", headers, body: JSON.stringify(mark), cache: "no-store", credentials: "omit" };
  const response = await fetch(`/rooms/${encodeURIComponent(room)}/marks`, asked).catch(() => null);
  return Boolean(response?.ok);
}
