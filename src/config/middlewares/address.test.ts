import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { after, test } from "node:test";
import { defaultClientTimeouts, defaultExchangeTimeouts } from "../limits.ts";
import { readConfig } from "../read.ts";
import { readDiscovered } from "../read-discovered.ts";
import { formatProblem } from "../problem.ts";
import { tempFolder } from "../../../test/harness/temp-folder.ts";

const folder = await tempFolder();
after(() => folder[Symbol.asyncDispose]());
await writeFile(folder.file("good.txt"), "192.0.2.0/24\n");
await writeFile(folder.file("bad.txt"), "192.0.2.0/24\nx\n");
await writeFile(folder.file("page.html"), "<html>");
await writeFile(folder.file("large.txt"), "#".repeat(8 * 1024 ** 2 + 1));
await writeFile(folder.file("all.txt"), "0.0.0.0/0\n");
await writeFile(folder.file("no.mmdb"), "PK");
execFileSync("mkfifo", [folder.file("pipe")]);

const options = { file: "t.yaml", baseFolder: folder.path };

function read(text: string) {
  const { snapshot, problems } = readConfig(text, options);
  return {
    snapshot,
    problems: problems.map((each) => formatProblem(each).replaceAll(folder.path, "")),
  };
}

const route = (middleware: string) =>
  `routes: { a.test: { service: "http://10.0.0.1", middlewares: [${middleware}] } }`;

test("lists become networks and wishes", () => {
  const { snapshot, problems } = read(
    route(
      '{ ipRules: { allow: loopback, deny: [10.0.0.0/8, { file: good.txt }, cloudflare, { url: "https://a.example/x?k=1#y", every: 5m }] } }',
    ),
  );
  assert.deepEqual(problems, []);
  const use = snapshot?.routes[0]?.middlewares[0];
  assert.ok(use?.kind === "ipRules");
  assert.deepEqual(use.allow, { networks: ["127.0.0.0/8", "::1"], lists: [] });
  assert.deepEqual(use.deny?.networks, ["10.0.0.0/8"]);
  assert.deepEqual(
    use.documents.map(({ name }) => name.replace(folder.path, "")),
    [
      "networks /good.txt",
      "networks https://www.cloudflare.com/ips-v4",
      "networks https://www.cloudflare.com/ips-v6",
      "networks https://a.example/x?k=1",
    ],
  );
  const [, , , last] = use.documents;
  assert.ok(last?.from === "url" && last.every === 300_000);
});

test("what cannot be used is refused, with its place and what to write", () => {
  for (const [middleware, expected] of [
    ["{ ipRules: {} }", /keeps nobody out; write allow or deny/],
    ["{ ipRules: { allow: [] } }", /ipRules\.allow: must not be empty/],
    [
      "{ ipRules: { allow: 10.0.0.0/33 } }",
      /"10.0.0.0\/33" is not a network; write a network such as/,
    ],
    ["{ ipRules: { allow: everybody } }", /"everybody" is not a network/],
    ["{ ipRules: { allow: ::1, except: ::2 } }", /there is no deny; leave it out/],
    ["{ ipRules: { allow: ::1, status: 500 } }", /must be 403.*404 or close/],
    ["{ ipRules: { deny: { file: gone.txt } } }", /deny\.file: \/gone\.txt cannot be read: ENOENT/],
    ["{ ipRules: { deny: { file: bad.txt } } }", /bad\.txt line 2: "x" is not a network/],
    ["{ ipRules: { deny: [::1, { file: page.html }] } }", /deny\[1\]\.file: .*page for humans/],
    ["{ ipRules: { deny: { file: large.txt } } }", /is larger than 8MiB/],
    ["{ ipRules: { deny: { file: pipe } } }", /is not a file/],
    ["{ ipRules: { deny: { file: good.txt, every: 1h } } }", /every: is for a URL/],
    ["{ ipRules: { deny: { url: ftp://a/b } } }", /is not an http or https URL/],
    ["{ ipRules: { deny: { url: 'https://a:b@c.example/' } } }", /leave out user and password/],
    ["{ ipRules: { deny: { url: 'https://c.example/', every: 1s } } }", /at least 10s/],
    ["{ ipRules: { deny: { url: 'https://c.example/', file: good.txt } } }", /names both/],
    ["{ ipRules: { deny: {} } }", /names neither a file nor a URL/],
    ["{ geoip: { database: no.mmdb, allow: { countries: DE } } }", /no\.mmdb is not an MMDB file/],
    ["{ geoip: { database: gone.mmdb } }", /geoip: changes nothing/],
    ["{ geoip: { database: gone.mmdb, allow: {} } }", /names no place; write countries/],
    ["{ geoip: { database: gone.mmdb, allow: { countries: GER } } }", /"GER" is not a country/],
    ["{ geoip: { database: gone.mmdb, deny: { asns: AS0 } } }", /"AS0" is no AS number/],
    [
      "{ geoip: { database: gone.mmdb, headers: { country: Connection } } }",
      /is about the connection/,
    ],
  ] as const) {
    const { snapshot, problems } = read(route(middleware));
    assert.match(problems.join("\n"), expected, middleware);
    assert.equal(snapshot, undefined, middleware);
  }
});

