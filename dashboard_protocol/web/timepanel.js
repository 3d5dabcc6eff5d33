/** Charts on one time axis: strips over each other, gaps, alert marks and the reading cursor. */

import { areaPath, bandPath, gaps, spread, stack, stepPath, timeAxis, timeTicks, countTicks } from "./charts.js";
import { attr, each, style, svg, text } from "./dom.js";
import { GAP } from "./ring.js";
import { percent, clock, count, gapName } from "./words.js";

const NARROW_PX = 480;
const SLIM_PX = 290;
const LABELLED_GAP_PX = 60;
// Two labels of a wide font, side by side.
const CLEAR_PX = 40;
const LABEL_APART_PX = 14;
const ALL_STRIPS = new Set([GAP.feed, GAP.bot]);

const AGGREGATE = [
  { share: 0.64, max: 1, ticks: [0, 0.5, 1], band: ["q1", "q3"], lines: [["mean"]] },
  { share: 0.21, max: 1, ticks: [0, 1], title: "Attentive", note: ["% of people analysed, facing the screen with gaze on it", "% of people analysed"], lines: [["attentive", (v, fresh) => percent(v) + (fresh ? " now" : ""), true]] },
  { share: 0.15, ticks: [], title: "People", note: ["solid: analysed · dashed: present", "analysed (solid), present (dashed)"], lines: [["analysed", (v) => `${count(v)} analysed`, true], ["present", (v) => `${count(v)} present`]] },
];
const COUNTS = [{ share: 1, lines: [["facing", (v) => `${count(v)} facing`, true], ["visible", (v) => `${count(v)} face in view`], ["camera_on", (v) => `${count(v)} camera on`], ["present", (v) => `${count(v)} present`]] }];

export class TimePanel {
  /** `box` holds the svg; `onRead(second or null)` hears the reading cursor. */
  constructor(box, onRead) {
    this.box = box;
    this.onRead = onRead;
    this.svg = box.querySelector("svg");
    this.windowS = 600;
    this.cursor = null;
    this.size = null;
    this.#listen();
  }

  /** Build the strips of a policy; once for each policy. */
  build(presence) {
    if (this.presence === presence) return;
    this.presence = presence;
    const group = (name) => svg("g", { class: name });
    this.strips = (presence ? COUNTS : AGGREGATE).map((spec) => {
      const parts = { spec, grid: group("grids"), ticks: group("labels"), hatch: group("hatches"), band: svg("path", { class: "band" }) };
      parts.paths = spec.lines.map(([column, , filled]) => ({ column, area: filled ? svg("path", { class: `area ${column}` }) : null, line: svg("path", { class: `line ${column}` }), dot: svg("circle", { r: 4, class: `dot ${column}` }) }));
      parts.labels = group("direct");
      parts.caption = svg("text", { class: "strip" }, svg("tspan"), svg("tspan", { class: "note", dx: 8 }));
      return parts;
    });
    this.marks = group("marks");
    this.axis = group("axis");
    this.hair = svg("path", { class: "hair" });
    const layers = this.strips.flatMap(({ grid, band, paths, hatch, ticks, labels, caption }) => [grid, ...paths.map(({ area }) => area ?? ""), band, hatch, ...paths.map(({ line }) => line), ticks, labels, caption]);
    const dots = this.strips.flatMap(({ paths }) => paths.map(({ dot }) => dot));
    this.svg.replaceChildren(this.svg.querySelector("defs"), ...layers.filter(Boolean), this.marks, this.axis, this.hair, ...dots);
  }

  resize(width, height) {
    this.size = { width, height, narrow: width < NARROW_PX };
    attr(this.svg, "width", width);
    attr(this.svg, "height", height);
  }

  /** Where the index strip lies, for the bars beside it. */
  get indexStrip() {
    const { height, narrow } = this.size;
    return { ...this.#stack(height)[0], left: this.#right() + 14, narrow };
  }

  draw({ series, second, tail, hello, alerts, summary }) {
    if (!this.size || this.size.width < 100) return;
    const { height } = this.size;
    const to = second + 1 + (tail === GAP.none ? 0 : Math.round(this.drift ?? 0));
    const from = this.windowS ? to - this.windowS : Math.max(series.first ?? to - 600, to - series.capacity);
    const time = timeAxis(Math.min(from, to - 60), to, 34, this.#right());
    Object.assign(this, { series, time, fresh: tail === GAP.none });
    const holes = gaps(series, time, tail);
    this.#stack(height).forEach((place, i) => this.#strip(this.strips[i], place, time, holes, { hello, summary, first: i === 0 }));
    this.#marks(alerts, time);
    this.#axis(time);
    this.#cursor();
  }

  #right() {
    const { width, narrow } = this.size;
    return narrow ? width : width - (this.presence ? 140 : Math.round(Math.min(236, Math.max(208, width * 0.28))));
  }

  #stack(height) {
    return stack(height, this.strips.map(({ spec }) => spec.share), { top: 14, between: 30, bottom: 26 });
  }

