// What was acknowledged is there after any end of the process that wrote it, and after a disk that was full.

import { match, ok, strictEqual } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { runCommand } from "../../test/harness/command.ts";
import { needs } from "../../test/harness/needs.ts";
import { storeIn } from "../../test/harness/store-sample.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";

const writer = join(import.meta.dirname, "../../test/harness/store-writer-process.ts");
const reader = join(import.meta.dirname, "../../test/harness/store-reader-process.ts");

/** Kills it after it said so many numbers and some random time; returns the last one it said. */
async function killedWriter(folder: string, said: number): Promise<number> {
  const child = spawn(process.execPath, [writer, folder], { stdio: ["ignore", "pipe", "inherit"] });
  const closed = once(child, "close");
  let text = "";
  try {
    for await (const bytes of child.stdout) {
      text += String(bytes);
      if (text.split("\n").length - 1 >= said && !child.killed) {
        const until = performance.now() + Math.random() * 5;
        while (performance.now() < until);
        child.kill("SIGKILL");
      }
    }
  } finally {
    child.kill("SIGKILL");
    await closed;
  }
  return Number(text.trimEnd().split("\n").at(-1));
}

test("every acknowledged commit survives kill -9 at any moment", { timeout: 120_000 }, async () => {
  await using folder = await tempFolder();
  let acknowledged = 0;
  for (let round = 0; round < 12; round++) {
    acknowledged = await killedWriter(folder.path, 1 + Math.floor(Math.random() * 40));
    using store = storeIn(folder.path);
    // The last one may have been written, and not said any more.
    ok([acknowledged, acknowledged + 1].includes(store.revision), `${acknowledged} was said`);
    const last = store.items.get("routes last")?.text ?? "";
    strictEqual(JSON.parse(last).number, store.revision, "all of a commit, or nothing of it");
    strictEqual(store.items.get(`routes n${store.revision % 50}`)?.text, last);
    const [latest] = store.history({ before: undefined, limit: 1 });
    strictEqual(latest?.number, store.revision);
  }
  ok(acknowledged > 12);
});

test(
  "on a full disk a change is refused as a whole, and what was there before is kept",
  { skip: needs("unshare"), timeout: 60_000 },
  async () => {
    await using folder = await tempFolder();
    await using kept = await tempFolder();
    const script = `
      mount -t tmpfs -o size=512k none "$1" || exit 99
      "$2" "$3" "$1" > "$4/said" 2> "$4/why"
      cp "$1"/tidegate.db* "$4/"`;
    const words = [
      "-rm",
      "sh",
      "-c",
      script,
      "sh",
      folder.path,
      process.execPath,
      writer,
      kept.path,
    ];
    const ended = await runCommand("unshare", words, { timeoutMs: 50_000 });
    strictEqual(ended.code, 0, ended.stderr);
    const { readFile } = await import("node:fs/promises");
    match(await readFile(kept.file("why"), "utf8"), /the disk is full: make room and try again/);
    const said = Number((await readFile(kept.file("said"), "utf8")).trimEnd().split("\n").at(-1));
    ok(said > 3);
    using store = storeIn(kept.path);
    strictEqual(store.revision, said);
    strictEqual(JSON.parse(store.items.get("routes last")?.text ?? "").number, said);
  },
);

test(
  "what the store holds is read on a disk that is full or read-only, after a crash, too, and written again when it can be",
  { skip: needs("unshare"), timeout: 60_000 },
  async () => {
    await using folder = await tempFolder();
    const script = `
      fill() { dd if=/dev/zero of="$1/fill" bs=1k 2> /dev/null; "$2" "$3" "$1" "$4" || exit 98; rm -f "$1/fill"; }
      mount -t tmpfs -o size=1m none "$1" || exit 99
      "$2" "$3" "$1" 3 && fill "$1" "$2" "$3" 0
      "$2" "$3" "$1" 2 killed
      fill "$1" "$2" "$3" 0
      fill "$1" "$2" "$3" later
      mount -o remount,ro "$1"
      "$2" "$3" "$1" 0`;
    const words = ["-rm", "sh", "-c", script, "sh", folder.path, process.execPath, reader];
    const ended = await runCommand("unshare", words, { timeoutMs: 50_000 });
    const lines = ended.stdout.trimEnd().split("\n");
    const [empty, full, afterCrash, crashFull, later, written, readOnly] = lines;
    strictEqual(empty, "0 items, wrote 3");
    match(full ?? "", /^3 items, .*disk I\/O error: make room on the disk/);
    strictEqual(afterCrash, "3 items, wrote 2");
    match(crashFull ?? "", /^5 items, .*the disk is full: make room and try again/);
    match(later ?? "", /^5 items, .*the disk is full/);
    strictEqual(written, "room was made, wrote 1");
    match(readOnly ?? "", /^6 items, .*on a disk that can be written/, ended.stderr);
  },
);
