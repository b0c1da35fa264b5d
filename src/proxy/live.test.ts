import { noCredentials } from "../config/certificate.ts";
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { subjectOf } from "../../test/harness/routes-sample.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { readConfig } from "../config/read.ts";
import type { Snapshot } from "../config/snapshot.ts";
import { Tally } from "../lib/tally.ts";
import { Wheel } from "../lib/wheel.ts";
import { assemble } from "../process/assembly.ts";
import { Publisher } from "../process/publication.ts";
import { Caps } from "../upstream/caps.ts";
import { LiveService } from "../upstream/live-service.ts";
import { Destinations } from "./destinations.ts";
import { Live } from "./live.ts";
import type { Plan } from "./plan.ts";

/** A worker's side of snapshots: each is the difference to the one before, and compiled upon it. */
class Worker {
  readonly #publisher = new Publisher();
  readonly #destinations = new Destinations({
    wheel: new Wheel(50),
    caps: new Caps(new Tally()),
    onMark: () => {},
    onSession: () => {},
    onWanted: () => {},
  });
  #version = 0;
  snapshot: Snapshot | undefined;
  live: Live | undefined;

  take(settings: object): Live {
    const reading = readConfig(JSON.stringify({ accessLog: false, ...settings }), {
      file: "t.yaml",
      baseFolder: "/",
    });
    assert.ok(reading.snapshot, reading.problems[0]?.message);
    this.#publisher.take({
      ...reading.snapshot,
      version: ++this.#version,
      secret: "",
      credentials: noCredentials,
    });
    const publication = this.#publisher.publicationFor(this.snapshot?.version);
    if (this.snapshot !== undefined) assert.equal(publication.base, this.#version - 1);
    this.snapshot = assemble(this.snapshot, publication);
    this.live = new Live(this.snapshot, this.live, {
      destinations: this.#destinations,
      wheel: new Wheel(50),
      onProblem: (message) => assert.fail(message),
    });
    return this.live;
  }

  plan(host: string): Plan {
    const plan = this.live?.table.match(host, subjectOf({}));
    assert.ok(plan, host);
    return plan;
  }
}

// So many that a change of one is worth a difference.
const others = Object.fromEntries(
  Array.from({ length: 100 }, (_, index) => [`x${index}.test`, `http://127.0.0.1:${index + 1}`]),
);
const services = { a: "http://127.0.0.1:1", b: "http://127.0.0.1:2" };
const routes = {
  ...others,
  "a.test": { service: "a" },
  "a.test/deep": { service: "a", stripPrefix: "/deep" },
  "b.test": { service: "b" },
};

test("what did not change keeps its plan and its service, whatever changed beside it", () => {
  const worker = new Worker();
  worker.take({ routes, services });
  const [a, b] = [worker.plan("a.test"), worker.plan("b.test")];
  const changes: Readonly<Record<string, object>> = {
    nothing: { routes, services },
    "another route": { routes: { ...routes, "new.test": "http://127.0.0.1:3" }, services },
    "the order": { routes: Object.fromEntries(Object.entries(routes).toReversed()), services },
    "another service": { routes, services: { ...services, c: "http://127.0.0.1:4" } },
    "other settings": { routes, services, trustedProxies: ["127.0.0.1"] },
  };
  for (const [what, settings] of Object.entries(changes)) {
    worker.take(settings);
    assert.equal(worker.plan("a.test"), a, what);
    assert.equal(worker.plan("b.test"), b, what);
  }
});

/** Addresses of the backends that a route leads to. */
function urlsOf({ destination }: Plan): readonly string[] {
  assert.ok(destination instanceof LiveService);
  return destination.backends.map(({ url }) => url);
}

test("a changed service changes in place: its routes keep their plans, and so do the others", () => {
  const worker = new Worker();
  worker.take({ routes, services });
  const [a, b] = [worker.plan("a.test"), worker.plan("b.test")];
  assert.deepEqual(urlsOf(a), ["http://127.0.0.1:1"]);
  worker.take({ routes, services: { ...services, a: "http://127.0.0.1:9" } });
  assert.equal(worker.plan("a.test"), a);
  assert.deepEqual(urlsOf(a), ["http://127.0.0.1:9"]);
  assert.equal(worker.plan("b.test"), b);
  assert.deepEqual(urlsOf(b), ["http://127.0.0.1:2"]);
});

