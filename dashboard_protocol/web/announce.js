/** One hidden status line for screen readers. Values are not live; changes of state are. */

import { BAR, spokenLevel, spokenRow, policySentence, WITHHELD } from "./words.js";
import { text } from "./dom.js";

const HELD_MS = 30_000;
const APART_MS = 60_000;
const QUIET = new Set(["ended", "no_access"]);

/** What changed between two renders and is to be said, or null. `memory` is the caller's to keep. */
export function announcement(memory, model, nowMs) {
  const { state, slot, policy, hero, kind } = model;
  const first = memory.state === undefined;
  const was = { ...memory };
  Object.assign(memory, { state, slot: slot?.title, profile: policy?.profile, kind });
  if (first) return null;
  if (state !== was.state) return model.live ? slot.kind === "trouble" ? `${slot.title}. ${slot.ground}` : BAR[state] : `${model.column.title}. ${model.column.lead.join(" ")}`;
  if (was.profile && policy?.profile !== was.profile) return policySentence(policy);
  if (slot?.kind === "alert" && slot.title !== was.slot) return `${slot.title}. ${slot.spoken}`;
  if (kind === "withheld" && was.kind !== "withheld") return `${WITHHELD}. ${hero.trend.text}. ${hero.ground}`;
  if (kind === "fresh" && was.kind === "withheld") return `Values are back. ${spokenLevel(hero.word)}`;
  return levelChange(memory, kind === "fresh" ? hero?.word : null, nowMs);
}

function levelChange(memory, word, nowMs) {
  if (!word) return null;
  if (word !== memory.word) Object.assign(memory, { word, wordMs: nowMs });
  memory.told ??= word;
  if (word === memory.told || nowMs - memory.wordMs < HELD_MS || nowMs - (memory.toldMs ?? -APART_MS) < APART_MS) return null;
  Object.assign(memory, { told: word, toldMs: nowMs });
  return spokenLevel(word);
}

export class Announcer {
  constructor(region) {
    this.region = region;
    this.memory = {};
  }

  follow(model, nowMs, muted) {
    const said = announcement(this.memory, model, nowMs);
    if (said && (!muted || QUIET.has(model.state))) text(this.region, said);
  }

  row(model) {
    this.region.textContent = "";
    this.region.textContent = model.live ? spokenRow(model) : `${model.column.title}. ${model.column.lead.join(" ")}`;
  }
}
