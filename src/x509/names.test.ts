import assert from "node:assert/strict";
import { test } from "node:test";
import { implicit, sequence } from "./der.ts";
import { alternativeNames, certificateName, covers, namesWithin } from "./names.ts";
import { readDer } from "./der-reader.ts";

test("a wildcard stands for one whole label, the first one", () => {
  const rows: readonly [names: string, host: string, expected: boolean][] = [
    ["a.test", "a.test", true],
    ["a.test", "A.TEST.", true],
    ["a.test", "b.a.test", false],
    ["*.a.test", "b.a.test", true],
    ["*.a.test", "B.A.test", true],
    ["*.a.test", "a.test", false],
    ["*.a.test", "c.b.a.test", false],
    ["*.a.test", "*.a.test", true],
    ["a.test", "*.a.test", false],
    ["*.test", "*.a.test", false],
    ["b*.a.test", "b1.a.test", false],
    ["x.*.test", "x.a.test", false],
    ["*", "a", false],
    ["*.0.0.1", "10.0.0.1", false],
    ["10.0.0.1", "10.0.0.1", true],
    ["10.0.0.1", "10.0.0.2", false],
    ["2001:db8::1", "[2001:DB8:0::1]", true],
    ["10.0.0.1", "::ffff:10.0.0.1", true],
    ["a.test", "", false],
    ["a.test", "a.test\0", false],
    ["*.a.test", ".a.test", false],
    ["*.a.test", `${"x".repeat(64)}.a.test`, false],
    ["xn--mnchen-3ya.test", "münchen.test", true],
  ];
  for (const [name, host, expected] of rows) {
    assert.equal(covers([name], host), expected, `${name} for ${JSON.stringify(host)}`);
  }
});

test("names have one spelling, and what is no name has none", () => {
  assert.deepEqual(certificateName("*.Büro.Example."), {
    kind: "dns",
    value: "*.xn--bro-hoa.example",
  });
  assert.deepEqual(certificateName("[2001:0DB8::]"), { kind: "ip", value: "2001:db8::" });
  for (const bad of [
    "",
    "*",
    "a..b",
    "a b",
    "-\0",
    "fe80::1%eth0",
    "a/b",
    "1.2.3.4:80",
    "*.*.a.test",
  ]) {
    assert.equal(certificateName(bad), undefined, JSON.stringify(bad));
  }
});

test("names are read as they were written, and foreign kinds are passed over", () => {
  const names = ["a.test", "*.b.test", "10.0.0.1", "2001:db8::1"];
  const written = readDer(alternativeNames([...names, "no name"])) ?? assert.fail();
  assert.deepEqual(namesWithin(written.content), names);
  const strange = [
    implicit(1, Buffer.from("a@b.test")),
    implicit(2, Buffer.from("evil.test\0.a.test")),
    implicit(2, Buffer.from("10.0.0.9")),
    implicit(7, Buffer.from([1, 2, 3])),
    implicit(2, Buffer.from("A.test")),
    implicit(2, Buffer.from("a.test")),
  ];
  assert.deepEqual(namesWithin(sequence(...strange).subarray(2)), ["a.test"]);
  assert.deepEqual(namesWithin(Buffer.from("rubbish")), []);
});
