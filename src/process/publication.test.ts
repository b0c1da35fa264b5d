import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { readConfig, readConfigFile } from "../config/read.ts";
import type { Route, Service, Snapshot } from "../config/snapshot.ts";
import { Table } from "../routing/table.ts";
import { routeOf, subjectOf } from "../../test/harness/routes-sample.ts";
import { assemble, Publisher } from "./publication.ts";

const root = join(import.meta.dirname, "../..");
const options = { file: "t.yaml", baseFolder: "/" };

function snapshotOf(text: string, version: number): Snapshot {
  const { snapshot, problems } = readConfig(text, options);
  assert.ok(snapshot, problems[0]?.message);
  return { ...snapshot, version };
}

/** What must arrive: all but absent values, and where routes and services were written. */
function essence(snapshot: Snapshot): unknown {
  const somewhere = { provider: "", place: "" };
  const services = Object.entries(snapshot.services).map(([name, each]): [string, Service] => {
    return [name, { ...each, origin: somewhere }];
  });
  return withoutUndefined({
    ...snapshot,
    routes: snapshot.routes.map((each) => ({ ...each, origin: somewhere })),
    services: Object.fromEntries(services),
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
listeners: { web: { bind: [":0", "unix:/run/x.sock"], proxyProtocol: true, trustedProxies: ["::1"] } }
errorPages: /tmp
accessLog: { format: "$remote_addr \\"\u00e4\u4e16\\"", path: stderr }
workers: { memoryLimit: 0 }
services:
  a: { backends: [{ url: "https://a:1/x", weight: 3 }, "unix:/run/b.sock"], balance: random, tls: { serverName: b, verify: false } }
routes:
  odd: { rule: "HostRegexp(\`^a+$\`) && !(Method(\`GET\`) || Query(\`a\`, \`b\`))", service: a, priority: -1, stripPrefix: /x }
  gone.test: { redirect: { to: "https://x.test", status: 308 } }
`;
  const snapshot = snapshotOf(text, 1);
  assert.deepEqual(essence(complete(snapshot)), essence(snapshot));
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
  const changed = Object.keys(after.services).filter(
    (name) => after.services[name] !== before.services[name],
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
  const [service] = Object.values(base.services);
  assert.ok(service);
  // So many that the complete text is worth avoiding.
  const others = Array.from({ length: 100 }, (_, index) => routeOf(`r${index}`, "Host(`y`)"));
  const made = (version: number, routes: [string, number][], services: [string, number][]) => ({
    ...base,
    version,
    routes: [...routes.map(([name, number]) => routeOf(name, "Host(`x`)", number)), ...others],
    services: Object.fromEntries(
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
  for (const [name, each] of Object.entries(next.services)) {
    const old = before.services[name];
    if (old?.retry.attempts === each.retry.attempts) assert.equal(each, old);
  }
}
