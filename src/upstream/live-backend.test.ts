import assert from "node:assert/strict";
import { setTimeout as passed } from "node:timers/promises";
import { test } from "node:test";
import { eventually } from "../../test/harness/barrier.ts";
import {
  exchange,
  lease,
  optionsOf,
  plainOrigin,
  serviceOf,
} from "../../test/harness/upstream-sample.ts";
import { LiveBackend, type BackendOwner } from "./live-backend.ts";
import type { Mark } from "./state.ts";

const url = "http://127.0.0.1:1";

interface Sample {
  readonly backend: LiveBackend;
  /** What the other workers would be told. */
  readonly told: Mark[];
  /** How often those who can be picked changed, and the load. */
  readonly changes: { standing: number; load: number };
}

function sampleOf(settings: object = {}): Sample {
  const service = serviceOf({ backends: [url], ...settings });
  const told: Mark[] = [];
  const changes = { standing: 0, load: 0 };
  const owner: BackendOwner = {
    onStanding: () => void changes.standing++,
    onLoad: () => void changes.load++,
    tell: (mark) => void told.push(mark),
  };
  const backend = new LiveBackend(service, service.backends[0]!, optionsOf(), owner);
  return { backend, told, changes };
}

const bounded = { timeout: 10_000 };

/** Dead for so short that a test can wait for it. */
const brief = { passive: { deadFor: "100ms" } };

async function halfOpen(backend: LiveBackend): Promise<void> {
  await eventually("the end of its time", () => (backend.isDead ? undefined : true));
}

test("a refused connection makes it dead at once, and all are told for how long and why", () => {
  const { backend, told, changes } = sampleOf({ passive: { deadFor: "3s" } });
  assert.deepEqual([backend.isUsable, backend.isSound], [true, true]);
  backend.connectFailed("CONNECT_REFUSED");
  assert.deepEqual([backend.isDead, backend.isUsable, backend.isSound], [true, false, false]);
  const why = "The backend refused the connection.";
  const dead = { kind: "dead", service: "s", backend: url, for: 3000, why, isUnreachable: true };
  assert.deepEqual(told, [dead]);
  assert.equal(changes.standing, 1);
  assert.equal(backend.failed, 1);
});

test("useless answers make it dead only after as many in a row as configured", () => {
  const { backend, told } = sampleOf({ passive: { failures: 3 } });
  backend.judge(false, 0, "BAD_RESPONSE");
  backend.judge(false, 0, "BAD_RESPONSE");
  backend.judge(true, 5, "");
  backend.judge(false, 0, "BAD_RESPONSE");
  backend.judge(false, 0, "BAD_RESPONSE");
  assert.equal(backend.isDead, false);
  backend.judge(false, 0, "UPSTREAM_CLOSED");
  assert.equal(backend.isDead, true);
  assert.deepEqual(
    told.map((mark) => mark.kind === "dead" && mark.why),
    ["UPSTREAM_CLOSED"],
  );
  assert.deepEqual([backend.answered, backend.failed], [1, 5]);
});

test("failures that are not to be counted make nobody dead", () => {
  const { backend, told } = sampleOf({ passive: { connectFailures: 0, failures: 0 } });
  for (let count = 0; count < 20; count++) {
    backend.connectFailed("CONNECT_REFUSED");
    backend.judge(false, 0, "BAD_RESPONSE");
  }
  assert.deepEqual([backend.isUsable, told, backend.failed], [true, [], 40]);
});

test("after its time one exchange is tried, and while it runs no other", bounded, async () => {
  const { backend } = sampleOf(brief);
  backend.connectFailed("CONNECT_REFUSED");
  await halfOpen(backend);
  assert.equal(backend.isUsable, true);
  backend.enter();
  assert.deepEqual([backend.isUsable, backend.isSound], [false, false]);
  backend.leave();
  assert.equal(backend.isUsable, true, "nothing came of it: the next one may try");
});

test("tried and good is alive, and all are told once", bounded, async () => {
  const { backend, told } = sampleOf(brief);
  backend.connectFailed("CONNECT_REFUSED");
  await halfOpen(backend);
  backend.enter();
  backend.judge(true, 3, "");
  assert.equal(backend.isUsable, true);
  backend.leave();
  backend.enter();
  backend.judge(true, 3, "");
  assert.equal(backend.isUsable, true, "it takes as many as any other again");
  assert.deepEqual(
    told.map(({ kind }) => kind),
    ["dead", "alive"],
  );
});

