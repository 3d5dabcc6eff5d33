import { say } from "./words.js";

/** An address for another program: copied where the browser lets a page copy, which `button` says, else shown in `field`. */
export async function offerCopy(button, field, url) {
  try {
    await navigator.clipboard.writeText(url);
    button.textContent = say("page.report_copied");
  } catch {
    Object.assign(field, { hidden: false, value: url });
    field.select();
  }
}
