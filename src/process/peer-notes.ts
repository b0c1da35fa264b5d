// Tells workers which of them serve: whenever that changes, and whoever is new.

import type { Member } from "./member.ts";

export class PeerNotes {
  readonly #folder: string | undefined;
  /** As all of them were told. */
  #serving: readonly number[] = [];

  /** @param folder where they reach each other; undefined = nowhere, and each is alone */
  constructor(folder: string | undefined) {
    this.#folder = folder;
  }

  /** @param all also those that start or leave: they may ask, though nobody asks them */
  tell(all: readonly Member[], serving: Iterable<Member>): void {
    const numbers = Array.from(serving, ({ number }) => number).toSorted((a, b) => a - b);
    if (numbers.join() === this.#serving.join()) return;
    this.#serving = numbers;
    for (const each of all) this.tellTo(each);
  }

  tellTo(member: Member): void {
    const folder = this.#folder;
    if (folder === undefined) return;
    member.send({ kind: "peers", note: { folder, self: member.number, serving: this.#serving } });
  }
}
