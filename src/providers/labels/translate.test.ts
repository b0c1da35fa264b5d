import assert from "node:assert/strict";
import { test } from "node:test";
import { noteLines, routeLines, translated } from "../../../test/harness/translated.ts";
import type { Given } from "../../../test/harness/translated.ts";
import { discoverySettings, workloadOf } from "../../../test/harness/workload.ts";
import type { BackendService } from "../../config/service.ts";
import { translate } from "./translate.ts";
import type { Translation } from "./translate.ts";

const ip = (last: number) => ({ addresses: [{ ip: `10.0.0.${last}`, network: "web" }] });

function serviceOf({ discovery }: Translation, name: string): BackendService {
  const service = discovery.services[name];
  assert.ok(service?.kind === "backends", `there is no ${name}`);
  return service;
}

const host = { "tidegate.host": "a.test" };

test("those of one role in one project are backends of one service", () => {
  const one = { project: "shop", role: "web", labels: host };
  const found = translated([
    { ...one, name: "shop-web-2", createdAt: 2000, ...ip(2) },
    { ...one, name: "shop-web-1", createdAt: 1000, ...ip(1) },
    { ...one, name: "other-web-1", project: "other", createdAt: 500, ...ip(3) },
  ]);
  assert.deepEqual(routeLines(found), [
    "other/web@docker: Host(`a.test`) → http://10.0.0.3:80",
    "shop/web@docker: Host(`a.test`) → http://10.0.0.1:80 http://10.0.0.2:80",
  ]);
  const [other, shop] = found.discovery.routes.toSorted((a, b) => a.since - b.since);
  assert.deepEqual([other?.tenant, other?.since], ["project other of docker", 500]);
  assert.deepEqual([shop?.tenant, shop?.since], ["project shop of docker", 1000]);
  assert.deepEqual(found.members.get("shop/web@docker")?.length, 2);
  assert.deepEqual(
    found.findings.map(({ name, became }) => [name, became.map((each) => each.backend)]),
    [
      ["other-web-1", ["http://10.0.0.3:80"]],
      ["shop-web-1", ["http://10.0.0.1:80"]],
      ["shop-web-2", ["http://10.0.0.2:80"]],
    ],
  );
});

test("whoever owns names by itself shares with replicas of its role alone", () => {
  const tenants = (owner: "instance" | "provider") => {
    const found = translated(
      [
        { name: "a", labels: host },
        { name: "b", project: "p", role: "web", labels: { "tidegate.host": "b.test" } },
      ],
      { owner },
    );
    return found.discovery.routes.map(({ tenant }) => tenant);
  };
  assert.deepEqual(tenants("instance"), ["a of docker", "p/web of docker"]);
  assert.deepEqual(tenants("provider"), ["docker", "docker"]);
});

test("a group puts together what has different names", () => {
  const labels = { ...host, "tidegate.group": "front" };
  const found = translated([
    { name: "blue", labels, ...ip(1) },
    { name: "green", labels, createdAt: 2000, ...ip(2) },
  ]);
  assert.deepEqual(routeLines(found), [
    "front@docker: Host(`a.test`) → http://10.0.0.1:80 http://10.0.0.2:80",
  ]);
});

test("the oldest defines service and route, and the others are told", () => {
  const labels = { ...host, "tidegate.group": "front" };
  const found = translated([
    {
      name: "young",
      labels: { ...labels, "tidegate.path": "/x", "tidegate.service.holdFor": "5s" },
      createdAt: 2000,
      ...ip(2),
    },
    { name: "old", labels, ...ip(1) },
  ]);
  assert.deepEqual(routeLines(found), [
    "front@docker: Host(`a.test`) → http://10.0.0.1:80 http://10.0.0.2:80",
  ]);
  const lines = noteLines(found).join("\n");
  assert.match(lines, /warning .*old, which is older, says something else of the service front/);
  assert.match(lines, /warning .*old, which is older, says something else of the route front/);
});

