import assert from "node:assert/strict";
import { hostname } from "node:os";
import { test } from "node:test";
import { NetworkSet } from "../../lib/ip.ts";
import type { DockerSettings } from "../../config/provider-settings.ts";
import type { Workload } from "../workload.ts";
import type { Binding, Container } from "./container.ts";
import { workloadsOf, type View } from "./workloads.ts";

const id = (digit: string) => digit.repeat(64);
const http: Binding = { port: 80, protocol: "tcp", hostIp: "0.0.0.0", hostPort: 8080 };

function container(changes: Partial<Container> = {}): Container {
  return {
    id: id("1"),
    name: "web1",
    image: "web:1",
    createdAt: 1000,
    startedAt: 2000,
    state: "running",
    exitCode: 0,
    health: "none",
    hostName: "",
    networkMode: "default",
    endpoints: [{ network: "bridge", v4: "172.17.0.2", v6: "" }],
    exposed: [],
    bindings: [],
    labels: {},
    env: {},
    stopSignal: 15,
    pid: 0,
    unread: undefined,
    ...changes,
  };
}

const unix: Pick<DockerSettings, "endpoint"> = { endpoint: { kind: "unix", path: "/s" } };
const nas: Pick<DockerSettings, "endpoint"> = {
  endpoint: { kind: "tcp", host: "nas.example.test", port: 2376, tls: undefined },
};

interface Options extends Partial<Omit<View, "settings" | "containers">> {
  readonly settings?: Partial<DockerSettings>;
}

function view(containers: readonly Container[], { settings, ...rest }: Options = {}): View {
  const networks = NetworkSet.of(["172.17.0.0/16", "172.20.0.0/16", "fd00:20::/64"]);
  const all = {
    name: "docker",
    network: undefined,
    publishedHost: undefined,
    ...unix,
    ...settings,
  };
  return {
    settings: all as DockerSettings,
    platform: "docker",
    machine: { hostName: hostname(), isRootless: false },
    place: { networks, gateway: "192.0.2.1", containerId: undefined },
    containers: new Map(containers.map((each) => [each.id, each])),
    drivers: new Map([
      ["bridge", "bridge"],
      ["lan", "macvlan"],
      ["mesh", "overlay"],
    ]),
    signalOf: () => undefined,
    guestOf: () => undefined,
    ...rest,
  };
}

function one(changes: Partial<Container>, options: Options = {}): Workload {
  const [workload] = workloadsOf(view([container(changes)], options)).workloads;
  assert.ok(workload !== undefined);
  return workload;
}

const ips = ({ addresses }: Workload) => addresses.map(({ ip }) => ip);
const places = ({ published }: Workload) =>
  published.map(({ hostIp, hostPort }) => `${hostIp} ${hostPort}`);
const elsewhere = { hostName: "nas", isRootless: false };

test("of several networks the one that somebody made comes first, by name, IPv4 before IPv6", () => {
  const endpoints = [
    { network: "bridge", v4: "172.17.0.2", v6: "" },
    { network: "zoo", v4: "172.20.0.9", v6: "" },
    { network: "lan", v4: "172.20.0.3", v6: "" },
    { network: "app", v4: "172.20.0.4", v6: "fd00:20::4" },
    { network: "far", v4: "10.9.9.9", v6: "" },
    { network: "odd", v4: "no address", v6: "" },
  ];
  const expected = ["172.20.0.4", "fd00:20::4", "172.20.0.9", "172.17.0.2", "172.20.0.3"];
  assert.deepEqual(ips(one({ endpoints })), expected);
  // Who names a network knows a way there.
  const named = one({ endpoints }, { settings: { network: "far" } });
  assert.deepEqual(ips(named), ["10.9.9.9", ...expected]);
});

test("bridges of another machine are never tried, even where we have one like it", () => {
  const options = { settings: nas, machine: elsewhere };
  const far = one({ bindings: [http, { ...http, hostIp: "::" }] }, options);
  assert.deepEqual(ips(far), []);
  assert.deepEqual(places(far), ["nas.example.test 8080"]);
  assert.equal(far.trouble, undefined);
  const loopback = one({ bindings: [{ ...http, hostIp: "127.0.0.1" }] }, options);
  assert.deepEqual(places(loopback), []);
  assert.match(loopback.trouble ?? "", /is only in bridge, which Tidegate is not in/);
  const own = one({ bindings: [{ ...http, hostIp: "10.1.1.1" }] }, options);
  assert.deepEqual(places(own), ["10.1.1.1 8080"]);
  const shared = { network: "mesh", v4: "172.20.0.5", v6: "" };
  assert.deepEqual(ips(one({ endpoints: [shared] }, options)), ["172.20.0.5"]);
  const onHost = one({ networkMode: "host", endpoints: [], hostName: "nas" }, options);
  assert.deepEqual(ips(onHost), ["nas.example.test"]);
  assert.equal(onHost.hostName, "");
});

