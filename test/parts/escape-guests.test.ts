// Containers that run, seen through their first process: what they mount, and whose root it is. A naive finder takes
// `/proc/PID/root` as it stands there.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { chmod, chown, writeFile } from "node:fs/promises";
import { afterEach, describe, test } from "node:test";
import { checkedRead, naiveAsk, naiveList, naiveRead } from "../harness/guest-naive.ts";
import { initNeeds, startInit, startOf } from "../harness/guest-init.ts";
import {
  descriptors,
  makeWorld,
  publicText,
  sameDescriptors,
  tell,
  tellSocket,
  type World,
} from "../harness/guest-world.ts";
import { eventually } from "../harness/barrier.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { needs } from "../harness/needs.ts";

const skip = needsRoot() || needs(...initNeeds);

type Init = Awaited<ReturnType<typeof startInit>>["init"];

function runs(world: World, init: Init, rootfs?: string): void {
  world.guests.update({ "lxc/blog": { rootfs, init, why: "" } });
}

const withProc = 'mkdir -p "$1/proc"; mount -t proc proc "$1/proc"';

describe("a container that runs", { skip, timeout: 120_000 }, () => {
  test("its own mounts are seen, and links in them lead nowhere else", async () => {
    await using world = await makeWorld();
    const mounts = `mkdir "$1/run"; mount -t tmpfs tmpfs "$1/run"; echo "${publicText}" >"$1/run/own"; ln -s "${world.secretFile}" "$1/run/a"; ln -s ../../../outside/secret.txt "$1/run/b"`;
    await using guest = await startInit(world.root, mounts);
    runs(world, guest.init, world.root);
    await assert.rejects(naiveRead(world.root, "/run/own"));
    assert.deepEqual(await tell(await world.premises.find("/run/own")), {
      text: `${publicText}\n`,
    });
    assert.equal(await naiveRead(guest.root, "/run/a"), world.secret);
    for (const path of ["/run/a", "/run/b"]) {
      assert.equal((await world.premises.find(path)).kind, "nothing");
    }
  });

  test("a socket on its own /run is found, and a link there to ours is not", async () => {
    await using world = await makeWorld();
    const mounts = `mkdir "$1/run"; mount -t tmpfs tmpfs "$1/run"; ln -s "${world.secretSocket}" "$1/run/docker.sock"`;
    await using guest = await startInit(world.root, mounts);
    await world.socket("/run/php.sock", publicText, guest.root);
    runs(world, guest.init, world.root);
    await world.premises.find("/");
    const before = await descriptors();
    assert.deepEqual(await tellSocket(await world.premises.socket("/run/php.sock")), {
      text: publicText,
    });
    assert.equal(await naiveAsk(guest.root, "/run/docker.sock"), world.secret);
    assert.equal((await world.premises.socket("/run/docker.sock")).kind, "nothing");
    await sameDescriptors(before);
  });

  test("another mount of the root of this machine in it is refused", async () => {
    await using world = await makeWorld();
    await using guest = await startInit(world.root, 'mkdir "$1/host"; mount --bind / "$1/host"');
    runs(world, guest.init);
    await world.link("/www/a", `/host${world.secretFile}`);
    for (const path of [`/host${world.secretFile}`, "/www/a", "/host"]) {
      if (path !== "/host") {
        assert.equal(await naiveRead(guest.root, `/host${world.secretFile}`), world.secret);
      }
      assert.equal((await world.premises.find(path)).kind, "refused");
    }
  });

  test("the old root that is still beside the new one while it starts is refused", async () => {
    await using world = await makeWorld();
    // As after pivot_root(2), before the old one is unmounted.
    await world.folder("/old");
    await using guest = await startInit(undefined, `mount --bind "${world.root}" "${world.root}"`);
    await guest.run(
      "use POSIX (); $call = { x86_64 => 155, aarch64 => 41 }->{(POSIX::uname())[4]}",
    );
    await guest.run(
      `chdir "${world.root}"; my $old = "old"; my $new = "."; syscall($call, $new, $old) == 0 or die $!`,
    );
    runs(world, guest.init);
    assert.equal(await naiveRead(guest.root, `/old${world.secretFile}`), world.secret);
    assert.equal((await world.premises.find(`/old${world.secretFile}`)).kind, "refused");
  });
});

