import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import type { LiveDocument } from "../config/documents.ts";
import { readConfig, readConfigFile } from "../config/read.ts";
import type { Route, Snapshot } from "../config/snapshot.ts";
import type { Service } from "../config/service.ts";
import { Table } from "../routing/table.ts";
import { routeOf, subjectOf } from "../../test/harness/routes-sample.ts";
import { addressedService, foundService } from "../../test/harness/plane-stand.ts";
import type { Certificate, Credentials } from "../config/certificate.ts";
import { assemble } from "./assembly.ts";
import { Publisher } from "./publication.ts";

const root = join(import.meta.dirname, "../..");
const options = { file: "t.yaml", baseFolder: "/" };

function snapshotOf(text: string, version: number): Snapshot {
  const { snapshot, problems } = readConfig(text, options);
  assert.ok(snapshot, problems.map(({ message }) => message).join("\n"));
  return { ...snapshot, version, secret: "5ec2e7" };
}

/** What must arrive: all but absent values, and where routes and services were written. */
function essence(snapshot: Snapshot): unknown {
  const somewhere = { provider: "", place: "" };
  const services = [...snapshot.services].map(([name, each]): [string, Service] => {
    return [name, { ...each, origin: somewhere }];
  });
  return withoutUndefined({
    ...snapshot,
    // Told in the primary; passwords are no business of a worker.
    alerts: undefined,
    admin: undefined,
    written: undefined,
    providers: [],
    tls: { ...snapshot.tls, places: [], acme: undefined },
    routes: snapshot.routes.map((each) => ({ ...each, origin: somewhere })),
    services: Object.fromEntries(services),
    documents: Object.fromEntries(snapshot.documents),
  });
}

/** Also makes sure that JSON can say it at all. */
function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) {
    assert.ok(!value.includes(undefined), "an absent value in a list would become null");
    return value.map(withoutUndefined);
  }
  if (typeof value === "number") assert.ok(Number.isFinite(value), `${value} is lost in JSON`);
  if (typeof value !== "object") {
    assert.ok(["string", "number", "boolean"].includes(typeof value), typeof value);
    return value;
  }
  assert.ok(value !== null && Object.getPrototypeOf(value) === Object.prototype, "plain data");
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  return Object.fromEntries(entries.map(([name, each]) => [name, withoutUndefined(each)]));
}

function complete(snapshot: Snapshot): Snapshot {
  const publisher = new Publisher();
  publisher.take(snapshot);
  return assemble(undefined, publisher.publicationFor(undefined));
}

function big(count: number, change: (index: number) => string): string {
  const lines = Array.from({ length: count }, (_, index) => {
    const port = change(index);
    return `  site-${index}.test/app: http://10.0.${index >> 8}.${index & 255}:${port}`;
  });
  return `routes:\n${lines.join("\n")}\n`;
}

const examples = globSync("examples/*.yaml", { cwd: root });

test("what the examples configure arrives in a worker whole", async () => {
  assert.ok(examples.length >= 3);
  for (const file of examples) {
    const { snapshot } = await readConfigFile(join(root, file));
    assert.ok(snapshot, file);
    assert.deepEqual(essence(complete(snapshot)), essence(snapshot), file);
  }
});

test("everything that can be set arrives whole", () => {
  const text = `
listeners:
  web: { bind: [":0", "unix:/run/x.sock"], proxyProtocol: true, trustedProxies: ["::1"] }
  tls: { bind: ":1", protocol: tcp }
  dns: { bind: ":1", protocol: udp, service: udp, datagrams: { sessions: 5, idle: 3s } }
tcpRoutes:
  pg: { listener: tls, sni: pg.example.com, alpn: [h2], clientIp: [10.0.0.0/8], service: tcp, timeouts: { connect: 7s } }
errorPages: /tmp
accessLog: { format: "$remote_addr \\"\u00e4\u4e16\\"", path: stderr }
workers: { memoryLimit: 0 }
services:
  a: { backends: [{ url: "https://a:1/x", weight: 3, tier: 1 }, "unix:/run/b.sock"], balance: random, tls: { serverName: b, verify: false } }
  b:
    backends: [http://b:1]
    balance: { hash: "header:X-User", bound: 2 }
    slowStart: 5s
    sticky: { cookie: c, path: /x, domain: b.test, maxAge: 1h, sameSite: none, secure: always, httpOnly: false, legacy: SERVERID }
    retry: { statuses: [502, 503-504], tryTimeout: 1s, budget: 7% }
    check: { http: /health, headers: { X-A: b }, body: ok, statuses: [200-299], initially: down }
    passive: { ratio: 50%, statuses: [500-599], slow: 3s }
    whenAllDown: refuse
    holdFor: 3s
    breaker: { when: "NetworkErrorRatio() > 0.30 && !(LatencyAtQuantileMS(50.0) < 100)", status: 504 }
    maintenance: { allow: [10.0.0.0/8], retryAfter: 5m }
  session: { backends: [http://s:1], sticky: { session: "cookie:JSESSIONID", idle: 1h } }
  tcp: { backends: ["tcp://t:1", "tcp://unix:/run/t.sock"], proxyProtocol: v2, check: { tcp: { send: "PING\\r\\n", expect: PONG } } }
  udp: { backends: ["udp://u:1"] }
  split: { split: [{ service: a, weight: 95 }, { service: b, weight: 5, when: { header: { X-Canary: "1" } } }], sticky: true, maintenance: true }
  safe: { failover: [a, b], statuses: [500-504] }
  copied: { mirror: safe, to: { a: 10% }, maxBody: 5KiB }
routes:
  odd: { rule: "HostRegexp(\`^a+$\`) && !(Method(\`GET\`) || Query(\`a\`, \`b\`))", service: a, priority: -1, stripPrefix: /x }
  work.test: { service: copied, maintenance: { allow: ["::1"], retryAfter: 1m } }
  gone.test: { redirect: { to: "https://x.test", status: 308 } }
`;
  const snapshot = snapshotOf(text, 1);
  assert.deepEqual(essence(complete(snapshot)), essence(snapshot));
});

