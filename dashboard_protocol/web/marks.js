/** What the instructor marks on the timeline: typed, chosen, or both. */

import { $ } from "./bind.js";
import { post } from "./post.js";

/** Make the dialog ready: each of its buttons sets a mark of its kind, with what is typed, and closes it. */
export function openMark(feed) {
  const [form, field, failed] = [$("mark-form"), $("mark-text"), $("mark-failed")];
  field.value = "";
  failed.hidden = true;
  form.onsubmit = async (event) => {
    event.preventDefault();
    const { value: kind = "note" } = event.submitter ?? {};
    failed.hidden = kind === "close" || (await isTaken(feed, { kind, text: field.value.trim() }));
    if (failed.hidden) $("mark").close();
  };
}

const isTaken = ({ room, token }, mark) =>
  post(`/rooms/${encodeURIComponent(room)}/marks`, mark, token).then(({ ok }) => ok, () => false);
