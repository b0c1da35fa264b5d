// UDP listeners: a real DNS server behind the real program, asked by real resolvers, through the death of
// workers, reloads, restarts and floods.

import assert from "node:assert/strict";
import { Resolver } from "node:dns/promises";
import { test } from "node:test";
import { eventually } from "../harness/barrier.ts";
import { runCommand } from "../harness/command.ts";
import { controlOf } from "../harness/control.ts";
import { startUdpServer, udpClient } from "../harness/datagram-bench.ts";
import { dnsmasqNeeds, startDnsmasq } from "../harness/dnsmasq.ts";
import { freePort } from "../harness/free-port.ts";
import { needs } from "../harness/needs.ts";
import { descriptorsOf } from "../harness/processes.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };
const withDns = { ...bounded, skip: needs(...dnsmasqNeeds) };

interface Options {
  readonly workers?: number;
  readonly datagrams?: Record<string, unknown>;
  readonly service?: Record<string, unknown>;
  readonly bind?: string;
}

function configFor(backends: readonly string[], options: Options = {}) {
  const { datagrams = {}, service = {}, bind = "127.0.0.1:0" } = options;
  return {
    listeners: { dns: { bind, protocol: "udp", service: "dns", datagrams } },
    services: { dns: { backends, ...service } },
    // An operator's limits in small, so that no test waits for them.
    shutdown: { grace: "5s", tunnelGrace: "5s" },
  };
}

function start(backends: readonly string[], options: Options = {}): Promise<Tidegate> {
  const { workers } = options;
  const config = configFor(backends, options);
  return startTidegate({ config, ...(workers === undefined ? {} : { workers }) });
}

/** One question, once: whoever loses it fails. */
function resolverFor(port: number, timeout = 4000): Resolver {
  const resolver = new Resolver({ timeout, tries: 1 });
  resolver.setServers([`127.0.0.1:${port}`]);
  return resolver;
}

const hosts = { "a.example.test": "10.1.2.3", "b.example.test": "10.1.2.4" };

for (const workers of [0, 2]) {
  test(
    `a DNS server is asked through ${workers} workers by resolvers, all at once`,
    withDns,
    async () => {
      await using dns = await startDnsmasq({ hosts, texts: { "t.example.test": "hello" } });
      await using program = await start([dns.url], { workers });
      const port = program.port("dns");
      const resolver = resolverFor(port);
      assert.deepEqual(await resolver.resolveTxt("t.example.test"), [["hello"]]);
      await assert.rejects(resolver.resolve4("no.example.test"), { code: "EREFUSED" });
      const before = dns.asked().length;
      const names = Array.from({ length: 100 }, (_, n) => (n % 2 === 0 ? "a" : "b"));
      const found = await Promise.all(
        names.map((name) => resolverFor(port).resolve4(`${name}.example.test`)),
      );
      assert.deepEqual(
        found,
        names.map((name) => [name === "a" ? "10.1.2.3" : "10.1.2.4"]),
      );
      await eventually("all to be asked", () => dns.asked().length === before + 100 || undefined);
    },
  );
}

test(
  "dig is answered from the address it asked",
  { ...withDns, skip: needs(...dnsmasqNeeds, "dig") },
  async () => {
    await using dns = await startDnsmasq({ hosts });
    await using program = await start([dns.url]);
    const port = program.port("dns");
    const question = ["@127.0.0.1", "-p", `${port}`, "+tries=1", "+time=4", "a.example.test"];
    const { stdout, code } = await runCommand("dig", question);
    assert.equal(code, 0);
    assert.match(stdout, /a\.example\.test\..*IN\s+A\s+10\.1\.2\.3/);
    assert.match(stdout, new RegExp(`SERVER: 127\\.0\\.0\\.1#${port}\\(`));
    assert.doesNotMatch(stdout, /reply from unexpected source/);
  },
);

test(
  "a DNS server that dies is replaced by the next one after one lost question",
  withDns,
  async () => {
    await using one = await startDnsmasq({ hosts });
    await using two = await startDnsmasq({ hosts });
    await using program = await start([one.url, two.url], {
      service: { balance: "round-robin", passive: { deadFor: "60s" } },
    });
    const port = program.port("dns");
    for (let n = 0; n < 4; n++) await resolverFor(port).resolve4("a.example.test");
    assert.ok(one.asked().length > 1 && two.asked().length > 1);
    await one.kill();
    let lost = 0;
    for (let n = 0; n < 10; n++) {
      await resolverFor(port, 500)
        .resolve4("a.example.test")
        .catch(() => lost++);
    }
    assert.ok(lost <= 1, `${lost} questions were lost`);
  },
);

test(
  "a question that comes while no worker lives is answered by the next worker",
  bounded,
  async () => {
    await using backend = await startUdpServer("b");
    await using program = await start([backend.url], { workers: 1 });
    const control = controlOf(program.control);
    using client = await udpClient(program.port("dns"));
    assert.equal(await client.ask("before"), "b: before");
    const [worker] = await control.settled(1);
    assert.ok(worker !== undefined);
    // Stopped, so that it cannot be the one that answers.
    process.kill(worker.pid, "SIGSTOP");
    const answer = client.next(20_000);
    await client.send("meanwhile");
    process.kill(worker.pid, "SIGKILL");
    assert.equal(await answer, "b: meanwhile");
    assert.equal(await client.ask("after"), "b: after");
  },
);