test("names that would be the same by accident are told apart by a short id", () => {
  const found = translated(
    [
      { name: "a b", labels: { "tidegate.host": "one.test" } },
      { name: "a/b", labels: { "tidegate.host": "two.test" }, createdAt: 2000 },
    ],
    { owner: "instance" },
  );
  assert.deepEqual(
    found.discovery.routes.map(({ item }) => [item.name, item.service]),
    [
      ["a-b@docker", "a-b@docker"],
      ["a-b-a-b-01234567@docker", "a-b-a-b-01234567@docker"],
    ],
  );
});

test("where a route comes from names the container and the label", () => {
  const [route] = translated([{ name: "web1", labels: host }]).discovery.routes;
  assert.deepEqual(route?.item.origin, {
    provider: "docker",
    place: "docker container web1, label tidegate.host",
  });
});

const absences: readonly (readonly [Partial<Given>, string, RegExp])[] = [
  [{ state: "stopped" }, "stopped", /^it is stopped$/],
  [{ state: "stopping" }, "stopped", /being stopped/],
  [{ state: "starting" }, "starting", /starting/],
  [{ state: "paused" }, "paused", /paused/],
  [{ health: "starting" }, "starting", /has not passed yet/],
  [{ health: "unhealthy" }, "unhealthy", /fails/],
  [{ addresses: [], trouble: "it is on no network" }, "unreachable", /on no network/],
  [{ addresses: [] }, "unreachable", /no address that can be reached/],
  [{ exposed: [] }, "unreachable", /says no port: add the label tidegate\.port/],
];

for (const [given, state, why] of absences) {
  test(`whoever cannot be used is absent, and its route stays: ${why.source}`, () => {
    const found = translated([{ name: "web", labels: host, ...given }]);
    assert.deepEqual(routeLines(found), ["web@docker: Host(`a.test`) → nobody"]);
    const [absent] = serviceOf(found, "web@docker").absent;
    assert.equal(absent?.state, state);
    assert.match(absent.why, why);
  });
}

const places: readonly (readonly [string, Partial<Given>, string])[] = [
  ["the port that is said", { labels: { ...host, "tidegate.port": "81" } }, "http://172.18.0.2:81"],
  [
    "the only one exposed",
    { exposed: [{ port: 3000, protocol: "tcp" }] },
    "http://172.18.0.2:3000",
  ],
  [
    "the lowest exposed over TCP",
    {
      exposed: [
        { port: 9000, protocol: "tcp" },
        { port: 53, protocol: "udp" },
        { port: 8000, protocol: "tcp" },
      ],
    },
    "http://172.18.0.2:8000",
  ],
  [
    "the published port without an address",
    { addresses: [], published: [{ port: 80, protocol: "tcp", hostIp: "127.0.0.1", hostPort: 9 }] },
    "http://127.0.0.1:9",
  ],
  [
    "the network that is wished",
    {
      project: "p",
      labels: { ...host, "tidegate.network": "back" },
      addresses: [
        { ip: "10.0.0.1", network: "p_front" },
        { ip: "10.0.0.2", network: "p_back" },
      ],
    },
    "http://10.0.0.2:80",
  ],
  ["IPv6", { addresses: [{ ip: "fd00::7", network: "" }] }, "http://[fd00::7]:80"],
];

for (const [what, given, url] of places) {
  test(`a backend is reached at ${what}`, () => {
    const found = translated([{ name: "web", labels: host, ...given }]);
    const [finding] = found.findings;
    assert.equal(finding?.became[0]?.backend, url);
  });
}

test("a provider's port is that of all who say none", () => {
  const found = translated([{ name: "web", labels: host, exposed: [] }], { port: 8080 });
  assert.deepEqual(routeLines(found), ["web@docker: Host(`a.test`) → http://172.18.0.2:8080"]);
});