test("a service that is made of others now gives its routes new plans, and no others", () => {
  const worker = new Worker();
  worker.take({ routes, services });
  const [a, b] = [worker.plan("a.test"), worker.plan("b.test")];
  const failover = { ...services, c: services.a, a: { failover: ["c", "b"] } };
  worker.take({ routes, services: failover });
  const over = worker.plan("a.test");
  assert.notEqual(over.destination, a.destination);
  assert.ok(over.destination?.contains(b.destination as LiveService));
  assert.equal(worker.plan("b.test"), b);
  worker.take({ routes, services: { ...failover, b: "http://127.0.0.1:8" } });
  assert.equal(worker.plan("a.test"), over, "what it is made of changed in place");
  worker.take({ routes, services });
  assert.deepEqual(urlsOf(worker.plan("a.test")), ["http://127.0.0.1:1"]);
});

test("a changed route gets a new plan and keeps its service", () => {
  const worker = new Worker();
  worker.take({ routes, services });
  const [a, b] = [worker.plan("a.test"), worker.plan("b.test")];
  worker.take({ routes: { ...routes, "a.test": { service: "a", maxBody: 5 } }, services });
  assert.equal(worker.plan("a.test").maxBody, 5);
  assert.equal(worker.plan("a.test").destination, a.destination);
  assert.equal(worker.plan("b.test"), b);
  const { "a.test": _, ...rest } = routes;
  const live = worker.take({ routes: rest, services });
  assert.equal(live.table.match("a.test", subjectOf({})), undefined);
});

test("other limits are new services to all, for they are part of how one talks to a backend", () => {
  const worker = new Worker();
  worker.take({ routes, services });
  const { destination } = worker.plan("a.test");
  worker.take({ routes, services, limits: { responseHeadBytes: 2048 } });
  assert.notEqual(worker.plan("a.test").destination, destination);
});

test("a route without a log or pages of its own follows the global ones", async () => {
  await using folder = await tempFolder();
  await writeFile(folder.file("error_404.html"), "one");
  const worker = new Worker();
  const settings = { routes, services };
  worker.take(settings);
  const plan = worker.plan("a.test");
  const withPages = { ...settings, errorPages: folder.path };
  const live = worker.take(withPages);
  const paged = worker.plan("a.test");
  assert.equal(paged.errorPages, live.errorPages);
  assert.equal(paged.errorPages?.byStatus.get(404), "one");
  assert.equal(paged.destination, plan.destination);
  worker.take(withPages);
  assert.equal(worker.plan("a.test"), paged, "the same pages, read again");
  await writeFile(folder.file("error_404.html"), "two");
  worker.take(withPages);
  assert.equal(worker.plan("a.test").errorPages?.byStatus.get(404), "two");
  const logged = worker.take({ ...settings, accessLog: { path: folder.file("log") } });
  assert.ok(logged.accessLog);
  assert.equal(worker.plan("a.test").accessLog, logged.accessLog);
  await logged[Symbol.asyncDispose]();
});

test("middlewares of a service and of a listener are one for all routes, and last", () => {
  const worker = new Worker();
  const listeners = { web: { bind: ":1", middlewares: ["requestId"] }, plain: ":2" };
  const own = { a: { backends: ["http://127.0.0.1:1"], middlewares: ["requestId"] } };
  const both = { ...others, "a.test": { service: "a" }, "b.test": { service: "a" } };
  const linksOf = (host: string) => worker.plan(host).chain?.links.map((each) => each.middleware);
  const frontsOf = (host: string) =>
    worker
      .plan(host)
      .chains?.get("web")
      ?.links.map((each) => each.middleware);
  worker.take({ listeners, services: own, routes: both });
  const [service] = linksOf("a.test") ?? [];
  const [front, behind, ...more] = frontsOf("a.test") ?? [];
  assert.ok(service !== undefined && front !== undefined && front !== service);
  assert.deepEqual([behind === service, more], [true, []]);
  assert.deepEqual(linksOf("b.test"), [service]);
  assert.deepEqual(frontsOf("b.test"), [front, service]);
  assert.equal(worker.plan("a.test").chains?.has("plain"), false);
  const plan = worker.plan("a.test");
  worker.take({ listeners, services: own, routes: { ...both, "c.test": { service: "a" } } });
  assert.equal(worker.plan("a.test"), plan);
  assert.deepEqual(frontsOf("c.test"), [front, service]);
  worker.take({ listeners: { ...listeners, web: ":1" }, services: own, routes: both });
  assert.equal(worker.plan("a.test").chains, null);
  assert.deepEqual(linksOf("a.test"), [service]);
});
