import assert from "node:assert/strict";
import { test } from "node:test";
import { discoverySettings, workloadOf } from "../../../test/harness/workload.ts";
import { formatRule } from "../../config/rule.ts";
import { translate } from "../labels/translate.ts";
import { withByAddress } from "./by-address.ts";
import type { Container } from "./container.ts";

const byAddress = { rewrites: [], nameInPathOf: undefined };

function containerOf(name: string, createdAt: number, ipv6: readonly string[]): Container {
  const path = `/var/lib/lxc/${name}`;
  return {
    id: name,
    folder: { folder: "/var/lib/lxc", name, path, inode: createdAt, createdAt, isTrusted: true },
    config: {
      hostName: "",
      nics: [{ type: "veth", link: "lxcbr0", ipv4: [], ipv6 }],
      rootfs: "",
      labels: {},
      notes: [],
    },
    life: undefined,
  };
}

/** @param given name, time of making, addresses of the configuration, addresses at which it is reached */
function found(
  given: readonly [string, number, readonly string[], readonly string[]][],
  hosts?: readonly string[],
) {
  const settings = {
    ...discoverySettings({ name: "lxc", hosts, port: 80 }),
    kind: "lxc" as const,
    paths: ["/var/lib/lxc"],
    byAddress,
  };
  const addressesOf = (ips: readonly string[]) => ips.map((ip) => ({ ip, network: "lxcbr0" }));
  const workloads = given.map(([name, createdAt, , reached]) =>
    workloadOf({ id: name, name, platform: "lxc", createdAt, addresses: addressesOf(reached) }),
  );
  const options = { exposedByDefault: true, withPlainServices: true };
  const { discovery } = withByAddress({
    settings,
    byAddress,
    translation: translate(workloads, settings, options),
    containers: new Map(
      given.map(([name, at, configured]) => [name, containerOf(name, at, configured)]),
    ),
    addresses: new Map(given.map(([name, , , reached]) => [name, addressesOf(reached)])),
  });
  const service = discovery.services["by-address@lxc"];
  assert.ok(service?.kind === "addressed");
  const route = discovery.routes.find(({ item }) => item.name === "by-address@lxc")?.item;
  assert.ok(route !== undefined);
  return { members: service.members, rule: formatRule(route.rule), services: discovery.services };
}

test("each address leads to its container, whatever way it is written", () => {
  const { members, services } = found([
    ["a", 1, ["FD00:0:0::000A"], ["10.0.3.7", "fd00::a"]],
    ["b", 2, [], ["fd00::b"]],
    ["c", 3, ["fd00::c"], []],
  ]);
  assert.deepEqual(members, { "fd00::a": "a@lxc", "fd00::c": "c@lxc", "fd00::b": "b@lxc" });
  for (const name of Object.values(members)) assert.ok(services[name] !== undefined, name);
});

test("what is configured counts before what one has, and the older one before the other", () => {
  const { members } = found([
    ["young", 3, ["fd00::1", "fd00::2"], []],
    ["old", 1, ["fd00::1"], ["fd00::2"]],
  ]);
  assert.deepEqual(members, { "fd00::1": "old@lxc", "fd00::2": "young@lxc" });
});

test("it claims what the provider may have, and everything when nothing is said", () => {
  assert.equal(found([]).rule, "Host(`*`)");
  assert.equal(found([], ["a.test", "*.b.test"]).rule, "Host(`a.test`) || Host(`*.b.test`)");
});
