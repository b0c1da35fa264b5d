// Request bodies that a route takes whole before it asks a backend: in memory, in files that have no name, and what becomes of
// them when somebody fails.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readlinkSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { test } from "node:test";
import { ask, field } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { runCommand } from "../harness/command.ts";
import { needs } from "../harness/needs.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { type HttpOrigin, httpOrigin, origin } from "../harness/origin.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

/** Tells how long a body was and what it was. */
function counting(): Promise<HttpOrigin & { readonly asked: () => number }> {
  let asked = 0;
  return httpOrigin((request, response) => {
    asked += 1;
    const hash = createHash("md5");
    let length = 0;
    request.on("data", (bytes: Buffer) => {
      hash.update(bytes);
      length += bytes.length;
    });
    request.on("end", () => {
      response.setHeader("X-Trailer", request.trailers["x-sum"] ?? "");
      response.end(`${length} ${hash.digest("hex")}`);
    });
  }).then((made) => Object.assign(made, { asked: () => asked }));
}

function start(service: unknown, route = {}, env = {}): Promise<Tidegate> {
  return startTidegate({
    config: {
      listeners: { web: "127.0.0.1:0" },
      routes: { "app.test": { service, spool: { memory: "10kB" }, ...route } },
    },
    env,
  });
}

function bodyOf(size: number): string {
  return "0123456789abcdef".repeat(size / 16);
}

function expected(body: string): string {
  return `${body.length} ${createHash("md5").update(body, "latin1").digest("hex")}`;
}

/** Files of the program that have no name. */
function namelessOf(program: Tidegate): string[] {
  return program.pids().flatMap((pid) =>
    readdirSync(`/proc/${pid}/fd`).flatMap((descriptor) => {
      try {
        const target = readlinkSync(`/proc/${pid}/fd/${descriptor}`);
        return /\/(?:tmp|var\/tmp)\/.*\(deleted\)$/.test(target) ? [target] : [];
      } catch {
        return []; // closed meanwhile
      }
    }),
  );
}

const noneLeft = (program: Tidegate) =>
  eventually("the files to be gone", () => namelessOf(program).length === 0 || undefined);

test("bodies of every size arrive whole, with their trailers, and leave no file", async () => {
  await using backend = await counting();
  await using program = await start(backend.url);
  for (const size of [0, 16, 10_000, 16_384, 300_000, 5_000_000 - (5_000_000 % 16)]) {
    const body = bodyOf(size - (size % 16));
    const told = await ask(program.port(), { method: "POST", body });
    assert.equal(told.body, expected(body));
    await using client = await connect(program.port());
    const framed = body === "" ? "" : `${body.length.toString(16)}\r\n${body}\r\n`;
    await client.send(
      `POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n${framed}0\r\nX-Sum: 7\r\n\r\n`,
    );
    const chunked = await client.readResponse({ method: "POST" });
    assert.equal(chunked.body, expected(body));
    assert.equal(field(chunked, "x-trailer"), "7");
  }
  await noneLeft(program);
});