test("who is told of alerts, and by what password, does not leave the primary", () => {
  const text = (password: string) => `
alerts: { webhook: { url: "https://hooks.test/", secret: ${password} } }
routes: { a.test: "http://127.0.0.1:1" }
`;
  const publisher = new Publisher();
  for (const version of [1, 2]) {
    const snapshot = snapshotOf(text(`password-${version}`), version);
    assert.ok(snapshot.alerts);
    publisher.take(snapshot);
    for (const known of [undefined, version - 1]) {
      assert.doesNotMatch(publisher.publicationFor(known).text, /hooks\.test|password-/);
    }
  }
});

test("whom the primary asks for containers, and with what key, does not leave it", () => {
  const snapshot = snapshotOf(`{ providers: { lxc: { paths: [/secret-place] } }, routes: {} }`, 1);
  assert.equal(snapshot.providers.length, 1);
  const publisher = new Publisher();
  publisher.take(snapshot);
  assert.doesNotMatch(publisher.publicationFor(undefined).text, /secret-place/);
});

test("discovered services arrive whole: stopped ones, those on demand, and by address", () => {
  const shop = foundService({
    absent: ["stopped"],
    onDemand: { wait: "hold", startTimeout: 1, idleStop: 2 },
  });
  const found = { ...addressedService({ "fd00::1": "shop" }), name: "found" };
  const snapshot = {
    ...snapshotOf("routes: {}", 1),
    services: new Map(Object.entries({ shop, found })),
  };
  assert.deepEqual(essence(complete(snapshot)), essence(snapshot));
});

