/** Runs in the page in place of main.js: the page's own store, model and drawing, fed faster than any class goes. */

const modules = await Promise.all(["bind", "chart", "model", "store", "words"].map((name) => import(`/static/${name}.js`)));
const [{ bind }, { cursorOn, timeChart }, { buildModel }, { createStore, fold }, { load }] = modules;
load(await (await fetch("/static/text.en.json")).json());
const FEED = { phase: "open", downMs: null, retryMs: null };
const START = 1_790_000_000;
const box = document.getElementById("chart");

window.rehearsal = (hello) => {
  const store = createStore();
  const ui = { pausedAt: null, dismissed: new Set() };
  const draw = bind(document.body);
  const size = { width: 0, height: 0 };
  let second = 0;
  const put = (event) => fold(store, { at: START + second, ...event }, second * 1000);
  put(hello);
  put({ type: "bot_state", state: "live", since: START, reason: null, attempts: 0 });

  function feed(people) {
    const mean = Math.round((0.65 + 0.25 * Math.sin(second / 97)) * 20) / 20;
    const [present, away] = [28 + (Math.floor(second / 600) % 3), second % 1800 < 40];
    put({
      type: "class_summary", present, camera_on: 24, visible: 22, facing: null, analysed: away ? null : 20, coverage: away ? null : 0.85,
      engagement: away ? null : { mean, q1: mean - 0.15, q3: mean + 0.1, levels: [0.1, 0.2, 0.45, 0.25], level: mean > 0.7 ? 3 : 2 },
      expressions: away ? null : { angry: 0, disgust: 0, fear: 0, happy: mean / 4, sad: 0.1, surprise: 0.1, neutral: 0.6, unclear: 0.1 },
      valence: 0, arousal: 0, attentive: away ? null : mean, withheld: away ? "below_k" : null, as_of: START + second,
    });
    for (let n = 0; n < people; n++) put({
      type: "participant", participant: `p${n}`, name: `Person ${n}`, level: (n + second) % 4, facing: (n + second) % 3 > 0,
      displayed: "neutral", unmeasurable: null, since: START,
    });
    if (second % 700 === 650) put({ type: "alert", id: `a${second}`, kind: "fall", from: 0.8, to: 0.6, window: { start: START, end: START + 180 }, people: 20, why: "facing" });
    second += 1;
  }

  /** One render as main.js does it, with style and layout; the time it took in ms. */
  function render(windowS = 600) {
    const before = performance.now();
    const model = buildModel(store, FEED, ui, second * 1000);
    model.chart = size.width ? timeChart(model, size, windowS) : null;
    model.cursor = model.chart && cursorOn(model.chart, null);
    draw(model);
    const { width } = document.body.getBoundingClientRect();
    const cost = performance.now() - before;
    if (!size.width && width) Object.assign(size, { width: box.clientWidth, height: box.clientHeight });
    return cost;
  }
  return { feed, render };
};
document.documentElement.dataset.ready = "";
