// The configuration changes while traffic flows: every way a file can be edited, under a load whose every
// answer is checked, beside an open WebSocket. A broken edit changes nothing and says where it is broken.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, unlink, writeFile } from "node:fs/promises";
import type { Server } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { ask } from "../harness/ask.ts";
import { eventually, within } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { echoOf, echoOrigin } from "../harness/echo-origin.ts";
import { logAtEnd, loggedAtEnd } from "../harness/logged.ts";
import { httpOrigin, origin } from "../harness/origin.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { accessLogName, startTidegate, type Tidegate } from "../harness/tidegate.ts";
import { startLoad } from "./load.ts";

const port0 = { web: "127.0.0.1:0" };
const reloadedPattern = /configuration reloaded/g;

/** Waits until one more configuration went live than there were at `count`. */
function reloaded(program: Tidegate, count: number): Promise<true> {
  return eventually("the configuration to be reloaded", () =>
    reloads(program) > count ? true : undefined,
  );
}

function reloads(program: Tidegate): number {
  return program.stderr().match(reloadedPattern)?.length ?? 0;
}

async function change(program: Tidegate, edit: () => Promise<void> | void): Promise<void> {
  const count = reloads(program);
  await edit();
  await reloaded(program, count);
}

type Bound = Record<string, readonly { readonly host: string; readonly port: number }[]>;

/** The port of a listener at this host. The file that tells it is written after the reload is logged. */
async function portAt(program: Tidegate, listener: string, host: string): Promise<number> {
  return eventually(`listener ${listener} at ${host}`, async () => {
    const text = await readFile(join(program.folder, "ports.json"), "utf8");
    if (!text.endsWith("}")) return undefined; // half written
    const address = (JSON.parse(text) as Bound)[listener]?.[0];
    return address?.host === host ? address.port : undefined;
  });
}

test("editing under load of 64 connections fails no request, and a WebSocket lives on", async () => {
  await using a = await echoOrigin("a");
  await using b = await echoOrigin("b");
  await using sockets = await httpOrigin((_request, response) => response.end());
  using _server = echoSockets(sockets.server);
  const configFor = (url: string) => ({
    listeners: port0,
    routes: { "app.test": url, "ws.test": sockets.url },
  });
  await using program = await startTidegate({ config: configFor(a.url) });
  const file = join(program.folder, "tidegate.yaml");
  const accessLog = { format: "json", path: join(program.folder, accessLogName) };
  const inPlace = (url: string) =>
    writeFile(file, JSON.stringify({ accessLog, ...configFor(url) }));
  using socket = await openSocket(program.port(), "ws.test");
  await using load = await startLoad(program.port(), 64);
  const goesTo = async (name: string) => {
    const seen = await load.lap();
    assert.deepEqual([...seen], [name]);
    assert.equal(await socket.echo(`still there with ${name}`), `still there with ${name}`);
  };

  await goesTo("a");
  await change(program, () => program.writeConfig(configFor(b.url)));
  await goesTo("b");
  await change(program, () => inPlace(a.url));
  await goesTo("a");
  await unlink(file);
  await eventually("the missing file to be reported", () =>
    /cannot be read|no such file|ENOENT/i.test(program.stderr()) ? true : undefined,
  );
  await goesTo("a");
  await change(program, () => inPlace(b.url));
  await goesTo("b");
  await change(program, () => program.signal("SIGHUP"));
  await goesTo("b");

  const { answered, failed } = await load.stop();
  assert.deepEqual(failed, []);
  assert.ok(answered >= 64 * 6, `${answered} answers`);
  socket[Symbol.dispose]();
  const entries = await logAtEnd(program);
  assert.equal(entries.length, answered + 1);
  assert.deepEqual(new Set(entries.map((entry) => entry["status"])), new Set([200, 101]));
});

