import { Guests } from "../guest/guests.ts";
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { eventually } from "../../test/harness/barrier.ts";
import {
  startUdpServer,
  udpClient,
  udpListener,
  udpService,
} from "../../test/harness/datagram-bench.ts";
import type { DatagramLimits } from "../config/snapshot.ts";
import type { BackendService } from "../config/service.ts";
import { Tally } from "../lib/tally.ts";
import { Wheel } from "../lib/wheel.ts";
import { DatagramPort } from "../listen/datagram-port.ts";
import { DatagramSocket } from "../listen/datagram-socket.ts";
import { Caps } from "../upstream/caps.ts";
import { Failover } from "../upstream/failover.ts";
import { LiveService } from "../upstream/live-service.ts";
import { StateBook } from "../upstream/state-book.ts";
import { DatagramListener } from "./datagram-listener.ts";
import type { SessionRecord } from "./datagram-session.ts";

const bounded = { timeout: 20_000 };

/** A real listener on a port of its own, with a real service behind it. */
function start(settings: BackendService, limits: Partial<DatagramLimits> = {}, host = "127.0.0.1") {
  const wheel = new Wheel(10);
  const problems: string[] = [];
  const records: SessionRecord[] = [];
  const states = new StateBook();
  const service = new LiveService(settings, {
    wheel,
    states,
    caps: new Caps(new Tally()),
    limits: { headBytes: 4096, headerCount: 50, trailerBytes: 512 },
    bufferBytes: 65_536,
    secret: () => "",
    guests: new Guests(),
    onMark() {},
    onSession() {},
    onWanted() {},
  });
  states.join(service.name, service);
  const listener = new DatagramListener({
    settings: udpListener(limits),
    destination: service,
    wheel,
    onProblem: (message, fields) => problems.push(`${message} ${JSON.stringify(fields)}`),
    onEnd: (record) => records.push(record),
  });
  const port = new DatagramPort(listener);
  const socket = DatagramSocket.open({ kind: "tcp", host, port: 0 }, true);
  port.use([socket]);
  return {
    listener,
    service,
    states,
    port: socket.bound.port,
    path: port,
    problems,
    records,
    [Symbol.dispose]() {
      listener.cut();
      port.close();
      service[Symbol.dispose]();
    },
  };
}

const descriptors = () => readdirSync("/proc/self/fd").length;

test(
  "each client gets the answers to its own questions, from the address it asked",
  bounded,
  async () => {
    await using backend = await startUdpServer("b");
    using proxy = start(udpService([backend.url]));
    const clients = await Promise.all(Array.from({ length: 20 }, () => udpClient(proxy.port)));
    const answers = await Promise.all(
      clients.map(async (each, n) => [await each.ask(`${n}`), await each.ask(`again ${n}`)]),
    );
    assert.deepEqual(
      answers,
      clients.map((_, n) => [`b: ${n}`, `b: again ${n}`]),
    );
    assert.equal(proxy.listener.sessionCount, 20);
    // One port towards the backend for each client, kept.
    assert.equal(new Set(backend.heard.map(({ port }) => port)).size, 20);
    for (const each of clients) each[Symbol.dispose]();
  },
);

test("empty and very large datagrams pass, in both directions and in order", bounded, async () => {
  await using backend = await startUdpServer("b", { answer: (text) => text });
  using proxy = start(udpService([backend.url]));
  using client = await udpClient(proxy.port);
  const texts = ["", "x".repeat(60_000), "", "y"];
  for (const text of texts) assert.equal(await client.ask(text), text);
});

test("a client can go on receiving without asking, and ends by silence", bounded, async () => {
  await using backend = await startUdpServer("b");
  using proxy = start(udpService([backend.url]), { idle: 300 });
  using client = await udpClient(proxy.port);
  await client.ask("subscribe");
  const from = backend.heard[0]?.port ?? 0;
  for (let n = 0; n < 6; n++) {
    const event = client.next();
    // Longer than the idle time in all, shorter each.
    await new Promise((resolve) => setTimeout(resolve, 100));
    backend.send(`event ${n}`, from);
    assert.equal(await event, `event ${n}`);
  }
  await eventually("the end of the session", () => proxy.listener.sessionCount === 0 || undefined);
  const [record] = proxy.records;
  assert.deepEqual(
    { ...record, ms: undefined },
    {
      listener: "dns",
      service: "s",
      backend: backend.url,
      clientIp: "127.0.0.1",
      bytesIn: 9,
      bytesOut: 12 + 6 * 7,
      datagramsIn: 1,
      datagramsOut: 7,
      ms: undefined,
      failure: undefined,
    },
  );
  assert.equal(proxy.service.backends[0]?.load, 0);
});

