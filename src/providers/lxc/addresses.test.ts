import assert from "node:assert/strict";
import { test } from "node:test";
import { OwnNetworks } from "../own-networks.ts";
import { reachableOf } from "./addresses.ts";
import type { Seen } from "./life.ts";

const networks = new OwnNetworks({
  lxcbr0: [
    { address: "10.0.3.1", cidr: "10.0.3.1/24" },
    { address: "fd00:3::1", cidr: "fd00:3::1/64" },
  ],
  eth0: [{ address: "192.168.1.5", cidr: "192.168.1.5/24" }],
});

const v6 = (ip: string, isTentative = false) => ({ ip, isTentative });

const rows: readonly {
  readonly what: string;
  readonly configured?: readonly string[];
  readonly seen?: Seen;
  readonly reached: readonly string[];
}[] = [
  {
    what: "IPv4 before IPv6",
    seen: { v4: ["10.0.3.7"], v6: [v6("fd00:3::7")] },
    reached: ["10.0.3.7", "fd00:3::7"],
  },
  {
    what: "the configured one before another",
    configured: ["10.0.3.9/24"],
    seen: { v4: ["10.0.3.7", "10.0.3.9"], v6: [] },
    reached: ["10.0.3.9", "10.0.3.7"],
  },
  {
    what: "what is configured and not there does not count",
    configured: ["10.0.3.9/24"],
    seen: { v4: ["10.0.3.7"], v6: [] },
    reached: ["10.0.3.7"],
  },
  {
    what: "what is configured counts where nothing can be seen",
    configured: ["10.0.3.9/24"],
    reached: ["10.0.3.9"],
  },
  {
    what: "an address in a network that it does not hang on is not believed",
    seen: { v4: ["192.168.1.7", "8.8.8.8"], v6: [v6("2001:db8::7")] },
    reached: [],
  },
  {
    what: "unless the configuration says it too, and then it is the last one",
    configured: ["172.20.0.7/24"],
    seen: { v4: ["172.20.0.7", "10.0.3.7"], v6: [] },
    reached: ["10.0.3.7", "172.20.0.7"],
  },
  {
    what: "addresses of ours, of the loopback and of the link are nobody's",
    configured: ["10.0.3.1/24", "127.0.0.1/8"],
    seen: { v4: ["10.0.3.1", "127.0.0.1", "169.254.0.7"], v6: [v6("fd00:3::1")] },
    reached: [],
  },
  {
    what: "an IPv6 address that is still being checked is not used yet",
    seen: { v4: [], v6: [v6("fd00:3::7", true)] },
    reached: [],
  },
];

for (const { what, configured = [], seen, reached } of rows) {
  test(what, () => {
    const ipv4 = configured.map((each) => each.replace(/\/.*/, ""));
    const nics = [{ type: "veth", link: "lxcbr0", ipv4, ipv6: [] }];
    const found = reachableOf({ nics, seen, networks });
    assert.deepEqual(
      found.map(({ ip }) => ip),
      reached,
    );
  });
}
