// Writes docs/reference/config.md from the schema. A test holds the page to it; `UPDATE=1` in the
// environment of that test writes the page anew.

import { listTitle } from "./middlewares/list-schema.ts";
import { jsonSchema } from "./json-schema.ts";
import type { JsonSchema } from "./json-schema.ts";

const intro = `# Configuration

<!-- Made from src/config/schema.ts by src/config/reference.ts: change it there. -->

\`tidegate.yaml\`, or JSON, which is YAML too. \`tidegate check FILE\` says what is wrong and where,
\`tidegate schema\` prints the JSON Schema for editors. The file is read again when it changes and on
SIGHUP; a file with errors changes nothing.

- **duration**: a number with \`ms\`, \`s\`, \`m\`, \`h\` or \`d\`: \`250ms\`, \`300s\`, \`1h30m\`. \`0\` = no limit.
- **size**: bytes, or a number with \`KiB\`, \`MiB\`, \`GiB\` (1024), \`KB\`, \`MB\`, \`GB\` (1000), or as in nginx
  \`k\`, \`m\`, \`g\` (1024).
- **backend URL**: \`http://HOST:PORT[/base]\`, \`https://HOST:PORT[/base]\`, \`unix:/run/app.sock\`; for listeners with
  \`protocol: tcp\` \`tcp://HOST:PORT\`, \`tls://HOST:PORT\` (we speak TLS to it), \`tcp://unix:/run/app.sock\`; with
  \`protocol: udp\` \`udp://HOST:PORT\`.
- **program**: \`unix:/run/php/php-fpm.sock\` or \`HOST:PORT\`; among backend URLs \`fastcgi://HOST:PORT\`,
  \`fastcgi://unix:/PATH\`, and so with \`scgi\` and \`uwsgi\`.
- **container**: \`PROVIDER/NAME\`, such as \`lxc/blog\`: the first part is the name of one of \`providers\`.
- **step** of \`try\`: a path under the root with \`$path\` for the one that was asked for, \`@SERVICE\`, or \`=STATUS\`.
- **percentage**: \`20%\`, or \`0\`.
- **status or range**: \`502\` or \`500-504\`.
- **network**: \`10.0.0.0/8\`, \`2001:db8::/32\`, or an address alone.
- **middlewares**: a list of them in the order in which they run, or a mapping; what may stand there is in
  [middlewares.md](middlewares.md).
- **path** of a file or folder: from the configuration file's folder when relative.

Every key may be left out unless its row says *required*.
`;

export function referencePage(): string {
  const root = jsonSchema();
  const sections = Object.entries(propertiesOf(root)).flatMap(([name, each]) => pages(name, each));
  return [intro, table("Top level", root), ...sections].join("\n");
}

// Every mapping gets a table of its own, under the path that leads to it. A service written inside a
// route or listener has the keys of any service: no second time. Nor what a route says beside its own keys, and programs
// are alike whatever is spoken to them.
export function pages(path: string, schema: JsonSchema): string[] {
  const isInline =
    /^(routes|tcpRoutes|listeners)\.NAME\.service$|^routes\.NAME\.(files|fastcgi|scgi|uwsgi)$|^services\.NAME\.(scgi|uwsgi)$/.test(
      path,
    );
  const found = isInline ? undefined : mappingOf(path, schema);
  if (found === undefined) return [];
  const nested = Object.entries(propertiesOf(found.schema)).flatMap(([name, each]) =>
    pages(`${found.path}.${name}`, each),
  );
  return [table(code(found.path), found.schema), ...nested];
}

function table(title: string, schema: JsonSchema): string {
  return `## ${title}\n\n${settingsTable(schema)}\n`;
}

function settingsTable(schema: JsonSchema): string {
  return markdownTable(["key", "value", "default", "meaning"], settingRows(schema));
}

/** Key, value, default and meaning of each. */
export function settingRows(schema: JsonSchema): string[][] {
  const required = new Set(schema.required ?? []);
  const rows = Object.entries(propertiesOf(schema)).map(([name, each]) => {
    const fallback = each.default === undefined ? "" : code(shown(each.default));
    const need = required.has(name) ? "*required*" : fallback;
    return [code(name), typeOf(each), need, each.description ?? ""];
  });
  return rows;
}

/** With columns as wide as they need to be. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const all = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = head.map((_, column) =>
    Math.max(3, ...all.map((row) => row[column]?.length ?? 0)),
  );
  const lines = all.map((row) => line(row.map((cell, at) => cell.padEnd(widths[at] ?? 0))));
  const rule = line(widths.map((width) => "-".repeat(width)));
  return [lines[0], rule, ...lines.slice(1)].join("\n");
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

export function typeOf(schema: JsonSchema): string {
  if (schema.title === "oneOrMore") {
    const item = formsOf(schema)[0] ?? {};
    return `${typeOf(item)} or list of them`;
  }
  if (schema.title !== undefined) return schema.title;
  if (schema.const !== undefined) return code(JSON.stringify(schema.const));
  if (schema.enum !== undefined) return schema.enum.map((each) => code(String(each))).join(", ");
  const forms = formsOf(schema);
  if (forms.length > 0) return [...new Set(forms.map(typeOf))].join(" or ");
  if (schema.type === "array") {
    const items = objectOnly(schema.items);
    return `list of ${formsOf(items).length > 1 ? `(${typeOf(items)})` : typeOf(items)}`;
  }
  if (schema.type === "object") return "mapping";
  if (schema.type === "string") return "text";
  return schema.type === "boolean" ? "`true`, `false`" : String(schema.type ?? "anything");
}

interface Found {
  readonly path: string;
  readonly schema: JsonSchema;
}

/** The mapping among the forms of a value; else that of its values by name, or of its items. */
export function mappingOf(path: string, schema: JsonSchema): Found | undefined {
  // Their settings have a page of their own.
  if (schema.title === listTitle) return undefined;
  if (schema.properties !== undefined) return { path, schema };
  const forms = formsOf(schema);
  const direct = forms.find((form) => form.properties !== undefined);
  if (direct !== undefined) return { path, schema: direct };
  for (const form of forms) {
    const found = mappingOf(path, form);
    if (found !== undefined) return found;
  }
  const values = objectOnly(schema.additionalProperties);
  if (Object.keys(values).length > 0) return mappingOf(`${path}.NAME`, values);
  const items = objectOnly(schema.items);
  return Object.keys(items).length > 0 ? mappingOf(`${path}[]`, items) : undefined;
}

function formsOf(schema: JsonSchema): JsonSchema[] {
  return (schema.anyOf ?? []).map((form) => objectOnly(form));
}

function propertiesOf(schema: JsonSchema): Record<string, JsonSchema> {
  const entries = Object.entries(schema.properties ?? {});
  return Object.fromEntries(entries.map(([name, each]) => [name, objectOnly(each)]));
}

// A schema may also be `true` or `false`, and items a list: neither occurs in ours.
function objectOnly(schema: JsonSchema["items"]): JsonSchema {
  return typeof schema === "object" && !Array.isArray(schema) ? schema : {};
}

// Texts without their quotes, except the empty one.
function shown(value: JsonSchema["default"]): string {
  if (Array.isArray(value)) return `[${value.map(shown).join(", ")}]`;
  return typeof value === "string" && value !== "" ? value : JSON.stringify(value);
}

function code(text: string): string {
  return `\`${text}\``;
}
