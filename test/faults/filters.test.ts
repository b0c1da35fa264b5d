// What the body of an answer goes through on its way to the client: however filters delay it, change its length, end early, fail
// or throw, each answer is whole or visibly broken, and nothing is left.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { after, afterEach, mock, test } from "node:test";
import type { AnswerHead, BodyFilter, FilterOutput } from "../../src/http/answer-review.ts";
import type { Exchange } from "../../src/http/exchange.ts";
import { Chain } from "../../src/proxy/chain.ts";
import { eventually } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { httpOrigin, origin } from "../harness/origin.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startPlane, timeouts } from "./plane.ts";

const bounded = { timeout: 30_000 };

type Make = (out: FilterOutput) => BodyFilter;

let onAnswer: (answer: AnswerHead, exchange: Exchange) => void = () => {};
const { respond } = Chain.prototype;
mock.method(
  Chain.prototype,
  "respond",
  function (this: Chain, ...args: Parameters<typeof respond>) {
    onAnswer(args[1], args[0]);
    respond.apply(this, args);
  },
);
afterEach(() => void (onAnswer = () => {}));
after(() => mock.restoreAll());

/** All answers go through these. */
function use(...makes: readonly Make[]): void {
  onAnswer = (answer) => makes.forEach((make) => answer.through(make));
}

/** Passes everything on; with what is laid over it, something else. */
function passing(out: FilterOutput, other: Partial<BodyFilter> = {}): BodyFilter {
  return {
    write: (buffer, start, end) => out.write(buffer, start, end),
    flush: () => out.flush(),
    end: (trailers) => out.end(trailers),
    onDrain: () => out.resume(),
    close: () => {},
    ...other,
  };
}

const doubling: Make = (out) =>
  passing(out, {
    write(buffer, start, end) {
      out.write(buffer, start, end);
      out.write(buffer, start, end);
    },
  });

/** Gives each piece and the end some turns of the loop later, and takes nothing meanwhile. */
const delaying: Make = (out) => {
  const waiting: (() => void)[] = [];
  let isRunning = false;
  let isBlocked = false;
  const run = () => {
    const next = waiting.shift();
    isRunning = next !== undefined;
    if (next === undefined) {
      out.resume();
      return;
    }
    next();
    isBlocked = !out.flush();
    if (!isBlocked) setTimeout(run, 2);
  };
  const later = (task: () => void) => {
    waiting.push(task);
    if (!isRunning) setTimeout(run, 2);
    isRunning = true;
  };
  return passing(out, {
    write(buffer, start, end) {
      const bytes = Buffer.from(buffer.subarray(start, end));
      later(() => out.write(bytes, 0, bytes.length));
    },
    flush: () => !isRunning,
    end: (trailers) => later(() => out.end(trailers)),
    onDrain() {
      if (isBlocked) run();
    },
  });
};

const route = (service: unknown) => ({
  routes: { "a.test": { service, middlewares: ["requestId"] } },
});

const get = (path: string, more = "") => `GET ${path} HTTP/1.1\r\nHost: a.test\r\n${more}\r\n`;

const answers: Readonly<Record<string, string>> = {
  "/length": "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd",
  "/chunked":
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\nSum: 1\r\n\r\n",
  "/close": "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcd",
  "/none": "HTTP/1.1 204 No Content\r\n\r\n",
  "/same": 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n',
};

/** Answers what the path names. */
async function scripted(): Promise<Awaited<ReturnType<typeof origin>>> {
  const back = await origin({
    onConnection: (connection) => {
      void (async () => {
        for (;;) {
          const { startLine } = await connection.readRequest();
          const path = startLine.split(" ")[1] ?? "";
          const answer = answers[path] ?? "";
          if (path === "/parts") {
            await connection.send(
              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
            );
            await new Promise((resolve) => setTimeout(resolve, 30));
            await connection.send("2\r\ncd\r\n0\r\nSum: 1\r\n\r\n");
            continue;
          }
          await connection.send(
            startLine.startsWith("HEAD") ? answer.split("\r\n\r\n")[0] + "\r\n\r\n" : answer,
          );
          if (path === "/close") connection.end();
        }
      })().catch(() => {});
    },
  });
  return back;
}

