// proxy-etc's calls against the real program: the replies that its scripts know, and what is routed after them.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { askControl } from "../../src/admin/control-client.ts";
import { ask, type AskOptions, field } from "../harness/ask.ts";
import { freePort } from "../harness/free-port.ts";
import { LiveOrigin } from "../harness/live-origin.ts";
import { commandOf } from "../harness/store-stand.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const options = { timeout: 60_000 };
const password = "correct horse battery";

interface Stand extends AsyncDisposable {
  readonly program: Tidegate;
  readonly web: number;
  /** As a script asks; the reply, read. */
  call(path: string, body?: unknown, user?: string): Promise<unknown>;
  ask(path: string, options?: AskOptions): ReturnType<typeof ask>;
}

async function stand(): Promise<Stand> {
  const [port, web] = [await freePort(), await freePort()];
  const program = await startTidegate({
    workers: 2,
    config: {
      listeners: { web: `127.0.0.1:${web}` },
      routes: { "file.test": { respond: { body: "file" } } },
      compat: { proxyEtcApi: `127.0.0.1:${port}` },
      admin: false,
    },
  });
  for (const role of ["edit", "read"]) {
    const words = ["user", "add", role, "--role", role, "--password-stdin"];
    const added = await commandOf(program, words, `${password}\n`);
    assert.equal(added.code, 0, added.stderr);
  }
  const asked: Stand["ask"] = (path, given = {}) =>
    ask(port, { name: "localhost", path, ...given });
  return {
    program,
    web,
    ask: asked,
    async call(path, body, user = "edit") {
      const response = await asked(`/api${path}`, {
        method: body === undefined ? "GET" : "POST",
        headers: { ...basic(user, password), "Content-Type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      assert.equal(response.status, 200, response.body);
      return response.body === "" ? "" : JSON.parse(response.body);
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

function basic(user: string, word: string): Record<string, string> {
  return { Authorization: `Basic ${Buffer.from(`${user}:${word}`).toString("base64")}` };
}

/** Which origin answers. */
async function answerer({ program }: Stand, name: string, path = "/"): Promise<string> {
  const response = await ask(program.port(), { name, path, headers: { Connection: "close" } });
  return response.status === 200 ? field(response, "x-origin") : String(response.status);
}

test("a route lives through all of its calls, with the replies of old", options, async () => {
  await using it = await stand();
  await using one = await LiveOrigin.start("one");
  await using two = await LiveOrigin.start("two");
  const at = ({ port }: LiveOrigin) => ({ host: "127.0.0.1", port });
  assert.equal(await it.call("/routes/allRoutes"), "");
  const source = "shop.test";
  const route = { source, targets: [at(one)], sessionType: "Non Sticky" };
  const saved = await it.call("/routes/save", { route });
  const { id } = saved as { id: number };
  assert.ok(Number.isInteger(id));
  assert.equal(await answerer(it, source), "one");
  assert.deepEqual(await it.call("/routes/save", { route }), {
    error: `Route with source : ${source} already exists`,
  });
  const [shown] = (await it.call("/routes/allRoutes", undefined, "read")) as unknown[];
  const target = { ...at(one), status: "success" };
  assert.partialDeepStrictEqual(shown, { _id: id, source, sessionType: "Non Sticky" });
  assert.partialDeepStrictEqual(shown, { targets: [target] });

  const second = `127.0.0.1:${two.port}`;
  const first = `127.0.0.1:${one.port}`;
  assert.deepEqual(await it.call("/routes/add", { source, target: second }), { id });
  assert.deepEqual(await it.call("/routes/add", { source, target: second }), {
    error: "Target is already existed",
  });
  // Each worker has turns of its own, and chance says which worker a connection comes to.
  const answering = await Promise.all(Array.from({ length: 40 }, () => answerer(it, source)));
  assert.deepEqual(new Set(answering), new Set(["one", "two"]));
  assert.deepEqual(await it.call("/routes/deleteTarget", { source, target: first }), { id: 1 });
  assert.equal(await answerer(it, source), "two");
  const swap = { source, oldTarget: second, newTarget: first };
  assert.deepEqual(await it.call("/routes/updateTarget", swap), { id: 1 });
  assert.equal(await answerer(it, source), "one");
  assert.deepEqual(await it.call("/routes/updateTarget", { ...swap, source: "x.test" }), {
    error: "Route with source : x.test not exists",
  });

  const sticky = {
    _id: id,
    source: "shop.test/app",
    targets: [at(one), at(two)],
    sessionType: "Sticky",
  };
  assert.deepEqual(await it.call("/routes/update", { route: sticky }), { id: 1 });
  assert.equal(await answerer(it, source), "404");
  const kept = await ask(it.program.port(), {
    name: source,
    path: "/app/x",
    headers: { Cookie: `SERVERID=${second}` },
  });
  assert.equal(field(kept, "x-origin"), "two");

  const [changed] = (await it.call("/routes/allRoutes")) as {
    _id: number;
    targets: { id: number }[];
  }[];
  assert.ok(changed !== undefined && changed.targets[0] !== undefined);
  const config = {
    enabled: true,
    ping_service: "http",
    url: "/health",
    ping_interval: 1,
    timeout: 500,
  };
  const update = { id: changed.targets[0].id, config };
  assert.deepEqual(await it.call("/target/updateConfig", update), { id: 1 });
  assert.deepEqual(await it.call("/target/updateConfig", { ...update, id: 1 }), { id: 0 });
  assert.deepEqual(await it.call("/routes/delete", { id: 1 }), { id: 0 });
  assert.deepEqual(await it.call("/routes/delete", { id: changed._id }), { id: 1 });
  assert.equal(await answerer(it, source, "/app/x"), "404");
  assert.equal(await it.call("/routes/allRoutes"), "");

  const asked = await askControl(it.program.control, { route: "/api/v1/audit?limit=1" });
  assert.ok(asked.kind === "answer" && asked.status === 200);
  assert.partialDeepStrictEqual(asked.body, {
    entries: [
      {
        by: "edit",
        from: "127.0.0.1",
        what: "proxy-etc call: delete services proxy-etc/shop.test/app",
      },
    ],
  });
});

test("words, prefixes and ports are sources, and routes outlive the program", options, async () => {
  await using it = await stand();
  await using one = await LiveOrigin.start("one");
  const target = `127.0.0.1:${one.port}`;
  for (const source of ["app", "/app", "a..never", String(it.web)]) {
    const reply = (await it.call("/routes/add", { source, target })) as Record<string, unknown>;
    const isSource = source !== "a..never";
    assert.equal("id" in reply, isSource, JSON.stringify(reply));
  }
  assert.equal(await answerer(it, "app"), "one");
  assert.equal(await answerer(it, "any.test", "/app/x"), "one");
  assert.equal(await answerer(it, `any.test:${it.web}`), "one");
  assert.equal(await answerer(it, "any.test"), "404");
  assert.deepEqual(await it.call("/routes/add", { source: "9", target }), {
    error: "Port 9 is already in use or not existed",
  });
  assert.deepEqual(await it.call("/routes/deleteRouteBySource", { source: "/app" }), { id: 1 });
  assert.equal(await answerer(it, "any.test", "/app/x"), "one");
  for (const pid of it.program.pids()) process.kill(pid, "SIGKILL");
  await it.program.exited;
  await using next = await it.program.startAgain();
  const after = await ask(next.port(), { name: "app" });
  assert.equal(field(after, "x-origin"), "one");
  // With its last target a route goes.
  assert.deepEqual(await it.call("/routes/deleteTarget", { source: "app", target }), { id: 1 });
  assert.equal((await ask(next.port(), { name: "app" })).status, 404);
  assert.deepEqual(await it.call("/routes/deleteRouteBySource", { source: "app" }), {
    error: "Source with name app not existed",
  });
});

test("rubbish is told of in the old words, and changes nothing", options, async () => {
  await using it = await stand();
  const wrong = { error: "parameter passed are incorrect" };
  const target = "127.0.0.1:80";
  const cases: readonly (readonly [path: string, body: unknown, reply: unknown])[] = [
    ["/routes/add", { source: "a.test" }, wrong],
    ["/routes/add", { source: "a.test", target: "nowhere" }, wrong],
    ["/routes/add", { source: "a.test", target: "h:70000" }, wrong],
    ["/routes/add", { source: "a b", target }, wrong],
    ["/routes/add", { source: { x: 1 }, target }, wrong],
    ["/routes/add", { source: `${"a".repeat(300)}.test`, target }, wrong],
    ["/routes/add", [], wrong],
    ["/routes/add", null, wrong],
    ["/routes/deleteRouteBySource", {}, { error: "parameter passed is incorrect" }],
    [
      "/routes/deleteTarget",
      { source: "a.test", target },
      { error: "Route with source : a.test not exists" },
    ],
    ["/target/updateConfig", { id: "x", config: {} }, { id: 0 }],
    ["/routes/delete", {}, { id: 0 }],
  ];
  for (const [path, body, reply] of cases) {
    assert.deepEqual(await it.call(path, body), reply, `${path} ${JSON.stringify(body)}`);
  }
  assert.equal(await it.call("/routes/allRoutes"), "");
  const raw = async (given: AskOptions) =>
    (await it.ask("/api/routes/save", { method: "POST", ...given })).status;
  const headers = basic("edit", password);
  assert.equal(await raw({ headers, body: "{" }), 400);
  assert.equal(await raw({ headers, body: "x".repeat(300_000) }), 413);
  assert.equal(
    await raw({ headers, body: JSON.stringify({ route: { source: "a.test", targets: [] } }) }),
    200,
  );
  assert.equal(await answerer(it, "a.test"), "404");
});

test("only users may call, and a page may not", options, async () => {
  await using it = await stand();
  const reach = await it.ask("/api/routes/isReachable");
  assert.equal(reach.body, "success");
  const all = async (headers: Record<string, string>, path = "allRoutes", method = "GET") =>
    (
      await it.ask(`/api/routes/${path}`, {
        headers,
        method,
        ...(method === "GET" ? {} : { body: "{}" }),
      })
    ).status;
  assert.equal(await all({}), 401);
  assert.match(field(await it.ask("/api/routes/allRoutes"), "www-authenticate"), /^Basic /);
  assert.equal(await all(basic("edit", "wrong")), 401);
  assert.equal(await all(basic("read", password)), 200);
  assert.equal(await all(basic("read", password), "delete", "POST"), 403);
  assert.equal(await all({ ...basic("edit", password), Origin: "http://evil.test" }), 403);
  assert.equal(await all(basic("edit", password), "nothing", "POST"), 404);
});

test("an address that is taken is told once, and is used when it is free", options, async () => {
  const blocker = createServer().listen(0, "127.0.0.1");
  await once(blocker, "listening");
  const { port } = blocker.address() as AddressInfo;
  try {
    await using program = await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0" },
        routes: { "file.test": { whoami: true } },
        compat: { proxyEtcApi: `127.0.0.1:${port}` },
      },
    });
    await program.waitForLog(/tidegate reload.*compat\.proxyEtcApi: its address cannot be opened/);
    blocker.close();
    await once(blocker, "close");
    const reload = await commandOf(program, ["reload"]);
    assert.equal(reload.code, 0, reload.stderr);
    await program.waitForLog(/compat\.proxyEtcApi: its address is open now/);
    const reach = await ask(port, { name: "localhost", path: "/api/routes/isReachable" });
    assert.equal(reach.body, "success");
    assert.equal(program.stderr().match(/cannot be opened/g)?.length, 1);
  } finally {
    blocker.close();
  }
});
