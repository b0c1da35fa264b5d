// Peers that are no engine, or one that has lost its mind: real servers on a socket, each wrong in one way.
// Whatever they send is answered by a sentence within the time limit, or does no harm.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createPlainServer, type Socket } from "node:net";
import { test } from "node:test";
import { within } from "../../../test/harness/barrier.ts";
import { dockerSettings, watchDocker } from "../../../test/harness/docker-watch.ts";
import { tempFolder } from "../../../test/harness/temp-folder.ts";
import { Engine } from "./engine.ts";

const id = (digit: string) => digit.repeat(64);
const details = { Config: { Hostname: "a.test" }, State: { Status: "running" } };
const running = (digit: string) => ({ Id: id(digit), Names: [`/c${digit}`], State: "running" });

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

const json =
  (value: unknown): Answer =>
  (response) =>
    void response.end(JSON.stringify(value));

/** A sane engine without containers, apart from what is replaced; keys begin the path after the version. */
function sane(changes: Readonly<Record<string, Answer>>): Record<string, Answer> {
  return {
    "/_ping": (response) => void response.setHeader("Api-Version", "1.41").end("OK"),
    "/info": json({ Name: "elsewhere" }),
    "/networks": json([]),
    "/events": (response) => response.flushHeaders(),
    "/containers/json": json([]),
    ...changes,
  };
}

interface Peer extends AsyncDisposable {
  readonly endpoint: string;
  readonly asked: readonly string[];
  /** Answers to `/events` that are open. */
  readonly streams: ReadonlySet<ServerResponse>;
}

