// One line of a container's configuration, as LXC reads it: `key = value`, blanks around both, quotes around
// the value taken away. A `#` begins a comment only where the line begins; ours are comments that say
// `# tidegate.host = …`, which LXC does not mind.

export type ConfigLine =
  | { readonly kind: "item"; readonly key: string; readonly value: string }
  | { readonly kind: "label"; readonly key: string; readonly value: string }
  | { readonly kind: "nothing" }
  /** LXC refuses the whole file because of it. */
  | { readonly kind: "bad" };

export function parseLine(text: string): ConfigLine {
  const line = text.trim();
  if (line === "") return { kind: "nothing" };
  if (line.startsWith("#")) return labelOf(line);
  const equals = line.indexOf("=");
  if (equals === -1) return { kind: "bad" };
  const key = line.slice(0, equals).trimEnd();
  return { kind: "item", key, value: withoutQuotes(line.slice(equals + 1).trim()) };
}

/** A sentence that merely begins with the word is no label: it has blanks before its `=`, or none at all. */
function labelOf(comment: string): ConfigLine {
  const line = comment.replace(/^#+/, "").trimStart();
  if (line.slice(0, prefix.length).toLowerCase() !== prefix) return { kind: "nothing" };
  const equals = line.indexOf("=");
  const key = line.slice(0, Math.max(0, equals)).trimEnd();
  if (key.length <= prefix.length || /\s/.test(key)) return { kind: "nothing" };
  return { kind: "label", key, value: withoutQuotes(line.slice(equals + 1).trim()) };
}

const prefix = "tidegate.";

function withoutQuotes(value: string): string {
  const first = value.at(0);
  const isQuoted = value.length >= 2 && (first === '"' || first === "'") && value.at(-1) === first;
  return isQuoted ? value.slice(1, -1) : value;
}
