// Explanations over the API: who may ask for which, what is sent on, and that what comes back is what the document says.

import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { test } from "node:test";
import { adminStand, type AdminStand, bearer } from "../../../test/harness/admin-stand.ts";
import type { Role } from "../../config/account.ts";
import { readConfig } from "../../config/read.ts";
import { Explainer } from "../../explain/explainer.ts";
import { readExplanation } from "./explain-schema.ts";

async function send(stand: AdminStand, role: Role, sent: unknown) {
  const response = await fetch(`${stand.base}/v1/explain`, {
    method: "POST",
    headers: { ...bearer(stand.tokens[role]), "Content-Type": "application/json" },
    body: JSON.stringify(sent),
    signal: AbortSignal.timeout(10_000),
  });
  return { status: response.status, text: await response.text() };
}

function explanationOf(text: string, url: string) {
  const { snapshot } = readConfig(text, { file: "t.yaml", baseFolder: "/" });
  ok(snapshot !== undefined);
  const question = { method: "GET", url, headers: [], from: null, listener: null };
  return new Explainer().explain(snapshot, question);
}

test("whoever may read gets an explanation as the document shapes it", async () => {
  await using stand = await adminStand();
  const text = 'routes: { "a.test": { service: "http://10.0.0.1", stripPrefix: /x } }';
  for (const url of ["http://a.test/x/y", "http://b.test/", "ftp://a.test/"]) {
    const explanation = explanationOf(text, url);
    stand.operations.explained = { kind: "explained", explanation };
    const found = await send(stand, "read", { url });
    strictEqual(found.status, 200, found.text);
    deepStrictEqual(JSON.parse(found.text), explanation);
    deepStrictEqual(readExplanation(JSON.parse(found.text)), explanation);
  }
  strictEqual(stand.operations.calls[0], "explain GET http://a.test/x/y");
});

test("changes are tried by those who may make them", async () => {
  await using stand = await adminStand();
  const asked = { url: "http://a.test/", changes: [{ section: "routes", name: "b.test" }] };
  const read = await send(stand, "read", asked);
  strictEqual(read.status, 403);
  match(read.text, /those who may make them/);
  deepStrictEqual(stand.operations.calls, []);
  const path = ["routes", "b.test", "service"];
  const problem = { path, message: "is wrong", remedy: undefined, severity: "error" } as const;
  stand.operations.explained = { kind: "invalid", problems: [problem] };
  const bad = await send(stand, "edit", asked);
  strictEqual(bad.status, 422);
  match(bad.text, /"pointer":"\/changes\/0\/value\/service"/);
});

test("questions that are none are refused before anybody is asked", async () => {
  await using stand = await adminStand();
  const wrong = [
    {},
    { url: "" },
    { url: "http://a.test/", header: [] },
    { url: "http://a.test/", headers: [["a"]] },
    { url: "x".repeat(20_000) },
    { url: "http://a.test/", method: "x".repeat(40) },
  ];
  for (const each of wrong) strictEqual((await send(stand, "admin", each)).status, 422);
  deepStrictEqual(stand.operations.calls, []);
});
