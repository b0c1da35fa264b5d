// The other workers as they come and go: told by the primary, asked directly.

import { rmSync } from "node:fs";
import { join } from "node:path";

import { PeerDoor } from "./peer-door.ts";
import { PeerLink } from "./peer-link.ts";
import type { Peer, Peers } from "./peers.ts";
import { ownerAmong } from "./rendezvous.ts";
import { Topics } from "./topics.ts";

/** Who there is, as the primary tells it. */
export interface PeerNote {
  /** Where their sockets are; only the program's user may enter it. */
  readonly folder: string;
  /** Number of whoever hears it. */
  readonly self: number;
  /** Numbers of those that serve, in the same order for all. */
  readonly serving: readonly number[];
}

export class LivePeers implements Peers {
  readonly #topics = new Topics();
  readonly #links = new Map<number, PeerLink>();
  #door: PeerDoor | undefined;
  #note: PeerNote | undefined;
  #serving: readonly number[] = [];

  get count(): number {
    return Math.max(1, this.#serving.length);
  }

  /** Where this one takes HTTP from the others; undefined = nobody has told us yet. */
  get httpPath(): string | undefined {
    return this.#note === undefined ? undefined : placesIn(this.#note.folder, this.#note.self).http;
  }

  /** Before anybody else hears that we serve. Rejects when others cannot ask us. */
  async open({ folder, self }: PeerNote): Promise<void> {
    if (this.#door !== undefined) return;
    const door = new PeerDoor(this.#topics);
    this.#door = door;
    const { questions } = placesIn(folder, self);
    // Of one with our number that was killed, in a folder that outlived its program.
    rmSync(questions, { force: true });
    await door.listen(questions);
  }

  /** Whoever is no longer among them is asked nothing more; what it was asked is decided alone. */
  update(note: PeerNote): void {
    this.#note = note;
    this.#serving = note.serving;
    for (const [number, link] of this.#links) {
      if (note.serving.includes(number)) continue;
      this.#links.delete(number);
      link.close();
    }
    for (const number of note.serving) {
      if (number === note.self || this.#links.has(number)) continue;
      this.#links.set(number, new PeerLink(placesIn(note.folder, number)));
    }
  }

  ownerOf(key: string): Peer | undefined {
    if (this.#links.size === 0) return undefined;
    const owner = ownerAmong(this.#serving, key);
    return owner === undefined ? undefined : this.#links.get(owner);
  }

  answer(topic: string, answer: (question: unknown) => unknown): () => void {
    return this.#topics.answer(topic, answer);
  }

  tell(topic: string, news: unknown): void {
    for (const link of this.#links.values()) link.tell(topic, news);
  }

  hear(topic: string, hear: (news: unknown) => void): () => void {
    return this.#topics.hear(topic, hear);
  }

  close(): void {
    this.#door?.close();
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
  }
}

/** The sockets of one worker. */
export function placesIn(folder: string, number: number): { questions: string; http: string } {
  return { questions: join(folder, `${number}.ask`), http: join(folder, `${number}.http`) };
}
