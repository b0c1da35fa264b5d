import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { jsonSchema } from "./json-schema.ts";
import { middlewaresPage } from "./middlewares/reference.ts";
import { referencePage } from "./reference.ts";

const page = new URL("../../docs/reference/config.md", import.meta.url);

test("docs/reference/config.md says what the schema says (UPDATE=1 writes it anew)", () => {
  if (process.env["UPDATE"] === "1") writeFileSync(page, referencePage());
  assert.equal(readFileSync(page, "utf8"), referencePage());
});

test("every key has a description, in the JSON Schema and on the page", () => {
  const text = referencePage() + middlewaresPage();
  let keys = 0;
  const visit = (schema: unknown): void => {
    if (typeof schema !== "object" || schema === null) return;
    const { properties } = schema as { properties?: Record<string, { description?: string }> };
    for (const [name, each] of Object.entries(properties ?? {})) {
      if (typeof each !== "object") continue;
      assert.ok(each.description, `${name} has no description`);
      assert.ok(
        text.includes(`| \`${name}\` `) || text.includes(`## \`${name}\``),
        `${name} is not on the page`,
      );
      keys++;
    }
    for (const each of Object.values(properties ?? schema)) visit(each);
  };
  const { anyOf: _, ...root } = jsonSchema();
  visit(root);
  assert.ok(keys > 60);
});

test("the JSON Schema is of draft 2020-12, closed, and has all sections", () => {
  const schema = jsonSchema();
  assert.equal(schema.$schema, "https://json-schema.org/draft/2020-12/schema");
  assert.equal(schema.additionalProperties, false);
  const sections = [
    "listeners",
    "routes",
    "ownMiddlewares",
    "middlewares",
    "services",
    "tcpRoutes",
    "tests",
    "tls",
    "providers",
    "timeouts",
    "limits",
  ];
  const more = [
    "trustedProxies",
    "accessLog",
    "errorPages",
    "metrics",
    "tracing",
    "alerts",
    "admin",
    "fleet",
    "debug",
    "compat",
    "workers",
    "user",
    "group",
  ];
  const last = ["controlSocket", "pidFile", "stateFolder", "shutdown"];
  assert.deepEqual(Object.keys(schema.properties ?? {}), [...sections, ...more, ...last]);
  assert.equal(schema.required, undefined);
});
