// The process runs out of file descriptors: it lives on, and serves again when connections end.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { eventually, within } from "../harness/barrier.ts";
import { type Client, connect } from "../harness/client.ts";
import { httpOrigin } from "../harness/origin.ts";
import { tempFolder } from "../harness/temp-folder.ts";

const program = join(resolve(import.meta.dirname, "../.."), "bin/tidegate");

test("with no descriptor left the program lives on and recovers", { timeout: 60_000 }, async () => {
  await using back = await httpOrigin((_incoming, outgoing) => outgoing.end("ok"));
  await using folder = await tempFolder();
  const config = {
    listeners: { web: "127.0.0.1:0" },
    routes: { "a.test": back.url },
    accessLog: false,
  };
  await writeFile(folder.file("tidegate.yaml"), JSON.stringify(config));
  const args = [
    "run",
    "--config",
    folder.file("tidegate.yaml"),
    "--ports-file",
    folder.file("ports"),
    "--control",
    folder.file("control.sock"),
    "--workers",
    "0",
  ];
  const child = spawn("/bin/sh", ["-c", 'ulimit -n 64; exec "$0" "$@"', program, ...args], {
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      ...process.env,
      NODE_TEST_CONTEXT: undefined,
      STATE_DIRECTORY: folder.file("state"),
      TIDEGATE_ADMIN: "off",
    },
  });
  const exited = once(child, "exit");
  let errors = "";
  child.stderr.on("data", (bytes: Buffer) => (errors += bytes.toString()));
  const clients: Client[] = [];
  try {
    const port = await eventually(
      "the program to listen",
      async () => {
        const text = await readFile(folder.file("ports"), "utf8").catch(() => "{}");
        return (JSON.parse(text || "{}") as Record<string, { port: number }[]>)["web"]?.[0]?.port;
      },
      15_000,
    );
    const get = "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n";
    // More than there are descriptors; each wants a connection to the backend as well.
    for (let count = 0; count < 90; count++) {
      const client = await connect(port, { timeoutMs: 15_000 });
      clients.push(client);
      await client.send(get);
    }
    await eventually("clients that were turned away or not accepted, or a 502", () =>
      clients.some((each) => each.hasEnded || /^HTTP\/1.1 502/.test(each.pending)) || errors !== ""
        ? true
        : undefined,
    );
    assert.equal(child.exitCode, null, errors);
    for (const client of clients) await client[Symbol.asyncDispose]();
    const status = await eventually(
      "the program to serve again",
      async () => {
        const client = await connect(port);
        try {
          await client.send(get);
          const response = await client.readResponse();
          return response.status === 200 ? response.status : undefined;
        } catch {
          return undefined; // turned away still: asked again
        } finally {
          await client[Symbol.asyncDispose]();
        }
      },
      20_000,
    );
    assert.equal(status, 200);
    child.kill("SIGTERM");
    const [code] = (await within(exited, 15_000, "the program's end")) as [number | null];
    assert.equal(code, 0, errors);
  } finally {
    for (const client of clients) await client[Symbol.asyncDispose]();
    child.kill("SIGKILL");
    await exited;
  }
});
