import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { certificates } from "../../test/harness/certificates.ts";
import { needs } from "../../test/harness/needs.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { defaultClientTimeouts, defaultExchangeTimeouts } from "./limits.ts";
import { formatProblem } from "./problem.ts";
import type { ProviderSettings } from "./provider-settings.ts";
import { defaultSnapshot, readConfig } from "./read.ts";

const needsOpenssl = { skip: needs("openssl") };
const web = "routes: { a: http://127.0.0.1:1 }\n";

function readingOf(text: string, baseFolder = "/base") {
  return readConfig(web + text, { file: "t.yaml", baseFolder });
}

function providersOf(text: string, baseFolder?: string): readonly ProviderSettings[] {
  const { snapshot, problems } = readingOf(text, baseFolder);
  assert.deepEqual(problems.map(formatProblem), []);
  assert.ok(snapshot);
  return snapshot.providers;
}

/** What is wrong with one provider, without its place. */
function toldOf(provider: string, baseFolder?: string): string[] {
  const { snapshot, problems } = readingOf(`providers:\n  ${provider}\n`, baseFolder);
  assert.equal(snapshot, undefined);
  return problems.map(formatProblem).map((each) => each.replace(/^t\.yaml:\d+:\d+: /, ""));
}

const withoutHost = (use: () => void, value = "") => {
  const before = process.env["DOCKER_HOST"];
  process.env["DOCKER_HOST"] = value;
  try {
    use();
  } finally {
    if (before === undefined) delete process.env["DOCKER_HOST"];
    else process.env["DOCKER_HOST"] = before;
  }
};

const common = {
  hosts: undefined,
  owner: "project",
  defaultHost: undefined,
  mayStart: false,
  defaults: {
    timeouts: { ...defaultClientTimeouts, ...defaultExchangeTimeouts },
    maxBody: 0,
    tcpListeners: [],
  },
};
const dialects = ["tidegate", "traefik", "nginx-proxy", "caddy", "hostname"];
const engine = {
  ...common,
  dialects,
  port: undefined,
  network: undefined,
  publishedHost: undefined,
  exposedByDefault: true,
};
const machines = { ...common, dialects: ["tidegate", "hostname"], port: 80 };

test("each kind of provider has everything filled in, in the order of the file", () => {
  withoutHost(() => {
    const text = `providers:
  libvirt: true
  docker: {}
  podman: true
  incus: true
  lxc: true
`;
    assert.deepEqual(providersOf(text), [
      {
        ...machines,
        kind: "libvirt",
        name: "libvirt",
        place: "t.yaml:3:3",
        owner: "instance",
        uris: ["qemu:///system"],
      },
      {
        ...engine,
        kind: "docker",
        name: "docker",
        place: "t.yaml:4:3",
        endpoint: { kind: "unix", path: "/var/run/docker.sock" },
      },
      {
        ...engine,
        kind: "podman",
        name: "podman",
        place: "t.yaml:5:3",
        endpoint: { kind: "unix", path: "/run/podman/podman.sock" },
      },
      {
        ...machines,
        kind: "incus",
        name: "incus",
        place: "t.yaml:6:3",
        socket: "/var/lib/incus/unix.socket",
        projects: undefined,
      },
      {
        ...machines,
        kind: "lxc",
        name: "lxc",
        place: "t.yaml:7:3",
        owner: "instance",
        paths: ["/var/lib/lxc"],
        byAddress: undefined,
      },
    ]);
  });
  const [lxd] = providersOf("providers: { docker: false, lxd: true }");
  assert.equal(lxd?.kind, "lxd");
  assert.match(lxd.socket, /^\/var\/(snap|lib)\/lxd\/.*unix\.socket$/);
});

test("everything can be said otherwise, and the rest of the file is handed on", () => {
  const [docker] = providersOf(`limits: { maxBody: 5 }
timeouts: { response: 1s }
listeners: { web: ":80", db: { bind: ":5432", protocol: tcp, service: "db@docker" } }
providers:
  docker:
    hosts: [Example.com, "*.example.com"]
    owner: instance
    dialects: [caddy, tidegate, caddy]
    defaultHost: "{name}.{project}.example.com/{role}"
    port: 8080
    mayStart: true
    endpoint: tcp://[::1]:2375
    network: front
    publishedHost: "[fd00::1]"
    exposedByDefault: false
`);
  assert.ok(docker?.kind === "docker");
  const { defaults, ...rest } = docker;
  assert.deepEqual(rest, {
    kind: "docker",
    name: "docker",
    place: "t.yaml:6:3",
    hosts: ["example.com", "*.example.com"],
    owner: "instance",
    dialects: ["caddy", "tidegate"],
    defaultHost: "{name}.{project}.example.com/{role}",
    port: 8080,
    mayStart: true,
    endpoint: { kind: "tcp", host: "::1", port: 2375, tls: undefined },
    network: "front",
    publishedHost: "fd00::1",
    exposedByDefault: false,
  });
  assert.equal(defaults.maxBody, 5);
  assert.equal(defaults.timeouts.response, 1000);
  assert.deepEqual(defaults.tcpListeners, ["db"]);
  assert.equal(providersOf("providers: { lxc: { hosts: '*' } }")[0]?.hosts, undefined);
});

