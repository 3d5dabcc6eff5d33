/** The home, which a teacher's link opens: one answer → a model of home.html. Nothing here knows the live feed. */

import { $, all, bind } from "./bind.js";
import { runs, stepPath, timeAxis } from "./charts.js";
import { offerCopy } from "./copy.js";
import { post } from "./post.js";
import { clockWith, index, load, people, percent, say, span } from "./words.js";

/** As in the `viewBox` of the curves. */
const [WIDE, HIGH] = [160, 36];
const ADDRESSES = ["join", "share", "privacy"];

load(await (await fetch(`/static/text.${document.documentElement.lang}.json`)).json());

const draw = bind(document.body);
const dated = clockWith({ weekday: "short", day: "numeric", month: "short" });
const day = (at) => (at ? dated(Date.parse(at) / 1000) : "");
const share = ({ attentive, rounding_points: points }) => percent(attentive, { points });
const token = () => new URLSearchParams(location.hash.slice(1)).get("t") ?? "";

let rooms = [];
/** The boxes of classes that are chosen for a comparison, oldest choice first. */
let chosen = [];

async function ask(path, wanted) {
  const answer = await post(path, wanted);
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail);
  return said;
}

/** A browser says a TypeError where nothing answered; else the refusal has its own words. */
const why = (error) => (error instanceof TypeError ? say("home.no_answer") : error.message);

async function open() {
  let trouble = "";
  for (const box of chosen) box.checked = false;
  [rooms, chosen] = [[], []];
  try {
    if (token()) rooms = viewed(await ask("/v1/home", { token: token() }));
  } catch (error) {
    trouble = why(error);
  }
  show(trouble);
}

function show(trouble = "") {
  const classes = rooms.flatMap((room) => room.classes);
  const pair = chosen.map((box) => classes.find(({ key }) => key === box.value));
  draw({ rooms, trouble, isOpen: rooms.length > 0, ...(pair.length === 2 && comparison(pair)) });
}

function viewed({ rooms, policies }) {
  const allows = Object.fromEntries(policies.map((policy) => [policy, true]));
  return rooms.map((room) => {
    const { join_code: code, classes } = room;
    return {
      ...room, allows, addresses: addresses(room), code: code && { path: code.path, box: `0 0 ${code.side} ${code.side}` },
      classes: classes.map((held) => classOf(room, held)), isEmpty: !classes.length,
    };
  });
}

function addresses(room) {
  return ADDRESSES.filter((kind) => room[kind]).map((kind) => {
    const name = say(`home.address.${kind}`);
    return { id: `${kind}-${room.room}`, name, url: room[kind], copy: say("home.copy_address", { name }) };
  });
}

function classOf({ room }, held) {
  const when = say(`home.when.${held.state}`, { at: day(held.began), span: span(held.duration_s) });
  return { ...held, key: `${room} ${held.id}`, when, figures: figures(held), line: line(held.curve) };
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

function comparison(pair) {
  const row = (name, of) => ({ name, first: of(pair[0]), second: of(pair[1]) });
  const rows = [
    row(say("home.median", { name: say("page.column_index") }), (held) => index(held.index)),
    row(say("home.median", { name: say("name.attentive") }), share),
    row(say("name.present_max"), (held) => held.present_max),
    row(say("home.length"), (held) => span(held.duration_s)),
    row(say("name.alerts"), (held) => held.alerts),
  ];
  return { pair: { ...row("", ({ title, began }) => say("home.named", { title, at: day(began) })), lines: pair.map((held) => held.line), rows } };
}

/** The curve of a class over its own length, in steps as in its chart; a gap where nothing was published. */
function line(curve) {
  const axis = timeAxis(0, curve.length, 0, WIDE);
  return stepPath(runs((at) => curve[at] ?? NaN, axis), (value) => HIGH - 2 - value * (HIGH - 4));
}

async function start({ dataset: { room }, elements: { title, policy, said } }) {
  said.value = "";
  try {
    const wanted = { token: token(), room, policy: policy.value, ...(title.value && { title: title.value }) };
    location.href = (await ask("/v1/home/classes", wanted)).link;
  } catch (error) {
    said.value = why(error);
  }
}

document.addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.target.id === "paste") location.href = $("link").value;
  else start(event.target);
});
document.addEventListener("click", ({ target }) => {
  const field = target.matches(".copy") && target.parentElement.querySelector("input");
  if (field) offerCopy(target, field, field.value);
});
document.addEventListener("change", ({ target: box }) => {
  if (box.name !== "compare") return;
  chosen = chosen.filter((other) => other !== box);
  if (box.checked) chosen.push(box);
  if (chosen.length > 2) chosen.shift().checked = false;
  show();
  if (chosen.length === 2) $("comparison").scrollIntoView({ block: "nearest" });
});
/** The same page in another language needs the link too. */
const keepLink = () => all(".languages a").forEach((link) => (link.hash = location.hash));
addEventListener("hashchange", () => (keepLink(), open()));
keepLink();
open();
