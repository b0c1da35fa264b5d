import assert from "node:assert/strict";
import { test } from "node:test";
import { hashCost } from "../config/auth-limits.ts";
import { digestKey, readUserList, userListFault } from "./user-list.ts";

const limits = { users: 3, cost: hashCost };
const sha = "{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=";
const md5 = "0".repeat(32);
const sha256 = "A".repeat(64);

test("lists are read line by line, whoever wrote them", () => {
  const text = `\ufeff# people\r\n\r\nann:${sha}\r\n  bob:${sha}  \n#eve:x\n`;
  assert.equal(userListFault(text, "htpasswd", limits), undefined);
  assert.deepEqual([...readUserList(text, "htpasswd", hashCost).keys()], ["ann", "bob"]);
  const digest = `ann:a realm: with colons:${md5}\nann:other:${sha256}\n`;
  assert.equal(userListFault(digest, "htdigest", limits), undefined);
  const list = readUserList(digest, "htdigest", hashCost);
  assert.equal(list.get(digestKey("a realm: with colons", "ann", 32)), md5);
  assert.equal(list.get(digestKey("other", "ann", 64)), sha256.toLowerCase());
  const keys = readUserList(`ci:sha256:${sha256}\nops:${"b".repeat(64)}`, "apikeys", hashCost);
  assert.deepEqual([...keys.values()], ["ci", "ops"]);
  assert.equal(keys.get(sha256.toLowerCase()), "ci");
});

test("what is wrong is told with its line, and never with the password in it", () => {
  const faults = [
    ["htpasswd", "ann:swordfish", /^line 1 has no hash.*htpasswd -nB/],
    ["htpasswd", `#\nann`, /^line 2 has no name and hash/],
    ["htpasswd", `:${sha}`, /^line 1/],
    ["htpasswd", `ann:${sha}\nann:${sha}`, /^line 2 .*there before/],
    ["htpasswd", `a:${sha}\nb:${sha}\nc:${sha}\nd:${sha}`, /more than 3/],
    ["htpasswd", `a\tb:${sha}`, /control/],
    ["htdigest", `ann:${md5}`, /realm/],
    ["htdigest", "ann:realm:swordfish", /MD5 or SHA-256/],
    ["apikeys", "ci:swordfish", /SHA-256 in hex; .*sha256sum/],
    ["apikeys", `ci:${sha256}\nops:${sha256.toLowerCase()}`, /there before/],
  ] as const;
  for (const [form, text, why] of faults) {
    const fault = userListFault(text, form, limits) ?? "";
    assert.match(fault, why, text);
    assert.ok(!fault.includes("swordfish"), fault);
  }
});
