// Writes docs/reference/api.md from the OpenAPI document. A test holds the page to it; `UPDATE=1` in the
// environment of that test writes the page anew.

import type { ApiDocument, Operation } from "./document.ts";
import { typeText } from "./schema-text.ts";

const head = `# Admin API

<!-- Made from src/admin/api by src/admin/api/reference.ts: change it there. -->

What can be asked over HTTP; where it listens, who may ask and how is in
[admin-api.md](../operations/admin-api.md). A running program serves the same as a page to browse at \`/docs\`, and for
programs as OpenAPI 3.1 at \`/openapi.json\`. Paths have the names of items percent-encoded: \`shop.example.com%2Fapi\`.

Errors are \`application/problem+json\`: \`title\`, \`detail\` in one sentence, and \`errors\` with a JSON \`pointer\`, a \`message\`
and often a \`remedy\` for each thing that is wrong.
`;

export function apiReference({ tags, paths }: ApiDocument): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const sections = tags.map(({ name, description }) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(name));
    const parts = own.map((each) => partOf(each.path, each.method, each.operation));
    return `## ${name}\n\n${description}\n\n${parts.join("\n")}`;
  });
  return `${[head, ...sections].join("\n").trimEnd()}\n`;
}

function partOf(path: string, method: string, operation: Operation): string {
  const { summary, description, parameters = [], requestBody, responses } = operation;
  const role = operation["x-tidegate-role"];
  const may = role === "none" ? "Nobody needs to log in." : `Needs the role \`${role}\`.`;
  const asked = parameters
    .filter((each) => each.in !== "path")
    .map(({ name, in: where, description: about = "" }) => `- ${where} \`${name}\`: ${about}`);
  const [sent] = Object.entries(requestBody?.content ?? {});
  const body =
    sent === undefined ? [] : [`- body \`${sent[0]}\`: ${bodyText(sent[1].schema ?? {})}`];
  const answers = Object.entries(responses)
    .filter(([status]) => !common.has(status))
    .map(([status, { description: about }]) => `${status} ${about.replace(/\.$/, "")}`);
  const lines = [`${summary}. ${description === undefined ? "" : `${description} `}${may}`, ""];
  return `### \`${method.toUpperCase()} ${path}\`\n\n${[...lines, ...asked, ...body, `- answers: ${answers.join("; ")}`].join("\n")}\n`;
}

/** Whoever asks may get these anywhere. */
const common = new Set(["400", "401", "403", "413", "415", "421", "429", "500", "503"]);

function bodyText(schema: Readonly<Record<string, unknown>>): string {
  const { properties, required } = schema;
  if (typeof properties !== "object" || properties === null) return typeText(schema);
  const needed: readonly unknown[] = Array.isArray(required) ? required : [];
  const keys = Object.entries(properties).map(
    ([name, each]: [string, Readonly<Record<string, unknown>>]) =>
      `\`${name}\`${needed.includes(name) ? "" : " (or without)"}: ${typeText(each)}`,
  );
  return keys.length === 0 ? "`{}`" : keys.join(", ");
}
