// Ways out of a container's root, each tried on a naive finder first, which they lead out, and then on ours.

import assert from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { describe, test } from "node:test";
import { naiveRead } from "../harness/guest-naive.ts";
import {
  descriptors,
  makeWorld,
  publicText,
  sameDescriptors,
  tell,
  type World,
} from "../harness/guest-world.ts";

interface Escape {
  readonly name: string;
  /** Prepares it. @returns the path that a client asks for */
  plant(world: World): Promise<string> | string;
  /** What the naive finder reads that it should not; the secret by default. */
  readonly leak?: RegExp;
  /** What comes of it; "nothing" by default. */
  readonly kind?: "nothing" | "refused";
}

/** More than any path here has folders. */
const up = "../".repeat(40);

const throughLinks: readonly Escape[] = [
  {
    name: "an absolute link",
    plant: (world) => linked(world, "/www/a", world.secretFile),
  },
  {
    name: "a relative link",
    plant: (world) => linked(world, "/www/a", "../../outside/secret.txt"),
  },
  {
    name: "a relative link that climbs over every root",
    plant: (world) => linked(world, "/www/a", `${up}${world.secretFile}`),
  },
  {
    name: "a link that begins well and climbs then",
    plant: (world) => linked(world, "/www/a", "deep/er/../../../../outside/secret.txt"),
  },
  {
    name: "a link with dots and slashes in between",
    plant: (world) => linked(world, "/www/a", ".//.././/..//./outside/.//secret.txt"),
  },
  {
    name: "a link to a link",
    plant: async (world) => {
      await world.link("/www/b", world.secretFile);
      return await linked(world, "/www/a", "b");
    },
  },
  {
    name: "a chain of 40 links, as many as are followed",
    plant: async (world) => {
      await world.link("/www/l40", "../../outside/secret.txt");
      for (let at = 39; at > 0; at--) await world.link(`/www/l${at}`, `l${at + 1}`);
      return "/www/l1";
    },
  },
  {
    name: "a link in the middle",
    plant: async (world) => {
      await world.link("/www/out", world.outside);
      return "/www/out/secret.txt";
    },
  },
  {
    name: "a relative link in the middle, with a slash at its end",
    plant: async (world) => {
      await world.link("/www/out", "../../outside/");
      return "/www/out/secret.txt";
    },
  },
  {
    name: "the folder of the site being a link",
    plant: async (world) => {
      await world.link("/site", world.outside);
      return "/site/secret.txt";
    },
  },
  {
    name: "a link to the root of everything in the middle",
    plant: async (world) => {
      await world.link("/www/all", "/");
      return `/www/all${world.secretFile}`;
    },
  },
  {
    name: "a link to the folder above the root, and down again",
    plant: async (world) => {
      await world.link("/www/up", "../..");
      return "/www/up/outside/secret.txt";
    },
  },
  {
    name: "going up behind a link",
    plant: async (world) => {
      await world.link("/www/deep/out", join(world.outside, "deep"));
      return "/www/deep/out/../secret.txt";
    },
  },
  {
    name: "a link through /proc/self/root",
    plant: (world) => linked(world, "/www/a", `/proc/self/root${world.secretFile}`),
  },
  {
    name: "a link through the root of another process",
    plant: (world) => linked(world, "/www/a", `/proc/${process.ppid}/root${world.secretFile}`),
  },
  {
    name: "a link through /proc/thread-self/root",
    plant: (world) => linked(world, "/www/a", `/proc/thread-self/root${world.secretFile}`),
  },
  {
    name: "a link through /proc/self/cwd",
    plant: (world) =>
      linked(world, "/www/a", `/proc/self/cwd/${relative(process.cwd(), world.secretFile)}`),
  },
  {
    name: "a link through the working folder of our process by its number",
    plant: (world) =>
      linked(
        world,
        "/www/a",
        `/proc/${process.pid}/cwd/${relative(process.cwd(), world.secretFile)}`,
      ),
  },
  {
    name: "a link to our own environment",
    plant: (world) => linked(world, "/www/a", "/proc/self/environ"),
    leak: /PATH=/,
  },
  {
    name: "a link to our own memory map",
    plant: (world) => linked(world, "/www/a", "/proc/self/maps"),
    leak: /r-xp/,
  },
  {
    name: "a link to the accounts of this machine",
    plant: (world) => linked(world, "/www/a", "/etc/passwd"),
    leak: /^root:/,
  },
  {
    name: "a link whose name is not UTF-8",
    plant: (world) => linked(world, "/www/\xff\xfe", world.secretFile),
  },
];

const throughPaths: readonly Escape[] = [
  { name: "a path that climbs", plant: () => "/../outside/secret.txt" },
  { name: "a path that climbs from within", plant: () => "/www/../../outside/secret.txt" },
  {
    name: "a path that climbs over every root",
    plant: (world) => `/www/${up}${world.secretFile}`,
  },
  {
    name: "a path that climbs with dots and slashes in between",
    plant: () => "/www//.//..///.././outside/secret.txt",
  },
  {
    name: "characters that are no bytes, and become dots when they are cut to one",
    plant: () => "/www/\u012e\u012e/\u012e\u012e/outside/secret.txt",
  },
  {
    name: "a character that is no byte, and becomes a slash when it is cut to one",
    plant: async (world) => {
      await world.link("/www/out", world.outside);
      return "/www/out\u212fsecret.txt";
    },
  },
];

async function linked(world: World, at: string, target: string): Promise<string> {
  await world.link(at, target);
  return at;
}

