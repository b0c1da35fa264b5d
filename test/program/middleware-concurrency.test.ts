// `concurrency` with real clients and a backend that answers when the test lets it.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createProxy } from "../../src/library/tidegate.ts";
import { ask, field, requestText } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { type Client, connect } from "../harness/client.ts";
import { controlOf } from "../harness/control.ts";
import { gate, LiveOrigin } from "../harness/live-origin.ts";
import { origin } from "../harness/origin.ts";
import { flood, tally } from "../harness/request-flood.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };

function configOf(concurrency: unknown, url: string) {
  return {
    listeners: { web: { bind: "127.0.0.1:0", trustedProxies: ["127.0.0.1"] } },
    routes: { "a.test": { service: url, middlewares: [{ concurrency }] } },
  };
}

/** An origin that counts what runs at once, and answers after some time. */
async function busyOrigin(ms: number) {
  const busy = { running: 0, most: 0, origin: await LiveOrigin.start("a") };
  busy.origin.answer = async () => {
    busy.running++;
    busy.most = Math.max(busy.most, busy.running);
    await sleep(ms);
    busy.running--;
    return {};
  };
  return busy;
}

for (const workers of [0, 2]) {
  test(
    `never more run at once, and who waits gets a place (${workers} workers)`,
    bounded,
    async () => {
      const busy = await busyOrigin(20);
      await using _origin = busy.origin;
      const config = configOf({ limit: 5, queue: 100 }, busy.origin.url);
      await using program = await startTidegate({ config, workers });
      const answers = await flood(program.port(), { requests: 90, connections: 90 });
      assert.deepEqual(tally(answers), { 200: 90 });
      assert.ok(busy.most <= 5, `${busy.most} at once`);
      assert.ok(busy.most >= 2, `${busy.most} at once`);
    },
  );

  test(`without a queue exactly as many pass (${workers} workers)`, bounded, async () => {
    await using live = await LiveOrigin.start("a");
    let { passed, open } = gate();
    live.answer = () => passed.then(() => ({}));
    const config = configOf({ limit: 7, status: 429 }, live.url);
    await using program = await startTidegate({ config, workers });
    for (const round of [1, 2]) {
      ({ passed, open } = gate());
      const answers = flood(program.port(), { requests: 60, connections: 60 });
      await eventually("53 to be refused", async () => {
        const lines = await program.accessLog();
        return lines.filter((line) => line.includes("429")).length >= 53 * round || undefined;
      });
      open();
      assert.deepEqual(tally(await answers), { 200: 7, 429: 53 });
      const refused = (await answers).find(({ status }) => status === 429);
      assert.equal(refused && field(refused, "retry-after"), "1");
    }
  });
}

test("clients are told apart", bounded, async () => {
  await using live = await LiveOrigin.start("a");
  const { passed, open } = gate();
  live.answer = () => passed.then(() => ({}));
  const config = configOf({ limit: 1, by: "address" }, live.url);
  await using program = await startTidegate({ config, workers: 2 });
  const answers = flood(program.port(), {
    requests: 40,
    connections: 40,
    lines: (number) => `X-Forwarded-For: 192.0.2.${number % 10}\r\n`,
  });
  await eventually("30 to be refused", async () => {
    const lines = await program.accessLog();
    return lines.filter((line) => line.includes("503")).length >= 30 || undefined;
  });
  open();
  assert.deepEqual(tally(await answers), { 200: 10, 503: 30 });
});

test("who leaves, waiting or served, makes room", bounded, async () => {
  await using live = await LiveOrigin.start("a");
  const hanging = new Promise<never>(() => {});
  live.answer = ({ target }) => (target === "/hang" ? hanging : {});
  const config = configOf({ limit: 1, queue: 1, queueTime: "20s" }, live.url);
  await using program = await startTidegate({ config });
  const begin = async (path: string): Promise<Client> => {
    const client = await connect(program.port(), { timeoutMs: 20_000 });
    await client.send(requestText({ name: "a.test", path }));
    return client;
  };
  const first = await begin("/hang");
  await eventually("the first", async () => live.requests.length === 1 || undefined);
  const second = await begin("/second");
  await sleep(200);
  assert.equal((await ask(program.port(), { name: "a.test" })).status, 503);
  second.socket.destroy();
  // The place in the queue is free, as soon as it has been noticed.
  await using third = await eventually("a place in the queue", async () => {
    const client = await begin("/third");
    await sleep(200);
    if (client.pending === "") return client;
    client.socket.destroy();
    return undefined;
  });
  assert.deepEqual(live.targets, ["/hang"]);
  first.socket.destroy();
  assert.equal((await third.readResponse()).status, 200);
  assert.deepEqual(live.targets, ["/hang", "/third"]);
});