for (const [name, makes, body] of [
  ["one that doubles", [doubling], "ababcdcd"],
  ["one that delays", [delaying], "abcd"],
  ["two in a row", [doubling, delaying], "ababcdcd"],
  ["three in a row", [delaying, doubling, delaying], "ababcdcd"],
] as const) {
  test(`${name}: every framing arrives whole, on a connection that stays`, bounded, async () => {
    await using back = await scripted();
    await using proxy = await startPlane(route(back.url));
    use(...makes);
    await using client = await connect(proxy.port);
    for (const path of ["/length", "/chunked", "/close", "/length"]) {
      await client.send(get(path));
      const answer = await client.readResponse();
      const all = path === "/chunked" ? body : body === "abcd" ? body : "abcdabcd";
      assert.equal(answer.body, all, path);
      assert.equal(answer.framing, "chunked", path);
    }
    // Both at once: the second waits for the first, however long that is delayed.
    await client.send(get("/chunked") + get("/length"));
    assert.equal((await client.readResponse()).body, body);
    assert.equal((await client.readResponse()).body.length, body.length);
    await client[Symbol.asyncDispose]();
    for (const { socket } of back.connections) socket.destroy();
    await proxy.assertNothingLeft();
  });
}

test("an HTTP/1.0 client reads until the end of the connection", bounded, async () => {
  await using back = await scripted();
  await using proxy = await startPlane(route(back.url));
  use(delaying);
  await using client = await connect(proxy.port);
  await client.send("GET /length HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n");
  const text = await client.readToEnd();
  assert.match(text, /\r\n\r\nabcd$/);
  assert.doesNotMatch(text, /content-length|transfer-encoding/i);
});

test("a length that is known is said, and keeps the connection of HTTP/1.0", bounded, async () => {
  await using back = await scripted();
  await using proxy = await startPlane(route(back.url));
  onAnswer = (answer) => answer.through(doubling, 8);
  await using client = await connect(proxy.port);
  for (let round = 0; round < 2; round++) {
    await client.send("GET /length HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n");
    const { body, headers } = await client.readResponse();
    assert.equal(body, "abcdabcd");
    assert.ok(headers.some(([name, value]) => /^content-length$/i.test(name) && value === "8"));
  }
});

test("trailers go through", bounded, async () => {
  await using back = await scripted();
  await using proxy = await startPlane(route(back.url));
  use(delaying, delaying);
  await using client = await connect(proxy.port);
  await client.send(get("/chunked", "Connection: close\r\n"));
  assert.match(await client.readToEnd(), /0\r\nSum: 1\r\n\r\n$/);
});

test("answers without a body have no filter", bounded, async () => {
  await using back = await scripted();
  await using proxy = await startPlane(route(back.url));
  let made = 0;
  use((out) => {
    made++;
    return passing(out);
  });
  await using client = await connect(proxy.port);
  await client.send(get("/none"));
  assert.equal((await client.readResponse()).status, 204);
  await client.send(get("/same"));
  assert.equal((await client.readResponse()).status, 304);
  await client.send("HEAD /length HTTP/1.1\r\nHost: a.test\r\n\r\n");
  const { headers } = await client.readResponse({ method: "HEAD" });
  assert.ok(headers.some(([name, value]) => /^content-length$/i.test(name) && value === "4"));
  assert.equal(made, 0);
});

test("an upgraded connection has none, and works", bounded, async () => {
  await using back = await origin();
  await using proxy = await startPlane(route(back.url));
  use(doubling);
  await using client = await connect(proxy.port);
  await client.send(get("/", "Connection: Upgrade\r\nUpgrade: echo\r\n"));
  const backend = await back.accept();
  await backend.readRequest();
  await backend.send(
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nhi",
  );
  assert.match(await client.readBytes(1), /H/);
  await client.waitHeadOrClose();
  await client.send("more");
  await backend.expect("more");
  await backend.send("!");
  await eventually("what the backend says", () => client.pending.endsWith("hi!") || undefined);
});

