import assert from "node:assert/strict";
import {
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { silentLog } from "../../test/harness/watched-source.ts";
import { PeerFolder } from "./peer-folder.ts";

/** More than Linux has. */
const nobodysPid = 99_999_999;

function place(): Disposable & { readonly path: string; make(name: string): string } {
  const path = mkdtempSync(join(tmpdir(), "tidegate-test-"));
  return {
    path,
    make(name) {
      const made = join(path, name);
      mkdirSync(made);
      return made;
    },
    [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }),
  };
}

test("what a killed primary left is removed, and nothing else that is called so", () => {
  using beside = place();
  mkdirSync(join(beside.make(`peers-${nobodysPid}-abcdef`), "inside"));
  beside.make(`peers-${process.pid}-abcdef`);
  beside.make("peers-others");
  beside.make("kept");
  symlinkSync(join(beside.path, "kept"), join(beside.path, `peers-${nobodysPid}-linked`));
  const folder = new PeerFolder(silentLog);
  const made = folder.make(join(beside.path, "control.sock"));
  assert.ok(made !== undefined);
  assert.equal(statSync(made).mode & 0o777, 0o700);
  const left = [
    `peers-${nobodysPid}-linked`,
    `peers-${process.pid}-abcdef`,
    "peers-others",
    "kept",
  ];
  assert.deepEqual(
    new Set(readdirSync(beside.path)),
    new Set([...left, made.slice(beside.path.length + 1)]),
  );
  folder.remove();
  assert.deepEqual(new Set(readdirSync(beside.path)), new Set(left));
});

test("one that is elsewhere, since its path would be too long, is removed as well", () => {
  using beside = place();
  const left = mkdtempSync(join(tmpdir(), `tidegate-peers-${nobodysPid}-`));
  const long = beside.make("x".repeat(100));
  const folder = new PeerFolder(silentLog);
  const made = folder.make(join(long, "control.sock"));
  assert.equal(dirname(made ?? ""), tmpdir());
  assert.equal(existsSync(left), false);
  folder.remove();
  assert.equal(existsSync(made ?? ""), false);
});

test(
  "a folder of somebody else's is left alone",
  { skip: process.geteuid?.() === 0 ? false : "only root can make one" },
  () => {
    using beside = place();
    const name = `peers-${nobodysPid}-abcdef`;
    chownSync(beside.make(name), 65_534, 65_534);
    const folder = new PeerFolder(silentLog);
    assert.ok(folder.make(join(beside.path, "control.sock")) !== undefined);
    folder.remove();
    assert.deepEqual(readdirSync(beside.path), [name]);
  },
);
