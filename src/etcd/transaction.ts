// Writing a key, always as a transaction: either it is still as somebody knew it, or nothing is written.

import { recordAt, textAt } from "../lib/json.ts";
import { base64Of } from "./key-range.ts";
import type { AskOptions, Member } from "./member.ts";

export interface Write {
  readonly key: string;
  /** undefined = it is removed. */
  readonly value: string | undefined;
  readonly lease?: string;
  /** Only when its latest change is this one, "0" = only when it is not there; without it in any case. */
  readonly ifRevision?: string;
}

export interface Written {
  /** false: it was changed meanwhile. */
  readonly isDone: boolean;
  /** Of the store; of the key as well when it was written. */
  readonly revision: string;
}

export async function write(
  member: Member,
  { key, value, lease, ifRevision }: Write,
  options: AskOptions,
): Promise<Written> {
  const name = base64Of(key);
  const compare =
    ifRevision === undefined
      ? []
      : [{ key: name, target: "MOD", result: "EQUAL", mod_revision: ifRevision }];
  const held = lease === undefined ? {} : { lease };
  const success =
    value === undefined
      ? [{ request_delete_range: { key: name } }]
      : [{ request_put: { key: name, value: base64Of(value), ...held } }];
  const answer = await member.ask("/v3/kv/txn", { compare, success }, options);
  const isDone = recordAt({ answer }, "answer")["succeeded"] === true;
  const revision = textAt(recordAt(answer, "header"), "revision");
  if (/^\d{1,19}$/.test(revision)) return { isDone, revision };
  throw new Error("what answered is not etcd: there is no revision in its answer");
}
