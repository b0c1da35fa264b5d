import { deepStrictEqual, strictEqual } from "node:assert";
import { test } from "node:test";
import { normaliseHost, normaliseHostPattern, splitHostPort } from "./host.ts";

const label63 = "a".repeat(63);
const name253 = `${label63}.${label63}.${label63}.${"b".repeat(61)}`;

const hosts: readonly (readonly [string, string | undefined])[] = [
  ["example.com", "example.com"],
  ["EXAMPLE.com", "example.com"],
  ["example.com.", "example.com"],
  ["Example.Com.:8080", "example.com"],
  ["example.com:80", "example.com"],
  ["example.com:0", "example.com"],
  ["example.com:65535", "example.com"],
  ["example.com:", "example.com"],
  ["localhost", "localhost"],
  ["a", "a"],
  ["a.", "a"],
  ["my_app.local", "my_app.local"],
  ["_acme.example", "_acme.example"],
  ["xn--bcher-kva.example", "xn--bcher-kva.example"],
  ["r3---sn-a.example", "r3---sn-a.example"],
  ["127.0.0.1", "127.0.0.1"],
  ["127.0.0.1:8080", "127.0.0.1"],
  ["1.2.3.4.", "1.2.3.4"],
  ["[::1]", "[::1]"],
  ["[::1]:8080", "[::1]"],
  ["[::1]:", "[::1]"],
  ["[0:0:0:0:0:0:0:1]", "[::1]"],
  ["[2001:DB8::0001]", "[2001:db8::1]"],
  ["[2001:db8:0:0:1:0:0:1]", "[2001:db8::1:0:0:1]"],
  ["[::ffff:1.2.3.4]", "[::ffff:102:304]"],
  [label63, label63],
  [name253, name253],
  [`${name253}.`, name253],
  [`${name253}:443`, name253],
  ["", undefined],
  [".", undefined],
  ["..", undefined],
  [":", undefined],
  [":80", undefined],
  [".:80", undefined],
  [".example.com", undefined],
  ["a..b", undefined],
  ["a..", undefined],
  ["a.b..:80", undefined],
  ["a b", undefined],
  [" a", undefined],
  ["a ", undefined],
  ["a\t", undefined],
  ["a\0", undefined],
  ["a\r", undefined],
  ["a\x7f", undefined],
  ["bücher.example", undefined],
  ["a\xa0", undefined],
  ["a/b", undefined],
  ["a\\b", undefined],
  ["user@a", undefined],
  ["user:pw@a", undefined],
  ["a?b", undefined],
  ["a#b", undefined],
  ["a%2eb", undefined],
  ["a,b", undefined],
  ["a;b", undefined],
  ["*", undefined],
  ["*.example.com", undefined],
  ["http://a", undefined],
  ["a:b", undefined],
  ["a:80:80", undefined],
  ["a:-1", undefined],
  ["a:+80", undefined],
  ["a:80 ", undefined],
  ["a:65536", undefined],
  ["a:000080", undefined],
  ["::1", undefined],
  ["[::1", undefined],
  ["::1]", undefined],
  ["[]", undefined],
  ["[::1]x", undefined],
  ["[::1]:x", undefined],
  ["[::1]:65536", undefined],
  ["[::g]", undefined],
  ["[1.2.3.4]", undefined],
  ["[fe80::1%25eth0]", undefined],
  ["[fe80::1%eth0]", undefined],
  ["[v1.a]", undefined],
  ["[", undefined],
  [`${label63}a`, undefined],
  [`x.${label63}a.y`, undefined],
  [`${name253}c`, undefined],
  [`${name253}c.`, undefined],
];

for (const [value, expected] of hosts) {
  const outcome = expected === undefined ? "is refused" : `means ${expected.slice(0, 30)}`;
  test(`the Host ${JSON.stringify(value.slice(0, 30))} (${value.length}) ${outcome}`, () => {
    strictEqual(normaliseHost(value), expected);
    strictEqual(splitHostPort(value)?.host, expected);
  });
}

test("the table of hosts is not empty", () => strictEqual(hosts.length > 60, true));

test("normalising is idempotent", () => {
  for (const [, expected] of hosts) {
    if (expected !== undefined) strictEqual(normaliseHost(expected), expected);
  }
});

test("a port is split off, and an empty one is none", () => {
  deepStrictEqual(splitHostPort("A.b:8080"), { host: "a.b", port: 8080 });
  deepStrictEqual(splitHostPort("a.b"), { host: "a.b", port: undefined });
  deepStrictEqual(splitHostPort("a.b:"), { host: "a.b", port: undefined });
  deepStrictEqual(splitHostPort("[::1]:443"), { host: "[::1]", port: 443 });
  deepStrictEqual(splitHostPort("[::1]"), { host: "[::1]", port: undefined });
  strictEqual(splitHostPort("a b:1"), undefined);
});

const patterns: readonly (readonly [string, string | undefined])[] = [
  ["*", "*"],
  ["*.example.com", "*.example.com"],
  ["*.Example.COM.", "*.example.com"],
  ["*.quux", "*.quux"],
  ["Bücher.example", "xn--bcher-kva.example"],
  ["*.bücher.example", "*.xn--bcher-kva.example"],
  ["例え。テスト", "xn--r8jz45g.xn--zckzah"],
  ["1.2", "1.2"],
  ["::1", "[::1]"],
  ["[::1]", "[::1]"],
  ["example.com:80", undefined],
  ["[::1]:80", undefined],
  ["*example.com", undefined],
  ["a.*.com", undefined],
  ["*.*.com", undefined],
  ["**", undefined],
  ["*.", undefined],
  ["", undefined],
  ["example.com/api", undefined],
  ["ü ber.example", undefined],
  [`*.${name253}`, undefined],
];

for (const [text, expected] of patterns) {
  const outcome = expected === undefined ? "is refused" : `means ${expected}`;
  test(`the configured host ${JSON.stringify(text.slice(0, 30))} ${outcome}`, () => {
    strictEqual(normaliseHostPattern(text), expected);
  });
}