async function tried({ plant, leak, kind = "nothing" }: Escape): Promise<void> {
  await using world = await makeWorld();
  const path = await plant(world);
  assert.match(await naiveRead(world.root, path), leak ?? new RegExp(world.secret));
  const before = await descriptors();
  const told = await tell(await world.premises.find(path));
  assert.equal("kind" in told ? told.kind : told.text, kind);
  const own = await tell(await world.premises.find("/www/index.html"));
  assert.deepEqual(own, { text: publicText });
  // The root of the container is held for a while.
  await sameDescriptors(before + 1);
}

describe("out of a container over links", { timeout: 60_000 }, () => {
  for (const escape of throughLinks) test(escape.name, () => tried(escape));

  test("a descriptor of ours, through /proc/self/fd", async () => {
    await using world = await makeWorld();
    const fd = openSync(world.secretFile, "r");
    try {
      await world.link("/www/a", `/proc/self/fd/${fd}`);
      await world.link("/www/b", `/dev/fd/${fd}`);
      for (const path of ["/www/a", "/www/b"]) {
        assert.equal(await naiveRead(world.root, path), world.secret);
        assert.equal((await world.premises.find(path)).kind, "nothing");
      }
    } finally {
      closeSync(fd);
    }
  });

  test("links that go round in a circle: nobody follows them for ever", async () => {
    await using world = await makeWorld();
    await world.link("/www/a", "b");
    await world.link("/www/b", "/www/a");
    await world.link("/www/self", "self/x");
    await assert.rejects(naiveRead(world.root, "/www/self"), { code: "ELOOP" });
    for (const path of ["/www/a", "/www/a/x", "/www/self"]) {
      assert.equal((await world.premises.find(path)).kind, "nothing");
    }
  });

  test("41 links are one too many, as for Linux, although they stay inside", async () => {
    await using world = await makeWorld();
    await world.link("/www/l41", "index.html");
    for (let at = 40; at > 0; at--) await world.link(`/www/l${at}`, `l${at + 1}`);
    await assert.rejects(naiveRead(world.root, "/www/l1"), { code: "ELOOP" });
    assert.equal((await world.premises.find("/www/l1")).kind, "nothing");
    assert.deepEqual(await tell(await world.premises.find("/www/l2")), { text: publicText });
  });

  test("links that stay inside are followed, as the container itself would", async () => {
    await using world = await makeWorld();
    await world.link("/www/absolute", "/www/index.html");
    await world.link("/www/deep/er/up", "../../../www/./index.html");
    // For the container there is nothing above its root.
    await world.link("/www/over", "../../../../www/index.html");
    await world.link("/www/folder", "/www/deep/");
    const paths = ["/www/absolute", "/www/deep/er/up", "/www/over", "/www/folder/er/up"];
    for (const path of paths) {
      const found = await world.premises.find(path);
      assert.equal(found.kind === "file" && found.file.realPath, "/www/index.html", path);
      assert.deepEqual(await tell(found), { text: publicText });
    }
  });
});

describe("out of a container by the path", { timeout: 60_000 }, () => {
  for (const escape of throughPaths) test(escape.name, () => tried(escape));

  test("a NUL: nothing is found, and nothing is thrown", async () => {
    await using world = await makeWorld();
    await assert.rejects(naiveRead(world.root, "/www/index.html\0.png"));
    for (const path of ["/www/index.html\0.png", "/www/index.html\0", "\0", ""]) {
      assert.equal((await world.premises.find(path)).kind, "nothing");
    }
  });

  test("overlong UTF-8 is a name as any other: these very bytes, and no dots", async () => {
    await using world = await makeWorld();
    const dots = Buffer.from("/www/\xc0\xae\xc0\xae", "latin1");
    await writeFile(Buffer.concat([Buffer.from(world.root), dots]), "named so");
    const found = await world.premises.find(dots.latin1Slice());
    assert.ok(found.kind === "file", found.kind);
    assert.equal(found.file.realPath, dots.latin1Slice());
    found.file.close();
    for (const path of [
      "/www/\xc0\xae\xc0\xae/\xc0\xae\xc0\xae/outside/secret.txt",
      "/\xe0\x80\xaf",
    ]) {
      assert.equal((await world.premises.find(path)).kind, "nothing");
    }
  });

  test("names of 256 bytes and paths of 4096: nothing of that name", async () => {
    await using world = await makeWorld();
    const long = `/www/${"n".repeat(256)}`;
    await assert.rejects(naiveRead(world.root, long), { code: "ENAMETOOLONG" });
    assert.equal((await world.premises.find(long)).kind, "nothing");
    assert.equal((await world.premises.find(`/www${"/.".repeat(2100)}`)).kind, "nothing");
    await world.file(`/www/${"n".repeat(255)}`, publicText);
    const longest = await world.premises.find(`/www/${"n".repeat(255)}`);
    assert.deepEqual(await tell(longest), { text: publicText });
  });

  test("going back and forth a thousand times is not done for a client", async () => {
    await using world = await makeWorld();
    await world.folder("/www/d");
    const path = `/www/${"d/../".repeat(800)}index.html`;
    assert.equal(await naiveRead(world.root, path), publicText);
    assert.equal((await world.premises.find(path)).kind, "nothing");
  });

  test("200 folders in one another are not held open for a client", async () => {
    await using world = await makeWorld();
    const deep = "/d".repeat(200);
    await world.folder(deep);
    await world.file(`${deep}/file`, publicText);
    assert.equal(await naiveRead(world.root, `${deep}/file`), publicText);
    assert.equal((await world.premises.find(`${deep}/file`)).kind, "nothing");
  });

  test("a file is no folder, whatever follows it", async () => {
    await using world = await makeWorld();
    for (const end of ["/", "/.", "/..", "/../index.html", "/x"]) {
      assert.equal((await world.premises.find(`/www/index.html${end}`)).kind, "nothing", end);
    }
  });
});
