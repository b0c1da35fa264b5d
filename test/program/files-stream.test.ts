// Large files: sent piece by piece at a memory that does not depend on their size, to whoever reads, for as long as somebody does.

import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import { appendFile, truncate, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { after, before, describe, test } from "node:test";
import { ask } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { residentBytes } from "../harness/processes.ts";
import { type TempFolder, tempFolder } from "../harness/temp-folder.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const MiB = 1024 * 1024;

describe("large files", () => {
  const stack = new AsyncDisposableStack();
  let program: Tidegate;
  let folder: TempFolder;

  before(async () => {
    folder = stack.use(await tempFolder());
    await writeFile(folder.file("huge"), "");
    await truncate(folder.file("huge"), 5 * 1024 * MiB);
    program = stack.use(
      await startTidegate({
        config: {
          listeners: { web: "127.0.0.1:0" },
          routes: { "files.test": { files: folder.path, timeouts: { body: "2s" } } },
        },
      }),
    );
  });
  after(() => stack.disposeAsync());

  const resident = () => program.pids().reduce((sum, pid) => sum + residentBytes(pid), 0);
  /** How often the program has a file open. */
  const opened = (name: string) =>
    program.pids().reduce((sum, pid) => sum + openedBy(pid, folder.file(name)), 0);

  const begin = async (name: string) => {
    const client = await connect(program.port(), { timeoutMs: 20_000 });
    client.socket.pause();
    await client.send(`GET /${name} HTTP/1.1\r\nHost: files.test\r\n\r\n`);
    return client;
  };

  test("a quarter of a gigabyte of a file of five takes no memory", async () => {
    await ask(program.port(), { name: "files.test", path: "/nothing" });
    const before = resident();
    let most = 0;
    let received = 0;
    await new Promise<void>((resolve, reject) => {
      const asked = request({
        port: program.port(),
        path: "/huge",
        headers: { Host: "files.test" },
      });
      asked.on("error", reject);
      asked.on("response", (answer) => {
        assert.equal(answer.headers["content-length"], String(5 * 1024 * MiB));
        answer.on("error", () => undefined);
        answer.on("data", (bytes: Buffer) => {
          received += bytes.length;
          if (received % (16 * MiB) < bytes.length) most = Math.max(most, resident());
          if (received < 256 * MiB) return;
          answer.destroy();
          resolve();
        });
      });
      asked.end();
    });
    assert.ok(most - before < 64 * MiB, `${Math.round((most - before) / MiB)} MiB more`);
  });

  test("any part of it is there at once", async () => {
    const answer = await ask(program.port(), {
      name: "files.test",
      path: "/huge",
      headers: { Range: "bytes=5368709110-" },
    });
    assert.equal(answer.status, 206);
    assert.equal(answer.body, "\0".repeat(10));
  });

  test("whoever goes away, or does not read, leaves no file open", async () => {
    await eventually("none from before", () => opened("huge") === 0 || undefined);
    const clients = await Promise.all(Array.from({ length: 20 }, () => begin("huge")));
    await eventually("open files", () => opened("huge") === 20 || undefined);
    for (const each of clients.slice(0, 10)) each.reset();
    // The others stay and do not read: their time is up after two seconds.
    await eventually("none left", () => opened("huge") === 0 || undefined, 10_000);
    for (const each of clients) each.socket.destroy();
  });

  test("whoever goes away while the file is looked for leaves none open either", async () => {
    for (let round = 0; round < 100; round++) {
      const client = await connect(program.port());
      await client.send("GET /huge HTTP/1.1\r\nHost: files.test\r\n\r\n");
      client.reset();
    }
    await eventually("none left", () => opened("huge") === 0 || undefined, 10_000);
    const there = { name: "files.test", path: "/huge", headers: { Range: "bytes=0-0" } };
    assert.equal((await ask(program.port(), there)).body, "\0");
  });

  test("a file that becomes shorter ends in a broken connection, not in other bytes", async () => {
    await writeFile(folder.file("shrinking"), Buffer.alloc(64 * MiB, "x"));
    await using client = await begin("shrinking");
    // Its head has come once the kernel has taken what it takes for who does not read.
    await eventually("an open file", () => opened("shrinking") === 1 || undefined);
    await truncate(folder.file("shrinking"), 1000);
    client.socket.resume();
    const received = await client.readToEnd();
    assert.match(received, /Content-Length: 67108864/);
    assert.ok(received.length < 64 * MiB);
    assert.doesNotMatch(received.slice(received.indexOf("\r\n\r\n") + 4), /[^x]/);
    await eventually("the log", async () =>
      (await program.accessLog()).find((line) => line.includes("FILE_FAILED")),
    );
  });

  test("of a file that grows there comes what was promised", async () => {
    await writeFile(folder.file("growing"), Buffer.alloc(8 * MiB, "x"));
    await using client = await begin("growing");
    await appendFile(folder.file("growing"), Buffer.alloc(8 * MiB, "y"));
    client.socket.resume();
    const answer = await client.readResponse();
    const promised = Number(answer.headers.find(([name]) => name === "Content-Length")?.[1]);
    assert.equal(answer.body.length, promised);
  });
});

function openedBy(pid: number, path: string): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((each) => {
    try {
      return readlinkSync(`${folder}/${each}`) === path;
    } catch {
      return false; // closed meanwhile
    }
  }).length;
}
