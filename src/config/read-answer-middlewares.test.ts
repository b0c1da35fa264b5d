// Settings of middlewares that change what answers say, and of those that keep robots and scanners out.

import assert from "node:assert/strict";
import { test } from "node:test";
import { formatProblem } from "./problem.ts";
import { readConfig } from "./read.ts";

function read(middleware: string) {
  const text = `routes:\n  a: { host: a, service: "http://127.0.0.1:1", middlewares: [${middleware}] }\n`;
  const { snapshot, problems } = readConfig(text, { file: "t", baseFolder: "/base" });
  const told = problems
    .map(formatProblem)
    .map((each) => each.replace(/^t:\d+:\d+: routes\.a\.middlewares\[?\.?0\]?\.?/, ""));
  const [first] = snapshot?.routes[0]?.middlewares ?? [];
  const use: Record<string, unknown> = { ...first };
  delete use["written"];
  return { use, told };
}

test("short forms are the long ones with their defaults", () => {
  for (const [short, long] of [
    ["securityHeaders", "securityHeaders: { preset: basic }"],
    [
      "securityHeaders: strict",
      "securityHeaders: { preset: strict, hideServer: true, override: false }",
    ],
    ["contentType", "contentType: { charset: utf-8, nosniff: true }"],
    ["traceparent", "traceparent: { trust: proxies, sample: 100% }"],
    ["requestId", "requestId: { header: X-Request-Id, trust: true }"],
    ["robots: all", "robots: { deny: all }"],
    ["blocklist: scanners", "blocklist: { scanners: true, answer: 403 }"],
    ["redirectHost: WWW.a.example.", "redirectHost: { to: www.a.example, status: 308 }"],
    ['cors: { origins: "*" }', 'cors: { origins: ["*"], methods: [GET, HEAD, POST], maxAge: 10m }'],
    ["errors: { folder: pages }", "errors: { folder: /base/pages, statuses: [500-599] }"],
  ] as const) {
    assert.deepEqual(read(short).told, [], short);
    assert.deepEqual(read(short), read(long), short);
    assert.ok("kind" in read(short).use, short);
  }
});

test("what cannot be meant is refused, and says what to write", () => {
  for (const [written, ...parts] of [
    ["headers: {}", "changes nothing", "write request or response"],
    ["headers: { request: { set: { Content-Length: '1' } } }", "Content-Length", "not changed"],
    ["headers: { request: { set: { transfer-encoding: x } } }", "not changed"],
    ["headers: { response: { remove: Connection } }", "not changed"],
    ["headers: { request: { set: { Host: x } } }", "write host: NAME in the service"],
    ["headers: { request: { add: { X-Forwarded-For: x } } }", "write it under set"],
    ["headers: { request: { remove: X-Forwarded-For } }", "write it under set"],
    ["headers: { request: { set: { X_Forwarded_For: x } } }", "write it under set"],
    ['headers: { request: { set: { "X A": x } } }', "not a header name"],
    ['headers: { request: { set: { "": x } } }', "not a header name"],
    ['headers: { request: { set: { X-A: "a\\r\\nX-B: b" } } }', "no header field can hold"],
    ['headers: { request: { set: { X-A: "\\u20ac" } } }', "no header field can hold"],
    [
      "headers: { request: { set: { X-A: '{hosst}' } } }",
      "{hosst} is not known here",
      "{clientIp}",
    ],
    ["headers: { request: { set: { X-A: a, x-a: b } } }", "there twice"],
    ['headers: { request: { remove: "*" } }', "*"],
    ['headers: { request: { remove: "X-*-A" } }', "can only stand at the end"],
    ["headers: { response: { set: { Date: x } } }", "Date"],
    ['cors: { origins: "*", credentials: true }', "cookies", "name the origins"],
    ['cors: { origins: ["*", "https://a.example"] }', "write * alone"],
    ['cors: { origins: "null" }', "anybody"],
    ["cors: { origins: a.example }", "is not an origin"],
    ["cors: { origins: https://a.example/ }", "is not an origin"],
    ['cors: { origins: "https://*" }', "is not an origin"],
    ['cors: { origins: "~(" }', "Unterminated group"],
    ["cors: {}", "origins"],
    ["securityHeaders: { preset: none }", "sets nothing"],
    ['securityHeaders: { csp: "a\\nb" }', "no header field can hold"],
    ["contentType: { types: { foo: bar } }", "is not a media type"],
    ["robots: {}", "does nothing"],
    ["robots: { deny: all, text: x }", "says twice"],
    ["blocklist: {}", "keeps nobody out"],
    ['blocklist: { paths: "~(a+)+(?=b)$" }', "could take very long"],
    ["blocklist: { paths: x }", "does not begin with /"],
    ["blocklist: { answer: 200, scanners: true }", "403 or 404 or 410 or close"],
    ["redirectHost: https://a.example/", "is not a host name"],
    ["redirectHost: a.example/x", "is not a host name"],
    ["redirectHost: {}", "does not say where to"],
    ["redirectHost: { to: a.example, www: add }", "says twice where to"],
    ["requestId: { header: Content-Length }", "about the connection"],
    ["requestId: { header: Content_Type }", "says something else"],
    ["requestId: { header: X-Forwarded-For }", "says something else"],
    ["errors: {}", "has no page"],
    ["errors: { text: x, folder: y }", "has more than one page"],
    ["errors: { text: x, status: 204 }", "there is no page"],
    ["errors: { text: x, statuses: [200] }", "from 400"],
    ["traceparent: { trust: all }", "proxies or everybody or nobody"],
  ] as const) {
    const { told } = read(written);
    assert.equal(told.length, 1, `${written}: ${told.join("; ")}`);
    for (const part of parts) assert.ok(told[0]?.includes(part), `${written}: ${told[0]}`);
  }
});

test("origins are as browsers write them", () => {
  const { use } = read(
    'cors: { origins: ["HTTPS://A.example:443", "~https://.*", "http://[::1]:80"] }',
  );
  assert.deepEqual(use["origins"], ["https://a.example", "http://[::1]"]);
  assert.deepEqual(use["patterns"], [{ pattern: "^(?:https://.*)$", flags: "" }]);
});
