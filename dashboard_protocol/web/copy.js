/** An address for another program: copied where the browser lets a page copy, else shown for her to copy. */

import { say } from "./words.js";

/** Copy an address; `button` says so, `field` shows it where that fails. */
export async function offerCopy(button, field, url) {
  try {
    await navigator.clipboard.writeText(url);
    button.textContent = say("page.report_copied");
  } catch {
    Object.assign(field, { hidden: false, value: url });
    field.select();
  }
}