  #strip(parts, { top, bottom }, time, holes, { hello, first }) {
    const { spec, band, paths, labels, caption } = parts;
    const ticks = spec.max ? spec.ticks : countTicks(this.#most(time));
    const max = spec.max ?? ticks.at(-1);
    const y = (value) => bottom - (value / max) * (bottom - top);
    const get = (column) => (s) => this.series.get(column, s);
    Object.assign(parts, { y, top, bottom });
    const lines = spec.band ? [0, ...hello.levels.slice(1).map((level) => level.from), 1] : spec.max ? ticks : this.presence ? ticks : [0];
    each(parts.grid, lines, () => svg("path", { class: "grid" }), (node, value) => {
      const at = Math.round(y(value)) + 0.5;
      // Beside the index the same lines part the levels.
      const beside = spec.band && !this.size.narrow && value > 0 && value < 1 ? `M${time.x1 + 4} ${at}H${this.size.width}` : "";
      attr(node, "d", `M${time.x0} ${at}H${time.x1}${beside}`);
    });
    each(parts.ticks, spec.max || this.presence ? ticks : [], () => svg("text", { class: "label end" }), (node, value) => {
      attr(node, "x", time.x0 - 8);
      attr(node, "y", Math.round(y(value)) + 4);
      text(node, `${spec.max ? value * 100 : value}`);
    });
    if (spec.band) attr(band, "d", bandPath(get("q1"), get("q3"), time, y));
    for (const { column, line, area } of paths) {
      attr(line, "d", stepPath(get(column), time, y));
      if (area) attr(area, "d", areaPath(get(column), time, y, bottom));
    }
    this.#hatch(parts, time, holes.filter(({ cause }) => spec.max || ALL_STRIPS.has(cause)), first);
    attr(caption, "x", time.x0);
    attr(caption, "y", top - 8);
    text(caption.firstElementChild, spec.title ?? "");
    text(caption.lastElementChild, this.size.width < SLIM_PX ? "" : spec.note?.[this.size.narrow ? 1 : 0] ?? "");
    this.#direct(labels, spec, time, y);
  }

