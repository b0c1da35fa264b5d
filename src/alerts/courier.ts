// Empties the queue of one channel, one message after the other, and tries again later each time that fails.
// A message that the other side refuses does not keep others from being delivered.

import type { AlertChannel } from "../config/alert-settings.ts";
import { Backoff } from "../lib/backoff.ts";
import type { BackoffSettings } from "../lib/backoff.ts";
import type { Log } from "../lib/log.ts";
import type { Delivery, Send } from "./delivery.ts";
import type { Message } from "./message.ts";
import type { AlertQueue, Entry } from "./queue.ts";
import { redact, whereOf } from "./redact.ts";

/** So many messages in a row that are refused say that it is not about the message. */
const mostRefusals = 3;

export interface CourierOptions {
  readonly channel: AlertChannel;
  readonly queue: AlertQueue;
  readonly send: Send;
  readonly log: Log;
  readonly retry: BackoffSettings;
}

export class Courier implements AsyncDisposable {
  #channel: AlertChannel;
  readonly #queue: AlertQueue;
  readonly #send: Send;
  readonly #log: Log;
  readonly #retry: BackoffSettings;
  readonly #stop = new AbortController();
  #backoff: Backoff;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | undefined;
  #isAskedAgain = false;
  /** The last reason, so that the same one is not logged with each try. */
  #trouble: string | undefined;

  constructor({ channel, queue, send, log, retry }: CourierOptions) {
    this.#channel = channel;
    this.#queue = queue;
    this.#send = send;
    this.#log = log;
    this.#retry = retry;
    this.#backoff = new Backoff(retry);
  }

  /** There is something new. Waits for its time when the channel is in trouble. */
  wake(): void {
    if (this.#timer === undefined) this.#start();
  }

  /** The operator may have mended what was wrong: tries at once. */
  update(channel: AlertChannel): void {
    this.#channel = channel;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#backoff = new Backoff(this.#retry);
    this.#start();
  }

  #start(): void {
    if (this.#stop.signal.aborted) return;
    if (this.#round !== undefined) {
      this.#isAskedAgain = true;
      return;
    }
    this.#round = this.#work()
      .catch((error: unknown) => {
        // Nothing on the way throws; should it all the same, the queue has to go on.
        this.#log.error("alerts: delivering failed", { channel: this.#channel.name, error });
        this.#wait();
      })
      .finally(() => {
        this.#round = undefined;
        if (this.#isAskedAgain && this.#timer === undefined) this.#start();
      });
  }

  async #work(): Promise<void> {
    this.#isAskedAgain = false;
    let refusals = 0;
    while (!this.#stop.signal.aborted) {
      await this.#queue.expire();
      const { name } = this.#channel;
      const entry = this.#queue.first(name);
      if (entry === undefined) return;
      const message = await this.#queue.read(entry);
      if (message === undefined) continue;
      const delivery = await this.#deliver(entry, message);
      if (delivery.kind === "taken") continue;
      if (this.#stop.signal.aborted) return;
      if (delivery.kind === "refused") {
        refusals += 1;
        this.#queue.moveBack(entry);
        if (refusals < Math.min(mostRefusals, this.#queue.sizeOf(name))) continue;
      }
      this.#wait();
      return;
    }
  }

  async #deliver(entry: Entry, message: Message): Promise<Delivery> {
    const channel = this.#channel;
    const dropped = this.#queue.droppedOf(channel.name);
    const delivery = await this.#attempt(channel, withDropped(message, dropped));
    const fields = { channel: channel.name, to: whereOf(channel), title: message.title };
    if (delivery.kind === "taken") {
      await this.#queue.remove(entry);
      if (dropped > 0) await this.#queue.toldDropped(channel.name, dropped);
      this.#trouble = undefined;
      this.#backoff = new Backoff(this.#retry);
      this.#log.info("alert sent", { ...fields, answer: delivery.text });
    } else if (delivery.text !== this.#trouble && !this.#stop.signal.aborted) {
      this.#trouble = delivery.text;
      const text = "an alert could not be sent; it is kept and tried again";
      this.#log.warn(text, { ...fields, why: delivery.text });
    }
    return delivery;
  }

  async #attempt(channel: AlertChannel, message: Message): Promise<Delivery> {
    try {
      return await this.#send(channel, message, this.#stop.signal);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      return { kind: "failed", text: redact(why, channel) };
    }
  }

  #wait(): void {
    if (this.#stop.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#start();
    }, this.#backoff.next(0));
    this.#timer.unref();
  }

  /** What is under way is broken off, and stays in the queue. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    await this.#round;
  }
}

function withDropped(message: Message, count: number): Message {
  if (count === 0) return message;
  const what = count === 1 ? "1 earlier message" : `${count} earlier messages`;
  const line = `${what} could not be delivered for too long, or were too many, and are lost.`;
  return { ...message, text: `${message.text}\n\n${line}` };
}
