// The real program in front of real LXC containers: by which names they are reached, and what clients notice
// when they stop, start, change and come in numbers.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { after, afterEach, before, describe, test } from "node:test";
import type { Finding } from "../../src/config/finding.ts";
import { ask } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { discoveryOf, found } from "../harness/discovered.ts";
import { dnsmasqNeeds, startDnsmasq } from "../harness/dnsmasq.ts";
import { type LxcHost, lxcNeeds, startLxcHost } from "../harness/lxc-host.ts";
import { needs } from "../harness/needs.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { startTidegate, type Tidegate, type TidegateOptions } from "../harness/tidegate.ts";

const skip = needsRoot() || needs(...lxcNeeds, ...dnsmasqNeeds);

/** A second is promised, and printed what it was; a slow machine may need longer. */
const soon = 3000;

describe("LXC containers behind the program", { skip, timeout: 180_000 }, () => {
  let host: LxcHost;
  before(async () => {
    host = await startLxcHost();
  });
  after(() => host?.[Symbol.asyncDispose]());
  afterEach(async () => {
    const names = await readdir(host.path);
    await Promise.all(
      names.map(async (name) => {
        await host.kill(name).catch(() => undefined); // it does not run
        await host.remove(name);
      }),
    );
  });

  const start = (lxc: Record<string, unknown> = {}, more: Partial<TidegateOptions> = {}) =>
    startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0" },
        providers: { lxc: { paths: [host.path], ...lxc } },
      },
      ...more,
    });
  const v4 = (last: number) => `lxc.net.0.ipv4.address = ${host.v4}${last}/24`;
  const v6 = (last: number) => `lxc.net.0.ipv6.address = ${host.v6}${last}/64`;
  const run = async (name: string, ...lines: readonly string[]) => {
    await host.make(name, lines);
    await host.start(name);
  };
  const addAddress = async (name: string, ip: string) => {
    const words = ["ip", "address", "add", `${ip}/64`, "dev", "eth0"];
    await host.lxc("attach", name, ["--", "/bin/busybox", ...words]);
  };
  const edit = (name: string, ...lines: readonly string[]) =>
    writeFile(join(host.path, name, "config"), host.configOf(name, lines));

  test("they are reached by name, by annotation and by the name they call themselves", async () => {
    await run("dotted.test", v4(11));
    await run("annotated", v4(12), "# tidegate.host = annotated.test, other.test");
    await run("named", v4(13), "lxc.uts.name = uts.test");
    await run("six", v6(14), "# tidegate.host = six.test");
    await run("nameless", v4(15));
    await using program = await start();
    await answeredBy(program, "dotted.test", "dotted.test");
    await answeredBy(program, "annotated.test", "annotated");
    await answeredBy(program, "other.test", "annotated");
    await answeredBy(program, "uts.test", "uts.test");
    await answeredBy(program, "six.test", "six");
    assert.equal((await asked(program, "nameless")).status, 404);
    const { became, notes } = await found(program, "nameless");
    assert.deepEqual(became, []);
    assert.match(JSON.stringify(notes), /tidegate\.host/);
  });

  test("a new one is routed within a second of its listening", async (context) => {
    await using program = await start({ defaultHost: "{name}.test" });
    for (const [at, name] of ["fresh1", "fresh2", "fresh3"].entries()) {
      await run(name, v4(20 + at));
      const listensAt = await listens(`${host.v4}${20 + at}`);
      const took = Math.round((await routed(program, name)) - listensAt);
      context.diagnostic(`${name}: ${took} ms`);
      assert.ok(took < soon, `${took} ms`);
    }
    await host.kill("fresh1");
    await host.remove("fresh1");
    await status(program, "fresh1.test", 404);
  });

  test("stopped, its route says so; started, it serves again", async () => {
    await run("web", v4(31), "# tidegate.host = web.test");
    await run("held", v4(32), "# tidegate.host = held.test", "# tidegate.service.holdFor = 20s");
    await using program = await start();
    await answeredBy(program, "web.test", "web");
    await answeredBy(program, "held.test", "held");
    await host.kill("web");
    await host.kill("held");
    await status(program, "web.test", 503);
    await becomes(program, "held", "stopped");
    assert.equal(await codeOf(program, "web.test"), "BACKEND_STOPPED");
    const held = asked(program, "held.test");
    await host.lxc("start", "held");
    assert.deepEqual(await held, { status: 200, body: "held" }, "whoever waits is served then");
    await host.start("web");
    await answeredBy(program, "web.test", "web");
    await host.lxc("freeze", "web");
    await status(program, "web.test", 503);
    assert.equal(await codeOf(program, "web.test"), "BACKEND_STOPPED");
    await host.lxc("unfreeze", "web");
    await answeredBy(program, "web.test", "web");
  });

  test("after a restart with another address it is found there", async () => {
    await run("web", v4(41), "# tidegate.host = web.test");
    await using program = await start();
    await answeredBy(program, "web.test", "web");
    await host.kill("web");
    await edit("web", v4(42), "# tidegate.host = web.test");
    await run("squatter", v4(41));
    await host.start("web");
    await answeredBy(program, "web.test", "web");
    const { addresses } = await found(program, "web", ({ state }) => state === "running");
    assert.deepEqual(addresses, [`${host.v4}42`]);
  });

  test("nothing that listens to LXC is left, however the program ends", async () => {
    await host.make("web", [v4(71), "# tidegate.host = web.test"]);
    await using program = await start({}, { workers: 1 });
    await found(program, "web");
    const isThere = async () => (await host.monitors()).length > 0;
    await eventually("a monitor", async () => (await isThere()) || undefined);
    for (const pid of program.pids()) {
      const name = readFileSync(`/proc/${pid}/comm`, "utf8");
      if (!/^(sh|cat|lxc-)/.test(name)) process.kill(pid, "SIGKILL");
    }
    await eventually("its end", async () => !(await isThere()) || undefined);
  });

  test("what is wrong with one is told, and disturbs no other", async () => {
    await run("web", v4(51), "# tidegate.host = web.test");
    await host.make("bad", ["# tidegate.host = bad.test", "# tidegate.host = "]);
    await using program = await start();
    await answeredBy(program, "web.test", "web");
    await edit("bad", "half a li", "# tidegate.hots = bad.test", "# tidegate.host = web.test");
    const { notes, became } = await found(program, "bad", (finding) =>
      JSON.stringify(finding.notes).includes("hots"),
    );
    assert.deepEqual(became.length, 0);
    assert.match(JSON.stringify(notes), /is no setting: LXC refuses the file/);
    await answeredBy(program, "web.test", "web");
    // Its own changes count on.
    await edit("web", v4(51), "# tidegate.host = www.test");
    await answeredBy(program, "www.test", "web");
    await status(program, "web.test", 404);
    await edit("bad", `# tidegate.host = ${"x".repeat(100_000)}`, "# tidegate.__proto__ = 1");
    await found(program, "bad", (finding) => JSON.stringify(finding.notes).includes("proto"));
    await answeredBy(program, "www.test", "web");
  });

  test("a request starts one that asks for it, and without requests it is stopped", async () => {
    const own = ["# tidegate.onDemand.wait = hold", "# tidegate.onDemand.idleStop = 1s"];
    await host.make("lazy", [v4(61), "# tidegate.host = lazy.test", ...own]);
    await host.make("plain", [v4(62), "# tidegate.host = plain.test"]);
    await using program = await start({ mayStart: true });
    await found(program, "lazy");
    assert.deepEqual(await asked(program, "lazy.test"), { status: 200, body: "lazy" });
    await becomes(program, "lazy", "stopped");
    await answeredBy(program, "lazy.test", "lazy");
    await status(program, "plain.test", 503);
    const { state } = await found(program, "plain");
    assert.equal(state, "stopped");
  });

  test("a burst of fifty is routed, all of it", async (context) => {
    const names = Array.from({ length: 50 }, (_, at) => `burst${at}`);
    await using program = await start({ defaultHost: "{name}.test" });
    for (const [at, name] of names.entries()) await host.make(name, [v4(100 + at)]);
    const beganAt = performance.now();
    const waiting = names.entries();
    const startSome = async () => {
      for (const [at, name] of waiting) {
        await host.start(name);
        const listensAt = await listens(`${host.v4}${100 + at}`);
        took.push((await routed(program, name)) - listensAt);
      }
    };
    const took: number[] = [];
    await Promise.all(Array.from({ length: 10 }, startSome));
    const all = Math.round(performance.now() - beganAt);
    took.sort((a, b) => a - b);
    const [middle = 0, worst = 0] = [took[names.length / 2], took.at(-1)];
    context.diagnostic(`all ${names.length} within ${all} ms; after listening`);
    context.diagnostic(`half within ${Math.round(middle)} ms, all within ${Math.round(worst)} ms`);
    assert.ok(worst < soon, `${worst} ms`);
  });

  test("the AAAA record of the requested host says which one is meant", async (context) => {
    // As people write addresses.
    const long = `${host.v6.toUpperCase().replace("::", ":0:0:0:0:")}0161`;
    await run("a", v4(161), `lxc.net.0.ipv6.address = ${long}/64`);
    await run("b", v4(162), v6(162));
    await run("c", v4(163), v6(163), "# tidegate.host = own.test");
    // Nobody wrote this address anywhere, and the last one is that of another.
    await run("d", v4(164));
    await addAddress("d", `${host.v6}164`);
    await addAddress("d", `${host.v6}162`);
    const hosts = {
      "ready.test": "127.0.0.1",
      "a.test": `${host.v6}161`,
      "b.test": `${host.v6}162`,
      "c.test": `${host.v6}163`,
      "d.test": `${host.v6}164`,
      "moving.test": `${host.v6}161`,
      "foreign.test": "2001:db8::1",
    };
    const ttl = 3;
    const settings = { hosts, ttl, domains: ["test"] };
    const dns = await startDnsmasq(settings);
    try {
      const rewrites = [{ pattern: "^(.*)\\.old\\.test$", to: "$1.test" }];
      const byAddress = { rewrites, nameInPathOf: "secure.test" };
      const env = { TIDEGATE_DNS: `127.0.0.1:${dns.port}` };
      await using program = await start({ byAddress }, { env, workers: 1 });
      await answeredBy(program, "a.test", "a");
      await answeredBy(program, "c.test", "c");
      await answeredBy(program, "own.test", "c");
      await answeredBy(program, "d.test", "d");
      await answeredBy(program, "b.old.test", "b");
      await answeredBy(program, "secure.test", "a", "/a.test/");
      assert.equal((await asked(program, "secure.test", "/a.test/no")).status, 404);
      for (const name of ["foreign.test", "unknown.test", `[${host.v6}161]`]) {
        assert.equal(await codeOf(program, name), "NO_ROUTE", name);
      }
      await host.kill("b");
      await status(program, "b.test", 503);
      assert.equal(await codeOf(program, "b.test"), "BACKEND_STOPPED");
      await host.start("b");
      await answeredBy(program, "b.test", "b");
      // Another record: it counts when the former one has ended.
      const rememberedAt = performance.now();
      await answeredBy(program, "moving.test", "a");
      await dns.kill();
      const changed = { ...hosts, "moving.test": `${host.v6}163` };
      await using other = await startDnsmasq({ ...settings, hosts: changed, port: dns.port });
      assert.equal((await asked(program, "moving.test")).body, "a");
      await answeredBy(program, "moving.test", "c");
      const took = Math.round(performance.now() - rememberedAt);
      context.diagnostic(`a record of ${ttl} s was believed for ${took} ms`);
      assert.ok(took >= ttl * 1000 - 50 && took < ttl * 1000 + soon, `${took} ms`);
      assert.equal(other.asked().filter((name) => name === "moving.test").length, 1);
    } finally {
      await dns[Symbol.asyncDispose]();
    }
  });
});

