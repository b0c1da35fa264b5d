// Recorded exchanges as somebody else gives them, as data again.

import type { RecordedExchange } from "./recorded.ts";

/** undefined = it is none that this version understands. */
export function readRecorded(body: unknown): readonly RecordedExchange[] | undefined {
  if (typeof body !== "object" || body === null || !("exchanges" in body)) return undefined;
  const { exchanges } = body;
  return Array.isArray(exchanges) && exchanges.every(isRecorded) ? exchanges : undefined;
}

function isRecorded(value: unknown): value is RecordedExchange {
  if (typeof value !== "object" || value === null) return false;
  const of = new Map<string, unknown>(Object.entries(value));
  const { answer, entry } = { answer: of.get("answer"), entry: of.get("entry") };
  return (
    typeof of.get("target") === "string" &&
    isTexts(of.get("left")) &&
    isLines(of.get("fields")) &&
    isBody(of.get("body")) &&
    typeof answer === "object" &&
    answer !== null &&
    "fields" in answer &&
    isLines(answer.fields) &&
    "body" in answer &&
    isBody(answer.body) &&
    typeof entry === "object" &&
    entry !== null &&
    "method" in entry &&
    typeof entry.method === "string" &&
    "status" in entry &&
    typeof entry.status === "number"
  );
}

function isLines(value: unknown): boolean {
  const isLine = (each: unknown) => isTexts(each) && each.length === 2;
  return Array.isArray(value) && value.every(isLine);
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}

function isBody(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    "base64" in value &&
    typeof value.base64 === "string" &&
    "bytes" in value &&
    typeof value.bytes === "number"
  );
}
