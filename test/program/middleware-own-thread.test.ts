// Middlewares of somebody's own in a thread: `own` with `thread`.

import assert from "node:assert/strict";
import { readFile, rename, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { tryMiddleware } from "../../src/library/testing.ts";
import { ownThreadLimits } from "../../src/config/middleware-limits.ts";
import { ask, field } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { httpOrigin } from "../harness/origin.ts";
import { type TempFolder, tempFolder } from "../harness/temp-folder.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 120_000 };

/** Files of this program export by name. */
const exported = "export default";

const guard = (word: string) => `
import { writeFileSync } from "node:fs";
import { isMainThread, parentPort } from "node:worker_threads";
import { defineMiddleware, z } from "tidegate/middleware";

${exported} defineMiddleware({
  settings: z.strictObject({ name: z.string().min(1).default("you"), closed: z.string().default("") }),
  create({ name, closed }, api) {
    const held: unknown[] = [];
    let done = 0;
    return {
      onRequest(request) {
        request.state["begun"] = request.path;
        request.headers.set("X-Hello", \`${word} \${name}\`);
        request.headers.set("X-Thread", String(!isMainThread));
        switch (request.path) {
          case "/stop":
            return { status: 418, headers: { "Content-Type": "text/plain; charset=utf-8" }, body: "schön: ${word}" };
          case "/bytes":
            return { status: 200, body: new Uint8Array([1, 254]) };
          case "/throw":
            throw new RangeError("on purpose");
          case "/never":
            return new Promise(() => {});
          case "/slow":
            return new Promise((resolve) => setTimeout(() => resolve(undefined), 700));
          case "/strange":
            api.warn(5n as never, { at: 10n as never });
            parentPort?.postMessage({ kind: "warn", message: "forged", fields: { at: 11n } });
            return undefined;
          case "/later":
            setTimeout(() => { throw new RangeError("later on purpose"); }, 1);
            return undefined;
          case "/loop":
            for (;;);
          case "/exit":
            process.exit(3);
          case "/bomb":
            for (;;) held.push({ at: held.length, text: "x".repeat(held.length % 50) });
          case "/huge":
            held.push(new Array(1e8).fill(1.5), new Array(1e8).fill({}));
            return undefined;
          case "/buffers":
            for (;;) held.push(Buffer.alloc(4_000_000, 1));
          case "/split":
            request.headers.set("X-A", "b\\r\\nX-C: d");
            return undefined;
          case "/function":
            return { status: 200, body: (() => "x") as never };
          case "/forge":
            return { status: 200, headers: { "X-A": "b\\r\\nX-C: d" } };
          case "/status":
            return { status: 99 };
          case "/other":
            request.path = "/moved/é";
            request.query = "a=b";
            request.headers.remove("X-Gone");
            request.headers.add("X-More", "1");
            request.headers.add("X-More", "2");
            return undefined;
        }
        return undefined;
      },
      onDone(request, { status }) {
        done++;
        if (request.path === "/told") api.warn("it is done", { status: String(status), begun: String(request.state["begun"]) });
      },
      close() {
        if (closed !== "") writeFileSync(closed, "${word}");
      },
    };
  },
});
`;

const backend = () =>
  httpOrigin((request, response) => {
    const { headers, url = "" } = request;
    const seen = ["x-hello", "x-thread", "x-gone", "x-more"].map((name) => String(headers[name]));
    response.setHeader("X-Path", url);
    response.setHeader("X-Got", seen.slice(1).join());
    response.end(seen[0]);
  });

interface Own {
  readonly file: string;
  readonly [setting: string]: unknown;
}

function configOf(service: string, own: Own, others: object = {}) {
  return {
    listeners: { web: "127.0.0.1:0" },
    routes: {
      "app.test": { service, middlewares: [{ own: { thread: true, failures: 0, ...own } }] },
      "plain.test": { service },
    },
    ...others,
  };
}

async function written(folder: TempFolder, text: string): Promise<string> {
  const file = folder.file("guard.ts");
  // As editors do: there is never half a file.
  await writeFile(`${file}.new`, text);
  await rename(`${file}.new`, file);
  return file;
}

/** A process has to be started, and may take its time. */
async function logged(program: Tidegate, pattern: RegExp): Promise<void> {
  const look = () => program.waitForLog(pattern).catch(() => undefined);
  await eventually(`a log line like ${pattern}`, look, 40_000);
}

const app = (program: Tidegate, path = "/", headers: Record<string, string> = {}) =>
  ask(program.port(), { name: "app.test", path, headers });

/** It is begun again a little later. */
async function served(program: Tidegate, body: string): Promise<void> {
  const look = async () => ((await app(program)).body === body ? true : undefined);
  await eventually(`a thread that says ${body}`, look, 30_000);
}

test("in a thread it sees and changes requests, and answers itself", bounded, async () => {
  await using origin = await backend();
  await using folder = await tempFolder();
  const file = await written(folder, guard("hello"));
  const own = { file, settings: { name: "world" }, timeout: "3s" };
  await using program = await startTidegate({ config: configOf(origin.url, own, { workers: 2 }) });
  const plain = await app(program, "/", { "x-hello": "forged", X_Hello: "forged too" });
  assert.equal(plain.body, "hello world");
  assert.match(field(plain, "x-got"), /^true,/, "it is not the thread that serves");
  const stopped = await app(program, "/stop");
  assert.equal(stopped.status, 418);
  assert.equal(Buffer.from(stopped.body, "latin1").toString(), "schön: hello");
  assert.equal((await app(program, "/bytes")).body, "\u0001\u00fe");
  const other = await app(program, "/other?x", { "X-Gone": "there" });
  assert.equal(field(other, "x-path"), "/moved/%C3%A9?a=b");
  assert.equal(field(other, "x-got"), "true,undefined,1, 2");
  for (const path of ["/throw", "/split", "/function", "/forge", "/status", "/never"]) {
    assert.equal((await app(program, path)).status, 500, path);
  }
  assert.equal((await app(program, "/told")).status, 200);
  await logged(program, /"status":"200","begun":"\/told".*it is done/);
  await logged(program, /on purpose.*guard/);
  // What no log can write would end whoever writes it.
  assert.equal((await app(program, "/strange")).status, 200);
  await logged(program, /"at":"10","text":"5"/);
  await logged(program, /"at":"11","text":"forged"/);
});

test(
  "one that never comes back does not stop its worker, and is begun again",
  bounded,
  async () => {
    await using origin = await backend();
    await using folder = await tempFolder();
    const file = await written(folder, guard("hello"));
    const own = { file, thread: { busy: "1s" }, timeout: "20s" };
    await using program = await startTidegate({
      config: configOf(origin.url, own, { workers: 1 }),
    });
    await served(program, "hello you");
    const pids = program.pids();
    const looping = app(program, "/loop");
    const seen = { isOver: false, others: 0 };
    const others = (async () => {
      while (!seen.isOver) {
        const { status } = await ask(program.port(), { name: "plain.test" });
        assert.equal(status, 200);
        seen.others++;
      }
    })();
    // Who stands behind it in the line is not answered either.
    assert.equal((await app(program)).status, 500);
    assert.equal((await looping).status, 500);
    seen.isOver = true;
    await others;
    assert.ok(seen.others > 20, `${seen.others} others were served meanwhile`);
    await logged(program, /it computed for more than 1000 ms without a pause/);
    await served(program, "hello you");
    assert.deepEqual(program.pids(), pids, "nobody was replaced");
  },
);

const ended = (of: string, cause: string) =>
  new RegExp(`"of":"${of}".*"cause":"${cause}.*the thread of a middleware of your own ended`);

const fates: readonly (readonly [path: string, status: number, told: RegExp])[] = [
  ["/bomb", 500, ended("route bomb.test", "it took more than 32MiB")],
  ["/buffers", 500, ended("route buffers.test", "it took more than 32MiB")],
  ["/exit", 500, ended("route exit.test", "it ended by itself")],
  // Who asked is answered by then.
  ["/later", 200, ended("route later.test", ".*later on purpose")],
];

test("one that ends by itself or grows is begun again in the same worker", bounded, async () => {
  await using origin = await backend();
  await using folder = await tempFolder();
  const file = await written(folder, guard("hello"));
  const own = { file, thread: { memory: "32MiB", busy: "20s" }, timeout: "20s", failures: 0 };
  const route = { service: origin.url, middlewares: [{ own }] };
  const routes = Object.fromEntries(fates.map(([path]) => [`${path.slice(1)}.test`, route]));
  const config = { listeners: { web: "127.0.0.1:0" }, workers: 1, routes };
  await using program = await startTidegate({ config });
  const pids = program.pids();
  // Each has a thread of its own: one that ended often is begun again later each time.
  for (const [path, status, told] of fates) {
    const name = `${path.slice(1)}.test`;
    assert.equal((await ask(program.port(), { name })).body, "hello you");
    assert.equal((await ask(program.port(), { name, path })).status, status, path);
    await logged(program, told);
    const again = async () =>
      (await ask(program.port(), { name })).body === "hello you" ? true : undefined;
    await eventually(`a thread after ${path}`, again, 30_000);
  }
  assert.deepEqual(program.pids(), pids, "nobody was replaced");
});

test("what Node cannot take back costs the worker, and another one comes", bounded, async () => {
  await using origin = await backend();
  await using folder = await tempFolder();
  const file = await written(folder, guard("hello"));
  const own = { file, thread: { busy: "20s" }, timeout: "20s" };
  await using program = await startTidegate({ config: configOf(origin.url, own, { workers: 1 }) });
  await served(program, "hello you");
  await app(program, "/huge").catch(() => undefined);
  await eventually(
    "another worker",
    async () => {
      const answer = await app(program).catch(() => undefined);
      return answer?.body === "hello you" ? true : undefined;
    },
    30_000,
  );
});

test(
  "no more threads than some run in a worker, and those who are too many are refused",
  bounded,
  async () => {
    await using origin = await backend();
    await using folder = await tempFolder();
    const file = folder.file("small.mjs");
    // Nothing to load, and no types to strip: there are many.
    await writeFile(file, `${exported} { create: () => ({ onRequest() {} }) };\n`);
    const own = { file, thread: true, timeout: "30s" };
    const names = Array.from({ length: ownThreadLimits.threads + 1 }, (_, at) => `r${at}.test`);
    const route = { service: origin.url, middlewares: [{ own }] };
    const routes = Object.fromEntries(names.map((name) => [name, route]));
    const config = { listeners: { web: "127.0.0.1:0" }, workers: 0, routes };
    await using program = await startTidegate({ config });
    const statusOf = async (name: string) => (await ask(program.port(), { name })).status;
    // Some at a time: a thread has to be up within some seconds, also on a machine with much to do.
    for (let at = 0; at < ownThreadLimits.threads; at += 4) {
      const statuses = await Promise.all(
        names.slice(at, Math.min(at + 4, names.length - 1)).map(statusOf),
      );
      assert.ok(statuses.every((status) => status === 200));
    }
    assert.equal(await statusOf(names.at(-1) ?? ""), 503);
    await logged(program, /this worker has 32 threads of middlewares already/);
  },
);

test("a test of a middleware can run it in a thread", bounded, async () => {
  await using folder = await tempFolder();
  const file = await written(folder, guard("hello"));
  for (const thread of [true, false]) {
    await using trial = await tryMiddleware(file, { thread, settings: { name: "world" } });
    const { status, received } = await trial.ask("/");
    assert.equal(status, 200);
    assert.equal(received?.headers["x-hello"], "hello world");
    assert.equal(received?.headers["x-thread"], String(thread));
  }
});

test("while its thread is away requests are refused, or go on without it", bounded, async () => {
  await using origin = await backend();
  await using folder = await tempFolder();
  const file = await written(folder, guard("hello"));
  const route = (onFailure: string, failures: number) => ({
    service: origin.url,
    middlewares: [
      { own: { file, thread: { busy: "500ms" }, timeout: "20s", failures, onFailure } },
    ],
  });
  const routes = {
    "open.test": route("pass", 0),
    "closed.test": route("refuse", 0),
    "often.test": route("refuse", 2),
  };
  const config = { listeners: { web: "127.0.0.1:0" }, workers: 0, routes };
  await using program = await startTidegate({ config });
  const get = (name: string, path: string) => ask(program.port(), { name, path });
  const passed = await get("open.test", "/loop");
  assert.deepEqual([passed.status, passed.body], [200, "undefined"], "it went on without");
  assert.equal((await get("closed.test", "/loop")).status, 500);
  const away = await eventually("one that meets nobody", async () => {
    await get("closed.test", "/exit");
    const answer = await get("closed.test", "/");
    return answer.status === 503 ? answer : undefined;
  });
  assert.match(away.body, /left alone|MIDDLEWARE_OFF/);
  // One that ends again and again is switched off like one that throws.
  await eventually("it is switched off", async () => {
    await get("often.test", "/exit");
    return /failed too often/.test(program.stderr() + program.stdout()) ? true : undefined;
  });
});

test("a new version is a new thread, and no request fails by that", bounded, async () => {
  await using origin = await backend();
  await using folder = await tempFolder();
  const file = await written(folder, guard("one"));
  const closed = folder.file("closed");
  const config = configOf(origin.url, { file, settings: { closed } }, { workers: 2 });
  await using program = await startTidegate({ config });
  const load = { isOver: false };
  const bodies = new Set<string>();
  const clients = Array.from({ length: 8 }, async (_, at) => {
    while (!load.isOver) {
      const { status, body } = await app(program, at === 0 ? "/slow" : "/");
      assert.equal(status, 200);
      bodies.add(body);
    }
  });
  for (const word of ["two", "three"]) {
    await written(folder, guard(word));
    await served(program, `${word} you`);
  }
  await written(
    folder,
    guard("four").replace("return {", "throw new RangeError('unmade');\nreturn {"),
  );
  await logged(program, /create: .*unmade/);
  await written(folder, guard("four").replace("onDone(", "onResponse() {}, onDone("));
  await logged(program, /it has onResponse/);
  assert.equal((await app(program)).body, "three you", "the last good one serves on");
  await written(folder, guard("five"));
  await served(program, "five you");
  load.isOver = true;
  await Promise.all(clients);
  assert.ok(bodies.has("one you") && bodies.has("two you") && bodies.has("three you"));
  assert.ok(![...bodies].some((body) => body.startsWith("four")));
  await eventually("the last one was closed", async () => {
    const text = await readFile(closed, "utf8").catch(() => "");
    return text === "three" ? true : undefined;
  });
});

test("a version that does not come up in its thread leaves the one before", bounded, async () => {
  await using origin = await backend();
  await using folder = await tempFolder();
  const file = await written(folder, guard("one"));
  await using program = await startTidegate({
    config: configOf(origin.url, { file }, { workers: 1 }),
  });
  await served(program, "one you");
  const fussy = guard("two").replace(
    "const held",
    'if (!isMainThread) throw new RangeError("not in a thread");\nconst held',
  );
  await written(folder, fussy);
  await app(program);
  await eventually("it is told", async () => {
    assert.equal((await app(program)).body, "one you");
    return /a new version cannot be used/.test(program.stderr() + program.stdout())
      ? true
      : undefined;
  });
  await written(folder, guard("three"));
  await served(program, "three you");
});

test("a client that leaves while it is asked costs nobody anything", bounded, async () => {
  await using origin = await backend();
  await using folder = await tempFolder();
  const file = await written(folder, guard("hello"));
  await using program = await startTidegate({
    config: configOf(origin.url, { file }, { workers: 1 }),
  });
  await served(program, "hello you");
  for (let count = 0; count < 3; count++) {
    await using client = await connect(program.port());
    await client.send("GET /slow HTTP/1.1\r\nHost: app.test\r\n\r\n");
  }
  assert.equal((await app(program, "/slow")).body, "hello you");
  assert.equal((await app(program)).body, "hello you");
  assert.doesNotMatch(program.stderr() + program.stdout(), /a middleware of your own failed/);
});

test("what cannot run in a thread is said where it is written", bounded, async () => {
  await using folder = await tempFolder();
  const check = async (source: string, thread: string) => {
    await written(folder, source);
    const text = `routes:\n  a.test:\n    respond: { body: x }\n    middlewares:\n      - own:\n          file: guard.ts\n          thread: ${thread}\n`;
    await writeFile(folder.file("tidegate.yaml"), text);
    const { code, stdout, stderr } = await runCommand(
      tidegate,
      ["check", folder.file("tidegate.yaml")],
      { timeoutMs: 30_000 },
    );
    return { code, text: stdout + stderr };
  };
  assert.equal((await check(guard("x"), "true")).code, 0);
  assert.equal((await check(guard("x"), "{ memory: 32MiB, busy: 1s }")).code, 0);
  const responding = guard("x").replace("onDone(", "onResponse() {}, onDone(");
  assert.equal((await check(responding, "false")).code, 0);
  const refused = await check(responding, "true");
  assert.equal(refused.code, 1);
  assert.match(refused.text, /tidegate\.yaml:6:\d+: .*it has onResponse/);
  const throwing = guard("x").replace("const held", 'throw new RangeError("no key");\nconst held');
  assert.match((await check(throwing, "true")).text, /create: line \d+: no key/);
  assert.match((await check(guard("x"), "{ memory: 1MiB }")).text, /tidegate\.yaml:7:\d+: .*16MiB/);
  assert.match((await check(guard("x"), "yes please")).text, /true, false or \{ memory, busy \}/);
});
