// What Incus and LXD tell of where the files of an instance are: the number of its first process.

import { isRecord, recordAt, textAt } from "../../lib/json.ts";

export type PlaceFacts =
  /** `names` are those that LXC may know the container by. */
  | { readonly pid: number; readonly names: readonly string[] }
  /** Why it has no files that can be looked into, a sentence. */
  | { readonly why: string };

/** Of an instance with its `state`. */
export function placeFactsOf(instance: unknown): PlaceFacts {
  if (textAt(instance, "type") === "virtual-machine") {
    return { why: "it is a virtual machine: its files are on a disk of its own" };
  }
  const state = recordAt(instance, "state");
  const pid = isRecord(state) ? state["pid"] : undefined;
  if (typeof pid !== "number" || !Number.isSafeInteger(pid) || pid <= 1) {
    return { why: "it does not run" };
  }
  const status = textAt(state, "status").toLowerCase();
  if (status === "starting" || status === "stopping") return { why: `it is ${status}` };
  const name = textAt(instance, "name");
  const project = textAt(instance, "project") || "default";
  return { pid, names: [project === "default" ? name : `${project}_${name}`] };
}