test("two at one address are one backend", () => {
  const labels = { ...host, "tidegate.group": "front" };
  const found = translated([
    { name: "a", labels },
    { name: "b", labels },
  ]);
  assert.equal(serviceOf(found, "front@docker").backends.length, 1);
  assert.match(noteLines(found).join(), /a is at http:\/\/172\.18\.0\.2:80 too/);
});

test("those of weight 0 work while nobody else is there", () => {
  const labels = { ...host, "tidegate.group": "front" };
  const spare = { name: "spare", labels: { ...labels, "tidegate.weight": "0" }, ...ip(2) };
  const weights = (state: "running" | "stopped") => {
    const found = translated([{ name: "main", labels, state, ...ip(1) }, spare]);
    return serviceOf(found, "front@docker").backends.map(({ weight }) => weight);
  };
  assert.deepEqual(weights("running"), [1, 0]);
  assert.deepEqual(weights("stopped"), [1]);
});

test("nobody is started on demand unless the provider may", () => {
  const labels = { ...host, "tidegate.onDemand.wait": "hold", "tidegate.onDemand.idleStop": "5m" };
  const of = (mayStart: boolean) => translated([{ name: "web", labels }], { mayStart });
  assert.deepEqual(serviceOf(of(true), "web@docker").onDemand, {
    wait: "hold",
    startTimeout: 60_000,
    idleStop: 300_000,
  });
  assert.equal(serviceOf(of(false), "web@docker").onDemand, undefined);
  assert.match(noteLines(of(false)).join(), /set mayStart: true/);
  const wrong = translated(
    [{ name: "web", labels: { ...host, "tidegate.onDemand.wiat": "hold" } }],
    {
      mayStart: true,
    },
  );
  assert.match(noteLines(wrong).join(), /tidegate\.onDemand\.wiat: unknown key "wiat"; write wait/);
});

test("the first dialect that asks for something counts, and the others are named", () => {
  const both = {
    name: "web",
    labels: { ...host, caddy: "c.test", "caddy.reverse_proxy": "{{upstreams}}" },
    env: { VIRTUAL_HOST: "b.test" },
  };
  const found = translated([both]);
  assert.deepEqual(routeLines(found), ["web@docker: Host(`a.test`) → http://172.18.0.2:80"]);
  assert.deepEqual(noteLines(found), [
    "info it has labels of nginx-proxy too; those of tidegate count",
    "info it has labels of caddy too; those of tidegate count",
  ]);
  const other = translated([both], { dialects: ["nginx-proxy"] });
  assert.deepEqual(routeLines(other), ["b.test@docker: Host(`b.test`) → http://172.18.0.2:80"]);
});

test("a dialect with nothing but faults keeps the next one from guessing", () => {
  const found = translated([
    { name: "web", labels: { ...host, "tidegate.port": "x" }, env: { VIRTUAL_HOST: "b.test" } },
  ]);
  assert.deepEqual(routeLines(found), []);
});

const templates: readonly (readonly [string, Partial<Given>, string])[] = [
  ["{name}.apps.test", { name: "My_Web 1" }, "Host(`my_web-1.apps.test`)"],
  ["{role}.{project}.test", { name: "x", role: "web", project: "shop" }, "Host(`web.shop.test`)"],
  ["{role}.{project}.test", { name: "x" }, "Host(`x.test`)"],
  ["{hostname}", { name: "x", hostName: "a.b.test" }, "Host(`a.b.test`)"],
  ["apps.test/{name}", { name: "x" }, "Host(`apps.test`) && (Path(`/x`) || PathPrefix(`/x/`))"],
  ["{name}.test", { name: "*.evil.com/" }, "Host(`evil.com.test`)"],
];

for (const [template, given, rule] of templates) {
  test(`the default host ${template} of ${JSON.stringify(given)} is ${rule}`, () => {
    const [finding] = translated([{ name: "", ...given }], { defaultHost: template }).findings;
    assert.equal(finding?.became[0]?.rule, rule);
    assert.equal(finding.became[0].dialect, undefined);
  });
}

