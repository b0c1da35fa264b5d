import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { chmod, mkdir, rm, rmdir, stat, symlink } from "node:fs/promises";
import { test } from "node:test";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { BadControlFolder, controlPlace, prepareFolder, verifyFolder } from "./control-path.ts";

// A user that exists nowhere: nothing of a real one is touched in /tmp.
const uid = 3_999_999_901;

test("what is said goes first, then the environment, then who we are", () => {
  const env = { TIDEGATE_CONTROL: "/x/env.sock", XDG_RUNTIME_DIR: "/run/user/7" };
  const session = { XDG_RUNTIME_DIR: "/run/user/7" };
  assert.deepEqual(controlPlace("/x/own.sock", { uid, env }), {
    path: "/x/own.sock",
    chosenBy: "option",
  });
  assert.equal(controlPlace(undefined, { uid, env }).path, "/x/env.sock");
  assert.equal(
    controlPlace(undefined, { uid: 0, env: session }).path,
    "/run/tidegate/control.sock",
  );
});

test("somebody without rights has a place of their own", { skip: isRoot() }, () => {
  const session = { XDG_RUNTIME_DIR: "/run/user/7" };
  assert.equal(
    controlPlace(undefined, { uid, env: session }).path,
    "/run/user/7/tidegate/control.sock",
  );
  assert.equal(
    controlPlace(undefined, { uid, env: {} }).path,
    "/tmp/tidegate-3999999901/control.sock",
  );
});

test("a folder in /tmp that somebody else could have made is refused", async () => {
  const folder = `/tmp/tidegate-${uid}`;
  const path = `${folder}/control.sock`;
  const refusal = (pattern: RegExp) =>
    assert.throws(
      () => verifyFolder(path, uid),
      (error: unknown) => error instanceof BadControlFolder && pattern.test(error.message),
    );
  verifyFolder(path, uid); // not there: nothing to distrust
  await using elsewhere = await tempFolder();
  await symlink(elsewhere.path, folder);
  try {
    refusal(/is no folder/);
  } finally {
    await rm(folder);
  }
  await mkdir(folder, { mode: 0o700 });
  try {
    refusal(/belongs to somebody else/);
  } finally {
    await rmdir(folder);
  }
});

test("a folder of our own in /tmp that is open to others is refused", async () => {
  const own = process.geteuid?.() ?? 0;
  const folder = `/tmp/tidegate-${own}`;
  const path = `${folder}/control.sock`;
  const isOurs = !existsSync(folder);
  prepareFolder(path);
  await chmod(folder, 0o750);
  try {
    assert.throws(() => verifyFolder(path), BadControlFolder);
  } finally {
    await chmod(folder, 0o700);
  }
  verifyFolder(path);
  if (isOurs) await rmdir(folder);
});

test("a folder is made for its owner only, and one that cannot be made is told", async () => {
  await using folder = await tempFolder();
  const path = folder.file("deeper/control.sock");
  prepareFolder(path);
  assert.equal((await stat(folder.file("deeper"))).mode & 0o777, 0o700);
  assert.throws(() => prepareFolder(folder.file("a/b/c.sock")), /cannot be made.*--control/);
});

function isRoot(): boolean {
  return process.geteuid?.() === 0;
}
