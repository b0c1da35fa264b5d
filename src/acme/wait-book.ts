// Who failed how often, and may be asked when: of names with one authority, and of an authority as a whole. It is kept, so that a
// program that is started again and again does not use up what an authority grants in a day.

import { endOf, type Failure, type Standing, type Wait, waitAfter } from "./schedule.ts";
import { authorityId, type Vault } from "./vault.ts";

export class WaitBook {
  readonly #vault: Vault;
  /** What could not be kept holds until the program ends. */
  readonly #unkept = new Map<string, ReadonlyMap<string, Wait>>();

  constructor(vault: Vault) {
    this.#vault = vault;
  }

  /** @param directory of the authority */
  standing(id: string, directory: string): Standing {
    return {
      own: this.#of(id).get(directory),
      all: this.#of(authorityId(directory)).get(directory),
    };
  }

  /** In a row, with whoever failed most. */
  failures(id: string, directories: readonly string[]): number {
    const own = [...this.#of(id).values()];
    const all = directories.map((each) => this.#of(authorityId(each)).get(each));
    return Math.max(0, ...[...own, ...all].map((each) => each?.failures ?? 0));
  }

  /** Of names that are ordered together, those that somebody refused. */
  refused(id: string): ReadonlySet<string> {
    return new Set([...this.#of(id).values()].flatMap((each) => each.refused));
  }

  /** Names that were refused among others were had. */
  async mended(id: string, names: readonly string[]): Promise<void> {
    const before = [...this.#of(id)];
    const isMended = ([, { refused }]: (typeof before)[number]) =>
      refused.length > 0 && refused.every((each) => names.includes(each));
    const left = before.filter((each) => !isMended(each));
    if (left.length < before.length) await this.#keep(id, new Map(left));
  }

  async failed(id: string, directory: string, failure: Failure): Promise<void> {
    const now = Date.now();
    const before = this.#of(id);
    const known = before.get(directory);
    // Several that fail together, since an authority is gone, are one failure.
    if (id === authorityId(directory) && endOf(known, now) > 0) return;
    await this.#keep(id, new Map([...before, [directory, waitAfter(known, failure, now)]]));
  }

  /** @param directory of whom it was had */
  async succeeded(id: string, directory: string): Promise<void> {
    await this.#keep(id, new Map());
    await this.#keep(authorityId(directory), new Map());
  }

  /** Somebody mended what was wrong; but limits stay. */
  forgive(id: string, directories: readonly string[]): void {
    for (const each of [id, ...directories.map(authorityId)]) {
      if (this.#of(each).size === 0) continue;
      this.#unkept.set(each, new Map([...this.#of(each)].filter(([, { isLimit }]) => isLimit)));
    }
  }

  #of(id: string): ReadonlyMap<string, Wait> {
    return this.#unkept.get(id) ?? this.#vault.waits(id);
  }

  async #keep(id: string, waits: ReadonlyMap<string, Wait>): Promise<void> {
    if (waits.size === 0 && this.#of(id).size === 0) return;
    this.#unkept.set(id, waits);
    try {
      await this.#vault.keepWaits(id, waits);
      this.#unkept.delete(id);
    } catch {
      // The disk is full, or etcd is away, which the next order itself says.
    }
  }
}
