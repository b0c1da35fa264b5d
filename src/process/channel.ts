// The connection between a process and one it started. A message to a peer that is gone is lost; that it is
// gone is told by `onClosed`, exactly once.

import type { ChildProcess } from "node:child_process";

interface Message {
  readonly kind: string;
}

export interface ChannelUser<In> {
  /** @param handle the socket that came beside the message */
  onMessage(message: In, handle: unknown): void;
  onClosed(): void;
}

/** Messages under way beyond which a peer counts as one that does not read. */
const congestion = 64;

export class Channel<In extends Message, Out extends Message> {
  readonly #peer: ChildProcess | NodeJS.Process;
  #pending = 0;

  constructor(peer: ChildProcess | NodeJS.Process, user: ChannelUser<In>) {
    this.#peer = peer;
    peer.on("message", (message: unknown, handle: unknown) => {
      if (this.#isMessage(message)) user.onMessage(message, handle);
    });
    peer.once("disconnect", () => user.onClosed());
  }

  /** Both ends are ours and speak the same protocol (`protocol` in messages.ts): no need to look closer. */
  #isMessage(value: unknown): value is In {
    return typeof value === "object" && value !== null && "kind" in value;
  }

  get isOpen(): boolean {
    return this.#peer.connected;
  }

  /** The peer does not read: what can be said later, or not at all, should be. */
  get isCongested(): boolean {
    return this.#pending >= congestion;
  }

  send(message: Out, handle?: object): void {
    this.#send(message, handle, ignore);
  }

  /** Until it is out, or lost: what is sent right before the end of a process would not arrive. */
  sendAndWait(message: Out): Promise<void> {
    return new Promise((resolve) => {
      if (this.isOpen) this.#send(message, undefined, resolve);
      else resolve();
    });
  }

  #send(message: Out, handle: object | undefined, onSent: () => void): void {
    if (!this.isOpen || this.#peer.send === undefined) return;
    this.#pending++;
    const done = () => {
      this.#pending--;
      onSent();
    };
    // The types know no bare handles. Without the callback a lost message would be an 'error' event.
    Reflect.apply(this.#peer.send, this.#peer, [message, handle, undefined, done]);
  }

  close(): void {
    if (this.isOpen) this.#peer.disconnect?.();
  }
}

/** The end of the peer follows as 'disconnect'. */
function ignore(): void {}
