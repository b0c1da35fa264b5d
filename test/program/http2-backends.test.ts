// Requests to backends that speak HTTP/2: how they arrive there, how answers come back, and how they share connections.

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ask, field, requestText } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { http2Backend, type OnStream } from "../harness/http2-backend.ts";
import { issued, issuer, trustedRoot } from "../harness/issued.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };

/** Tells what came. */
const echo: OnStream = (stream, headers, body) => {
  stream.respond({ ":status": 200, "content-type": "application/json" });
  stream.end(JSON.stringify({ headers, body: body.toString("latin1") }));
};

interface Echoed {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const echoed = (answer: { readonly body: string }): Echoed => JSON.parse(answer.body);

const front = (service: unknown, more: Record<string, unknown> = {}) => ({
  config: {
    listeners: { web: { bind: "127.0.0.1:0" } },
    routes: { "app.test": { service } },
    ...more,
  },
});

const chain = () => {
  const { cert, key } = issued(["127.0.0.1", "localhost"]);
  return { cert: `${cert}${issuer}`, key };
};

test(
  "a request arrives with its pseudo-fields, and nothing about connections",
  bounded,
  async () => {
    await using backend = await http2Backend(echo);
    await using program = await startTidegate(front(`h2c://127.0.0.1:${backend.port}/base`));
    const headers = {
      "Keep-Alive": "timeout=5",
      Connection: "keep-alive, X-Hop",
      "X-Hop": "1",
      "Proxy-Connection": "keep-alive",
      "X-MIXED": "Value",
      Cookie: "a=1; b=2",
      TE: "trailers, gzip",
    };
    const answer = await ask(program.port(), { path: "/p?q=1", headers });
    assert.equal(answer.status, 200);
    const { headers: seen } = echoed(answer);
    assert.equal(seen[":method"], "GET");
    assert.equal(seen[":scheme"], "http");
    assert.equal(seen[":path"], "/base/p?q=1");
    assert.equal(seen[":authority"], "app.test");
    assert.equal(seen["x-mixed"], "Value");
    assert.equal(seen["cookie"], "a=1; b=2");
    assert.equal(seen["te"], "trailers");
    for (const each of [
      "connection",
      "keep-alive",
      "x-hop",
      "host",
      "transfer-encoding",
      "upgrade",
    ]) {
      assert.equal(seen[each], undefined, each);
    }
    assert.equal(answer.startLine, "HTTP/1.1 200 OK");
  },
);

test("bodies of known and unknown length, trailers both ways", bounded, async () => {
  await using backend = await http2Backend((stream, headers, body) => {
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "42" }));
    stream.end(`${headers["content-length"] ?? "none"} ${body.length}`);
  });
  await using program = await startTidegate(front(`h2c://127.0.0.1:${backend.port}`));
  const port = program.port();
  assert.equal(
    (await ask(port, { method: "POST", body: "x".repeat(200_000) })).body,
    "200000 200000",
  );
  assert.equal((await ask(port, { method: "POST", body: "" })).body, "0 0");
  await using client = await connect(port);
  await client.send(
    requestText({ method: "PUT", headers: { "Transfer-Encoding": "chunked", TE: "trailers" } }),
  );
  for (let each = 0; each < 50; each++) await client.send(`3e8\r\n${"y".repeat(1000)}\r\n`);
  await client.send("0\r\nX-Check: 7\r\n\r\n");
  const answer = await client.readResponse();
  assert.equal(answer.body, "none 50000");
  assert.deepEqual(answer.trailers, [["x-sum", "42"]]);
});

test("trailers of a request reach the backend", bounded, async () => {
  let told = "";
  await using backend = await http2Backend(() => {}, {
    onBegin: (stream) => {
      stream.on("trailers", (found: Record<string, string>) => (told = JSON.stringify(found)));
      stream.on("end", () => {
        stream.respond({ ":status": 204 });
        stream.end();
      });
      stream.resume();
    },
  });
  await using program = await startTidegate(front(`h2c://127.0.0.1:${backend.port}`));
  await using client = await connect(program.port());
  await client.send(requestText({ method: "PUT", headers: { "Transfer-Encoding": "chunked" } }));
  await client.send("3\r\nabc\r\n0\r\nX-Check: 7\r\n\r\n");
  assert.equal((await client.readResponse()).status, 204);
  assert.equal(told, '{"x-check":"7"}');
});

