// What goes out at once, to every channel the same: some alerts, and how they read. Kept in a file until
// each channel has taken it, so nothing in it depends on when or where it is sent.

import { alertOf, isRecord, isTime } from "./alert.ts";
import type { Alert } from "./alert.ts";

export interface Message {
  /** Receivers know by it what they have had before: delivery is at least once. */
  readonly id: string;
  readonly at: number;
  /** `summary`: held back by quiet hours, or since there were too many. */
  readonly kind: "alerts" | "summary" | "test";
  readonly title: string;
  readonly text: string;
  readonly items: readonly Item[];
}

/** An alert with what happened to it before it was told. */
export interface Item extends Alert {
  /** When it was raised, ms; undefined for notes. */
  readonly since: number | undefined;
  /** How many changes, or notes, this one stands for. */
  readonly changes: number;
}

/** As read from a file of ours; undefined when it is none. */
export function messageOf(value: unknown): Message | undefined {
  if (!isRecord(value)) return undefined;
  const { id, at, kind, title, text } = value;
  if (typeof id !== "string" || !/^[\w-]{1,64}$/.test(id) || !isTime(at)) return undefined;
  if (kind !== "alerts" && kind !== "summary" && kind !== "test") return undefined;
  if (typeof title !== "string" || typeof text !== "string") return undefined;
  const items = listOf(value["items"], itemOf);
  return items === undefined ? undefined : { id, at, kind, title, text, items };
}

function itemOf(value: unknown): Item | undefined {
  const alert = alertOf(value);
  if (alert === undefined || !isRecord(value)) return undefined;
  const { since, changes } = value;
  if (since !== undefined && !isTime(since)) return undefined;
  return typeof changes === "number" ? { ...alert, since, changes } : undefined;
}

/** undefined when it is no list, or one of it is nothing. */
export function listOf<T>(value: unknown, read: (each: unknown) => T | undefined): T[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const all: T[] = [];
  for (const each of value) {
    const item = read(each);
    if (item === undefined) return undefined;
    all.push(item);
  }
  return all;
}