test("byAddress takes names to replace, patterns, and a host for names in the path", () => {
  const [one, other] = providersOf(`providers:
  lxc:
    - name: own
      paths: [x, /y]
      byAddress: { rewrites: [{ from: A.test, to: B.test }, { pattern: '^(.*)\\.old\\.test$', to: '$1.test' }], nameInPathOf: secure.example.com }
    - { name: plain, byAddress: true }
`);
  assert.ok(one?.kind === "lxc" && other?.kind === "lxc");
  assert.deepEqual(one.paths, ["/base/x", "/y"]);
  assert.deepEqual(one.byAddress, {
    rewrites: [
      { kind: "exact", from: "a.test", to: "b.test" },
      { kind: "pattern", pattern: "^(.*)\\.old\\.test$", flags: "", to: "$1.test" },
    ],
    nameInPathOf: "secure.example.com",
  });
  assert.deepEqual(other.byAddress, { rewrites: [], nameInPathOf: undefined });
  const rewrites = (text: string) => toldOf(`lxc: { byAddress: { rewrites: [${text}] } }`);
  const place = "providers.lxc.byAddress.rewrites[0]";
  assert.deepEqual(rewrites("{ to: x }"), [
    `${place}: must have one of from and pattern; write { from: a.test, to: b.test }`,
  ]);
  assert.deepEqual(rewrites("{ from: a, to: $1.test }"), [
    `${place}.to: "$1.test" is not a host name; for $1, write pattern instead of from`,
  ]);
  assert.match(rewrites("{ pattern: '(', to: x }")[0] ?? "", /not a regular expression/);
});

test("several of one kind have names, and no name is there twice", () => {
  const names = providersOf("providers: { docker: [{ name: b }, { name: a }], podman: true }");
  assert.deepEqual(
    names.map(({ name }) => name),
    ["b", "a", "podman"],
  );
  assert.deepEqual(toldOf("docker: [{}, { name: x }]"), [
    "providers.docker[0]: there are several of docker, so each needs a name; add name",
  ]);
  assert.deepEqual(toldOf("{ docker: true, podman: { name: docker } }"), [
    "providers.podman: there is a provider called docker already; give one of them another name",
  ]);
  assert.deepEqual(toldOf("docker: { name: file }"), [
    "providers.docker.name: file is a name of ours; choose another",
  ]);
  assert.match(toldOf("docker: { name: A_b }")[0] ?? "", /"A_b" is not a name/);
});

test("what is wrong is told with what to write instead", () => {
  const rows: readonly (readonly [string, string])[] = [
    ["dcoker: true", 'dcoker: unknown key "dcoker"; write docker'],
    ["docker:", "docker: has no value; write docker: true for what is usual"],
    ["docker: []", "docker: must not be empty"],
    [
      "docker: x",
      'docker: must be true, false, a mapping or a list of mappings, not the text "x"; write docker: true for what is usual',
    ],
    ["docker: { endpont: x }", 'docker.endpont: unknown key "endpont"; write endpoint'],
    [
      "docker: { endpoint: /run/x }",
      'docker.endpoint: "/run/x" is not an address of a daemon; write unix:///run/x',
    ],
    [
      "docker: { endpoint: 'unix://run/x' }",
      'docker.endpoint: "unix://run/x" has no absolute path; write unix:///PATH, with three slashes',
    ],
    [
      "docker: { endpoint: 'https://x:1' }",
      "docker.endpoint: https:// is not how it is written; write tcp://x:1",
    ],
    [
      "docker: { endpoint: 'tcp://x' }",
      "docker.endpoint: tcp://x has no port; Docker's are 2375, and 2376 with TLS",
    ],
    [
      "docker: { endpoint: 'tcp://a b:1' }",
      'docker.endpoint: "tcp://a b:1" has a space or a control; write unix:///PATH or tcp://HOST:PORT',
    ],
    ["docker: { defaultHost: '{nam}.x' }", "docker.defaultHost: {nam} is not known; write {name}"],
    [
      "docker: { defaultHost: x.example }",
      "docker.defaultHost: would be the host of all of them alike; use one of {name}, {project}, {role}, {hostname}",
    ],
    [
      "docker: { defaultHost: 'http://{name}' }",
      'docker.defaultHost: "http://{name}" is not a host; write a host, with or without a path: {name}.example.com',
    ],
    [
      "docker: { dialects: [traefk] }",
      'docker.dialects[0]: must be tidegate or traefik or nginx-proxy or caddy or hostname, not the text "traefk"; write traefik',
    ],
    [
      "docker: { hosts: 'a b' }",
      'docker.hosts: "a b" is not a host; write a name, or "*.NAME" for all below it',
    ],
    [
      "docker: { port: 0 }",
      "docker.port: must be a whole number from 1 to 65535, not the number 0",
    ],
    [
      "docker: { owner: me }",
      'docker.owner: must be project or instance or provider, not the text "me"',
    ],
    ["incus: { projects: [] }", "incus.projects: must not be empty"],
    [
      "libvirt: { uris: [x] }",
      'libvirt.uris[0]: "x" is not a URI of libvirt; write qemu:///system',
    ],
  ];
  for (const [text, expected] of rows) assert.deepEqual(toldOf(text), [`providers.${expected}`]);
});

