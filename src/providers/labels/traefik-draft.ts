// What the labels of one router of Traefik come to, while they are read: settings as in the configuration
// file, what people should know, and whether the route has to stay closed.

import type { Note } from "../../config/finding.ts";
import { fault } from "./note.ts";

export interface Draft {
  /** Keys of a route. */
  readonly route: Map<string, unknown>;
  /** Keys of its service that stand in a middleware. */
  readonly service: Map<string, unknown>;
  /** `route.KEY` or `service.KEY` to the label that it comes from. */
  readonly labels: Map<string, string>;
  /** The client must be in one network of each. */
  readonly allowed: Allowed[];
  readonly notes: Note[];
  /** Something keeps people out that we do not have: then everybody is. */
  isClosed: boolean;
  /** It is an operator's: files and other servers may be named. */
  readonly mayAsk: boolean;
}

export interface Allowed {
  readonly networks: readonly string[];
  /** What everybody else is answered. */
  readonly status: number;
}

export function newDraft(mayAsk = false): Draft {
  return {
    route: new Map(),
    service: new Map(),
    labels: new Map(),
    allowed: [],
    notes: [],
    isClosed: false,
    mayAsk,
  };
}

export function close(draft: Draft, about: string, why: string, remedy?: string): void {
  draft.isClosed = true;
  draft.notes.push(fault(about, `${why}: the route is closed, and answers 503`, remedy));
}

/** Go's durations; a bare number means seconds. */
export function durationOf(value: string): string {
  const text = value.trim();
  return /^\d*[1-9]\d*$/.test(text) ? `${text}s` : text;
}

/** Go writes `(?P<name>…)`. */
export function patternOf(value: string): string {
  return value.replaceAll("(?P<", "(?<");
}