test(
  "when the worker that receives dies another one does, and then its successor",
  bounded,
  async () => {
    await using backend = await startUdpServer("b");
    await using program = await start([backend.url], { workers: 2 });
    const control = controlOf(program.control);
    using client = await udpClient(program.port("dns"));
    // Twice, since the socket goes to the other worker and comes back.
    let before = await control.settled(2);
    for (const round of ["one", "two"]) {
      const first = before.find(({ slot }) => slot === 0);
      assert.ok(first !== undefined);
      process.kill(first.pid, "SIGKILL");
      for (let n = 0; n < 50; n++) {
        // Those that the dead worker had read already are lost, and no others.
        const answer = await client.ask(`${round} ${n}`, 1000).catch(() => "lost");
        assert.ok(answer === `b: ${round} ${n}` || n < 2, `${round} ${n}: ${answer}`);
      }
      before = await control.settled(2, [first]);
    }
  },
);

test(
  "workers are replaced without a lost question, and a late answer still comes",
  bounded,
  async () => {
    await using backend = await startUdpServer("b", {
      answer: (text) => (text === "slow" ? undefined : `b: ${text}`),
    });
    await using program = await start([backend.url], { workers: 2 });
    const control = controlOf(program.control);
    const port = program.port("dns");
    using slow = await udpClient(port);
    await slow.send("slow");
    await eventually("the slow question", () => backend.heard.length === 1 || undefined);
    const before = await control.settled(2);
    const restarting = control.order("restart");
    const clients = await Promise.all(Array.from({ length: 5 }, () => udpClient(port)));
    const over = new AbortController();
    void restarting.finally(() => over.abort());
    let asked = 0;
    while (!over.signal.aborted || asked < 20) {
      for (const each of clients) assert.equal(await each.ask(`${asked}`), `b: ${asked}`);
      asked++;
    }
    for (const each of clients) each[Symbol.dispose]();
    await restarting;
    const late = slow.next();
    backend.send("late answer", backend.heard[0]?.port ?? 0);
    assert.equal(await late, "late answer");
    await control.settled(2, before, 30_000);
  },
);

for (const workers of [0, 2]) {
  test(
    `a pause keeps new clients away from ${workers} workers until it ends`,
    bounded,
    async () => {
      await using backend = await startUdpServer("b");
      await using program = await start([backend.url], { workers });
      const control = controlOf(program.control);
      await control.until("all workers", (rows) => rows.every(({ state }) => state === "live"));
      using served = await udpClient(program.port("dns"));
      assert.equal(await served.ask("x"), "b: x");
      assert.equal((await control.command("pause", "dns")).code, 0);
      using fresh = await udpClient(program.port("dns"));
      await fresh.send("dropped");
      assert.equal(await served.ask("y"), "b: y");
      assert.equal((await control.command("resume", "dns")).code, 0);
      assert.equal(await fresh.ask("z"), "b: z");
      assert.deepEqual(
        backend.heard.map(({ text }) => text),
        ["x", "y", "z"],
      );
    },
  );
}

for (const workers of [0, 2]) {
  test(
    `a reload changes backends and addresses of ${workers} workers without a lost question`,
    bounded,
    async () => {
      await using one = await startUdpServer("one");
      await using two = await startUdpServer("two");
      // The same from the start: an address that changes loses what waits in the old socket.
      const port = await freePort();
      const bind = `127.0.0.1:${port}`;
      await using program = await start([one.url], { workers, bind });
      using client = await udpClient(port);
      assert.equal(await client.ask("x"), "one: x");
      await program.writeConfig(configFor([two.url], { bind }));
      program.signal("SIGHUP");
      await eventually("the new backend", async () => {
        const answer = await client.ask("y");
        return answer === "two: y" || undefined;
      });
      // Another listener gets the address, and then nobody has it.
      const other = configFor([two.url], { bind });
      const renamed = { ...other, listeners: { renamed: other.listeners.dns } };
      await program.writeConfig(renamed);
      program.signal("SIGHUP");
      for (let n = 0; n < 30; n++) assert.equal(await client.ask(`${n}`), `two: ${n}`);
      const elsewhere = { ...other.listeners.dns, bind: "127.0.0.1:0" };
      await program.writeConfig({ ...other, listeners: { dns: elsewhere } });
      program.signal("SIGHUP");
      await eventually("the address to be free", async () => {
        try {
          await using _server = await startUdpServer("ours", { port });
          return true;
        } catch {
          return undefined; // in use
        }
      });
    },
  );
}