test("certificates of a tcp endpoint are read; a unix socket has none", needsOpenssl, async () => {
  await using folder = await tempFolder();
  const { cert: certificate, key } = await certificates();
  await writeFile(folder.file("c.pem"), certificate);
  await writeFile(folder.file("k.pem"), key);
  const tls = (text: string) => `docker: { endpoint: "tcp://10.0.0.5:2376", tls: { ${text} } }`;
  const all = `providers: { ${tls("ca: c.pem, cert: c.pem, key: k.pem")} }`;
  const [docker] = providersOf(all, folder.path);
  assert.ok(docker?.kind === "docker");
  assert.deepEqual(docker.endpoint, {
    kind: "tcp",
    host: "10.0.0.5",
    port: 2376,
    tls: { ca: certificate, certificate, key },
  });
  const [plain] = providersOf(`providers: { ${tls("")} }`);
  assert.deepEqual(
    plain?.kind === "docker" && plain.endpoint.kind === "tcp" && plain.endpoint.tls,
    {
      ca: undefined,
      certificate: undefined,
      key: undefined,
    },
  );
  assert.deepEqual(toldOf(tls("cert: c.pem"), folder.path), [
    "providers.docker.tls: cert says nothing without key; add key",
  ]);
  assert.match(toldOf(tls("ca: none.pem"), folder.path)[0] ?? "", /providers\.docker\.tls\.ca: /);
  assert.match(toldOf(tls("cert: k.pem, key: k.pem"), folder.path)[0] ?? "", /holds a key/);
  assert.deepEqual(toldOf("podman: { tls: {} }"), [
    "providers.podman.tls: a unix socket is not spoken TLS to; write endpoint: tcp://HOST:2376",
  ]);
});

test("DOCKER_HOST says where Docker is, and a wrong one is a warning", () => {
  withoutHost(() => {
    const [docker, podman] = providersOf("providers: { docker: true, podman: true }");
    assert.ok(docker?.kind === "docker" && podman?.kind === "podman");
    assert.deepEqual(docker.endpoint, { kind: "unix", path: "/run/other.sock" });
    assert.deepEqual(podman.endpoint, { kind: "unix", path: "/run/podman/podman.sock" });
  }, "unix:///run/other.sock");
  withoutHost(() => {
    const { snapshot, problems } = readingOf("providers: { docker: true }");
    assert.deepEqual(problems.map(formatProblem), [
      "t.yaml:2:14: warning: providers.docker: the environment says DOCKER_HOST=ssh://me@x: ssh:// is not supported; /var/run/docker.sock is asked instead; write endpoint",
    ]);
    assert.equal(snapshot?.providers.length, 1);
    assert.equal(defaultSnapshot(1, ["docker"]).providers.length, 1);
  }, "ssh://me@x");
});

test("NAME@PROVIDER leads to what is discovered, from wherever a service is named", () => {
  const { snapshot, problems } = readingOf(`providers: { docker: [{ name: one }, { name: two }] }
listeners: { web: ":80", db: { bind: ":1", protocol: tcp, service: "db@two" } }
tcpRoutes: { t: { sni: t.example, service: "shop/db@one" } }
services:
  all: { failover: ["x@one", "x@two"] }
  some: { split: { "x@one": 1, all: 1 } }
  more: { mirror: "x@one", to: { "x@two": 10% } }
`);
  assert.deepEqual(problems.map(formatProblem), []);
  assert.deepEqual([...(snapshot?.services.keys() ?? [])], ["all", "some", "more", "a"]);
});

