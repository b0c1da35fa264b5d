import assert from "node:assert/strict";
import { test } from "node:test";
import { interfaceAddresses, leases } from "./address-tables.ts";

test("addresses of interfaces are read, whatever those are called", () => {
  const table = [
    " Name       MAC address          Protocol     Address",
    "-------------------------------------------------------",
    " vnet0      52:54:00:AA:00:10    ipv4         192.168.122.3/24",
    " vnet0      52:54:00:aa:00:10    ipv6         fd00::3/64",
    " Ethernet 2 52:54:00:aa:00:11    ipv4         10.0.0.3/24",
    " lo         00:00:00:00:00:00    ipv4         127.0.0.1/8",
    " x          52:54:00:aa:00:12    N/A          N/A",
    " y          52:54:00:aa:00:12    ipv4         300.1.1.1/24",
    "",
  ].join("\n");
  assert.deepEqual(interfaceAddresses(table), [
    { mac: "52:54:00:aa:00:10", ip: "192.168.122.3" },
    { mac: "52:54:00:aa:00:10", ip: "fd00::3" },
    { mac: "52:54:00:aa:00:11", ip: "10.0.0.3" },
    { mac: "00:00:00:00:00:00", ip: "127.0.0.1" },
  ]);
  assert.deepEqual(interfaceAddresses(""), []);
});

test("of the leases of one interface the last to end counts, and a name in the table is no lease", () => {
  const table = [
    " Expiry Time           MAC address         Protocol   IP address          Hostname   Client ID",
    "----------------------------------------------------------------------------------------------",
    " 2026-11-21 03:00:44   52:54:00:aa:00:10   ipv4       172.29.11.10/24     web1       01:52:54",
    " 2026-11-21 04:00:44   52:54:00:aa:00:10   ipv4       172.29.11.11/24     web1       01:52:54",
    " 2026-11-21 02:00:44   52:54:00:aa:00:10   ipv4       172.29.11.12/24     -          -",
    " 2026-11-21 02:00:44   52:54:00:aa:00:10   ipv6       fd00::5/64          -          -",
    " 2026-11-21 02:00:44   52:54:00:aa:00:20   ipv4       172.29.11.13/24     52:54:00:aa:00:10 ipv4 1.2.3.4/24",
  ].join("\n");
  assert.deepEqual(leases(table), [
    { mac: "52:54:00:aa:00:10", ip: "172.29.11.11" },
    { mac: "52:54:00:aa:00:10", ip: "fd00::5" },
    { mac: "52:54:00:aa:00:20", ip: "172.29.11.13" },
  ]);
});
