import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "../../test/harness/barrier.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { leastCacheDisk, mostDiskPurges } from "../config/cache-limits.ts";
import { decodeEntry, decodePlace, encodeEntry, type DiskEntry } from "./disk-file.ts";
import { noteOrder, ordersIn } from "./disk-orders.ts";
import { filePlace, prepareRoot } from "./disk-layout.ts";
import { Disk } from "./disk.ts";
import { sweepDisk, levelFor } from "./disk-sweep.ts";
import { bodyOf, headOf, type Stored } from "./stored.ts";

const shelf = "a".repeat(32);
const other = "b".repeat(32);

function stored(body: string, tags: readonly string[] = []): Stored {
  const lines = "Content-Type: text/plain\r\n";
  const date = "Sun, 22 Nov 2026 10:00:00 GMT";
  return {
    ...{ status: 200, date, lines, head: headOf(200, date, lines), etag: '"e"', lastModified: "" },
    ...{ bornAt: 1, freshUntil: 2, whileRevalidateUntil: 3, ifErrorUntil: 4, tookMs: 5 },
    ...{ isPublic: true, tags },
    ...bodyOf([Buffer.from(body, "latin1")], body.length),
  };
}

function entry(path: string, body = path, tags: readonly string[] = []): DiskEntry {
  const url = `http://a${path}`;
  return { key: `80 ${url}`, url, names: [], variant: "", stored: stored(body, tags) };
}

const textOf = (found: DiskEntry | undefined) => {
  const { text, body = [] } = found?.stored ?? {};
  return text ?? Buffer.concat([...body]).toString("latin1");
};

interface Opened extends AsyncDisposable {
  readonly disk: Disk;
  readonly root: string;
  readonly problems: string[];
  write(each: DiskEntry, of?: string, isWanted?: () => boolean): void;
  find(each: DiskEntry, of?: string): Promise<DiskEntry | undefined>;
  /** Paths of what is written. */
  files(): Promise<string[]>;
}

function diskAt(root: string, isKeeper = true): Disk {
  return new Disk({
    ...{ isKeeper: () => isKeeper, count: () => 1, tell: () => {} },
    onProblem: (what, cause) => assert.fail(`${what} in ${root}: ${cause}`),
  });
}

