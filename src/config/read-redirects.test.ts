import assert from "node:assert/strict";
import { test } from "node:test";
import { formatProblem } from "./problem.ts";
import { readConfig } from "./read.ts";

function read(route: string) {
  const text = `routes:\n  a: { host: a, ${route} }\n`;
  const { snapshot, problems } = readConfig(text, { file: "t", baseFolder: "/" });
  return {
    middlewares: snapshot?.routes[0]?.middlewares,
    told: problems.map(formatProblem).map((each) => each.replace(/^t:\d+:\d+: routes\.a/, "")),
  };
}

const service = 'service: "http://127.0.0.1:1"';

test("https comes first, then a redirect by pattern, then what changes the path", () => {
  const redirect = "redirect: { pattern: '(?i)^(.*)/old/(.*)$', to: '$1/new/$2', status: 301 }";
  const { middlewares, told } = read(`${redirect}, stripPrefix: /x, forceHttps: true, ${service}`);
  assert.deepEqual(told, []);
  assert.deepEqual(middlewares, [
    { kind: "forceHttps", status: 308, port: undefined },
    {
      kind: "redirectMatch",
      pattern: "^(.*)/old/(.*)$",
      flags: "i",
      to: "$1/new/$2",
      status: 301,
    },
    { kind: "stripPrefix", prefixes: ["/x"] },
  ]);
});

test("forceHttps may be off, or have a status and a port", () => {
  assert.deepEqual(read(`forceHttps: false, ${service}`).middlewares, []);
  assert.deepEqual(read(`forceHttps: { status: 302, port: 8443 }, ${service}`).middlewares, [
    { kind: "forceHttps", status: 302, port: 8443 },
  ]);
  assert.deepEqual(read("forceHttps: { status: 200 }").told, [
    ".forceHttps.status: must be one of 301, 302, 303, 307, 308, not the number 200",
  ]);
});

test("neither of them answers everybody, so a route with them needs something that does", () => {
  const remedy = "add service, files, redirect, respond or whoami";
  assert.deepEqual(read("forceHttps: true").told, [`: nothing answers; ${remedy}`]);
  assert.deepEqual(read("redirect: { pattern: x, to: / }").told, [
    `: nothing answers where the pattern does not match; ${remedy}`,
  ]);
  assert.deepEqual(read(`redirect: /x, ${service}`).told, [
    ".redirect: service answers already; leave out one of them",
  ]);
});

test("where to go is held against the pattern, or against the placeholders without one", () => {
  const told = (redirect: string) => read(`redirect: { ${redirect} }, ${service}`).told;
  assert.deepEqual(told("pattern: '(a)', to: 'https://x/$2'"), [
    ".redirect.to: $2 is not there: the pattern has 1 groups; put it in ( )",
  ]);
  assert.deepEqual(told("pattern: a, to: 'https://{host}'"), [
    ".redirect.to: {host} is not known here; the pattern has groups: write $1",
  ]);
  assert.deepEqual(told("pattern: '(a)', to: x$1"), [
    '.redirect.to: "x$1" is not a URL; begin with https://, / or $1',
  ]);
  assert.match(
    told("pattern: '(', to: /")[0] ?? "",
    /\.redirect\.pattern: not a regular expression/,
  );
  assert.deepEqual(read("redirect: { to: 'https://{hots}' }").told, [
    ".redirect.to: {hots} is not known; write {host}",
  ]);
  assert.deepEqual(told("pattern: '(a)', to: 'https://x/$$2$1'"), []);
});

test("of several redirects each is tried in turn, and one for all requests goes last", () => {
  const list = (items: string) => read(`redirect: [${items}], ${service}`);
  const made = list("{ pattern: a, to: /a }, { pattern: b, to: /b, status: 301 }");
  assert.deepEqual(made.told, []);
  assert.deepEqual(made.middlewares, [
    { kind: "redirectMatch", pattern: "a", flags: "", to: "/a", status: 302 },
    { kind: "redirectMatch", pattern: "b", flags: "", to: "/b", status: 301 },
  ]);
  const all = read("redirect: [{ pattern: a, to: /a }, https://b.test]");
  assert.deepEqual(all.told, []);
  assert.deepEqual(all.middlewares?.at(-1), {
    kind: "redirect",
    to: "https://b.test",
    status: 302,
  });
  assert.deepEqual(read("redirect: [https://b.test, { pattern: a, to: /a }]").told, [
    ".redirect[0]: a redirect without pattern is for all requests: those after it never come; put it last",
  ]);
  assert.match(list("{ pattern: a }").told[0] ?? "", /redirect\[0\]\.to: to is missing/);
});