test("HEAD, 204, 304, an empty answer, 103, Expect", bounded, async () => {
  await using backend = await http2Backend((stream, headers, body) => {
    switch (headers[":path"]) {
      case "/head":
        stream.respond({ ":status": 200, "content-length": "1234" }, { endStream: true });
        return;
      case "/204":
        stream.respond({ ":status": 204 }, { endStream: true });
        return;
      case "/304":
        stream.respond({ ":status": 304, "content-length": "99" }, { endStream: true });
        return;
      case "/empty":
        stream.respond({ ":status": 200 }, { endStream: true });
        return;
      case "/hints":
        stream.additionalHeaders({ ":status": 103, link: "</a.css>; rel=preload" });
        stream.respond({ ":status": 200 });
        stream.end("done");
        return;
      default:
        stream.respond({ ":status": 200 });
        stream.end(`got ${body.length}`);
    }
  });
  await using program = await startTidegate(front(`h2c://127.0.0.1:${backend.port}`));
  await using client = await connect(program.port());
  const asked = async (path: string, method = "GET") => {
    await client.send(requestText({ path, method }));
    const { status, headers, body } = await client.readResponse({ method });
    return `${status} ${field({ headers }, "content-length")} ${body}`;
  };
  assert.equal(await asked("/head", "HEAD"), "200 1234 ");
  assert.equal(await asked("/204"), "204  ");
  assert.equal(await asked("/304"), "304 99 ");
  assert.equal(await asked("/empty"), "200 0 ");

  assert.match(await asked("/hints"), /^103 {2}/);
  assert.equal((await client.readResponse()).body, "done");
  await client.send(
    `POST /up HTTP/1.1\r\nHost: app.test\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n`,
  );
  assert.equal((await client.readResponse()).status, 100);
  await client.send("hello");
  assert.equal((await client.readResponse()).body, "got 5");
  assert.equal(backend.connections, 1);
});

test(
  "https backends choose by ALPN; http2: false offers HTTP/1.1 alone; grpcs:// wants HTTP/2",
  bounded,
  async () => {
    await using folder = await tempFolder();
    await writeFile(folder.file("ca.pem"), trustedRoot);
    const tls = chain();
    const onHttp1 = (_: unknown, response: { end(text: string): void }) => response.end("1.1");
    await using both = await http2Backend(echo, { tls, onHttp1 });
    const old = createServer(tls, (_, response) => void response.end("old"));
    old.listen(0, "127.0.0.1");
    await once(old, "listening");
    await using _closing = {
      [Symbol.asyncDispose]: async () => {
        old.close();
        old.closeAllConnections();
      },
    };
    const oldPort = (old.address() as AddressInfo).port;
    const ca = folder.file("ca.pem");
    const service = (url: string, more = {}) => ({
      service: { backends: [url], tls: { ca, ...more } },
    });
    await using program = await startTidegate({
      config: {
        listeners: { web: { bind: "127.0.0.1:0" } },
        routes: {
          "both.test": service(`https://127.0.0.1:${both.port}`),
          "no.test": service(`https://127.0.0.1:${both.port}`, { http2: false }),
          "old.test": service(`https://127.0.0.1:${oldPort}`),
          "grpcs.test": service(`grpcs://127.0.0.1:${both.port}`),
          "wrong.test": service(`grpcs://127.0.0.1:${oldPort}`),
        },
      },
    });
    const asked = async (name: string) => {
      const { status, body } = await ask(program.port(), { name });
      return `${status} ${body.startsWith("{") ? echoed({ body }).headers[":scheme"] : body.slice(0, 20)}`;
    };
    assert.equal(await asked("both.test"), "200 https");
    assert.equal(await asked("no.test"), "200 1.1");
    assert.equal(await asked("old.test"), "200 old");
    assert.equal(await asked("grpcs.test"), "200 https");
    assert.match(await asked("wrong.test"), /^502/);
    await program.waitForLog(/TLS failed: .*(did not choose h2|none of the protocols)/);
    old.close();
  },
);