  #most(time) {
    let most = 1;
    for (let s = time.from; s < time.to; s++) most = Math.max(most, this.series.get("present", s) || 0);
    return most;
  }

  #hatch({ hatch, top, bottom }, time, holes, named) {
    each(hatch, holes, () => svg("g", {}, svg("rect", { fill: "url(#hatch)" }), svg("rect", { class: "plate" }), svg("text", { class: "label middle" })), (node, hole) => {
      const [lines, plate, label] = node.children;
      const x = time.x(hole.from);
      const width = time.x(hole.to) - x;
      const box = (rect, left, y, wide, high) => Object.entries({ x: left, y, width: wide, height: high }).forEach(([name, value]) => attr(rect, name, value));
      box(lines, x, top, width, bottom - top);
      const name = named && width > LABELLED_GAP_PX ? gapName(hole.cause) : "";
      const middle = (top + bottom) / 2;
      // Half of a letter's height is about its width in this type: the plate needs no measuring of text.
      const wide = name ? Math.min(width, name.length * 7 + 20) : 0;
      box(plate, x + (width - wide) / 2, middle - 11, wide, name ? 22 : 0);
      attr(label, "x", x + width / 2);
      attr(label, "y", middle + 4);
      text(label, name);
    });
  }

  #direct(labels, { lines }, time, y) {
    const shown = this.size.narrow ? [] : lines.filter(([column, say]) => say && !Number.isNaN(this.series.get(column, this.series.last)));
    const value = ([column]) => this.series.get(column, this.series.last);
    const tops = spread(shown.map((line) => y(value(line)) + 4), LABEL_APART_PX);
    const over = Math.max(0, Math.max(...tops, 0) - y(0) - 4);
    each(labels, shown, () => svg("text"), (node, line, i) => {
      attr(node, "class", `label ${line[0]}${line[2] ? " strong" : ""}`);
      attr(node, "x", time.x1 + 14);
      attr(node, "y", Math.round(tops[i] - over));
      text(node, line[1](value(line), this.fresh));
    });
  }

  #marks(alerts, time) {
    const shown = this.presence ? [] : alerts.filter(({ at }) => at > time.from && at < time.to);
    const { top } = this.strips[0];
    each(this.marks, shown, () => svg("g", {}, svg("path", { class: "stem" }), svg("path", { class: "head" }), svg("text", { class: "label time" })), (node, { at }) => {
      const x = Math.round(time.x(at)) + 0.5;
      const [stem, head, label] = node.children;
      attr(stem, "d", this.strips.map((strip) => `M${x} ${strip.top}V${strip.bottom}`).join(""));
      attr(head, "d", `M${x - 6} ${top - 10}h12l-6 10z`);
      const left = x > time.x1 - 50;
      attr(label, "x", left ? x - 10 : x + 10);
      attr(label, "y", top - 2);
      label.classList.toggle("end", left);
      text(label, clock(at));
    });
  }

  #axis(time) {
    const base = this.strips.at(-1).bottom;
    const read = this.cursor === null ? null : time.x(this.cursor);
    const taken = [time.x1 - 14, ...(read === null ? [] : [read])];
    const ticks = timeTicks(time).map((tick) => ({ ...tick, x: Math.round(time.x(tick.at)) + 0.5 }));
    const labels = ticks.filter(({ major, x }) => major && taken.every((other) => Math.abs(x - other) > CLEAR_PX)).map(({ at, x }) => ({ x, word: clock(at), mark: "middle" }));
    if (read === null || read < time.x1 - 2 * CLEAR_PX) labels.push({ x: time.x1, word: "now", mark: "end strong" });
    if (read !== null) labels.push({ x: Math.max(time.x0 + 14, Math.min(time.x1 - 18, read)), word: clock(this.cursor), mark: "middle strong" });
    if (!this.axis.children.length) this.axis.append(svg("path", { class: "base" }), svg("g"));
    attr(this.axis.firstElementChild, "d", `M${time.x0} ${base + 0.5}H${time.x1}` + ticks.map(({ x }) => `M${x} ${base}v5`).join(""));
    each(this.axis.lastElementChild, labels, () => svg("text"), (node, { x, word, mark }) => {
      attr(node, "class", `label ${mark}`);
      attr(node, "x", x);
      attr(node, "y", base + 18);
      text(node, word);
    });
  }

  #cursor() {
    const { time, cursor } = this;
    const shown = cursor !== null && cursor >= time.from;
    const x = shown ? Math.round(time.x(cursor)) + 0.5 : 0;
    attr(this.hair, "d", shown ? this.strips.map((strip) => `M${x} ${strip.top}V${strip.bottom}`).join("") : "");
    for (const { paths, y } of this.strips) {
      for (const { column, dot } of paths) {
        const value = shown ? this.series.get(column, cursor) : NaN;
        attr(dot, "cx", x);
        attr(dot, "cy", Number.isNaN(value) ? -20 : Math.round(y(value)));
      }
    }
  }

  read(second) {
    if (!this.time) return;
    this.cursor = second === null ? null : Math.min(this.time.to - 1, Math.max(this.time.from, second));
    this.#axis(this.time);
    this.#cursor();
    this.onRead(this.cursor);
  }

  #listen() {
    const { box } = this;
    let left = 0;
    box.addEventListener("pointerenter", () => (left = box.getBoundingClientRect().left));
    const follow = (event) => this.time && this.read(this.time.at(event.clientX - left));
    box.addEventListener("pointermove", follow);
    box.addEventListener("pointerdown", follow);
    box.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && this.read(null));
    box.addEventListener("blur", () => this.read(null));
    box.addEventListener("keydown", (event) => {
      if (!this.time || event.ctrlKey || event.metaKey || event.altKey) return;
      const at = this.cursor ?? this.time.to;
      const to = { ArrowLeft: at - 10, ArrowRight: at + 10, Home: this.time.from, End: this.time.to - 1, Escape: null }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      this.read(to);
    });
  }
}

/** Put the level rows and their note beside the index strip, each row in the middle of its level; on a phone below. */
export function placeLevels(list, note, panel, hello) {
  const { top, bottom, left, narrow } = panel.indexStrip;
  list.classList.toggle("beside", !narrow);
  for (const node of [list, note]) style(node, "left", narrow ? "" : `${left}px`);
  style(note, "top", narrow ? "" : `${bottom + 6}px`);
  [...list.children].forEach((row, i) => {
    const level = 3 - i;
    const high = hello.levels[level + 1]?.from ?? 1;
    const low = hello.levels[level].from;
    style(row, "top", narrow ? "" : `${Math.round(bottom - ((high + low) / 2) * (bottom - top))}px`);
    style(row, "height", narrow ? "" : `${Math.round(Math.max(20, Math.min(34, (high - low) * (bottom - top) - 6)))}px`);
  });
}

