/** The home: what a teacher's link opens, drawn from one answer; nothing here knows the live feed. */

import { clockWith, count, index, load, people, percent, say, span } from "./words.js";

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 160, HIGH = 36;
const ADDRESSES = ["join", "share", "privacy"];
const $ = (id) => document.getElementById(id);
const token = () => new URLSearchParams(location.hash.slice(1)).get("t") ?? "";
/** Classes that are chosen for a comparison, oldest choice first. */
let chosen = [];

load(await (await fetch(`/static/text.${document.documentElement.lang}.json`)).json());

const dated = clockWith({ weekday: "short", day: "numeric", month: "short" });
const day = (at) => (at ? dated(Date.parse(at) / 1000) : "");
const share = ({ attentive, rounding_points: points }) => percent(attentive, { points });

async function ask(path, wanted) {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(wanted), cache: "no-store", credentials: "omit" });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail);
  return said;
}

async function open() {
  $("closed").hidden = Boolean(token());
  if (!token()) return tell("");
  try {
    const { rooms, policies } = await ask("/v1/home", { token: token() });
    $("rooms").replaceChildren(...rooms.map((room) => drawRoom(room, policies)));
    tell("");
  } catch (error) {
    $("closed").hidden = false;
    tell(why(error));
  }
}

/** A browser says a TypeError where nothing answered; else the refusal has its own words. */
const why = (error) => (error instanceof TypeError ? say("home.no_answer") : error.message);
const tell = (text) => Object.assign($("status"), { textContent: text, hidden: !text });

function drawRoom(room, policies) {
  const part = $("room").content.cloneNode(true).firstElementChild;
  part.querySelector("h2").textContent = room.name;
  if (room.can_start) prepareStart(part.querySelector(".start"), room, policies);
  part.querySelector(".addresses").append(...ADDRESSES.filter((kind) => room[kind]).map((kind) => address(kind, room)));
  if (room.join_code) part.querySelector(".addresses").append(code(room.join_code));
  const list = part.querySelector(".classes");
  list.append(...room.classes.map(drawClass));
  if (!room.classes.length) list.replaceWith(make("p", { textContent: say("home.no_class") }));
  return part;
}

function prepareStart(form, room, policies) {
  form.hidden = false;
  const choices = policies.map((policy) => make("option", { value: policy, textContent: say(`home.policy.${policy}`) || policy }));
  form.policy.append(make("option", { value: "", textContent: say("home.choose") }), ...choices);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const said = form.querySelector(".said");
    said.textContent = "";
    try {
      const wanted = { token: token(), room: room.room, policy: form.policy.value, ...(form.title.value && { title: form.title.value }) };
      location.href = (await ask("/v1/home/classes", wanted)).link;
    } catch (error) {
      said.textContent = why(error);
    }
  });
}

function address(kind, room) {
  const name = say(`home.address.${kind}`);
  const field = make("input", { readOnly: true, value: room[kind], id: `${kind}-${room.room}` });
  const button = make("button", { type: "button", textContent: say("home.copy") });
  button.setAttribute("aria-label", say("home.copy_address", { name }));
  button.addEventListener("click", async () => {
    field.select();
    await navigator.clipboard?.writeText(room[kind]).then(() => (button.textContent = say("home.copied")), () => {});
  });
  const row = make("span", { className: "row" });
  row.append(field, button, make("a", { href: room[kind], textContent: say("home.open"), className: "go" }));
  const label = make("div", { className: "address" });
  label.append(make("label", { htmlFor: field.id, textContent: name }), row);
  return label;
}

/** A QR code, dark on white in both themes: readers need it so. */
function code({ side, path }) {
  const svg = draw("svg", { viewBox: `0 0 ${side} ${side}`, class: "code", role: "img", "aria-label": say("home.code") });
  svg.append(draw("rect", { width: side, height: side, class: "paper" }), draw("path", { d: path, class: "dots" }));
  return svg;
}

