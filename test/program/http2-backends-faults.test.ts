// What goes wrong with backends that speak HTTP/2: who asks again, who is told, and that others go on. Also WebSockets, which
// begin as a request that few backends take over HTTP/2.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, createServer as createPlainServer } from "node:net";
import { constants, type ServerHttp2Stream } from "node:http2";
import { test } from "node:test";
import { writeFile } from "node:fs/promises";
import { ask, field, requestText } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { type Http2BackendOptions, http2Backend, type OnStream } from "../harness/http2-backend.ts";
import { issued, issuer, trustedRoot } from "../harness/issued.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };

const front = (service: unknown, more: Record<string, unknown> = {}) => ({
  config: {
    listeners: { web: { bind: "127.0.0.1:0" } },
    routes: { "app.test": { service } },
    ...more,
  },
});

const ok: OnStream = (stream, _, body) => {
  stream.respond({ ":status": 200 });
  stream.end(`ok ${body.length}`);
};

const failureOf = ({ body }: { readonly body: string }) => /\((\w+)\)/.exec(body)?.[1];

test("what was refused untouched is asked again, whatever the method", bounded, async () => {
  let refusals = 0;
  await using backend = await http2Backend((stream, headers, body) => {
    if (refusals < 2) {
      refusals++;
      stream.close(constants.NGHTTP2_REFUSED_STREAM);
    } else {
      ok(stream, headers, body);
    }
  });
  const service = { backends: [`h2c://127.0.0.1:${backend.port}`], retry: { attempts: 0 } };
  await using program = await startTidegate(front(service));
  const answer = await ask(program.port(), { method: "POST", body: "hello" });
  assert.equal(`${answer.status} ${answer.body}`, "200 ok 5");
  assert.equal(refusals, 2);
  assert.equal(backend.requests, 3);
});

test("who always refuses is not asked for ever", bounded, async () => {
  await using backend = await http2Backend((stream) =>
    stream.close(constants.NGHTTP2_REFUSED_STREAM),
  );
  await using program = await startTidegate(front(`h2c://127.0.0.1:${backend.port}`));
  const answer = await ask(program.port());
  assert.equal(answer.status, 503);
  assert.equal(failureOf(answer), "STREAM_REFUSED");
  assert.equal(backend.requests, 4);
});

