import assert from "node:assert/strict";
import { test } from "node:test";
import { embeddedV4 } from "./embedded-address.ts";

test("other ways to an IPv4 address are found", () => {
  for (const [address, inside] of [
    ["2002:c000:0207::1", "192.0.2.7"],
    ["2002:c000:207:ffff::", "192.0.2.7"],
    ["64:ff9b::192.0.2.7", "192.0.2.7"],
    ["64:ff9b::c000:207", "192.0.2.7"],
    ["0064:FF9B:0000::c000:207", "192.0.2.7"],
    ["2001:0000:4136:e378:8000:63bf:3fff:fdf8", "192.0.2.7"],
    ["2001::4136:e378:8000:63bf:3fff:fdf8", "192.0.2.7"],
    ["0:0:0:0:0:0:c000:207", "192.0.2.7"],
    ["0000:0000::192.0.2.7", "192.0.2.7"],
    ["64:ff9b:1:5::c000:207", "192.0.2.7"],
    ["2001:0:4136:e378:8000:63bf:3fff:fdf8", "192.0.2.7"],
    ["::192.0.2.7", "192.0.2.7"],
    ["2001:db8::c000:207", undefined],
    ["2001:1::c000:207", undefined],
    ["64:ff9b:2::c000:207", undefined],
    ["::1", undefined],
    ["::", undefined],
    ["192.0.2.7", undefined],
    ["no address", undefined],
    ["fe80::1%eth0", undefined],
  ] as const) {
    assert.equal(embeddedV4(address), inside, address);
  }
});
