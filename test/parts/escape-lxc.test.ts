// A real container of LXC: what is planted in it, what it mounts for itself, and the moments of its start, when its first
// process still has our root.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readdir, rm, symlink, writeFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import type { GuestInit } from "../../src/config/guest.ts";
import { Guests } from "../../src/guest/guests.ts";
import { eventually } from "../harness/barrier.ts";
import { startOf } from "../harness/guest-init.ts";
import { greetingAt, naiveAsk, naiveRead } from "../harness/guest-naive.ts";
import { makeWorld, publicText, tell, tellSocket, type World } from "../harness/guest-world.ts";
import { type LxcHost, lxcNeeds, startLxcHost } from "../harness/lxc-host.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { needs } from "../harness/needs.ts";

const skip = needsRoot() || needs(...lxcNeeds);

describe("a container of LXC", { skip, timeout: 120_000 }, () => {
  let host: LxcHost;
  let world: World;
  let rootfs: string;
  const guests = new Guests();
  const blog = guests.of("lxc/blog");
  const secretText = randomUUID();

  before(async () => {
    host = await startLxcHost();
    world = await makeWorld();
    rootfs = host.beside("root");
    await host.make("blog", ["lxc.mount.entry = tmpfs run tmpfs create=dir 0 0"]);
    await writeFile(`${rootfs}/www/own.txt`, publicText);
    await symlink(world.secretFile, `${rootfs}/www/a`);
    await symlink(`../../../../../../../..${world.secretFile}`, `${rootfs}/www/b`);
    await symlink("/www/own.txt", `${rootfs}/www/link`);
    await writeFile(host.beside("secret"), secretText);
  });
  after(async () => {
    guests.update({});
    await world?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
  });

  const startBlog = async (): Promise<GuestInit> => {
    await host.start("blog");
    const pid = await host.pidOf("blog");
    const init = { pid, startedAt: await startOf(pid) };
    guests.update({ "lxc/blog": { rootfs, init, why: "" } });
    return init;
  };

  test("its links lead nowhere else, its devices and its /proc are refused", async () => {
    const { pid } = await startBlog();
    const root = `/proc/${pid}/root`;
    for (const path of ["/www/own.txt", "/www/link"]) {
      assert.deepEqual(await tell(await blog.find(path)), { text: publicText });
    }
    assert.equal(await naiveRead(root, "/www/a"), world.secret);
    assert.equal(await naiveRead(rootfs, "/www/b"), world.secret);
    for (const path of ["/www/a", "/www/b"]) assert.equal((await blog.find(path)).kind, "nothing");
    assert.equal(await naiveRead(root, "/dev/zero"), "\0".repeat(4096));
    assert.match(await naiveRead(root, "/proc/1/environ"), /container=lxc/);
    for (const path of [
      "/dev/zero",
      "/dev/console",
      "/proc/1/environ",
      "/sys/kernel/uevent_seqnum",
    ]) {
      assert.notEqual((await blog.find(path)).kind, "file", path);
    }
    await host.kill("blog");
  });

  test("a socket on its /run is found, also after a restart, and a link to docker.sock is not", async () => {
    const first = await startBlog();
    await world.socket("/run/php.sock", "first", `/proc/${first.pid}/root`);
    await assert.rejects(greetingAt(`${rootfs}/run/php.sock`));
    assert.deepEqual(await tellSocket(await blog.socket("/run/php.sock")), { text: "first" });
    await symlink(world.secretSocket, `/proc/${first.pid}/root/run/docker.sock`);
    assert.equal(await naiveAsk(`/proc/${first.pid}/root`, "/run/docker.sock"), world.secret);
    assert.equal((await blog.socket("/run/docker.sock")).kind, "nothing");

    await host.kill("blog");
    await eventually("it to be away", async () => {
      const { kind } = await blog.socket("/run/php.sock");
      return kind === "away" ? true : undefined;
    });
    const second = await startBlog();
    assert.equal((await blog.socket("/run/php.sock")).kind, "nothing");
    await world.socket("/run/php.sock", "second", `/proc/${second.pid}/root`);
    assert.deepEqual(await tellSocket(await blog.socket("/run/php.sock")), { text: "second" });
    await host.kill("blog");
  });

  test("stopped, its files are served from their folder", async () => {
    guests.update({ "lxc/blog": { rootfs, init: undefined, why: "" } });
    assert.deepEqual(await tell(await blog.find("/www/link")), { text: publicText });
    assert.equal(await naiveRead(rootfs, "/www/a"), world.secret);
    assert.equal((await blog.find("/www/a")).kind, "nothing");
    assert.equal((await blog.socket("/run/php.sock")).kind, "nothing");
  });

  test("while it starts nobody gets through its first process to our files", async (context) => {
    let looked = 0;
    let leaks = 0;
    for (let starts = 0; starts < 20 && (starts < 3 || leaks === 0); starts++) {
      const known = new Set(await pids());
      const state = { isStarting: true };
      const started = host.start("blog").finally(() => (state.isStarting = false));
      while (state.isStarting) {
        for (const pid of (await pids()).filter((each) => !known.has(each))) {
          const startedAt = await startOf(pid).catch(() => undefined);
          if (startedAt === undefined) continue;
          guests.update({ "lxc/blog": { rootfs: undefined, init: { pid, startedAt }, why: "" } });
          const told = await tell(await blog.find(host.beside("secret")));
          assert.ok(!("text" in told), "the secret was served");
          looked += 1;
          const naive = await naiveRead(`/proc/${pid}/root`, host.beside("secret")).catch(() => "");
          if (naive === secretText) leaks += 1;
        }
      }
      await started;
      await host.kill("blog");
    }
    context.diagnostic(
      `${looked} looks at processes that start; the naive finder leaked ${leaks} times`,
    );
    assert.ok(leaks > 0, "the naive finder never leaked");
    await rm(host.beside("secret"));
  });
});

async function pids(): Promise<number[]> {
  return (await readdir("/proc")).map(Number).filter((each) => each > 0);
}
