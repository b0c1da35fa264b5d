import assert from "node:assert/strict";
import { test } from "node:test";
import { readConfig } from "./read.ts";

function read(middlewares: string) {
  const text = `routes:\n  a.test: { service: "http://127.0.0.1:1", middlewares: ${middlewares} }\n`;
  return readConfig(text, { file: "t.yaml", baseFolder: "/etc" });
}

function usesOf(middlewares: string): unknown {
  const { snapshot, problems } = read(middlewares);
  assert.deepEqual(problems, []);
  return snapshot?.routes[0]?.middlewares.map((use) => {
    assert.ok("written" in use);
    const { written: _, ...rest } = use;
    return rest;
  });
}

function problemsOf(middlewares: string): string[] {
  return read(middlewares).problems.map(
    ({ message, remedy }) => message + (remedy === undefined ? "" : `; ${remedy}`),
  );
}

test("compress has its defaults, and takes each of them", () => {
  const [usual] = usesOf("[compress]") as [{ encodings: unknown; minSize: number }];
  assert.deepEqual(usual.encodings, [
    { name: "zstd", level: 3 },
    { name: "br", level: 4 },
    { name: "gzip", level: 5 },
  ]);
  assert.equal(usual.minSize, 1024);
  assert.deepEqual(
    usesOf("{ compress: { encodings: [gzip], levels: { gzip: 1 }, minSize: 0, types: [Text/*] } }"),
    [
      {
        kind: "compress",
        encodings: [{ name: "gzip", level: 1 }],
        minSize: 0,
        types: ["text/*"],
      },
    ],
  );
});

test("wrong settings of compress say what to write", () => {
  const [coding = ""] = problemsOf("{ compress: { encodings: [deflate] } }");
  assert.match(coding, /write zstd, br or gzip/);
  const [type = ""] = problemsOf("{ compress: { types: [html] } }");
  assert.match(type, /"html" is not a media type; write text\/html/);
  const [level = ""] = problemsOf("{ compress: { levels: { gzip: 10 } } }");
  assert.match(level, /whole number from 1 to 9/);
});

test("bodyLimit has to limit something", () => {
  assert.deepEqual(usesOf("{ bodyLimit: { request: 1KiB } }"), [
    { kind: "bodyLimit", request: 1024, answer: 0 },
  ]);
  assert.match(problemsOf("{ bodyLimit: {} }")[0] ?? "", /limits nothing; write request: 10MiB/);
});

test("decompress goes both ways, or one", () => {
  assert.deepEqual(usesOf("{ decompress: { answers: false, maxSize: 1MiB } }"), [
    { kind: "decompress", requests: true, answers: false, maxSize: 1_048_576 },
  ]);
});

test("a mapping runs them so that bodies are unpacked, rewritten and packed in this order", () => {
  const uses = usesOf(
    '{ decompress: true, rewriteBody: { rules: [{ text: a, replace: "" }] }, compress: true }',
  ) as { kind: string }[];
  // On the way back the last one is the first.
  assert.deepEqual(
    uses.map(({ kind }) => kind),
    ["compress", "rewriteBody", "decompress"],
  );
});

test("a rule of rewriteBody is a text or a pattern", () => {
  const [use] = usesOf(
    "{ rewriteBody: { rules: [{ text: a, replace: b }, { pattern: 'a-b', ignoreCase: true, replace: $&, longest: 10 }] } }",
  ) as [{ rules: unknown }];
  assert.deepEqual(use.rules, [
    { search: "a", isPattern: false, flags: "", replace: "b", most: 0, longest: 1024 },
    { search: "a-b", isPattern: true, flags: "i", replace: "$&", most: 0, longest: 10 },
  ]);
});

for (const [rule, fault] of [
  ["{ replace: b }", /either a text or a pattern/],
  ["{ text: a, pattern: b, replace: c }", /either a text or a pattern/],
  ['{ text: "", replace: c }', /looks for nothing/],
  ['{ pattern: "(", replace: c }', /not a regular expression/],
  ['{ pattern: "a*", replace: c }', /matches nothing at all/],
  ['{ pattern: "[ä]", replace: c }', /letters beyond ASCII/],
  ['{ pattern: "(?=x)(a+)+$", replace: c }', /for ever/],
  ["{ pattern: a, replace: c, longest: 1MiB }", /at most 16KiB/],
  ["{ text: a }", /replace is missing/],
] as const) {
  test(`the rule ${rule} is refused`, () => {
    assert.match(problemsOf(`{ rewriteBody: { rules: [${rule}] } }`).join("\n"), fault);
  });
}
