import assert from "node:assert/strict";
import { test } from "node:test";
import { OwnNetworks } from "./own-networks.ts";

const networks = new OwnNetworks({
  lo: [{ address: "127.0.0.1", cidr: "127.0.0.1/8" }],
  eth0: [{ address: "192.168.1.5", cidr: "192.168.1.5/24" }],
  br0: [
    { address: "10.9.0.1", cidr: "10.9.0.1/24" },
    { address: "fd00::1", cidr: "fd00::1/64" },
    { address: "fe80::1", cidr: "fe80::1/64" },
  ],
  tap0: [{ address: "172.31.0.1", cidr: null }],
});

const rows: readonly (readonly [ip: string, via: string, leads: boolean])[] = [
  ["10.9.0.7", "br0", true],
  ["fd00::7", "br0", true],
  // Its root said so, but the bridge it hangs on is in another network.
  ["192.168.1.1", "br0", false],
  ["10.9.1.7", "br0", false],
  // Nobody knows that interface: any network of ours will do.
  ["192.168.1.7", "ovn0", true],
  ["8.8.8.8", "ovn0", false],
  // Ours, and those that mean somebody else for everybody.
  ["10.9.0.1", "br0", false],
  ["192.168.1.5", "ovn0", false],
  ["127.0.0.1", "ovn0", false],
  ["127.0.0.2", "lo", false],
  ["::1", "br0", false],
  ["fe80::7", "br0", false],
  ["169.254.1.1", "ovn0", false],
  ["224.0.0.1", "ovn0", false],
  ["::ffff:10.9.0.1", "br0", false],
  ["no address", "br0", false],
  ["", "", false],
];

test("a guest is reached on networks of ours that it can be on, and never at an address of ours", () => {
  for (const [ip, via, leads] of rows)
    assert.equal(networks.leadTo(ip, via), leads, `${ip} ${via}`);
});

test("the networks of this machine can be read", () => {
  assert.equal(OwnNetworks.now().leadTo("127.0.0.1", "lo"), false);
});
