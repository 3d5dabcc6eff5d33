/** The home: what a teacher's link opens, drawn from one answer; nothing here knows the live feed. */

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 160, HIGH = 36;
const POLICIES = { presence: "presence: counts alone", aggregate: "aggregate: class values", individual: "individual: and people who opted in" };
const ADDRESSES = { join: "People join", share: "Share a window of another meeting", privacy: "For everybody: what is computed, and opting out" };
const $ = (id) => document.getElementById(id);
const token = () => new URLSearchParams(location.hash.slice(1)).get("t") ?? "";
/** Classes that are chosen for a comparison, oldest choice first. */
let chosen = [];

const date = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const percent = (share) => (share === null ? "–" : `${Math.round(share * 100)} %`);
const points = (share) => (share === null ? "–" : String(Math.round(share * 100)));
const minutes = (s) => (s < 90 ? `${Math.round(s)} s` : `${Math.round(s / 60)} min`);

async function ask(path, wanted) {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(wanted), cache: "no-store", credentials: "omit" });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail);
  return said;
}

async function open() {
  $("closed").hidden = Boolean(token());
  if (!token()) return say("");
  try {
    const { rooms, policies } = await ask("/v1/home", { token: token() });
    $("rooms").replaceChildren(...rooms.map((room) => drawRoom(room, policies)));
    say("");
  } catch (error) {
    $("closed").hidden = false;
    say(error instanceof TypeError ? "This service does not answer: try again in a moment." : error.message);
  }
}

const say = (text) => Object.assign($("status"), { textContent: text, hidden: !text });

function drawRoom(room, policies) {
  const part = $("room").content.cloneNode(true).firstElementChild;
  part.querySelector("h2").textContent = room.name;
  if (room.can_start) prepareStart(part.querySelector(".start"), room, policies);
  part.querySelector(".addresses").append(...Object.keys(ADDRESSES).filter((kind) => room[kind]).map((kind) => address(kind, room)));
  if (room.join_code) part.querySelector(".addresses").append(code(room.join_code));
  const list = part.querySelector(".classes");
  list.append(...room.classes.map(drawClass));
  if (!room.classes.length) list.replaceWith(make("p", { textContent: "No class is kept of this room, and none is to come." }));
  return part;
}

function prepareStart(form, room, policies) {
  form.hidden = false;
  form.policy.append(make("option", { value: "", textContent: "Choose…" }), ...policies.map((policy) => make("option", { value: policy, textContent: POLICIES[policy] ?? policy })));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const said = form.querySelector(".said");
    said.textContent = "";
    try {
      const wanted = { token: token(), room: room.room, policy: form.policy.value, ...(form.title.value && { title: form.title.value }) };
      location.href = (await ask("/v1/home/classes", wanted)).link;
    } catch (error) {
      said.textContent = error.message;
    }
  });
}

function address(kind, room) {
  const field = make("input", { readOnly: true, value: room[kind], id: `${kind}-${room.room}` });
  const button = make("button", { type: "button", textContent: "Copy" });
  button.setAttribute("aria-label", `Copy: ${ADDRESSES[kind]}`);
  button.addEventListener("click", async () => {
    field.select();
    await navigator.clipboard?.writeText(room[kind]).then(() => (button.textContent = "Copied"), () => {});
  });
  const row = make("span", { className: "row" });
  row.append(field, button, make("a", { href: room[kind], textContent: "Open", className: "go" }));
  const label = make("div", { className: "address" });
  label.append(make("label", { htmlFor: field.id, textContent: ADDRESSES[kind] }), row);
  return label;
}

/** A QR code, dark on white in both themes: readers need it so. */
function code({ side, path }) {
  const svg = draw("svg", { viewBox: `0 0 ${side} ${side}`, class: "code", role: "img", "aria-label": "QR code of the address where people join" });
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
  const at = began ? date.format(new Date(began)) : "";
  return { to_come: `to come · ${at}`, on: `on now · since ${at}`, over: `${at} · ${minutes(s)}` }[state];
}

function figures({ state, index, attentive, present_max: most, alerts }) {
  if (state === "to_come") return "";
  const known = [index === null ? "no index was published" : `index ${points(index)}`, attentive === null ? "" : `attentive ${percent(attentive)}`];
  return [...known, `${most} people at most`, alerts ? `${alerts} alert${alerts === 1 ? "" : "s"}` : ""].filter(Boolean).join(" · ");
}

function choice(held) {
  const box = make("input", { type: "checkbox" });
  const label = make("label", { className: "compare" });
  label.append(box, " compare");
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
    ["", ...pair.map(({ title, began }) => `${title}, ${date.format(new Date(began))}`)],
    ["Class index, middle", ...pair.map(({ index }) => points(index))],
    ["Attentive, middle", ...pair.map(({ attentive }) => percent(attentive))],
    ["People at most", ...pair.map(({ present_max: most }) => most)],
    ["Length", ...pair.map(({ duration_s: s }) => minutes(s))],
    ["Alerts", ...pair.map(({ alerts }) => alerts)],
  ];
  const table = make("table");
  table.append(...rows.map(([name, ...values], at) => {
    const row = make("tr");
    row.append(name ? make("th", { scope: "row", textContent: name }) : make("td"), ...values.map((value) => at ? make("td", { textContent: value }) : make("th", { scope: "col", textContent: value })));
    return row;
  }));
  const note = "The class index from 0 to 100, the line is 50. Solid: the first, dashed: the second; each over its own length. Different classes differ in much: people, subject, hour.";
  $("pair").replaceChildren(figure(pair), table, make("p", { className: "note", textContent: note }));
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
addEventListener("hashchange", open);
open();
