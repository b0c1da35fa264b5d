// A container with a file system that never answers (FUSE without anybody who serves it). Who asks it waits for ever, and
// so does a thread of ours; nobody else does.

import assert from "node:assert/strict";
import { lookup } from "node:dns/promises";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { get } from "node:http";
import { after, before, describe, test } from "node:test";
import { Guests } from "../../src/guest/guests.ts";
import { eventually } from "../harness/barrier.ts";
import { answered } from "../harness/guest-answers.ts";
import { needsFuse, startFuse } from "../harness/guest-fuse.ts";
import { initNeeds, type InitProcess, startInit } from "../harness/guest-init.ts";
import { naiveHangs } from "../harness/guest-naive.ts";
import {
  descriptors,
  makeWorld,
  publicText,
  sameDescriptors,
  tell,
  type World,
} from "../harness/guest-world.ts";
import { lxcNeeds, startLxcHost } from "../harness/lxc-host.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { needs } from "../harness/needs.ts";
import { startTidegate } from "../harness/tidegate.ts";

const skip = needsRoot() || needs(...initNeeds) || needsFuse;

const mounts = `mkdir -p "$1/mnt" "$1/sock"
exec 3<>/dev/fuse
mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 hang "$1/mnt"`;

describe("a container whose file system hangs", { skip, timeout: 60_000 }, () => {
  let world: World;
  let guest: InitProcess;
  const guests = new Guests();
  const blog = guests.of("lxc/blog");

  before(async () => {
    world = await makeWorld();
    guest = await startInit(world.root, mounts);
    guests.update({
      "lxc/blog": { rootfs: world.root, init: guest.init, why: "" },
      "lxc/other": { rootfs: world.root, init: undefined, why: "" },
    });
  });
  after(async () => {
    await guest?.kill();
    await world?.[Symbol.asyncDispose]();
  });

  test("look-ups there are late, nobody waits behind them, and others are answered", async () => {
    assert.equal(await naiveHangs(guest.root, "/mnt/x"), true);
    assert.deepEqual(await tell(await blog.find("/www/index.html")), { text: publicText });
    const before = await descriptors();
    const beganAt = performance.now();
    const kinds = Promise.all([
      ...Array.from({ length: 4 }, () => blog.find("/mnt/file")),
      blog.list("/mnt"),
      blog.socket("/mnt/socket"),
    ]);
    const other = guests.of("lxc/other");
    for (let times = 0; times < 20; times++) {
      assert.deepEqual(await tell(await other.find("/www/index.html")), { text: publicText });
      const machine = await guests.of(undefined).find("/etc/passwd");
      assert.ok(machine.kind === "file");
      machine.file.close();
    }
    // Looking up names takes a thread, too.
    assert.ok((await lookup("localhost")).address !== "");
    assert.ok(performance.now() - beganAt < 4500, "others waited");
    for (const { kind } of await kinds) assert.equal(kind, "late");
    const lateAt = performance.now();
    assert.equal((await blog.find("/www/index.html")).kind, "late");
    assert.ok(performance.now() - lateAt < 100, "somebody waited behind those that hang");

    await guest.kill();
    await using again = await startInit(world.root);
    const place = { rootfs: world.root, init: again.init, why: "" };
    guests.update({ "lxc/blog": place });
    await eventually("places to be free again", async () => {
      const told = await tell(await blog.find("/www/index.html"));
      return "text" in told && told.text === publicText ? true : undefined;
    });
    guests.update({});
    await sameDescriptors(before + 4);
  });
});

describe("a container whose program answers for its files", { skip, timeout: 60_000 }, () => {
  test("its socket is refused: who connects may wait for ever, with the whole process", async () => {
    await using world = await makeWorld();
    await world.folder("/mnt");
    await using guest = await startInit(world.root);
    const at = world.inside("/mnt");
    // What is looked at is told once, and then whether it may be connected to is not.
    const fuse = await startFuse({ pid: guest.init.pid, at, answers: 1 });
    world.guests.update({ "lxc/blog": { rootfs: undefined, init: guest.init, why: "" } });
    const found = await world.premises.socket("/mnt/socket");
    assert.ok(found.kind === "refused" && found.why.includes("FUSE"), found.kind);

    const script = "use IO::Socket::UNIX; IO::Socket::UNIX->new(Peer => shift)";
    const naive = spawn("perl", ["-e", script, `${guest.root}/mnt/socket`], { stdio: "ignore" });
    const state = { hasEnded: false };
    const ended = once(naive, "exit").then(() => (state.hasEnded = true));
    await new Promise((resolve) => setTimeout(resolve, 1000));
    naive.kill("SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal(state.hasEnded, false, "the naive one does not hang");
    await fuse[Symbol.asyncDispose]();
    await ended;
  });
});

const parts = skip || needs(...lxcNeeds);

describe(
  "stopping while a container's file system hangs",
  { skip: parts, timeout: 180_000 },
  () => {
    for (const workers of [0, 1]) {
      const how = workers === 0 ? "in one process" : "with a worker";
      test(`${how}: it ends when what it carries has ended, and waits for no call`, async () => {
        await using host = await startLxcHost();
        await mkdir(`${host.beside("root")}/mnt`);
        await host.make("blog");
        await host.start("blog");
        const pid = await host.pidOf("blog");
        await using _fuse = await startFuse({ pid, at: "/mnt", answers: -1 });
        const service = (files: string) => ({ container: "lxc/blog", files });
        const startTimeoutMs = 60_000; // three processes on a machine that is busy
        const config = {
          listeners: { web: "127.0.0.1:0" },
          providers: { lxc: { paths: [host.path] } },
          shutdown: { grace: "20s", tunnelGrace: "20s" },
          routes: {
            "own.test": { service: service("/etc") },
            "hung.test": { service: service("/mnt") },
          },
        };
        await using program = await startTidegate({ config, workers, startTimeoutMs });
        await answered(program, "own.test/rc");
        assert.equal(await statusOf(program.port(), "hung.test"), 504);
        const beganAt = performance.now();
        program.signal("SIGTERM");
        // What LXC left running has its standard error still.
        await eventually("its end", async () => (isAlive(program.pid) ? undefined : true), 15_000);
        const took = performance.now() - beganAt;
        assert.ok(took < 15_000, `${took} ms`);
      });
    }
  },
);

/** However long it takes. */
function statusOf(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    get({ port, path: "/file", headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on("error", reject);
  });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
