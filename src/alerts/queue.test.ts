import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import type { Log, LogFields } from "../lib/log.ts";
import type { Message } from "./message.ts";
import { AlertQueue } from "./queue.ts";

const start = Date.UTC(2026, 10, 21);
const day = 86_400_000;

function messageAt(at: number, text = "text"): Message {
  return { id: `id-${at}`, at, kind: "alerts", title: `title ${at}`, text, items: [] };
}

function memoryLog() {
  const lines: { text: string; fields: LogFields }[] = [];
  const note = (text: string, fields: LogFields = {}) => void lines.push({ text, fields });
  const log: Log = { debug: note, info: note, warn: note, error: note };
  return { log, lines };
}

async function queueIn(folder: string, now = () => start) {
  const { log, lines } = memoryLog();
  const queue = new AlertQueue({ folder, log, now });
  await queue.load();
  const titles = async (channel: string) => {
    const found: string[] = [];
    for (let entry = queue.first(channel); entry !== undefined; entry = queue.first(channel)) {
      found.push((await queue.read(entry))?.title ?? "broken");
      await queue.remove(entry);
    }
    return found;
  };
  return { queue, lines, titles };
}

test("messages are files that only we can read, in order, until they are removed", async () => {
  await using folder = await tempFolder();
  const path = folder.file("alerts");
  const first = await queueIn(path);
  await first.queue.add("email", messageAt(start + 2));
  await first.queue.add("webhook", messageAt(start + 2));
  await first.queue.add("email", messageAt(start + 3));
  await first.queue.add("email", messageAt(start + 3));
  const names = await readdir(path);
  assert.equal(names.length, 3);
  for (const name of names) assert.equal((await stat(`${path}/${name}`)).mode & 0o777, 0o600);
  assert.equal((await stat(path)).mode & 0o777, 0o700);
  // Another process, after the first one died.
  const second = await queueIn(path);
  assert.equal(second.queue.sizeOf("email"), 2);
  assert.deepEqual(await second.titles("email"), [`title ${start + 2}`, `title ${start + 3}`]);
  assert.deepEqual(await second.titles("webhook"), [`title ${start + 2}`]);
  assert.deepEqual(await readdir(path), []);
});

test("broken files are set aside, strange ones are left alone, unfinished ones removed", async () => {
  await using folder = await tempFolder();
  const good = await queueIn(folder.path);
  await good.queue.add("email", messageAt(start));
  const [name = ""] = await readdir(folder.path);
  const whole = await readFile(folder.file(name), "utf8");
  const at = (offset: number) => name.replace(String(start), String(start + offset));
  await writeFile(folder.file(at(1)), whole.slice(0, 20));
  await writeFile(folder.file(at(2)), '{"id":1}');
  await writeFile(folder.file(at(3)), "");
  await mkdir(folder.file(at(4)));
  await writeFile(folder.file("notes.txt"), "mine");
  await writeFile(folder.file(`${at(5)}.0123456789ab.tmp`), "half");
  await writeFile(folder.file(at(6)), whole);
  const { titles, lines } = await queueIn(folder.path);
  const found = await titles("email");
  assert.deepEqual(found, [
    `title ${start}`,
    "broken",
    "broken",
    "broken",
    "broken",
    `title ${start}`,
  ]);
  assert.deepEqual((await readdir(folder.path)).sort(), [
    ...[1, 2, 3, 4].map((offset) => `${at(offset)}.broken`),
    "notes.txt",
  ]);
  assert.equal(lines.length, 4);
});

test("the oldest are dropped beyond a thousand, and others after a week; both are counted", async () => {
  await using folder = await tempFolder();
  let now = start;
  const { queue, lines } = await queueIn(folder.path, () => now);
  for (let at = 0; at < 1003; at += 1) await queue.add("email", messageAt(start + at));
  assert.equal(queue.sizeOf("email"), 1000);
  assert.equal(queue.first("email")?.at, start + 3);
  assert.equal(queue.droppedOf("email"), 3);
  now = start + 7 * day + 13;
  await queue.expire();
  assert.equal(queue.sizeOf("email"), 990);
  assert.equal(queue.droppedOf("email"), 13);
  assert.ok(lines.length >= 2);
  assert.ok(lines.every(({ text }) => text === "alerts were dropped"));
  // The number is known to the next process, too.
  const next = await queueIn(folder.path, () => now);
  assert.equal(next.queue.sizeOf("email"), 990);
  assert.equal(next.queue.droppedOf("email"), 13);
  await next.queue.toldDropped("email", 13);
  assert.equal((await queueIn(folder.path)).queue.droppedOf("email"), 0);
});

test("what the disk does not take is kept in memory, and written when it does again", async () => {
  await using folder = await tempFolder();
  const path = folder.file("alerts");
  // No folder can be where a file is: for root, too.
  await writeFile(path, "");
  const { queue, lines, titles } = await queueIn(path);
  await queue.add("email", messageAt(start));
  await queue.add("email", messageAt(start + 1));
  const told = lines.map(({ text }) => text);
  assert.ok(told.includes("alerts cannot be written to the disk and are kept in memory only"));
  const entry = queue.first("email");
  assert.ok(entry);
  assert.equal((await queue.read(entry))?.title, `title ${start}`);
  await queue.remove(entry);
  await rm(path);
  await mkdir(path);
  await queue.add("email", messageAt(start + 2));
  assert.equal((await readdir(path)).length, 2);
  assert.deepEqual(await titles("email"), [`title ${start + 1}`, `title ${start + 2}`]);
  assert.deepEqual(await readdir(path), []);
});

test("additions and removals at the same time leave neither a file nor a gap", async () => {
  await using folder = await tempFolder();
  const { queue, titles } = await queueIn(folder.path);
  await Promise.all(
    Array.from({ length: 60 }, async (_, index) => {
      await queue.add(index % 2 === 0 ? "email" : "webhook", messageAt(start + index));
      if (index % 3 !== 0) return;
      const entry = queue.first("email");
      if (entry !== undefined) queue.moveBack(entry);
    }),
  );
  assert.equal((await readdir(folder.path)).length, 60);
  // Removed while they are being written.
  const adding = queue.add("ntfy", messageAt(start + 99));
  const entry = queue.first("ntfy");
  assert.ok(entry);
  await Promise.all([adding, queue.remove(entry)]);
  assert.equal((await titles("email")).length, 30);
  assert.equal((await titles("webhook")).length, 30);
  assert.deepEqual(await readdir(folder.path), []);
});
