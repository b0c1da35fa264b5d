import assert from "node:assert/strict";
import { test } from "node:test";
import { redacted, textOf } from "./support-redact.ts";

test("what looks like a secret is left out, and what merely sounds like one stays", () => {
  const value = {
    ...{ password: "geheim", clientSecret: "geheim", authorization: "Bearer geheim" },
    headers: { "X-Api-Key": "geheim", Accept: "text/html" },
    secrets: { one: "geheim", two: ["geheim"] },
    list: ["redis://:geheim@a.test:1", "https://a.test/?token=geheim&x=1", "Bearer geheim-1"],
    ...{ key: "a.test", sessions: "3", port: 80, isOn: true, none: null },
  };
  const shown = JSON.stringify(redacted(value));
  assert.doesNotMatch(shown, /geheim/);
  for (const each of ["a.test", "text/html", "x=1", '"port":80', '"sessions":"3"', "null"]) {
    assert.ok(shown.includes(each), `${each} in ${shown}`);
  }
});

test("a text of many lines is looked through, too", () => {
  const text = textOf(
    [
      ...["routes:", "  a.test: http://10.0.0.1:80", "  password: geheim", 'token: "geheim two"'],
      // Keys that come first below another one, paths with parameters, and texts in texts.
      ...["params:", "  DB_PASSWORD: geheim", "secrets:", "  token: geheim", "page: x"],
      ...[
        "http: /health?token=geheim&x=1",
        'body: "password: geheim"',
        "to: https://a.test/#token=geheim",
      ],
      ...["url: http://me:geheim@a.test/x", "-----BEGIN PRIVATE KEY-----", "geheim"],
      ...["-----END PRIVATE KEY-----", "timeout: 5s"],
    ].join("\n"),
  );
  assert.doesNotMatch(text, /geheim/);
  assert.match(text, /a\.test: http:\/\/10\.0\.0\.1:80\n/);
  assert.match(text, /^params:\n {2}DB_PASSWORD: \(not shown\)\nsecrets:\n.*\npage: x$/m);
  assert.match(text, /^http: \/health\?token=\(not shown\)&x=1$/m);
  assert.match(text, /timeout: 5s$/);
});