test("a reset before the answer, and within it", bounded, async () => {
  await using backend = await http2Backend((stream, headers, body) => {
    if (headers[":path"] === "/before") stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    else if (headers[":path"] === "/within") {
      stream.respond({ ":status": 200, "content-length": "100" });
      stream.write("part", () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    } else ok(stream, headers, body);
  });
  await using program = await startTidegate(front(`h2c://127.0.0.1:${backend.port}`));
  const before = await ask(program.port(), { path: "/before", method: "POST", body: "" });
  assert.equal(before.status, 502);
  assert.equal(failureOf(before), "STREAM_RESET");
  await program.waitForLog(/it reset the stream: INTERNAL_ERROR/);
  await using client = await connect(program.port());
  await client.send(requestText({ path: "/within" }));
  await client.waitClose();
  assert.match(client.pending, /part$/);
  assert.equal((await ask(program.port())).body, "ok 0");
  assert.equal(backend.connections, 1);
});

test(
  "an answer that comes before the whole request, and RST_STREAM(NO_ERROR) after it",
  bounded,
  async () => {
    await using backend = await http2Backend(() => {}, {
      onBegin: (stream) => {
        stream.respond({ ":status": 413 });
        stream.end("too much", () => stream.close(constants.NGHTTP2_NO_ERROR));
      },
    });
    await using program = await startTidegate(front(`h2c://127.0.0.1:${backend.port}`));
    const answer = await ask(program.port(), { method: "POST", body: "x".repeat(1_000_000) });
    assert.equal(`${answer.status} ${answer.body}`, "413 too much");
  },
);

test("a connection that dies takes only what cannot be asked again", bounded, async () => {
  let isFirst = true;
  await using backend = await http2Backend((stream, headers, body) => {
    if (headers[":path"] !== "/die" || !isFirst) return ok(stream, headers, body);
    isFirst = false;
    stream.session?.destroy();
  });
  await using program = await startTidegate(front(`h2c://127.0.0.1:${backend.port}`));
  assert.equal((await ask(program.port())).body, "ok 0");
  assert.equal((await ask(program.port(), { path: "/die" })).body, "ok 0");
  assert.equal(backend.connections, 2);
  isFirst = true;
  const post = await ask(program.port(), { path: "/die", method: "POST", body: "x" });
  assert.equal(failureOf(post), "UPSTREAM_CLOSED");
});

test("restarts of a backend under load fail no request", bounded, async () => {
  const answer: OnStream = (stream, headers, body) => {
    setTimeout(() => {
      if (!stream.destroyed) ok(stream, headers, body);
    }, 5);
  };
  const one = await http2Backend(answer);
  let running = one;
  await using two = await http2Backend(answer);
  const { port } = one;
  const backends = [`h2c://127.0.0.1:${port}`, `h2c://127.0.0.1:${two.port}`];
  await using program = await startTidegate(front({ backends }));
  const over = new AbortController();
  const statuses = new Map<string, number>();
  const load = async (method: string) => {
    while (!over.signal.aborted) {
      const { status, body } = await ask(program.port(), { method, body: "x" });
      const key = status === 200 ? "200" : `${method} ${status} ${body}`;
      statuses.set(key, (statuses.get(key) ?? 0) + 1);
    }
  };
  const loads = ["PUT", "POST", "PUT", "POST", "PUT", "POST", "PUT", "POST"].map(load);
  for (let each = 0; each < 5; each++) {
    await new Promise((resolve) => setTimeout(resolve, 200));
    await running.shutDown();
    running = await http2Backend(answer, { port });
  }
  over.abort();
  await Promise.all(loads);
  await running[Symbol.asyncDispose]();
  assert.deepEqual([...statuses.keys()], ["200"]);
  assert.ok((statuses.get("200") ?? 0) > 100);
});

async function secureBackend(onStream: OnStream, options: Http2BackendOptions = {}) {
  const folder = await tempFolder();
  await writeFile(folder.file("ca.pem"), trustedRoot);
  const { cert, key } = issued(["127.0.0.1"]);
  const backend = await http2Backend(onStream, {
    tls: { cert: `${cert}${issuer}`, key },
    ...options,
  });
  const service = {
    backends: [`https://127.0.0.1:${backend.port}`],
    tls: { ca: folder.file("ca.pem") },
  };
  return { folder, backend, service };
}

test("all who wait for the first connection are told that there is none", bounded, async () => {
  const gone = await http2Backend(ok);
  await gone[Symbol.asyncDispose]();
  await using program = await startTidegate(front(`h2c://127.0.0.1:${gone.port}`));
  const begun = performance.now();
  const answers = await Promise.all(Array.from({ length: 100 }, () => ask(program.port())));
  assert.deepEqual([...new Set(answers.map(failureOf))], ["CONNECT_REFUSED"]);
  assert.ok(performance.now() - begun < 5000);
});

test("a burst to a new https:// backend waits for the first connection", bounded, async () => {
  const { folder, backend, service } = await secureBackend(ok);
  await using _folder = folder;
  await using _backend = backend;
  await using program = await startTidegate(front(service));
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask(program.port())));
  assert.deepEqual([...new Set(answers.map(({ body }) => body))], ["ok 0"]);
  assert.equal(backend.connections, 1);
});

