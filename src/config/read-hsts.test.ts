import assert from "node:assert/strict";
import { test } from "node:test";
import { hstsText } from "./hsts.ts";
import { formatProblem } from "./problem.ts";
import { readConfig } from "./read.ts";

function read(route: string, listeners = '":443"') {
  const text = `listeners: { web: ":80", secure: { bind: ${listeners}, tls: true } }\nroutes:\n  a: { host: a, whoami: true, ${route} }\n`;
  const { snapshot, problems } = readConfig(text, { file: "t", baseFolder: "/" });
  const [found] = snapshot?.routes ?? [];
  return {
    hsts: found?.hsts === undefined ? undefined : hstsText(found.hsts),
    middlewares: found?.middlewares.filter(({ kind }) => kind !== "whoami"),
    told: problems.map(formatProblem).map((each) => each.replace(/^t:\d+:\d+: routes\.a/, "")),
  };
}

test("HSTS is for a year unless it says otherwise, and off by default", () => {
  const table: readonly (readonly [route: string, text: string | undefined])[] = [
    ["methods: GET", undefined],
    ["hsts: false", undefined],
    ["hsts: true", "max-age=31536000"],
    ["hsts: { maxAge: 5m }", "max-age=300"],
    ["hsts: { maxAge: 0 }", "max-age=0"],
    ["hsts: { includeSubDomains: true }", "max-age=31536000; includeSubDomains"],
    [
      "hsts: { maxAge: 730d, includeSubDomains: true, preload: true }",
      "max-age=63072000; includeSubDomains; preload",
    ],
  ];
  for (const [route, text] of table) {
    const { hsts, told } = read(route);
    assert.deepEqual(told, [], route);
    assert.equal(hsts, text, route);
  }
});

test("who wants to be on the list of browsers is told what it asks for", () => {
  assert.deepEqual(read("hsts: { maxAge: 30d, preload: true }").told, [
    ".hsts.preload: browsers take no name into their list without a maxAge of at least 365d and includeSubDomains: true; say it, or leave out preload",
  ]);
  assert.deepEqual(read("hsts: { includeSubDomains: true, preload: true }").told, []);
});

test("redirect: https goes to the port of the listener with TLS, where that is not the usual one", () => {
  const to = (listeners: string) => read("redirect: https", listeners).middlewares;
  assert.deepEqual(to('":443"'), [{ kind: "forceHttps", status: 308, port: undefined }]);
  assert.deepEqual(to('":8443"'), [{ kind: "forceHttps", status: 308, port: 8443 }]);
  assert.deepEqual(to('[":8443", ":443"]'), [{ kind: "forceHttps", status: 308, port: undefined }]);
  assert.deepEqual(to('":0"'), [{ kind: "forceHttps", status: 308, port: undefined }]);
});

test("redirect: https answers only some, so something else must answer the others", () => {
  const text = "routes:\n  a: { host: a, redirect: https }\n";
  const { problems } = readConfig(text, { file: "t", baseFolder: "/" });
  assert.deepEqual(problems.map(formatProblem), [
    "t:2:3: routes.a: nothing answers those who come by https; add service, files, redirect, respond or whoami",
  ]);
});
