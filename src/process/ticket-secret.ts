// What session tickets of clients are sealed with. It lives in memory alone, and not for long: whoever learns it could read what
// was recorded under it. A primary hands it to its successor, so that sessions outlive an upgrade.

import { randomBytes } from "node:crypto";
import { tlsLimits } from "../config/tls-limits.ts";
import type { TicketNote } from "./messages.ts";

export interface TicketUser {
  /** There is one now, or another one. */
  onNew(note: TicketNote): void;
  /** There is another one. */
  onRenewed(): void;
}

export class TicketSecret implements Disposable {
  readonly #user: TicketUser;
  #note: TicketNote | undefined;
  #renewing: NodeJS.Timeout | undefined;

  constructor(user: TicketUser) {
    this.#user = user;
  }

  inherit(note: TicketNote): void {
    if (this.#note === undefined && this.#left(note) > 0) this.#hold(note);
  }

  /** hex; made when first asked for. */
  get value(): string {
    return (this.#note ?? this.#make()).secret;
  }

  #make(): TicketNote {
    const note = { secret: randomBytes(32).toString("hex"), madeAt: Date.now() };
    this.#hold(note);
    this.#user.onNew(note);
    return note;
  }

  #hold(note: TicketNote): void {
    this.#note = note;
    clearTimeout(this.#renewing);
    this.#renewing = setTimeout(() => {
      this.#make();
      this.#user.onRenewed();
    }, this.#left(note)).unref();
  }

  /** A clock that was set back must not keep it for ever. */
  #left({ madeAt }: TicketNote): number {
    return Math.min(madeAt + tlsLimits.sessionLife - Date.now(), tlsLimits.sessionLife);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#renewing);
  }
}
