/** What main.js does first: the page's modules take the sentences. */

import { readFileSync } from "node:fs";
import { load } from "../../../dashboard_protocol/web/words.js";

load(JSON.parse(readFileSync(new URL("../../../dashboard_protocol/view/languages/en.json", import.meta.url))));
