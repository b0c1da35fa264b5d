import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, chown, mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { needs } from "../../test/harness/needs.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { keepSharedSecret, secretIn, sharedSecretIn, stateFolderOf } from "./state-folder.ts";

const modeOf = async (path: string) => (await stat(path)).mode & 0o777;

function withEnvironment<T>(changes: Record<string, string | undefined>, body: () => T): T {
  const before = Object.keys(changes).map((name) => [name, process.env[name]] as const);
  const set = (name: string, value: string | undefined) => {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  };
  for (const [name, value] of Object.entries(changes)) set(name, value);
  try {
    return body();
  } finally {
    for (const [name, value] of before) set(name, value);
  }
}

test("a configured state folder is made, for nobody else to look into", async () => {
  await using folder = await tempFolder();
  const path = folder.file("a/b");
  assert.equal(stateFolderOf(path), path);
  assert.equal(await modeOf(path), 0o700);
  assert.equal(stateFolderOf(path), path);
});

test("systemd's folder is taken before all others, and the first of several", async () => {
  await using folder = await tempFolder();
  const [first, second] = [folder.file("one"), folder.file("two")];
  const found = withEnvironment({ STATE_DIRECTORY: `${first}:${second}` }, () =>
    stateFolderOf(undefined),
  );
  assert.equal(found, first);
  assert.deepEqual(await readdir(folder.path), ["one"]);
});

test("a folder that cannot be had is said with its remedy", async () => {
  await using folder = await tempFolder();
  await writeFile(folder.file("file"), "");
  assert.throws(() => stateFolderOf(folder.file("file/x")), /as the state folder: .*stateFolder/);
  assert.throws(() => stateFolderOf(folder.file("file")), /as the state folder/);
});

test("a folder that others may write to, or that belongs to somebody else, is not used", async () => {
  await using folder = await tempFolder();
  const path = folder.file("state");
  await mkdir(path);
  for (const mode of [0o700, 0o750, 0o755]) {
    await chmod(path, mode);
    assert.equal(stateFolderOf(path), path);
  }
  for (const mode of [0o770, 0o702, 0o1777]) {
    await chmod(path, mode);
    assert.throws(() => stateFolderOf(path), /others may write to it, .* chmod go-w .*stateFolder/);
  }
  await chmod(path, 0o700);
  const link = folder.file("link");
  await symlink(path, link);
  assert.equal(stateFolderOf(link), link, "systemd makes one for a user that it makes up");
  if (process.getuid?.() !== 0) return;
  await chown(path, 12_345, 12_345);
  assert.throws(
    () => stateFolderOf(path),
    /it belongs to user 12345, and this is user 0\. Give it/,
  );
});

/** As somebody who is not root, when we are. */
async function elsewhere(code: string, env: Record<string, string>): Promise<string> {
  const isRoot = process.getuid?.() === 0;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ["--input-type=module", "-e", code],
    { env, timeout: 20_000, ...(isRoot ? { uid: 65_534, gid: 65_534 } : {}) },
  );
  return stdout.trim();
}

test("without systemd an ordinary user's folder is below their home", async () => {
  await using folder = await tempFolder();
  await chmod(folder.path, 0o777);
  const module = join(import.meta.dirname, "state-folder.ts");
  const code = `import { stateFolderOf } from ${JSON.stringify(module)}; console.log(stateFolderOf(undefined))`;
  const home = folder.file("home");
  await mkdir(home);
  await chmod(home, 0o777);
  assert.equal(await elsewhere(code, { HOME: home }), join(home, ".local/state/tidegate"));
  const state = folder.file("state");
  const env = { HOME: home, XDG_STATE_HOME: state };
  assert.equal(await elsewhere(code, env), join(state, "tidegate"));
  assert.equal(
    await elsewhere(code, { HOME: home, XDG_STATE_HOME: "relative" }),
    join(home, ".local/state/tidegate"),
  );
});

test("the secret is made once, whole, and for nobody else to read", async () => {
  await using folder = await tempFolder();
  const secret = secretIn(folder.path);
  assert.match(secret, /^[0-9a-f]{64}$/);
  assert.equal(secretIn(folder.path), secret);
  assert.equal(await readFile(folder.file("secret"), "utf8"), `${secret}\n`);
  assert.equal(await modeOf(folder.file("secret")), 0o600);
  assert.deepEqual(await readdir(folder.path), ["secret"]);
});

test("processes that start at once get the same secret", async () => {
  await using folder = await tempFolder();
  const module = join(import.meta.dirname, "state-folder.ts");
  const code = `import { secretIn } from ${JSON.stringify(module)}; console.log(secretIn(${JSON.stringify(folder.path)}))`;
  const args = ["--input-type=module", "-e", code];
  const all = await Promise.all(
    Array.from({ length: 4 }, () => promisify(execFile)(process.execPath, args)),
  );
  const secrets = new Set(all.map(({ stdout }) => stdout.trim()));
  assert.equal(secrets.size, 1);
  assert.deepEqual(await readdir(folder.path), ["secret"]);
});

test("a damaged secret is told of and not replaced", async () => {
  await using folder = await tempFolder();
  for (const damaged of ["", "abc", "g".repeat(64), "a".repeat(65)]) {
    await writeFile(folder.file("secret"), damaged);
    assert.throws(() => secretIn(folder.path), /is damaged: .*64 hexadecimal digits. Restore it/);
    assert.equal(await readFile(folder.file("secret"), "utf8"), damaged);
  }
  await using other = await tempFolder();
  await mkdir(other.file("secret"));
  assert.throws(() => secretIn(other.path), /the secret of cookies cannot be read/);
  assert.throws(() => secretIn(other.file("gone")), /the secret of cookies cannot be made/);
});

test("the secret that a fleet shares stands beside the own one, for nobody else to read", async () => {
  await using folder = await tempFolder();
  const own = secretIn(folder.path);
  assert.equal(sharedSecretIn(folder.path), undefined);
  const shared = "ab".repeat(32);
  keepSharedSecret(folder.path, "cd".repeat(32));
  keepSharedSecret(folder.path, shared);
  assert.equal(sharedSecretIn(folder.path), shared);
  assert.equal(secretIn(folder.path), own);
  assert.equal(await modeOf(folder.file("secret.fleet")), 0o600);
  assert.deepEqual((await readdir(folder.path)).sort(), ["secret", "secret.fleet"]);
});

test(
  "what is kept on a disk that can only be read counts still, and nothing else takes its place",
  { skip: needs("unshare") },
  async () => {
    await using folder = await tempFolder();
    const secret = secretIn(folder.path);
    const program = `
      import { secretIn, stateFolderOf } from ${JSON.stringify(join(import.meta.dirname, "state-folder.ts"))};
      process.stdout.write(secretIn(stateFolderOf(${JSON.stringify(folder.path)})));`;
    const script = `mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" --input-type=module -e "$3"`;
    const words = ["-rm", "sh", "-c", script, "sh", folder.path, process.execPath, program];
    const { stdout } = await promisify(execFile)("unshare", words, { timeout: 30_000 });
    assert.equal(stdout, secret);
  },
);
