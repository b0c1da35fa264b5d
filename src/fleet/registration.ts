// One name, one node: whoever is there keeps it until it leaves or its lease runs out. A successor of the same
// main process takes over at once.

import { base64Of, textIn } from "../etcd/key-range.ts";
import type { AskOptions, Member } from "../etcd/member.ts";
import { write } from "../etcd/transaction.ts";
import { listAt, textAt } from "../lib/json.ts";
import { type NodeFacts, readNodeFacts } from "./node-facts.ts";

export class NameTaken extends Error {
  constructor(name: string, { pid, since, version }: NodeFacts) {
    const who = `process ${pid} of ${since}, Tidegate ${version}`;
    super(
      `another node is in the fleet as ${name} (${who}); this one runs alone until that has left. If both are to stay, set fleet.node`,
    );
    this.name = "NameTaken";
  }
}

export interface RegistrationOptions extends AskOptions {
  /** With the prefix. */
  readonly key: string;
  readonly name: string;
  readonly lease: string;
}

/** @returns the revision of what was written. @throws NameTaken */
export async function register(
  member: Member,
  facts: NodeFacts,
  { key, name, lease, ...options }: RegistrationOptions,
): Promise<string> {
  const value = JSON.stringify(facts);
  // Between looking and writing somebody may come or go, but hardly three times.
  for (let round = 0; round < 3; round++) {
    const answer = await member.ask("/v3/kv/range", { key: base64Of(key) }, options);
    const [found] = listAt(answer, "kvs");
    const there = found === undefined ? undefined : readNodeFacts(textIn(textAt(found, "value")));
    if (there !== undefined && there.id !== facts.id && there.program !== facts.program) {
      throw new NameTaken(name, there);
    }
    const ifRevision = found === undefined ? "0" : textAt(found, "mod_revision");
    const { isDone, revision } = await write(member, { key, value, lease, ifRevision }, options);
    if (isDone) return revision;
  }
  throw new Error(`the name ${name} is being taken and left again and again`);
}