test("who says no port has no default host", () => {
  const found = translated([{ name: "worker", exposed: [] }], { defaultHost: "{name}.test" });
  assert.deepEqual(routeLines(found), []);
  assert.match(noteLines(found).join(), /says no port, so it is not routed/);
});

test("everybody has a service of its own where that is asked for", () => {
  const labels = { ...host, "tidegate.group": "front", "tidegate.service.holdFor": "5s" };
  const given = [
    { name: "a", labels, ...ip(1) },
    { name: "b", labels, ...ip(2) },
    { name: "c", labels: { "tidegate.host": "c.test" }, ...ip(3) },
    { name: "d", ...ip(4) },
  ];
  const found = translated(given, { owner: "provider" }, { withPlainServices: true });
  assert.deepEqual([...found.plain.values()], ["a@docker", "b@docker", "c@docker", "d@docker"]);
  const { backends, hold } = serviceOf(found, "a@docker");
  assert.deepEqual([backends.map(({ url }) => url), hold.holdFor], [["http://10.0.0.1:80"], 5000]);
  assert.equal(serviceOf(found, "front@docker").backends.length, 2);
  assert.deepEqual(Object.keys(found.discovery.services).toSorted(), [
    ...["a@docker", "b@docker", "c@docker", "d@docker", "front@docker"],
  ]);
});

test("whoever asks for nothing is told how to", () => {
  assert.deepEqual(noteLines(translated([{ name: "web" }], { dialects: ["tidegate"] })), [
    "info it asks for no route; add the label tidegate.host=NAME",
  ]);
});

test("labels without number and without end are bounded", () => {
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`x.${at}`, "1"]));
  const routes = Object.fromEntries(
    Array.from({ length: 300 }, (_, at) => [`tidegate.routes.r${at}.host`, `r${at}.test`]),
  );
  const found = translated([
    { name: "many", labels: { ...many } },
    { name: "routes", labels: routes },
    { name: "long", labels: { ...host, "tidegate.rule": "x".repeat(100_000) } },
    { name: "deep", labels: { [`tidegate${".a".repeat(200)}`]: "1" } },
  ]);
  assert.equal(found.discovery.routes.length, 101);
  const lines = noteLines(found).join("\n");
  assert.match(lines, /has 5000 labels; 500 are read/);
  assert.match(lines, /asks for 300 routes; the first 100 are made/);
  assert.match(lines, /tidegate\.rule: is too long for a label/);
  assert.match(lines, /is no label that is known/);
});

test("what did not change is not read again, and stays the very same", () => {
  const settings = discoverySettings();
  const options = { exposedByDefault: true, withPlainServices: false };
  const a = workloadOf({ name: "a", labels: host });
  const b = workloadOf({ name: "b", labels: { "tidegate.host": "b.test" } });
  const before = translate([a, b], settings, options);
  const after = translate([a, { ...b, state: "stopped" }], settings, options);
  const of = ({ discovery }: Translation, name: string) =>
    discovery.routes.find(({ item }) => item.name === name)?.item;
  assert.equal(of(after, "a@docker"), of(before, "a@docker"));
  assert.equal(serviceOf(after, "b@docker").backends.length, 0);
  const moved = workloadOf({ name: "b", labels: { "tidegate.host": "c.test" } });
  assert.deepEqual(routeLines(translate([a, moved], settings, options)), [
    "a@docker: Host(`a.test`) → http://172.18.0.2:80",
    "b@docker: Host(`c.test`) → http://172.18.0.2:80",
  ]);
  assert.deepEqual(routeLines(translate([a], settings, options)), [
    "a@docker: Host(`a.test`) → http://172.18.0.2:80",
  ]);
});