async function peer(changes: Readonly<Record<string, Answer>>): Promise<Peer> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder());
  const answers = sane(changes);
  const asked: string[] = [];
  const streams = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    const path = (request.url ?? "").replace(/^\/v\d+(\.\d+)+/, "");
    asked.push(request.url ?? "");
    response.on("error", () => {}); // it is cut off where it sends too much
    if (path.startsWith("/events")) streams.add(response);
    const key = Object.keys(answers).find((each) => path.startsWith(each));
    const answer = answers[key ?? ""];
    if (answer === undefined) response.writeHead(404).end('{"message":"no such thing"}');
    else answer(response, request);
  });
  server.listen(folder.file("sock"));
  await once(server, "listening");
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  const held = stack.move();
  return {
    endpoint: `unix://${folder.file("sock")}`,
    asked,
    streams,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** What it says is the matter. */
async function troubleOf(changes: Readonly<Record<string, Answer>>): Promise<string> {
  await using engine = await peer(changes);
  await using watch = watchDocker(dockerSettings(engine.endpoint));
  await watch.untilAll("the trouble", ({ troubles }) => troubles.length > 0, 15_000);
  assert.equal(watch.lists.length, 0);
  return watch.troubles[0] ?? "";
}

function endless(text: string): Answer {
  return (response) => {
    const more = () => {
      while (!response.destroyed && response.write(text));
      if (!response.destroyed) response.once("drain", more);
    };
    more();
  };
}

test("answers that make no sense are told in a sentence", { timeout: 60_000 }, async (context) => {
  const cases: [string, Record<string, Answer>, RegExp][] = [
    ["no JSON", { "/containers/json": (r) => void r.end("<html>") }, /not JSON/],
    ["cut JSON", { "/containers/json": (r) => void r.end('[{"Id":"a"') }, /not JSON/],
    ["no list", { "/containers/json": json(null) }, /no list of containers/],
    ["an object", { "/containers/json": json({ Id: id("1") }) }, /no list of containers/],
    [
      "an error",
      { "/containers/json": (r) => void r.writeHead(500).end('{"message":"disk is full"}') },
      /answered 500: disk is full/,
    ],
    [
      "a refusal",
      { "/containers/json": (r) => void r.writeHead(403).end("no") },
      /answered 403; whoever stands in front of it must allow GET on/,
    ],
    ["a hang-up", { "/containers/json": (r) => r.destroy() }, /broke off the connection/],
    ["no ping", { "/_ping": (r) => void r.writeHead(502).end() }, /answered 502/],
    ["no events", { "/events": (r) => void r.writeHead(404).end() }, /gives no events/],
  ];
  for (const [name, changes, expected] of cases) {
    await context.test(name, async () => assert.match(await troubleOf(changes), expected));
  }
});

test("an answer without end is cut off", { timeout: 60_000 }, async () => {
  const trouble = await troubleOf({ "/containers/json": endless(`[${" ".repeat(65_536)}`) });
  assert.match(trouble, /more than 64 MiB/);
});

test(
  "who accepts and says nothing, or no HTTP, is not waited for",
  { timeout: 60_000 },
  async () => {
    await using folder = await tempFolder();
    for (const [said, expected] of [
      ["", /within 10 s/],
      ["SSH-2.0-x\r\n", /not HTTP/],
    ] as const) {
      const sockets = new Set<Socket>();
      const server = createPlainServer((socket) => {
        sockets.add(socket);
        socket.on("error", () => {}); // it hangs up on us
        if (said !== "") socket.write(said);
      });
      const path = folder.file(`sock${said.length}`);
      server.listen(path);
      await once(server, "listening");
      try {
        await using watch = watchDocker(dockerSettings(`unix://${path}`));
        await watch.untilAll("the trouble", ({ troubles }) => troubles.length > 0, 15_000);
        assert.match(watch.troubles[0] ?? "", expected);
      } finally {
        for (const socket of sockets) socket.destroy();
        server.close();
      }
    }
  },
);

test("one container that is wrong does not disturb the others", { timeout: 60_000 }, async () => {
  const entries = [
    ...["1", "2", "3", "4", "5"].map((digit) => running(digit)),
    ...[7, null, "x", [], {}, { Id: "../../events" }],
  ];
  await using engine = await peer({
    "/containers/json": json(entries),
    [`/containers/${id("1")}`]: json(details),
    [`/containers/${id("2")}`]: (response) => void response.end("{"),
    // Never answered.
    [`/containers/${id("3")}`]: () => {},
    [`/containers/${id("4")}`]: (response) => void response.writeHead(500).end(),
    // Container 5 has gone in the meantime.
  });
  await using watch = watchDocker(dockerSettings(engine.endpoint));
  await watch.untilAll("the first listing", ({ lists }) => lists.length > 0, 10_000);
  assert.deepEqual([...watch.now().keys()], ["c1"]);
  assert.equal(watch.now().get("c1")?.hostName, "a.test");
  // Shown with the reason, and not routed: their environment may say who must not get in.
  const notes = watch.findings().map(({ name, notes: [note] }) => [name, note?.message ?? ""]);
  assert.deepEqual(new Set(notes.map(([name]) => name)), new Set(["c2", "c3", "c4"]));
  for (const [, message] of notes) assert.match(message ?? "", /its details cannot be read: ./);
  const named = watch.warnings.map(({ fields }) => fields["container"]);
  assert.deepEqual(new Set(named), new Set(["c2", "c4"]));
  // Told once, and asked again only when there is a reason.
  const before = engine.asked.length;
  for (const stream of engine.streams) stream.write("{}\n");
  await watch.untilAll("another listing", ({ lists }) => lists.length > 1);
  assert.equal(watch.warnings.length, 2);
  const again = engine.asked.slice(before);
  assert.deepEqual(
    again.filter((path) => path.includes(id("3"))),
    [],
  );
});

test("who is stuck keeps nobody waiting, and stays as it was", { timeout: 60_000 }, async () => {
  let entries = [running("1"), running("2")];
  let isStuck = false;
  await using engine = await peer({
    "/containers/json": (response) => void response.end(JSON.stringify(entries)),
    [`/containers/${id("2")}`]: (response) => {
      if (!isStuck) response.end(JSON.stringify(details));
    },
    [`/containers/${id("4")}`]: () => {},
    "/containers/": json(details),
  });
  await using watch = watchDocker(dockerSettings(engine.endpoint));
  await watch.untilAll("the first listing", ({ lists }) => lists.length > 0);
  isStuck = true;
  entries = [running("1"), { ...running("2"), State: "paused" }, running("3"), running("4")];
  const told = JSON.stringify({ Action: "pause", Actor: { ID: id("2") } });
  for (const stream of engine.streams) stream.write(`${told}\n`);
  await watch.until("c3", ({ state }) => state === "running", 2000);
  const c2 = watch.now().get("c2");
  assert.deepEqual([c2?.state, c2?.hostName], ["paused", "a.test"]);
  assert.equal(watch.now().has("c4"), false);
  // When its time is over, nobody has to ask.
  await watch.untilAll("the finding", ({ findings }) => findings().length > 0);
  assert.deepEqual(
    watch.findings().map(({ name }) => name),
    ["c4"],
  );
  assert.deepEqual(watch.now().get("c2"), c2);
  assert.deepEqual(watch.troubles, []);
});

test("what was known outlives the connection", { timeout: 60_000 }, async () => {
  let isWell = true;
  await using engine = await peer({
    "/containers/json": json([running("1")]),
    "/containers/": (response) => void response.end(isWell ? JSON.stringify(details) : "{"),
  });
  await using watch = watchDocker(dockerSettings(engine.endpoint));
  await watch.untilAll("the first listing", ({ lists }) => lists.length > 0);
  isWell = false;
  for (const stream of engine.streams) stream.end();
  await watch.untilAll("the next listing", ({ lists }) => lists.length > 1);
  assert.equal(watch.now().get("c1")?.hostName, "a.test");
  assert.equal(watch.warnings.filter(({ fields }) => fields["container"] === "c1").length, 1);
});

test("one container that keeps Podman from listing does not disturb the others", async () => {
  let isWell = true;
  // As Podman 4.3 answers after it could not leave a network.
  const refusal = { message: "network inspection mismatch: asked to join 1 network(s)" };
  const refuse: Answer = (response) => void response.writeHead(500).end(JSON.stringify(refusal));
  const entry = (digit: string) => ({
    ...running(digit),
    NetworkSettings: { Networks: { podman: { IPAddress: `127.0.0.${digit}` } } },
  });
  const inspected = (digit: string) => json({ ...details, ...entry(digit) });
  const plain = (digit: string) => ({
    ...running(digit),
    Names: [`c${digit}`],
    Networks: ["podman"],
  });
  await using engine = await peer({
    "/_ping": (response) => void response.writeHead(200, { "Libpod-Api-Version": "4.3.1" }).end(),
    "/containers/json": (response, request) =>
      isWell ? json([entry("1"), entry("2")])(response, request) : refuse(response, request),
    "/libpod/containers/json": json([plain("1"), plain("2"), plain("3")]),
    [`/containers/${id("2")}`]: (response, request) =>
      (isWell ? inspected("2") : refuse)(response, request),
    [`/containers/${id("1")}`]: inspected("1"),
    [`/containers/${id("3")}`]: inspected("3"),
  });
  await using watch = watchDocker(dockerSettings(engine.endpoint, { network: "podman" }));
  await watch.untilAll("the first listing", ({ lists }) => lists.length > 0);
  isWell = false;
  for (const stream of engine.streams) stream.write("{}\n");
  await watch.untilAll("the next listing", ({ now }) => now().size === 3);
  const places = [...watch.now().values()].map(({ name, addresses: [first] }) => [name, first?.ip]);
  assert.deepEqual(
    new Map(places as [string, string][]),
    new Map([
      ["c1", "127.0.0.1"],
      ["c2", "127.0.0.2"],
      ["c3", "127.0.0.3"],
    ]),
  );
  assert.deepEqual(watch.troubles, []);
  const said = watch.warnings.map(({ fields }) => String(fields["why"]));
  assert.equal(said.filter((text) => text.includes("network inspection mismatch")).length, 1);
  // To somebody who did not know it before.
  await using late = watchDocker(dockerSettings(engine.endpoint, { network: "podman" }));
  await late.untilAll("the first listing", ({ lists }) => lists.length > 0);
  assert.deepEqual(
    [...late.now().keys()].sort((a, b) => (a < b ? -1 : 1)),
    ["c1", "c3"],
  );
  assert.equal(late.findings()[0]?.name, "c2");
});

test("when nobody's details come, it is the engine that hangs", { timeout: 60_000 }, async () => {
  const digits = "123456789abcdef".split("");
  const changes = { "/containers/json": json(digits.map((each) => running(each))) };
  const silent = Object.fromEntries(digits.map((each) => [`/containers/${id(each)}`, () => {}]));
  assert.match(await troubleOf({ ...changes, ...silent }), /has not answered within 3 s/);
});

test("more containers than anybody has are left alone, and that is said once", async () => {
  const entries = Array.from({ length: 10_050 }, (_, at) => ({
    ...running("1"),
    Id: at.toString(16).padStart(64, "0"),
    Names: [`/c${at}`],
  }));
  await using engine = await peer({
    "/containers/json": json(entries),
    "/containers/": json(details),
  });
  await using watch = watchDocker(dockerSettings(engine.endpoint));
  await watch.untilAll("the first listing", ({ lists }) => lists.length > 0, 60_000);
  assert.equal(watch.now().size, 10_000);
  for (const stream of engine.streams) stream.write("{}\n");
  await watch.untilAll("another listing", ({ lists }) => lists.length > 1, 10_000);
  assert.equal(watch.warnings.length, 1);
});

test(
  "events without end, of any length, only have it list again",
  { timeout: 60_000 },
  async () => {
    const line = `{"Action":"start","Actor":{"ID":"${id("9")}"},"x":"${"y".repeat(2_000_000)}"}\nrubbish\n`;
    await using engine = await peer({ "/events": endless(line) });
    await using watch = watchDocker(dockerSettings(engine.endpoint));
    await watch.untilAll("some listings", ({ lists }) => lists.length > 5, 20_000);
    assert.deepEqual(watch.troubles, []);
  },
);

test("a stream of events that ends is told of, and what was said stays", async () => {
  await using engine = await peer({
    "/containers/json": json([running("1")]),
    "/containers/": json(details),
  });
  await using watch = watchDocker(dockerSettings(engine.endpoint));
  await watch.untilAll("the first listing", ({ lists }) => lists.length > 0);
  for (const stream of engine.streams) stream.end();
  await watch.untilAll("the trouble", ({ troubles }) => troubles.length > 0);
  assert.match(watch.troubles[0] ?? "", /ended its stream of events/);
  await watch.untilAll("the next listing", ({ troubles }) => troubles.length > 1);
  assert.ok(watch.lists.every((list) => list.length === 1));
});

test("an engine that was given up holds no connection, and nor does one that is ended", async () => {
  await using engine = await peer({});
  const watch = watchDocker(dockerSettings(engine.endpoint));
  await watch.untilAll("the first listing", ({ lists }) => lists.length > 0);
  const [stream] = engine.streams;
  assert.ok(stream !== undefined);
  const closed = once(stream, "close");
  await watch[Symbol.asyncDispose]();
  await within(closed, 5000, "the end of the stream");
});

test("the version is the older one of the two", async () => {
  const cases = { "1.24": "/v1.24", "1.41": "/v1.41", "1.51": "/v1.51", "1.99": "/v1.51" };
  const others = { "2.0": "/v1.51", "": "", rubbish: "", "1.41/../x": "" };
  for (const [said, prefix] of Object.entries({ ...cases, ...others })) {
    await using engine = await peer({
      "/_ping": (response) => {
        if (said !== "") response.setHeader("Api-Version", said);
        response.end("OK");
      },
    });
    const { signal } = new AbortController();
    const opened = await Engine.open(dockerSettings(engine.endpoint), signal);
    await opened.read("/info", { signal });
    assert.equal(engine.asked.at(-1), `${prefix}/info`, said);
  }
});

test("Podman is known by what it says of itself", async () => {
  const headers = [
    [{ Server: "Libpod/4.3.1 (linux)" }, true],
    [{ "Libpod-Api-Version": "5.0.0" }, true],
    [{ Server: "Docker/28.0.1 (linux)" }, false],
  ] as const;
  for (const [said, isPodman] of headers) {
    await using engine = await peer({
      "/_ping": (response) => void response.writeHead(200, said).end("OK"),
    });
    const { signal } = new AbortController();
    assert.equal((await Engine.open(dockerSettings(engine.endpoint), signal)).isPodman, isPodman);
  }
});
