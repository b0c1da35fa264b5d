// Which workers there are, in a file beside the control socket: when main process and primary have died
// together, a new start finds in it who listens on its addresses still.

import { readFileSync, renameSync, writeFileSync } from "node:fs";

import { identityOf, parentOf } from "./process-identity.ts";

export class WorkerList {
  readonly #path: string;

  constructor(controlPath: string) {
    this.#path = `${controlPath}.workers`;
  }

  /** Identities of those in the list that live and have lost their primary. */
  left(): readonly string[] {
    try {
      const identities = readFileSync(this.#path, "utf8").split("\n");
      return identities.filter((each) => {
        const pid = Number(each.split(" ")[0]);
        return each !== "" && identityOf(pid) === each && !isOurs(parentOf(pid));
      });
    } catch {
      return []; // nobody was here before us
    }
  }

  /** A list that cannot be written costs a gap in a rare case: not worth a word. */
  write(pids: readonly number[]): void {
    const identities = pids.flatMap((pid) => identityOf(pid) ?? []);
    try {
      writeFileSync(`${this.#path}.new`, identities.join("\n"), { mode: 0o600 });
      renameSync(`${this.#path}.new`, this.#path);
    } catch {
      // as above
    }
  }
}

/** Whether that is a primary, who looks after its workers. */
function isOurs(parent: number | undefined): boolean {
  try {
    return readFileSync(`/proc/${parent}/cmdline`, "utf8").startsWith("tidegate: primary");
  } catch {
    return false;
  }
}
