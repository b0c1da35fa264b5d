// Middlewares of somebody's own, written in TypeScript: `own`.

import assert from "node:assert/strict";
import { rename, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ask, field } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { httpOrigin } from "../harness/origin.ts";
import { type TempFolder, tempFolder } from "../harness/temp-folder.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 90_000 };

/** Files of this program export by name. */
const exported = "export default";

const hello = (word: string) => `
import { defineMiddleware, z } from "tidegate/middleware";

interface Seen { readonly at: number }

${exported} defineMiddleware({
  settings: z.strictObject({ name: z.string().min(1).default("you") }),
  create({ name }, api) {
    return {
      onRequest(request) {
        request.headers.set("X-Hello", \`${word} \${name}\`);
        request.state["seen"] = { at: Date.now() } satisfies Seen;
        if (request.path === "/stop") {
          return { status: 418, headers: { "Content-Type": "text/plain; charset=utf-8" }, body: "schön: ${word}" };
        }
        if (request.path === "/throw") throw new RangeError("on purpose");
        if (request.path === "/hang") return new Promise(() => {});
        if (request.path === "/split") request.headers.set("X-A", "b\\r\\nX-C: d");
        if (request.path === "/frame") request.headers.set("Content-Length", "5");
        if (request.path === "/other") { request.path = "/moved/é"; request.query = "a=b"; }
        return undefined;
      },
      onResponse(request, response) {
        response.headers.set("X-Seen", String(typeof request.state["seen"]));
        response.headers.remove("X-Powered-By");
        if (request.path === "/teapot") response.status = 418;
      },
      onDone(request, { status }) {
        if (request.path === "/told") api.warn("it is done", { status: String(status) });
      },
    };
  },
});
`;

const backend = () =>
  httpOrigin((request, response) => {
    response.setHeader(
      "X-Names",
      Object.keys(request.headers)
        .filter((name) => name.includes("hello"))
        .join(),
    );
    response.setHeader("X-Powered-By", "old");
    response.setHeader("X-Path", request.url ?? "");
    response.end(String(request.headers["x-hello"]));
  });

/** What the backend gets as X-Hello, in no other spelling. */
async function seen(port: number, path: string, headers: Record<string, string>): Promise<string> {
  const answer = await ask(port, { path, headers });
  assert.match(field(answer, "x-names"), /^(x-hello)?$/);
  return answer.body;
}

function configOf(service: string, own: unknown, others: object = {}) {
  return {
    listeners: { web: "127.0.0.1:0" },
    routes: { app: { host: "app.test", service, middlewares: [{ own }] } },
    ...others,
  };
}

