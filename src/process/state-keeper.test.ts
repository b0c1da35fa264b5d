import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  chmod,
  chown,
  lstat,
  mkdir,
  readdir,
  readFile,
  symlink,
  writeFile,
} from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { needsRoot } from "../../test/harness/needs-root.ts";
import { type TempFolder, tempFolder } from "../../test/harness/temp-folder.ts";
import { readConfig } from "../config/read.ts";
import type { Catalog } from "../config/snapshot.ts";
import { HolderMemory } from "./holder-memory.ts";
import { ProviderMemory } from "./provider-memory.ts";
import { StateKeeper } from "./state-keeper.ts";

const nobody = { uid: 65_534, gid: 65_534 };
const rootOnly = { skip: needsRoot() };

/** A folder of root's that everybody may look into, as those of a system are. */
async function publicFolder(): Promise<TempFolder> {
  const folder = await tempFolder();
  await chmod(folder.path, 0o755);
  return folder;
}

function catalogOf(stateFolder: string): Catalog {
  const services = { shop: { backends: ["http://127.0.0.1:1"], sticky: true } };
  const routes = { shop: { host: "shop.test", service: "shop" } };
  const text = JSON.stringify({ listeners: { web: "127.0.0.1:0" }, stateFolder, services, routes });
  const { snapshot, problems } = readConfig(text, { file: "test.json", baseFolder: "/" });
  assert.ok(snapshot, JSON.stringify(problems));
  return snapshot;
}

function keeper(stateFolder: string) {
  const causes: string[] = [];
  const ignore = () => {};
  const keeping = new StateKeeper({
    debug: ignore,
    info: ignore,
    error: ignore,
    warn: (_, fields = {}) => void causes.push(String(fields["cause"])),
  });
  return {
    keeping,
    causes,
    /** As a program does that becomes nobody: the first configuration is read as root. */
    start() {
      const secret = keeping.secretFor(catalogOf(stateFolder), nobody);
      keeping.prepare(stateFolder, nobody);
      assert.equal(process.geteuid?.(), 0, "root again");
      return secret;
    },
  };
}

const ownerOf = async (path: string) => (await lstat(path)).uid;

async function readAsNobody(path: string): Promise<string> {
  const { stdout } = await promisify(execFile)("/bin/cat", [path], { ...nobody, timeout: 20_000 });
  return stdout.trim();
}

test("a folder of root's is not given away by a link of the account's", rootOnly, async () => {
  await using folder = await publicFolder();
  const [home, victim] = [folder.file("home"), folder.file("victim")];
  await mkdir(home);
  await mkdir(victim, { mode: 0o700 });
  await symlink(victim, `${home}/state`);
  await chown(home, nobody.uid, nobody.gid);
  const { start, causes, keeping } = keeper(`${home}/state`);
  assert.match(start(), /^[0-9a-f]{64}$/, "sessions are kept in memory");
  assert.equal(await ownerOf(victim), 0);
  assert.deepEqual(await readdir(victim), [], "nor is anything written there");
  assert.equal(keeping.folder(`${home}/state`), undefined);
  assert.equal(causes.length, 1);
  assert.match(causes[0] ?? "", /state as the state folder: .*stateFolder/);
});

test(
  "nor by a link higher up, or one of root's that leads through the account's",
  rootOnly,
  async () => {
    await using folder = await publicFolder();
    const [home, system] = [folder.file("home"), folder.file("system")];
    await mkdir(home);
    await mkdir(`${system}/state`, { recursive: true, mode: 0o755 });
    await chmod(`${system}/state`, 0o700);
    await symlink(system, `${home}/link`);
    await chown(home, nobody.uid, nobody.gid);
    await symlink(`${home}/link`, folder.file("link"));
    for (const path of [`${home}/link/state`, folder.file("link/state"), folder.file("link/new")]) {
      const { start, causes } = keeper(path);
      start();
      assert.equal(causes.length, 1, path);
    }
    assert.equal(await ownerOf(`${system}/state`), 0);
    assert.deepEqual(await readdir(system), ["state"]);
  },
);

test(
  "where root alone decides it is made for the account, and so is its secret",
  rootOnly,
  async () => {
    await using folder = await publicFolder();
    const path = folder.file("lib/tidegate");
    const { start, causes } = keeper(path);
    const secret = start();
    assert.deepEqual(causes, []);
    assert.equal(await readAsNobody(`${path}/secret`), secret);
    const { uid, gid, mode } = await lstat(path);
    assert.deepEqual([uid, gid, mode & 0o777], [nobody.uid, nobody.gid, 0o700]);
    const again = keeper(path);
    assert.equal(again.start(), secret);
    assert.deepEqual(again.causes, []);
  },
);

