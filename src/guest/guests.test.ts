import assert from "node:assert/strict";
import { mkdir, rename, unlink, utimes } from "node:fs/promises";
import { test } from "node:test";
import { eventually } from "../../test/harness/barrier.ts";
import {
  descriptors,
  makeWorld,
  publicText,
  sameDescriptors,
  tell,
  tellSocket,
} from "../../test/harness/guest-world.ts";
import { Guests } from "./guests.ts";

test("a file of a container comes with its size, its time and its place", async () => {
  await using world = await makeWorld();
  await world.link("/www/a", "/www/./deep/../index.html");
  await utimes(world.inside("/www/index.html"), 1_700_000_000.25, 1_700_000_000.25);
  const found = await world.premises.find("/www/a");
  assert.ok(found.kind === "file");
  const { size, modifiedAt, realPath, inode } = found.file;
  // Node tells the system a time less exactly than the system tells it.
  assert.deepEqual([size, Math.round(modifiedAt)], [publicText.length, 1_700_000_000_250]);
  assert.equal(realPath, "/www/index.html");
  assert.ok(inode > 0n);
  // Still there for whoever has it open.
  await unlink(world.inside("/www/index.html"));
  assert.deepEqual(await tell(found), { text: publicText });
  found.file.close();
});

test("a folder is one with a slash and without, also the root", async () => {
  await using world = await makeWorld();
  await world.link("/www/er", "deep/er/");
  const paths = { "/www/deep": "/www/deep", "/www/deep/": "/www/deep", "/": "/", "/.//": "/" };
  for (const [path, realPath] of Object.entries({ ...paths, "/www/er": "/www/deep/er" })) {
    assert.deepEqual(await world.premises.find(path), { kind: "folder", realPath });
  }
});

test("names are bytes, and come back as they were asked for", async () => {
  await using world = await makeWorld();
  const names = ["\xff\xfe", "caf\xc3\xa9 1%.txt", " ", "\r\n", "...", "..x", "~", "\\..\\"];
  for (const name of names) {
    await world.file(`/www/${name}`, name);
    const found = await world.premises.find(`/www/${name}`);
    assert.equal(found.kind === "file" && found.file.realPath, `/www/${name}`);
    assert.deepEqual(await tell(found), { text: Buffer.from(name).toString("latin1") });
  }
  const listed = await world.premises.list("/www");
  assert.ok(listed.kind === "list");
  const shown = listed.entries.map(({ name }) => name).toSorted();
  assert.deepEqual(shown, [...names, "deep", "index.html"].toSorted());
});

test("nothing is left open after hundreds of look-ups of every kind", async () => {
  await using world = await makeWorld();
  await world.link("/www/a", "/www/deep/../index.html");
  await world.link("/www/loop", "loop");
  await world.socket("/www/socket", publicText);
  const paths = [
    "/www/a",
    "/www/index.html",
    "/www/loop",
    "/www/deep",
    "/no",
    "/www/a/b",
    "/www/socket",
  ];
  await world.premises.find("/");
  const before = await descriptors();
  for (let times = 0; times < 300; times += paths.length) {
    await Promise.all(
      paths.flatMap((path) => [
        world.premises.find(path).then((found) => found.kind === "file" && found.file.close()),
        world.premises.list(path),
        world.premises.socket(path).then((found) => found.kind === "socket" && found.release()),
      ]),
    );
  }
  await sameDescriptors(before);
  // What is held of the root goes as well, once it is nobody's.
  world.guests.update({});
  await sameDescriptors(before - 1);
});

test("a root that nobody uses is let go by itself", async () => {
  await using world = await makeWorld();
  const before = await descriptors();
  await world.premises.find("/");
  assert.equal(await descriptors(), before + 1);
  await sameDescriptors(before).catch(async () => await sameDescriptors(before));
  assert.deepEqual(await tell(await world.premises.find("/www/index.html")), { text: publicText });
});