async function written(folder: TempFolder, text: string): Promise<string> {
  const file = folder.file("hello.ts");
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

test("it sees and changes requests and answers, and answers itself", bounded, async () => {
  await using origin = await backend();
  await using folder = await tempFolder();
  const file = await written(folder, hello("hello"));
  const own = { file, settings: { name: "world" }, timeout: "200ms", failures: 0 };
  await using program = await startTidegate({ config: configOf(origin.url, own) });
  const port = program.port();
  const plain = await ask(port, { headers: { "x-hello": "forged" } });
  assert.equal(plain.body, "hello world");
  assert.equal(field(plain, "x-seen"), "object");
  assert.equal(field(plain, "x-powered-by"), "");
  const stopped = await ask(port, { path: "/stop" });
  assert.equal(stopped.status, 418);
  assert.equal(Buffer.from(stopped.body, "latin1").toString(), "schön: hello");
  assert.equal(field(stopped, "x-seen"), "", "who answers sees no more of it");
  assert.equal(field(await ask(port, { path: "/other?x" }), "x-path"), "/moved/%C3%A9?a=b");
  assert.equal((await ask(port, { path: "/teapot" })).status, 418);
  for (const path of ["/throw", "/hang", "/split", "/frame"]) {
    assert.equal((await ask(port, { path })).status, 500, path);
  }
  assert.equal((await ask(port)).status, 200, "others are none the worse");
  await ask(port, { path: "/told" });
  await program.waitForLog(/it is done/);
  await program.waitForLog(/on purpose/);
});

test(
  "a new version takes over at once and under load, and one that is wrong does not",
  bounded,
  async () => {
    await using origin = await backend();
    await using folder = await tempFolder();
    const file = await written(folder, hello("one"));
    const config = configOf(origin.url, { file }, { workers: 2 });
    await using program = await startTidegate({ config });
    const port = program.port();
    const load = { isOver: false };
    const bodies = new Set<string>();
    const clients = Array.from({ length: 8 }, async () => {
      while (!load.isOver) {
        const { status, body } = await ask(port);
        assert.equal(status, 200);
        bodies.add(body);
      }
    });
    for (const word of ["two", "three"]) {
      await written(folder, hello(word));
      await eventually(`version ${word}`, async () => {
        const { body } = await ask(port);
        return body === `${word} you` ? true : undefined;
      });
    }
    await written(folder, `${exported} nonsense(;`);
    await logged(program, /a document cannot be used; the one before it still counts/);
    await written(folder, hello("four").replace("create(", "creat("));
    assert.equal((await ask(port)).body, "three you", "the last good one serves on");
    await written(folder, hello("five"));
    await eventually("the next good one", async () =>
      (await ask(port)).body === "five you" ? true : undefined,
    );
    load.isOver = true;
    await Promise.all(clients);
    assert.ok(bodies.has("one you") && bodies.has("two you") && bodies.has("three you"));
  },
);

test(
  "a version that hangs, or wants other settings, never gets near traffic",
  bounded,
  async () => {
    await using origin = await backend();
    await using folder = await tempFolder();
    const file = await written(folder, hello("one"));
    await using program = await startTidegate({
      config: configOf(origin.url, { file }, { workers: 1 }),
    });
    const port = program.port();
    await written(folder, hello("greedy").replace('.default("you")', ""));
    await logged(program, /does not take its settings: name: /);
    await written(folder, `for (;;);\n${hello("hanging")}`);
    await logged(program, /it was not loaded within 10 s/);
    assert.equal((await ask(port)).body, "one you");
  },
);

test("one that fails too often is left alone, open or closed", bounded, async () => {
  await using origin = await backend();
  await using folder = await tempFolder();
  const file = await written(folder, hello("hello"));
  const route = (onFailure: string) => ({
    service: origin.url,
    middlewares: [{ own: { file, failures: 3, onFailure } }],
  });
  const config = {
    listeners: { web: "127.0.0.1:0" },
    workers: 0,
    routes: { "closed.test": route("refuse"), "open.test": route("pass") },
  };
  await using program = await startTidegate({ config });
  const port = program.port();
  const statusOf = async (name: string, path: string) => (await ask(port, { name, path })).status;
  for (let count = 0; count < 3; count++)
    assert.equal(await statusOf("closed.test", "/throw"), 500);
  assert.equal(await statusOf("closed.test", "/"), 503);
  for (let count = 0; count < 3; count++) assert.equal(await statusOf("open.test", "/throw"), 200);
  const passed = await ask(port, { name: "open.test", path: "/stop" });
  assert.equal(passed.status, 200, "it is not asked any more");
  assert.equal(passed.body, "undefined");
  // A new version is another chance.
  await written(folder, hello("again"));
  await eventually("the new version", async () =>
    (await statusOf("closed.test", "/")) === 200 ? true : undefined,
  );
});

test("what is wrong with it is said where it is written", bounded, async () => {
  const check = async (source: string, settings: string) => {
    await using folder = await tempFolder();
    await written(folder, source);
    const text = `routes:\n  a.test:\n    respond: { body: x }\n    middlewares:\n      - own:\n          file: hello.ts\n          settings: ${settings}\n`;
    await writeFile(folder.file("tidegate.yaml"), text);
    return await runCommand(tidegate, ["check", folder.file("tidegate.yaml")], {
      timeoutMs: 30_000,
    });
  };
  // It is given up after ten seconds: the others need not wait for that.
  const hanging = check("for (;;);\n", "{}");
  assert.equal((await check(hello("x"), "{ name: a }")).code, 0);
  const typo = await check(hello("x"), "{ nam: a }");
  assert.equal(typo.code, 1);
  assert.match(typo.stdout + typo.stderr, /tidegate\.yaml:7:\d+: .*nam/);
  const empty = await check(hello("x"), '{ name: "" }');
  assert.match(empty.stdout + empty.stderr, /tidegate\.yaml:7:\d+: .*settings\.name/);
  const broken = await check("const a: = 1;\n", "{}");
  assert.match(broken.stdout + broken.stderr, /tidegate\.yaml:6:\d+: .*hello\.ts cannot be used/);
  const leaving = await check("process.exit(0);\n", "{}");
  assert.match(leaving.stdout + leaving.stderr, /ended the process/);
  const { stdout, stderr } = await hanging;
  assert.match(stdout + stderr, /was not loaded within 10 s/);
});

/** `/late` is still asked about when its client has left, `/wait` begins then. */
const careless = `
import { defineMiddleware } from "tidegate/middleware";

const late = Promise.withResolvers();
const ran = Promise.withResolvers();

${exported} defineMiddleware({
  create(settings, api) {
    return {
      onRequest(request) {
        if (request.path === "/late") {
          api.warn("it waits");
          return late.promise.then(() => {
            try { request.headers.set("X-Hello", "of somebody else"); } finally { ran.resolve(undefined); }
          });
        }
        if (request.path === "/wait") {
          late.resolve(undefined);
          return ran.promise.then(() => undefined);
        }
        request.headers.set("X-Hello", "set");
        if (request.path === "/body") request.headers.remove("X-Hello");
      },
      async onResponse(request) {
        if (request.path === "/response") throw new RangeError("unheard of in a response");
      },
      async onDone(request) {
        if (request.path === "/done") throw new RangeError("unheard of at the end");
      },
      async close() { throw new RangeError("unheard of at the close"); },
    };
  },
});
`;

test("what it does late or unheard costs nobody else anything", bounded, async () => {
  await using origin = await backend();
  await using folder = await tempFolder();
  const file = await written(folder, careless);
  const config = configOf(origin.url, { file, failures: 0 }, { workers: 0 });
  await using program = await startTidegate({ config });
  const port = program.port();
  {
    await using client = await connect(port);
    await client.send("GET /late HTTP/1.1\r\nHost: app.test\r\n\r\n");
    await program.waitForLog(/it waits/);
  }
  // Until it is known that the client has left.
  await pause(300);
  assert.equal((await ask(port, { path: "/wait" })).body, "undefined");
  for (const path of ["/response", "/done"]) {
    assert.equal((await ask(port, { path })).status, 200, path);
  }
  await program.waitForLog(/unheard of/);
  const forged = { X_Hello: "forged", "x-hello": "forged" };
  assert.equal(await seen(port, "/", forged), "set");
  assert.equal(await seen(port, "/body", forged), "undefined");
  await written(folder, hello("next"));
  await eventually("the next version", async () =>
    (await ask(port)).body === "next you" ? true : undefined,
  );
  assert.equal((await ask(port)).status, 200);
});

test(
  "`tidegate middleware new` writes one that works, with a test that passes",
  bounded,
  async () => {
    await using origin = await backend();
    await using folder = await tempFolder();
    const cli = (...words: string[]) =>
      runCommand(tidegate, ["middleware", ...words], { cwd: folder.path, timeoutMs: 60_000 });
    const made = await cli("new", "greet");
    assert.equal(made.code, 0, made.stderr);
    const again = await cli("new", "greet");
    assert.equal(again.code, 1);
    assert.match(again.stderr, /greet\.ts is there already/);
    assert.equal((await cli("new", "../evil")).code, 2);
    const tried = await cli("test", "greet");
    assert.equal(tried.code, 0, tried.stdout + tried.stderr);
    assert.match(tried.stdout, /pass 1/);
    const config = {
      listeners: { web: "127.0.0.1:0" },
      ownMiddlewares: folder.file("middlewares"),
      routes: {
        "plain.test": { service: origin.url, middlewares: ["greet"] },
        "said.test": { service: origin.url, middlewares: { greet: { greeting: "Hey" } } },
      },
    };
    await using program = await startTidegate({ config });
    for (const name of ["plain.test", "said.test"]) {
      assert.equal(field(await ask(program.port(), { name }), "x-greeted"), "127.0.0.1", name);
    }
    const wrong = {
      ...config,
      routes: { "a.test": { service: origin.url, middlewares: ["gret"] } },
    };
    await writeFile(folder.file("wrong.json"), JSON.stringify(wrong));
    const checked = await runCommand(tidegate, ["check", folder.file("wrong.json")]);
    assert.match(checked.stdout + checked.stderr, /no middleware "gret"; write greet/);
  },
);
