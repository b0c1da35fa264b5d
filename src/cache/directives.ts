// Cache-Control and fields like it (RFC 9111 section 5.2), read as a cautious reader does: names in any case, lists in
// quotes, and of what is said twice, what keeps for less time.

export type Directives = ReadonlyMap<string, string>;

const seconds: ReadonlySet<string> = new Set([
  "max-age",
  "s-maxage",
  "stale-while-revalidate",
  "stale-if-error",
]);

/** Names in lower case; "" = without a value. */
export function readDirectives(field: string): Directives {
  const found = new Map<string, string>();
  const member =
    /[\t ,]*([^\t ,;="]*)[\t ]*(?:=[\t ]*(?:"((?:[^"\\]|\\.)*)"|([^\t ,]*)))?[^,]*(?:,|$)/y;
  while (member.lastIndex < field.length) {
    const each = member.exec(field);
    if (each === null) break;
    const [, written = "", quoted, bare = ""] = each;
    if (written === "") continue;
    const name = written.toLowerCase();
    const value = quoted ?? bare;
    if (!seconds.has(name)) {
      found.set(name, value);
      continue;
    }
    // What is no number is no time at all (section 4.2.1).
    const read = /^\d{1,15}$/.test(value) ? Number(value) : 0;
    const before = found.get(name);
    found.set(name, String(before === undefined ? read : Math.min(read, Number(before))));
  }
  return found;
}

export function writeDirectives(directives: Directives): string {
  return [...directives]
    .map(([name, value]) => (value === "" ? name : `${name}=${value}`))
    .join(", ");
}

/** Seconds; undefined = not said. */
export function secondsOf(directives: Directives, name: string): number | undefined {
  const value = directives.get(name);
  return value === undefined ? undefined : Number(value);
}