test("a burst to a new https:// backend that speaks HTTP/1.1 alone", bounded, async () => {
  const { cert, key } = issued(["127.0.0.1"]);
  let open = 0;
  let most = 0;
  const server = createSecureServer({ cert: `${cert}${issuer}`, key }, (_, response) => {
    setTimeout(() => response.end("ok"), 200);
  }).listen(0, "127.0.0.1");
  server.on("secureConnection", (socket) => {
    most = Math.max(most, ++open);
    socket.on("close", () => open--);
  });
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    const service = { backends: [`https://127.0.0.1:${port}`], tls: { verify: false } };
    await using program = await startTidegate(front(service));
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(program.port())));
    assert.deepEqual([...new Set(answers.map(({ body }) => body))], ["ok"]);
    assert.ok(most > 25, `${most}`);
  } finally {
    server.close();
  }
});

test("a check by HTTP of an https:// backend that speaks HTTP/2 alone", bounded, async () => {
  const { folder, backend, service } = await secureBackend(ok);
  await using _folder = folder;
  await using _backend = backend;
  const check = { http: "/health", interval: "100ms", fastInterval: "100ms", fall: 1 };
  const checked = { ...service, check, whenAllDown: "refuse", holdFor: 0 };
  await using program = await startTidegate(front(checked));
  await eventually("some checks", () => backend.requests > 3);
  assert.equal((await ask(program.port())).body, "ok 0");
});

test(
  "of maxConnections, an idle one makes room for who needs HTTP/1.1, and back",
  bounded,
  async () => {
    const { folder, backend, service } = await secureBackend(ok, {
      onHttp1: (request, response) => void request.resume().on("end", () => response.end("1.1")),
    });
    await using _folder = folder;
    await using _backend = backend;
    const one = { ...service, pool: { maxConnections: 1 } };
    await using program = await startTidegate(front(one));
    const headers = { Connection: "Upgrade", Upgrade: "other" };
    const bodies: string[] = [];
    for (const each of [{}, { headers }, {}, { headers }])
      bodies.push((await ask(program.port(), each)).body);
    assert.deepEqual(bodies, ["ok 0", "1.1", "ok 0", "1.1"]);
    const all = Array.from({ length: 20 }, (_, at) =>
      ask(program.port(), at % 2 === 0 ? {} : { headers }),
    );
    assert.equal((await Promise.all(all)).filter(({ status }) => status === 200).length, 20);
  },
);

test(
  "a backend that never sends its settings keeps each for its own time only",
  bounded,
  async () => {
    const server = createPlainServer((socket) => socket.resume().on("error", () => {}));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const service = { backends: [`h2c://127.0.0.1:${port}`], retry: { attempts: 0 } };
    const route = { service, timeouts: { response: "1s" } };
    try {
      await using program = await startTidegate(front(service, { routes: { "app.test": route } }));
      const answers = await Promise.all(Array.from({ length: 50 }, () => ask(program.port())));
      assert.deepEqual([...new Set(answers.map(failureOf))], ["RESPONSE_TIMEOUT"]);
    } finally {
      server.close();
    }
  },
);

test("who speaks HTTP/1.1 alone is no backend for h2c", bounded, async () => {
  const server = createServer((_, response) => void response.end("old")).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    await using program = await startTidegate(front(`h2c://127.0.0.1:${port}`));
    assert.equal((await ask(program.port())).status, 502);
    await program.waitForLog(/what it sent is no HTTP\/2/);
  } finally {
    server.close();
  }
});

test("HTTP_1_1_REQUIRED: asked again so, and remembered", bounded, async () => {
  const { folder, backend, service } = await secureBackend(
    (stream) => stream.close(constants.NGHTTP2_HTTP_1_1_REQUIRED),
    {
      onHttp1: (request, response) => {
        request.resume().on("end", () => response.end(`1.1 ${request.method}`));
      },
    },
  );
  await using _folder = folder;
  await using _backend = backend;
  await using program = await startTidegate(front(service));
  const post = await ask(program.port(), { method: "POST", body: "x" });
  assert.equal(`${post.status} ${post.body}`, "200 1.1 POST");
  assert.equal((await ask(program.port())).body, "1.1 GET");
  assert.equal(backend.requests, 1);
});