test("IPv4 clients of a dual-stack address are known by their IPv4 address", bounded, async () => {
  await using backend = await startUdpServer("b");
  using proxy = start(udpService([backend.url]), {}, "::");
  using four = await udpClient(proxy.port, "127.0.0.1");
  assert.equal(await four.ask("4"), "b: 4");
  using six = await udpClient(proxy.port, "::1");
  assert.equal(await six.ask("6"), "b: 6");
  proxy.listener.cut();
  assert.deepEqual(proxy.records.map(({ clientIp }) => clientIp).toSorted(), ["127.0.0.1", "::1"]);
});

test("a backend may have an IPv6 address, or a name", bounded, async () => {
  await using six = await startUdpServer("six", { host: "::1" });
  using direct = start(udpService([six.url]));
  using client = await udpClient(direct.port);
  assert.equal(await client.ask("x"), "six: x");
  await using four = await startUdpServer("four");
  using named = start(udpService([`udp://localhost:${four.port}`], { connectFailures: 0 }));
  // `localhost` may be ::1 as well, where nobody is: each refusal costs one datagram. The first one waits
  // for the name and is not lost.
  const answer = await eventually("an answer", async () => {
    using asking = await udpClient(named.port);
    return await asking.ask("x", 200).catch(() => undefined);
  });
  assert.equal(answer, "four: x");
  using next = await udpClient(named.port);
  assert.equal(await next.ask("first try"), "four: first try");
});

test(
  "a name that does not exist is a failure of the backend, and nothing is kept for it",
  bounded,
  async () => {
    using proxy = start(udpService(["udp://nowhere.invalid:53"]));
    using client = await udpClient(proxy.port);
    await client.send("x");
    const [backend] = proxy.service.backends;
    await eventually("the failure", () => backend?.failed === 1 || undefined);
    assert.equal(backend?.isDead, true);
    assert.equal(backend.load, 0);
  },
);

for (const connectFailures of [1, 0]) {
  test(
    `a client whose backend refuses is served by another (connectFailures: ${connectFailures})`,
    bounded,
    async () => {
      await using alive = await startUdpServer("alive");
      const gone = await startUdpServer("gone");
      using proxy = start(udpService([gone.url, alive.url], { connectFailures }));
      const clients = await Promise.all(Array.from({ length: 6 }, () => udpClient(proxy.port)));
      await Promise.all(clients.map((each) => each.ask("x")));
      await gone[Symbol.asyncDispose]();
      for (const each of clients) {
        // At most one datagram of a client is lost, whichever backend it had.
        const first = await each.ask("y", 300).catch(() => "lost");
        assert.ok(first === "lost" || first === "alive: y", first);
        assert.equal(await each.ask("z"), "alive: z");
      }
      const [dead] = proxy.service.backends;
      assert.ok((dead?.failed ?? 0) >= 1);
      assert.equal(dead?.isDead, connectFailures === 1);
      assert.equal(dead?.load, 0);
      for (const each of clients) each[Symbol.dispose]();
    },
  );
}

test(
  "a lone backend that comes back is used by the same client, without anything else",
  bounded,
  async () => {
    const before = await startUdpServer("before");
    using proxy = start(udpService([before.url], { deadFor: 60_000 }));
    using client = await udpClient(proxy.port);
    assert.equal(await client.ask("x"), "before: x");
    await before[Symbol.asyncDispose]();
    assert.equal(await client.ask("y", 200).catch(() => "lost"), "lost");
    await using _after = await startUdpServer("after", { port: before.port });
    assert.equal(
      await eventually("an answer", () => client.ask("z", 200).catch(() => undefined)),
      "after: z",
    );
  },
);

test(
  "a client moves when checks say that its silent backend is down, and not when all are",
  bounded,
  async () => {
    await using a = await startUdpServer("a");
    await using b = await startUdpServer("b");
    using proxy = start(udpService([a.url, b.url]));
    using client = await udpClient(proxy.port);
    const first = (await client.ask("x")).slice(0, 1);
    const [own, other] = first === "a" ? [a, b] : [b, a];
    const say = (url: string, health: "up" | "down") =>
      proxy.states.learn({
        backends: [{ service: "s", backend: url, health, isDraining: false }],
        services: [],
        marks: [],
      });
    say(own.url, "down");
    assert.notEqual((await client.ask("y")).slice(0, 1), first);
    say(other.url, "down");
    const port = other.heard.at(-1)?.port;
    await client.ask("z");
    await client.ask("z");
    // Nobody is better: it stays, with the socket it has.
    assert.equal(other.heard.at(-1)?.port, port);
    assert.equal(other.heard.length, 3);
  },
);