test("tried and bad is dead again, whatever it takes otherwise", bounded, async () => {
  for (const fail of ["connection", "answer"]) {
    const { backend, told } = sampleOf({ passive: { deadFor: "100ms", failures: 9 } });
    backend.connectFailed("CONNECT_REFUSED");
    await halfOpen(backend);
    backend.enter();
    if (fail === "connection") backend.connectFailed("CONNECT_TIMEOUT");
    else backend.judge(false, 0, "RESPONSE_TIMEOUT");
    backend.leave();
    assert.equal(backend.isDead, true, fail);
    assert.equal(told.length, 2);
    await halfOpen(backend);
    backend.enter();
    backend.judge(true, 1, "");
    assert.equal(backend.isUsable, true, "and it gets its next chance");
  }
});

test("once alive, what it did wrong before counts no more", bounded, async () => {
  const { backend } = sampleOf({ passive: { deadFor: "100ms", failures: 3 } });
  for (let count = 0; count < 3; count++) backend.judge(false, 0, "BAD_RESPONSE");
  await halfOpen(backend);
  backend.enter();
  backend.judge(true, 1, "");
  backend.leave();
  backend.judge(false, 0, "BAD_RESPONSE");
  backend.judge(false, 0, "BAD_RESPONSE");
  assert.equal(backend.isUsable, true);
});

test(
  "what another worker found out holds here too, and is told to nobody again",
  bounded,
  async () => {
    const { backend, told } = sampleOf();
    const dead: Mark = {
      kind: "dead",
      service: "s",
      backend: url,
      for: 40,
      why: "x",
      isUnreachable: false,
    };
    backend.takeMark(dead);
    assert.equal(backend.isUsable, false);
    await halfOpen(backend);
    assert.equal(backend.isUsable, true);
    backend.takeMark(dead);
    backend.takeMark({ kind: "alive", service: "s", backend: url });
    assert.equal(backend.isUsable, true);
    assert.deepEqual(told, []);
  },
);

test("our own mark that comes back does not make it dead for longer", bounded, async () => {
  const { backend } = sampleOf(brief);
  backend.connectFailed("CONNECT_REFUSED");
  backend.takeMark({
    kind: "dead",
    service: "s",
    backend: url,
    for: 60_000,
    why: "x",
    isUnreachable: false,
  });
  await halfOpen(backend);
});

test("a connection is proof of life only for one that accepted none", () => {
  const refused = sampleOf();
  refused.backend.connectFailed("CONNECT_REFUSED");
  assert.equal(refused.backend.isWorthReaching, true);
  refused.backend.reached();
  assert.equal(refused.backend.isUsable, true);
  assert.equal(refused.told.at(-1)?.kind, "alive");
  const rude = sampleOf({ passive: { failures: 1 } });
  rude.backend.judge(false, 0, "BAD_RESPONSE");
  assert.equal(rude.backend.isWorthReaching, false);
  rude.backend.reached();
  assert.equal(rude.backend.isDead, true);
});

test("it is worth reaching too when another worker could not reach it", () => {
  const { backend } = sampleOf();
  const mark = { kind: "dead", service: "s", backend: url, for: 9000 } as const;
  backend.takeMark({ ...mark, why: "It refused.", isUnreachable: true });
  assert.equal(backend.isWorthReaching, true);
  const rude = sampleOf();
  rude.backend.takeMark({ ...mark, why: "It was rude.", isUnreachable: false });
  assert.equal(rude.backend.isWorthReaching, false);
});

test("one that is down by checks, or has no weight, is not worth reaching", () => {
  for (const weight of [0, 1]) {
    const backends = [{ url, weight }, "http://127.0.0.1:2"];
    const { backend } = sampleOf({ backends });
    backend.connectFailed("CONNECT_REFUSED");
    if (weight > 0) backend.takeState(true, false);
    assert.equal(backend.isWorthReaching, false);
  }
});

