import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, field } from "../../test/harness/ask.ts";
import { eventually } from "../../test/harness/barrier.ts";
import { connect } from "../../test/harness/client.ts";
import { LiveOrigin } from "../../test/harness/live-origin.ts";
import { foundService, planeStand, type PlaneStand } from "../../test/harness/plane-stand.ts";
import { defaultHold } from "../config/limits.ts";
import type { OnDemand } from "../config/service.ts";

const bounded = { timeout: 30_000 };
const patient = { timeoutMs: 15_000 };
const asJson = { headers: { Accept: "application/json" }, ...patient };
const asBrowser = { headers: { Accept: "text/html,application/xhtml+xml,*/*;q=0.8" } };
const demand: OnDemand = { wait: "page", startTimeout: 10_000, idleStop: 0 };
const asleep = (onDemand = demand) => foundService({ absent: ["stopped"], onDemand });
const awake = (port: number, onDemand = demand) => foundService({ ports: [port], onDemand });

const held = (stand: PlaneStand, count: number, service = "shop") =>
  eventually(`${count} to be held`, () => stand.load(service).held === count || undefined);

test(
  "a browser is shown a page that loads itself again until the container answers",
  bounded,
  async () => {
    await using a = await LiveOrigin.start("a");
    await using stand = await planeStand(asleep());
    const page = await ask(stand.port, asBrowser);
    assert.equal(page.status, 503);
    assert.equal(field(page, "refresh"), "1");
    assert.equal(field(page, "retry-after"), "1");
    assert.equal(field(page, "cache-control"), "no-store");
    assert.match(page.body, /being started/);
    assert.match(page.body, /BACKEND_STARTING/);
    assert.doesNotMatch(page.body, /<script/);
    assert.deepEqual(stand.wanted, ["shop"]);
    const head = await ask(stand.port, { ...asBrowser, method: "HEAD" });
    assert.deepEqual([head.status, field(head, "refresh"), head.body], [503, "1", ""]);
    await stand.apply(awake(a.port));
    assert.equal((await ask(stand.port, asBrowser)).status, 200);
    assert.equal(stand.load().held, 0);
    const codes = await stand.end();
    assert.deepEqual(codes.slice(0, 2), ["BACKEND_STARTING 503", "BACKEND_STARTING 503"]);
  },
);

test("a flood of requests asks for a start once a second at most", bounded, async () => {
  await using stand = await planeStand(asleep());
  const begun = performance.now();
  for (let n = 0; n < 100; n += 1) await ask(stand.port, asBrowser);
  const seconds = Math.ceil((performance.now() - begun) / 1000);
  assert.ok(stand.wanted.length >= 1 && stand.wanted.length <= seconds, `${stand.wanted.length}`);
});

const patientOnes = {
  "a program": asJson,
  "a browser that posts": { ...asBrowser, ...patient, method: "POST", body: "a=b" },
  "a browser that wants JSON first": {
    headers: { Accept: "application/json, text/html;q=0.5" },
    ...patient,
  },
};

for (const [who, request] of Object.entries(patientOnes)) {
  test(`${who} is held until the container answers`, bounded, async () => {
    await using a = await LiveOrigin.start("a");
    await using stand = await planeStand(asleep());
    const answer = ask(stand.port, request);
    await held(stand, 1);
    await stand.apply(foundService({ absent: ["starting"], onDemand: demand }));
    assert.equal(stand.load().held, 1);
    await stand.apply(awake(a.port));
    assert.equal((await answer).status, 200);
    assert.equal(a.requests[0]?.body, "body" in request ? request.body : "");
  });
}

test("with wait: hold browsers are held as well", bounded, async () => {
  await using a = await LiveOrigin.start("a");
  const holding = { ...demand, wait: "hold" } as const;
  await using stand = await planeStand(asleep(holding));
  const answer = ask(stand.port, { ...asBrowser, ...patient });
  await held(stand, 1);
  await stand.apply(awake(a.port, holding));
  assert.equal((await answer).status, 200);
});

