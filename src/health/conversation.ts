// What a check says and hears on a connection whose protocol it speaks itself. Everything received is kept,
// up to 64 KiB, and shown again with each further byte: an answer may come in pieces of any size.

import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { type Attempt, maxAnswerBytes } from "./attempt.ts";
import { faultText } from "./fault-text.ts";
import { openSocket } from "./open-socket.ts";

export interface Speaker {
  onOpen(conversation: Conversation): void;
  /** @param received all that was not dropped; good during the call only */
  onBytes(received: Buffer, conversation: Conversation): void;
}

export class Conversation {
  readonly attempt: Attempt;
  readonly #speaker: Speaker;
  readonly #buffer = Buffer.allocUnsafe(maxAnswerBytes);
  #socket!: Socket;
  #start = 0;
  #end = 0;
  #isLeaving = false;

  constructor(attempt: Attempt, protocols: readonly string[], speaker: Speaker) {
    this.attempt = attempt;
    this.#speaker = speaker;
    openSocket(attempt, protocols, (socket) => {
      this.#socket = socket;
      this.#listen(socket);
      speaker.onOpen(this);
    });
  }

  write(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** The first bytes have been understood and are not shown again. */
  drop(count: number): void {
    this.#start += count;
  }

  /**
   * TLS from here on. What is asked here is no secret and whom we speak to is not verified: that is for
   * those who send passwords.
   */
  secure(onOpen: () => void): void {
    const plain = this.#socket;
    for (const event of ["data", "end", "close"]) plain.removeAllListeners(event);
    this.attempt.waitsFor = "end of the TLS handshake";
    const { target } = this.attempt;
    const secured = { ...target, backend: { ...target.backend, secure: true } };
    const socket = connectTls({ socket: plain, rejectUnauthorized: false });
    this.#socket = socket;
    this.attempt.onEnd(() => socket.destroy());
    socket.on("error", (error) => this.attempt.bad(faultText(error, secured, false)));
    socket.once("close", () => this.attempt.bad("closed the connection"));
    socket.once("secureConnect", () => {
      this.#listen(socket);
      onOpen();
    });
  }

  /** It is good. Says goodbye, and gives the other side the time that is left to close. */
  leave(text: string, goodbye: Uint8Array): void {
    this.#isLeaving = true;
    this.attempt.decide(text);
    this.#socket.end(goodbye);
  }

  #listen(socket: Socket): void {
    socket.on("data", (bytes: Buffer) => this.#onBytes(bytes));
    socket.once("close", () => this.attempt.bad("closed the connection"));
    socket.once("end", () => {
      const isBegun = this.#end > 0;
      this.attempt.bad(
        `closed the connection ${isBegun ? "in the middle of its answer" : "without an answer"}`,
      );
    });
  }

  #onBytes(bytes: Buffer): void {
    const room = maxAnswerBytes - this.#end;
    bytes.copy(this.#buffer, this.#end, 0, room);
    this.#end += Math.min(room, bytes.length);
    if (!this.#isLeaving) this.#show();
    if (bytes.length >= room) this.attempt.bad("sent 64 KiB that are not the answer");
  }

  #show(): void {
    try {
      this.#speaker.onBytes(this.#buffer.subarray(this.#start, this.#end), this);
    } catch (error) {
      // A reader that stumbles over what it got must not take the primary with it.
      this.attempt.bad(`answered what cannot be understood: ${String(error)}`);
    }
  }
}
