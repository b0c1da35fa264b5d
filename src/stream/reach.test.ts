// Which backend a stream gets when the one that is asked first is not there, on real sockets.

import { deepStrictEqual, ok, strictEqual } from "node:assert";
import { test } from "node:test";
import { eventually } from "../../test/harness/barrier.ts";
import { connect } from "../../test/harness/client.ts";
import { origin } from "../../test/harness/origin.ts";
import { echo, nobody, type StreamStand, streamStand } from "../../test/harness/stream-stand.ts";

const timeout = 20_000;
/** Failed connections kill nobody, so that who is asked again is not a matter of who is dead. */
const immortal = { passive: { connectFailures: 0 } };

function groupOf(group: object, services: Record<string, object>) {
  return { listeners: { tcp: { service: "db" } }, services: { ...services, db: group } };
}

function at(port: number, more: object = {}) {
  return { backends: [`tcp://127.0.0.1:${port}`], ...more };
}

function say(stand: StreamStand, service: string, state: { paused?: true; worked?: true }): void {
  const { paused: isPaused = false, worked: isInMaintenance = false } = state;
  const services = [{ service, isPaused, isInMaintenance }];
  stand.destinations.learn({ backends: [], services, marks: [] });
}

function heldBy(stand: StreamStand, service: string): Promise<unknown> {
  const live = stand.destinations.services.find(({ name }) => name === service);
  return eventually("the stream to be held", () => (live?.loadRow.held === 1 ? true : undefined));
}

function refusals(stand: StreamStand): number {
  return stand.problems.filter((each) => each.includes("CONNECT_REFUSED")).length;
}

async function echoes(stand: StreamStand): Promise<void> {
  await using client = await connect(stand.port);
  await client.send("hello");
  strictEqual(await client.readBytes(5), "hello");
  client.end();
}

test("a failover goes over to the next service within the same stream", { timeout }, async () => {
  await using backend = await echo();
  const [one, two] = [await nobody(), await nobody()];
  const services = { a: at(one), b: at(two), c: at(backend.port) };
  await using stand = streamStand(groupOf({ failover: ["a", "b", "c"] }, services));
  await echoes(stand);
  const record = await stand.record();
  deepStrictEqual([record.service, record.failure], ["c", undefined]);
  strictEqual(refusals(stand), 2);
  for (const service of stand.destinations.services) {
    for (const each of service.backends) strictEqual(each.load, 0);
  }
});

test("a service that a stream has tried is not gone back to", { timeout }, async () => {
  const more = { ...immortal, retry: { attempts: 9 } };
  const services = { a: at(await nobody(), more), b: at(await nobody(), more) };
  await using stand = streamStand(groupOf({ split: { a: 1, b: 1 } }, services));
  await using client = await connect(stand.port);
  strictEqual(await client.readToEnd(), "");
  strictEqual((await stand.record()).failure, "CONNECT_REFUSED");
  strictEqual(refusals(stand), 2);
});

test(
  "a dead backend fails no stream while another one is there, however many come",
  { timeout },
  async () => {
    await using backend = await echo();
    const backends = [await nobody(), backend.port].map((port) => `tcp://127.0.0.1:${port}`);
    await using stand = streamStand(groupOf({ backends, ...immortal }, {}));
    for (let count = 0; count < 60; count++) {
      await using client = await connect(stand.port);
      client.end();
      await client.readToEnd();
      strictEqual((await stand.record()).failure, undefined);
    }
    ok(refusals(stand) > 20, "the dead one was never asked");
  },
);

test("who is held goes to another service when that one comes up first", { timeout }, async () => {
  await using backend = await echo();
  const services = { a: at(await nobody(), { holdFor: "15s" }), b: at(backend.port) };
  await using stand = streamStand(groupOf({ failover: ["a", "b"] }, services));
  const tell = (health: "up" | "down") => {
    const about = { service: "b", backend: `tcp://127.0.0.1:${backend.port}` };
    const backends = [{ ...about, health, isDraining: false }];
    stand.destinations.learn({ backends, services: [], marks: [] });
  };
  tell("down");
  await using client = await connect(stand.port);
  await client.send("hello");
  await heldBy(stand, "a");
  strictEqual(backend.connections.length, 0);
  tell("up");
  strictEqual(await client.readBytes(5), "hello");
  client.end();
  const record = await stand.record();
  deepStrictEqual([record.service, record.failure], ["b", undefined]);
});

test(
  "one of several services holds no longer than it may, though it is looked around meanwhile",
  { timeout },
  async () => {
    const more = { holdFor: "700ms" };
    const services = { a: at(await nobody(), more), b: at(await nobody(), more) };
    await using stand = streamStand(groupOf({ failover: ["a", "b"] }, services));
    await using client = await connect(stand.port);
    strictEqual(await client.readToEnd(), "");
    const { failure, ms } = await stand.record();
    strictEqual(failure, "HOLD_TIMEOUT");
    ok(ms >= 650 && ms < 5000, `${ms} ms`);
  },
);

test("the maintenance of the service that is chosen counts", { timeout }, async () => {
  await using backend = await echo();
  const services = { a: at(backend.port), b: at(backend.port) };
  await using stand = streamStand(groupOf({ failover: ["a", "b"] }, services));
  for (const name of ["a", "b"]) say(stand, name, { worked: true });
  await using client = await connect(stand.port);
  strictEqual(await client.readToEnd(), "");
  strictEqual((await stand.record()).failure, "MAINTENANCE");
  strictEqual(backend.connections.length, 0);
});

test("nobody goes over to a service that is being worked on", { timeout }, async () => {
  await using backend = await echo();
  const services = { a: at(await nobody()), b: at(backend.port) };
  await using stand = streamStand(groupOf({ failover: ["a", "b"] }, services));
  say(stand, "b", { worked: true });
  await using client = await connect(stand.port);
  strictEqual(await client.readToEnd(), "");
  deepStrictEqual([(await stand.record()).failure, refusals(stand)], ["CONNECT_REFUSED", 1]);
  strictEqual(backend.connections.length, 0);
});

for (const name of ["a", "db"]) {
  test(
    `a maintenance that begins while a stream is held counts (${name})`,
    { timeout },
    async () => {
      await using backend = await origin();
      const services = { a: at(backend.port), b: at(await nobody()) };
      await using stand = streamStand(groupOf({ failover: ["a", "b"] }, services));
      say(stand, "a", { paused: true });
      say(stand, "b", { worked: true });
      await using client = await connect(stand.port);
      await client.send("hello");
      await heldBy(stand, "a");
      say(stand, name, { worked: true });
      if (name !== "a") say(stand, "a", {});
      strictEqual(await client.readToEnd(), "");
      strictEqual((await stand.record()).failure, "MAINTENANCE");
      strictEqual(backend.connections.length, 0);
    },
  );
}
