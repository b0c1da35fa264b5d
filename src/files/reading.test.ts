import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { test } from "node:test";
import { eventually } from "../../test/harness/barrier.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { guestLimits } from "../config/guest-limits.ts";
import type { OpenFile } from "../guest/finding.ts";
import { Places } from "../guest/queue.ts";
import { Reads, readWhole } from "./reading.ts";

/** A file that says to have so many bytes. */
function opened(path: string, size: number, flags = constants.O_RDONLY) {
  const fd = openSync(path, flags);
  let closes = 0;
  const close = () => {
    closes++;
    closeSync(fd);
  };
  const facts = { modifiedAt: 0, changedAt: 0, device: 0n, inode: 0n, realPath: path };
  const file: OpenFile = { fd, size, ...facts, close };
  return { file, closed: () => closes };
}

test("a small file is read whole, and closed", async () => {
  await using folder = await tempFolder();
  const path = folder.file("a");
  writeFileSync(path, "0123456789");
  const reads = new Reads(new Places(2));
  const { file, closed } = opened(path, 10);
  assert.equal(String(await readWhole(reads, file)), "0123456789");
  assert.equal(closed(), 1);
});

test("one that became shorter is not given as what it said to be", async () => {
  await using folder = await tempFolder();
  const path = folder.file("a");
  writeFileSync(path, "0123456789");
  const { file, closed } = opened(path, 10);
  truncateSync(path, 5);
  assert.equal(await readWhole(new Reads(new Places(2)), file), "failed");
  assert.equal(closed(), 1);
});

test("an error of the file system is one of this file alone", async () => {
  await using folder = await tempFolder();
  const reads = new Reads(new Places(2));
  const { file, closed } = opened(folder.path, 10); // a folder cannot be read
  assert.equal(await readWhole(reads, file), "failed");
  assert.equal(closed(), 1);
  writeFileSync(folder.file("a"), "x");
  assert.equal(String(await readWhole(reads, opened(folder.file("a"), 1).file)), "x");
});

test("however many read at once, each is only waited for", async () => {
  await using folder = await tempFolder();
  const path = folder.file("a");
  writeFileSync(path, "x");
  const reads = new Reads(new Places(2));
  const { file } = opened(path, 1);
  const count = guestLimits.waiting + 100;
  const all = Array.from({ length: count }, () =>
    reads.read(file, Buffer.alloc(1), 1, 0, () => {}),
  );
  assert.deepEqual(new Set(await Promise.all(all)), new Set([1]));
  file.close();
});

test("a read that hangs is late, keeps its file until it ends, and others of the machine go on", async () => {
  await using folder = await tempFolder();
  const pipe = folder.file("pipe");
  execFileSync("mkfifo", [pipe]);
  writeFileSync(folder.file("a"), "x");
  // Nobody writes: a read of it does not come back, as on a file system whose server is gone.
  const writer = openSync(pipe, constants.O_RDWR);
  const { file } = opened(pipe, 5);
  const guest = new Reads(new Places(4), 50);
  let settled = 0;
  // A pipe has no positions; -1 is where it is.
  const hang = () => guest.read(file, Buffer.alloc(5), 5, -1, () => settled++);
  try {
    assert.deepEqual(await Promise.all([hang(), hang()]), ["late", "late"]);
    assert.equal(settled, 0, "they are still being read");
    const waiting = opened(folder.file("a"), 1);
    assert.equal(await readWhole(guest, waiting.file), "late", "its places are taken");
    assert.equal(waiting.closed(), 1, "it was never begun");
    const other = new Reads(new Places(2));
    assert.equal(String(await readWhole(other, opened(folder.file("a"), 1).file)), "x");
  } finally {
    writeSync(writer, "0123456789");
  }
  await eventually("their ends", () => settled === 2 || undefined);
  assert.equal(String(await readWhole(guest, opened(folder.file("a"), 1).file)), "x", "and again");
  file.close();
  closeSync(writer);
});
