// Where in a YAML text one writes: below which keys, and what of a word there is so far.

export interface Spot {
  /** Keys that lead to the line; `-` = an entry of a list. */
  readonly path: readonly string[];
  /** What is written of the word so far. */
  readonly begun: string;
  readonly isValue: boolean;
}

/** Where in the text the caret stands. */
export function spotAt(text: string, caret: number): Spot {
  const lines = text.slice(0, caret).split("\n");
  const line = lines.pop() ?? "";
  const path: string[] = [];
  let [depth, rest] = indentOf(line);
  if (rest.startsWith("- ")) {
    path.unshift("-");
    rest = rest.slice(2).trimStart();
  }
  for (const each of lines.toReversed()) {
    const [indent, words] = indentOf(each);
    if (words === "" || words.startsWith("#")) continue;
    const isEntry = words.startsWith("- ");
    const isOuter = indent < depth || (indent === depth && path[0] === "-" && !isEntry);
    if (!isOuter) continue;
    const key = /^(?:- +)?([\w-]+):\s*$/.exec(words)?.[1];
    const isBeside = isEntry && key === undefined;
    if (isEntry) path.unshift("-", ...(isBeside || key === undefined ? [] : [key]));
    else if (key !== undefined) path.unshift(key);
    depth = indent;
    if (indent === 0 && !isEntry) break;
  }
  const value = /^([\w-]+):\s+(\S*)$/.exec(rest);
  if (value !== null) {
    return { path: [...path, value[1] ?? ""], begun: value[2] ?? "", isValue: true };
  }
  return { path, begun: rest, isValue: false };
}

function indentOf(line: string): [number, string] {
  const rest = line.trimStart();
  return [line.length - rest.length, rest.trimEnd() === "" ? "" : rest];
}
