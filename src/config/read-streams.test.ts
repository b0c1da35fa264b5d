// What is written about listeners of TCP and UDP and about TCP routes, and what the Snapshot makes of it.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { promisify } from "node:util";
import { certificates } from "../../test/harness/certificates.ts";
import { needs } from "../../test/harness/needs.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { formatProblem } from "./problem.ts";
import { readConfig } from "./read.ts";
import type { Snapshot, StreamRoute } from "./snapshot.ts";

function read(text: string, baseFolder = "/base"): Snapshot {
  const { snapshot, problems } = readConfig(text, { file: "t.yaml", baseFolder });
  assert.deepEqual(problems.map(formatProblem), []);
  assert.ok(snapshot);
  return snapshot;
}

/** The route `r`, with these keys. */
function route(keys: string): StreamRoute {
  const text = `listeners: { t: { bind: ":443", protocol: tcp } }\ntcpRoutes: { r: { service: tcp://x:1, ${keys} } }`;
  const [found] = read(text).streamRoutes;
  assert.ok(found);
  return found;
}

test("listeners of TCP and UDP lead to services, and grant what those do", () => {
  const { listeners, services } = read(`
timeouts: { connect: 3s }
services: { db: { backends: [tcp://10.0.3.11:3306], timeouts: { tunnel: 8h } }, dns: udp://10.0.0.1:53 }
listeners:
  mysql: { bind: ":3306", protocol: tcp, service: db, proxyProtocol: true, trustedProxies: [10.0.0.0/8] }
  dns: { bind: ["127.0.0.1:53", "[::1]:53"], protocol: udp, service: dns, datagrams: { sessions: 5, idle: 1m } }
  echo: { bind: "unix:/run/echo.sock", protocol: tcp, service: tcp://127.0.0.1:7 }`);
  const [mysql, dns, echo] = listeners;
  assert.deepEqual(mysql, {
    name: "mysql",
    origin: { provider: "file", place: "t.yaml:5:3" },
    bind: [{ kind: "tcp", host: "::", port: 3306 }],
    protocol: "tcp",
    service: "db",
    streamTimeouts: { connect: 3000, idle: 8 * 3_600_000 },
    datagrams: { sessions: 10_000, sessionsPerAddress: 1000, idle: 30_000 },
    proxyProtocol: true,
    tls: undefined,
    http2: false,
    trustedProxies: ["10.0.0.0/8"],
    timeouts: { head: 30_000, idle: 75_000 },
  });
  assert.deepEqual(
    [dns?.protocol, dns?.service, dns?.bind.length, dns?.datagrams],
    ["udp", "dns", 2, { sessions: 5, sessionsPerAddress: 1000, idle: 60_000 }],
  );
  assert.equal(echo?.service, "echo");
  assert.deepEqual(echo.streamTimeouts, { connect: 3000, idle: 3_600_000 });
  const own = services.get("echo");
  assert.equal(own?.kind === "backends" && own.backends[0]?.url, "tcp://127.0.0.1:7");
});

test("services inside listeners and routes of one name are kept apart", () => {
  const { listeners, routes, streamRoutes, services } = read(`
listeners: { web: ":80", x: { bind: ":1", protocol: tcp, service: tcp://a:1 }, y: { bind: ":2", protocol: tcp } }
routes: { x: http://b }
tcpRoutes: { x: { listener: y, service: tcp://c:1 } }`);
  assert.deepEqual(
    [listeners[1]?.service, routes[0]?.service, streamRoutes[0]?.service],
    ["x", "x@route", "x@tcpRoute"],
  );
  assert.deepEqual([...services.keys()].toSorted(), ["x", "x@route", "x@tcpRoute"]);
});

test("TCP and UDP may use one port number", () => {
  const { listeners } = read(`
listeners:
  a: { bind: ":53", protocol: tcp, service: tcp://x:53 }
  b: { bind: ":53", protocol: udp, service: udp://x:53 }`);
  assert.equal(listeners.length, 2);
});

test("the keys of a TCP route become one rule", () => {
  const rules = [
    ["sni: Pg.Example.com.", { kind: "hostSni", host: "pg.example.com" }],
    ['sni: "*.bücher.example"', { kind: "hostSni", host: "*.xn--bcher-kva.example" }],
    ['sni: "*"', { kind: "hostSni", host: "*" }],
    // As if there were `sni: "*"`.
    ["priority: 1", { kind: "hostSni", host: "*" }],
    ["alpn: h2", { kind: "alpn", protocol: "h2" }],
    [
      "sni: [a, b], alpn: [h2, http/1.1], clientIp: [10.0.0.0/8]",
      {
        kind: "all",
        rules: [
          {
            kind: "any",
            rules: [
              { kind: "hostSni", host: "a" },
              { kind: "hostSni", host: "b" },
            ],
          },
          {
            kind: "any",
            rules: [
              { kind: "alpn", protocol: "h2" },
              { kind: "alpn", protocol: "http/1.1" },
            ],
          },
          { kind: "clientIp", network: "10.0.0.0/8" },
        ],
      },
    ],
    [
      'rule: "HostSNI(`a`) && !ClientIP(`::1`)"',
      {
        kind: "all",
        rules: [
          { kind: "hostSni", host: "a" },
          { kind: "not", rule: { kind: "clientIp", network: "::1" } },
        ],
      },
    ],
  ] as const;
  for (const [keys, rule] of rules) assert.deepEqual(route(keys).rule, rule, keys);
});

