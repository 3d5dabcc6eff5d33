/** What stands beside the meeting: the compact view in a window that stays on top, where the browser has such, else in a popup. */

import { $, bind } from "./bind.js";
import { compact } from "./compact.js";
import { offerCopy } from "./copy.js";
import { buildModel, hold } from "./model.js";
import { post } from "./post.js";

const [width, height] = [320, 180];
const DRAW_MS = 1000;

/** Open the small window; a second time it closes. `ui` is the page's: what is dismissed there is dismissed here. */
export async function openBeside(store, feed, ui) {
  const address = `/compact/${encodeURIComponent(feed.room)}`;
  const top = window.documentPictureInPicture;
  if (!top) return open(address, "classpulse-compact", `popup,width=${width},height=${height}`);
  if (top.window) return top.window.close();
  // Asked for at once: a browser opens nothing that comes long after the click.
  const small = await top.requestWindow({ width, height });
  const page = new DOMParser().parseFromString(await (await fetch(address)).text(), "text/html");
  const { documentElement: root, head, body } = small.document;
  const { lang, dir } = document.documentElement;
  Object.assign(root, { lang, dir });
  head.append(...page.querySelectorAll("link[rel=stylesheet]"));
  body.replaceWith(page.body);
  drawIn(small, store, feed, ui);
}

/** Draw each second of the small window's own: those of a page in the background pass slowly. */
function drawIn(small, store, feed, ui) {
  const { body, documentElement: root } = small.document;
  const write = bind(body);
  let was = null;
  const draw = () => {
    const next = buildModel(store, feed.status, ui, performance.now());
    was = was?.live && next.live && ui.pausedAt !== null ? hold(was, next, ui) : next;
    root.dataset.theme = document.documentElement.dataset.theme;
    body.toggleAttribute("data-covered", ui.covered);
    write(compact(was));
  };
  draw();
  small.setInterval(draw, DRAW_MS);
}

/** Fill the dialog with the address of an overlay, which shows the class and nobody in it. */
export async function openOverlay({ room, token }) {
  const [button, field, failed] = [$("overlay-copy"), $("overlay-address"), $("overlay-failed")];
  const answer = await post(`/rooms/${encodeURIComponent(room)}/overlay-links`, {}, token).catch(() => null);
  field.value = answer?.ok ? new URL((await answer.json()).page, location.origin) : "";
  failed.hidden = Boolean(field.value);
  button.hidden = !failed.hidden;
  button.onclick = () => offerCopy(button, field, field.value);
}
