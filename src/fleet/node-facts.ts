// What a node says of itself to the others, and how that is read: by a program that may be newer or older.

import { fleetLimits as limits } from "../config/fleet-limits.ts";
import { isRecord, type JsonRecord, listAt, textAt } from "../lib/json.ts";
import { parsedJson } from "./parsed-json.ts";

export interface NodeFacts {
  /** Another one each time it starts. */
  readonly id: string;
  /** The same as long as the main process lives: a successor takes over from its predecessor. */
  readonly program: string;
  readonly version: string;
  readonly pid: number;
  /** ISO 8601. */
  readonly since: string;
  /** Version of the snapshot that it serves. */
  readonly snapshot: number;
  /** `NAME HOST:PORT`. */
  readonly listeners: readonly string[];
  /** `HOST:PORT` of its API. */
  readonly admin: readonly string[];
}

/** undefined = nobody of ours wrote it. */
export function readNodeFacts(text: string): NodeFacts | undefined {
  const value = parsedJson(text, limits.valueBytes);
  if (!isRecord(value) || textAt(value, "id") === "") return undefined;
  return {
    id: textAt(value, "id"),
    program: textAt(value, "program"),
    version: textAt(value, "version"),
    pid: numberAt(value, "pid"),
    since: textAt(value, "since"),
    snapshot: numberAt(value, "snapshot"),
    listeners: listAt(value, "listeners").filter((each) => typeof each === "string"),
    admin: listAt(value, "admin").filter((each) => typeof each === "string"),
  };
}

function numberAt(value: JsonRecord, key: string): number {
  const found = Object.hasOwn(value, key) ? value[key] : undefined;
  return typeof found === "number" && Number.isSafeInteger(found) ? found : 0;
}
