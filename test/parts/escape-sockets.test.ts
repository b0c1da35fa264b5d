// Ways to have us talk to a socket of this machine where one of a container is asked for. A naive finder takes each.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { rename, rm } from "node:fs/promises";
import { describe, test } from "node:test";
import { greetingAt, naiveAsk } from "../harness/guest-naive.ts";
import {
  descriptors,
  makeWorld,
  publicText,
  sameDescriptors,
  tellSocket,
  type World,
} from "../harness/guest-world.ts";

interface Escape {
  readonly name: string;
  /** @returns the path that is configured */
  plant(world: World): Promise<string>;
}

const escapes: readonly Escape[] = [
  {
    name: "an absolute link, as to the docker.sock of this machine",
    plant: async (world) => {
      await world.link("/www/php.sock", world.secretSocket);
      return "/www/php.sock";
    },
  },
  {
    name: "a relative link",
    plant: async (world) => {
      await world.link("/www/php.sock", "../../outside/daemon.sock");
      return "/www/php.sock";
    },
  },
  {
    name: "its folder being a link",
    plant: async (world) => {
      await world.link("/run", world.outside);
      return "/run/daemon.sock";
    },
  },
  {
    name: "a link to a link",
    plant: async (world) => {
      await world.link("/www/a", "b");
      await world.link("/www/b", world.secretSocket);
      return "/www/a";
    },
  },
  {
    name: "a link through /proc/self/root",
    plant: async (world) => {
      await world.link("/www/php.sock", `/proc/self/root${world.secretSocket}`);
      return "/www/php.sock";
    },
  },
  {
    name: "a path that climbs",
    plant: () => Promise.resolve("/../outside/daemon.sock"),
  },
];

describe("sockets of a container", { timeout: 60_000 }, () => {
  for (const { name, plant } of escapes) {
    test(name, async () => {
      await using world = await makeWorld();
      const path = await plant(world);
      assert.equal(await naiveAsk(world.root, path), world.secret);
      assert.equal((await world.premises.socket(path)).kind, "nothing");
    });
  }

  test("one that is swapped for a link after it was found stays the one that was found", async () => {
    await using world = await makeWorld();
    const path = "/www/php.sock";
    await world.socket(path, publicText);
    const found = await world.premises.socket(path);
    await rename(world.inside(path), world.inside("/www/was.sock"));
    await world.link(path, world.secretSocket);
    assert.equal(await naiveAsk(world.root, path), world.secret);
    assert.deepEqual(await tellSocket(found), { text: publicText });
    await rm(world.inside(path));
    assert.equal((await world.premises.socket(path)).kind, "nothing");
  });

  test("what is no socket is refused: a file, a folder, a FIFO", async () => {
    await using world = await makeWorld();
    execFileSync("mkfifo", [world.inside("/www/fifo")]);
    for (const path of ["/www/index.html", "/www", "/", "/www/fifo"]) {
      await assert.rejects(naiveAsk(world.root, path));
      const found = await world.premises.socket(path);
      assert.ok(found.kind === "refused" && found.why.includes("where a unix socket is asked for"));
    }
  });

  test("a path too long for connecting is none for us", async () => {
    await using world = await makeWorld();
    const folder = `/${"long".repeat(50)}`;
    await world.folder(folder);
    await world.folder("/run");
    await world.socket("/run/php.sock", publicText);
    await rename(world.inside("/run/php.sock"), world.inside(`${folder}/php.sock`));
    await assert.rejects(greetingAt(world.inside(`${folder}/php.sock`)));
    const found = await world.premises.socket(`${folder}/php.sock`);
    assert.deepEqual(await tellSocket(found), { text: publicText });
  });

  test("one that is released twice closes nothing else", async () => {
    await using world = await makeWorld();
    await world.socket("/www/php.sock", publicText);
    await world.premises.find("/"); // its root is held from here on
    const before = await descriptors();
    const found = await world.premises.socket("/www/php.sock");
    assert.ok(found.kind === "socket");
    found.release();
    await sameDescriptors(before);
    const other = await world.premises.socket("/www/php.sock");
    found.release();
    assert.deepEqual(await tellSocket(other), { text: publicText });
    await sameDescriptors(before);
  });
});