test("a broken edit changes nothing, says where it is broken, and a repaired one goes live", async () => {
  await using a = await echoOrigin("a");
  await using b = await echoOrigin("b");
  const config = `listeners: { web: "127.0.0.1:0" }\nroutes:\n  app.test: ${a.url}\n`;
  await using program = await startTidegate({ config });
  await using client = await connect(program.port());
  const goesTo = async () => {
    await client.send("GET / HTTP/1.1\r\nHost: app.test\r\n\r\n");
    return echoOf(await client.readResponse()).origin;
  };
  assert.equal(await goesTo(), "a");
  for (const [broken, place] of [
    [config.replace(a.url, b.url).replace("routes:", "rotes:"), /tidegate\.yaml:2:1: .*routes/],
    [`${config}  other.test: { servce: x }\n`, /tidegate\.yaml:4:17: .*service/],
    [`${config}  "unclosed: [\n`, /tidegate\.yaml:4:\d+/],
    [`${config.replace(a.url, b.url)}limits: { connections: many }\n`, /tidegate\.yaml:4:24/],
  ] as const) {
    await program.writeConfig(broken);
    await program.waitForLog(place);
    assert.equal(await goesTo(), "a");
  }
  assert.equal(reloads(program), 0, program.stderr());
  await change(program, () => program.writeConfig(config.replace(a.url, b.url)));
  assert.equal(await goesTo(), "b");
});

test("all problems of a broken edit are reported, not only the first", async () => {
  await using a = await echoOrigin("a");
  const config = `listeners: { web: "127.0.0.1:0" }\nroutes:\n  app.test: ${a.url}\n`;
  await using program = await startTidegate({ config });
  await program.writeConfig(`${config}limts: {}\naccesslog: false\nworkers: none\n`);
  await program.waitForLog(/tidegate\.yaml:4:1: .*limits/);
  await program.waitForLog(/tidegate\.yaml:5:1: .*accessLog/);
  await program.waitForLog(/tidegate\.yaml:6:10/);
});

test("listeners are added, moved and taken away while connections go on", async () => {
  await using a = await echoOrigin("a");
  const routes = { "app.test": a.url };
  await using program = await startTidegate({ config: { listeners: port0, routes } });
  const webPort = program.port();
  await using client = await connect(webPort);
  await client.send("GET /1 HTTP/1.1\r\nHost: app.test\r\n\r\n");
  assert.equal((await client.readResponse()).status, 200);

  const both = { ...port0, more: "127.0.0.1:0" };
  await change(program, () => program.writeConfig({ listeners: both, routes }));
  const morePort = await portAt(program, "more", "127.0.0.1");
  assert.equal(await portAt(program, "web", "127.0.0.1"), webPort);
  assert.equal((await ask(morePort)).status, 200);
  await client.send("GET /2 HTTP/1.1\r\nHost: app.test\r\n\r\n");
  assert.equal((await client.readResponse()).status, 200, "the first connection lives on");

  const moved = { ...port0, more: "127.0.0.2:0" };
  await change(program, () => program.writeConfig({ listeners: moved, routes }));
  const movedPort = await portAt(program, "more", "127.0.0.2");
  assert.equal((await ask(movedPort, { host: "127.0.0.2" })).status, 200);
  await assert.rejects(ask(morePort), /ECONNREFUSED/);

  await change(program, () => program.writeConfig({ listeners: port0, routes }));
  await assert.rejects(ask(movedPort, { host: "127.0.0.2" }), /ECONNREFUSED/);
  await client.send("GET /3 HTTP/1.1\r\nHost: app.test\r\n\r\n");
  assert.equal((await client.readResponse()).status, 200);
});

test("a request that runs when its listener is taken away is answered", async () => {
  await using slow = await origin();
  const routes = { "app.test": slow.url };
  const config = { listeners: { ...port0, more: "127.0.0.1:0" }, routes };
  await using program = await startTidegate({ config });
  await using client = await connect(program.port("more"));
  await client.send("GET /running HTTP/1.1\r\nHost: app.test\r\n\r\n");
  const backend = await slow.accept();
  await backend.readRequest();
  await change(program, () => program.writeConfig({ listeners: port0, routes }));
  await backend.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
  const response = await client.readResponse();
  assert.equal(response.body, "done");
  await client.waitClose();
});

test("an address that cannot be opened changes nothing", async () => {
  await using a = await echoOrigin("a");
  await using b = await echoOrigin("b");
  const config = { listeners: port0, routes: { "app.test": a.url } };
  await using program = await startTidegate({ config });
  await program.writeConfig({
    listeners: { ...port0, taken: `127.0.0.1:${b.port}` },
    routes: { "app.test": b.url },
  });
  await program.waitForLog(/EADDRINUSE/);
  assert.equal(echoOf(await ask(program.port())).origin, "a");
  await change(program, () => program.writeConfig({ ...config, routes: { "app.test": b.url } }));
  assert.equal(echoOf(await ask(program.port())).origin, "b");
});