test("what a start as root has left is handed over with its contents", rootOnly, async () => {
  await using folder = await publicFolder();
  const path = folder.file("state");
  const { keeping } = keeper(path);
  const secret = keeping.secretFor(catalogOf(path), undefined);
  assert.equal(await ownerOf(path), 0);
  await mkdir(`${path}/alerts`, { mode: 0o700 });
  await writeFile(`${path}/alerts/open.json`, "{}", { mode: 0o600 });
  const quiet = () => undefined;
  const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const memory = { log, name: "kept", folder: () => path };
  new HolderMemory(log, () => path).keep(new Map([["a.test", "shop"]]));
  const kept = new ProviderMemory<number>(memory);
  kept.keep("redis", [], 1);
  kept.flush();
  const { start, causes } = keeper(path);
  assert.equal(start(), secret);
  assert.deepEqual(causes, []);
  assert.equal(await readAsNobody(`${path}/secret`), secret);
  assert.equal(await readAsNobody(`${path}/alerts/open.json`), "{}");
  for (const name of await readdir(path)) {
    assert.equal(await ownerOf(`${path}/${name}`), nobody.uid, name);
  }
});

test("in a home of the account's it makes the folder itself", rootOnly, async () => {
  await using folder = await publicFolder();
  const home = folder.file("home");
  await mkdir(home);
  await chown(home, nobody.uid, nobody.gid);
  const { start, causes } = keeper(`${home}/a/state`);
  const secret = start();
  assert.deepEqual(causes, []);
  assert.equal(await readAsNobody(`${home}/a/state/secret`), secret);
  assert.equal(await ownerOf(`${home}/a`), nobody.uid);
});

test("what is not ours to give stays as it is, with the reason told", rootOnly, async () => {
  await using folder = await publicFolder();
  const [full, open, other] = [folder.file("full"), folder.file("open"), folder.file("other")];
  for (const each of [full, open, other]) await mkdir(each);
  await writeFile(`${full}/passwd`, "");
  await chmod(open, 0o777);
  await chown(other, 12_345, 12_345);
  const expected: [string, number, RegExp][] = [
    [full, 0, /it belongs to user 0, and this is user 65534\. Give it to/],
    [open, 0, /it belongs to user 0/],
    [other, 12_345, /it belongs to user 12345/],
  ];
  for (const [path, owner, why] of expected) {
    const { start, causes } = keeper(path);
    start();
    assert.equal(await ownerOf(path), owner);
    assert.match(causes.join(), why);
  }
  assert.equal(await readFile(`${full}/passwd`, "utf8"), "");
  assert.deepEqual(await readdir(full), ["passwd"]);
});

test("caches have one folder, whatever the file says later, and none is made where nobody wants one", async () => {
  await using folder = await tempFolder();
  const [first, second] = [folder.file("first"), folder.file("second")];
  const { keeping } = keeper(first);
  const plain = catalogOf(first);
  assert.equal(keeping.cacheFolderFor(plain, undefined), join(first, "cache"));
  assert.equal(existsSync(first), false);
  const use = { kind: "cache", disk: 1 };
  const routes = plain.routes.map((each) => ({ ...each, middlewares: [use] as never }));
  assert.equal(keeping.cacheFolderFor({ ...plain, routes }, undefined), join(first, "cache"));
  assert.equal(existsSync(first), true);
  for (const each of [{ ...plain, routes }, plain]) {
    const changed = { ...each, stateFolder: second };
    assert.equal(keeping.cacheFolderFor(changed, undefined), join(first, "cache"));
  }
  assert.equal(existsSync(second), false);
});

test("the secret of a fleet goes first, those before are kept, and it outlives the program", async () => {
  await using folder = await tempFolder();
  const catalog = catalogOf(folder.file("state"));
  const fleet: Catalog["fleet"] = {
    server: {
      ...{ place: "t", endpoints: [], prefix: "f/", tls: undefined },
      ...{ username: undefined, password: undefined },
    },
    ...{ node: "one", ttl: 10_000 },
  };
  const shared = "ab".repeat(32);
  const { keeping } = keeper(folder.file("state"));
  assert.equal(keeping.share(shared, folder.file("state")), false, "no cookie is made here yet");
  const own = keeping.secretFor({ ...catalog, fleet }, undefined);
  assert.match(own, /^[0-9a-f]{64}$/);
  assert.equal(keeping.offered, own);
  assert.equal(keeping.share(own, folder.file("state")), false, "it is ours that all have");
  assert.equal(keeping.secretFor({ ...catalog, fleet }, undefined), own);
  assert.equal(keeping.share(shared, folder.file("state")), true);
  assert.equal(keeping.share(shared, folder.file("state")), false);
  assert.equal(keeping.secretFor({ ...catalog, fleet }, undefined), `${shared} ${own}`);
  const again = keeper(folder.file("state")).keeping;
  assert.equal(again.secretFor({ ...catalog, fleet }, undefined), `${shared} ${own}`);
  assert.equal(again.offered, shared, "an etcd that lost its data gets it back");
  // Who leaves the fleet goes back to its own, and knows what it gave away meanwhile.
  assert.equal(again.secretFor(catalog, undefined), `${own} ${shared}`);
});