async function becomes(program: Tidegate, name: string, state: Finding["state"]): Promise<void> {
  await found(program, name, (finding) => finding.state === state);
}

const patience = 20_000;
/** Who ends or is frozen while it is asked does not answer: then it is asked once more. */
const patienceEach = 2000;

interface Answer {
  readonly status: number;
  readonly body: string;
}

async function asked(
  program: Tidegate,
  name: string,
  path = "/",
  timeoutMs = patience,
): Promise<Answer> {
  const options = { name, path, headers: { Connection: "close" }, timeoutMs };
  const { status, body } = await ask(program.port(), options);
  return { status, body: body.trim() };
}

async function codeOf(program: Tidegate, name: string): Promise<string> {
  const headers = { Accept: "application/json", Connection: "close" };
  const { body } = await ask(program.port(), { name, headers, timeoutMs: patience });
  return (JSON.parse(body) as { code: string }).code;
}

async function answers(
  program: Tidegate,
  name: string,
  wanted: Partial<Answer>,
  path = "/",
): Promise<void> {
  let last: unknown;
  const isSo = async () => {
    try {
      const answer = await asked(program, name, path, patienceEach);
      last = answer;
      const { status = answer.status, body = answer.body } = wanted;
      return (answer.status === status && answer.body === body) || undefined;
    } catch (error) {
      last = String(error);
      return undefined;
    }
  };
  try {
    await eventually(`${JSON.stringify(wanted)} from ${name}${path}`, isSo, patience);
  } catch (error) {
    const seen = JSON.stringify([last, await discoveryOf(program)], undefined, 1);
    throw new Error(`${String(error)}; last: ${seen}\n${program.stderr()}`, { cause: error });
  }
}

/** Waits until this container answers for the host. */
const answeredBy = (program: Tidegate, name: string, container: string, path = "/") =>
  answers(program, name, { status: 200, body: container }, path);

const status = (program: Tidegate, name: string, wanted: number) =>
  answers(program, name, { status: wanted });

/** When somebody accepts there, without the program's help. */
async function listens(ip: string): Promise<number> {
  return eventually(
    `${ip} to listen`,
    async () => {
      const socket = connect(80, ip);
      try {
        await once(socket, "connect");
        return performance.now();
      } catch {
        return undefined; // not yet
      } finally {
        socket.destroy();
      }
    },
    15_000,
  );
}

/** When it answered for `NAME.test`. */
async function routed(program: Tidegate, name: string): Promise<number> {
  await answeredBy(program, `${name}.test`, name);
  return performance.now();
}