test(
  "after the main process was killed a new program serves, and takes all questions",
  bounded,
  async () => {
    await using backend = await startUdpServer("b");
    const port = await freePort();
    await using program = await start([backend.url], {
      workers: 2,
      bind: `127.0.0.1:${port}`,
    });
    await controlOf(program.control).settled(2);
    using client = await udpClient(port);
    assert.equal(await client.ask("before"), "b: before");
    const orphans = program.pids();
    process.kill(program.pid, "SIGKILL");
    assert.equal(await client.ask("orphaned"), "b: orphaned");
    await using again = await program.startAgain();
    // Both programs have the address open until the old workers leave. What they have read, they answer; what
    // comes after they stopped must not wait in a socket that nobody reads.
    let lost = 0;
    let asked = 0;
    const isOver = () => !program.pids().some((pid) => orphans.includes(pid));
    await eventually(
      "old processes to leave",
      async () => {
        const fresh = await Promise.all(Array.from({ length: 5 }, () => udpClient(port)));
        asked += fresh.length;
        await Promise.all(fresh.map((each) => each.ask("x", 300).catch(() => lost++)));
        for (const each of fresh) each[Symbol.dispose]();
        return isOver() || undefined;
      },
      20_000,
    );
    assert.ok(lost <= 3, `${lost} of ${asked} questions were lost`);
    await controlOf(again.control).settled(2);
    for (let n = 0; n < 20; n++) {
      using fresh = await udpClient(port);
      assert.equal(await fresh.ask("x"), "b: x");
    }
  },
);

test(
  "a flood of strangers opens no more than it may, is told of once, and harms nobody",
  bounded,
  async () => {
    await using backend = await startUdpServer("b", {
      answer: (text) => (text === "flood" ? undefined : `b: ${text}`),
    });
    await using program = await start([backend.url], {
      workers: 1,
      datagrams: { sessions: 100, sessionsPerAddress: 30, idle: "1s" },
    });
    const port = program.port("dns");
    const [worker] = await controlOf(program.control).settled(1);
    assert.ok(worker !== undefined);
    using client = await udpClient(port);
    assert.equal(await client.ask("x"), "b: x");
    const before = descriptorsOf(worker.pid);
    for (let from = 1; from <= 20; from++) {
      const senders = await Promise.all(
        Array.from({ length: 50 }, () => udpClient(port, "127.0.0.1", `127.8.0.${from}`)),
      );
      for (const each of senders) await each.send("flood");
      for (const each of senders) each[Symbol.dispose]();
      assert.equal(await client.ask(`${from}`), `b: ${from}`);
      assert.ok(descriptorsOf(worker.pid) <= before + 100);
    }
    // 30 of each address, and no more than 100 in all at a time.
    const own = new Set(
      backend.heard.filter(({ text }) => text === "flood").map((each) => each.port),
    );
    assert.ok(own.size >= 99, `${own.size}`);
    await eventually(
      "sockets to be closed",
      () => descriptorsOf(worker.pid) <= before + 1 || undefined,
    );
    const warnings = program
      .stderr()
      .split("\n")
      .filter((line) => line.includes("too many sessions"));
    assert.equal(warnings.length, 1, warnings.join("\n"));
  },
);

for (const workers of [0, 1]) {
  test(
    `SIGTERM: what was asked is still answered, then ${workers} workers end`,
    bounded,
    async () => {
      await using backend = await startUdpServer("b", { isSilent: true });
      await using program = await start([backend.url], { workers });
      using client = await udpClient(program.port("dns"));
      await client.send("slow");
      await eventually("the question", () => backend.heard.length === 1 || undefined);
      program.signal("SIGTERM");
      const answer = client.next();
      await eventually("the drain to begin", async () => {
        await client.send("too late");
        const heard = backend.heard.length;
        await new Promise(setImmediate);
        return backend.heard.length === heard || undefined;
      });
      backend.send("in time", backend.heard[0]?.port ?? 0);
      assert.equal(await answer, "in time");
      assert.deepEqual(await program.exited, { code: 0, signal: null });
    },
  );
}

test(
  "without free descriptors clients are turned away, those who are served stay, and it recovers",
  bounded,
  async () => {
    await using backend = await startUdpServer("b", {
      answer: (text) => (text === "flood" ? undefined : `b: ${text}`),
    });
    await using program = await startTidegate({
      config: configFor([backend.url], { datagrams: { idle: "1s" } }),
      maxDescriptors: 100,
      workers: 0,
    });
    const port = program.port("dns");
    using client = await udpClient(port);
    assert.equal(await client.ask("x"), "b: x");
    const strangers = await Promise.all(Array.from({ length: 200 }, () => udpClient(port)));
    for (const each of strangers) await each.send("flood");
    await program.waitForLog(/EMFILE.*a session could not be opened/);
    assert.equal(await client.ask("y"), "b: y");
    for (const each of strangers) each[Symbol.dispose]();
    await eventually("a new client to be served", async () => {
      using fresh = await udpClient(port);
      return (await fresh.ask("z", 200).catch(() => undefined)) === "b: z" || undefined;
    });
  },
);

test("an address that is taken is named, with what to do", bounded, async () => {
  await using other = await startUdpServer("other");
  const failed = start([other.url], { bind: `127.0.0.1:${other.port}` });
  await assert.rejects(failed, new RegExp(`127\\.0\\.0\\.1:${other.port}`));
});
