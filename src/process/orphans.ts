// Workers whose primary is gone. They are nobody's children here, so they are known by identity, told by
// signals, and looked at now and then.

import { identityOf, signal } from "./process-identity.ts";

const checkMs = 100;

export class Orphans {
  #identities: string[] = [];

  add(identities: Iterable<string>): void {
    this.#identities.push(...identities);
  }

  tell(name: NodeJS.Signals): void {
    for (const each of this.#alive) signal(each, name);
  }

  get #alive(): readonly string[] {
    this.#identities = this.#identities.filter((each) => identityOf(pidOf(each)) === each);
    return this.#identities;
  }

  async gone(): Promise<void> {
    while (this.#alive.length > 0) await new Promise((resolve) => setTimeout(resolve, checkMs));
  }
}

function pidOf(identity: string): number {
  return Number(identity.split(" ")[0]);
}
