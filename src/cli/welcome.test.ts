import assert from "node:assert/strict";
import { test } from "node:test";
import { readConfig } from "../config/read.ts";
import { formatProblem } from "../config/problem.ts";
import { routeRow, streamRouteRow, welcome } from "./welcome.ts";

const text = `
providers: { lxc: true }
listeners:
  db: { bind: ":3306", protocol: tcp, service: tcp://127.0.0.1:3307 }
  dns: { bind: ":53", protocol: udp, service: udp://127.0.0.1:54 }
  web: ":8080"
services:
  main: [http://a, http://b]
  next: http://c
  canary: { split: { main: 95, next: 5 } }
  blog: { container: lxc/blog, files: /srv/www, fastcgi: unix:/run/php.sock }
routes:
  plain.test: { service: main }
  canary.test: { service: canary }
  safe.test: { service: { failover: [main, next] } }
  copied.test: { service: { mirror: main, to: { next: 2.5% } } }
  hello.test: { whoami: true }
  blog.test: { service: blog }
  app.test: { files: { root: /usr, try: [$path, "@main"] } }
  sock.test: { container: lxc/blog, service: [unix:/run/app.sock] }
tcpRoutes:
  pg: { sni: pg.test, service: tcp://127.0.0.1:5432 }
  some: { listener: db, alpn: h2, service: [tcp://127.0.0.1:1, tcp://127.0.0.1:2] }
`;

const { snapshot, problems } = readConfig(text, { file: "t.yaml", baseFolder: "/" });
assert.ok(snapshot, problems.map(formatProblem).join("\n"));

test("a route says what it leads to, whatever its service is made of", () => {
  assert.deepEqual(
    snapshot.routes.map((route) => routeRow(route, snapshot)[2]),
    [
      "http://a, http://b",
      "main 95, next 5",
      "main, else next",
      "main, copied to next 2.5%",
      "whoami",
      "/srv/www of lxc/blog, fastcgi://unix:/run/php.sock",
      "/usr, else main",
      "unix:/run/app.sock of lxc/blog",
    ],
  );
});

test("a TCP route says where it holds and what it leads to", () => {
  assert.deepEqual(
    snapshot.streamRoutes.map((route) => streamRouteRow(route, snapshot)),
    [
      ["pg", "HostSNI(`pg.test`)", "tcp://127.0.0.1:5432"],
      ["some", "db: ALPN(`h2`)", "tcp://127.0.0.1:1, tcp://127.0.0.1:2"],
    ],
  );
});

test("listeners are named with what they speak, and the line to try asks one of HTTP", () => {
  const bound = {
    db: [{ host: "127.0.0.1", port: 3306 }],
    dns: [{ host: "::", port: 53 }],
    web: [
      { host: "127.0.0.1", port: 8080 },
      { host: "/run/x.sock", port: 0 },
    ],
  };
  const lines = welcome(snapshot, bound, "t.yaml", false).split("\n");
  for (const line of [
    "listening  db  tcp://127.0.0.1:3306",
    "listening  dns  udp://[::]:53",
    "listening  web  http://127.0.0.1:8080",
    "listening  web  /run/x.sock",
    "  curl -H 'Host: plain.test' http://127.0.0.1:8080/",
  ]) {
    assert.ok(lines.includes(line), `${line} is missing of:\n${lines.join("\n")}`);
  }
});

test("what is discovered is named, and said to be found where nobody configured it", () => {
  const bound = { web: [{ host: "::", port: 8080 }] };
  const looking = readConfig("providers: { docker: true, lxc: true }", {
    file: "t.yaml",
    baseFolder: "/",
  });
  assert.ok(looking.snapshot);
  const hint = "`tidegate discover` shows what is there";
  const configured = welcome(looking.snapshot, bound, "t.yaml", false);
  assert.ok(configured.includes(`\ndiscovering docker, lxc: ${hint}\n`), configured);
  const embedded = welcome(looking.snapshot, bound, undefined, false);
  assert.ok(
    embedded.includes(`\ndiscovering docker, lxc, found on this host: ${hint}\n`),
    embedded,
  );
  assert.doesNotMatch(welcome({ ...snapshot, providers: [] }, bound, undefined, false), /discover/);
});

test("without a listener of HTTP there is nothing to try with curl", () => {
  const bound = { db: [{ host: "127.0.0.1", port: 3306 }] };
  assert.doesNotMatch(welcome(snapshot, bound, undefined, false), /curl/);
});

test("a listener with TLS says https, and is tried only where there is none without", () => {
  const configured = (more: string) => {
    const both = `listeners: { secure: { bind: ":0", tls: true }${more} }\nroutes: { a.test: { whoami: true } }`;
    const read = readConfig(both, { file: "t.yaml", baseFolder: "/" });
    assert.ok(read.snapshot, read.problems.map(formatProblem).join("\n"));
    const bound = { secure: [{ host: "::", port: 8443 }], web: [{ host: "::", port: 8080 }] };
    const { listeners } = read.snapshot;
    const open = Object.entries(bound).filter(([name]) => listeners.some((l) => l.name === name));
    return welcome(read.snapshot, Object.fromEntries(open), "t.yaml", false);
  };
  const alone = configured("");
  assert.match(alone, /^listening {2}secure {2}https:\/\/\[::\]:8443$/m);
  assert.match(alone, /^ {2}curl -k --connect-to ::127\.0\.0\.1:8443 https:\/\/a\.test\/$/m);
  assert.match(
    configured(', web: ":0"'),
    /^ {2}curl -H 'Host: a\.test' http:\/\/127\.0\.0\.1:8080\/$/m,
  );
});