test("what we answer ourselves, and files, go through", bounded, async () => {
  await using folder = await tempFolder("tidegate-filters-");
  await writeFile(folder.file("small.txt"), "small");
  await writeFile(folder.file("large.bin"), "l".repeat(3_000_000));
  await using proxy = await startPlane({
    routes: {
      "a.test": { files: folder.path, middlewares: ["requestId"] },
      "down.test": { service: "http://127.0.0.1:1", middlewares: ["requestId"] },
    },
  });
  use(doubling, delaying);
  await using client = await connect(proxy.port);
  await client.send(get("/small.txt"));
  assert.equal((await client.readResponse()).body, "smallsmall");
  await client.send(get("/large.bin"));
  assert.equal((await client.readResponse()).body.length, 6_000_000);
  await client.send(get("/nothing"));
  const missing = await client.readResponse();
  assert.equal(missing.status, 404);
  assert.equal(missing.body.slice(0, missing.body.length / 2).repeat(2), missing.body);
  await client.send("GET / HTTP/1.1\r\nHost: down.test\r\n\r\n");
  assert.equal((await client.readResponse()).status, 502);
});

test("a slow client pauses the backend, through filters too", bounded, async () => {
  const size = 32 * 1024 * 1024;
  let sent = 0;
  await using back = await httpOrigin((_, response) => {
    response.writeHead(200, { "Content-Length": size });
    const piece = Buffer.alloc(64 * 1024, "x");
    const go = () => {
      while (sent < size) {
        sent += piece.length;
        if (!response.write(piece)) {
          response.once("drain", go);
          return;
        }
      }
      response.end();
    };
    go();
  });
  const patient = { timeouts: { ...timeouts, body: "20s", responseBody: "20s" } };
  await using proxy = await startPlane({ ...route(back.url), ...patient });
  use(delaying, (out) => passing(out));
  await using client = await connect(proxy.port, { timeoutMs: 20_000 });
  await client.send(get("/", "Connection: close\r\n"));
  await client.waitHeadOrClose();
  client.socket.pause();
  // It stands still once all that lies between is full.
  let before = -1;
  await eventually("the backend to stand still", async () => {
    const now = sent;
    await new Promise((resolve) => setTimeout(resolve, 300));
    const isStill = now === sent && before === now;
    before = now;
    return isStill || undefined;
  });
  assert.ok(sent < size / 2, `${sent} bytes were taken`);
  let got = client.pending.length;
  // It keeps all that it reads as one text, which takes its time.
  client.socket.removeAllListeners("data");
  client.socket.on("data", (bytes: Buffer) => void (got += bytes.length));
  client.socket.resume();
  await client.waitClose();
  assert.equal(sent, size);
  assert.ok(got > size, `${got} bytes came`);
});

test("the head goes out when the backend pauses behind it", bounded, async () => {
  await using back = await origin();
  await using proxy = await startPlane(route(back.url));
  let last: FilterOutput | undefined;
  use((out) => {
    last = out;
    return passing(out, { write: () => {}, flush: () => true, end: () => {} });
  });
  await using client = await connect(proxy.port);
  await client.send(get("/", "Connection: close\r\n"));
  const backend = await back.accept();
  await backend.readRequest();
  await backend.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n");
  await client.waitHeadOrClose();
  await backend.send("some more");
  last?.write(Buffer.from("late"), 0, 4);
  last?.end("");
  assert.equal((await client.readResponse()).body, "late");
});

test(
  "a client that leaves closes its filters once, and ends the backend's work",
  bounded,
  async () => {
    await using back = await origin();
    await using proxy = await startPlane(route(back.url));
    const closed: string[] = [];
    const watched = (name: string, make: Make): Make => {
      return (out) => ({ ...make(out), close: () => void closed.push(name) });
    };
    use(watched("first", doubling), watched("second", delaying));
    const client = await connect(proxy.port);
    await client.send(get("/"));
    const backend = await back.accept();
    await backend.readRequest();
    await backend.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nsome");
    await client.waitHeadOrClose();
    client.reset();
    await backend.waitClose();
    backend.socket.destroy();
    await proxy.assertNothingLeft();
    assert.deepEqual(closed.toSorted(), ["first", "second"]);
  },
);

