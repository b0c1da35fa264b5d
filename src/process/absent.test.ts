import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, field } from "../../test/harness/ask.ts";
import { eventually } from "../../test/harness/barrier.ts";
import { connect } from "../../test/harness/client.ts";
import { LiveOrigin } from "../../test/harness/live-origin.ts";
import { foundService, planeStand } from "../../test/harness/plane-stand.ts";
import { defaultHold } from "../config/limits.ts";
import type { AbsentBackend } from "../config/service.ts";

const bounded = { timeout: 20_000 };
const asJson = { headers: { Accept: "application/json" } };
const asBrowser = { headers: { Accept: "text/html,application/xhtml+xml,*/*;q=0.8" } };

const answers: readonly (readonly [readonly AbsentBackend["state"][], string, string])[] = [
  [["stopped"], "BACKEND_STOPPED", "5"],
  [["paused", "stopped"], "BACKEND_STOPPED", "5"],
  [["missing"], "BACKEND_STOPPED", "5"],
  [["stopped", "starting"], "BACKEND_STARTING", "1"],
  [["unhealthy"], "BACKEND_STARTING", "1"],
  [["unreachable"], "NO_BACKEND", "5"],
  [["stopped", "unreachable"], "NO_BACKEND", "5"],
  [[], "NO_BACKEND", "5"],
];

for (const [absent, code, retryAfter] of answers) {
  const who = absent.length === 0 ? "nobody" : absent.join(" and ");
  test(`a service that has ${who} is answered ${code}`, bounded, async () => {
    await using stand = await planeStand(foundService({ absent }));
    const answer = await ask(stand.port, asJson);
    assert.equal(answer.status, 503);
    assert.equal(JSON.parse(answer.body).code, code);
    assert.equal(field(answer, "retry-after"), retryAfter);
    assert.equal(field(answer, "refresh"), "");
    assert.deepEqual(await stand.end(), [`${code} 503`]);
    assert.deepEqual(stand.wanted, []);
  });
}

test("the page of a stopped container says so, and names no container", bounded, async () => {
  await using stand = await planeStand(foundService({ absent: ["stopped"] }));
  const { body } = await ask(stand.port, asBrowser);
  assert.match(body, /<p>What answers here is stopped\.<\/p>/);
  assert.match(body, /start it/);
  assert.doesNotMatch(body, /web1/);
});

const kinds: Readonly<Record<string, Parameters<typeof foundService>[0]>> = {
  "round-robin": { balance: { policy: "round-robin" } },
  hash: { balance: { policy: "hash", key: { from: "client-ip" }, bound: 1.25 } },
  "least-time": { balance: { policy: "least-time" } },
  "a session of the application": {
    sticky: {
      kind: "application",
      source: { from: "cookie", name: "s" },
      idle: 1000,
      sessions: 10,
    },
  },
  "whenAllDown: refuse": { whenAllDown: "refuse" },
};

for (const [what, settings] of Object.entries(kinds)) {
  test(`backends come and go until there is none, with ${what}`, bounded, async () => {
    await using a = await LiveOrigin.start("a");
    await using b = await LiveOrigin.start("b");
    await using stand = await planeStand(foundService({ absent: ["stopped"], ...settings }));
    const headers = { Cookie: "s=1" };
    const status = async () => (await ask(stand.port, { headers })).status;
    assert.equal(await status(), 503);
    for (const ports of [[a.port], [a.port, b.port], [], [b.port], []]) {
      await stand.apply(foundService({ ports, absent: ["stopped"], ...settings }));
      assert.equal(await status(), ports.length === 0 ? 503 : 200, ports.join());
    }
    assert.equal(a.requests.length + b.requests.length, 3);
  });
}

test("a request in flight is finished when its container leaves the service", bounded, async () => {
  await using a = await LiveOrigin.start("a");
  const { promise, resolve } = Promise.withResolvers<void>();
  a.answer = async () => {
    await promise;
    return { body: "late" };
  };
  await using stand = await planeStand(foundService({ ports: [a.port] }));
  const answer = ask(stand.port);
  await a.arrived(1);
  await stand.apply(foundService({ absent: ["stopped"] }));
  assert.equal((await ask(stand.port, asJson)).status, 503);
  resolve();
  assert.equal((await answer).body, "late");
});

test(
  "holdFor applies while there is none, and ends the instant there is one",
  bounded,
  async () => {
    await using a = await LiveOrigin.start("a");
    const hold = { ...defaultHold, holdFor: 10_000 };
    await using stand = await planeStand(foundService({ absent: ["stopped"], hold }));
    const answers = [1, 2, 3].map(() => ask(stand.port, { timeoutMs: 10_000 }));
    await eventually("all to be held", () => stand.load().held === 3 || undefined);
    await stand.apply(foundService({ absent: ["starting"], hold }));
    assert.equal(stand.load().held, 3);
    await stand.apply(foundService({ ports: [a.port], hold }));
    const begun = performance.now();
    for (const { status } of await Promise.all(answers)) assert.equal(status, 200);
    assert.ok(performance.now() - begun < 500, "at once");
    assert.equal(stand.load().held, 0);
  },
);

test(
  "with holdFor a service that stays without anybody answers HOLD_TIMEOUT",
  bounded,
  async () => {
    const hold = { ...defaultHold, holdFor: 300, maxHeld: 1 };
    await using stand = await planeStand(foundService({ absent: ["stopped"], hold }));
    const late = ask(stand.port, asJson);
    await eventually("it to be held", () => stand.load().held === 1 || undefined);
    assert.match((await ask(stand.port, asJson)).body, /HOLD_FULL/);
    assert.match((await late).body, /HOLD_TIMEOUT/);
  },
);

test(
  "a stream to a stopped container is closed, and carried when it is back",
  bounded,
  async () => {
    await using a = await LiveOrigin.start("a");
    const raw = { name: "raw", protocol: "tcp" } as const;
    await using stand = await planeStand(foundService({ ...raw, absent: ["stopped"] }));
    await using first = await connect(stand.streamPort);
    await first.waitClose();
    await stand.apply(foundService({ ...raw, ports: [a.port] }));
    assert.equal((await ask(stand.streamPort)).status, 200);
  },
);
