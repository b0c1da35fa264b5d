// What is open, and what of it was told. One key is one matter, however often it changes before somebody is
// told: so nothing is lost and nothing piles up, through the group time, quiet hours and too many messages
// alike. Plain data on the outside, as it outlives the process.

import type { AlertTopic } from "../config/alert-settings.ts";
import { alertOf, isRecord, isTime, plainAlert } from "./alert.ts";
import type { Alert } from "./alert.ts";
import { listOf, messageOf } from "./message.ts";
import type { Message } from "./message.ts";

/** Something that was raised, and perhaps cleared again. */
export interface Matter {
  readonly raised: Alert;
  /** undefined = it is open. */
  readonly cleared: Alert | undefined;
  /** When they were last told that it is open; undefined = they do not know of it. */
  readonly toldAt: number | undefined;
  /** Raised and cleared since they were told. */
  readonly changes: number;
}

export interface Note {
  readonly alert: Alert;
  /** Of the first of them. */
  readonly since: number;
  readonly count: number;
}

export interface LedgerData {
  readonly matters: readonly Matter[];
  readonly notes: readonly Note[];
  /** When what waits goes out; undefined = nothing does. */
  readonly dueAt: number | undefined;
  /** Why something waits longer than the group time. */
  readonly heldBy: "quiet" | "rate" | undefined;
  /** When messages went out lately. */
  readonly sentAt: readonly number[];
  /** Composed, and not yet in the queue of every channel. */
  readonly outbox: readonly Message[];
}

export const emptyLedger: LedgerData = {
  matters: [],
  notes: [],
  dueAt: undefined,
  heldBy: undefined,
  sentAt: [],
  outbox: [],
};

// As many backends as a configuration has at most. Some MiB, also in the file.
const mostMatters = 10_000;
/** Notes are of workers and the like: a handful. */
const mostNotes = 1000;

/** What goes into one message. */
export interface Picked {
  readonly matters: readonly Matter[];
  readonly notes: readonly Note[];
}

export class Ledger {
  readonly #matters = new Map<string, Matter>();
  readonly #notes = new Map<string, Note>();

  constructor({ matters, notes }: Pick<LedgerData, "matters" | "notes">) {
    for (const matter of matters) this.#matters.set(matter.raised.key, matter);
    for (const note of notes) this.#notes.set(note.alert.key, note);
  }

  get matters(): readonly Matter[] {
    return [...this.#matters.values()];
  }

  get notes(): readonly Note[] {
    return [...this.#notes.values()];
  }

  /** @param isWanted somebody is to be told of its topic. @returns whether anything changed */
  take(given: Alert, isWanted: boolean): boolean {
    const alert = plainAlert(given);
    switch (alert.state) {
      case "note":
        if (isWanted) this.#note(alert);
        return isWanted;
      case "raised":
        return this.#raise(alert, isWanted);
      case "cleared":
        return this.#clear(alert, isWanted);
    }
  }

  #raise(alert: Alert, isWanted: boolean): boolean {
    const { key } = alert;
    const matter = this.#matters.get(key);
    if (matter === undefined) {
      if (this.#matters.size >= mostMatters) {
        if (isWanted) this.#note(tooMany(alert));
        return isWanted;
      }
      this.#matters.set(key, { raised: alert, cleared: undefined, toldAt: undefined, changes: 1 });
      return true;
    }
    if (matter.cleared === undefined) {
      // Open already: what is known of it now counts, and how long it has been so stays.
      const { title, text } = matter.raised;
      if (title === alert.title && text === alert.text) return false;
      this.#matters.set(key, { ...matter, raised: { ...alert, at: matter.raised.at } });
      return true;
    }
    const changes = matter.changes + 1;
    this.#matters.set(key, { ...matter, raised: alert, cleared: undefined, changes });
    return true;
  }

  #clear(alert: Alert, isWanted: boolean): boolean {
    const matter = this.#matters.get(alert.key);
    if (matter === undefined || matter.cleared !== undefined) return false;
    if (isWanted) {
      this.#matters.set(alert.key, { ...matter, cleared: alert, changes: matter.changes + 1 });
    } else {
      // They would be told much later of what is long over.
      this.#matters.delete(alert.key);
    }
    return true;
  }