test("a database that is not there yet is told of, and no error", () => {
  const { snapshot, problems } = read(
    route(
      "{ geoip: { database: later.mmdb, allow: { countries: [de], asns: [as64496, 7] }, headers: true } }",
    ),
  );
  assert.match(problems.join("\n"), /warning: .*later\.mmdb is not there; until it is there/);
  const use = snapshot?.routes[0]?.middlewares[0];
  assert.ok(use?.kind === "geoip");
  assert.deepEqual(use.allow, { countries: ["DE"], continents: [], asns: [64496, 7] });
  assert.equal(use.unknown, "deny");
  assert.equal(use.headers.asn, "X-Geo-ASN");
});

test("trusted proxies, and where they say who the client is", () => {
  const { snapshot, problems } = read(`
trustedProxies: [private, cloudflare]
listeners:
  a: ":80"
  b: { bind: ":81", trustedProxies: 10.0.0.1, clientAddress: { header: CF-Connecting-IP } }`);
  assert.deepEqual(
    problems.filter((each) => !each.includes("no routes")),
    [],
  );
  const [a, b] = snapshot?.listeners ?? [];
  assert.ok(a !== undefined && a.trustedProxies.includes("10.0.0.0/8"));
  assert.equal(a.trustedLists?.length, 2);
  assert.ok(a.trustedLists[0]?.builtIn.includes("173.245.48.0/20"));
  assert.deepEqual([b?.trustedProxies, b?.clientHeader], [["10.0.0.1"], "cf-connecting-ip"]);
  for (const [text, expected] of [
    [
      "listeners: { a: { bind: ':80', clientAddress: { header: X-Real-IP } } }",
      /nobody is believed here; add trustedProxies/,
    ],
    ["trustedProxies: { file: all.txt }", /all\.txt names the whole internet/],
    [
      "listeners: { a: { bind: ':80', trustedProxies: ::1, clientAddress: { header: X-Forwarded-For } } }",
      /is a list, and is looked at without being named/,
    ],
    [
      "listeners: { a: { bind: ':80', trustedProxies: ::1, protocol: tcp, service: 'tcp://10.0.0.1:1', clientAddress: { header: X-Real-IP } } }",
      /is for requests, and this listener is tcp/,
    ],
  ] as const)
    assert.match(read(text).problems.join("\n"), expected, text);
});

const defaults = {
  ...{ timeouts: { ...defaultClientTimeouts, ...defaultExchangeTimeouts }, maxBody: 0 },
  tcpListeners: [],
};

test("labels have nobody asked, and no file read", () => {
  const at = (origin: string) => ({ provider: "docker", place: origin });
  for (const rules of [
    { ipRules: { deny: { url: "http://169.254.169.254/latest/meta-data" } } },
    { ipRules: { allow: ["10.0.0.0/8", { url: "http://127.0.0.1:2375/" }] } },
    { ipRules: { deny: "10.0.0.0/8", except: [{ file: "/etc/passwd" }] } },
    { ipRules: { allow: { file: "/etc/shadow" } } },
    { geoip: { database: "/etc/shadow", allow: { countries: "DE" } } },
  ]) {
    const route = { rule: "Host(`a.test`)", service: "s", middlewares: rules };
    const service = { backends: [{ url: "http://10.0.0.1:80" }] };
    const { routes, problems } = readDiscovered(
      { routes: { a: route }, tcpRoutes: {}, services: { s: service } },
      { defaults, originOf: (path) => at(path.join(".")) },
    );
    assert.deepEqual(routes, [], JSON.stringify(rules));
    const messages = problems.map(({ message }) => message).join("\n");
    assert.match(messages, /label may not say/);
    assert.doesNotMatch(messages, /ENOENT|EACCES|not a network|root/);
  }
  const { routes, problems } = readDiscovered(
    {
      routes: {
        a: { rule: "Host(`a.test`)", service: "s", middlewares: { ipRules: { allow: "private" } } },
      },
      tcpRoutes: {},
      services: { s: { backends: [{ url: "http://10.0.0.1:80" }] } },
    },
    { defaults, originOf: (path) => at(path.join(".")) },
  );
  assert.deepEqual(problems, []);
  assert.equal(routes[0]?.middlewares[0]?.kind, "ipRules");
});