test("a rootless engine's networks are its own, and ports lead there", () => {
  const machine = { hostName: hostname(), isRootless: true };
  const rootless = one({ bindings: [http] }, { machine });
  assert.deepEqual(ips(rootless), []);
  assert.deepEqual(places(rootless), ["127.0.0.1 8080"]);
});

test("`publishedHost` stands for the machine, wherever it publishes", () => {
  const bindings = [http, { ...http, hostIp: "127.0.0.1", hostPort: 8081 }];
  const settings = { publishedHost: "10.0.0.7" };
  assert.deepEqual(places(one({ bindings }, { settings })), ["10.0.0.7 8080", "10.0.0.7 8081"]);
});

test("in a container ourselves, the machine is behind the gateway, and we are not routed", () => {
  const self = container({ id: id("a"), name: "tidegate" });
  const others = [
    container({ bindings: [http, { ...http, hostIp: "127.0.0.1", hostPort: 8081 }] }),
    container({ id: id("2"), name: "host1", networkMode: "host", endpoints: [] }),
  ];
  const place = { ...view([]).place, containerId: self.id };
  // Behind a proxy in front of the daemon's socket it is still our own daemon.
  for (const settings of [unix, nas]) {
    const seen = workloadsOf(view([self, ...others], { settings, machine: elsewhere, place }));
    const [web1, host1] = seen.workloads;
    assert.ok(web1 !== undefined && host1 !== undefined && seen.workloads.length === 2);
    assert.deepEqual(ips(web1), ["172.17.0.2"]);
    assert.deepEqual(places(web1), ["192.0.2.1 8080"]);
    assert.deepEqual(ips(host1), ["192.0.2.1"]);
    assert.match(seen.findings[0]?.notes[0]?.message ?? "", /Tidegate itself/);
  }
  // With the machine's own network we are not inside.
  const open = { ...self, networkMode: "host" };
  const [web1] = workloadsOf(view([open, ...others], { place })).workloads;
  assert.ok(web1 !== undefined);
  assert.deepEqual(places(web1), ["127.0.0.1 8080", "127.0.0.1 8081"]);
});

test("a container in another's network is found there, and circles have no end", () => {
  const owner = container({ hostName: "pod.example.test", bindings: [http] });
  const guest = container({ id: id("2"), name: "guest", networkMode: `container:${owner.id}` });
  const seen = workloadsOf(view([owner, { ...guest, endpoints: [] }])).workloads;
  assert.deepEqual(
    seen.map((each) => [ips(each), places(each), each.hostName]),
    [1, 2].map(() => [["172.17.0.2"], ["127.0.0.1 8080"], "pod.example.test"]),
  );
  const circle = [
    container({ networkMode: `container:${guest.id}` }),
    container({ id: guest.id, networkMode: `container:${owner.id}` }),
  ];
  for (const each of workloadsOf(view(circle)).workloads) {
    assert.deepEqual(ips(each), []);
    assert.match(each.trouble ?? "", /another container/);
  }
});

test("a signal that ends it counts, since its start, and no other", () => {
  const state = (number: number, at: number, changes: Partial<Container> = {}) =>
    one(changes, { signalOf: () => ({ number, at }) }).state;
  assert.equal(state(15, 2001), "stopping");
  assert.equal(state(15, 1999), "running", "it was started again since");
  assert.equal(state(1, 2001), "running");
  assert.equal(state(3, 2001, { stopSignal: 3 }), "stopping");
  assert.equal(state(15, 2001, { state: "stopped" }), "stopped");
});

test("projects and roles are those of compose, of Podman's and of a swarm", () => {
  const cases: [Record<string, string>, (string | undefined)[]][] = [
    [{}, [undefined, undefined]],
    [
      { "com.docker.compose.project": "shop", "com.docker.compose.service": "web" },
      ["shop", "web"],
    ],
    [{ "io.podman.compose.project": "p", "io.podman.compose.service": "s" }, ["p", "s"]],
    [
      { "com.docker.stack.namespace": "st", "com.docker.swarm.service.name": "st_web" },
      ["st", "web"],
    ],
    [{ "com.docker.swarm.service.name": "lone" }, [undefined, "lone"]],
    [{ "com.docker.compose.project": "" }, [undefined, undefined]],
  ];
  for (const [labels, expected] of cases) {
    const { project, role } = one({ labels });
    assert.deepEqual([project, role], expected, JSON.stringify(labels));
  }
});

test("what only holds a pod together, or is left of a task, is not looked at", () => {
  const left = [
    container({ image: "localhost/podman-pause:4.3.1-0" }),
    container({ image: "registry.k8s.io/pause:3.9", id: id("2") }),
    container({ state: "stopped", labels: { "com.docker.swarm.task.id": "x" }, id: id("3") }),
  ];
  assert.deepEqual(workloadsOf(view(left)), { workloads: [], findings: [] });
  assert.equal(one({ image: "my/pause-app:1" }).name, "web1");
});