test("the order in which a platform lists changes nothing", () => {
  const given = Array.from({ length: 12 }, (_, at) =>
    workloadOf({
      name: `c${at}`,
      labels: { ...host, "tidegate.group": `g${at % 3}`, "tidegate.path": `/${at % 4}` },
      createdAt: at % 2,
    }),
  );
  const options = { exposedByDefault: true, withPlainServices: true };
  const one = translate(given, discoverySettings(), options);
  const other = translate(given.toReversed(), discoverySettings(), options);
  assert.deepEqual(other.discovery, one.discovery);
  assert.deepEqual(other.findings, one.findings);
});

const published = {
  addresses: [],
  published: [{ port: 80, protocol: "tcp", hostIp: "127.0.0.1", hostPort: 8080 }],
} as const;
const onHost = { addresses: [{ ip: "127.0.0.1", network: "host" }] };
const onRemoteHost = { addresses: [{ ip: "10.0.0.5", network: "host" }] };

for (const [what, place] of Object.entries({ published, onHost, onRemoteHost })) {
  test(`no other port of a machine is checked because a label says so: ${what}`, () => {
    for (const labels of [
      { "tidegate.host": "a.test", "tidegate.service.check.http": "/service/balancer/drain" },
      { "tidegate.host": "a.test", "tidegate.service.check.tcp.send": "DELETE / HTTP/1.0\r\n\r\n" },
      {
        "traefik.http.routers.a.rule": "Host(`a.test`)",
        "traefik.http.services.a.loadbalancer.healthcheck.path": "/x",
      },
    ]) {
      const isOurs = "tidegate.host" in labels;
      const port = isOurs
        ? "tidegate.service.check.port"
        : "traefik.http.services.a.loadbalancer.healthcheck.port";
      const given = { name: "a", ...place, labels: { ...labels, [port]: "16000" } };
      const found = translated([given]);
      const name = Object.keys(found.discovery.services).join();
      assert.equal(serviceOf(found, name).backends.length, 1);
      assert.equal(serviceOf(found, name).check, undefined);
      assert.match(noteLines(found).join("\n"), /warning .*check.*: is not asked at an address of/);
      // With an address of its own all its ports are its own.
      const own = translated([{ ...given, addresses: [{ ip: "172.18.0.9", network: "web" }] }]);
      assert.equal(serviceOf(own, name).check?.port, 16_000);
      assert.deepEqual(noteLines(own), []);
      // The port that is routed, by the number it has inside.
      const same = translated([{ ...given, labels: { ...labels, [port]: "80" } }]);
      assert.ok(serviceOf(same, name).check !== undefined);
      assert.equal(serviceOf(same, name).check?.port, undefined);
    }
  });
}

test("one that is reached at the machine takes the check of another port from all of a service", () => {
  const labels = { "tidegate.host": "a.test", "tidegate.service.check.http": "/" };
  const one = {
    project: "p",
    role: "web",
    labels: { ...labels, "tidegate.service.check.port": "9" },
  };
  const found = translated([
    { ...one, name: "a", ...ip(2) },
    { ...one, name: "b", ...onHost },
  ]);
  assert.equal(serviceOf(found, "p/web@docker").check, undefined);
});

test("a container called like the service of byAddress gets another name", () => {
  const found = translated([{ name: "by-address", labels: host }], {}, { withPlainServices: true });
  const names = ["by-address-by-address-0@docker"];
  assert.deepEqual(Object.keys(found.discovery.services), names);
  assert.deepEqual(
    found.discovery.routes.map(({ item }) => item.name),
    names,
  );
});

test("one that ended by itself is told of with its exit code; one that was stopped is not", () => {
  const stopped = (exitCode?: number) => {
    const found = translated([{ name: "a", state: "stopped", exitCode, labels: host }]);
    const [absent] = serviceOf(found, "a@docker").absent;
    return [absent?.state, absent?.why, ...noteLines(found)];
  };
  const why = "it ended with exit code 1";
  assert.deepEqual(stopped(1), ["stopped", why, `warning ${why}; its log may say why`]);
  for (const code of [undefined, 0, 130, 137, 143]) {
    assert.deepEqual(stopped(code), ["stopped", "it is stopped"]);
  }
});