describe("what the kernel shows in a container", { skip, timeout: 120_000 }, () => {
  const held: AsyncDisposable[] = [];
  afterEach(async () => {
    for (const each of held.splice(0)) await each[Symbol.asyncDispose]();
  });
  const mounted = async (mounts: string) => {
    const world = await makeWorld();
    held.push(world);
    const guest = await startInit(world.root, mounts);
    held.unshift(guest);
    runs(world, guest.init);
    return { world, guest };
  };
  const refused = async (world: World, path: string) =>
    assert.equal((await world.premises.find(path)).kind, "refused", path);

  test("/proc/self/root, which the kernel would follow to ours", async () => {
    const { world, guest } = await mounted(withProc);
    const path = `/proc/self/root${world.secretFile}`;
    assert.equal(await naiveRead(guest.root, path), world.secret);
    await refused(world, path);
  });

  test("/proc/PID/root of another process", async () => {
    const { world, guest } = await mounted(withProc);
    const path = `/proc/${process.ppid}/root${world.secretFile}`;
    assert.equal(await naiveRead(guest.root, path), world.secret);
    await refused(world, path);
  });

  test("/proc/self/cwd", async () => {
    const { world, guest } = await mounted(withProc);
    assert.match(await naiveRead(guest.root, "/proc/self/cwd/package.json"), /tidegate/);
    await refused(world, "/proc/self/cwd/package.json");
  });

  test("/proc/self/fd/N", async () => {
    const { world, guest } = await mounted(withProc);
    const fd = openSync(world.secretFile, "r");
    try {
      assert.equal(await naiveRead(guest.root, `/proc/self/fd/${fd}`), world.secret);
      await refused(world, `/proc/self/fd/${fd}`);
    } finally {
      closeSync(fd);
    }
  });

  test("/proc/self/environ, and a link to it", async () => {
    const { world, guest } = await mounted(withProc);
    await world.link("/www/a", "/proc/self/environ");
    assert.match(await naiveRead(guest.root, "/proc/self/environ"), /PATH=/);
    assert.match(await naiveRead(guest.root, "/www/a"), /PATH=/);
    await refused(world, "/proc/self/environ");
    await refused(world, "/www/a");
  });

  test("/proc mounted anywhere else, and bound again", async () => {
    const { world, guest } = await mounted(
      `${withProc}; mkdir "$1/www/p"; mount --bind "$1/proc/1" "$1/www/p"`,
    );
    await world.link("/www/a", "p/root/etc/passwd");
    assert.match(await naiveRead(guest.root, "/www/p/status"), /Name:/);
    await refused(world, "/www/p/status");
    await refused(world, "/www/a");
  });

  test("/proc/kcore, which is the memory of this machine", async (context) => {
    const { world, guest } = await mounted(withProc);
    await refused(world, "/proc/kcore");
    const memory = await naiveRead(guest.root, "/proc/kcore").catch(() => undefined);
    if (memory === undefined) return context.skip("this kernel shows nobody its memory");
    assert.match(memory, /^\x7fELF/);
  });

  test("a file of /proc laid over one of the site", async () => {
    const { world, guest } = await mounted('mount --bind /proc/version "$1/www/index.html"');
    assert.match(await naiveRead(guest.root, "/www/index.html"), /^Linux version/);
    await refused(world, "/www/index.html");
  });

  test("sysfs", async () => {
    const { world, guest } = await mounted('mkdir "$1/sys"; mount -t sysfs sysfs "$1/sys"');
    assert.match(await naiveRead(guest.root, "/sys/kernel/mm/transparent_hugepage/enabled"), /\[/);
    await refused(world, "/sys/kernel/mm/transparent_hugepage/enabled");
  });

  test("a listing of /proc, which has the programs of this machine", async () => {
    const { world, guest } = await mounted(withProc);
    assert.ok((await naiveList(guest.root, "/proc")).includes(String(process.pid)));
    assert.equal((await world.premises.list("/proc")).kind, "refused");
  });
});

describe(
  "what is mounted in a container whose users are not ours",
  { skip, timeout: 60_000 },
  () => {
    test("is only served as far as somebody in it may use it", async () => {
      await using world = await makeWorld();
      const { inside, premises } = world;
      for (const path of ["/www/private", "/www/closed", "/www/open"]) await world.folder(path);
      await world.file("/www/private/file", "of ours, in a folder of ours");
      await world.file("/www/open/private.txt", "of ours");
      await world.file("/www/open/group.txt", "for a group of the container");
      await world.file("/www/open/all.txt", publicText);
      await world.file("/www/open/own.txt", publicText);
      await world.socket("/www/open/daemon.sock", world.secret);
      await world.socket("/www/open/own.sock", publicText);
      await chmod(inside("/.."), 0o755);
      await chmod(inside("/www/private"), 0o700);
      await chmod(inside("/www/closed"), 0o711);
      for (const name of ["private.txt", "own.txt", "daemon.sock", "own.sock"]) {
        await chmod(inside(`/www/open/${name}`), 0o600);
      }
      // Who may only read a socket may not connect to it.
      await chmod(inside("/www/open/daemon.sock"), 0o644);
      await chmod(inside("/www/open/group.txt"), 0o640);
      await chown(inside("/www/open/group.txt"), 0, 100_033);
      for (const name of ["own.txt", "own.sock"]) {
        await chown(inside(`/www/open/${name}`), 100_033, 100_033);
      }
      await world.link("/www/link", "/www/open/private.txt");
      await world.link("/www/app.sock", "/www/open/daemon.sock");

      await using guest = await startInit(undefined);
      await guest.run(
        "use POSIX (); $call = { x86_64 => 272, aarch64 => 97 }->{(POSIX::uname())[4]}; syscall($call, 0x10000000) == 0 or die $!",
      );
      runs(world, guest.init);
      const early = await premises.find("/www/open/all.txt");
      assert.ok(early.kind === "away" && early.why.includes("no users yet"), early.kind);
      for (const map of ["uid_map", "gid_map"]) {
        await writeFile(`/proc/${guest.init.pid}/${map}`, "0 100000 65536");
      }
      await guest.run(`chroot "${world.root}" or die $!; chdir "/"`);

      for (const name of ["all.txt", "own.txt"]) {
        assert.deepEqual(await tell(await premises.find(`/www/open/${name}`)), {
          text: publicText,
        });
      }
      assert.equal((await premises.find("/www/index.html")).kind, "file");
      const ofGroup = await premises.find("/www/open/group.txt");
      assert.ok(ofGroup.kind === "file", ofGroup.kind);
      ofGroup.file.close();
      assert.equal(await naiveRead(guest.root, "/www/open/private.txt"), "of ours");
      for (const path of ["/www/open/private.txt", "/www/link", "/www/private/file"]) {
        const found = await premises.find(path);
        assert.ok(found.kind === "refused" && found.why.includes("not even root"), path);
      }
      assert.equal(await naiveAsk(guest.root, "/www/open/daemon.sock"), world.secret);
      assert.equal((await premises.socket("/www/app.sock")).kind, "refused");
      await chmod(inside("/www/open/daemon.sock"), 0o622);
      const shared = await premises.socket("/www/app.sock");
      assert.deepEqual(await tellSocket(shared), { text: world.secret });
      const own = await premises.socket("/www/open/own.sock");
      assert.deepEqual(await tellSocket(own), { text: publicText });
      assert.equal((await premises.list("/www/closed")).kind, "refused");
      assert.equal((await premises.list("/www/open")).kind, "list");
    });
  },
);

describe("whose root it is", { skip, timeout: 120_000 }, () => {
  test("ours, since the process is no container", async () => {
    await using world = await makeWorld();
    runs(world, { pid: process.pid, startedAt: await startOf(process.pid) });
    assert.equal(await naiveRead(`/proc/${process.pid}/root`, world.secretFile), world.secret);
    const found = await world.premises.find(world.secretFile);
    assert.ok(
      found.kind === "away" && found.why.includes("no file systems of its own"),
      found.kind,
    );
  });

  test("ours yet, since the container is just starting; and its own once it has that", async () => {
    await using world = await makeWorld();
    await using guest = await startInit(undefined);
    runs(world, guest.init);
    assert.equal(await naiveRead(guest.root, world.secretFile), world.secret);
    const found = await world.premises.find(world.secretFile);
    assert.ok(found.kind === "away" && found.why.includes("this machine's own root"), found.kind);
    await guest.run(`chroot "${world.root}" or die $!; chdir "/"`);
    const own = await tell(await world.premises.find("/www/index.html"));
    assert.deepEqual(own, { text: publicText });
  });

  test("another one than before: it is looked at again within a second", async () => {
    await using world = await makeWorld();
    await using guest = await startInit(world.root);
    runs(world, guest.init);
    await world.folder("/inner/www");
    await world.file("/inner/www/index.html", "inner");
    assert.deepEqual(await tell(await world.premises.find("/www/index.html")), {
      text: publicText,
    });
    await guest.run('chroot "/inner" or die $!; chdir "/"');
    await eventually("the inner root", async () => {
      const told = await tell(await world.premises.find("/www/index.html"));
      return "text" in told && told.text === "inner" ? true : undefined;
    });
  });

  test("nobody's, when the number belongs to another process by now", async () => {
    await using world = await makeWorld();
    await using guest = await startInit(world.root);
    runs(world, { ...guest.init, startedAt: String(Number(guest.init.startedAt) - 1) });
    assert.equal(await naiveRead(guest.root, "/www/index.html"), publicText);
    const found = await world.premises.find("/www/index.html");
    assert.ok(found.kind === "away" && found.why.includes("given again"), found.kind);
  });

  test("nobody's, when the number really was given again", async (context) => {
    await using world = await makeWorld();
    await using other = await makeWorld();
    const guest = await startInit(world.root);
    runs(world, guest.init);
    assert.deepEqual(await tell(await world.premises.find("/www/index.html")), {
      text: publicText,
    });
    await guest.kill();
    const taken = await takeNumber(guest.init.pid, other.root);
    if (taken === undefined) return context.skip("the kernel gave that number to nobody");
    try {
      await other.file("/www/index.html", other.secret);
      assert.equal(await naiveRead(guest.root, "/www/index.html"), other.secret);
      // What was held is not believed for longer than a second; from then on it is away.
      await eventually("it to be away", async () => {
        const told = await tell(await world.premises.find("/www/index.html"));
        assert.ok(!("text" in told) || told.text === publicText, "the other one was served");
        return "kind" in told && told.kind === "away" ? true : undefined;
      });
    } finally {
      taken[Symbol.dispose]();
    }
  });

  test("nobody's, when the process ended; its files are served on from their folder if it has one", async () => {
    await using world = await makeWorld();
    const guest = await startInit(world.root);
    runs(world, guest.init);
    assert.equal((await world.premises.find("/www/index.html")).kind, "file");
    await guest.kill();
    await eventually("it to be away", async () => {
      const told = await tell(await world.premises.find("/www/index.html"));
      return "kind" in told && told.kind === "away" ? true : undefined;
    });
    world.guests.update({ "lxc/blog": { rootfs: world.root, init: undefined, why: "" } });
    assert.deepEqual(await tell(await world.premises.find("/www/index.html")), {
      text: publicText,
    });
  });

  test("found again after a restart, with a new /run", async () => {
    await using world = await makeWorld();
    const mounts = (text: string) =>
      `mkdir -p "$1/run"; mount -t tmpfs tmpfs "$1/run"; printf "${text}" >"$1/run/text"`;
    const told = async () => await tell(await world.premises.find("/run/text"));
    const first = await startInit(world.root, mounts("first"));
    runs(world, first.init);
    assert.deepEqual(await told(), { text: "first" });
    await first.kill();
    await using second = await startInit(world.root, mounts("second"));
    runs(world, second.init);
    assert.deepEqual(await told(), { text: "second" });
  });

  test("a naive check of paths is no help in a container: its absolute links are taken for ours", async () => {
    await using world = await makeWorld();
    await using guest = await startInit(world.root);
    runs(world, guest.init);
    await world.link("/www/a", world.secretFile);
    await world.link("/www/own", "/www/index.html");
    assert.equal(await naiveRead(guest.root, "/www/a"), world.secret);
    await assert.rejects(checkedRead(guest.root, "/www/own"));
    assert.equal((await world.premises.find("/www/a")).kind, "nothing");
    assert.deepEqual(await tell(await world.premises.find("/www/own")), { text: publicText });
  });
});

/** Starts processes until one has that number, which needs one to be told which was the last one given. */
async function takeNumber(pid: number, root: string): Promise<Disposable | undefined> {
  for (let tries = 0; tries < 50; tries++) {
    await writeFile("/proc/sys/kernel/ns_last_pid", String(pid - 1));
    const script = 'chroot shift; chdir "/"; $| = 1; print "ready"; <STDIN>';
    const child = spawn("perl", ["-e", script, root], { stdio: ["pipe", "pipe", "inherit"] });
    await once(child.stdout, "data");
    if (child.pid === pid) return { [Symbol.dispose]: () => void child.kill("SIGKILL") };
    child.kill("SIGKILL");
  }
  return undefined;
}
