/** What the hidden status line says to screen readers. Values are not live; changes of state are. Pure. */

import { BAR, policyChanged, spokenLevel, WITHHELD } from "./words.js";

const HELD_MS = 30_000;
const APART_MS = 60_000;

const sentence = ({ title, ground }) => `${title}. ${ground}`;

/** What changed between two renders and is to be said, or null. `memory` is the caller's to keep. */
export function announcement(memory, { state, slot, policy, hero, kind }, nowMs) {
  const was = { ...memory };
  Object.assign(memory, { state, slot: slot?.title, profile: policy?.profile, kind });
  if (was.state === undefined) return null;
  if (state !== was.state) return slot?.kind === "trouble" ? sentence(slot) : BAR[state];
  if (was.profile && policy.profile !== was.profile) return sentence(policyChanged(policy));
  if (slot?.kind === "alert" && slot.title !== was.slot) return sentence({ ...slot, ground: slot.spoken });
  if (kind === "withheld" && was.kind !== "withheld") return `${WITHHELD}. ${hero.trend.text}. ${hero.ground}`;
  if (kind !== "fresh" || !hero) return null;
  return was.kind === "withheld" ? `Values are back. ${spokenLevel(hero.word)}` : levelChange(memory, hero.word, nowMs);
}

/** A level is told once it has held, and not too often. */
function levelChange(memory, word, nowMs) {
  if (word !== memory.word) Object.assign(memory, { word, wordMs: nowMs });
  memory.told ??= word;
  if (word === memory.told || nowMs - memory.wordMs < HELD_MS || nowMs - (memory.toldMs ?? -APART_MS) < APART_MS) return null;
  Object.assign(memory, { told: word, toldMs: nowMs });
  return spokenLevel(word);
}