test("nobody waits longer than he may", bounded, async () => {
  await using live = await LiveOrigin.start("a");
  live.answer = () => new Promise<never>(() => {});
  const config = configOf({ limit: 1, queue: 10, queueTime: "300ms" }, live.url);
  await using program = await startTidegate({ config });
  await using first = await connect(program.port());
  await first.send(requestText({ name: "a.test" }));
  await eventually("the first", async () => live.requests.length === 1 || undefined);
  assert.equal((await ask(program.port(), { name: "a.test" })).status, 503);
  assert.equal(live.requests.length, 1);
});

test("an upgraded connection keeps its place until it ends", bounded, async () => {
  await using backend = await origin({
    onConnection: (connection) => {
      connection.socket.on("end", () => connection.socket.end());
      connection.socket.once("data", (bytes: Buffer) => {
        const isUpgrade = bytes.toString().includes("Upgrade");
        connection.socket.write(
          isUpgrade
            ? "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n"
            : "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
      });
    },
  });
  await using program = await startTidegate({ config: configOf(1, backend.url) });
  const socket = await connect(program.port());
  await socket.send("GET / HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
  assert.equal((await socket.readResponse()).status, 101);
  assert.equal((await ask(program.port(), { name: "a.test" })).status, 503);
  socket.socket.destroy();
  await eventually("a free place", async () => {
    const { status } = await ask(program.port(), { name: "a.test" });
    return status === 200 || undefined;
  });
});

test(
  "who is answered while he waits keeps no place, however late that answer is sent",
  bounded,
  async () => {
    await using backend = await LiveOrigin.start("a");
    const answer = gate();
    backend.answer = async () => {
      await answer.passed;
      return {};
    };
    const proxy = await createProxy({
      routes: {
        "a.test": {
          service: backend.url,
          maxBody: 10,
          middlewares: [{ concurrency: { limit: 1, queue: 5, queueTime: "20s" } }],
        },
      },
    });
    const ended = Promise.withResolvers<() => void>();
    const front = createServer((incoming, response) => {
      if (incoming.method === "POST") {
        const end = response.end.bind(response);
        response.end = (...said: unknown[]) => {
          ended.resolve(() => void Reflect.apply(end, response, said));
          return response;
        };
      }
      void proxy.handle(incoming, response);
    });
    front.listen(0, "127.0.0.1");
    await once(front, "listening");
    const { port } = front.address() as AddressInfo;
    try {
      const first = ask(port, { name: "a.test" });
      await eventually("the first one runs", async () => backend.requests.length > 0 || undefined);
      await using waiting = await connect(port);
      await waiting.send(
        "POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
      );
      await sleep(200);
      await waiting.send("20\r\n01234567890123456789012345678901\r\n");
      const send = await ended.promise;
      answer.open();
      assert.equal((await first).status, 200);
      await sleep(300);
      send();
      await sleep(200);
      assert.equal((await ask(port, { name: "a.test", timeoutMs: 5000 })).status, 200);
    } finally {
      front.closeAllConnections();
      front.close();
      await proxy.close();
    }
  },
);

test("places of a worker that is killed come back", bounded, async () => {
  await using live = await LiveOrigin.start("a");
  live.answer = ({ target }) => (target === "/hang" ? new Promise<never>(() => {}) : {});
  await using program = await startTidegate({ config: configOf(4, live.url), workers: 2 });
  const control = controlOf(program.control);
  const rows = await control.settled(2);
  await using stack = new AsyncDisposableStack();
  for (let n = 0; n < 4; n++) {
    const client = stack.use(await connect(program.port()));
    await client.send(requestText({ name: "a.test", path: "/hang" }));
    await eventually("it", async () => live.requests.length === n + 1 || undefined);
  }
  assert.equal((await ask(program.port(), { name: "a.test" })).status, 503);
  for (const { pid } of rows) process.kill(pid, "SIGKILL");
  await eventually(
    "free places",
    async () => {
      const answer = await ask(program.port(), { name: "a.test" }).catch(() => undefined);
      return answer?.status === 200 || undefined;
    },
    40_000,
  );
});