/** @param room false = nobody looks after it */
async function opened(size = leastCacheDisk, room = true): Promise<Opened> {
  const folder = await tempFolder();
  const root = folder.file("cache");
  prepareRoot(root);
  const problems: string[] = [];
  const disk = new Disk({
    isKeeper: () => room,
    count: () => 1,
    tell: () => {},
    onProblem: (what, cause) => void problems.push(`${what}: ${cause}`),
  });
  disk.use({ root, size, shelves: new Set([shelf, other]) });
  const files = async () => {
    const all = await readdir(root, { recursive: true, withFileTypes: true });
    return all.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  };
  return {
    ...{ disk, root, problems, files },
    write: (each, of = shelf, isWanted = () => true) => disk.write(of, each, isWanted),
    find: (each, of = shelf) => disk.find(of, each, 1e6, () => "v"),
    async [Symbol.asyncDispose]() {
      await disk.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const written = ({ files }: Opened, count: number) =>
  eventually(`${count} files`, async () => {
    // What is on its way out may go while it is looked at.
    const found = await files().catch(() => undefined);
    const whole = found?.filter((path) => !path.endsWith(".tmp"));
    return whole?.length === count ? found : undefined;
  });

test("what is written is read as it was, of any length", () => {
  for (const length of [0, 1, 20_000, 300_000]) {
    const made = entry("/x", "é\n".repeat(length / 2), ["t"]);
    const file = Buffer.concat(encodeEntry(made));
    const read = decodeEntry(file);
    assert.equal(textOf(read), textOf(made));
    const { text: _a, body: _b, ...facts } = made.stored ?? stored("");
    const { text: _c, body: _d, ...same } = read?.stored ?? stored("");
    assert.deepEqual(same, facts);
    const { stored: _stored, ...place } = made;
    assert.deepEqual(decodePlace(file), { ...place, tags: ["t"] });
  }
});

test("a file that is cut, longer or changed anywhere does not read", () => {
  const file = Buffer.concat(encodeEntry(entry("/x", "the body")));
  for (let length = 0; length < file.length; length++) {
    assert.equal(decodeEntry(file.subarray(0, length)), undefined, String(length));
  }
  assert.equal(decodeEntry(Buffer.concat([file, Buffer.of(0)])), undefined);
  for (let at = 0; at < file.length; at++) {
    const changed = Buffer.from(file);
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.equal(decodeEntry(changed), undefined, String(at));
  }
  assert.ok(decodeEntry(file));
});

test("it is found by who asks for it, and by nobody else", async () => {
  await using each = await opened();
  const one = entry("/one");
  each.write(one);
  await written(each, 1);
  assert.equal(textOf(await each.find(one)), "/one");
  assert.equal(await each.find(one, other), undefined);
  assert.equal(await each.find({ ...one, key: "81" }), undefined);
  assert.equal(await each.find(entry("/two")), undefined);
  // What has the name of another one is not it.
  const { bucket, name } = filePlace(shelf, one.url, "another key", "");
  const [path = ""] = await each.files();
  await writeFile(join(each.root, bucket, name), await readFile(path));
  assert.equal(await each.find({ ...one, key: "another key" }), undefined);
});

test("variants are found by what chooses them", async () => {
  await using each = await opened();
  const one = { ...entry("/one"), names: ["accept-language"], variant: "v" };
  each.write(one);
  each.write({ ...one, variant: "w", stored: stored("other") });
  await written(each, 3);
  assert.equal(textOf(await each.find(one)), "/one");
  assert.equal(textOf(await each.disk.find(shelf, one, 1e6, () => "w")), "other");
  assert.equal(await each.disk.find(shelf, one, 1e6, () => "x"), undefined);
});

test("what is damaged goes", async () => {
  await using each = await opened();
  each.write(entry("/one"));
  const [path = ""] = await written(each, 1);
  await writeFile(path, (await readFile(path)).subarray(0, 50));
  assert.equal(await each.find(entry("/one")), undefined);
  assert.deepEqual(await each.files(), []);
});

test("what was taken out while it was written is not found", async () => {
  for (const isWantedUntil of [0, 1, 2]) {
    await using each = await opened();
    let asked = 0;
    each.write(entry("/one"), shelf, () => asked++ < isWantedUntil);
    each.write(entry("/two"));
    await eventually("the other", async () =>
      (await each.find(entry("/two"))) ? true : undefined,
    );
    assert.equal(await each.find(entry("/one")), undefined);
    assert.equal((await each.files()).length, 1);
  }
});

test("by URL, beginning, tag or all: what is meant goes, of all settings of its route", async () => {
  const paths = ["/x", "/xy", "/tagged", "/z"];
  const left = async (purge: Parameters<Disk["purge"]>[0]) => {
    await using each = await opened();
    for (const path of paths) each.write(entry(path, path, path === "/tagged" ? ["t"] : []));
    each.write(entry("/x"), other);
    await written(each, 5);
    const count = await each.disk.purge(purge);
    await written(each, 5 - count);
    const found = await Promise.all(paths.map((path) => each.find(entry(path))));
    return paths.filter((_, at) => found[at] !== undefined);
  };
  assert.deepEqual(await left({ kind: "url", value: "http://a/x" }), ["/xy", "/tagged", "/z"]);
  assert.deepEqual(await left({ kind: "prefix", value: "http://a/x" }), ["/tagged", "/z"]);
  assert.deepEqual(await left({ kind: "tag", value: "t" }), ["/x", "/xy", "/z"]);
  assert.deepEqual(await left({ kind: "all", value: "" }), []);
  assert.deepEqual(await left({ kind: "all", value: "", owner: "nobody" }), paths);
});

test("while something is taken out it is known that it is", async () => {
  await using each = await opened();
  const done = each.disk.purge({ kind: "prefix", value: "http://a/", owner: "o" });
  assert.equal(each.disk.isPurging("o", "http://a/x", [], each.disk.mark), true);
  assert.equal(each.disk.isPurging("p", "http://a/x", [], each.disk.mark), false);
  assert.equal(each.disk.isPurging("o", "http://b/x", [], each.disk.mark), false);
  await done;
  assert.equal(each.disk.isPurging("o", "http://a/x", [], each.disk.mark), false);
});

test("who takes out the same again waits for it, and a flood takes out all", async () => {
  await using each = await opened();
  each.write(entry("/one"));
  await written(each, 1);
  const purge = { kind: "url", value: "http://a/none", owner: "o" } as const;
  const same = Array.from({ length: 2 * mostDiskPurges }, () => each.disk.purge(purge));
  assert.ok((await Promise.all(same)).every((count) => count === 0));
  assert.ok(await each.find(entry("/one")));
  const flood = Array.from({ length: 2 * mostDiskPurges }, (_, at) =>
    each.disk.purge({ kind: "url", value: `http://a/${at}` }).catch(() => -1),
  );
  assert.ok((await Promise.all(flood)).includes(1));
  assert.equal(await each.find(entry("/one")), undefined);
  assert.equal(each.disk.isPurging("o", "http://a/0", [], each.disk.mark), false);
});

test("an order that was given holds, whoever dies before it is done", async () => {
  await using each = await opened();
  for (const path of ["/one", "/two"]) each.write(entry(path, path, [path]));
  await written(each, 2);
  await noteOrder(each.root, { kind: "tag", value: "/one" });
  await writeFile(join(each.root, "order-1-1-1"), "not whole");
  const next = diskAt(each.root);
  next.use({ root: each.root, size: leastCacheDisk, shelves: new Set([shelf]) });
  const given = async (path: string) => {
    const { mark } = next;
    const found = await next.find(shelf, entry(path), 1e6, () => "");
    const { tags = [] } = found?.stored ?? {};
    return next.isPurging("o", `http://a${path}`, tags, mark) ? "" : textOf(found);
  };
  assert.equal(await given("/one"), "");
  assert.equal(await given("/two"), "/two");
  await written(each, 1);
  await next.close();
});

test("what another program orders is heard of, and what was read before it was done is not given", async () => {
  await using each = await opened();
  each.write(entry("/one", "/one", ["t"]));
  await written(each, 1);
  const next = diskAt(each.root, false);
  next.use({ root: each.root, size: leastCacheDisk, shelves: new Set([shelf]) });
  const { mark } = next;
  const find = () => next.find(shelf, entry("/one"), 1e6, () => "");
  assert.equal(textOf(await find()), "/one");
  assert.equal(next.isPurging("o", "http://a/one", ["t"], mark), false);
  const { path } = await noteOrder(each.root, { kind: "tag", value: "t" });
  assert.equal(textOf(await find()), "/one");
  assert.equal(next.isPurging("o", "http://a/one", ["t"], next.mark), true);
  assert.equal(next.isPurging("o", "http://a/one", ["u"], next.mark), false);
  // As whoever is the keeper does once nothing is left.
  await rm(path);
  await eventually(
    "the end of it",
    () => !next.isPurging("o", "http://a/one", ["t"], next.mark) || undefined,
  );
  assert.equal(next.isPurging("o", "http://a/one", ["t"], mark), true);
  await next.close();
});

test("who is not the keeper gives nothing of what is to go, and has it taken out", async () => {
  await using each = await opened();
  for (const path of ["/one", "/two"]) each.write(entry(path, path, [path]));
  await written(each, 2);
  const next = diskAt(each.root, false);
  next.use({ root: each.root, size: leastCacheDisk, shelves: new Set([shelf]) });
  const purge = { kind: "tag", value: "/one", owner: "o" } as const;
  // Nothing is of this owner, and what is not his stays.
  const done = next.purge(purge);
  assert.equal(next.isPurging("o", "http://a/one", ["/one"], next.mark), true);
  assert.equal(next.isPurging("p", "http://a/one", ["/one"], next.mark), false);
  await eventually("the order", async () => (await ordersIn(each.root)).length === 1 || undefined);
  // Another one has it done together with its own.
  assert.equal(await each.disk.purge({ kind: "tag", value: "/two" }), 1);
  assert.equal(await done, 0);
  assert.equal(next.isPurging("o", "http://a/one", ["/one"], next.mark), false);
  await written(each, 1);
  await next.close();
});

test("nobody writes without room, and all together never more than there is", async () => {
  await using alone = await opened(leastCacheDisk, false);
  alone.write(entry("/one"));
  assert.equal(await alone.find(entry("/one")), undefined);
  assert.deepEqual(await alone.files(), []);
  alone.disk.hear({ kind: "room", bytes: 10_000 });
  await written(alone, 1);
  // Half of it is gone, and what was written while somebody looked counts, too.
  alone.write(entry("/two", "x".repeat(5000)));
  alone.disk.hear("rubbish");
  alone.disk.hear({ kind: "room", bytes: "1" });
  assert.equal(alone.disk.bytesOf(shelf), 4096);
  alone.disk.hear({ kind: "sweeping" });
  assert.equal(alone.disk.bytesOf(shelf), 0);
  alone.disk.hear({ kind: "room", bytes: 20_000 });
  await written(alone, 2);
  assert.equal(alone.disk.bytesOf(shelf), 8192);
});

test("a disk that cannot be written is told of and left alone", async () => {
  await using each = await opened();
  await rm(each.root, { recursive: true });
  await writeFile(each.root, "a file");
  each.write(entry("/one"));
  await eventually("word of it", () => each.problems[0]);
  assert.match(each.problems[0] ?? "", /cannot be written: ENOTDIR/);
  each.write(entry("/two"));
  assert.equal(await each.find(entry("/two")), undefined);
  assert.equal(each.problems.length, 1);
});

test("that all of it is taken out while it is written is no trouble", async () => {
  await using each = await opened();
  let isGone = false;
  each.write(entry("/one"), shelf, () => {
    // The second time it is about to get its name.
    if (isGone) rmSync(join(each.root, shelf), { recursive: true, force: true });
    isGone = true;
    return true;
  });
  each.write(entry("/two"));
  await written(each, 1);
  assert.ok(await each.find(entry("/two")));
  assert.deepEqual(each.problems, []);
});

test("its folder is made again when it is gone", async () => {
  await using each = await opened();
  await rm(each.root, { recursive: true });
  assert.equal(await each.find(entry("/one")), undefined);
  each.write(entry("/one"));
  await eventually("the file", async () => ((await each.find(entry("/one"))) ? true : undefined));
  assert.deepEqual(each.problems, []);
});

test("who has most gives first, of its own what was not used for longest", async () => {
  await using each = await opened(1e9);
  const body = "x".repeat(40_000);
  for (let at = 0; at < 40; at++) each.write(entry(`/${at}`, body));
  for (let at = 0; at < 5; at++) each.write(entry(`/${at}`, body), other);
  const files = await written(each, 45);
  const now = Date.now() / 1000;
  const one = filePlace(shelf, "http://a/0", "80 http://a/0", "");
  for (const path of files)
    if (!path.endsWith(one.name)) await utimes(path, now - 5000, now - 5000);
  await utimes(join(each.root, one.bucket, one.name), now - 10, now - 10);
  await writeFile(join(each.root, shelf, "README"), "not ours");
  const size = 20 * 40_960;
  const { used, evicted } = await sweepDisk(each.root, { size, isStrange: () => false });
  assert.equal(used.get(other), 5 * 40_960);
  const left = used.get(shelf) ?? 0;
  assert.ok(left <= 0.9 * size - 5 * 40_960 && left > 0.5 * size, String(left));
  assert.equal((await written(each, 46 - evicted)).length, 46 - evicted);
  assert.ok(await each.find(entry("/0")));
  await sweepDisk(each.root, { size, isStrange: (name) => name === other });
  assert.equal(await each.find(entry("/0"), other), undefined);
  assert.ok(await each.find(entry("/0")));
});

test("what was not written to its end goes in time", async () => {
  await using each = await opened();
  each.write(entry("/one"));
  const [path = ""] = await written(each, 1);
  const [young, old] = [`${path}.1-1.tmp`, `${path}.1-2.tmp`];
  await writeFile(young, "x");
  await writeFile(old, "x");
  await utimes(old, 1, 1);
  await sweepDisk(each.root, { size: 1e9, isStrange: () => false });
  assert.deepEqual((await each.files()).toSorted(), [path, young]);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
});

test("room is shared evenly among those who want more than that", () => {
  assert.equal(levelFor([10, 20], 100), Infinity);
  assert.equal(levelFor([50, 50], 100), 45);
  assert.equal(levelFor([10, 500, 500], 100), 40);
  assert.equal(levelFor([], 0), Infinity);
  assert.equal(levelFor([5], 0), 0);
});
