import assert from "node:assert/strict";
import { once } from "node:events";
import { createSecureServer, createServer, type ServerHttp2Stream } from "node:http2";
import type { IncomingHttpHeaders } from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { certificates } from "../../test/harness/certificates.ts";
import { rudeServer, sampleTarget } from "../../test/harness/health-sample.ts";
import { needs } from "../../test/harness/needs.ts";
import { probe, type ProbeTarget } from "./probe.ts";

const never = new AbortController().signal;
const outcome = async (target: ProbeTarget) => {
  const { isGood, text } = await probe(target, never);
  return `${isGood ? "good" : "bad"}: ${text.replace(/in \d+ ms$/, "in N ms")}`;
};

type Answer = (stream: ServerHttp2Stream, service: string, headers: IncomingHttpHeaders) => void;

async function grpcServer(answer: Answer, tls?: { key: string; cert: string }) {
  const server = tls === undefined ? createServer() : createSecureServer(tls);
  const sessions = new Set<{ destroy(): void }>();
  server.on("session", (session) => void sessions.add(session));
  server.on("stream", (stream, headers) => {
    const parts: Buffer[] = [];
    stream.on("error", () => {});
    stream.on("data", (bytes: Buffer) => parts.push(bytes));
    stream.on("end", () => {
      const body = Buffer.concat(parts);
      assert.equal(body.readUInt32BE(1), body.length - 5);
      answer(stream, body.subarray(5).toString("latin1"), headers);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const each of sessions) each.destroy();
      await closed;
    },
  };
}

function reply(stream: ServerHttp2Stream, body: readonly number[], status = "0"): void {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": status }));
  // Byte by byte, as slow networks do.
  for (const each of body) stream.write(Buffer.from([each]));
  stream.end();
}

const state = (value: number) => [0, 0, 0, 0, 2, 0x08, value];

test("SERVING is good, and every other state is told by its name", async () => {
  const asked: string[] = [];
  await using server = await grpcServer((stream, service, headers) => {
    asked.push(`${headers[":path"]} ${JSON.stringify(service)} ${String(headers["te"])}`);
    const [name = ""] = /[a-z-]+$/.exec(service) ?? [];
    if (name === "down") return reply(stream, state(2));
    if (name === "unknown") return reply(stream, [0, 0, 0, 0, 0]);
    if (name === "garbage") return reply(stream, [0, 0, 0, 0, 3, 1, 2, 3]);
    if (name === "absent") {
      return stream.respond({ ":status": 200, "grpc-status": "5" }, { endStream: true });
    }
    if (name === "broken") return reply(stream, [], "13");
    if (name === "web") return stream.respond({ ":status": 404 }, { endStream: true });
    if (name === "reset") return stream.close(2);
    reply(stream, state(1));
  });
  const ask = (service: string) =>
    outcome(sampleTarget(`http://127.0.0.1:${server.port}`, { kind: "grpc", service }));
  assert.equal(await ask(""), "good: SERVING in N ms");
  assert.equal(await ask("my.Service"), "good: SERVING in N ms");
  assert.equal(await ask("x".repeat(300)), "good: SERVING in N ms");
  assert.equal(await ask("is.down"), "bad: says NOT_SERVING");
  assert.equal(await ask("is.unknown"), "bad: says UNKNOWN");
  assert.equal(await ask("is.garbage"), "bad: answered what is no HealthCheckResponse");
  assert.equal(await ask("is.absent"), "bad: gRPC status 5: it does not know this service");
  assert.equal(await ask("is.broken"), "bad: gRPC status 13: no reason given");
  assert.equal(await ask("is.web"), "bad: answered 404, and no gRPC");
  assert.match(
    await ask("is.reset"),
    /^bad: does not speak HTTP\/2 as expected|^bad: ended the call/,
  );
  const path = "/grpc.health.v1.Health/Check";
  assert.equal(asked[0], `${path} "" trailers`);
  assert.equal(asked[1], `${path} ${JSON.stringify("\n\nmy.Service")} trailers`);
  // 300 in two bytes of seven bits each, the low ones first.
  assert.equal(asked[2], `${path} ${JSON.stringify(`\n\u00ac\u0002${"x".repeat(300)}`)} trailers`);
});

test("over TLS it has to choose h2", { skip: needs("openssl") }, async () => {
  const { key, cert, ca } = await certificates();
  await using server = await grpcServer((stream) => reply(stream, state(1)), { key, cert });
  const settings = { kind: "grpc", service: "" } as const;
  const target = sampleTarget(`https://127.0.0.1:${server.port}`, settings);
  assert.equal(await outcome({ ...target, tls: { ...target.tls, ca } }), "good: SERVING in N ms");
  await using old = await rudeServer(() => {}, { key, cert });
  const oldTarget = sampleTarget(`https://127.0.0.1:${old.port}`, settings);
  assert.match(
    await outcome({ ...oldTarget, tls: { ...oldTarget.tls, ca } }),
    /bad: does not speak HTTP\/2/,
  );
});

test("an answer without end is cut off", async () => {
  await using server = await grpcServer((stream) => {
    stream.respond({ ":status": 200 });
    const more = () => {
      if (!stream.destroyed) stream.write(Buffer.alloc(16 * 1024), () => setImmediate(more));
    };
    more();
  });
  const target = sampleTarget(
    `http://127.0.0.1:${server.port}`,
    { kind: "grpc", service: "" },
    { timeout: 8000 },
  );
  assert.equal(await outcome(target), "bad: sent 64 KiB that are not the answer");
});
