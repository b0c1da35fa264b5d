// Writes docs/reference/middlewares.md, and the table of docs/middlewares/overview.md, from the definitions. A test holds
// both to them; `UPDATE=1` in its environment writes them anew.

import { mappingOf, markdownTable, pages, settingRows, typeOf } from "../reference.ts";
import type { JsonSchema } from "../json-schema.ts";
import type { Path } from "../problem.ts";
import { definitions } from "./registry.ts";
import { settingsJson } from "./typed-list.ts";

const intro = `# Middlewares

<!-- Made from src/config/middlewares/ by src/config/middlewares/reference.ts: change it there. -->

What may stand in \`middlewares\` of a route, a service, a listener or a set. [The overview](../middlewares/overview.md) says what
that means and leads to a page for each. Types of values are those of [config.md](config.md). In a mapping they run in
the order of this page.
`;

export function middlewaresPage(): string {
  const schemas = settingsJson();
  const sections = kindsInOrder().map(({ kind, summary, guarded = [], asks = [] }) => {
    const schema = schemas[kind] ?? {};
    const tables = pages(kind, schema).map((each) => each.replace(/^## `[^`]*`\n/, ""));
    const [own = "", ...below] = tables;
    const titles = pages(kind, schema).map((each) => /^## (`[^`]*`)/.exec(each)?.[1] ?? "");
    const page = `[Its page](../middlewares/${fileOf(kind)}).`;
    const inside = below.map((each, at) => `### ${titles[at + 1]}\n${each}`);
    const guard = guardOf(guarded, asks);
    return [
      `## \`${kind}\`\n`,
      `${summary} ${page}\n`,
      ...(guard === "" ? [] : [`${guard}\n`]),
      `Value: ${typeOf(schema)}.\n${own === "" ? "" : own}`,
      ...inside,
    ].join("\n");
  });
  return [intro, ...sections].join("\n");
}

/** Kind, what it does, and its page. */
export function overviewTable(): string {
  const rows = kindsInOrder().map(({ kind, summary }) => {
    return [`[\`${kind}\`](${fileOf(kind)})`, summary];
  });
  return markdownTable(["middleware", "what it does"], rows);
}

/** Of the command line: its value, and what may stand in a mapping. */
export function settingsOf(kind: string): KindSettings {
  const schema = settingsJson()[kind] ?? {};
  const mapping = mappingOf(kind, schema);
  const rows = mapping === undefined ? [] : settingRows(mapping.schema);
  const bare = rows.map((row) => row.map((cell) => cell.replaceAll(/[`*]/g, "")));
  return { schema, value: typeOf(schema), rows: bare };
}

interface KindSettings {
  readonly schema: JsonSchema;
  readonly value: string;
  readonly rows: readonly (readonly string[])[];
}

/** Of its page in docs/middlewares. */
export function fileOf(kind: string): string {
  return `${kind.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}.md`;
}

export function kindsInOrder(): readonly KindFacts[] {
  const all: readonly KindFacts[] = Object.values(definitions);
  return all.toSorted((a, b) => a.place - b.place);
}

interface KindFacts {
  readonly kind: string;
  readonly summary: string;
  readonly place: number;
  readonly guarded?: readonly Path[];
  readonly asks?: readonly Path[];
}

function guardOf(guarded: readonly Path[], asks: readonly Path[]): string {
  if (guarded.length === 0) return "";
  if (guarded.some((each) => each.length === 0)) {
    return "Labels may not say it; they name a set of the file that has it.";
  }
  // A list of them or one: nobody needs to be told.
  const nameOf = (path: Path) => `\`${path.filter((each) => each !== "*").join(".")}\``;
  const names = [...new Set(guarded.map(nameOf))];
  const allowed = new Set(asks.map(nameOf));
  const files = names.filter((each) => !allowed.has(each));
  const sentence = `Labels may not say ${names.join(", ")}`;
  return files.length === 0 ? `${sentence}.` : `${sentence}; items not ${files.join(", ")}.`;
}
