import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { stat, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { SampleOperations } from "../../test/harness/sample-operations.ts";
import { createLogger } from "../lib/log.ts";
import { DockerProxyApi } from "./docker-proxy-api.ts";
import type { Outcome } from "./operations.ts";

async function open() {
  const operations = new SampleOperations();
  const lines: string[] = [];
  const log = createLogger({ pretty: false, level: "info", write: (line) => lines.push(line) });
  const address = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
  const api = await DockerProxyApi.open({ address, operations, log });
  return { api, operations, lines, [Symbol.asyncDispose]: () => api.close() };
}

interface Question {
  readonly method?: string;
  readonly headers?: Record<string, string>;
}

async function ask(port: number, path: string, { method = "GET", headers = {} }: Question = {}) {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const options = { host: "127.0.0.1", port, path, method, headers, agent: false, timeout: 5000 };
  const outgoing = request(options, (response) => {
    let body = "";
    response.on("data", (bytes: Buffer) => (body += bytes.toString()));
    response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    response.on("error", reject);
  });
  outgoing.on("timeout", () => outgoing.destroy(new Error("no answer")));
  outgoing.on("error", reject);
  outgoing.end();
  return promise;
}

test("start, stop and resize do what they say, by any method, in the old words", async () => {
  await using opened = await open();
  const { api, operations } = opened;
  const cases = [
    ["GET", "/service/balancer/start", "spawned", "resume"],
    ["POST", "/service/balancer/start", "spawned", "resume"],
    ["PUT", "/service/balancer/stop", "stopping...", "drain"],
    ["GET", "/service/balancer/resize?size=3", "resizing...", "resize 3"],
    ["DELETE", "/service/balancer/resize", "resizing...", "resize 5"],
    ["GET", "/service/balancer/resize?x=1&size=auto", "resizing...", "resize auto"],
  ] as const;
  for (const [method, path, words, call] of cases) {
    const answer = await ask(api.port, path, { method });
    assert.deepEqual(answer, { status: 200, body: words }, path);
    assert.equal(operations.calls.at(-1), call);
  }
  assert.equal(operations.calls.length, cases.length);
});

test("another service is not found, and anything else is answered with help", async () => {
  await using opened = await open();
  const { api, operations } = opened;
  const other = await ask(api.port, "/service/static/stop");
  assert.equal(other.status, 404);
  assert.match((JSON.parse(other.body) as { message: string }).message, /static.*balancer/);
  for (const path of ["/", "/service/balancer", "/service/balancer/start/now", "/x?y"]) {
    const { status, body } = await ask(api.port, path);
    assert.equal(status, 200);
    assert.equal((JSON.parse(body) as { message: string }).message, "hello from API");
  }
  assert.deepEqual(operations.calls, []);
});

test("a size that is none is refused with what to write", async () => {
  await using opened = await open();
  for (const size of ["", "0", "-1", "2.5", "lots", "99999", "1e2"]) {
    const { status, body } = await ask(opened.api.port, `/service/balancer/resize?size=${size}`);
    assert.equal(status, 400, size);
    assert.match(body, /1 to 1024, or auto/);
  }
  assert.deepEqual(opened.operations.calls, []);
});

test("what is refused at once is told; what takes its time is answered as begun, and logged", async () => {
  await using opened = await open();
  const { api, operations, lines } = opened;
  operations.next = { ok: false, message: "it is stopping" };
  const refused = await ask(api.port, "/service/balancer/start");
  assert.deepEqual(
    [refused.status, JSON.parse(refused.body)],
    [409, { ok: false, message: "it is stopping" }],
  );
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  operations.next = promise;
  const answer = await ask(api.port, "/service/balancer/stop");
  assert.deepEqual(answer, { status: 200, body: "stopping..." });
  resolve({ ok: false, message: "could not" });
  await promise;
  await ask(api.port, "/");
  assert.match(lines.at(-1) ?? "", /could not/);
});

test("a web page can do nothing, since a GET changes something", async () => {
  await using opened = await open();
  const { api, operations } = opened;
  const refused: readonly Record<string, string>[] = [
    { Origin: "http://evil.test" },
    { Origin: "null" },
    { "Sec-Fetch-Site": "cross-site" },
    { "Sec-Fetch-Site": "same-origin" },
    { Host: "evil.test" },
    { Host: "evil.test:16000" },
    { Host: "localhost.evil.test" },
    { Host: "127.0.0.1.evil.test" },
  ];
  for (const headers of refused) {
    const { status } = await ask(api.port, "/service/balancer/stop", { headers });
    assert.equal(status, 403, JSON.stringify(headers));
  }
  assert.deepEqual(operations.calls, []);
  for (const host of ["localhost", "LOCALHOST:16000", "127.0.0.1:1", "[::1]:16000", "10.0.0.1"]) {
    const headers = { Host: host, "Sec-Fetch-Site": "none" };
    const { status } = await ask(api.port, "/service/balancer/stop", { headers });
    assert.equal(status, 200, host);
  }
});

test("on a unix socket it is its owner's alone, and takes the place of what a dead program left", async () => {
  await using folder = await tempFolder();
  const path = folder.file("s");
  const log = createLogger({ pretty: false, level: "silent" });
  const options = {
    address: { kind: "unix", path },
    operations: new SampleOperations(),
    log,
  } as const;
  const old = await DockerProxyApi.open(options);
  const api = await DockerProxyApi.open(options);
  await old.close();
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await api.close();
  assert.equal(existsSync(path), false);
  await writeFile(folder.file("notes"), "mine");
  const wrong = { ...options, address: { kind: "unix", path: folder.file("notes") } } as const;
  await assert.rejects(DockerProxyApi.open(wrong), /is no socket/);
});

test("a successor listens beside its predecessor; an address of somebody else is an error", async () => {
  await using opened = await open();
  const { api, operations } = opened;
  const log = createLogger({ pretty: false, level: "silent" });
  const address = { kind: "tcp", host: "127.0.0.1", port: api.port } as const;
  const next = await DockerProxyApi.open({ address, operations, log });
  await api.close();
  assert.equal((await ask(next.port, "/service/balancer/start")).status, 200);
  await next.close();
  const other = createServer();
  other.listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const taken = { address: { ...address, port }, operations, log };
  await assert.rejects(DockerProxyApi.open(taken), /EADDRINUSE/);
  other.close();
});

test("an address that others can reach is warned of", async () => {
  const lines: string[] = [];
  const log = createLogger({ pretty: false, level: "info", write: (line) => lines.push(line) });
  const address = { kind: "tcp", host: "0.0.0.0", port: 0 } as const;
  const api = await DockerProxyApi.open({ address, operations: new SampleOperations(), log });
  await api.close();
  assert.match(lines.join(""), /"level":"warn".*can stop the service/);
});