test("no backend is asked before the body is complete", async () => {
  await using backend = await counting();
  await using program = await start(backend.url);
  for (const sent of [100, 200_000]) {
    const before = backend.asked();
    await using client = await connect(program.port());
    const body = bodyOf(400_000);
    await client.send(
      `POST / HTTP/1.1\r\nHost: app.test\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    const interim = await client.readResponse({ method: "POST" });
    assert.equal(interim.status, 100);
    await client.send(body.slice(0, sent));
    if (sent > 100_000) {
      await eventually("a file to be there", () => namelessOf(program).length > 0 || undefined);
    }
    // Another one of the same program has been answered meanwhile.
    assert.equal((await ask(program.port(), { method: "POST", body: "x" })).status, 200);
    assert.equal(backend.asked(), before + 1);
    await client.send(body.slice(sent));
    assert.equal((await client.readResponse({ method: "POST" })).body, expected(body));
    assert.equal(backend.asked(), before + 2);
  }
  await noneLeft(program);
});

test("a backend that fails in the middle of a long body is no loss: another one gets all of it", async () => {
  await using good = await counting();
  await using bad = await origin({
    onConnection: (connection) => {
      connection.onData = () => {
        if (connection.received.length > 100_000) connection.socket.destroy();
      };
    },
  });
  await using program = await start({ backends: [bad.url, good.url], retry: { attempts: 2 } });
  const body = bodyOf(1_600_000);
  for (let round = 0; round < 3; round++) {
    const response = await ask(program.port(), { method: "PUT", body });
    assert.equal(response.body, expected(body));
  }
  assert.ok(bad.connections.length > 0, "the failing one was asked");
  await noneLeft(program);
});

test("a backend that reads slowly is sent a long body as it takes it", async () => {
  await using slow = await origin();
  await using program = await start(slow.url);
  const body = bodyOf(8_000_000);
  const answer = ask(program.port(), { method: "POST", body, timeoutMs: 20_000 });
  const connection = await slow.accept();
  connection.socket.pause();
  await eventually("its buffers to be full", async () => {
    const before = connection.socket.bytesRead;
    await new Promise((resolve) => setImmediate(resolve));
    return connection.socket.bytesRead === before || undefined;
  });
  connection.socket.resume();
  await eventually(
    "all of it to be there",
    () => connection.received.length >= body.length || undefined,
    15_000,
  );
  const at = connection.received.indexOf("\r\n\r\n") + 4;
  assert.equal(connection.received.slice(at), body);
  connection.socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  assert.equal((await answer).body, "ok");
  await noneLeft(program);
});

test("a client that goes away leaves no file, and no backend is asked", async () => {
  await using backend = await counting();
  await using program = await start(backend.url);
  const client = await connect(program.port());
  await client.send("POST / HTTP/1.1\r\nHost: app.test\r\nContent-Length: 9000000\r\n\r\n");
  await client.send(bodyOf(160_000));
  await eventually("a file to be there", () => namelessOf(program).length > 0 || undefined);
  client.socket.destroy();
  await noneLeft(program);
  const line = await program.waitForLog(/CLIENT_CLOSED/);
  assert.match(line, /"status":499/);
  assert.equal(backend.asked(), 0);
});

test("the route's limit is the limit of what is kept", async () => {
  await using backend = await counting();
  await using program = await start(backend.url, { maxBody: "50kB" });
  await using client = await connect(program.port());
  const head = "POST / HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n";
  await client.send(`${head}10000\r\n${bodyOf(65_536)}\r\n0\r\n\r\n`);
  assert.equal((await client.readResponse({ method: "POST" })).status, 413);
  assert.equal(backend.asked(), 0);
  await noneLeft(program);
});

test("where no file can be made, short bodies go through and long ones are refused", async () => {
  await using backend = await counting();
  await using program = await start(backend.url, {}, { TMPDIR: "/nowhere/at/all" });
  assert.equal((await ask(program.port(), { method: "POST", body: bodyOf(160) })).status, 200);
  const headers = { Accept: "application/json" };
  const refused = await ask(program.port(), { method: "POST", body: bodyOf(160_000), headers });
  assert.equal(refused.status, 500);
  assert.match(refused.body, /SPOOL_FAILED/);
  await program.waitForLog(/"failure":"SPOOL_FAILED".*ENOENT|ENOENT.*SPOOL_FAILED/);
  assert.equal(backend.asked(), 1);
});

const skipMount = needsRoot() || needs("mount", "umount");

test("a disk that is full refuses one body and no other", { skip: skipMount }, async () => {
  await using folder = await tempFolder();
  const disk = folder.file("disk");
  await mkdir(disk);
  await runCommand("mount", ["-t", "tmpfs", "-o", "size=1m,mode=1777", "tidegate-test", disk]);
  try {
    await using backend = await counting();
    await using program = await start(backend.url, {}, { TMPDIR: disk });
    const fits = bodyOf(320_000);
    assert.equal((await ask(program.port(), { method: "POST", body: fits })).body, expected(fits));
    const refused = await ask(program.port(), { method: "POST", body: bodyOf(3_200_000) });
    assert.equal(refused.status, 500);
    await program.waitForLog(/ENOSPC/);
    assert.equal((await ask(program.port(), { method: "POST", body: fits })).body, expected(fits));
  } finally {
    await runCommand("umount", [disk]);
  }
});
