// Where other workers ask this one: a unix socket in a folder that only the program's user may enter.

import { createServer, type Server, type Socket } from "node:net";

import { mostPeerBacklog } from "../config/peer-limits.ts";
import { greeting, isSaid, PeerLines, type Question, type Reply } from "./peer-lines.ts";
import type { Topics } from "./topics.ts";

export class PeerDoor {
  readonly #server: Server;
  readonly #topics: Topics;
  readonly #open = new Set<Socket>();

  constructor(topics: Topics) {
    this.#topics = topics;
    this.#server = createServer((socket) => this.#let(socket));
  }

  /** Rejects when it cannot listen there. */
  async listen(path: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    this.#server.listen(path, resolve);
    await promise;
    this.#server.off("error", reject);
    // One that could not be accepted tries again.
    this.#server.on("error", () => {});
  }

  #let(socket: Socket): void {
    this.#open.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => this.#open.delete(socket));
    socket.write(`${greeting}\n`);
    const lines = new PeerLines((value) => this.#take(socket, value));
    socket.on("data", (bytes: Buffer) => {
      if (!lines.take(bytes)) socket.destroy();
    });
  }

  #take(socket: Socket, value: unknown): void {
    if (!isSaid(value)) return;
    for (const [topic, news] of value.tell) this.#topics.tell(topic, news);
    if (value.ask.length === 0) return;
    const replies: Reply[] = [];
    for (const question of value.ask) {
      const reply = this.#replyTo(question);
      if (reply instanceof Promise) void reply.then((late) => this.#send(socket, [late]));
      else replies.push(reply);
    }
    if (replies.length > 0) this.#send(socket, replies);
  }

  #replyTo([id, topic, question]: Question): Reply | Promise<Reply> {
    try {
      const answer = this.#topics.ask(topic, question);
      if (!(answer instanceof Promise)) return [id, answer];
      return answer.then(
        (value: unknown): Reply => [id, value],
        (error: unknown): Reply => [id, textOf(error), true],
      );
    } catch (error) {
      return [id, textOf(error), true];
    }
  }

  #send(socket: Socket, replies: readonly Reply[]): void {
    if (socket.destroyed) return;
    socket.write(`${JSON.stringify(replies)}\n`);
    if (socket.writableLength > mostPeerBacklog) socket.destroy();
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#open) socket.destroy();
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
