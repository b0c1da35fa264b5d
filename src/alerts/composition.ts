// How a message reads: a title that says it all when there is one thing to say, and a paragraph for each
// matter below, the open ones first.

import { randomUUID } from "node:crypto";
import { oneLine } from "./alert.ts";
import type { Matter, Note, Picked } from "./ledger.ts";
import type { Item, Message } from "./message.ts";

/** Longer subjects are cut by what shows them. */
const longestTitle = 140;
const longestText = 2000;

export interface CompositionOptions {
  readonly now: number;
  readonly heldBy: "quiet" | "rate" | undefined;
}

export function composeMessage(picked: Picked, options: CompositionOptions): Message {
  const { now, heldBy } = options;
  const items = [
    ...picked.matters.map((matter) => itemOfMatter(matter, now)),
    ...picked.notes.map(itemOfNote),
  ].sort((a, b) => rankOf(a) - rankOf(b) || a.at - b.at);
  const intro = heldBy === undefined ? "" : `${reasons[heldBy]}\n\n`;
  return {
    id: randomUUID(),
    at: now,
    kind: heldBy === undefined ? "alerts" : "summary",
    title: titleOf(items, heldBy),
    text: intro + items.map(paragraphOf).join("\n\n"),
    items,
  };
}

export function testMessage(now: number): Message {
  const title = "a test, since somebody asked for it";
  const text = "If you read this, alerts of this Tidegate arrive here. Nothing is wrong.";
  return { id: randomUUID(), at: now, kind: "test", title, text, items: [] };
}

const reasons = {
  quiet: "What happened in the quiet hours, and how it stands now:",
  rate: "There were more messages than maxPerHour allows. What was held back, as it stands now:",
};

function rankOf({ state }: Item): number {
  return state === "raised" ? 0 : state === "note" ? 1 : 2;
}

function titleOf(items: readonly Item[], heldBy: CompositionOptions["heldBy"]): string {
  const [first] = items;
  if (first === undefined) return "";
  const prefix = heldBy === "quiet" ? "quiet hours: " : "";
  if (items.length === 1) return oneLine(prefix + first.title, longestTitle);
  const open = items.filter(({ state }) => state === "raised").length;
  const over = items.filter(({ state }) => state === "cleared").length;
  const parts = [
    open === 0 ? "" : `${open} wrong`,
    over === 0 ? "" : `${over} well again`,
    open + over === items.length ? "" : `${items.length - open - over} to know`,
  ].filter((part) => part !== "");
  return oneLine(`${prefix}${parts.join(", ")}: ${first.title}, …`, longestTitle);
}

function itemOfMatter({ raised, cleared, toldAt, changes }: Matter, now: number): Item {
  const since = raised.at;
  if (cleared === undefined) {
    if (changes === 0) {
      const title = `${raised.title}, for ${lasting(now - since)} now`;
      return { ...raised, title, since, changes: 1 };
    }
    const title = changes === 1 ? raised.title : `${raised.title} again (${changes} changes)`;
    return { ...raised, title, since, changes };
  }
  const lasted = `It lasted ${lasting(cleared.at - since)}.`;
  if (toldAt !== undefined && changes === 1) {
    return { ...cleared, text: joined(cleared.text, lasted), since, changes };
  }
  // They hear of it only now that it is over: they must also learn what it was.
  const times = Math.ceil(changes / 2);
  const what = `${raised.title}${times === 1 ? "" : ` (${times} times)`}`;
  const why = raised.text === "" ? "" : `: ${raised.text}`;
  const text = joined(cleared.text, `Before: ${what}${why}`, lasted);
  return { ...cleared, text, since, changes };
}

function itemOfNote({ alert, since, count }: Note): Item {
  const title = count === 1 ? alert.title : `${alert.title} (${count} times)`;
  return { ...alert, title, since: count === 1 ? undefined : since, changes: count };
}

function joined(...parts: readonly string[]): string {
  const text = parts.filter((part) => part !== "").join("\n");
  return text.length > longestText ? `${text.slice(0, longestText - 1)}…` : text;
}

function paragraphOf({ title, text, at, since, state }: Item): string {
  const when = state === "raised" && since !== undefined ? `since ${clock(since)}` : clock(at);
  const lines = [when, ...text.split("\n").filter((line) => line !== "")];
  return [title, ...lines.map((line) => `  ${line}`)].join("\n");
}

/** By the clock of the machine, as quiet hours are. */
function clock(at: number): string {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

function lasting(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 1) return "less than a second";
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 120 * 60) return `${Math.round(seconds / 60)} min`;
  const hours = seconds / 3600;
  return hours < 48 ? `${Math.round(hours)} h` : `${Math.round(hours / 24)} days`;
}
