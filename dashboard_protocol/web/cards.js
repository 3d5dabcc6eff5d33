/** Cards of the people who opted in, in the order of their names; never sorted by a value. */

import { $, attr, el, fillMeter, style, svg, text } from "./dom.js";
import { stepPath, timeAxis } from "./charts.js";
import { PERSON_S } from "./ring.js";
import * as words from "./words.js";

const cards = new Map();
let opened = null;

function makeCard(participant) {
  const meter = el("span", "meter small");
  attr(meter, "role", "img");
  const lines = ["b", "span", "small", "small"].map((tag) => el(tag));
  const card = el("button", "card", meter, el("span", "lines", ...lines));
  card.type = "button";
  card.addEventListener("click", () => {
    opened = participant;
    $("person").showModal();
    card.dispatchEvent(new Event("person", { bubbles: true }));
  });
  return { card, meter, lines };
}

export function drawCards(model) {
  const { people, hello, now, summary } = model;
  const grid = $("card-grid");
  dropMissing(people);
  people.forEach((person, i) => {
    let made = cards.get(person.participant);
    if (!made) cards.set(person.participant, (made = makeCard(person.participant)));
    if (grid.children[i] !== made.card) grid.insertBefore(made.card, grid.children[i] ?? null);
    fillCard(made, person, hello, now);
  });
  text($("cards-title"), words.optedIn(people.length));
  text($("cards-others"), words.others((summary?.present ?? 0) - people.length));
  drawPerson(people, hello, model);
}

function fillCard({ card, meter, lines }, person, hello, now) {
  const measured = person.level !== null;
  card.classList.toggle("unmeasured", !measured);
  fillMeter(meter, person.level, !measured, words.meterLabel(hello, person.level));
  text(lines[0], person.name);
  text(lines[1], measured ? words.levelName(hello, person.level) : words.NOT_MEASURABLE);
  text(lines[2], measured ? (person.facing === null ? words.DASH : words.facing(person.facing)) : words.reason(person, now));
  text(lines[3], measured ? words.displayed(person.displayed) : "");
  attr(card, "title", measured ? hello.levels[person.level].means : null);
}

/** A person who is gone leaves no card, no dialog and no trace. */
export function dropMissing(people) {
  const here = new Set(people.map((person) => person.participant));
  for (const [participant, { card }] of cards) {
    if (here.has(participant)) continue;
    card.remove();
    cards.delete(participant);
    if (opened === participant) closePerson();
  }
}

function closePerson() {
  opened = null;
  $("person").close();
  text($("person-name"), "");
  $("person-chart").replaceChildren();
}

function drawPerson(people, hello, { second }) {
  const person = people.find(({ participant }) => participant === opened);
  if (!person || !$("person").open) return;
  text($("person-name"), person.name);
  const [left, right, height] = [84, Math.min(506, innerWidth - 60), 148];
  const axis = timeAxis(second + 1 - PERSON_S, second + 1, left, right);
  const y = (level) => height - 30 - level * 34;
  const labels = hello.levels.map((level, i) => svg("text", { x: 0, y: y(i) + 4, class: "label" }, words.levelName(hello, i)));
  const lines = hello.levels.map((_, i) => svg("path", { d: `M${left} ${y(i)}H${right}`, class: "grid" }));
  const line = svg("path", { d: stepPath((s) => person.levels.get("level", s), axis, y), class: "line mean" });
  const ends = [svg("text", { x: left, y: height - 4, class: "label" }, words.clock(axis.from)), svg("text", { x: right, y: height - 4, class: "label end" }, words.clock(axis.to))];
  $("person-chart").replaceChildren(...labels, ...lines, line, ...ends);
  style($("person-chart"), "height", `${height}px`);
  style($("person-chart"), "width", `${right}px`);
}