test("a service of a provider that is not there, and a name with @ in the file, are errors", () => {
  const told = (text: string) =>
    readConfig(text, { file: "t.yaml", baseFolder: "/" }).problems.map(formatProblem);
  assert.deepEqual(told("routes: { a: { service: x@docker } }"), [
    't.yaml:1:25: routes.a.service: there is no service "x@docker"; after the @ goes a provider, and there is none: add it under providers',
  ]);
  assert.deepEqual(told("routes: { a: { service: x@dokcer } }\nproviders: { docker: true }"), [
    't.yaml:1:25: routes.a.service: there is no service "x@dokcer"; after the @ goes a provider: write docker',
  ]);
  assert.deepEqual(told("routes: { a: x@docker }\nproviders: { docker: true }"), [
    't.yaml:1:14: routes.a: "x@docker" has no scheme; write { service: x@docker } for a service',
  ]);
  const own = 'routes: { a: { service: a@b } }\nservices: { "a@b": http://127.0.0.1:1 }';
  assert.deepEqual(told(own), [
    't.yaml:2:13: services["a@b"]: a name with @ is of a service that is discovered; leave out the @',
  ]);
  const inline = 'routes: { "x@docker": { host: x, service: "http://127.0.0.1:1" } }\n';
  const { snapshot } = readConfig(`${inline}providers: { docker: true }`, {
    file: "t.yaml",
    baseFolder: "/",
  });
  assert.deepEqual([...(snapshot?.services.keys() ?? [])], ["x@docker@route"]);
});

test("a service by address has routes of its own: it is no part of others, and not for streams", () => {
  const found = (rest: string, byAddress = "true") =>
    readingOf(
      `providers: { lxc: [{ name: one, byAddress: ${byAddress} }, { name: two }] }\n${rest}`,
    )
      .problems.filter(({ severity }) => severity === "error")
      .map(formatProblem);
  const part =
    "by-address@one is found by the requested host, so it cannot be a part of another service; let a route lead there by itself";
  const stream =
    "by-address@one is found by the requested host, which tcp does not tell; lead to a container's own service, NAME@PROVIDER";
  const rows: readonly (readonly [string, string])[] = [
    ["services: { a: { failover: [x@one, by-address@one] } }", `services.a.failover[1]: ${part}`],
    [
      "services: { a: { split: { by-address@one: 1 } } }",
      `services.a.split["by-address@one"]: ${part}`,
    ],
    [
      "services: { a: { split: [{ service: by-address@one }] } }",
      `services.a.split[0].service: ${part}`,
    ],
    [
      "services: { a: { mirror: by-address@one, to: { x@one: 1% } } }",
      `services.a.mirror: ${part}`,
    ],
    [
      "services: { a: { mirror: x@one, to: { by-address@one: 1% } } }",
      `services.a.to["by-address@one"]: ${part}`,
    ],
    [
      "listeners: { t: { bind: ':1', protocol: tcp, service: by-address@one } }",
      `listeners.t.service: ${stream}`,
    ],
    [
      "listeners: { t: { bind: ':1', protocol: tcp } }\ntcpRoutes: { a: { sni: a.test, service: by-address@one } }",
      `tcpRoutes.a.service: ${stream}`,
    ],
  ];
  for (const [text, expected] of rows) {
    const told = found(text).map((line) => line.replace(/^t\.yaml:\d+:\d+: /, ""));
    assert.deepEqual(told, [expected]);
    // Without byAddress it is a container of that name, or of the other provider.
    assert.deepEqual(found(text, "false"), []);
    assert.deepEqual(found(text.replaceAll("by-address@one", "by-address@two")), []);
  }
});

test("rewrites of byAddress that cannot be carried out are told of", () => {
  const told = (text: string) => toldOf(`lxc: { byAddress: { rewrites: [${text}] } }`);
  const place = "providers.lxc.byAddress.rewrites[0]";
  assert.match(told("{ pattern: '(a', to: b }")[0] ?? "", /rewrites\[0\]\.pattern: not a regular/);
  assert.deepEqual(told("{ pattern: '^(.*)$', to: '$2.test' }"), [
    `${place}.to: $2 is not there: the pattern has 1 groups; put it in ( )`,
  ]);
  const [lxc] = providersOf(
    "providers: { lxc: { byAddress: { rewrites: [{ pattern: '(?i)^(.*)[.](old)$', to: '$1.$2' }] } } }",
  );
  assert.ok(lxc?.kind === "lxc");
  const [rewrite] = lxc.byAddress?.rewrites ?? [];
  assert.deepEqual(rewrite, {
    kind: "pattern",
    pattern: "^(.*)[.](old)$",
    flags: "i",
    to: "$1.$2",
  });
});
