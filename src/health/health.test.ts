import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { freePort } from "../../test/harness/free-port.ts";
import {
  httpProbe,
  rudeServer,
  sampleBackend,
  sampleCheck,
  sampleService,
  sampleSnapshot,
} from "../../test/harness/health-sample.ts";
import { watched } from "../../test/harness/watched-health.ts";
import type { AbsentBackend, HealthCheck, Service } from "../config/service.ts";
import type { ServiceLoad } from "../upstream/state.ts";

/** Answers with the status that it is told to. */
async function origin(status = 200) {
  const state = { status, visits: 0 };
  const server = createServer((_, response) => {
    state.visits++;
    response.writeHead(state.status).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(state, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  });
}

const quick = (changes: Partial<HealthCheck> = {}): HealthCheck =>
  sampleCheck(httpProbe, { interval: 20, fastInterval: 5, ...changes });

test("a backend that fails its checks is down, told once, and up again when it recovered", async () => {
  await using good = await origin();
  await using flaky = await origin(503);
  using w = watched();
  w.health.update(sampleSnapshot(sampleService("shop", [good.url, flaky.url], { check: quick() })));
  await w.until("down", () => w.events.length === 1);
  const [down] = w.events;
  assert.ok(down?.kind === "backend");
  assert.deepEqual([down.change, down.backend, down.why], ["down", flaky.url, "answered 503"]);
  // Since the first of the three bad answers.
  assert.ok(down.since < down.at);
  const told = { service: "shop", backend: flaky.url, health: "down", isDraining: false } as const;
  assert.deepEqual(w.news, [{ backends: [told], services: [], marks: [] }]);
  assert.deepEqual(w.health.states(), { backends: [told], services: [], marks: [] });
  assert.deepEqual(w.lines, [`backend down | shop | ${flaky.url} | answered 503`]);
  assert.equal(w.stateOf("shop"), "degraded");
  const row = w.backendRow("shop", 1);
  assert.deepEqual([row.state, row.why, row.lastCheck?.isGood], ["down", "answered 503", false]);

  flaky.status = 204;
  await w.until("up", () => w.events.length === 2);
  const [, up] = w.events;
  assert.deepEqual([up?.change, up?.since], ["up", down.since]);
  assert.match(up?.why ?? "", /^204 in \d+ ms$/);
  assert.deepEqual(w.news.at(-1)?.backends, [{ ...told, health: "up" }]);
  assert.deepEqual(w.health.states(), { backends: [], services: [], marks: [] });
  assert.equal(w.stateOf("shop"), "up");
});

test("who waits for its first good check is down to workers from the start, and no alert", async () => {
  await using server = await origin();
  using w = watched();
  const check = quick({ initially: "down" });
  w.health.update(sampleSnapshot(sampleService("shop", [server.url], { check })));
  assert.equal(w.news[0]?.backends[0]?.health, "down");
  assert.equal(w.backendRow("shop").state, "unchecked");
  assert.equal(w.backendRow("shop").why, "waits for its first check");
  assert.equal(w.backendRow("shop").lastCheck, undefined);
  await w.until("up", () => w.news.length === 2);
  assert.equal(w.news[1]?.backends[0]?.health, "up");
  assert.equal(server.visits, 1);
  assert.deepEqual(w.events, []);
});

test("the same check of the same backend is made once, for all services that want it", async () => {
  await using server = await rudeServer((socket) => void socket.end("HTTP/1.1 503 No\r\n\r\n"));
  using w = watched();
  const url = `http://127.0.0.1:${server.port}`;
  const check = quick({ interval: 60_000, fastInterval: 60_000, fall: 1 });
  const services = ["a", "b", "c"].map((name) => sampleService(name, [url], { check }));
  w.health.update(sampleSnapshot(...services));
  await w.until("all down", () => w.events.length === 6);
  assert.equal(server.visits(), 1);
  assert.deepEqual(
    w.changes().filter((each) => each.startsWith("backend")),
    ["backend down a", "backend down b", "backend down c"],
  );
  // One who comes later learns what is known, at once.
  w.health.update(sampleSnapshot(...services, sampleService("d", [url], { check })));
  assert.deepEqual(w.changes().slice(6), ["backend down d", "service down d"]);
  assert.equal(server.visits(), 1);
});

test("a service is down when none of its backends is left, and up with the first one", async () => {
  await using one = await origin(500);
  await using two = await origin(500);
  using w = watched();
  w.health.update(sampleSnapshot(sampleService("shop", [one.url, two.url], { check: quick() })));
  await w.until("service down", () => w.changes().includes("service down shop"));
  assert.equal(w.stateOf("shop"), "down");
  two.status = 200;
  await w.until("service up", () => w.changes().includes("service up shop"));
  assert.equal(w.stateOf("shop"), "degraded");
  assert.equal(w.changes().filter((each) => each.startsWith("service")).length, 2);
});

test("a reload keeps what did not change, and ends the checks of what is gone", async () => {
  await using kept = await origin(500);
  await using gone = await rudeServer(() => {});
  const goneUrl = `http://127.0.0.1:${gone.port}`;
  using w = watched();
  const keptService = sampleService("kept", [kept.url], { check: quick() });
  const goneService = sampleService("gone", [goneUrl], { check: quick({ timeout: 60_000 }) });
  w.health.update(sampleSnapshot(keptService, goneService));
  await w.until("down", () => w.changes().includes("service down kept"));
  await w.until("the check under way", () => gone.open() === 1);
  const before = w.events.length;
  const { since } = w.backendRow("kept");
  w.health.update(sampleSnapshot({ ...keptService, slowStart: 5000 }));
  await w.until("the end of the check", () => gone.open() === 0);
  // With other settings of the check it is still down, until they say something else.
  const other = quick({ interval: 60_000, fastInterval: 60_000 });
  w.health.update(sampleSnapshot({ ...keptService, check: other }));
  assert.deepEqual([w.backendRow("kept").state, w.backendRow("kept").since], ["down", since]);
  assert.equal(w.events.length, before);
  // Without checks it is up.
  w.health.update(sampleSnapshot({ ...keptService, check: undefined }));
  assert.deepEqual(w.changes().slice(before), ["backend up kept", "service up kept"]);
  assert.equal(w.news.at(-1)?.backends[0]?.health, "up");
  const { visits } = kept;
  w.health.update(sampleSnapshot());
  assert.deepEqual([w.rows(), w.health.states().backends, kept.visits], [[], [], visits]);
});

test("what leaves the configuration while it is down is told to be up again", async () => {
  await using server = await origin(500);
  using w = watched();
  w.health.update(sampleSnapshot(sampleService("shop", [server.url], { check: quick() })));
  await w.until("service down", () => w.changes().includes("service down shop"));
  w.health.update(sampleSnapshot());
  assert.deepEqual(w.changes().slice(-2), ["backend up shop", "service up shop"]);
  assert.equal(w.events.at(-1)?.why, "it is no longer configured");
  assert.equal(w.news.at(-1)?.backends[0]?.health, "up");
});

test("an answer that comes after its check was ended counts for nothing", async () => {
  const held: (() => void)[] = [];
  await using server = await rudeServer((socket) => {
    held.push(() => void socket.end("HTTP/1.1 500 No\r\n\r\n"));
  });
  using w = watched();
  const url = `http://127.0.0.1:${server.port}`;
  const check = quick({ fall: 1 });
  w.health.update(sampleSnapshot(sampleService("shop", [url], { check })));
  await w.until("the check", () => held.length === 1);
  w.health.update(sampleSnapshot(sampleService("shop", [url])));
  held[0]?.();
  await w.until("its end", () => server.open() === 0);
  assert.deepEqual(w.events, []);
  w.health[Symbol.dispose]();
});

test("a hundred silent backends hold nobody up for long, and are never asked all at once", async () => {
  let most = 0;
  await using silent = await rudeServer(() => {
    most = Math.max(most, silent.open());
  });
  await using well = await origin(500);
  using w = watched();
  const urls = Array.from({ length: 100 }, (_, at) => `http://127.0.0.1:${silent.port}/${at}`);
  const check = quick({ timeout: 300, fall: 1 });
  w.health.update(
    sampleSnapshot(
      sampleService("silent", urls, { check }),
      sampleService("well", [well.url], { check }),
    ),
  );
  await w.until("an answer", () => w.changes().includes("backend down well"));
  await w.until("all silent ones", () => w.changes().includes("service down silent"));
  // 64; the server may learn of an end after the next one has come.
  assert.ok(most > 1 && most < 80, `${most} at once`);
});

test("marks of workers are passed on, shown while they last, and told once", () => {
  let now = 1_000_000;
  using w = watched({ now: () => now });
  const url = "http://127.0.0.1:1";
  w.health.update(sampleSnapshot(sampleService("shop", [url, "http://127.0.0.1:2"])));
  const dead = {
    kind: "dead",
    service: "shop",
    backend: url,
    for: 10_000,
    why: "CONNECT_REFUSED",
    isUnreachable: false,
  } as const;
  w.health.take(dead, "1");
  w.health.take(dead, "2");
  assert.deepEqual(
    w.news.map(({ marks }) => marks),
    [[dead], [dead]],
  );
  assert.deepEqual(w.changes(), ["backend dead shop"]);
  assert.deepEqual([w.backendRow("shop").state, w.backendRow("shop").why], ["dead", dead.why]);
  assert.equal(w.stateOf("shop"), "degraded");
  // A worker that starts is told what is left of it.
  now += 4000;
  assert.deepEqual(w.health.states(), {
    backends: [],
    services: [],
    marks: [{ ...dead, for: 6000 }],
  });
  now -= 4000;

  now += 10_001;
  const row = w.backendRow("shop");
  assert.deepEqual([row.state, row.why], ["up", "tried again after: CONNECT_REFUSED"]);
  assert.equal(row.since, new Date(1_010_000).toISOString());
  // Tried, and dead again: nothing new to tell.
  w.health.take(dead);
  assert.equal(w.backendRow("shop").state, "dead");
  assert.equal(w.events.length, 1);
  now += 5;
  w.health.take({ kind: "alive", service: "shop", backend: url });
  assert.equal(w.news.at(-1)?.marks[0]?.kind, "alive");
  assert.deepEqual(w.changes(), ["backend dead shop", "backend alive shop"]);
  assert.equal(w.events[1]?.since, 1_000_000);
  assert.deepEqual([w.backendRow("shop").state, w.backendRow("shop").why], ["up", ""]);
  // Of what is not configured nobody wants to hear.
  const count = w.news.length;
  w.health.take({ ...dead, service: "constructor" });
  w.health.take({ ...dead, backend: "http://127.0.0.1:3" });
  assert.equal(w.news.length, count);
});

test("a good check ends a mark whose time is over, since no traffic may come", async () => {
  await using server = await origin();
  using w = watched();
  w.health.update(sampleSnapshot(sampleService("shop", [server.url], { check: quick() })));
  w.health.take({
    kind: "dead",
    service: "shop",
    backend: server.url,
    for: 30,
    why: "x",
    isUnreachable: false,
  });
  assert.deepEqual(w.changes(), ["backend dead shop", "service down shop"]);
  await w.until("alive", () => w.events.length === 4);
  assert.deepEqual(w.changes().slice(2), ["backend alive shop", "service up shop"]);
});

test("a good check ends at once what accepted no connections, and all workers hear of it", async () => {
  await using server = await origin();
  using w = watched();
  w.health.update(sampleSnapshot(sampleService("shop", [server.url], { check: quick() })));
  const mark = { kind: "dead", service: "shop", backend: server.url, for: 600_000 } as const;
  w.health.take({ ...mark, why: "x", isUnreachable: true });
  await w.until("alive", () => w.changes().includes("backend alive shop"));
  assert.deepEqual(w.news.at(-1)?.marks, [{ kind: "alive", service: "shop", backend: server.url }]);
  assert.deepEqual(w.health.states().marks, []);
});

test("rows add up what workers counted, and describe services of services by their parts", () => {
  using w = watched();
  const [one, two] = ["http://127.0.0.1:1", "http://127.0.0.1:2"];
  const named = { maintenance: undefined, origin: { provider: "test", place: "here" } };
  const services: Service[] = [
    sampleService("main", [one, two], {
      balance: { policy: "hash", bound: 1, key: { from: "header", name: "x-user" } },
    }),
    sampleService("next", [], { backends: [sampleBackend(one, { weight: 3, tier: 1 })] }),
    {
      ...named,
      kind: "split",
      name: "canary",
      sticky: undefined,
      parts: [
        { service: "main", weight: 2, when: undefined },
        { service: "next", weight: 1, when: { from: "cookie", name: "beta", value: "yes" } },
      ],
    },
    { ...named, kind: "failover", name: "safe", services: ["main", "canary"], statuses: [] },
    {
      ...named,
      kind: "mirror",
      name: "copied",
      service: "next",
      copies: [{ service: "main", percent: 10 }],
      maxBody: 1,
    },
  ];
  w.health.update(sampleSnapshot(...services));
  const load = (inFlight: number, answered: number, latency: number): ServiceLoad => ({
    service: "main",
    held: 2,
    breaker: answered > 1 ? "open" : "closed",
    backends: [
      {
        service: "main",
        backend: one,
        inFlight,
        waiting: 1,
        begun: 50,
        answered,
        failed: 1,
        latency,
      },
    ],
  });
  const rows = w.rows([[load(3, 30, 10)], [load(4, 10, 50)], [load(0, 0, 0)]]);
  const [main, next, canary, safe, copied] = rows;
  assert.deepEqual(
    [main?.balance, main?.held, main?.breaker, next?.breaker],
    ["hash header:x-user", 6, "open", undefined],
  );
  const counted = main?.backends[0];
  assert.deepEqual(
    [counted?.inFlight, counted?.waiting, counted?.answered, counted?.failed, counted?.latency],
    [7, 3, 40, 3, 20],
  );
  assert.deepEqual([main?.backends[1]?.answered, main?.backends[1]?.latency], [0, 0]);
  assert.deepEqual([next?.backends[0]?.weight, next?.backends[0]?.tier], [3, 1]);
  assert.deepEqual(canary?.parts, [
    { service: "main", share: "66.7%" },
    { service: "next", share: "33.3%, and cookie beta: yes" },
  ]);
  assert.deepEqual(
    safe?.parts.map(({ share }) => share),
    ["first", "next"],
  );
  assert.deepEqual(
    copied?.parts.map(({ share }) => share),
    ["all", "copy of 10%"],
  );
  assert.deepEqual(
    rows.map(({ state }) => state),
    ["up", "up", "up", "up", "up"],
  );

  const states = () => w.rows().map(({ state }) => state);
  w.health.drain("next", one);
  assert.deepEqual(states(), ["up", "down", "degraded", "degraded", "down"]);
  w.health.pause("main");
  assert.deepEqual(states(), ["paused", "down", "down", "down", "down"]);
});

test("a backend that flaps is told no more often than its settings allow", async () => {
  await using server = await origin();
  using w = watched();
  w.health.update(
    sampleSnapshot(sampleService("shop", [server.url], { check: quick({ rise: 2, fall: 2 }) })),
  );
  let seen = 0;
  for (let turn = 0; turn < 10; turn++) {
    server.status = turn % 2 === 0 ? 500 : 200;
    await w.until("another check", () => server.visits > seen);
    seen = server.visits;
  }
  const told = w.events.filter(({ kind }) => kind === "backend").length;
  assert.ok(told <= server.visits / 2, `${told} of ${server.visits}`);
});

test("checks go on at the address of a port where nobody listens, and find who comes", async () => {
  const port = await freePort();
  using w = watched();
  const url = `http://127.0.0.1:${port}`;
  w.health.update(sampleSnapshot(sampleService("shop", [url], { check: quick() })));
  await w.until("down", () => w.changes().includes("backend down shop"));
  assert.equal(w.backendRow("shop").why, "refused the connection");
  const server = createServer((_, response) => response.end());
  server.listen(port, "127.0.0.1");
  await w.until("up", () => w.changes().includes("backend up shop"));
  server.close();
  server.closeAllConnections();
});

const away = (...states: readonly AbsentBackend["state"][]) =>
  states.map((state, at) => ({ name: `web${at + 1}`, state, why: `it is ${state}` }));

test("containers that are no backends now are rows, with the time since when", () => {
  let now = 1000;
  using w = watched({ now: () => now });
  const one = "http://127.0.0.1:1";
  const absent = away("stopped", "starting");
  w.health.update(sampleSnapshot(sampleService("shop", [one], { absent })));
  assert.equal(w.stateOf("shop"), "degraded");
  now = 2000;
  w.health.update(sampleSnapshot(sampleService("shop", [], { absent: away("stopped", "paused") })));
  assert.equal(w.stateOf("shop"), "down");
  const [stopped, paused] = [w.backendRow("shop"), w.backendRow("shop", 1)];
  assert.deepEqual([stopped.url, stopped.state, stopped.why], ["web1", "stopped", "it is stopped"]);
  assert.deepEqual(
    [stopped.since, paused.since],
    [new Date(1000), new Date(2000)].map((at) => at.toISOString()),
  );
});

test("a service that somebody stopped is no alert, one that is lost is, until either ends", () => {
  using w = watched();
  const update = (...states: readonly AbsentBackend["state"][]) =>
    w.health.update(sampleSnapshot(sampleService("shop", [], { absent: away(...states) })));
  for (const state of ["missing", "stopped", "paused", "starting"] as const) update(state);
  assert.deepEqual(w.changes(), []);
  update("stopped", "unhealthy");
  assert.deepEqual(w.changes(), ["service down shop"]);
  assert.equal(w.events[0]?.why, "web2 is unhealthy: it is unhealthy");
  update("unreachable");
  assert.equal(w.events.length, 1);
  update("starting");
  assert.deepEqual(w.changes().slice(1), ["service up shop"]);
  assert.equal(w.events[1]?.why, "it was stopped, or starts");
});

test("of what is started on demand nobody is told that it does not listen yet", () => {
  using w = watched();
  const url = "http://127.0.0.1:1";
  const onDemand = { wait: "page", startTimeout: 1000, idleStop: 0 } as const;
  w.health.update(sampleSnapshot(sampleService("shop", [url], { onDemand })));
  const mark = { service: "shop", backend: url, for: 1000, why: "refused" } as const;
  w.health.take({ ...mark, kind: "dead", isUnreachable: true });
  assert.equal(w.backendRow("shop").state, "dead");
  w.health.take({ ...mark, kind: "alive" });
  assert.deepEqual(w.events, []);
  assert.equal(w.news.length, 2, "the other workers are told all the same");
  w.health.take({ ...mark, kind: "dead", isUnreachable: false });
  assert.deepEqual(w.changes(), ["backend dead shop", "service down shop"]);
});

test("a service found by address consists of those who have one", () => {
  using w = watched();
  const addressed: Service = {
    kind: "addressed",
    name: "found",
    origin: { provider: "lxc", place: "" },
    maintenance: undefined,
    members: { "fd00::1": "a", "fd00::2": "b" },
    settings: { rewrites: [], nameInPathOf: undefined },
  };
  const a = sampleService("a", ["http://127.0.0.1:1"]);
  const b = sampleService("b", [], { absent: away("stopped") });
  w.health.update(sampleSnapshot(addressed, a, b));
  const row = w.rows().find(({ name }) => name === "found");
  assert.deepEqual([row?.kind, row?.state], ["addressed", "degraded"]);
  assert.deepEqual(row?.parts, [
    { service: "a", share: "fd00::1" },
    { service: "b", share: "fd00::2" },
  ]);
});
