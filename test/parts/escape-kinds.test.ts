// What a container puts where a file is expected, the root itself being something else, what changes between looking and opening,
// and listings. Each is tried on a naive finder too, which leaks or hangs.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, rename, rm, symlink, truncate } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { checkedRead, naiveHangs, naiveList, naiveRead } from "../harness/guest-naive.ts";
import { makeWorld, publicText, tell } from "../harness/guest-world.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { needs } from "../harness/needs.ts";

describe("what is no file", { timeout: 60_000 }, () => {
  test("a FIFO: the naive finder hangs", async () => {
    await using world = await makeWorld();
    execFileSync("mkfifo", [world.inside("/www/fifo")]);
    await world.link("/www/link", "fifo");
    for (const path of ["/www/fifo", "/www/link"]) {
      assert.equal(await naiveHangs(world.root, path), true);
      assert.equal((await world.premises.find(path)).kind, "refused");
    }
  });

  test("a socket is no file", async () => {
    await using world = await makeWorld();
    await world.socket("/www/socket", "hello");
    await assert.rejects(naiveRead(world.root, "/www/socket"), { code: "ENXIO" });
    assert.equal((await world.premises.find("/www/socket")).kind, "refused");
  });

  test("a character device", { skip: needsRoot() }, async () => {
    await using world = await makeWorld();
    execFileSync("mknod", [world.inside("/www/device"), "c", "1", "5"]);
    assert.equal(await naiveRead(world.root, "/www/device"), "\0".repeat(4096));
    assert.equal((await world.premises.find("/www/device")).kind, "refused");
  });

  test(
    "a block device, such as the disk of this machine",
    {
      skip: needsRoot() || needs("losetup"),
    },
    async (context) => {
      await using world = await makeWorld();
      await truncate(world.secretFile, 1 << 20);
      const disk = loop(world.secretFile);
      if (disk === undefined) return context.skip("this machine has no loop devices");
      try {
        const [major = "", minor = ""] = execFileSync("stat", ["-c", "%Hr %Lr", disk], {
          encoding: "utf8",
        }).split(/\s/);
        execFileSync("mknod", [world.inside("/www/device"), "b", major, minor]);
        assert.match(await naiveRead(world.root, "/www/device"), new RegExp(world.secret));
        assert.equal((await world.premises.find("/www/device")).kind, "refused");
      } finally {
        execFileSync("losetup", ["-d", disk]);
      }
    },
  );

  test(
    "a lease that is not given back: the naive finder hangs",
    { skip: needs("perl") },
    async () => {
      await using world = await makeWorld();
      await world.file("/www/leased", publicText);
      using _holder = await leased(world.inside("/www/leased"));
      assert.equal(await naiveHangs(world.root, "/www/leased"), true);
      const beganAt = performance.now();
      assert.equal((await world.premises.find("/www/leased")).kind, "late");
      assert.ok(performance.now() - beganAt < 2000);
    },
  );

  test("a file of more bytes than a number can say", { skip: needsRoot() }, async (context) => {
    await using world = await makeWorld();
    // On a file system that grants it; elsewhere a file has 16 TiB at most.
    const path = `/dev/shm/tidegate-escape-${process.pid}`;
    await mkdir(path);
    try {
      execFileSync("truncate", ["-s", "9223372036854775807", join(path, "endless")]);
      world.guests.update({ "lxc/blog": { rootfs: path, init: undefined, why: "" } });
      assert.equal(await naiveRead(path, "/endless"), "\0".repeat(4096));
      const found = await world.premises.find("/endless");
      assert.equal(found.kind, "refused");
      const listed = await world.premises.list("/");
      assert.ok(listed.kind === "list" && listed.entries.length === 0);
    } finally {
      await rm(path, { recursive: true });
    }
    context.diagnostic("2^63 - 1 bytes");
  });
});

describe("the root itself", { timeout: 60_000 }, () => {
  test("is a link: what is in it still does not lead out", async () => {
    await using world = await makeWorld();
    const link = join(dirname(world.root), "link");
    await symlink(world.root, link);
    await world.link("/www/a", "../../outside/secret.txt");
    world.guests.update({ "lxc/blog": { rootfs: link, init: undefined, why: "" } });
    assert.equal(await naiveRead(link, "/www/a"), world.secret);
    assert.equal((await world.premises.find("/www/a")).kind, "nothing");
    const own = await world.premises.find("/www/index.html");
    assert.deepEqual(await tell(own), { text: publicText });
  });

  test("leads to the root of this machine: the container is away", async () => {
    await using world = await makeWorld();
    const link = join(dirname(world.root), "link");
    await symlink("/", link);
    assert.equal(await naiveRead(link, world.secretFile), world.secret);
    for (const rootfs of [link, "/", "/usr/.."]) {
      world.guests.update({ "lxc/blog": { rootfs, init: undefined, why: "" } });
      assert.equal((await world.premises.find(world.secretFile)).kind, "away", rootfs);
    }
  });

  test("is what the kernel shows, or no absolute path: the container is away", async () => {
    await using world = await makeWorld();
    assert.match(await naiveRead("/proc", "/self/environ"), /PATH=/);
    for (const rootfs of ["/proc", "/sys", "outside", ""]) {
      world.guests.update({ "lxc/blog": { rootfs, init: undefined, why: "" } });
      assert.equal((await world.premises.find("/self/environ")).kind, "away", rootfs);
    }
  });

  test("is another folder by now: what is held is not what is served", async () => {
    await using world = await makeWorld();
    assert.deepEqual(await tell(await world.premises.find("/www/index.html")), {
      text: publicText,
    });
    world.guests.update({ "lxc/blog": { rootfs: world.outside, init: undefined, why: "" } });
    assert.equal((await world.premises.find("/www/index.html")).kind, "nothing");
    world.guests.update({ "lxc/blog": { rootfs: undefined, init: undefined, why: "is gone" } });
    assert.deepEqual(await world.premises.find("/secret.txt"), { kind: "away", why: "is gone" });
    world.guests.update({});
    assert.equal((await world.premises.find("/secret.txt")).kind, "away");
  });
});

