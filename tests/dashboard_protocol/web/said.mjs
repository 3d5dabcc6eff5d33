/** Folds feeds as the page does: [[event, …], …] on stdin, what is said of each on stdout, for test_agreement.py. */

import { text } from "node:stream/consumers";
import { gaps, timeAxis } from "../../../dashboard_protocol/web/charts.js";
import { GAP } from "../../../dashboard_protocol/web/ring.js";
import { createStore, fold } from "../../../dashboard_protocol/web/store.js";
import { countThreshold, trend } from "../../../dashboard_protocol/web/trend.js";
import * as words from "../../../dashboard_protocol/web/words.js";
import "./text.mjs";

function reported(events) {
  const store = createStore();
  for (const event of events) fold(store, event, 1000 * event.at);
  const { changes, hello, series, summary } = store;
  const { first, last } = series;
  const counted = { scale: 1, threshold: countThreshold(summary.present) };
  return {
    changes: changes.map((change) => [Math.floor(change.at), words.change(change)]).sort(([at, said], [other, more]) => at - other || (said < more ? -1 : 1)),
    gaps: gaps(series, timeAxis(first, last + 1, 0, 100), GAP.none).map(({ from, to, cause }) => [from, to, words.gapName(cause, hello.policy)]),
    trends: [words.trend(trend(series, "mean", last)), words.trend(trend(series, "attentive", last)), words.trend(trend(series, "present", last, counted), true)],
    shares: [summary.engagement?.mean, summary.engagement?.q1, summary.attentive].map((share) => [words.index(share), words.percent(share, { points: 5 })]),
  };
}

process.stdout.write(JSON.stringify(JSON.parse(await text(process.stdin)).map(reported)));