test("a changed part of a compound service is sent, and the compound is not", () => {
  const text = (port: number, weight: number) => `
services:
${Array.from({ length: 100 }, (_, index) => `  s${index}: http://10.0.0.1:${index + 1}\n`).join("")}
  a: http://127.0.0.1:${port}
  b: http://127.0.0.1:2
  both: { split: { a: ${weight}, b: 1 } }
routes: { a.test: { service: both } }
`;
  const publisher = new Publisher();
  publisher.take(snapshotOf(text(1, 1), 1));
  let live = assemble(undefined, publisher.publicationFor(undefined));
  const steps = [[text(3, 1), ["a"]] as const, [text(3, 7), ["both"]] as const];
  for (const [index, [next, changed]] of steps.entries()) {
    const snapshot = snapshotOf(next, index + 2);
    publisher.take(snapshot);
    const publication = publisher.publicationFor(index + 1);
    assert.equal(publication.base, index + 1);
    const after = assemble(live, publication);
    assert.deepEqual(essence(after), essence(snapshot));
    const { services } = live;
    assert.deepEqual(
      [...after.services.keys()].filter((name) => after.services.get(name) !== services.get(name)),
      changed,
    );
    live = after;
  }
});

test("ten thousand routes arrive and find what they find in the primary", () => {
  const snapshot = snapshotOf(
    big(10_000, () => "80"),
    1,
  );
  const arrived = complete(snapshot);
  assert.deepEqual(essence(arrived), essence(snapshot));
  const planOf = ({ name, service }: Route) => `${name} ${service}`;
  const [here, there] = [snapshot, arrived].map((each) => Table.compile(each.routes, planOf));
  const subject = subjectOf({ path: "/app/x" });
  for (let index = 0; index < 10_000; index++) {
    const found = there?.match(`site-${index}.test`, subject);
    assert.ok(found !== undefined && found === here?.match(`site-${index}.test`, subject));
  }
});

test("of thousands of routes only the changed one is sent, though all lines moved; the rest stays the same object", () => {
  const publisher = new Publisher();
  publisher.take(
    snapshotOf(
      big(2000, () => "80"),
      1,
    ),
  );
  const before = assemble(undefined, publisher.publicationFor(undefined));
  const next = snapshotOf(`\n\n${big(2000, (index) => (index === 77 ? "81" : "80"))}`, 2);
  publisher.take(next);
  const publication = publisher.publicationFor(1);
  assert.equal(publication.base, 1);
  assert.ok(publication.text.length < 4000, `${publication.text.length} characters`);
  const after = assemble(before, publication);
  assert.deepEqual(essence(after), essence(next));
  assert.deepEqual(
    after.routes.filter((each, index) => each !== before.routes[index]),
    [],
    "the route is the same, only its service changed",
  );
  const changed = [...after.services.keys()].filter(
    (name) => after.services.get(name) !== before.services.get(name),
  );
  assert.deepEqual(changed, ["site-77.test/app"]);
});

test("a change of most routes is sent whole, and so is any to a worker that is not up to date", () => {
  const publisher = new Publisher();
  publisher.take(
    snapshotOf(
      big(20, () => "80"),
      1,
    ),
  );
  publisher.take(
    snapshotOf(
      big(20, () => "81"),
      2,
    ),
  );
  assert.equal(publisher.publicationFor(1).base, undefined);
  publisher.take(
    snapshotOf(
      big(20, () => "81"),
      3,
    ),
  );
  assert.equal(publisher.publicationFor(2).base, 2);
  for (const version of [undefined, 1, 3]) {
    assert.equal(publisher.publicationFor(version).base, undefined);
  }
});

test("a change to another snapshot than the worker's is refused", () => {
  const publisher = new Publisher();
  const text = big(20, () => "80");
  publisher.take(snapshotOf(text, 1));
  publisher.take(snapshotOf(text, 2));
  const publication = publisher.publicationFor(1);
  const other = { ...snapshotOf(text, 5) };
  assert.throws(() => assemble(other, publication), /to snapshot 1 came.*has version 5/);
  assert.throws(() => assemble(undefined, publication), /has none/);
});

test("settings that hardly two have in common arrive too", () => {
  const base = snapshotOf("routes: { a.test: 'http://127.0.0.1:1' }", 1);
  const [route] = base.routes;
  assert.ok(route);
  const routes = Array.from({ length: 600 }, (_, index) => {
    return { ...route, name: `${index}`, timeouts: { ...route.timeouts, body: index } };
  });
  const snapshot = { ...base, routes };
  assert.deepEqual(essence(complete(snapshot)), essence(snapshot));
});

/** Routes and services by name, each with a number that stands for its settings. */
const items = fc.uniqueArray(
  fc.tuple(fc.constantFrom(..."a b c d e f g h i j k l".split(" ")), fc.nat(2)),
  {
    selector: ([name]) => name,
    maxLength: 12,
  },
);

test("a change puts together what the complete snapshot says, and keeps what did not change", () => {
  const base = snapshotOf("routes: { a.test: 'http://127.0.0.1:1' }", 0);
  const [service] = [...base.services.values()];
  assert.ok(service?.kind === "backends");
  // So many that the complete text is worth avoiding.
  const others = Array.from({ length: 100 }, (_, index) => routeOf(`r${index}`, "Host(`y`)"));
  const made = (version: number, routes: [string, number][], services: [string, number][]) => ({
    ...base,
    version,
    routes: [...routes.map(([name, number]) => routeOf(name, "Host(`x`)", number)), ...others],
    services: new Map(
      services.map(([name, number]) => [
        name,
        { ...service, name, retry: { ...service.retry, attempts: number } },
      ]),
    ),
  });
  let differences = 0;
  const edits = fc.array(fc.tuple(items, items), { minLength: 2, maxLength: 5 });
  fc.assert(
    fc.property(edits, (steps) => {
      const publisher = new Publisher();
      let live: Snapshot | undefined;
      for (const [version, [routes, services]] of steps.entries()) {
        const snapshot = made(version, routes, services);
        publisher.take(snapshot);
        const publication = publisher.publicationFor(live?.version);
        const next = assemble(live, publication);
        assert.deepEqual(essence(next), essence(snapshot));
        if (publication.base !== undefined && live !== undefined) {
          differences++;
          assertKept(next, live);
        }
        live = next;
      }
    }),
    { numRuns: 150 },
  );
  assert.ok(differences > 100, `only ${differences} differences`);
});

function assertKept(next: Snapshot, before: Snapshot): void {
  for (const each of next.routes) {
    const same = before.routes.find(
      (old) => old.name === each.name && old.priority === each.priority,
    );
    if (same !== undefined) assert.equal(each, same);
  }
  for (const [name, each] of next.services) {
    const old = before.services.get(name);
    assert.ok(each.kind === "backends");
    if (old?.kind === "backends" && old.retry.attempts === each.retry.attempts)
      assert.equal(each, old);
  }
}

function certificateOf(name: string): Certificate {
  return {
    ...{ id: name, names: [name], chain: `chain of ${name}`, key: `key of ${name}`, kind: "ec" },
    ...{ notBefore: 1, notAfter: 2, staple: undefined },
    origin: { provider: "file", place: `/certs/${name}` },
  };
}

function credentialsOf(certificates: readonly Certificate[]): Credentials {
  return {
    ...{ certificates, ticketSecret: "7e5c" },
    fallback: { ...certificateOf("fallback"), origin: { provider: "default", place: "built in" } },
    challenges: { http: { token: "proof" }, alpn: { "a.test": { chain: "c", key: "k" } } },
  };
}

test("of thousands of certificates the changed one is sent, and none for a route", () => {
  const snapshot = snapshotOf("routes: { a.test: http://b:1 }", 1);
  const all = Array.from({ length: 5000 }, (_, at) => certificateOf(`n${at}`));
  const publisher = new Publisher();
  let base: Snapshot | undefined;
  let version = 0;
  const go = (credentials: Credentials, more: Partial<Snapshot> = {}) => {
    const before = base;
    publisher.take({ ...snapshot, ...more, version: ++version, credentials });
    const publication = publisher.publicationFor(before?.version);
    base = assemble(before, publication);
    const { certificates, ...others } = base.credentials;
    const { certificates: wanted, ...wantedOthers } = credentials;
    assert.deepEqual(others, withoutUndefined(wantedOthers));
    const somewhere = { provider: "primary", place: "" };
    assert.deepEqual(
      certificates,
      wanted.map((each) => ({ ...each, origin: somewhere })),
    );
    return {
      length: publication.text.length,
      after: base.credentials,
      before: before?.credentials,
    };
  };
  const first = credentialsOf(all);
  assert.ok(go(first).length > 500_000);

  const route = go(first, { debug: { ...snapshot.debug } });
  assert.ok(route.length < 10_000, `${route.length}`);
  assert.equal(route.after, route.before);

  const other = go({ ...first, ticketSecret: "0" });
  assert.ok(other.length < 10_000);
  assert.equal(other.after.certificates, other.before?.certificates);

  const changed = [...all.slice(0, 100), certificateOf("new"), ...all.slice(101)];
  const one = go(credentialsOf(changed));
  assert.ok(one.length < 10_000);
  assert.equal(one.after.certificates[99], one.before?.certificates[99]);
  assert.equal(one.after.certificates[101], one.before?.certificates[101]);

  for (const list of [[...changed, certificateOf("last")], changed, changed.slice(1), all, []]) {
    go(credentialsOf(list));
  }
  go(credentialsOf([certificateOf("n1")]));
  go(credentialsOf([]));
  go(credentialsOf([]));
});

test("where certificates lie does not leave the primary", () => {
  const snapshot = snapshotOf("tls: { certificates: /secret/place }\nroutes: { a: http://b:1 }", 1);
  const publisher = new Publisher();
  publisher.take({ ...snapshot, credentials: credentialsOf([certificateOf("a.test")]) });
  const { text } = publisher.publicationFor(undefined);
  assert.ok(text.includes("key of a.test"));
  assert.ok(!text.includes("/secret/place") && !text.includes("/certs/"), "places are not sent");
});

test("documents travel once, and stay the same object in a worker as long as they do not change", () => {
  const publisher = new Publisher();
  const documents = ["a", "b"].map((text): [string, LiveDocument] => {
    return [`networks /${text}`, { text: text.repeat(9999), version: text }];
  });
  const first = {
    ...snapshotOf("routes: { a.test: http://10.0.0.1 }", 1),
    documents: new Map(documents),
  };
  publisher.take(first);
  const before = assemble(undefined, publisher.publicationFor(undefined));
  assert.deepEqual(essence(before), essence(first));
  const changed = { text: "c", version: "c" };
  const second = {
    ...snapshotOf("routes: { a.test: http://10.0.0.2 }", 2),
    documents: new Map([...documents, ["networks /b", changed]]),
  };
  publisher.take(second);
  const difference = publisher.publicationFor(1);
  assert.ok(difference.base === 1 && difference.text.length < 9999);
  const after = assemble(before, difference);
  assert.deepEqual(essence(after), essence(second));
  assert.equal(after.documents.get("networks /a"), before.documents.get("networks /a"));
  publisher.take({ ...second, version: 3 });
  const same = assemble(after, publisher.publicationFor(2));
  assert.equal(same.documents, after.documents);
  publisher.take({ ...second, version: 4, documents: new Map() });
  assert.equal(assemble(same, publisher.publicationFor(3)).documents.size, 0);
});
