// How changes of the store are shown, and why one was refused.

import type { ChangedItem } from "../admin/configuration.ts";
import { readRefusal } from "../admin/configuration-answer.ts";
import type { Colour } from "./paint.ts";
import { plain, plainLines } from "./plain.ts";
import { type Answered, NoAnswer, refusedCode } from "./running.ts";

/** Returns the exit code. */
export function refusedBy(answer: Answered): number {
  const refusal = readRefusal(answer.body);
  for (const { path, message, remedy, severity } of refusal?.errors ?? []) {
    const kind = severity === "error" ? "" : `${severity}: `;
    const rest = remedy === undefined ? "" : `; ${remedy}`;
    process.stderr.write(`${plain(`${kind}${path}: ${message}${rest}`)}\n`);
  }
  const detail = refusal?.detail ?? `the answer (status ${answer.status}) is none of ours`;
  process.stderr.write(`tidegate: ${plainLines(detail)}\n`);
  return refusedCode;
}

export function symbolOf({ before, after }: ChangedItem): { symbol: string; colour: Colour } {
  if (before === undefined) return { symbol: "+", colour: "green" };
  if (after === undefined) return { symbol: "-", colour: "red" };
  return { symbol: "~", colour: "yellow" };
}

/** Throws NoAnswer. */
export function readRevision(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const message = `${JSON.stringify(text)} is not a revision: write a number that \`tidegate history\` shows`;
  throw new NoAnswer(message, refusedCode);
}
