import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { type Container, healthIn, readContainer } from "./container.ts";

const id = "3c".repeat(32);
const entry = {
  Id: id,
  Names: ["/shop/db", "/web1"],
  Image: "web:1",
  Created: 1_795_224_340,
  State: "running",
  Status: "Up 3 minutes (healthy)",
  Labels: { a: "1" },
  Ports: [
    { IP: "0.0.0.0", PrivatePort: 80, PublicPort: 8080, Type: "tcp" },
    { PrivatePort: 443, Type: "tcp" },
  ],
  HostConfig: { NetworkMode: "default" },
  NetworkSettings: { Networks: { bridge: { IPAddress: "172.17.0.2", GlobalIPv6Address: "" } } },
};

function read(details: Record<string, unknown>): Container {
  const container = readContainer(entry, details);
  assert.ok(container !== undefined);
  return container;
}

test("without details, the list has to do", () => {
  const { name, state, health, createdAt, bindings, endpoints, labels, networkMode } = read({});
  assert.deepEqual([name, state, health, networkMode], ["web1", "running", "healthy", "default"]);
  assert.equal(createdAt, 1_795_224_340_000);
  assert.deepEqual(bindings, [{ port: 80, protocol: "tcp", hostIp: "0.0.0.0", hostPort: 8080 }]);
  assert.deepEqual(endpoints, [{ network: "bridge", v4: "172.17.0.2", v6: "" }]);
  assert.deepEqual({ ...labels }, { a: "1" });
});

test("health stands in the text of the list, if it is there at all", () => {
  const cases = {
    "Up 3 minutes": "",
    "Up 3 minutes (healthy)": "healthy",
    "Up 2 seconds (health: starting)": "starting",
    "Up 40 seconds (unhealthy)": "unhealthy",
    "Up 3 minutes (Paused)": "",
    "Exited (137) 2 hours ago": "",
  };
  for (const [text, word] of Object.entries(cases)) assert.equal(healthIn(text), word, text);
});

test("host names that the engine made up are none, and a domain is added", () => {
  const cases: [Record<string, string>, string][] = [
    [{ Hostname: id.slice(0, 12) }, ""],
    [{ Hostname: "web1" }, "web1"],
    [{ Hostname: "web1", Domainname: "example.test" }, "web1.example.test"],
    [{ Hostname: "*.example.test", Domainname: "" }, "*.example.test"],
    [{ Hostname: "", Domainname: "example.test" }, ""],
  ];
  for (const [Config, hostName] of cases) assert.equal(read({ Config }).hostName, hostName);
});

test("each word for a state means one of ours", () => {
  const cases = {
    running: "running",
    paused: "paused",
    restarting: "starting",
    created: "stopped",
    exited: "stopped",
    dead: "stopped",
    removing: "stopped",
    stopping: "stopping",
    "?": "stopped",
  };
  for (const [Status, state] of Object.entries(cases)) {
    assert.equal(read({ Config: {}, State: { Status } }).state, state, Status);
  }
});

test("the environment, the stop signal, and ports of a stopped container are read", () => {
  const container = read({
    Config: {
      Env: ["A=1=2", "B", "A=3", "=x", 7, "__proto__=odd", "constructor=odd"],
      Labels: { ["__proto__"]: "x", n: 1 },
      StopSignal: "SIGQUIT",
      ExposedPorts: { "443/tcp": {}, "80/tcp": {}, "53/udp": {}, "9/sctp": {}, "0/tcp": {}, x: {} },
    },
    State: { Status: "exited", StartedAt: "0001-01-01T00:00:00Z", Health: { Status: "" } },
    HostConfig: {
      PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "8080" }], "443/tcp": null },
      PublishAllPorts: false,
    },
    NetworkSettings: { Ports: {}, Networks: null },
  });
  assert.deepEqual(Object.entries(container.env), [
    ["A", "3"],
    ["__proto__", "odd"],
    ["constructor", "odd"],
  ]);
  assert.deepEqual(Object.entries(container.labels), [["__proto__", "x"]]);
  assert.equal(container.stopSignal, 3);
  assert.equal(container.startedAt, 0);
  assert.deepEqual(
    container.exposed.map(({ port, protocol }) => `${port}/${protocol}`),
    ["53/udp", "80/tcp", "443/tcp"],
  );
  assert.deepEqual(container.bindings, [{ port: 80, protocol: "tcp", hostIp: "", hostPort: 8080 }]);
  for (const [said, number] of [
    ["15", 15],
    ["", 15],
    ["TERM", 15],
    ["RTMIN+3", 37],
  ] as const) {
    assert.equal(read({ Config: { StopSignal: said } }).stopSignal, number, said);
  }
});

test("ports that are chosen at each start are promised while it is stopped", () => {
  const Config = { ExposedPorts: { "80/tcp": {} } };
  const HostConfig = { PublishAllPorts: true, PortBindings: {} };
  const stopped = read({ Config, HostConfig, State: { Status: "exited" } });
  assert.deepEqual(stopped.bindings, [{ port: 80, protocol: "tcp", hostIp: "", hostPort: 0 }]);
  assert.deepEqual(read({ Config, HostConfig, State: { Status: "running" } }).bindings, []);
});

test("a name that is no id is no container, since it goes into a path", () => {
  for (const Id of ["", "../events", id.slice(1), `${id}0`, id.toUpperCase(), 7, null]) {
    assert.equal(readContainer({ ...entry, Id }, {}), undefined, String(Id));
  }
});

test("whatever a daemon sends, it is read or left", () => {
  const rubbish = fc.dictionary(
    fc.constantFrom(...["Config", "State", "HostConfig", "NetworkSettings", "Created", "Name"]),
    fc.oneof(
      fc.jsonValue(),
      fc.dictionary(
        fc.constantFrom(
          ...["Env", "Labels", "ExposedPorts", "Ports", "Networks", "Status", "Health"],
          ...["StartedAt", "StopSignal", "Hostname", "PortBindings", "PublishAllPorts"],
        ),
        fc.jsonValue(),
      ),
    ),
  );
  fc.assert(
    fc.property(rubbish, fc.jsonValue(), (details, odd) => {
      const container = readContainer({ ...entry, Names: odd, Ports: odd, Labels: odd }, details);
      assert.equal(container?.id, id);
      assert.ok(Number.isFinite(container.createdAt) && container.name.length > 0);
      for (const { hostPort } of container.bindings) assert.ok(hostPort >= 0 && hostPort < 65_536);
    }),
    { numRuns: 500 },
  );
});