test("a request in flight keeps the plan it began with", async () => {
  await using slow = await origin();
  await using b = await echoOrigin("b");
  const config = (url: string, name: string, maxBody: number) => ({
    listeners: port0,
    routes: { [name]: { host: "app.test", service: url, maxBody, addPrefix: `/${name}` } },
  });
  await using program = await startTidegate({ config: config(slow.url, "before", 0) });
  await using client = await connect(program.port());
  await client.send("POST /up HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\n12345");
  const backend = await slow.accept();
  await backend.expect(/\r\n\r\n12345/);

  await change(program, () => program.writeConfig(config(b.url, "after", 3)));
  await client.send("67890");
  await backend.expect("67890");
  await backend.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nold");
  assert.equal((await client.readResponse()).body, "old");
  await client.send("GET /next HTTP/1.1\r\nHost: app.test\r\n\r\n");
  assert.equal(echoOf(await client.readResponse()).target, "/after/next");
  assert.equal((await loggedAtEnd(program, "/up"))["route"], "before");
});

test("timeouts, limits, log and trusted proxies change for connections that are open", async () => {
  await using a = await echoOrigin("a");
  const routes = { "app.test": a.url };
  const config = { listeners: port0, routes };
  await using program = await startTidegate({ config });
  await using client = await connect(program.port());
  const next = async (path: string, more = "") => {
    await client.send(`GET ${path} HTTP/1.1\r\nHost: app.test\r\n${more}\r\n`);
    return client.readResponse();
  };
  const claim = "X-Forwarded-For: 192.0.2.7\r\n";
  const first = echoOf(await next("/1", claim));
  assert.equal(first.headers["x-forwarded-for"], "127.0.0.1");

  const logPath = join(program.folder, "other.log");
  await change(program, () =>
    program.writeConfig({
      ...config,
      trustedProxies: ["127.0.0.0/8"],
      accessLog: { format: "$request_uri $remote_addr", path: logPath },
      limits: { headBytes: 600, targetBytes: 500 },
      timeouts: { head: "300ms" },
    }),
  );
  const second = echoOf(await next("/2", claim));
  assert.equal(second.headers["x-forwarded-for"], "192.0.2.7, 127.0.0.1");
  const line = await eventually("a line of the new log", async () => {
    const text = await readFile(logPath, "utf8").catch(() => "");
    return text.includes("/2") ? text : undefined;
  });
  assert.equal(line, "/2 192.0.2.7\n");
  assert.ok((await program.accessLog()).some((each) => each.includes('"target":"/1"')));

  const large = await next("/3", `X-Large: ${"x".repeat(700)}\r\n`);
  assert.equal(large.status, 431);
  await using late = await connect(program.port());
  await late.send("GET / HTTP/1.1\r\n");
  assert.equal((await late.readResponse()).status, 408);
});

test("SIGHUP takes in changed files that the configuration names", async () => {
  await using folder = await tempFolder();
  const routes = { "other.test": { respond: { body: "" } } };
  const config = { listeners: port0, errorPages: folder.path, routes };
  await writeFile(folder.file("error_404.html"), "<p>before</p>");
  await using program = await startTidegate({ config });
  const page = () => ask(program.port(), { headers: { Accept: "text/html" } });
  assert.equal((await page()).body, "<p>before</p>");
  await writeFile(folder.file("error_404.html"), "<p>mine</p>");
  await change(program, () => program.signal("SIGHUP"));
  assert.equal((await page()).body, "<p>mine</p>");
});

function echoSockets(server: Server): Disposable {
  const sockets = new WebSocketServer({ server });
  sockets.on("connection", (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  return { [Symbol.dispose]: () => sockets.close() };
}

async function openSocket(port: number, name: string) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`, { headers: { Host: name } });
  await within(once(socket, "open"), 5000, "the WebSocket to open");
  return {
    async echo(text: string): Promise<string> {
      const answer = once(socket, "message");
      socket.send(text);
      return String((await within(answer, 5000, "an echo"))[0]);
    },
    [Symbol.dispose]: () => socket.terminate(),
  };
}
