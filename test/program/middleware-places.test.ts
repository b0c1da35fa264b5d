// Where middlewares can stand: on a route, a service, a listener, in sets of the file, and in items of the store. Each of them
// puts a prefix in front of the path, so that the backend sees who ran, and in which order.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { ask, field } from "../harness/ask.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { LiveOrigin } from "../harness/live-origin.ts";
import { change, commandOf } from "../harness/store-stand.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 120_000 };

/** Of a program, on a machine that has much else to do. */
const startTimeoutMs = 50_000;

/** The path as the backend got it, or the status. */
async function pathOf(program: Tidegate, name: string, listener = "web"): Promise<string> {
  const { status, body } = await ask(program.port(listener), { name, path: "/x" });
  return status === 200 ? body : String(status);
}

async function echo(): Promise<LiveOrigin> {
  const origin = await LiveOrigin.start("back");
  origin.answer = ({ target }) => ({ body: target });
  return origin;
}

const configOf = (url: string) => ({
  listeners: {
    web: { bind: "127.0.0.1:0", middlewares: ["front"] },
    inner: "127.0.0.1:0",
  },
  middlewares: {
    front: [{ addPrefix: "/listener" }],
    outer: ["inside", { addPrefix: "/outer" }],
    inside: [{ addPrefix: "/inside" }],
  },
  services: {
    app: { backends: [url], middlewares: [{ addPrefix: "/service" }] },
    both: { split: { app: 1 } },
  },
  routes: {
    "a.test": { service: "app", middlewares: [{ addPrefix: "/route" }] },
    "b.test": { service: "app", middlewares: ["outer"] },
    "c.test": { service: "app" },
    "split.test": { service: "both" },
    "map.test": {
      service: url,
      middlewares: { addPrefix: "/b", replacePath: { pattern: "^/(.*)$", replacement: "/a/$1" } },
    },
    "answer.test": { middlewares: [{ respond: { status: 200, body: "own" } }] },
    "go.test": { service: "app", middlewares: [{ redirect: { pattern: "/x$", to: "/y" } }] },
    "mounted.test/x": {
      service: url,
      middlewares: ["stripPrefix", { addPrefix: "/deep" }],
      restoreUrls: true,
    },
  },
});

test("a listener's run before the route's, and a service's behind them", bounded, async () => {
  await using back = await echo();
  await using program = await startTidegate({
    startTimeoutMs,
    config: configOf(back.url),
    workers: 1,
  });
  assert.equal(await pathOf(program, "a.test"), "/service/route/listener/x");
  assert.equal(await pathOf(program, "a.test", "inner"), "/service/route/x");
  assert.equal(await pathOf(program, "b.test"), "/service/outer/inside/listener/x");
  assert.equal(await pathOf(program, "c.test", "inner"), "/service/x");
  assert.equal(await pathOf(program, "c.test"), "/service/listener/x");
  // Those of the service that the route names, not of its parts.
  assert.equal(await pathOf(program, "split.test", "inner"), "/x");
  assert.equal(await pathOf(program, "map.test", "inner"), "/b/a/x");
  assert.equal(await pathOf(program, "answer.test", "inner"), "own");
  const away = await ask(program.port("inner"), { name: "go.test", path: "/x" });
  assert.deepEqual([away.status, field(away, "location")], [302, "http://go.test/y"]);
});

test("what are keys of routes do the same in a list", bounded, async () => {
  await using back = await echo();
  const app = { service: back.url };
  const routes = {
    "prefix.test": { ...app, middlewares: [{ replacePrefix: { from: "/x", to: "/y" } }] },
    "https.test": { ...app, middlewares: [{ forceHttps: { status: 307, port: 444 } }] },
    "who.test": { middlewares: ["whoami"] },
  };
  await using program = await startTidegate({
    startTimeoutMs,
    config: { listeners: { web: "127.0.0.1:0" }, routes },
  });
  assert.equal(await pathOf(program, "prefix.test"), "/y");
  const away = await ask(program.port(), { name: "https.test", path: "/x" });
  assert.deepEqual([away.status, field(away, "location")], [307, "https://https.test:444/x"]);
  assert.match(await pathOf(program, "who.test"), /GET \/x HTTP\/1\.1/);
});