test("a TCP route is for all tcp listeners or for some, with a rank and times of its own", () => {
  const usual = route("sni: a");
  assert.deepEqual(
    [usual.listeners, usual.priority, usual.tls, usual.service],
    [undefined, undefined, undefined, "r"],
  );
  assert.deepEqual(usual.timeouts, { connect: 5000, idle: 3_600_000 });
  const other = route("listener: t, priority: -5, timeouts: { connect: 1s, tunnel: 0 }");
  assert.deepEqual([other.listeners, other.priority], [["t"], -5]);
  assert.deepEqual(other.timeouts, { connect: 1000, idle: 0 });
  assert.deepEqual(route("listener: [t]").listeners, ["t"]);
});

test("connections alone are enough: nobody is told that there are no routes", () => {
  read('listeners: { t: { bind: ":1", protocol: tcp, service: tcp://x:1 } }');
});

const run = promisify(execFile);

/** All that is told about a TCP route with these files. */
function told(baseFolder: string, cert: string, key: string): string[] {
  const text = `listeners: { t: { bind: ":443", protocol: tcp } }
tcpRoutes: { r: { service: tcp://x:1, tls: { cert: ${cert}, key: ${key} } } }`;
  return readConfig(text, { file: "t.yaml", baseFolder }).problems.map(formatProblem);
}

test(
  "certificate and key are read as texts, and held against each other",
  { skip: needs("openssl") },
  async () => {
    const own = await certificates("a.test");
    const other = await certificates("b.test");
    await using folder = await tempFolder("tidegate-pem-");
    const write = (name: string, text: string) => writeFile(folder.file(name), text);
    await write("cert.pem", own.cert + own.ca);
    await write("key.pem", own.key);
    await write("other.pem", other.key);
    await write("junk.pem", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n");
    await write("junk.key", "-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----\n");
    await write("text.pem", "hello\n");
    await write("large.pem", "x".repeat(1024 * 1024 + 1));
    const openssl = (line: string) => run("openssl", line.split(" "), { cwd: folder.path });
    await openssl("pkey -in key.pem -aes256 -passout pass:secret -out locked.pem");
    await openssl(
      "x509 -in cert.pem -signkey key.pem -days 1 -not_before 20200101000000Z -not_after 20200102000000Z -out old.pem",
    )
      // Before OpenSSL 3.4 there is no -not_before; a negative number of days does there.
      .catch(() => openssl("x509 -in cert.pem -signkey key.pem -days -1 -out old.pem"));

    const text = `listeners: { t: { bind: ":443", protocol: tcp } }
tcpRoutes: { r: { service: tcp://x:1, tls: { cert: cert.pem, key: key.pem } } }`;
    const [good] = read(text, folder.path).streamRoutes;
    assert.deepEqual(good?.tls, { own: { certificate: own.cert + own.ca, key: own.key } });

    const certPlace = "t.yaml:2:52: tcpRoutes.r.tls.cert";
    const keyPlace = (cert: string) =>
      `t.yaml:2:${52 + cert.length + ", key: ".length}: tcpRoutes.r.tls.key`;
    const cases = [
      ["cert.pem", "other.pem", keyPlace("cert.pem"), /does not fit the certificate; /],
      ["cert.pem", "locked.pem", keyPlace("cert.pem"), /the key is encrypted; .*openssl pkey/],
      ["cert.pem", "cert.pem", keyPlace("cert.pem"), /holds a certificate, and no key; /],
      ["cert.pem", "text.pem", keyPlace("cert.pem"), /holds no PEM key; /],
      ["cert.pem", "junk.key", keyPlace("cert.pem"), /is not a key: /],
      ["key.pem", "key.pem", certPlace, /holds a key, and no certificate; /],
      ["text.pem", "key.pem", certPlace, /holds no PEM certificate; /],
      ["junk.pem", "key.pem", certPlace, /is not a certificate: /],
      ["large.pem", "key.pem", certPlace, /is larger than 1024 KiB/],
      [".", "key.pem", certPlace, /is not a file/],
      ["none.pem", "key.pem", certPlace, /cannot be read: ENOENT/],
      [
        "old.pem",
        "key.pem",
        certPlace.replace(" ", " warning: "),
        /has expired on 20\d\d-\d\d-\d\d; renew it/,
      ],
    ] as const;
    for (const [cert, key, place, words] of cases) {
      const lines = told(folder.path, cert, key);
      const [line = ""] = lines;
      assert.equal(lines.length, 1, lines.join("\n"));
      assert.ok(line.startsWith(`${place}: `), `${line} is not at ${place}`);
      assert.match(line, words);
      assert.ok(
        !own.key
          .split("\n")
          .slice(1, -2)
          .some((secret) => line.includes(secret)),
        line,
      );
    }
  },
);
