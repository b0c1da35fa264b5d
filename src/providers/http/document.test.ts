import assert from "node:assert/strict";
import { generateKeyPairSync, sign } from "node:crypto";
import { test } from "node:test";
import { httpSource as limits, sources } from "../../config/provider-limits.ts";
import { documentIn } from "./document.ts";
import { badSignature } from "./signature.ts";

const json = "application/json";
const read = (text: string, type = json) => documentIn(Buffer.from(text), type);

function itemsOf(text: string, type?: string): Record<string, unknown> {
  const { items } = read(text, type);
  return Object.fromEntries(
    items.map((each) => [`${each.section} ${each.name}`, JSON.parse(each.text)]),
  );
}

test("a document is JSON or YAML, whatever its type says", () => {
  const expected = { "routes a": { host: "a.test", whoami: true }, "services b": ["http://h:1"] };
  const asJson = '{"services":{"b":["http://h:1"]},"routes":{"a":{"host":"a.test","whoami":true}}}';
  const asYaml =
    "# mine\nroutes:\n  a: { host: a.test, whoami: true }\nservices:\n  b: [http://h:1]\n";
  const types = ["", "text/plain", "application/octet-stream"];
  for (const type of [...types, json, "application/problem+json; charset=utf-8"]) {
    assert.deepEqual(itemsOf(asJson, type), expected, type);
  }
  assert.deepEqual(itemsOf(`\uFEFF${asJson}`), expected);
  for (const type of [...types, "application/yaml", "text/x-yaml; charset=utf-8"]) {
    assert.deepEqual(itemsOf(asYaml, type), expected, type);
  }
});

test("a section may be empty, and what is none is named", () => {
  assert.deepEqual(itemsOf("routes:\n", ""), {});
  assert.deepEqual(itemsOf('{"routes":{}}'), {});
  const { items, notes } = read('{"version":1,"routes":{"a":null},"rotues":{}}');
  assert.deepEqual(
    items.map(({ text }) => text),
    ["null"],
  );
  assert.deepEqual(
    notes.map(({ about }) => about),
    ["version", "rotues"],
  );
});

test("what is no document of routes takes none away", () => {
  for (const [text, type, expected] of [
    ["", json, /^is empty/],
    [" \n", "", /^is empty/],
    ["{", json, /^is not JSON: /],
    ["{", "", /^is neither JSON nor YAML: line 1/],
    ["null", json, /^is no document of routes; write a mapping with routes,/],
    ["[]", json, /^is no document of routes/],
    ["Not found", "text/plain", /^is no document of routes/],
    ["<html><p>Log in</p></html>", "text/html; charset=utf-8", /^is a page for humans/],
    ['{"error":"try again"}', json, /^has none of routes, tcpRoutes, services, overlays/],
    ["{}", json, /^has none of routes/],
    ['{"routes":[]}', json, /^has something else than a mapping of names under routes/],
    ['{"routes":{},"services":"x"}', json, /a mapping of names under services/],
    ["a: &x 1\nroutes: { b: *y }", "", /^is neither JSON nor YAML: line 2, column 14: /],
    ["routes:\n  a: 1\n  a: 2\n", "", /line 3.*the key "a" is there already/],
    [`routes: ${"[".repeat(100_000)}`, "", /^is n/],
    [
      `routes:\n${" ".repeat(limits.yamlBytes)}`,
      "",
      /^is more than 4 MiB of YAML; send it as JSON/,
    ],
  ] as const) {
    assert.throws(() => read(text, type), { message: expected }, text.slice(0, 50));
  }
});

test("what is too deep is left for whoever reads it, and does no harm", () => {
  const deep = `{"routes":{"a":${"[".repeat(100_000)}${"]".repeat(100_000)},"b":{"host":"b.test"}}}`;
  const [a, b] = read(deep).items;
  assert.equal(b?.text, '{"host":"b.test"}');
  assert.equal(a?.text, `${"[".repeat(13)}null${"]".repeat(13)}`);
});

test("names from anywhere are only names", () => {
  const { items } = read('{"routes":{"__proto__":{"__proto__":1},"constructor":2}}');
  assert.deepEqual(
    items.map(({ name, text }) => [name, text]),
    [
      ["__proto__", '{"__proto__":1}'],
      ["constructor", "2"],
    ],
  );
  assert.throws(() => read('{"__proto__":{"routes":{}}}'), /has none of/);
});

test("a signature is of the very bytes, and of this key", () => {
  const ours = generateKeyPairSync("ed25519");
  const other = generateKeyPairSync("ed25519");
  const pem = ours.publicKey.export({ type: "spki", format: "pem" }).toString();
  const body = Buffer.from('{"routes":{}}');
  const by = (pair: typeof ours) =>
    `ed25519=${sign(null, body, pair.privateKey).toString("base64")}`;
  assert.equal(badSignature(body, by(ours), pem), undefined);
  assert.equal(badSignature(body, `${by(other)}, ${by(ours)}`, pem), undefined);
  assert.match(badSignature(body, undefined, pem) ?? "", /^is not signed/);
  assert.match(badSignature(body, by(other), pem) ?? "", /another key/);
  assert.match(
    badSignature(Buffer.concat([body, Buffer.from(" ")]), by(ours), pem) ?? "",
    /changed/,
  );
  for (const field of [
    "",
    "ed25519=",
    "ed25519=xx",
    "rsa=abc",
    by(ours).slice(0, -8),
    `x${by(ours)}`,
  ]) {
    assert.match(badSignature(body, field, pem) ?? "", /that is not ed25519=BASE64/, field);
  }
});

test("more entries than anybody has are counted and left alone", () => {
  const names = Array.from({ length: sources.items + 500 }, (_, at) => `"r${at}":0`);
  const { items, notes } = read(`{"routes":{${names.join()}},"services":{"s":0}}`);
  assert.equal(items.length, sources.items);
  assert.match(notes.at(-1)?.message ?? "", /^there are 501 more entries than 100000/);
});

test("certificates stand in it like routes, and nothing of it is quoted when it is bad", () => {
  const { items } = read('{"certificates":{"a":{"cert":"c","key":"k"}}}');
  assert.deepEqual(items, [
    {
      ...{ section: "certificates", name: "a", text: '{"cert":"c","key":"k"}' },
      place: 'certificates "a"',
    },
  ]);
  for (const text of [
    '{"key": MIIEsecret',
    "certificates:\n  a:\n   key: |\n    x\n  MIIEsecret\n b",
  ]) {
    for (const type of ["application/json", "text/plain"]) {
      assert.throws(
        () => documentIn(Buffer.from(text), type),
        ({ message }: Error) => !message.includes("secret"),
      );
    }
  }
});
