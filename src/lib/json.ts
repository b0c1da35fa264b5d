// Answers of daemons are text of somebody else: read as `unknown`, and taken apart by these. What is not of
// the kind that was asked for counts as absent.

export type JsonRecord = Readonly<Record<string, unknown>>;

/** Of a mapping its own keys, whatever they are called; of anything else an empty one. */
export function recordAt(value: unknown, key: string): JsonRecord {
  const found = at(value, key);
  return isRecord(found) ? found : {};
}

export function listAt(value: unknown, key: string): readonly unknown[] {
  const found = at(value, key);
  return Array.isArray(found) ? found : [];
}

/** "" where there is no text. */
export function textAt(value: unknown, key: string): string {
  const found = at(value, key);
  return typeof found === "string" ? found : "";
}

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function at(value: unknown, key: string): unknown {
  return isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** What `JSON.parse` does not like, without what it quotes of the text: that may be somebody's key. */
export function jsonTrouble(error: unknown): string {
  const message = error instanceof Error ? error.message : "";
  return message.replace(/, (\.{3})?".*$/s, "");
}
