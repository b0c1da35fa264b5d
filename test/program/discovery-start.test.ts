// What discovery does at the start of the program: with whose rights it asks, and with what a former process
// left behind. The daemon here is a real server on a socket that only root may use, or none at all.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { serialize } from "node:v8";
import { programVersion } from "../../src/lib/version.ts";
import { ask } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { mark } from "../harness/processes.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };

for (const workers of [0, 1]) {
  test(
    `daemons are asked by whom we become, never by root (${workers} workers)`,
    { ...bounded, skip: needsRoot() },
    async () => {
      await using stack = new AsyncDisposableStack();
      const folder = stack.use(await tempFolder());
      await chmod(folder.path, 0o755);
      const socket = folder.file("engine.sock");
      let asked = 0;
      const server = createServer((connection) => {
        asked += 1;
        connection.destroy();
      }).listen(socket);
      stack.defer(() => void server.close());
      await once(server, "listening");
      await chmod(socket, 0o600);
      const docker = { endpoint: `unix://${socket}` };
      const config = { listeners: { web: "127.0.0.1:0" }, providers: { docker } };
      await writeFile(folder.file("tidegate.json"), JSON.stringify(config));
      const marked = mark();
      stack.defer(() => marked.kill());
      const words = ["run", "--config", folder.file("tidegate.json"), "--user", "nobody"];
      const child = spawn(
        resolve(import.meta.dirname, "../../bin/tidegate"),
        [...words, "--workers", `${workers}`, "--control", folder.file("control.sock")],
        {
          stdio: ["ignore", "ignore", "pipe"],
          env: { ...process.env, ...marked.env, STATE_DIRECTORY: folder.file("state") },
        },
      );
      let errors = "";
      child.stderr.on("data", (bytes: Buffer) => (errors += bytes.toString()));
      await eventually(
        "the first question",
        () => {
          assert.equal(asked, 0, errors);
          return errors.includes("permission denied") || undefined;
        },
        30_000,
      );
      assert.equal(asked, 0);
    },
  );
}

test("what is damaged of what was found before is no reason not to start", bounded, async () => {
  await using folder = await tempFolder();
  const socket = folder.file("engine.sock");
  const service = { name: "a@docker", kind: "backends", backends: [], origin: {} };
  for (const said of [
    null,
    { provider: "docker" },
    { provider: "docker", routes: [{}], streamRoutes: [], services: {} },
    { provider: "docker", routes: [], streamRoutes: [], services: { "a@docker": service } },
  ]) {
    const state = folder.file("state");
    await mkdir(join(state, "found"), { recursive: true, mode: 0o700 });
    const remembered = { version: programVersion(), source: ["docker", socket], said };
    await writeFile(join(state, "found/docker"), serialize(remembered));
    await writeFile(join(state, "host-names.json"), '[["a"],{"b":"c"},["d",1],null]');
    await using program = await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0" },
        providers: { docker: { endpoint: `unix://${socket}` } },
        routes: { "file.test": { respond: { status: 200, body: "the file" } } },
      },
      env: { STATE_DIRECTORY: state },
    });
    assert.equal((await ask(program.port(), { name: "file.test" })).body, "the file");
    await program.waitForLog(/what was found before the last stop cannot be used/);
  }
});

for (const workers of [0, 1]) {
  test(
    `nor is what looks otherwise than in this version (${workers} workers)`,
    bounded,
    async () => {
      await using folder = await tempFolder();
      const socket = folder.file("redis.sock");
      const origin = { provider: "redis", place: "x" };
      const rule = { kind: "host", host: "x.test" };
      const middlewares = [{ kind: "of another version" }];
      const route = { ...{ name: "x@redis", origin, rule, middlewares }, service: undefined };
      const lists = { streamRoutes: [], services: [], overlays: [], certificates: [] };
      const rest = { provider: "redis", ...lists };
      const source = ["redis", { kind: "unix", path: socket }, 0, "tidegate:"];
      for (const routes of [[{}], [{ ...route, timeouts: {}, maxBody: 0 }]]) {
        const state = folder.file("state");
        await mkdir(join(state, "kept"), { recursive: true, mode: 0o700 });
        const remembered = { version: programVersion(), source, said: { ...rest, routes } };
        await writeFile(join(state, "kept/redis"), serialize(remembered));
        await using program = await startTidegate({
          workers,
          config: {
            listeners: { web: "127.0.0.1:0" },
            providers: { redis: { url: `unix://${socket}` } },
            routes: { "file.test": { respond: { status: 200, body: "the file" } } },
          },
          env: { STATE_DIRECTORY: state },
        });
        assert.equal((await ask(program.port(), { name: "file.test" })).body, "the file");
        await program.waitForLog(/what was found before the last stop cannot be used/);
      }
    },
  );
}