for (const maxConcurrentStreams of [1, 2, 100]) {
  test(
    `a backend that takes ${maxConcurrentStreams} at once never gets more`,
    bounded,
    async () => {
      await using backend = await http2Backend(
        (stream, headers) => {
          setTimeout(() => {
            if (stream.destroyed) return;
            stream.respond({ ":status": 200 });
            stream.end(String(headers[":path"]));
          }, 20);
        },
        { settings: { maxConcurrentStreams } },
      );
      await using program = await startTidegate(front(`h2c://127.0.0.1:${backend.port}`));
      const paths = Array.from({ length: 300 }, (_, each) => `/${each}`);
      const answers = await Promise.all(paths.map((path) => ask(program.port(), { path })));
      assert.deepEqual(
        answers.map(({ status, body }) => `${status} ${body}`),
        paths.map((path) => `200 ${path}`),
      );
      assert.ok(backend.most <= maxConcurrentStreams, `${backend.most} at once`);
      assert.equal(backend.requests, 300);
      if (maxConcurrentStreams === 100)
        assert.ok(backend.connections <= 6, `${backend.connections}`);
    },
  );
}

test(
  "one connection carries them all, and within maxConnections there are no more",
  bounded,
  async () => {
    await using backend = await http2Backend(
      (stream) => {
        setTimeout(() => {
          if (stream.destroyed) return;
          stream.respond({ ":status": 200 });
          stream.end("ok");
        }, 10);
      },
      { settings: { maxConcurrentStreams: 10 } },
    );
    const service = { backends: [`h2c://127.0.0.1:${backend.port}`], pool: { maxConnections: 2 } };
    await using program = await startTidegate(front(service));
    const first = await Promise.all(Array.from({ length: 10 }, () => ask(program.port())));
    assert.ok(first.every(({ status }) => status === 200));
    assert.ok(backend.connections <= 2);
    const all = await Promise.all(Array.from({ length: 200 }, () => ask(program.port())));
    assert.ok(all.every(({ status }) => status === 200));
    assert.equal(backend.connections, 2);
  },
);

test(
  "an idle connection is closed after idleTimeout, and at once with maxIdle: 0",
  bounded,
  async () => {
    await using backend = await http2Backend(echo);
    const url = `h2c://127.0.0.1:${backend.port}`;
    await using program = await startTidegate({
      config: {
        listeners: { web: { bind: "127.0.0.1:0" } },
        routes: {
          "short.test": { service: { backends: [url], pool: { idleTimeout: "1s" } } },
          "none.test": { service: { backends: [url], pool: { maxIdle: 0 } } },
        },
      },
    });
    assert.equal((await ask(program.port(), { name: "none.test" })).status, 200);
    await eventually("no connection", () => backend.sessions.size === 0);
    assert.equal((await ask(program.port(), { name: "short.test" })).status, 200);
    assert.equal((await ask(program.port(), { name: "short.test" })).status, 200);
    assert.equal(backend.connections, 2);
    assert.equal(backend.sessions.size, 1);
    await eventually("no connection", () => backend.sessions.size === 0);
  },
);

test("a client that goes resets its request, and no other", bounded, async () => {
  await using backend = await http2Backend((stream, headers) => {
    if (headers[":path"] === "/slow") return;
    stream.respond({ ":status": 200 });
    stream.end("ok");
  });
  await using program = await startTidegate(front(`h2c://127.0.0.1:${backend.port}`));
  assert.equal((await ask(program.port())).status, 200);
  const client = await connect(program.port());
  await client.send(requestText({ path: "/slow" }));
  await eventually("the request", () => backend.requests === 2);
  client.reset();
  await eventually("the reset", () => backend.resets.length === 1);
  assert.equal(backend.resets[0], 8);
  assert.equal((await ask(program.port())).status, 200);
  assert.equal(backend.connections, 1);
});

test("a slow reader does not hold up others on the same connection", bounded, async () => {
  const large = Buffer.alloc(16 * 1024 * 1024, "x");
  await using backend = await http2Backend(
    (stream, headers) => {
      stream.respond({ ":status": 200 });
      stream.end(headers[":path"] === "/large" ? large : "ok");
    },
    // It refuses requests while it holds more than so many MB.
    { maxSessionMemory: 100 },
  );
  await using program = await startTidegate(front(`h2c://127.0.0.1:${backend.port}`));
  assert.equal((await ask(program.port())).status, 200);
  await using slow = await connect(program.port());
  slow.socket.pause();
  await slow.send(requestText({ path: "/large" }));
  await eventually("the request", () => backend.requests === 2);
  await pause(300);
  for (let each = 0; each < 50; each++) {
    const begun = performance.now();
    assert.equal((await ask(program.port())).body, "ok");
    assert.ok(performance.now() - begun < 1000);
  }
  assert.equal(backend.connections, 1);
  slow.socket.resume();
  assert.equal((await slow.readResponse()).body.length, large.length);
});
