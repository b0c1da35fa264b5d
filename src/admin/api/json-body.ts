// The body of a request as JSON: of a bounded size and depth, of a kind that was said, and without a key
// that JavaScript would take for something else.

import { apiLimits } from "../../config/admin-limits.ts";
import { formatSize } from "../../lib/size.ts";
import { type Reply, refused } from "./reply.ts";

export type JsonReading =
  | { readonly kind: "value"; readonly value: unknown }
  | { readonly kind: "refused"; readonly reply: Reply };

export async function readJson(
  request: Request,
  mostBytes: number,
  types: readonly string[],
): Promise<JsonReading> {
  const kind = request.headers.get("content-type") ?? "";
  if (!isOf(kind, types)) {
    const detail = `say what you send: Content-Type: ${types.join(" or ")}`;
    const patch = { "Accept-Patch": types.join(", ") };
    const headers = request.method === "PATCH" ? { headers: patch } : {};
    return { kind: "refused", reply: refused(415, { detail, ...headers }) };
  }
  let bytes: Buffer | undefined;
  try {
    bytes = await bytesOf(request, mostBytes);
  } catch {
    return bad("the body ended too early"); // who sent it has left; nothing of ours failed
  }
  if (bytes === undefined) {
    const detail = `the body may have ${formatSize(mostBytes)}`;
    return { kind: "refused", reply: refused(413, { detail }) };
  }
  return valueOf(bytes);
}

/** The only parameter is the only charset that JSON has. */
function isOf(contentType: string, types: readonly string[]): boolean {
  const [type = "", ...parameters] = contentType.toLowerCase().split(";");
  const areFine = parameters.every((each) => /^\s*charset="?utf-8"?\s*$/.test(each));
  return types.includes(type.trim()) && areFine;
}

/** undefined = there are more. */
async function bytesOf(request: Request, most: number): Promise<Buffer | undefined> {
  if (Number(request.headers.get("content-length") ?? 0) > most) return undefined;
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of request.body ?? []) {
    total += chunk.byteLength;
    if (total > most) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function valueOf(bytes: Buffer): JsonReading {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return bad(`the body is not JSON: ${why}`);
  }
  const fault = faultIn(value, apiLimits.depth);
  return fault === undefined ? { kind: "value", value } : bad(fault);
}

function bad(detail: string): JsonReading {
  return { kind: "refused", reply: refused(400, { detail }) };
}

/** Looks no deeper than is allowed. */
function faultIn(value: unknown, levels: number): string | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  if (levels === 0) return `the body has more than ${apiLimits.depth} levels`;
  for (const [key, each] of Object.entries(value)) {
    if (key === "__proto__") return '"__proto__" cannot be a key';
    const fault = faultIn(each, levels - 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