test("a folder that is replaced by another one of its name is seen within a second", async () => {
  await using world = await makeWorld();
  const index = async () => {
    const told = await tell(await world.premises.find("/www/index.html"));
    return "text" in told ? told.text : told.kind;
  };
  assert.equal(await index(), publicText);
  await rename(world.root, `${world.root}-was`);
  await mkdir(world.inside("/www"), { recursive: true });
  await world.file("/www/index.html", "new");
  // It is asked all the time, so that it is never let go for being idle.
  await eventually("the new one", async () => ((await index()) === "new" ? true : undefined), 3000);
});

test("look-ups go on while the place changes under them", async () => {
  await using one = await makeWorld();
  await using other = await makeWorld();
  await other.file("/www/index.html", "other");
  const before = await descriptors();
  const places = [one.root, other.root].map((rootfs) => ({ rootfs, init: undefined, why: "" }));
  const seen = new Set<string>();
  for (let times = 0; times < 200; times++) {
    const asked = [1, 2, 3].map(async () => tell(await one.premises.find("/www/index.html")));
    const place = places[times % 2];
    if (place !== undefined) one.guests.update({ "lxc/blog": place });
    for (const told of await Promise.all(asked)) seen.add("text" in told ? told.text : told.kind);
  }
  assert.deepEqual([...seen].toSorted(), [publicText, "other"].toSorted());
  one.guests.update({});
  await sameDescriptors(before);
});

test("a container that nobody told of is away, and is the same object once somebody did", async () => {
  await using world = await makeWorld();
  const guests = new Guests();
  const blog = guests.of("lxc/blog");
  const unknown = { kind: "away", why: "nobody told of a container lxc/blog" };
  assert.deepEqual(await blog.find("/www/index.html"), unknown);
  guests.update({ "lxc/blog": { rootfs: undefined, init: undefined, why: "it is stopped" } });
  assert.deepEqual(await blog.socket("/x"), { kind: "away", why: "it is stopped" });
  guests.update({ "lxc/blog": { rootfs: world.root, init: undefined, why: "" } });
  assert.equal(guests.of("lxc/blog"), blog);
  assert.deepEqual(await tell(await blog.find("/www/index.html")), { text: publicText });
  guests.update({});
  assert.deepEqual(await blog.list("/"), unknown);
  assert.equal((await guests.of("__proto__").find("/")).kind, "away");
});

test("a root that is gone is away, with the reason", async () => {
  await using world = await makeWorld();
  world.guests.update({ "lxc/blog": { rootfs: "/no/such", init: undefined, why: "" } });
  const found = await world.premises.find("/");
  assert.ok(found.kind === "away" && found.why.includes("ENOENT"), found.kind);
});

test("this machine: links are followed as the system does, and only files are read", async () => {
  await using world = await makeWorld();
  const machine = new Guests().of(undefined);
  await world.link("/www/a", world.secretFile);
  const before = await descriptors();
  const found = await machine.find(world.inside("/www/a"));
  assert.equal(found.kind === "file" && found.file.realPath, world.secretFile);
  assert.deepEqual(await tell(found), { text: world.secret });
  const folder = world.inside("/www/deep");
  assert.deepEqual(await machine.find(`${folder}/`), { kind: "folder", realPath: folder });
  for (const path of ["/dev/null", "/proc/self/environ", "/proc/version", world.secretSocket]) {
    assert.equal((await machine.find(path)).kind, "refused", path);
  }
  for (const path of ["/no", "/etc/passwd/", "etc/passwd", "/a\0b", `/${"n".repeat(256)}`]) {
    assert.equal((await machine.find(path)).kind, "nothing", path);
  }
  assert.equal((await machine.list("/proc")).kind, "refused");
  assert.equal((await machine.list(world.secretFile)).kind, "nothing");
  const listed = await machine.list(world.inside("/www"));
  const sizes = listed.kind === "list" && listed.entries.map(({ name, size }) => `${name} ${size}`);
  assert.deepEqual(sizes && sizes.toSorted(), [
    `a ${world.secret.length}`,
    "deep 0",
    `index.html ${publicText.length}`,
  ]);
  const socket = await machine.socket(world.secretSocket);
  assert.deepEqual(await tellSocket(socket), { text: world.secret });
  await sameDescriptors(before);
});
