// A desk with a clock in the test's hand and channels that only note what they are given, for what is not
// about delivering.

import { setImmediate as nextTurn } from "node:timers/promises";
import type { AlertChannel, AlertSettings } from "../../src/config/alert-settings.ts";
import { alertTopics } from "../../src/config/alert-settings.ts";
import type { Alert } from "../../src/alerts/alert.ts";
import type { Delivery } from "../../src/alerts/delivery.ts";
import { AlertDesk } from "../../src/alerts/desk.ts";
import type { Message } from "../../src/alerts/message.ts";
import type { Log, LogFields } from "../../src/lib/log.ts";
import { eventually } from "./barrier.ts";

export const minute = 60_000;
export const hour = 60 * minute;

export const hook: AlertChannel = {
  kind: "webhook",
  name: "webhook",
  url: "http://127.0.0.1:1/hook",
  secret: undefined,
  headers: {},
};

export function alertSettings(more: Partial<AlertSettings> = {}): AlertSettings {
  return {
    channels: [hook],
    topics: alertTopics,
    group: 0,
    repeat: 0,
    maxPerHour: 0,
    quiet: undefined,
    errors: { ratio: 0.05, window: 300_000, minRequests: 100 },
    ...more,
  };
}

/** By local time, as quiet hours are. */
export const noon = new Date(2026, 10, 21, 12, 0, 0).getTime();

export interface Logged {
  readonly text: string;
  readonly fields: LogFields;
}

export function memoryLog(): { log: Log; lines: Logged[] } {
  const lines: Logged[] = [];
  const note = (text: string, fields: LogFields = {}) => void lines.push({ text, fields });
  return { log: { debug: note, info: note, warn: note, error: note }, lines };
}

export class DeskInTest implements AsyncDisposable {
  readonly desk: AlertDesk;
  readonly sent: { readonly channel: string; readonly message: Message }[] = [];
  readonly lines: readonly Logged[];
  #settings: AlertSettings;
  now: number;
  /** What channels do from now on. */
  deliver: (channel: AlertChannel, message: Message) => Promise<Delivery> = () =>
    Promise.resolve({ kind: "taken", text: "" });

  constructor(folder: string, settings = alertSettings(), now = noon) {
    this.#settings = settings;
    this.now = now;
    const { log, lines } = memoryLog();
    this.lines = lines;
    this.desk = new AlertDesk({
      settings,
      folder,
      log,
      hostName: "front-1",
      version: "1.2.3",
      now: () => this.now,
      retry: { first: 5, longest: 20, forgottenAfter: Infinity },
      send: async (channel, message) => {
        const delivery = await this.deliver(channel, message);
        if (delivery.kind === "taken") this.sent.push({ channel: channel.name, message });
        return delivery;
      },
    });
  }

  raise(key: string, state: Alert["state"] = "raised", more: Partial<Alert> = {}): void {
    const verb = { raised: "is down", cleared: "is up again", note: "happened" }[state];
    const title = `${key} ${verb}`;
    this.desk.raise({ topic: "backend", key, state, title, text: "", at: this.now, ...more });
  }

  /** As if so much time had passed: the desk looks at the clock after an update. */
  async pass(ms: number): Promise<void> {
    await nextTurn();
    this.now += ms;
    this.desk.update(this.#settings);
    await nextTurn();
  }

  update(settings: AlertSettings): void {
    this.#settings = settings;
    this.desk.update(settings);
  }

  get titles(): readonly string[] {
    return this.sent.map(({ message }) => message.title);
  }

  /** Until so many were sent, in all. */
  arrived(count: number): Promise<readonly string[]> {
    return eventually(
      `${count} messages`,
      () => (this.sent.length >= count ? this.titles : undefined),
      10_000,
    );
  }

  /** A marker that is sent on its own shows that nothing else was waiting to go before it. */
  async settled(): Promise<void> {
    const before = this.sent.length;
    this.raise("marker", "note", { topic: "worker" });
    await eventually("the marker", () => this.titles.slice(before).some(isMarker) || undefined);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.desk[Symbol.asyncDispose]();
  }
}

function isMarker(title: string): boolean {
  return title.includes("marker");
}