for (const framing of ["Content-Length: 1000", "Transfer-Encoding: chunked"]) {
  test(
    `a backend that dies in the middle (${framing}) is seen by the client`,
    bounded,
    async () => {
      await using back = await origin();
      await using proxy = await startPlane(route(back.url));
      use(delaying, doubling);
      for (const [way, version] of [
        ["end", "1.1"],
        ["reset", "1.1"],
        ["reset", "1.0"],
      ] as const) {
        await using client = await connect(proxy.port);
        await client.send(`GET / HTTP/${version}\r\nHost: a.test\r\n\r\n`);
        const backend = await back.accept();
        await backend.readRequest();
        await backend.send(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n`);
        await backend.send("3\r\nabc\r\n");
        await client.waitHeadOrClose();
        if (way === "end") backend.end();
        else backend.reset();
        const text = await client.readToEnd();
        assert.doesNotMatch(text, /0\r\n\r\n$/);
        if (version === "1.0") assert.ok(client.error !== undefined, "a clean end");
        backend.socket.destroy();
      }
      await proxy.assertNothingLeft();
    },
  );
}

test("a filter that ends early ends the answer well, and stops the backend", bounded, async () => {
  await using back = await origin();
  await using proxy = await startPlane(route(back.url));
  use(delaying, (out) =>
    passing(out, {
      write() {
        out.write(Buffer.from("enough"), 0, 6);
        out.end("");
      },
    }),
  );
  await using client = await connect(proxy.port);
  for (let round = 0; round < 2; round++) {
    await client.send(get("/"));
    const backend = await back.accept();
    await backend.readRequest();
    await backend.send("HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\nvery much");
    assert.equal((await client.readResponse()).body, "enough");
    await backend.waitClose();
    backend.socket.destroy();
  }
  await client[Symbol.asyncDispose]();
  await proxy.assertNothingLeft();
});

for (const moment of ["make", "write", "flush", "end", "close"] as const) {
  test(`a filter that throws (${moment}) is the end of its exchange alone`, bounded, async () => {
    await using back = await scripted();
    await using proxy = await startPlane(route(back.url));
    const fault = () => {
      throw new Error("broken filter");
    };
    use(doubling, (out) => {
      if (moment === "make") fault();
      return passing(out, { [moment]: fault });
    });
    await using client = await connect(proxy.port);
    await client.send(get("/parts", "Connection: close\r\n"));
    const text = await client.readToEnd();
    const isWhole = text.endsWith("0\r\nSum: 1\r\n\r\n");
    if (moment === "make") assert.match(text, /^HTTP\/1\.1 500 /);
    else if (moment === "close") assert.ok(isWhole, text);
    else assert.ok(!isWhole, text);
    onAnswer = () => {};
    await using other = await connect(proxy.port);
    await other.send(get("/length"));
    assert.equal((await other.readResponse()).body, "abcd");
    assert.ok(
      proxy.told.some((each) => each.includes("broken filter")),
      proxy.told.join("\n"),
    );
  });
}

test(
  "a filter that fails long after the backend was done breaks the answer off",
  bounded,
  async () => {
    await using back = await scripted();
    await using proxy = await startPlane(route(back.url));
    use((out) =>
      passing(out, { end: () => void setTimeout(() => out.fail("ANSWER_TOO_LARGE"), 50) }),
    );
    await using client = await connect(proxy.port);
    await client.send(get("/chunked", "Connection: close\r\n"));
    assert.doesNotMatch(await client.readToEnd(), /0\r\n(?:Sum: 1\r\n)?\r\n$/);
    await client[Symbol.asyncDispose]();
    for (const { socket } of back.connections) socket.destroy();
    await proxy.assertNothingLeft();
    const [line] = await proxy.end();
    assert.equal(line?.failure, "ANSWER_TOO_LARGE");
  },
);