function drawClass(held) {
  const row = make("li", { className: held.state });
  const title = held.link ? make("a", { href: held.link, textContent: held.title }) : make("strong", { textContent: held.title });
  const head = make("span", { className: "head" });
  head.append(title, make("span", { className: "when", textContent: when(held) }));
  row.append(head, figure([held]), make("span", { className: "figures", textContent: figures(held) }));
  if (held.curve.some((value) => value !== null)) row.append(choice(held));
  return row;
}

function when({ state, began, duration_s: s }) {
  return say(`home.when.${state}`, { at: day(began), span: span(s) });
}

function figures(held) {
  if (held.state === "to_come") return "";
  const known = [
    held.index === null ? say("home.no_index") : say("home.index", { index: index(held.index) }),
    held.attentive !== null && say("home.attentive", { share: share(held) }),
    say("home.at_most", { people: people(held.present_max) }),
    held.alerts > 0 && say("home.alerts", { n: held.alerts }),
  ];
  return known.filter(Boolean).join(" · ");
}

function choice(held) {
  const box = make("input", { type: "checkbox" });
  const label = make("label", { className: "compare" });
  label.append(box, ` ${say("home.compare")}`);
  box.addEventListener("change", () => {
    chosen = chosen.filter((other) => other.box !== box);
    if (box.checked) chosen.push({ box, held });
    if (chosen.length > 2) chosen.shift().box.checked = false;
    compare();
  });
  return label;
}

function compare() {
  $("comparison").hidden = chosen.length < 2;
  if (chosen.length < 2) return;
  const pair = chosen.map(({ held }) => held);
  const rows = [
    ["", ...pair.map(({ title, began }) => say("home.named", { title, at: day(began) }))],
    [say("home.median", { name: say("page.column_index") }), ...pair.map((held) => index(held.index))],
    [say("home.median", { name: say("name.attentive") }), ...pair.map(share)],
    [say("name.present_max"), ...pair.map((held) => count(held.present_max))],
    [say("home.length"), ...pair.map((held) => span(held.duration_s))],
    [say("name.alerts"), ...pair.map((held) => count(held.alerts))],
  ];
  const table = make("table");
  table.append(...rows.map(([name, ...values], at) => {
    const row = make("tr");
    row.append(name ? make("th", { scope: "row", textContent: name }) : make("td"), ...values.map((value) => at ? make("td", { textContent: value }) : make("th", { scope: "col", textContent: value })));
    return row;
  }));
  $("pair").replaceChildren(figure(pair), table, make("p", { className: "note", textContent: say("home.comparison_note") }));
  $("comparison").scrollIntoView({ block: "nearest" });
}

/** The curves of classes over each other, each over its own length; a gap where nothing was published. */
function figure(classes) {
  const svg = draw("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, class: "curve", preserveAspectRatio: "none", "aria-hidden": "true" });
  svg.append(draw("path", { d: `M0 ${HIGH / 2}H${WIDE}`, class: "middle" }));
  classes.forEach(({ curve }, at) => svg.append(draw("path", { d: path(curve), class: at ? "second" : "first" })));
  return svg;
}

function path(curve) {
  let pen = false;
  return curve.map((value, at) => {
    const move = pen ? "L" : "M";
    pen = value !== null;
    const x = ((at / Math.max(1, curve.length - 1)) * WIDE).toFixed(1);
    return pen ? `${move}${x} ${((1 - value) * (HIGH - 4) + 2).toFixed(1)}` : "";
  }).join("");
}

const make = (name, properties = {}) => Object.assign(document.createElement(name), properties);

function draw(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
}

$("paste").addEventListener("submit", (event) => {
  event.preventDefault();
  location.href = $("link").value;
});
/** The same page in another language needs the link too. */
const keepLink = () => document.querySelectorAll(".languages a").forEach((link) => (link.hash = location.hash));
addEventListener("hashchange", () => (keepLink(), open()));
keepLink();
open();
