// The reference as a page to browse, made from the OpenAPI document and whole without any script; the script
// only finds things in it.

import type { ApiDocument, Operation, Parameter, Schema } from "./document.ts";
import { typeText } from "./schema-text.ts";

export function docsPage(document: ApiDocument): string {
  const { tags, paths, components } = document;
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const sections = tags.map(({ name, description }) => {
    const own = operations.filter(({ operation }) => operation.tags.includes(name));
    const blocks = own.map((each) => blockOf(each.path, each.method, each.operation));
    return `<section><h2>${escape(name)}</h2><p>${escape(description)}</p>${blocks.join("")}</section>`;
  });
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) =>
      `<details class="entry" id="schema-${escape(name)}"><summary><b>${escape(name)}</b></summary>${tableOf(schema)}</details>`,
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tidegate API</title>
<link rel="stylesheet" href="/docs/reference.css">
<script src="/docs/reference.js" defer></script>
</head>
<body>
<header><p><a href="/docs">Documentation</a></p><h1>Tidegate API</h1>
<p>${escape(String(document.info["description"]))} The same for programs: <a href="/openapi.json">openapi.json</a>.</p>
<label>Find <input type="search" id="find" autocomplete="off" placeholder="routes, rollback, token …"></label>
<p id="none" hidden>Nothing here is called so.</p></header>
<main>${sections.join("")}<section><h2>schemas</h2>${schemas.join("")}</section></main>
</body>
</html>
`;
}

function blockOf(path: string, method: string, operation: Operation): string {
  const { summary, description = "", parameters = [], requestBody, responses } = operation;
  const role = operation["x-tidegate-role"];
  const body = Object.entries(requestBody?.content ?? {}).map(
    ([type, { schema = {} }]) => `<h4>Body: ${escape(type)}</h4>${shapeOf(schema)}`,
  );
  const answers = Object.entries(responses).map(([status, each]) => {
    const [media] = Object.values(each.content ?? {});
    const shape = media?.schema === undefined ? "" : escape(typeText(media.schema));
    return `<tr><td>${escape(status)}</td><td>${escape(each.description)}</td><td>${shape}</td></tr>`;
  });
  return `<details class="entry" id="${escape(operation.operationId)}">
<summary><span class="method ${escape(method)}">${escape(method.toUpperCase())}</span> <code>${escape(path)}</code> ${escape(summary)}</summary>
<p>${escape(description)} ${role === "none" ? "Nobody needs to log in." : `Needs the role <b>${escape(role)}</b>.`}</p>
${parameters.length === 0 ? "" : `<table><tr><th>parameter</th><th>where</th><th>meaning</th></tr>${parameters.map(rowOf).join("")}</table>`}
${body.join("")}
<table><tr><th>answer</th><th>when</th><th>what</th></tr>${answers.join("")}</table>
</details>`;
}

function rowOf({ name, in: where, description = "", schema }: Parameter): string {
  const about = description === "" ? typeText(schema) : description;
  return `<tr><td><code>${escape(name)}</code></td><td>${where}</td><td>${escape(about)}</td></tr>`;
}

function shapeOf(schema: Schema): string {
  const { $ref: ref } = schema;
  if (typeof ref === "string") {
    const name = ref.split("/").at(-1) ?? "";
    return `<p><a href="#schema-${escape(name)}">${escape(name)}</a></p>`;
  }
  return tableOf(schema);
}

function tableOf(schema: Schema): string {
  const { properties } = schema;
  if (typeof properties !== "object" || properties === null) {
    return `<p>${escape(typeText(schema))}</p>`;
  }
  const rows = Object.entries(properties).map(([name, each]: [string, Schema]) => {
    const { description } = each;
    const about = typeof description === "string" ? description : "";
    return `<tr><td><code>${escape(name)}</code></td><td>${escape(typeText(each))}</td><td>${escape(about)}</td></tr>`;
  });
  return `<table><tr><th>key</th><th>value</th><th>meaning</th></tr>${rows.join("")}</table>`;
}

function escape(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
