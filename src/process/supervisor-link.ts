// The primary's end of the connection to the supervisor, and the sockets that came through it. The primary
// keeps them for workers to come, also when the supervisor is gone.

import type { BoundAddress } from "../listen/listening-socket.ts";
import { type OpenSocket, takeSocket } from "../listen/open-socket.ts";
import { Channel } from "./channel.ts";
import type { Failure, FromPrimary, SocketNote, TicketNote, ToPrimary } from "./messages.ts";
import type { AddressWish } from "./ports.ts";

export interface GivenSocket {
  readonly note: SocketNote;
  readonly socket: OpenSocket;
}

export interface LinkUser {
  onOrder(order: "stop" | "reload" | "reopen-logs" | "restart" | "retire"): void;
  /** The supervisor is gone. */
  onOrphaned(): void;
}

export class SupervisorLink {
  readonly #channel: Channel<ToPrimary, FromPrimary>;
  readonly #user: LinkUser;
  readonly #sockets = new Map<string, GivenSocket[]>();
  readonly #waiting = new Map<number, (failure: Failure | undefined) => void>();
  readonly #ticket = Promise.withResolvers<TicketNote | undefined>();
  #questions = 0;

  constructor(user: LinkUser) {
    this.#user = user;
    this.#channel = new Channel<ToPrimary, FromPrimary>(process, {
      onMessage: (message, handle) => this.#onMessage(message, handle),
      onClosed: () => {
        for (const answer of this.#waiting.values()) answer(orphaned);
        this.#waiting.clear();
        this.#ticket.resolve(undefined);
        user.onOrphaned();
      },
    });
  }

  #onMessage(message: ToPrimary, handle: unknown): void {
    switch (message.kind) {
      case "socket":
        this.#take(message, handle);
        break;
      case "done":
        this.#answer(message.id, message.failure);
        break;
      case "upgraded": {
        const { failure } = message;
        this.#answer(
          message.id,
          failure === undefined ? undefined : { message: failure, code: undefined },
        );
        break;
      }
      case "ticket-secret":
        this.#ticket.resolve(message.ticket);
        break;
      default:
        this.#user.onOrder(message.kind);
    }
  }

  #take(note: SocketNote, handle: unknown): void {
    const given = { note, socket: takeSocket(note.protocol, handle, note.bound) };
    const sockets = this.#sockets.get(note.key) ?? [];
    sockets.push(given);
    this.#sockets.set(note.key, sockets);
  }

  #answer(id: number, failure: Failure | undefined): void {
    this.#waiting.get(id)?.(failure);
    this.#waiting.delete(id);
  }

  /** Throws when the answer is a failure, with its code. */
  async #ask(question: (id: number) => FromPrimary): Promise<void> {
    const id = ++this.#questions;
    const { promise, resolve } = Promise.withResolvers<Failure | undefined>();
    if (this.isOpen) {
      this.#waiting.set(id, resolve);
      this.#channel.send(question(id));
    } else {
      resolve(orphaned);
    }
    const failure = await promise;
    if (failure !== undefined) {
      throw Object.assign(new Error(failure.message), { code: failure.code });
    }
  }

  /** Where it was announced: the secret of the primary before; undefined = nobody is there to send it. */
  get ticket(): Promise<TicketNote | undefined> {
    return this.#ticket.promise;
  }

  get isOpen(): boolean {
    return this.#channel.isOpen;
  }

  /**
   * Has so many sockets opened for each address. Throws, with nothing opened, when one cannot be.
   * @param isTakeOver processes of ours, who lost their supervisor, may listen there still
   */
  async open(wishes: readonly AddressWish[], count: number, isTakeOver: boolean): Promise<void> {
    const isThere = ({ key }: AddressWish) => {
      const given = this.#sockets.get(key) ?? [];
      return given.length >= count || given[0]?.note.isShared === true;
    };
    if (wishes.every(isThere)) return;
    await this.#ask((id) => ({ kind: "open", id, wishes, count, isTakeOver }));
  }

  /** Starts a successor. Throws why it could not. */
  upgrade(): Promise<void> {
    return this.#ask((id) => ({ kind: "upgrade", id }));
  }

  tell(message: Exclude<FromPrimary, { kind: "open" | "keep" | "upgrade" }>): void {
    this.#channel.send(message);
  }

  /** Gives up all other addresses; these are accepted on. Resolves when the supervisor knows. */
  async keep(keys: readonly string[]): Promise<void> {
    for (const [key, given] of this.#sockets) {
      if (keys.includes(key)) continue;
      for (const { socket } of given) socket.close();
      this.#sockets.delete(key);
    }
    // Without a supervisor there is nobody else to give them up.
    await this.#ask((id) => ({ kind: "keep", id, keys })).catch(() => {});
  }

  socketsOf(key: string): readonly GivenSocket[] {
    return this.#sockets.get(key) ?? [];
  }

  boundOf(key: string): BoundAddress | undefined {
    return this.#sockets.get(key)?.[0]?.note.bound;
  }

  /** Until the message is out. */
  tellAndWait(message: FromPrimary): Promise<void> {
    return this.#channel.sendAndWait(message);
  }
}

const orphaned: Failure = {
  message: "the supervisor is gone: start the program again, which takes over from this one",
  code: undefined,
};