test("what a list does to the path is put right in answers", bounded, async () => {
  await using back = await echo();
  back.answer = () => ({ status: 302, headers: { Location: "/deep/next" } });
  await using program = await startTidegate({ startTimeoutMs, config: configOf(back.url) });
  const answer = await ask(program.port("inner"), { name: "mounted.test", path: "/x/one" });
  assert.deepEqual([answer.status, field(answer, "location")], [302, "/x/next"]);
});

test("a reload takes them away and brings others", bounded, async () => {
  await using back = await echo();
  const config = configOf(back.url);
  await using program = await startTidegate({ startTimeoutMs, config, workers: 1 });
  assert.equal(await pathOf(program, "a.test"), "/service/route/listener/x");
  const { app } = config.services;
  await program.writeConfig({
    ...config,
    middlewares: { ...config.middlewares, front: [{ addPrefix: "/new" }] },
    services: { ...config.services, app: { backends: app.backends } },
  });
  program.signal("SIGHUP");
  await program.waitForLog(/configuration reloaded/);
  assert.equal(await pathOf(program, "a.test"), "/route/new/x");
});

test("items of the store have them too, and name sets of the file", bounded, async () => {
  await using back = await echo();
  await using program = await startTidegate({ startTimeoutMs, config: configOf(back.url) });
  const set = async (section: "routes" | "services" | "overlays", name: string, value: unknown) => {
    const { body } = await change(program, [{ section, name, value }]);
    return JSON.stringify(body);
  };
  await set("services", "own", { backends: [back.url], middlewares: { addPrefix: "/kept" } });
  const middlewares = ["outer@file", { addPrefix: "/item" }];
  await set("routes", "item.test", { service: "own", middlewares });
  assert.equal(await pathOf(program, "item.test", "inner"), "/kept/item/outer/inside/x");
  assert.match(
    await set("routes", "bad.test", { service: "own", middlewares: ["outer"] }),
    /outer@file/,
  );
  await set("overlays", "a.test", { middlewares: [{ addPrefix: "/changed" }] });
  assert.equal(await pathOf(program, "a.test", "inner"), "/service/changed/x");

  const dump = await commandOf(program, ["dump"]);
  assert.equal(dump.code, 0, dump.stderr);
  assert.match(dump.stdout, /- outer@file\n\s+- addPrefix: \/item/);
  // What is dumped serves the same.
  await using again = await startTidegate({
    startTimeoutMs,
    config: dump.stdout.replace(/^(controlSocket|stateFolder):.*\n/gm, ""),
  });
  assert.equal(await pathOf(again, "item.test", "inner"), "/kept/item/outer/inside/x");
  assert.equal(await pathOf(again, "a.test", "inner"), "/service/changed/x");
});

test("what is wrong in them is told at its place", bounded, async () => {
  const text = `
middlewares:
  requestId: [addPrefix]
  a: [b]
  b: [a]
listeners:
  web: { bind: ":8080", middlewares: [requestIdd] }
  raw: { bind: ":8081", protocol: tcp, service: tcp://127.0.0.1:1, middlewares: [requestId] }
routes:
  a.test: { service: http://127.0.0.1:1, middlewares: [[requestId]] }
  b.test: { service: http://127.0.0.1:1, middlewares: [{ requestId: true, whoami: true }] }
`;
  await using folder = await tempFolder();
  const file = folder.file("tidegate.yaml");
  await writeFile(file, text);
  const { stdout, stderr, code } = await runCommand(tidegate, ["check", file]);
  const said = stdout + stderr;
  assert.notEqual(code, 0);
  assert.match(said, /:3:\d+.*requestId is a kind of middleware/);
  assert.match(said, /circle: a .* b .* a;/);
  assert.match(said, /:7:\d+.*there is no middleware "requestIdd"/);
  assert.match(said, /:8:\d+.*this listener is tcp/);
  assert.match(said, /:10:\d+.*must be a middleware/);
  assert.match(said, /:11:\d+.*must be one middleware/);
});
