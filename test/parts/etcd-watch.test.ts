// Following the keys of a real etcd, without a source of routes around it: a watch that has gone silent, and
// history that is gone.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { test } from "node:test";
import { etcdSource as limits } from "../../src/config/provider-limits.ts";
import { EtcdError } from "../../src/etcd/etcd-error.ts";
import { follow } from "../../src/etcd/follow.ts";
import { Keyspace } from "../../src/etcd/keyspace.ts";
import { Member } from "../../src/etcd/member.ts";
import { eventually } from "../harness/barrier.ts";
import { etcdNeeds, startEtcd } from "../harness/etcd.ts";
import { needs } from "../harness/needs.ts";

const skip = needs(...etcdNeeds);

function memberAt(endpoint: string): Member {
  const nobody = { tls: undefined, username: undefined, password: undefined };
  return new Member({ place: "test", endpoints: [endpoint], ...nobody, prefix: "p/" }, endpoint);
}

/** A way to etcd that forgets connections without a word, as a firewall does. */
async function relayTo(endpoint: string) {
  const { hostname, port } = new URL(endpoint);
  const pairs = new Set<readonly [Socket, Socket]>();
  let connections = 0;
  const server = createServer((near) => {
    connections++;
    const far = connect(Number(port), hostname);
    const pair = [near, far] as const;
    pairs.add(pair);
    near.pipe(far).pipe(near);
    const end = () => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const each of pair) each.on("error", end).on("close", end);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: own } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${own}`,
    connections: () => connections,
    /** The oldest one that is open. */
    forget() {
      const [[near, far] = assert.fail("there is none")] = pairs;
      near.unpipe(far).pause();
      far.unpipe(near).pause();
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const [near] of pairs) near.destroy();
      await once(server, "close");
    },
  };
}

test(
  "a watch that nothing comes through any more is begun anew, where it was",
  { skip, timeout: 60_000 },
  async () => {
    await using etcd = await startEtcd();
    await using relay = await relayTo(etcd.endpoints[0] ?? "");
    const member = memberAt(relay.endpoint);
    const keys = new Keyspace();
    const heard: string[] = [];
    let listings = 0;
    const listed = Promise.withResolvers<void>();
    const ending = new AbortController();
    const following = follow(
      member,
      {
        ...{ keys, every: 60_000, heartbeat: 50 },
        changed(changes) {
          if (changes === undefined) listings++;
          for (const { key, value } of changes ?? []) heard.push(`${key}=${value ?? "gone"}`);
          listed.resolve();
        },
      },
      ending.signal,
    );
    const ended = assert.rejects(following);
    await listed.promise;
    const put = (at: number) => etcd.putAll([[`p/${at}`, "x"]]);
    const hears = (count: number) =>
      eventually(`${count} changes`, () => (heard.length >= count ? true : undefined));
    await put(1);
    await hears(1);
    relay.forget();
    await put(2);
    await put(3);
    await hears(3);
    await etcd.remove("p/1");
    await hears(4);
    // Changes of others are no reason to doubt it for long.
    for (let at = 0; at < 20; at++) {
      await etcd.putAll([["other", String(at)]]);
      await pause(20);
    }
    await put(4);
    await hears(5);
    ending.abort();
    await ended;
    assert.deepEqual(heard, [...["p/1=x", "p/2=x", "p/3=x", "p/1=gone", "p/4=x"]]);
    assert.deepEqual([...keys.entries()].map(({ key }) => key).join(), "p/2,p/3,p/4");
    assert.equal(listings, 1);
  },
);

test(
  "of more keys than are wanted the rest is counted and not read",
  { skip, timeout: 60_000 },
  async () => {
    await using etcd = await startEtcd();
    const pages = 4;
    const all = Array.from({ length: pages * limits.page }, (_, at) => `p/${at + 100_000}`);
    await etcd.putAll(all.map((each) => [each, "x"]));
    await using relay = await relayTo(etcd.endpoints[0] ?? "");
    const keys = new Keyspace({ keys: 1500, bytes: 1_000_000 });
    await keys.load(memberAt(relay.endpoint), AbortSignal.timeout(10_000));
    assert.deepEqual(
      [...keys.entries()].map(({ key }) => key),
      all.slice(0, 1500),
    );
    assert.equal(keys.left, all.length - 1500);
    // Each question has a connection of its own.
    assert.equal(relay.connections(), 2);
  },
);

test("history that has gone is told from other failures", { skip, timeout: 60_000 }, async () => {
  await using etcd = await startEtcd();
  for (const value of ["1", "2", "3"]) await etcd.ctl(["put", "p/a", value]);
  await etcd.compact();
  const member = memberAt(etcd.endpoints[0] ?? "");
  const none = () => {};
  const watching = member.watch(
    { from: 1n, opened: none, changed: none },
    AbortSignal.timeout(5000),
  );
  await assert.rejects(
    watching,
    (error) => error instanceof EtcdError && error.kind === "compacted",
  );
});
