/** What the page's modules say of the protocol, for the type checker of the tests; no browser loads it. */

import type { ClassSummary, FromReader, ToReader } from "../schema/events-v1";

export type Event = ToReader;
export type Message = FromReader;
export type Summary = ClassSummary;
/** A function for each type of event, each of which gets that event. */
export type Folds = { [T in Event["type"]]?: (store: any, event: Extract<Event, { type: T }>, receivedMs: number) => unknown };
