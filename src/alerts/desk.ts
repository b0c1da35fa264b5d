// Where alerts come in, and where it is decided when somebody is told: together with what happens in the same
// half minute, not at night, not too often, and again as long as it lasts. What it decides to tell goes to
// the queue of each channel, by way of the ledger's outbox: an end in between loses nothing.

import { join } from "node:path";
import { alertTopics } from "../config/alert-settings.ts";
import type { AlertChannel, AlertSettings, AlertTopic } from "../config/alert-settings.ts";
import type { BackoffSettings } from "../lib/backoff.ts";
import type { Log } from "../lib/log.ts";
import type { Alert } from "./alert.ts";
import { composeMessage, testMessage } from "./composition.ts";
import { Courier } from "./courier.ts";
import { sendAs } from "./delivery.ts";
import type { Send } from "./delivery.ts";
import { emptyLedger, Ledger } from "./ledger.ts";
import type { LedgerData, Picked } from "./ledger.ts";
import { LedgerFile } from "./ledger-file.ts";
import type { Message } from "./message.ts";
import { AlertQueue } from "./queue.ts";
import { isQuiet } from "./quiet-hours.ts";

const hour = 3_600_000;

/** Clocks are set, and machines sleep: timers do not notice, so they are never longer than this. */
const longestTimer = 30_000;

/** More in one message is read by nobody; the rest goes into the next one. */
const mostItems = 500;

/** A mail server that restarts is back within seconds; one that is away for the night is asked every 10 min. */
const usualRetry: BackoffSettings = { first: 5000, longest: 600_000, forgottenAfter: Infinity };

export interface AlertDeskOptions {
  readonly settings: AlertSettings | undefined;
  /** The state folder. */
  readonly folder: string;
  readonly log: Log;
  readonly hostName: string;
  readonly version: string;
  readonly now?: () => number;
  readonly send?: Send;
  readonly retry?: BackoffSettings;
}

export interface TestResult {
  readonly channel: string;
  readonly ok: boolean;
  readonly text: string;
}

export class AlertDesk implements AsyncDisposable {
  readonly #log: Log;
  readonly #now: () => number;
  readonly #send: Send;
  readonly #retry: BackoffSettings;
  readonly #file: LedgerFile;
  readonly #queue: AlertQueue;
  readonly #couriers = new Map<string, Courier>();
  readonly #stop = new AbortController();
  #settings: AlertSettings | undefined;
  #ledger = new Ledger(emptyLedger);
  #dueAt: number | undefined;
  #heldBy: LedgerData["heldBy"];
  #sentAt: readonly number[] = [];
  #outbox: readonly Message[] = [];
  /** Has read what an earlier process left. Only then is anything written. */
  #loaded: Promise<void> | undefined;
  #shipping = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #soon: NodeJS.Immediate | undefined;

  constructor(options: AlertDeskOptions) {
    const { folder, log, now = Date.now, hostName, version } = options;
    this.#log = log;
    this.#now = now;
    this.#send = options.send ?? sendAs({ hostName, version });
    this.#retry = options.retry ?? usualRetry;
    const own = join(folder, "alerts");
    this.#file = new LedgerFile(join(own, "open.json"), log);
    this.#queue = new AlertQueue({ folder: own, log, now });
    this.update(options.settings);
  }

