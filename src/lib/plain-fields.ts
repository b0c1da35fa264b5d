// Fields of a log line as plain data that survives JSON and a message to another process: errors become
// mappings with stack and causes, secrets (at the top or one below) are left out, and what is deep, long
// or circular is cut, since one line must not fill the memory of whoever keeps it.

export type PlainFields = Readonly<Record<string, unknown>>;

/** Never written: not on a terminal, not in what the control socket shows, not between processes. */
const secrets = ["authorization", "cookie", "password", "secret", "token", "key", "credentials"];
const censored = "(secret)";

// An error within an error within an error is told; further causes say nothing new.
const maxDepth = 5;
const maxEntries = 100;
/** A long stack has a few KiB. */
const maxTextLength = 8192;

export function plainFields(fields: PlainFields): PlainFields {
  return plainEntries(fields, 0);
}

function plainValue(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case "string":
      return value.length > maxTextLength ? `${value.slice(0, maxTextLength)}…` : value;
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "boolean":
      return value;
    case "bigint":
      return String(value);
    case "object":
      return value === null ? null : plainObject(value, depth);
    case "undefined":
    case "function":
    case "symbol":
      return undefined;
  }
}

function plainObject(value: object, depth: number): unknown {
  // Also what makes an end of circles.
  if (depth > maxDepth) return "(deeper)";
  if (value instanceof Error) return plainError(value, depth);
  if (Array.isArray(value)) {
    return value.slice(0, maxEntries).map((each: unknown) => plainValue(each, depth + 1) ?? null);
  }
  if (value instanceof URL) return value.href;
  if (value instanceof Date) {
    return Number.isNaN(value.getTime()) ? "invalid date" : value.toISOString();
  }
  return plainEntries(value, depth);
}

function plainError(error: Error, depth: number): Record<string, unknown> {
  return {
    type: error.name,
    message: plainValue(error.message, depth),
    stack: plainValue(error.stack ?? error.message, depth),
    // `code`, `syscall` and the like; a cause is not enumerable when given to the constructor.
    ...plainEntries(error, depth),
    ...(error.cause === undefined ? {} : { cause: plainValue(error.cause, depth + 1) }),
  };
}

function plainEntries(value: object, depth: number): Record<string, unknown> {
  const plain: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value).slice(0, maxEntries)) {
    const isSecret = depth <= 1 && secrets.includes(name);
    const shown = isSecret ? censored : plainValue(inner, depth + 1);
    if (shown !== undefined) plain[name] = shown;
  }
  return plain;
}
