// What `tidegate.onDemand` says: `true`, or a mapping of wait, startTimeout and idleStop.

import type { Note } from "../../config/finding.ts";
import type { OnDemand } from "../../config/service.ts";
import { parseDuration } from "../../lib/duration.ts";
import { nearest } from "../../lib/nearest.ts";
import { shown, warning } from "./note.ts";

export interface ReadOnDemand {
  /** undefined = not asked for, or wrong. */
  readonly onDemand: OnDemand | undefined;
  readonly notes: readonly Note[];
}

const usual: OnDemand = { wait: "page", startTimeout: 60_000, idleStop: 0 };
const known = ["wait", "startTimeout", "idleStop"] as const;
const label = "tidegate.onDemand";

/** `written` has not been checked by anybody. */
export function readOnDemand(written: unknown): ReadOnDemand {
  if (written === undefined || isWord(written, "false")) return { onDemand: undefined, notes: [] };
  if (isWord(written, "true")) return { onDemand: usual, notes: [] };
  if (typeof written !== "object" || written === null || Array.isArray(written)) {
    const remedy = "write true, or the labels below it: wait, startTimeout, idleStop";
    return { onDemand: undefined, notes: [warning(label, "must be true or false", remedy)] };
  }
  const notes: Note[] = [];
  let result = usual;
  for (const [name, value] of Object.entries(written)) {
    const key = known.find((each) => each.toLowerCase() === name.toLowerCase());
    const about = `${label}.${key ?? name}`;
    const text = typeof value === "string" || typeof value === "number" ? String(value) : "";
    if (key === undefined) {
      const near = nearest(name, known);
      const remedy = near === undefined ? `known are ${known.join(", ")}` : `write ${near}`;
      notes.push(warning(about, `unknown key ${shown(name)}`, remedy));
    } else if (key === "wait") {
      if (text === "hold" || text === "page") result = { ...result, wait: text };
      else notes.push(warning(about, `${shown(text)} is no way to wait`, "write hold or page"));
    } else {
      const duration = parseDuration(text);
      const isGood = duration.kind === "ms" && (key === "idleStop" || duration.ms > 0);
      if (isGood) result = { ...result, [key]: duration.ms };
      else notes.push(warning(about, `${shown(text)} is not a duration`, "write one such as 60s"));
    }
  }
  return { onDemand: notes.length === 0 ? result : undefined, notes };
}

function isWord(value: unknown, word: "true" | "false"): boolean {
  return typeof value === "string" ? value.trim().toLowerCase() === word : String(value) === word;
}