  raise(alert: Alert): void {
    if (this.#stop.signal.aborted) return;
    if (this.#ledger.take(alert, this.#isWanted(alert.topic))) this.#changed();
  }

  /** What is open, told or not; also from before a restart. */
  open(): readonly Alert[] {
    return this.#ledger.matters
      .filter(({ cleared }) => cleared === undefined)
      .map(({ raised }) => raised);
  }

  /** Other settings, or none: then nobody is told, and what waits stays where it is. */
  update(settings: AlertSettings | undefined): void {
    if (this.#stop.signal.aborted) return;
    this.#settings = settings;
    const channels = settings?.channels ?? [];
    for (const [name, courier] of this.#couriers) {
      if (channels.some((channel) => channel.name === name)) continue;
      this.#couriers.delete(name);
      this.#background(courier[Symbol.asyncDispose]());
    }
    if (settings === undefined) return;
    this.#loaded ??= this.#load();
    for (const channel of channels) this.#employ(channel);
    this.#changed();
    this.#ship();
  }

  /** Sends a test message over every channel, at once and past all that holds back. */
  async test(): Promise<TestResult[]> {
    const message = testMessage(this.#now());
    const channels = this.#settings?.channels ?? [];
    return Promise.all(
      channels.map(async (channel) => {
        const { kind, text } = await this.#send(channel, message, this.#stop.signal);
        return { channel: channel.name, ok: kind === "taken", text };
      }),
    );
  }

  /** Nothing is sent any more; what was not sent is on the disk. */
  async [Symbol.asyncDispose](): Promise<void> {
    // What came last is dated, and not only written down.
    if (this.#soon !== undefined) this.#look();
    this.#stop.abort();
    clearTimeout(this.#timer);
    clearImmediate(this.#soon);
    await Promise.all([...this.#couriers.values()].map((each) => each[Symbol.asyncDispose]()));
    if (this.#loaded === undefined) return;
    await this.#shipping;
    await this.#queue.persist();
    await this.#save();
  }

  /** What happened until now, without settings, is laid over what is on the disk. */
  #load(): Promise<void> {
    const data = this.#file.read();
    const early = this.open();
    this.#ledger = new Ledger(data);
    for (const alert of early) this.#ledger.take(alert, true);
    this.#dueAt = data.dueAt;
    this.#heldBy = data.heldBy;
    this.#sentAt = data.sentAt;
    this.#outbox = data.outbox;
    return this.#queue.load();
  }

  #employ(channel: AlertChannel): void {
    const known = this.#couriers.get(channel.name);
    if (known !== undefined) {
      known.update(channel);
      return;
    }
    const [queue, send, log, retry] = [this.#queue, this.#send, this.#log, this.#retry];
    const courier = new Courier({ channel, queue, send, log, retry });
    this.#couriers.set(channel.name, courier);
    // What an earlier process left goes first.
    this.#background((this.#loaded ?? Promise.resolve()).then(() => courier.wake()));
  }

  #isWanted(topic: AlertTopic): boolean {
    return this.#settings?.topics.includes(topic) ?? false;
  }

  #changed(): void {
    if (this.#loaded === undefined) return;
    this.#background(this.#save());
    // Once for all that happens in the same moment: of ten thousand backends, too.
    this.#soon ??= setImmediate(() => {
      this.#soon = undefined;
      this.#look();
    });
  }

  #save(): Promise<void> {
    return this.#file.write(() => ({
      matters: this.#ledger.matters,
      notes: this.#ledger.notes,
      dueAt: this.#dueAt,
      heldBy: this.#heldBy,
      sentAt: this.#sentAt,
      outbox: this.#outbox,
    }));
  }

  /** Tells what is due, and sees to it that it looks again in time. */
  #look(): void {
    clearTimeout(this.#timer);
    const settings = this.#settings;
    if (settings === undefined || this.#stop.signal.aborted) return;
    const wait = this.#tell(settings);
    // Also with nothing to tell: what is open has to be told again some time.
    if (wait === undefined && (settings.repeat === 0 || this.#ledger.matters.length === 0)) return;
    const longest = Math.min(longestTimer, wait ?? longestTimer, settings.repeat || longestTimer);
    this.#timer = setTimeout(() => this.#look(), longest);
    this.#timer.unref();
  }

  /** @returns how long to wait for the next of it, ms; undefined when nothing waits */
  #tell(settings: AlertSettings): number | undefined {
    const now = this.#now();
    const { free, held } = this.#pending(settings, now);
    if (sizeOf(held) > 0) this.#heldBy = "quiet";
    if (sizeOf(free) === 0) {
      this.#dueAt = undefined;
      return sizeOf(held) > 0 ? longestTimer : undefined;
    }
    // The clock may have been set back in between.
    this.#dueAt = Math.min(this.#dueAt ?? Infinity, now + settings.group);
    if (now < this.#dueAt) return this.#dueAt - now;
    this.#sentAt = this.#sentAt.filter((at) => at > now - hour && at <= now);
    if (settings.maxPerHour > 0 && this.#sentAt.length >= settings.maxPerHour) {
      this.#heldBy ??= "rate";
      return Math.max(1, (this.#sentAt[0] ?? now) + hour - now);
    }
    this.#dispatch(free, { now, isSummary: sizeOf(held) === 0 });
    return this.#tell(settings);
  }

  #dispatch(all: Picked, { now, isSummary }: { now: number; isSummary: boolean }): void {
    const matters = all.matters.slice(0, mostItems);
    const picked = { matters, notes: all.notes.slice(0, mostItems - matters.length) };
    const message = composeMessage(picked, { now, heldBy: isSummary ? this.#heldBy : undefined });
    this.#ledger.told(picked, now);
    this.#dueAt = undefined;
    if (isSummary && sizeOf(picked) === sizeOf(all)) this.#heldBy = undefined;
    this.#sentAt = [...this.#sentAt, now];
    this.#outbox = [...this.#outbox, message];
    this.#ship();
  }

  /** What may go now, and what quiet hours hold back. */
  #pending({ topics, repeat, quiet }: AlertSettings, now: number): { free: Picked; held: Picked } {
    const isNow = quiet !== undefined && isQuiet(quiet, now);
    const isFree = (topic: AlertTopic) => !isNow || quiet.except.includes(topic);
    const wanted = alertTopics.filter((topic) => topics.includes(topic));
    const of = (some: readonly AlertTopic[]) =>
      this.#ledger.pending({ topics: new Set(some), repeat, now });
    return {
      free: of(wanted.filter(isFree)),
      held: of(wanted.filter((topic) => !isFree(topic))),
    };
  }

  /** From the outbox into the queues: on the disk before it goes, and there before it is out of the box. */
  #ship(): void {
    this.#shipping = this.#shipping.then(async () => {
      await this.#loaded;
      if (this.#outbox.length === 0) return;
      await this.#save();
      for (const message of this.#outbox) {
        const names = this.#settings?.channels.map(({ name }) => name) ?? [];
        // Nobody to tell now: it waits for somebody.
        if (names.length === 0) return;
        for (const name of names) await this.#queue.add(name, message);
        this.#outbox = this.#outbox.filter(({ id }) => id !== message.id);
        for (const name of names) this.#couriers.get(name)?.wake();
      }
      await this.#save();
    });
    this.#background(this.#shipping);
  }

  #background(work: Promise<void>): void {
    work.catch((error: unknown) => this.#log.error("alerts: an error of ours", { error }));
  }
}

function sizeOf({ matters, notes }: Picked): number {
  return matters.length + notes.length;
}
