import assert from "node:assert/strict";
import { test } from "node:test";
import { AddressHolders } from "./address-holders.ts";
import type { Workload } from "./workload.ts";

function guest(id: string, createdAt: number, ...ips: string[]): Workload {
  return {
    platform: "lxd",
    id,
    name: id,
    project: undefined,
    role: undefined,
    hostName: "",
    state: "running",
    health: "none",
    createdAt,
    addresses: ips.map((ip) => ({ ip, network: "br0" })),
    exposed: [],
    published: [],
    labels: {},
    env: {},
    trouble: undefined,
  };
}

const ipsOf = (list: readonly Workload[]) =>
  Object.fromEntries(list.map(({ id, addresses }) => [id, addresses.map(({ ip }) => ip).join()]));

test("of two that are new the older one has the address, and the other is told", () => {
  const [young, old] = new AddressHolders().settle([
    guest("b", 2, "10.0.0.2"),
    guest("a", 1, "10.0.0.2"),
  ]);
  assert.equal(old?.addresses.length, 1);
  assert.equal(old?.trouble, undefined);
  assert.equal(young?.addresses.length, 0);
  assert.match(young?.trouble ?? "", /its address 10.0.0.2 is that of a/);
});

test("whoever has it keeps it from older ones too, until they give it up", () => {
  const holders = new AddressHolders();
  holders.settle([guest("b", 2, "10.0.0.2"), guest("a", 1)]);
  const both = [guest("b", 2, "10.0.0.2"), guest("a", 1, "10.0.0.2", "10.0.0.1")];
  assert.deepEqual(ipsOf(holders.settle(both)), { b: "10.0.0.2", a: "10.0.0.1" });
  const free = [guest("b", 2), guest("a", 1, "10.0.0.2")];
  assert.deepEqual(ipsOf(holders.settle(free)), { b: "", a: "10.0.0.2" });
});

test("those whom nobody disputes stay the same objects", () => {
  const list = [guest("a", 1, "10.0.0.1"), guest("b", 2)];
  const settled = new AddressHolders().settle(list);
  assert.ok(settled.every((each, index) => each === list[index]));
});
