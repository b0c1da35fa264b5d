import assert from "node:assert/strict";
import { test } from "node:test";
import { networkTexts, readNetworkList } from "./network-list.ts";

const bounds = { most: 1000, depth: 6 };

function texts(text: string): readonly string[] | undefined {
  return networkTexts(text, bounds);
}

function fault(text: string): string {
  const list = readNetworkList(text, bounds);
  return list.kind === "bad" ? list.why : "none";
}

test("one on each line, with remarks, empty lines and any line ends", () => {
  const text =
    "\uFEFF# a list\r\n10.0.0.0/8\r\n\r\n 192.0.2.1 ; SBL1\n2001:db8::/32\t# six\n203.0.113.7,2026,spam\n\n";
  assert.deepEqual(texts(text), ["10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "203.0.113.7"]);
  assert.deepEqual(texts(""), []);
  assert.deepEqual(texts("# nobody now\n"), []);
});

test("JSON as clouds publish it", () => {
  const aws = {
    ...{ syncToken: "1", createDate: "2026-11-22-00-00-00" },
    prefixes: [{ ip_prefix: "3.5.140.0/22", region: "ap-northeast-2", service: "AMAZON" }],
    ipv6_prefixes: [{ ipv6_prefix: "2600:1f69::/40", network_border_group: "x" }],
  };
  assert.deepEqual(texts(JSON.stringify(aws)), ["3.5.140.0/22", "2600:1f69::/40"]);
  const google = { prefixes: [{ ipv6Prefix: "2600:1900::/35" }, { ipv4Prefix: "34.1.0.0/16" }] };
  assert.deepEqual(texts(JSON.stringify(google)), ["2600:1900::/35", "34.1.0.0/16"]);
  const cloudflare = {
    result: { ipv4_cidrs: ["173.245.48.0/20"], ipv6_cidrs: ["2400:cb00::/32"], etag: "38f" },
    success: true,
  };
  assert.deepEqual(texts(JSON.stringify(cloudflare)), ["173.245.48.0/20", "2400:cb00::/32"]);
  const azure = { values: [{ properties: { addressPrefixes: ["4.145.74.52/30"], region: "" } }] };
  assert.deepEqual(texts(JSON.stringify(azure)), ["4.145.74.52/30"]);
  const fastly = { addresses: ["23.235.32.0/20"], ipv6_addresses: ["2a04:4e40::/32"] };
  assert.deepEqual(texts(JSON.stringify(fastly)), ["23.235.32.0/20", "2a04:4e40::/32"]);
  assert.deepEqual(texts('["10.0.0.1"]'), ["10.0.0.1"]);
});

test("what is no list is none as a whole, and says where", () => {
  assert.equal(fault("10.0.0.1\n\n10.0.0.999\n"), 'line 3: "10.0.0.999" is not a network');
  assert.match(fault(" \n<!DOCTYPE html><title>Log in</title>"), /page for humans/);
  assert.match(fault("Too many requests\n"), /^line 1: "Too" is not a network/);
  assert.match(fault('{"prefixes":['), /begins as JSON, and is none/);
  assert.match(fault('{"ip":"all"}'), /"all" is not a network/);
  assert.match(fault(`["${"x".repeat(500)}"]`), /^"x{60}…" is not/);
  assert.match(fault(`${"[".repeat(20)}"10.0.0.1"${"]".repeat(20)}`), /nested too deeply/);
  assert.match(fault("10.0.0.1\n".repeat(1001)), /more than 1000 networks/);
  assert.equal(texts("nothing"), undefined);
});

test("a million lines are refused without being kept", () => {
  const list = readNetworkList("1.2.3.4\n".repeat(1_000_000), { most: 500_000, depth: 4 });
  assert.equal(list.kind, "bad");
});