test(
  "in maintenance new clients get nothing, and who is served already goes on",
  bounded,
  async () => {
    await using backend = await startUdpServer("b");
    using proxy = start(udpService([backend.url]));
    using served = await udpClient(proxy.port);
    assert.equal(await served.ask("x"), "b: x");
    const say = (isInMaintenance: boolean) =>
      proxy.states.learn({
        backends: [],
        services: [{ service: "s", isPaused: false, isInMaintenance }],
        marks: [],
      });
    say(true);
    using fresh = await udpClient(proxy.port);
    await fresh.send("dropped");
    assert.equal(await served.ask("y"), "b: y");
    assert.equal(proxy.listener.sessionCount, 1);
    say(false);
    assert.equal(await fresh.ask("z"), "b: z");
    assert.ok(!backend.heard.some(({ text }) => text === "dropped"));
    assert.deepEqual(proxy.problems, []);
  },
);

test(
  "while a service is paused new clients get nothing, and who is served already goes on",
  bounded,
  async () => {
    await using backend = await startUdpServer("b");
    using proxy = start(udpService([backend.url]));
    using served = await udpClient(proxy.port);
    assert.equal(await served.ask("x"), "b: x");
    const say = (isPaused: boolean) =>
      proxy.states.learn({
        backends: [],
        services: [{ service: "s", isPaused, isInMaintenance: false }],
        marks: [],
      });
    say(true);
    using fresh = await udpClient(proxy.port);
    await fresh.send("dropped");
    assert.equal(await served.ask("y"), "b: y");
    assert.equal(proxy.listener.sessionCount, 1);
    say(false);
    assert.equal(await fresh.ask("z"), "b: z");
    assert.ok(!backend.heard.some(({ text }) => text === "dropped"));
    assert.deepEqual([proxy.problems, proxy.records], [[], []]);
  },
);

test("the maintenance of a service behind a failover counts", bounded, async () => {
  await using backend = await startUdpServer("b");
  using proxy = start(udpService([backend.url]));
  const group = {
    kind: "failover" as const,
    name: "group",
    origin: { provider: "test", place: "here" },
    maintenance: undefined,
    services: ["s", "s"],
    statuses: [],
  };
  const { states, service } = proxy;
  const destination = new Failover(group, { states, destinationOf: () => service });
  proxy.listener.update(udpListener(), destination);
  const say = (isInMaintenance: boolean) =>
    states.learn({
      backends: [],
      services: [{ service: "s", isPaused: false, isInMaintenance }],
      marks: [],
    });
  using served = await udpClient(proxy.port);
  assert.equal(await served.ask("x"), "b: x");
  say(true);
  using client = await udpClient(proxy.port);
  await client.send("dropped");
  assert.equal(await served.ask("y"), "b: y");
  assert.equal(proxy.listener.sessionCount, 1);
  say(false);
  assert.equal(await client.ask("z"), "b: z");
  assert.ok(!backend.heard.some(({ text }) => text === "dropped"));
});

test("with no backend at all datagrams are dropped, and nothing is kept", bounded, async () => {
  await using backend = await startUdpServer("b");
  const settings = { ...udpService([backend.url]), whenAllDown: "refuse" as const };
  using proxy = start(settings);
  proxy.states.learn({
    backends: [{ service: "s", backend: backend.url, health: "down", isDraining: false }],
    services: [],
    marks: [],
  });
  using client = await udpClient(proxy.port);
  for (let n = 0; n < 5; n++) await client.send("x");
  await eventually("a warning", () => proxy.problems.length > 0 || undefined);
  assert.equal(proxy.listener.sessionCount, 0);
  assert.equal(proxy.problems.length, 1);
  assert.match(proxy.problems[0] ?? "", /no backend can be used .*"service":"s"/);
  // What anybody can cause without being served leaves no record each time.
  assert.deepEqual(proxy.records, []);
});

test(
  "a flood opens no more sessions than allowed, warns once, and harms nobody who is served",
  bounded,
  async () => {
    await using backend = await startUdpServer("b");
    using proxy = start(udpService([backend.url]), { sessions: 50 });
    using client = await udpClient(proxy.port);
    assert.equal(await client.ask("x"), "b: x");
    const before = descriptors();
    const flood = await Promise.all(
      // Every address of 127.0.0.0/8 is ours: as many senders as forged addresses would be.
      Array.from({ length: 200 }, (_, n) => udpClient(proxy.port, "127.0.0.1", `127.9.0.${n + 1}`)),
    );
    const own = descriptors();
    for (const each of flood) await each.send("flood");
    for (const each of flood) await each.send("flood");
    assert.equal(await client.ask("y"), "b: y");
    await eventually("the flood", () => backend.heard.length === 2 + 2 * 49 || undefined);
    assert.equal(proxy.listener.sessionCount, 50);
    assert.equal(descriptors() - own, 49);
    assert.equal(proxy.problems.length, 1);
    assert.match(proxy.problems[0] ?? "", /too many sessions/);
    for (const each of flood) each[Symbol.dispose]();
    proxy.listener.cut();
    await eventually("closed sockets", () => descriptors() < before + 5 || undefined);
  },
);

