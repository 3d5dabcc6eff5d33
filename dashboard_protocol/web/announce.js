/** What is said to screen readers. Values are not live; changes of state are. Pure. */

import { bar, say } from "./words.js";

const HELD_MS = 30_000;
const APART_MS = 60_000;

const policyChanged = ({ profile, leaves }) => `${say("page.policy_now", { profile })}. ${say("page.leaves", { leaves })}`;
const spokenLevel = (level) => say("page.spoken_level", { level });

/** A sentence, the place (`#…`) whose words are to be said, or null; `memory` is the caller's. */
export function announcement(memory, { state, slot, policy, hero, kind, live }, nowMs) {
  const was = { ...memory };
  Object.assign(memory, { state, alert: /alert|good/.test(slot?.kind) ? slot.id : was.alert, profile: policy?.profile });
  if (kind === "withheld" || kind === "fresh") memory.kind = kind;
  if (was.state === undefined) return null;
  if (state !== was.state) return live ? (slot.kind === "trouble" ? "#slot .words" : bar(state)) : "#column-words";
  if (was.profile && policy.profile !== was.profile) return policyChanged(policy);
  if (memory.alert !== was.alert) return [slot.title, slot.ground, slot.tip].filter(Boolean).join(". ").replaceAll("..", ".");
  if (kind === "withheld" && was.kind !== "withheld") return `${hero.word}. ${hero.trend.text}. ${hero.ground}`;
  if (kind !== "fresh" || !hero) return null;
  return was.kind === "withheld" ? say("page.spoken_back", { level: spokenLevel(hero.word) }) : levelChange(memory, hero.word, nowMs);
}

/** A level is logged once it has held, and not too often. */
function levelChange(memory, word, nowMs) {
  if (word !== memory.word) Object.assign(memory, { word, wordMs: nowMs });
  memory.said ??= word;
  if (word === memory.said || nowMs - memory.wordMs < HELD_MS || nowMs - (memory.saidMs ?? -APART_MS) < APART_MS) return null;
  Object.assign(memory, { said: word, saidMs: nowMs });
  return spokenLevel(word);
}
