// A configuration as text, with a comment above each item: YAML that is read again as what it says.

import { Document, isMap, isScalar } from "yaml";

export interface CommentedYaml {
  /** Lines above everything. */
  readonly before: readonly string[];
  readonly value: Readonly<Record<string, unknown>>;
  /** By section and name: what is said above that item. */
  readonly comments: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export function commentedYaml({ before, value, comments }: CommentedYaml): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  document.commentBefore = before.map(line).join("\n");
  for (const [section, names] of comments) {
    const items = document.get(section);
    if (!isMap(items)) continue;
    for (const { key } of items.items) {
      if (!isScalar(key)) continue;
      const comment = names.get(String(key.value));
      if (comment !== undefined) key.commentBefore = line(comment);
    }
  }
  return document.toString({ lineWidth: 0 });
}

/** Places are foreign text, and may hold line ends. */
function line(text: string): string {
  return ` ${text.replace(/[\p{Cc}\u2028\u2029]+/gu, " ")}`;
}
