// What a change of the configuration came to, as an answer: the same for one item, a transaction, an import and
// a rollback.

import type { ChangeOptions, ChangeOutcome } from "../configuration.ts";
import type { Caller } from "../accounts-entry.ts";
import type { ItemProblem } from "../../config/read-item.ts";
import { type Fault, refused, type Reply } from "./reply.ts";

export interface ChangeWords {
  /** For the audit: `put routes web`. */
  readonly what: string;
  readonly isDryRun: boolean;
  /** Where in the body a problem is. */
  pointer(path: ItemProblem["path"]): string;
  /** Of the only item as it is now; undefined = there is none. */
  etag?(): string | undefined;
  /** Of the only item. */
  readonly created?: { readonly location: string };
}

interface WrittenOptions {
  readonly note?: string | undefined;
  readonly dryRun?: boolean | undefined;
  /** ms */
  readonly watch?: number | undefined;
}

export function optionsOf(
  { by, from }: Caller,
  { note, dryRun, watch }: WrittenOptions,
): ChangeOptions {
  const who = from === "" ? by : `${by} from ${from}`;
  return { by: who, note, isDryRun: dryRun ?? false, watchFor: watch };
}

export function changeReply(outcome: ChangeOutcome, words: ChangeWords): Reply {
  switch (outcome.kind) {
    case "done":
      return doneReply(outcome, words);
    case "invalid": {
      const errors = outcome.problems
        .filter(({ severity }) => severity === "error")
        .map((each) => faultOf(each, words));
      const [first] = errors;
      const count = errors.length === 1 ? "one thing is" : `${errors.length} things are`;
      const detail = `${count} wrong; nothing was changed${first === undefined ? "" : `: ${first.message}`}`;
      return refused(422, { detail, errors });
    }
    case "stale": {
      const { section, name } = outcome;
      const detail = `${section} ${name} is not as you have it: somebody changed it; read it again`;
      return refused(412, { detail });
    }
    case "missing":
      return refused(404, {
        detail: `there is no ${outcome.name} in the ${outcome.section} of the store`,
      });
    case "failed":
      return refused(503, { detail: outcome.message });
  }
}

function doneReply(
  { revision, version, changed, notes }: Extract<ChangeOutcome, { kind: "done" }>,
  { what, isDryRun, created, etag }: ChangeWords,
): Reply {
  const body = { dryRun: isDryRun, revision, version: version ?? null, changed, notes };
  if (isDryRun) return { status: 200, body };
  const tag = etag?.();
  const headers = {
    ...(tag === undefined ? {} : { ETag: tag }),
    ...(created === undefined ? {} : { Location: created.location }),
  };
  return {
    status: created === undefined ? 200 : 201,
    body,
    headers,
    done: { what, revision },
  };
}

function faultOf({ path, message, remedy }: ItemProblem, { pointer }: ChangeWords): Fault {
  return { pointer: pointer(path), message, ...(remedy === undefined ? {} : { remedy }) };
}
