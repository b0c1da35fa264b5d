// Files and sockets of real LXC containers through the real program: where they are is found out again whenever a
// container starts, and nobody but the container that is meant is taken for it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { GuestPlace } from "../../src/config/guest.ts";
import { createLogger } from "../../src/lib/log.ts";
import { findInit, isInitOf } from "../../src/providers/lxc/lxc-init.ts";
import { guestsOf, namesakesMarked } from "../../src/providers/guest-names.ts";
import { LxcSource } from "../../src/providers/lxc/lxc-source.ts";
import { eventually } from "../harness/barrier.ts";
import { answered, get, refused } from "../harness/guest-answers.ts";
import {
  guestSocketLines,
  guestSocketNeeds,
  makeGuestSocketRoot,
} from "../harness/guest-socket-root.ts";
import { type LxcHost, lxcNeeds, startLxcHost } from "../harness/lxc-host.ts";
import { needs } from "../harness/needs.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { type TempFolder, tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

const skip = needsRoot() || needs(...lxcNeeds, ...guestSocketNeeds, "setpriv");

/** Found again within this; printed what it was. */
const soon = 5000;

describe("containers of LXC whose files and sockets are served", { skip, timeout: 180_000 }, () => {
  let host: LxcHost;
  before(async () => {
    host = await startLxcHost();
    await makeGuestSocketRoot(host.beside("root"));
    await writeFile(join(host.beside("root"), "www/page.html"), "from the folder");
  });
  after(() => host?.[Symbol.asyncDispose]());

  const config = (container: string) => ({
    listeners: { web: "127.0.0.1:0" },
    providers: { lxc: { paths: [host.path] } },
    routes: {
      "app.test": { service: "app" },
      "files.test": { service: "files" },
      "memory.test": { service: "memory" },
    },
    services: {
      app: { container, backends: ["http://unix:/run/app.sock"] },
      files: { container, files: "/www" },
      memory: { container, files: "/run" },
    },
  });

  test("its socket and its memory are found again after each restart, without a reload", async (context) => {
    await host.make("blog", guestSocketLines);
    await host.start("blog");
    await using program = await startTidegate({ config: config("lxc/blog") });
    const first = await answered(program, "app.test", /^start /);
    assert.equal(await answered(program, "files.test/page.html", /./), "from the folder");
    assert.match(await answered(program, "memory.test/note.txt", /./), /^on the memory/);
    let last = first;
    for (let turn = 0; turn < 3; turn += 1) {
      await host.kill("blog");
      await host.start("blog");
      const startedAt = performance.now();
      const isOther = (text: string) => text.startsWith("start ") && text !== last;
      last = await answered(program, "app.test", isOther);
      const took = Math.round(performance.now() - startedAt);
      context.diagnostic(`found again after ${took} ms`);
      assert.ok(took < soon, `${took} ms`);
      await answered(program, "memory.test/note.txt", /^on the memory/);
    }
    await host.kill("blog");
    // Its folder is still there, and its memory with the socket is not.
    await refused(program, "app.test", /GUEST_AWAY|CONNECT_REFUSED/);
    assert.equal(await answered(program, "files.test/page.html", /./), "from the folder");
    await host.remove("blog");
    await refused(program, "files.test/page.html", /^503 .*GUEST_AWAY/);
    await refused(program, "app.test", /^503 .*GUEST_AWAY/);
    await host.make("blog", guestSocketLines);
    await host.start("blog");
    assert.notEqual(await answered(program, "app.test", /^start /), last);
  });

  test("two workers are told as one process is", async () => {
    await host.make("two", guestSocketLines);
    await host.start("two");
    const startTimeoutMs = 60_000; // three processes on a machine that is busy
    await using program = await startTidegate({
      ...{ config: config("lxc/two"), workers: 2, startTimeoutMs },
    });
    const first = await answered(program, "app.test", /^start /);
    await host.kill("two");
    await host.start("two");
    const isOther = (text: string) => text.startsWith("start ") && text !== first;
    // Connections go to both of them.
    for (let turn = 0; turn < 20; turn += 1) await answered(program, "app.test", isOther);
  });

  test("a container that nobody made is away, and is served once it is there", async () => {
    await using program = await startTidegate({ config: config("lxc/later") });
    await refused(program, "files.test/page.html", /^503 .*GUEST_AWAY/);
    await program.waitForLog(/there is no container later of lxc/);
    await host.make("later", guestSocketLines);
    await host.start("later");
    await answered(program, "app.test", /^start /);
  });

  test("what it is told of a place is its first process, and its folder where nobody else may say so", async () => {
    await host.make("plain");
    await host.start("plain");
    await using watched = watch(host);
    const { init, rootfs } = await watched.until("plain", (place) => place.init !== undefined);
    assert.equal(init?.pid, await host.pidOf("plain"));
    const stat = await readFile(`/proc/${init?.pid}/stat`, "utf8");
    assert.equal(init?.startedAt, stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
    assert.equal(rootfs, host.beside("root"));
    await host.kill("plain");
    const stopped = await watched.until("plain", (place) => place.init === undefined);
    assert.equal(stopped.rootfs, host.beside("root"));
    assert.match(stopped.why, /does not run/);
    // Whoever owns the folder could write any folder of this machine into its configuration.
    await chown(join(host.path, "plain"), 12_345, 12_345);
    await host.start("plain");
    const given = await watched.until("plain", (place) => place.init !== undefined);
    assert.equal(given.rootfs, undefined, "only what the system says counts");
    await host.kill("plain");
    const gone = await watched.until("plain", (place) => place.init === undefined);
    assert.equal(gone.rootfs, undefined);
    assert.match(gone.why, /can be written by others/);
  });

  test("a user of its own with the two rights of `install --guests` serves all of it", async () => {
    await host.make("rights", guestSocketLines);
    await host.start("rights");
    await using folder = await tempFolder();
    const rights = ["+sys_ptrace", "+dac_read_search"];
    const program = await asNobody(folder, rights);
    await using running = await startTidegate({ config: config("lxc/rights"), program });
    await answered(running, "app.test", /^start /);
    await answered(running, "files.test/page.html", /from the folder/);
    await answered(running, "memory.test/note.txt", /^on the memory/);
    await host.kill("rights");
    await host.start("rights");
    await answered(running, "memory.test/note.txt", /^on the memory/);
    assert.doesNotMatch(running.stderr(), /may not be looked into/);
  });

  test("a user without them is told what is missing", async () => {
    await host.make("poor", guestSocketLines);
    await host.start("poor");
    await using folder = await tempFolder();
    const program = await asNobody(folder, []);
    await using running = await startTidegate({ config: config("lxc/poor"), program });
    const line = await running.waitForLog(/may not be looked into by the user that serves/);
    assert.match(line, /tidegate install --guests/);
    await refused(running, "memory.test/note.txt", /^(404|403|503)/);
    assert.doesNotMatch((await get(running, "app.test")).body, /^start /);
  });

  test("storage that is no folder is only served while it runs", async () => {
    const image = ["lxc.rootfs.path =", `lxc.rootfs.path = loop:${host.beside("root.img")}`];
    await host.make("image", image);
    await host.make("whole", ["lxc.rootfs.path =", "lxc.rootfs.path = /"]);
    await host.make("none", ["lxc.rootfs.path ="]);
    await using watched = watch(host);
    const places = await Promise.all(
      ["image", "whole", "none"].map((name) => watched.until(name, () => true)),
    );
    assert.deepEqual(
      places.map(({ rootfs, init }) => [rootfs, init]),
      places.map(() => [undefined, undefined]),
    );
    assert.match(places[0]?.why ?? "", /loop/);
  });

  test("a process of another container, or of nobody, is not taken for it", async () => {
    await host.make("meant");
    await host.make("other");
    await host.start("meant", "other");
    const place = { folder: host.path, name: "meant" };
    const [meant, other] = [await host.pidOf("meant"), await host.pidOf("other")];
    assert.equal(await isInitOf(meant, place, 0), true);
    assert.equal(await isInitOf(other, place, 0), false);
    assert.equal(await isInitOf(process.pid, place, 0), false);
    assert.equal(await isInitOf(1, place, 0), false);
    assert.equal(await findInit(place, 0), meant);
  });

  test("what runs in a container cannot call itself the keeper of another one", async () => {
    await host.make("liar", guestSocketLines);
    await host.start("liar");
    const title = `[lxc monitor] ${host.path} victim`;
    // Its child is number 1 of numbers of its own, as a first process is.
    const code = `$0 = "${title}"; if (fork == 0) { sleep 60 } wait`;
    const words = ["-P", host.path, "-n", "liar", "--", "/bin/busybox", "unshare", "-p"];
    const liar = spawn("lxc-attach", [...words, "/usr/bin/perl", "-e", code], { stdio: "ignore" });
    const ended = once(liar, "exit");
    try {
      const { stdout } = await eventually("the liar to be seen", async () => {
        const pids = await pidsTitled(title);
        return pids.length > 0 ? { stdout: pids } : undefined;
      });
      assert.ok(stdout.length > 0, "it is called so, seen from outside");
      assert.equal(await findInit({ folder: host.path, name: "victim" }, 0), undefined);
    } finally {
      await host.kill("liar");
      await ended;
    }
  });

  test("nor can its first process by a group that it makes and enters", async (context) => {
    await host.make("joiner");
    await host.start("joiner");
    const pid = await host.pidOf("joiner");
    const place = (name: string) => ({ folder: host.path, name });
    const groups = await readFile(`/proc/${pid}/cgroup`, "utf8");
    const [, top] = /^0::(.*\/lxc\.payload\.joiner)/m.exec(groups) ?? [];
    if (top === undefined) return context.skip("there is no cgroup2 here");
    const mounts = await readFile("/proc/mounts", "utf8");
    const [, mounted] = /^\S+ (\S+) cgroup2 /m.exec(mounts) ?? [];
    const group = `${mounted}${top}/lxc.payload.victim`;
    await mkdir(group);
    await writeFile(join(group, "cgroup.procs"), String(pid));
    assert.match(await readFile(`/proc/${pid}/cgroup`, "utf8"), /lxc\.payload\.victim$/m);
    assert.equal(await isInitOf(pid, place("victim"), 0), false);
    assert.equal(await isInitOf(pid, place("joiner"), 0), true);
    await host.kill("joiner");
  });

  test("of two folders with one name the first is meant", async () => {
    const second = host.beside("second");
    await mkdir(join(second, "twin"), { recursive: true });
    await host.make("twin");
    await writeFile(join(second, "twin/config"), host.configOf("twin", ["lxc.rootfs.path = /srv"]));
    await using watched = watch(host, [host.path, second]);
    const place = await watched.until("twin", () => true);
    assert.equal(place.rootfs, host.beside("root"));
  });
});

/** A launcher that gives up root, and everything but these rights. */
async function asNobody(folder: TempFolder, rights: readonly string[]): Promise<string> {
  await chmod(folder.path, 0o755);
  const path = folder.file("tidegate-as-nobody");
  const kept = rights.length === 0 ? "-all" : `-all,${rights.join(",")}`;
  const words = [
    ...["--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"],
    ...[`--inh-caps=${kept}`, `--ambient-caps=${kept}`, `--bounding-set=${kept}`],
  ];
  const script = `#!/bin/sh
for word; do case $word in */tidegate.yaml) chown -R 65534:65534 "\${word%/*}" ;; esac; done
exec setpriv ${words.join(" ")} ${join(import.meta.dirname, "../../bin/tidegate")} "$@"
`;
  await writeFile(path, script, { mode: 0o755 });
  return path;
}

async function pidsTitled(title: string): Promise<string[]> {
  const all = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const titles = await Promise.all(
    all.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  return all.filter((_, at) => titles[at]?.replace(/\0+$/, "") === title);
}

/** The provider by itself, and what it says of places. */
function watch(host: LxcHost, paths = [host.path]) {
  const ending = new AbortController();
  let places: ReadonlyMap<string, GuestPlace> = new Map();
  const source = new LxcSource(
    { name: "lxc", paths },
    createLogger({ level: "silent", pretty: false }),
  );
  const running = (async () => {
    for await (const list of source.workloads(ending.signal)) {
      places = guestsOf(namesakesMarked(list));
    }
  })();
  return {
    until: (name: string, fits: (place: GuestPlace) => boolean) =>
      eventually(
        `the place of ${name}`,
        () => {
          const place = places.get(name);
          return place !== undefined && fits(place) ? place : undefined;
        },
        10_000,
      ),
    async [Symbol.asyncDispose]() {
      ending.abort();
      await running;
    },
  };
}
