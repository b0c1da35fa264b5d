// A container that does not run: its folder is there, what is mounted in it is not.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { after, test } from "node:test";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { Guests } from "./guests.ts";

test("what is not in the folder of a stopped container may be mounted when it runs", async () => {
  await using folder = await tempFolder();
  await mkdir(folder.file("www"));
  await writeFile(folder.file("www/there.txt"), "there");
  const left = createServer().listen(folder.file("www/left.sock"));
  after(() => left.close());
  await once(left, "listening");
  const guests = new Guests();
  const stopped = { kind: "away", why: "it does not run" };
  const place = { rootfs: folder.path, init: undefined };
  guests.update({
    "lxc/stopped": { ...place, why: stopped.why },
    "lxc/plain": { ...place, why: "" },
  });
  const [one, other] = [guests.of("lxc/stopped"), guests.of("lxc/plain")];
  const there = await one.find("/www/there.txt");
  assert.equal(there.kind, "file", "what is there is served");
  if (there.kind === "file") there.file.close();
  assert.deepEqual(await one.find("/www/missing.txt"), stopped);
  assert.deepEqual(await one.list("/mounted"), stopped);
  assert.deepEqual(await one.socket("/run/php.sock"), stopped);
  assert.deepEqual(await one.socket("/www/left.sock"), stopped, "nobody of it listens there");
  assert.deepEqual(await other.find("/www/missing.txt"), { kind: "nothing" });
  assert.deepEqual(await other.socket("/run/php.sock"), { kind: "nothing" });
});
