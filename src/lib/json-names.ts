// Names that a JSON object says twice: one reader takes the first, another the last, and whoever checks must not read
// something else than whoever acts.

/** Whether the outermost object of a valid JSON text has a name twice. */
export function hasNameTwice(text: string): boolean {
  const seen = new Set<string>();
  let depth = 0;
  // Strings whole, with the colon that makes one a name; and what opens and closes.
  for (const [piece, name, colon] of text.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|[{}[\]]/g)) {
    if (name === undefined) {
      depth += piece === "{" || piece === "[" ? 1 : -1;
    } else if (depth === 1 && colon !== undefined) {
      const plain: unknown = JSON.parse(name);
      if (seen.has(String(plain))) return true;
      seen.add(String(plain));
    }
  }
  return false;
}