test("while somebody waits it is asked for again, since that may get lost", bounded, async () => {
  await using stand = await planeStand(asleep());
  await using client = await connect(stand.port);
  await client.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
  await eventually("to be wanted again", () => stand.wanted.length >= 3 || undefined);
  await client[Symbol.asyncDispose]();
  await held(stand, 0);
});

test("a container that runs and does not listen yet fails nobody", bounded, async () => {
  await using a = await LiveOrigin.dead("a");
  await using stand = await planeStand(asleep());
  const answer = ask(stand.port, asJson);
  await held(stand, 1);
  await stand.apply(awake(a.port));
  await eventually(
    "the port to be tried",
    () => stand.load().backends[0]?.failed === 1 || undefined,
  );
  const page = await ask(stand.port, asBrowser);
  assert.deepEqual([page.status, field(page, "refresh")], [503, "1"]);
  await held(stand, 1);
  await a.revive();
  assert.equal((await answer).status, 200);
  assert.equal((await ask(stand.port, asBrowser)).status, 200);
});

test(
  "what did not start in time is said to have failed, and left alone for a while",
  bounded,
  async () => {
    const short = { ...demand, startTimeout: 400 };
    await using stand = await planeStand(asleep(short));
    const late = ask(stand.port, asJson);
    const first = await ask(stand.port, asBrowser);
    assert.equal(field(first, "refresh"), "1");
    const given = await late;
    assert.deepEqual([given.status, JSON.parse(given.body).code], [503, "HOLD_TIMEOUT"]);
    const wanted = stand.wanted.length;
    const failed = await ask(stand.port, asBrowser);
    assert.deepEqual([failed.status, field(failed, "refresh")], [503, ""]);
    assert.match(failed.body, /HOLD_TIMEOUT/);
    const begun = performance.now();
    assert.match((await ask(stand.port, asJson)).body, /HOLD_TIMEOUT/);
    assert.ok(performance.now() - begun < 300, "at once");
    assert.equal(stand.wanted.length, wanted);
  },
);

test("one more than maxHeld is refused", bounded, async () => {
  const hold = { ...defaultHold, maxHeld: 1 };
  const service = foundService({ absent: ["stopped"], onDemand: demand, hold });
  await using stand = await planeStand(service);
  await using client = await connect(stand.port);
  await client.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
  await held(stand, 1);
  assert.match((await ask(stand.port, asJson)).body, /HOLD_FULL/);
});

test(
  "a stream waits for its container, and counts for as long as it is open",
  bounded,
  async () => {
    await using a = await LiveOrigin.start("a");
    const raw = { name: "raw", protocol: "tcp", onDemand: demand } as const;
    await using stand = await planeStand(foundService({ ...raw, absent: ["stopped"] }));
    await using client = await connect(stand.streamPort, patient);
    await client.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    await held(stand, 1, "raw");
    assert.deepEqual(stand.wanted, ["raw"]);
    await stand.apply(foundService({ ...raw, ports: [a.port] }));
    assert.equal((await client.readResponse()).status, 200);
    assert.equal(stand.load("raw").backends[0]?.inFlight, 1);
  },
);

test("a WebSocket counts for as long as it is open", bounded, async () => {
  await using a = await LiveOrigin.start("a");
  a.answer = () => ({ status: 101, headers: { Connection: "Upgrade", Upgrade: "x" }, body: "" });
  await using stand = await planeStand(awake(a.port));
  await using client = await connect(stand.port);
  await client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  assert.equal((await client.readResponse()).status, 101);
  assert.equal(stand.load().backends[0]?.inFlight, 1);
  await client[Symbol.asyncDispose]();
  const isFree = () => stand.load().backends[0]?.inFlight === 0 || undefined;
  await eventually("it to be over", isFree);
});

test("settings of a start may change and go", bounded, async () => {
  await using stand = await planeStand(asleep());
  await ask(stand.port, asBrowser);
  await stand.apply(foundService({ absent: ["stopped"] }));
  const page = await ask(stand.port, asBrowser);
  assert.equal(field(page, "refresh"), "");
  assert.match(page.body, /BACKEND_STOPPED/);
});