const webSocket = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

test("a WebSocket over HTTP/2, where the backend allows it", bounded, async () => {
  let seen: Readonly<Record<string, unknown>> = {};
  const streams: ServerHttp2Stream[] = [];
  await using backend = await http2Backend(() => {}, {
    settings: { enableConnectProtocol: true },
    onBegin: (stream, headers) => {
      seen = headers;
      streams.push(stream);
      stream.respond({ ":status": 200, "sec-websocket-protocol": "chat" });
      stream.on("data", (bytes: Buffer) => stream.write(bytes));
      stream.on("end", () => stream.end());
    },
  });
  await using program = await startTidegate(front(`h2c://127.0.0.1:${backend.port}`));
  await using client = await connect(program.port());
  await client.send(requestText({ path: "/ws", headers: webSocket }));
  const head = await client.readResponse();
  assert.equal(head.status, 101);
  // RFC 6455 section 1.3 has this key, and this answer to it.
  assert.equal(field(head, "sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  assert.equal(field(head, "upgrade"), "websocket");
  assert.equal(field(head, "sec-websocket-protocol"), "chat");
  assert.equal(seen[":method"], "CONNECT");
  assert.equal(seen[":protocol"], "websocket");
  assert.equal(seen[":path"], "/ws");
  assert.equal(seen["sec-websocket-key"], undefined);
  assert.equal(seen["sec-websocket-version"], "13");
  const text = "frame".repeat(50_000);
  await client.send(text);
  assert.equal(await client.readBytes(text.length), text);
  client.end();
  await client.waitClose();
  await eventually("the end of the stream", () => streams[0]?.destroyed === true);
  assert.equal(backend.sessions.size, 1);
});

test(
  "a WebSocket where HTTP/2 does not allow it: over HTTP/1.1, or told why not",
  bounded,
  async () => {
    await using clear = await http2Backend(ok);
    const { folder, backend, service } = await secureBackend(ok, {
      onHttp1: (_, response) => response.writeHead(426).end("1.1"),
    });
    await using _folder = folder;
    await using _backend = backend;
    await using program = await startTidegate({
      config: {
        listeners: { web: { bind: "127.0.0.1:0" } },
        routes: { "clear.test": `h2c://127.0.0.1:${clear.port}`, "secure.test": { service } },
      },
    });
    const asked = (name: string, headers = {}) => ask(program.port(), { name, headers });
    assert.equal((await asked("secure.test")).body, "ok 0");
    assert.equal((await asked("secure.test", webSocket)).body, "1.1");
    const refused = await asked("clear.test", webSocket);
    assert.equal(refused.status, 502);
    assert.equal(failureOf(refused), "UPGRADE_UNSUPPORTED");
    // Whoever offers something else gets an ordinary answer.
    const other = { Connection: "Upgrade", Upgrade: "foo" };
    assert.equal((await asked("clear.test", other)).body, "ok 0");
  },
);

test("checks by HTTP go over HTTP/2 too", bounded, async () => {
  let isWell = true;
  await using backend = await http2Backend((stream, headers, body) => {
    if (headers[":path"] !== "/health") return ok(stream, headers, body);
    stream.respond({ ":status": isWell ? 200 : 500 });
    stream.end("fine");
  });
  const service = {
    backends: [`h2c://127.0.0.1:${backend.port}`],
    check: { http: "/health", body: "fine", interval: "100ms", fastInterval: "100ms", fall: 2 },
    whenAllDown: "refuse",
    holdFor: 0,
  };
  await using program = await startTidegate(front(service));
  assert.equal((await ask(program.port())).body, "ok 0");
  isWell = false;
  await eventually("it is down", async () => (await ask(program.port())).status === 503);
  isWell = true;
  await eventually("it is up", async () => (await ask(program.port())).status === 200);
});