describe("between looking and opening", { timeout: 60_000 }, () => {
  test("a file becomes a link: who looks first and opens then, leaks", async () => {
    await using world = await makeWorld();
    const swap = async () => {
      await rm(world.inside("/www/index.html"));
      await world.link("/www/index.html", world.secretFile);
    };
    const found = await world.premises.find("/www/index.html");
    assert.equal(await checkedRead(world.root, "/www/index.html", swap), world.secret);
    assert.deepEqual(await tell(found), { text: publicText });
    assert.equal((await world.premises.find("/www/index.html")).kind, "nothing");
  });

  test("a folder becomes a link: who looks first and opens then, leaks", async () => {
    await using world = await makeWorld();
    await world.file("/www/deep/secret.txt", publicText);
    const found = await world.premises.find("/www/deep/secret.txt");
    const swap = async () => {
      await rename(world.inside("/www/deep"), world.inside("/www/was"));
      await world.link("/www/deep", world.outside);
    };
    assert.equal(await checkedRead(world.root, "/www/deep/secret.txt", swap), world.secret);
    assert.deepEqual(await tell(found), { text: publicText });
    assert.equal((await world.premises.find("/www/deep/secret.txt")).kind, "nothing");
  });

  test("the site becomes a link: who looks first and opens then, leaks", async () => {
    await using world = await makeWorld();
    await world.file("/www/secret.txt", publicText);
    const found = await world.premises.find("/www/secret.txt");
    const swap = async () => {
      await rename(world.inside("/www"), world.inside("/was"));
      await world.link("/www", "../outside");
    };
    assert.equal(await checkedRead(world.root, "/www/secret.txt", swap), world.secret);
    assert.deepEqual(await tell(found), { text: publicText });
    assert.equal((await world.premises.find("/www/secret.txt")).kind, "nothing");
  });
});

describe("listings", { timeout: 60_000 }, () => {
  test("of a folder outside, over a link", async () => {
    await using world = await makeWorld();
    await world.link("/www/out", world.outside);
    assert.ok((await naiveList(world.root, "/www/out")).includes("secret.txt"));
    assert.equal((await world.premises.list("/www/out")).kind, "nothing");
  });

  test("of a folder outside, by the path", async () => {
    await using world = await makeWorld();
    assert.ok((await naiveList(world.root, "/www/../../outside")).includes("secret.txt"));
    assert.equal((await world.premises.list("/www/../../outside")).kind, "nothing");
  });

  test("links in it that lead outside are not shown, nor what they lead to", async () => {
    await using world = await makeWorld();
    await world.link("/www/a", world.secretFile);
    await world.link("/www/b", "../../outside");
    await world.link("/www/c", "/proc/self/environ");
    await world.link("/www/own", "/www/index.html");
    await world.link("/www/er", "deep/er");
    execFileSync("mkfifo", [world.inside("/www/fifo")]);
    await world.socket("/www/socket", "hello");
    const listed = await world.premises.list("/www");
    assert.equal(listed.kind, "list");
    const shown = listed.entries.map(({ name, kind, size }) => `${name} ${kind} ${size}`).sort();
    const bytes = publicText.length;
    const own = ["deep folder 0", "er folder 0", `index.html file ${bytes}`, `own file ${bytes}`];
    assert.deepEqual(shown, own);
  });

  test("of 20,000 entries, and of 2,000 links: so many at most", async () => {
    await using world = await makeWorld();
    execFileSync("sh", [
      "-c",
      'cd "$1" && seq 20000 | xargs touch',
      "sh",
      world.inside("/www/deep/er"),
    ]);
    assert.ok((await naiveList(world.root, "/www/deep/er")).length === 20_000);
    const listed = await world.premises.list("/www/deep/er");
    assert.ok(listed.kind === "list" && listed.isCut && listed.entries.length === 10_000);
    for (let at = 0; at < 2000; at++) await world.link(`/www/l${at}`, "index.html");
    const linked = await world.premises.list("/www");
    assert.ok(linked.kind === "list" && linked.isCut);
    assert.ok(linked.entries.length <= 1010, `${linked.entries.length}`);
  });
});

function loop(file: string): string | undefined {
  try {
    return execFileSync("losetup", ["--find", "--show", file], { encoding: "utf8" }).trim();
  } catch {
    return undefined;
  }
}

/** By a process that never gives it back. */
async function leased(path: string): Promise<Disposable> {
  const script = `$| = 1; $SIG{IO} = "IGNORE"; open F, "+<", shift; fcntl F, 1024, 1 or die $!; print "held"; <STDIN>`;
  const child = spawn("perl", ["-e", script, path], { stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return { [Symbol.dispose]: () => void child.kill("SIGKILL") };
}