test("a dead one that is tried for want of a better one is told of as dead once, not each time", () => {
  const { backend, told } = sampleOf({ passive: { deadFor: "10s" } });
  for (let count = 0; count < 50; count++) {
    backend.enter();
    backend.connectFailed("CONNECT_REFUSED");
    backend.leave();
  }
  assert.ok(told.length <= 2, `${told.length} messages for all workers`);
});

test("a dead one that is tried for want of a better one and answers well is alive", async () => {
  const { backend, told } = sampleOf();
  backend.connectFailed("CONNECT_REFUSED");
  backend.judge(true, 5000, "");
  assert.equal(backend.isDead, true, "what was sent before it died proves nothing");
  await passed(5);
  backend.enter();
  backend.judge(true, 1, "");
  backend.leave();
  assert.equal(backend.isUsable, true);
  assert.equal(told.at(-1)?.kind, "alive");
});

test("draining takes nothing new but keeps its sessions; down takes neither; weight 0 takes sessions", () => {
  const { backend, changes } = sampleOf();
  const standing = () => [backend.isUsable, backend.isSound];
  backend.takeState(false, true);
  assert.deepEqual(standing(), [false, true]);
  backend.takeState(true, true);
  assert.deepEqual(standing(), [false, false]);
  backend.takeState(false, false);
  assert.deepEqual(standing(), [true, true]);
  assert.equal(changes.standing, 3);
  backend.takeState(false, false);
  assert.equal(changes.standing, 3, "what is known is no news");
  const idle = sampleOf({ backends: [{ url, weight: 0 }, "http://127.0.0.1:2"] });
  assert.deepEqual([idle.backend.isUsable, idle.backend.isSound], [false, true]);
});

test("with slow start the weight grows to its full value, and never from nothing", () => {
  const { backend } = sampleOf({ backends: [{ url, weight: 40 }], slowStart: "10s" });
  assert.equal(backend.weight, 40, "who was there from the beginning has all of it");
  backend.begin(1000);
  assert.equal(backend.weight, 2);
  assert.equal(backend.rise(1000 + 100), true);
  assert.equal(backend.weight, 2);
  assert.equal(backend.rise(1000 + 2500), true);
  assert.equal(backend.weight, 10);
  assert.equal(backend.rise(1000 + 10_000), false);
  assert.equal(backend.weight, 40);
});

test("who comes back, from checks or from the dead, starts slowly; without slow start at once", async () => {
  for (const slowStart of [0, "10s"]) {
    const share = slowStart === 0 ? 20 : 1;
    const settings = { backends: [{ url, weight: 20 }], slowStart, ...brief };
    const { backend } = sampleOf(settings);
    backend.takeState(true, false);
    backend.takeState(false, false);
    assert.equal(backend.weight, share);
    const dead = sampleOf(settings).backend;
    dead.connectFailed("CONNECT_REFUSED");
    dead.reached();
    assert.equal(dead.weight, share);
    const drained = sampleOf(settings).backend;
    drained.takeState(false, true);
    drained.takeState(false, false);
    assert.equal(drained.weight, 20, "a drained one was warm all the time");
  }
});

test("its load and what came of it are counted as people see them", bounded, async () => {
  await using origin = await plainOrigin();
  const service = serviceOf([origin.url]);
  const owner = { onStanding: () => {}, onLoad: () => {}, tell: () => {} };
  using backend = new LiveBackend(service, service.backends[0]!, optionsOf(), owner);
  backend.enter();
  backend.enter();
  await exchange(await lease(backend.pool));
  backend.judge(true, 8, "");
  backend.leave();
  const { latency, ...row } = backend.loadRow;
  assert.ok(latency > 0);
  const counts = { inFlight: 1, waiting: 0, begun: 2, answered: 1, failed: 0 };
  assert.deepEqual(row, { service: "s", backend: origin.url, ...counts });
  assert.equal(backend.pool.idleCount, 1);
});

test("once disposed of, its time as a dead one ends without a word", bounded, async () => {
  const { backend, changes } = sampleOf(brief);
  backend.connectFailed("CONNECT_REFUSED");
  const before = changes.standing;
  backend[Symbol.dispose]();
  await passed(300);
  assert.equal(changes.standing, before);
});
