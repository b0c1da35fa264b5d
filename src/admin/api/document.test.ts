// The OpenAPI document: that it is one, that it is complete, and that the pages made of it are those of today.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { type ApiDocument, operationsOf } from "../../../test/harness/api-client.ts";
import { resolve } from "../../../test/harness/schema-check.ts";
import { docsPage } from "./docs-page.ts";
import { documentOf } from "./document.ts";
import { endpoints } from "./endpoints.ts";
import { apiReference } from "./reference.ts";

const page = new URL("../../../docs/reference/api.md", import.meta.url);
const made = documentOf(endpoints);
const document = JSON.parse(JSON.stringify(made)) as ApiDocument;

/** What OpenAPI 3.1 asks for, as far as ours has it. */
function faultsIn(checked: ApiDocument): readonly string[] {
  const faults: string[] = [];
  const must = (isFine: boolean, fault: string) => void (isFine || faults.push(fault));
  must(/^3\.1\.\d+$/.test(checked.openapi), "openapi is no version 3.1");
  must(checked.info.title !== "" && checked.info.version !== "", "info is not complete");
  const ids = new Set<string>();
  const tags = new Set(checked.tags.map(({ name }) => name));
  for (const { method, path, operation } of operationsOf(checked)) {
    const what = `${method} ${path}`;
    const { operationId, parameters = [], requestBody, responses, security } = operation;
    must(/^(get|put|post|patch|delete)$/.test(method), `${what}: no such method`);
    must(path.startsWith("/"), `${what}: does not begin with /`);
    must(!ids.has(operationId), `${what}: ${operationId} is there twice`);
    ids.add(operationId);
    must(
      operation.tags.every((each) => tags.has(each)),
      `${what}: a tag that nobody declared`,
    );
    const inPath = parameters.filter((each) => each.in === "path").map(({ name }) => name);
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    must(inPath.join() === named.join(), `${what}: path and parameters do not fit`);
    must(
      parameters.every((each) => each.in !== "path" || each.required),
      `${what}: not required`,
    );
    const unique = new Set(parameters.map((each) => `${each.in} ${each.name}`));
    must(unique.size === parameters.length, `${what}: a parameter is there twice`);
    must(method !== "get" || requestBody === undefined, `${what}: a GET has a body`);
    must(
      Object.keys(responses).some((each) => each.startsWith("2")),
      `${what}: never succeeds`,
    );
    must(
      Object.keys(responses).every((each) => /^[2-5]\d\d$/.test(each)),
      `${what}: no status`,
    );
    must(
      Object.values(responses).every((each) => each.description !== ""),
      `${what}: an answer without a description`,
    );
    const schemes = security.flatMap((each) => Object.keys(each));
    must(
      schemes.every((each) => each in checked.components.securitySchemes),
      `${what}: security`,
    );
    const isOpen = operation["x-tidegate-role"] === "none";
    must(isOpen === (schemes.length === 0), `${what}: role and security do not fit`);
  }
  JSON.stringify(checked, (key, value: unknown) => {
    if (key === "$ref" && typeof value === "string") {
      try {
        resolve(checked, value);
      } catch (error) {
        faults.push(String(error));
      }
    }
    return value;
  });
  return faults;
}

test("the document is one of OpenAPI 3.1", () => {
  assert.deepEqual(faultsIn(document), []);
  assert.ok(operationsOf(document).length > 50);
  for (const name of [
    "Route",
    "Service",
    "TcpRoute",
    "Overlay",
    "Item",
    "Problem",
    "Transaction",
  ]) {
    assert.ok(name in document.components.schemas, name);
  }
  const planted = structuredClone(document) as { paths: Record<string, Record<string, object>> };
  const { get } = planted.paths["/v1/routes/{name}"] ?? {};
  planted.paths["v1/{other}"] = { get: { ...get, responses: {}, security: [{ magic: [] }] } };
  const found = faultsIn(planted as unknown as ApiDocument).join("\n");
  for (const each of [/begin with/, /twice/, /do not fit/, /never succeeds/, /security/]) {
    assert.match(found, each);
  }
});

test("every endpoint is in the document, and nothing else", () => {
  const said = operationsOf(document).map(({ method, path }) => `${method} ${path}`);
  const there = endpoints.map(({ method, path }) => `${method} ${path}`);
  assert.deepEqual(said.toSorted(), there.toSorted());
  assert.equal(new Set(there).size, there.length);
});

test("no shape that has no name is left as a reference", () => {
  const text = JSON.stringify(document);
  assert.ok(!text.includes("schemas/-"));
  assert.ok(!text.includes('"$schema"') && !text.includes('"$id"'));
});

test("docs/reference/api.md says what the document says (UPDATE=1 writes it anew)", () => {
  if (process.env["UPDATE"] === "1") writeFileSync(page, apiReference(made));
  assert.equal(readFileSync(page, "utf8"), apiReference(made));
});

test("the page to browse has every operation, and nothing that its content policy would refuse", () => {
  const text = docsPage(made);
  for (const { path, operation } of operationsOf(document)) {
    assert.ok(text.includes(`id="${operation.operationId}"`), operation.operationId);
    assert.ok(text.includes(`<code>${path}</code>`), path);
  }
  assert.ok(!/ style=| on\w+=|<style|<script>|https?:\/\//.test(text));
  const planted = docsPage({ ...made, tags: [{ name: "<b>", description: '"&' }] });
  assert.ok(planted.includes("&lt;b&gt;") && planted.includes("&quot;&amp;"));
});