  #note(alert: Alert): void {
    const note = this.#notes.get(alert.key);
    if (note === undefined && this.#notes.size >= mostNotes) {
      if (!alert.key.startsWith(moreKey)) this.#note(tooMany(alert));
      return;
    }
    const { since, count } = note ?? { since: alert.at, count: 0 };
    this.#notes.set(alert.key, { alert, since, count: count + 1 });
  }

  /** What there is to tell of these topics, the oldest first. */
  pending({ topics, repeat, now }: PendingQuery): Picked {
    const matters = this.matters.filter(
      (each) => topics.has(each.raised.topic) && isToTell(each, repeat, now),
    );
    return { matters, notes: this.notes.filter(({ alert }) => topics.has(alert.topic)) };
  }

  /** These go out now. */
  told({ matters, notes }: Picked, now: number): void {
    for (const matter of matters) {
      const { key } = matter.raised;
      if (matter.cleared !== undefined) this.#matters.delete(key);
      else this.#matters.set(key, { ...matter, toldAt: now, changes: 0 });
    }
    for (const { alert } of notes) this.#notes.delete(alert.key);
  }
}

export interface PendingQuery {
  readonly topics: ReadonlySet<AlertTopic>;
  /** How long after it was told an open matter is told again, ms; 0 = never. */
  readonly repeat: number;
  readonly now: number;
}

function isToTell({ cleared, toldAt, changes }: Matter, repeat: number, now: number): boolean {
  if (changes > 0) return true;
  if (cleared !== undefined || toldAt === undefined || repeat === 0) return false;
  // A clock that was set back must not make it wait for ever.
  return now - toldAt >= repeat || now < toldAt;
}

const moreKey = "more ";

function tooMany({ topic, title, at }: Alert): Alert {
  return {
    topic,
    key: `${moreKey}${topic}`,
    state: "note",
    title: "there is more than fits here: see `tidegate services` and the log",
    text: title,
    at,
  };
}

/** As read from a file of ours; undefined when it is none. */
export function ledgerDataOf(value: unknown): LedgerData | undefined {
  if (!isRecord(value)) return undefined;
  const { dueAt, heldBy } = value;
  const matters = listOf(value["matters"], matterOf);
  const notes = listOf(value["notes"], noteOf);
  const sentAt = listOf(value["sentAt"], (each) => (isTime(each) ? each : undefined));
  const outbox = listOf(value["outbox"], messageOf);
  if (matters === undefined || notes === undefined) return undefined;
  if (sentAt === undefined || outbox === undefined) return undefined;
  if (dueAt !== undefined && !isTime(dueAt)) return undefined;
  if (heldBy !== undefined && heldBy !== "quiet" && heldBy !== "rate") return undefined;
  return { matters, notes, dueAt, heldBy, sentAt, outbox };
}

function matterOf(value: unknown): Matter | undefined {
  if (!isRecord(value)) return undefined;
  const raised = alertOf(value["raised"]);
  const cleared = alertOf(value["cleared"]);
  const { toldAt, changes } = value;
  if (raised === undefined || typeof changes !== "number") return undefined;
  if (value["cleared"] !== undefined && cleared === undefined) return undefined;
  if (toldAt !== undefined && !isTime(toldAt)) return undefined;
  return { raised, cleared, toldAt, changes };
}

function noteOf(value: unknown): Note | undefined {
  if (!isRecord(value)) return undefined;
  const alert = alertOf(value["alert"]);
  const { since, count } = value;
  if (alert === undefined || !isTime(since) || typeof count !== "number") return undefined;
  return { alert, since, count };
}
