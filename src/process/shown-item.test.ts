import assert from "node:assert/strict";
import { test } from "node:test";
import { issued, issuer } from "../../test/harness/issued.ts";
import { shownChange, shownItem, unshown } from "./shown-item.ts";

const section = "certificates";
const { cert, key } = issued(["a.test"]);
const value = { cert: cert + issuer, key };

test("a certificate is shown without its key, and what is damaged without anything", () => {
  assert.deepEqual(shownItem(section, value), { cert: cert + issuer, key: "(not shown)" });
  for (const damaged of [key, { cert: key, key }, [key], null, { other: key }]) {
    assert.ok(!JSON.stringify(shownItem(section, damaged)).includes("PRIVATE"));
    assert.ok(!JSON.stringify(shownChange(section, damaged)).includes("PRIVATE"));
  }
});

test("where changes are listed it is what people know it by", () => {
  const facts = shownChange(section, value) as { names: string[]; fingerprint: string };
  assert.deepEqual(Object.keys(facts), ["names", "fingerprint", "until"]);
  assert.deepEqual([facts.names, facts.fingerprint.length], [["a.test"], 64]);
  assert.equal(shownChange(section, undefined), undefined);
  const second = issued(["b.test"], { kind: "rsa" });
  const both = shownChange(section, { cert: value.cert + second.cert, key });
  assert.equal(Array.isArray(both) && both.length, 2);
});

test("what stands beside it and cannot be read is no reason to show nothing", () => {
  const der = Buffer.from(issued(["b.test"]).cert.replace(/-----[^-]+-----/g, ""), "base64");
  // An elliptic curve's key (1.2.840.10045.2.1) becomes one of a kind that nobody knows.
  der[der.indexOf(Buffer.from("2a8648ce3d0201", "hex")) + 6] = 0x7f;
  const strange = `-----BEGIN CERTIFICATE-----\n${der.toString("base64")}\n-----END CERTIFICATE-----\n`;
  const both = shownChange(section, { cert: value.cert + strange, key }) as { names: string[] }[];
  assert.deepEqual(
    both.map(({ names }) => names),
    [["a.test"], ["b.test"]],
  );
});

test("the key that was not shown is what it was; without one it stays what it says", () => {
  assert.deepEqual(unshown(section, value, { cert: "new", key: "(not shown)" }), {
    ...{ cert: "new", key },
  });
  assert.deepEqual(unshown(section, undefined, { cert: "new", key: "(not shown)" }), {
    ...{ cert: "new", key: "(not shown)" },
  });
  assert.deepEqual(unshown(section, value, { cert: "new", key: "k" }), { cert: "new", key: "k" });
  assert.equal(unshown(section, value, "text"), "text");
});
