// A configuration as text: YAML as people write it, with comments above and below.

import { Document } from "yaml";

export interface WrittenYaml {
  /** Lines above. */
  readonly before: readonly string[];
  readonly value: Readonly<Record<string, unknown>>;
  /** Lines below. */
  readonly after: readonly string[];
}

export function writeYaml({ before, value, after }: WrittenYaml): string {
  const text = new Document(value, { aliasDuplicateObjects: false }).toString({
    lineWidth: 0,
    flowCollectionPadding: true,
  });
  return [...before.flatMap(comment), "", text.trimEnd(), "", ...after.flatMap(comment), ""]
    .join("\n")
    .replace(/\n+$/, "\n");
}

/** What was found in a foreign file may hold line ends. */
function comment(line: string): string[] {
  return line.split(/[\r\n\u2028\u2029\u0085]+/).map((part) => `# ${part}`.trimEnd());
}
