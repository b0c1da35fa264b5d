// What operators see of services of files: where routes lead, and how a service is whose program does not answer.

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { RouteRow, ServiceRow } from "../../src/admin/operations.ts";
import { ask } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { get } from "../harness/control.ts";
import { freePort } from "../harness/free-port.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

test("a route shows its folder; a program that is away takes no files with it", async () => {
  await using folder = await tempFolder();
  const root = join(folder.path, "www");
  await mkdir(root);
  await writeFile(join(root, "a.txt"), "a\n");
  await writeFile(join(root, "a.php"), "<?php\n");
  const service = { files: root, fastcgi: `127.0.0.1:${await freePort()}` };
  await using program = await startTidegate({
    config: { listeners: { web: "127.0.0.1:0" }, routes: { "app.test": { service } } },
  });
  const told = <T>(path: string) => get<T>(program.control, path);
  const [route] = await told<RouteRow[]>("/v1/routes");
  assert.deepEqual(route?.backends, [root, "app.test@scripts"]);
  assert.equal((await ask(program.port(), { name: "app.test", path: "/a.php" })).status, 502);
  const states = await eventually("the program to be seen as dead", async () => {
    const rows = await told<ServiceRow[]>("/v1/services");
    const found = Object.fromEntries(rows.map(({ name, state }) => [name, state]));
    return found["app.test@scripts"] === "down" ? found : undefined;
  });
  assert.equal(states["app.test"], "degraded");
  const file = await ask(program.port(), { name: "app.test", path: "/a.txt" });
  assert.deepEqual([file.status, file.body], [200, "a\n"]);
});
