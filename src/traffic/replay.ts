// A recorded request sent once more, to somebody else: what of it is sent, and where the answers differ.

import { createHash } from "node:crypto";
import { type FieldLine, leftBodies, type RecordedExchange } from "./recorded.ts";
import { hidden } from "./secrets.ts";

/** What changes nothing where it is sent (RFC 9110 section 9.2.1). */
const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE"]);

/** About one connection, or different with each answer, or ours. */
const unsaid = new Set([
  ...["connection", "keep-alive", "transfer-encoding", "trailer", "upgrade", "proxy-connection"],
  ...["te", "content-length", "date", "age", "via", "strict-transport-security", "x-request-id"],
]);

export interface Got {
  readonly status: number;
  readonly fields: readonly FieldLine[];
  readonly body: Buffer;
}

/** undefined = it can be sent; otherwise a sentence says why not. */
export function whyNotSent(recorded: RecordedExchange, withAll: boolean): string | undefined {
  const { entry, body } = recorded;
  if (entry.status === 101 || entry.method === "CONNECT") return "it became a tunnel";
  if (!withAll && !safeMethods.has(entry.method)) {
    return `${entry.method} may change something; --all sends it`;
  }
  if (recorded.left.includes(leftBodies.request)) {
    return "values in its body were left out; record it --with-secrets";
  }
  if (Buffer.byteLength(body.base64, "base64") < body.bytes) return "its body was not kept whole";
  return undefined;
}

/** Fields to send; what was left out of the record is left out here. */
export function sentFields({ fields }: RecordedExchange): readonly FieldLine[] {
  return fields.filter(([name, value]) => {
    const lower = name.toLowerCase();
    const isOfConnection = unsaid.has(lower) && lower !== "date" && lower !== "x-request-id";
    return !isOfConnection && lower !== "expect" && value !== hidden;
  });
}

/** Of a target in any form, path and query. */
export function pathOf({ target }: RecordedExchange): string {
  if (target.startsWith("/") || target === "*") return target;
  return target.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, "") || "/";
}

/**
 * What is different, a sentence each.
 * @param ignored further names of fields, in lower case
 */
export function differencesOf(
  recorded: RecordedExchange,
  got: Got,
  ignored: ReadonlySet<string>,
): readonly string[] {
  const { entry, answer } = recorded;
  const differences: string[] = [];
  if (got.status !== entry.status) differences.push(`status ${entry.status} → ${got.status}`);
  const before = grouped(answer.fields, ignored);
  const after = grouped(got.fields, ignored);
  for (const [name, value] of before) {
    const now = after.get(name);
    if (now === undefined) differences.push(`without ${name}`);
    else if (now !== value && !value.includes(hidden)) {
      differences.push(`${name}: ${short(value)} → ${short(now)}`);
    }
  }
  for (const name of after.keys()) if (!before.has(name)) differences.push(`with ${name}`);
  return [...differences, ...bodyDifference(recorded, got)];
}

function bodyDifference(
  { entry, answer, left }: RecordedExchange,
  { body }: Got,
): readonly string[] {
  // What was left out cannot be compared.
  if (entry.method === "HEAD" || left.includes(leftBodies.answer)) return [];
  const kept = Buffer.from(answer.body.base64, "base64");
  const { bytes } = answer.body;
  if (body.length !== bytes) return [`body ${bytes} → ${body.length} bytes`];
  // Of a long one only the beginning is known.
  if (digest(kept) === digest(body.subarray(0, kept.length))) return [];
  return [`body of ${bytes} bytes differs`];
}

function grouped(
  lines: readonly FieldLine[],
  ignored: ReadonlySet<string>,
): ReadonlyMap<string, string> {
  const all = new Map<string, string>();
  for (const [name, value] of lines) {
    const lower = name.toLowerCase();
    if (unsaid.has(lower) || ignored.has(lower)) continue;
    const before = all.get(lower);
    all.set(lower, before === undefined ? value : `${before}, ${value}`);
  }
  return all;
}

function short(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 39)}…`;
}

function digest(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
