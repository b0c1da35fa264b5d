// One thing worth telling, as who notices it says it, and whether it is over. What becomes of it (together
// with others, later, not at all) is the desk's business.

import type { AlertTopic } from "../config/alert-settings.ts";
import { alertTopics } from "../config/alert-settings.ts";

export interface Alert {
  readonly topic: AlertTopic;
  /** What it is about: one key has one open state. */
  readonly key: string;
  /** `note` tells of something that is over at once, and has no recovery. */
  readonly state: "raised" | "cleared" | "note";
  /** A short sentence without its full stop: `db: 10.0.3.11:3306 is down`. */
  readonly title: string;
  /** Why, and what else there is to say; may be "". */
  readonly text: string;
  readonly at: number;
}

const longestTitle = 200;
const longestText = 2000;

/** The same one, fit to be sent: short, and without control characters, which peers may have sent. */
export function plainAlert(alert: Alert): Alert {
  return {
    ...alert,
    key: cut(alert.key, longestTitle * 2),
    title: oneLine(alert.title, longestTitle),
    text: cut(
      alert.text
        .split(/\r?\n/)
        .map((line) => line.replace(controls, " "))
        .join("\n"),
      longestText,
    ),
  };
}

const controls = /[\p{Cc}\p{Zl}\p{Zp}\p{Cf}]+/gu;

/** Without line ends: also what keeps a title from becoming further header fields. */
export function oneLine(text: string, longest: number): string {
  return cut(text.replace(controls, " ").trim(), longest);
}

function cut(text: string, longest: number): string {
  // Never through the middle of a character of two units.
  return text.length > longest
    ? `${text.slice(0, longest - 1).replace(/[\uD800-\uDBFF]$/, "")}…`
    : text;
}

/** As read from a file of ours; undefined when it is none. */
export function alertOf(value: unknown): Alert | undefined {
  if (!isRecord(value)) return undefined;
  const { key, state, title, text, at } = value;
  const topic = alertTopics.find((each) => each === value["topic"]);
  if (topic === undefined || typeof key !== "string") return undefined;
  if (state !== "raised" && state !== "cleared" && state !== "note") return undefined;
  if (typeof title !== "string" || typeof text !== "string" || !isTime(at)) return undefined;
  return { topic, key, state, title, text, at };
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A moment that a Date can hold. */
export function isTime(value: unknown): value is number {
  return typeof value === "number" && Math.abs(value) <= 8.64e15;
}
