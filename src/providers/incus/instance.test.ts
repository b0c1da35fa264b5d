import assert from "node:assert/strict";
import { test } from "node:test";
import { OwnNetworks } from "../own-networks.ts";
import { projectNames, workloadOf } from "./instance.ts";

const networks = new OwnNetworks({
  lxdbr0: [
    { address: "10.9.0.1", cidr: "10.9.0.1/24" },
    { address: "fd00::1", cidr: "fd00::1/64" },
  ],
  lxdbr1: [{ address: "10.8.0.1", cidr: "10.8.0.1/24" }],
});
const options = { platform: "lxd", networks } as const;

const address = (ip: string, scope = "global") => ({ address: ip, scope, family: "inet" });

/** As the daemon tells of one, with what the test is about. */
function instance(more: Record<string, unknown> = {}, state: Record<string, unknown> = {}) {
  return {
    name: "web",
    project: "default",
    type: "container",
    status: "Running",
    created_at: "2026-11-21T01:48:54.502776653Z",
    expanded_config: {
      "user.tidegate.host": "web.test",
      "user.other": "x",
      "volatile.uuid": "1cde3ae7",
      "volatile.eth0.hwaddr": "00:16:3E:CE:39:01",
      "volatile.eth1.hwaddr": "00:16:3e:ce:39:02",
    },
    expanded_devices: {
      eth0: { type: "nic", network: "lxdbr0", name: "eth0" },
      eth1: { type: "nic", parent: "lxdbr1", name: "eth1" },
      root: { type: "disk", path: "/" },
    },
    state: {
      status: "Running",
      network: {
        eth1: { hwaddr: "00:16:3e:ce:39:02", addresses: [address("10.8.0.6")] },
        docker0: { hwaddr: "02:42:11:22:33:44", addresses: [address("10.9.0.66")] },
        lo: { hwaddr: "", addresses: [address("127.0.0.1", "local")] },
        eth0: {
          hwaddr: "00:16:3e:ce:39:01",
          addresses: [
            address("fe80::216", "link"),
            address("fd00::5"),
            address("10.9.0.5"),
            address("10.8.0.1"),
          ],
        },
      },
      ...state,
    },
    ...more,
  };
}

test("an instance is read with its labels, and addresses of its own interfaces in their order", () => {
  assert.deepEqual(workloadOf(instance(), options), {
    platform: "lxd",
    id: "1cde3ae7",
    name: "web",
    project: undefined,
    role: undefined,
    hostName: "",
    state: "running",
    health: "none",
    createdAt: Date.parse("2026-11-21T01:48:54.502Z"),
    addresses: [
      { ip: "10.9.0.5", network: "lxdbr0" },
      { ip: "fd00::5", network: "lxdbr0" },
      { ip: "10.8.0.6", network: "lxdbr1" },
    ],
    exposed: [],
    published: [],
    labels: { "tidegate.host": "web.test" },
    env: {},
    trouble: undefined,
  });
});

test("each status of the daemon is a state", () => {
  const states: readonly (readonly [string, string])[] = [
    ["Running", "running"],
    ["Ready", "running"],
    ["Starting", "starting"],
    ["Stopping", "stopping"],
    ["Stopped", "stopped"],
    ["Frozen", "paused"],
    ["Error", "running"],
    ["Whatever", "stopped"],
    ["", "stopped"],
  ];
  for (const [status, state] of states) {
    const workload = workloadOf(instance({ status }, { status }), options);
    assert.equal(workload?.state, state, status);
    if (state === "stopped") assert.deepEqual(workload?.addresses, []);
  }
});

test("a stopped instance has no network to tell of, and one of a project says which", () => {
  const stopped = instance(
    { status: "Stopped", project: "shop" },
    { status: "Stopped", network: null },
  );
  const workload = workloadOf(stopped, options);
  assert.equal(workload?.state, "stopped");
  assert.equal(workload?.project, "shop");
  assert.equal(workload?.trouble, undefined);
});

test("why it runs and cannot be reached is said", () => {
  const none = workloadOf(instance({}, { network: {} }), options);
  assert.match(none?.trouble ?? "", /no address/);
  const far = { eth0: { hwaddr: "00:16:3e:ce:39:01", addresses: [address("8.8.8.8")] } };
  const foreign = workloadOf(instance({}, { network: far }), options);
  assert.deepEqual(foreign?.addresses, []);
  assert.match(foreign?.trouble ?? "", /8\.8\.8\.8 is not on a network that this machine shares/);
});

test("without an UUID the project and the name are the identity", () => {
  assert.equal(workloadOf({ name: "a" }, options)?.id, "default/a");
  assert.equal(workloadOf({ name: "a", project: "p" }, options)?.id, "p/a");
});

test("rubbish is read as little as it is", () => {
  for (const each of [undefined, null, 1, "x", [], {}, { name: 1 }, { name: "" }]) {
    assert.equal(workloadOf(each, options), undefined);
  }
  const odd = {
    name: "odd",
    created_at: "yesterday",
    expanded_config: {
      ["__proto__"]: "x",
      "user.tidegate.__proto__": "y",
      "user.tidegate.host": 7,
    },
    expanded_devices: { a: null, b: { type: "nic" }, c: 3 },
    state: {
      status: 7,
      network: { b: { addresses: [null, 1, { scope: "global", address: "x" }] } },
    },
  };
  const workload = workloadOf(odd, options);
  assert.equal(workload?.createdAt, 0);
  assert.deepEqual(workload?.labels, { "tidegate.__proto__": "y" });
  assert.deepEqual(workload?.addresses, []);
  assert.deepEqual(projectNames({}), []);
  assert.deepEqual(projectNames([{ name: "a" }, 1]), ["a"]);
});
