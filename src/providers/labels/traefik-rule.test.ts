import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRule } from "../../config/rule.ts";
import { modernRule } from "./traefik-rule.ts";

const cases = [
  // Version 3 stays.
  ["Host(`a.example`)", "Host(`a.example`)"],
  [
    "Host(`a`) && (Path(`/x`) || !PathPrefix(`/y`))",
    "Host(`a`) && (Path(`/x`) || !PathPrefix(`/y`))",
  ],
  ["HostRegexp(`^[a-z]{2}\\.example$`)", "HostRegexp(`^[a-z]{2}\\.example$`)"],
  ["Query(`mobile`, `true`) || Query(`mobile`)", "Query(`mobile`, `true`) || Query(`mobile`)"],
  ["Header(`X-A`, `b`)", "Header(`X-A`, `b`)"],
  // Several arguments.
  ["Host(`a`,`b`)", "(Host(`a`) || Host(`b`))"],
  [
    '!Host("a" , "b")&&Method(`GET`,`POST`)',
    "!(Host(`a`) || Host(`b`))&&(Method(`GET`) || Method(`POST`))",
  ],
  ["PathPrefix(`/a`, `/b`)", "(PathPrefix(`/a`) || PathPrefix(`/b`))"],
  ["ClientIP(`10.0.0.0/8`, `::1`)", "(ClientIP(`10.0.0.0/8`) || ClientIP(`::1`))"],
  ["Query(`a=b`, `c=d=e`)", "(Query(`a`, `b`) && Query(`c`, `d=e`))"],
  // Old names, other case.
  ["Headers(`X-A`, `b`)", "Header(`X-A`, `b`)"],
  ["HeadersRegexp(`X-A`, `^b`)", "HeaderRegexp(`X-A`, `^b`)"],
  ["HostHeader(`a`)", "Host(`a`)"],
  ["host(`a`) && PATHPREFIX(`/x`)", "Host(`a`) && PathPrefix(`/x`)"],
  // Templates.
  ["HostRegexp(`{sub:[a-z]+}.example.com`)", "HostRegexp(`^(?:[a-z]+)\\.example\\.com$`)"],
  [
    "HostRegexp(`{sub:[a-z]{2,3}}.x`, `{any:.+}`)",
    "(HostRegexp(`^(?:[a-z]{2,3})\\.x$`) || HostRegexp(`^(?:.+)$`))",
  ],
  ["HostRegexp(`{sub}.example.com`)", "HostRegexp(`^[^.]+\\.example\\.com$`)"],
  ["Path(`/x/{id:[0-9]+}`)", "PathRegexp(`^\\/x\\/(?:[0-9]+)$`)"],
  ["PathPrefix(`/x/{id}/y`)", "PathRegexp(`^\\/x\\/[^/]+\\/y`)"],
  ["HostSNI(`a`, `b`)", "(HostSNI(`a`) || HostSNI(`b`))"],
  // What cannot be read is for whoever checks it.
  ["Host(`a`", "Host(`a`"],
  ["Host(a)", "Host(a)"],
  ["Host:a.example", "Host:a.example"],
  ["`a` && Host(`a`,`b`)", "`a` && Host(`a`,`b`)"],
  ["Hots(`a`, `b`)", "Hots(`a`, `b`)"],
  ["Host()", "Host()"],
  ["", ""],
] as const;

test("rules of Traefik 2 become those of Traefik 3, and others stay", () => {
  const quoted = (rule: string) =>
    rule.replaceAll(/`([^`]*)`/g, (_, value) => JSON.stringify(value));
  for (const [text, expected] of cases) {
    assert.equal(quoted(modernRule(text)), quoted(expected), text);
  }
});

test("what becomes of a good rule is a good rule", () => {
  let count = 0;
  for (const [text] of cases) {
    const made = parseRule(modernRule(text), text.includes("SNI") ? "stream" : "http");
    if (made.kind === "rule") count += 1;
  }
  assert.ok(count >= 19, `${count} rules were read`);
});

test("rubbish takes no time and throws nothing", () => {
  const startedAt = performance.now();
  for (const text of [
    "Host(".repeat(3000),
    `Host(${"`a`,".repeat(4000)}`,
    "{".repeat(16_000),
    '"'.repeat(16_000),
  ]) {
    modernRule(text);
    modernRule(`HostRegexp(\`{a:${text.replaceAll("`", "")}\`)`);
  }
  assert.ok(performance.now() - startedAt < 2000);
});