test("one address gets no more sessions than it may have; others are served", bounded, async () => {
  await using backend = await startUdpServer("b");
  using proxy = start(udpService([backend.url]), { sessionsPerAddress: 3, idle: 500 });
  const same = await Promise.all(Array.from({ length: 5 }, () => udpClient(proxy.port)));
  for (const each of same) await each.send("x");
  using other = await udpClient(proxy.port, "127.0.0.1", "127.0.0.9");
  assert.equal(await other.ask("y"), "b: y");
  assert.equal(proxy.listener.sessionCount, 4);
  await eventually("room", () => proxy.listener.sessionCount === 0 || undefined);
  assert.equal(await same[4]?.ask("z"), "b: z");
  for (const each of same) each[Symbol.dispose]();
});

test(
  "a backend that is configured no more gets nothing more from the clients it had",
  bounded,
  async () => {
    await using a = await startUdpServer("a");
    await using b = await startUdpServer("b");
    using proxy = start(udpService([a.url]));
    using client = await udpClient(proxy.port);
    assert.equal(await client.ask("x"), "a: x");
    proxy.service.update(udpService([b.url]));
    proxy.listener.update(udpListener(), proxy.service);
    // What it still answers is passed on.
    const late = client.next();
    a.send("late", a.heard[0]?.port ?? 0);
    assert.equal(await late, "late");
    assert.equal(await client.ask("y"), "b: y");
    assert.equal(a.heard.length, 1);
  },
);

test(
  "a client stays with its backend through a reload that leaves it in place",
  bounded,
  async () => {
    await using a = await startUdpServer("a");
    await using b = await startUdpServer("b");
    using proxy = start(udpService([a.url]));
    using client = await udpClient(proxy.port);
    await client.ask("x");
    proxy.service.update(udpService([b.url, a.url]));
    proxy.listener.update(udpListener(), proxy.service);
    for (let n = 0; n < 4; n++) assert.equal(await client.ask("y"), "a: y");
    assert.equal(new Set(a.heard.map(({ port }) => port)).size, 1);
  },
);

test(
  "one that leaves receives no more, still passes an answer on, and is done soon after",
  bounded,
  async () => {
    await using backend = await startUdpServer("b", { isSilent: true });
    using proxy = start(udpService([backend.url]), { idle: 30_000 });
    using client = await udpClient(proxy.port);
    await client.send("slow question");
    await eventually("the question", () => backend.heard.length === 1 || undefined);
    proxy.path.leave();
    proxy.listener.drain();
    await client.send("too late");
    const answer = client.next();
    backend.send("slow answer", backend.heard[0]?.port ?? 0);
    assert.equal(await answer, "slow answer");
    await eventually("the end", () => proxy.listener.sessionCount === 0 || undefined);
    assert.equal(backend.heard.length, 1);
  },
);

test(
  "when an address is closed its sessions are over, and those of others are not",
  bounded,
  async () => {
    await using backend = await startUdpServer("b");
    using proxy = start(udpService([backend.url]));
    const second = new DatagramPort(proxy.listener);
    const socket = DatagramSocket.open({ kind: "tcp", host: "127.0.0.1", port: 0 }, true);
    second.use([socket]);
    using one = await udpClient(proxy.port);
    using two = await udpClient(socket.bound.port);
    await one.ask("x");
    await two.ask("x");
    assert.equal(proxy.listener.sessionCount, 2);
    second.close();
    assert.equal(proxy.listener.sessionCount, 1);
    assert.equal(await one.ask("y"), "b: y");
  },
);

test(
  "an address that changes hands serves the new listener, and the old one still answers",
  bounded,
  async () => {
    await using a = await startUdpServer("a", { isSilent: true });
    await using b = await startUdpServer("b");
    using before = start(udpService([a.url]));
    using after = start(udpService([b.url]));
    using client = await udpClient(before.port);
    await client.send("x");
    await eventually("the question", () => a.heard.length === 1 || undefined);
    before.path.user = after.listener;
    before.listener.drain();
    const late = client.next();
    a.send("late", a.heard[0]?.port ?? 0);
    assert.equal(await late, "late");
    assert.equal(await client.ask("y"), "b: y");
  },
);
