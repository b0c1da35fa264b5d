import { match, ok, strictEqual, throws } from "node:assert";
import { copyFileSync, mkdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { existsSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { test } from "node:test";
import { commit, databaseIn, routeChange, storeIn } from "../../test/harness/store-sample.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { backUp } from "./backup.ts";
import { storeName } from "./database.ts";
import { Store } from "./store.ts";
import { StoreFault } from "./store-fault.ts";

function fill(folder: string, count: number): void {
  using store = storeIn(folder);
  for (let n = 0; n < count; n++) {
    commit(store, [routeChange(`r${n}`, `http://10.0.0.1:${n}/${"x".repeat(500)}`)]);
  }
}

test("the file is for its owner alone, and nothing else is left when it is closed", async () => {
  await using folder = await tempFolder();
  {
    using database = databaseIn(folder.path);
    for (const end of ["", "-wal", "-shm"]) {
      strictEqual(statSync(`${database.path}${end}`).mode & 0o777, 0o600, end);
    }
  }
  ok(existsSync(folder.file(storeName)));
  ok(!existsSync(folder.file(`${storeName}-wal`)));
});

test("a file cut short is refused with what to do, wherever it was cut, and is left as it is", async () => {
  await using folder = await tempFolder();
  fill(folder.path, 60);
  const path = folder.file(storeName);
  const whole = folder.file("whole");
  copyFileSync(path, whole);
  const { size } = statSync(whole);
  let refused = 0;
  for (const length of [0, 1, 50, 100, 4095, 4096, 8192, 20_000, size - 4096, size - 1]) {
    copyFileSync(whole, path);
    truncateSync(path, length);
    const before = readFileSync(path);
    throws(
      () => databaseIn(folder.path),
      (error) => error instanceof StoreFault && /put a backup in the place/.test(error.message),
      `cut at ${length}`,
    );
    ok(readFileSync(path).equals(before), `untouched, cut at ${length}`);
    refused++;
  }
  strictEqual(refused, 10);
});

test("what is no store is refused and left as it is", async () => {
  await using folder = await tempFolder();
  const path = folder.file(storeName);
  writeFileSync(path, "hello ".repeat(2000));
  throws(() => databaseIn(folder.path), /is damaged: file is not a database/);
  strictEqual(readFileSync(path, "utf8").length, 12_000);
  rmSync(path);
  const other = new DatabaseSync(path);
  other.exec("CREATE TABLE mine (x)");
  other.close();
  throws(() => databaseIn(folder.path), /it is not a store of Tidegate/);
  rmSync(path);
  writeFileSync(`${path}-wal`, "something");
  throws(() => databaseIn(folder.path), /is missing, and .*-wal is still there/);
});

test("what is no file is refused, a link leads to the file with its log, and one to nothing is told", async () => {
  await using folder = await tempFolder();
  await using real = await tempFolder();
  const path = folder.file(storeName);
  mkdirSync(path);
  throws(() => databaseIn(folder.path), /is no file: move it away/);
  rmSync(path, { recursive: true });
  symlinkSync(real.file(storeName), path);
  throws(() => databaseIn(folder.path), /is a link to nothing/);
  fill(real.path, 60);
  // As after a kill while the log was being put into the file: its first page is there already.
  const killed = new DatabaseSync(real.file(storeName));
  killed.exec("PRAGMA wal_autocheckpoint = 0; CREATE TABLE more (x); INSERT INTO more VALUES (1)");
  copyFileSync(real.file(`${storeName}-wal`), real.file("wal"));
  killed.close();
  const { size } = statSync(real.file(storeName));
  truncateSync(real.file(storeName), size - 4096);
  copyFileSync(real.file("wal"), real.file(`${storeName}-wal`));
  using database = databaseIn(folder.path);
  strictEqual(new Store(database).revision, 60);
});

test("a store of a newer version is refused, and says which to start", async () => {
  await using folder = await tempFolder();
  fill(folder.path, 1);
  const sql = new DatabaseSync(folder.file(storeName));
  sql.exec("PRAGMA user_version = 999");
  sql.close();
  throws(() => databaseIn(folder.path), /newer version of Tidegate \(its format is 999/);
});

test("a program that runs keeps a second one out, and one that was killed does not", async () => {
  await using folder = await tempFolder();
  using first = databaseIn(folder.path, { main: "100 7" });
  const other = { main: "200 7", process: "201 7" };
  throws(
    () => databaseIn(folder.path, { ...other, isAlive: (each) => each === "100 7" }),
    /in use by another Tidegate, process 100: stop that one, or give this one a stateFolder/,
  );
  commit(new Store(first), [routeChange("a", "http://a")]);
  using second = databaseIn(folder.path, { ...other, isAlive: () => false });
  strictEqual(new Store(second).items.size, 1);
});

test("a successor writes, and who was before it writes no more, unless the successor came to nothing", async () => {
  await using folder = await tempFolder();
  const alive = new Set(["100 7", "101 7", "102 7"]);
  const isAlive = (each: string) => alive.has(each);
  using first = databaseIn(folder.path, { main: "100 7", process: "101 7", isAlive });
  const before = new Store(first);
  commit(before, [routeChange("a", "http://a")]);
  {
    using second = databaseIn(folder.path, { main: "100 7", process: "102 7", isAlive });
    throws(() => commit(before, [routeChange("b", 1)]), /a newer process has taken over/);
    strictEqual(before.items.size, 1);
    strictEqual(new Store(second).revision, 1);
    alive.delete("102 7");
    commit(before, [routeChange("b", "http://b")]);
    // Should it be there after all, it is no more the one who writes.
    alive.add("102 7");
    throws(() => second.transaction(() => undefined), /a newer process has taken over/);
  }
  commit(before, [routeChange("c", "http://c")]);
  strictEqual(before.items.size, 3);
});

test("who missed changes of another process does not write over them", async () => {
  await using folder = await tempFolder();
  using first = databaseIn(folder.path, { process: "101 7" });
  const before = new Store(first);
  {
    using second = databaseIn(folder.path, { process: "102 7" });
    commit(new Store(second), [routeChange("a", "http://a")]);
  }
  throws(() => commit(before, [routeChange("b", 1)]), /another process has changed the store/);
});

test("a backup is whole, private, and can be opened while the program it is from runs", async () => {
  await using folder = await tempFolder();
  await using other = await tempFolder();
  using database = databaseIn(folder.path, { main: "100 7" });
  commit(new Store(database), [routeChange("a", "http://a")]);
  const path = other.file(storeName);
  await backUp(database, path);
  strictEqual(statSync(path).mode & 0o777, 0o600);
  using copy = databaseIn(other.path, { main: "200 7", isAlive: () => true });
  strictEqual(new Store(copy).items.get("routes a")?.text, '"http://a"');
  const refusal = await backUp(database, path).catch((error: unknown) => error);
  ok(refusal instanceof StoreFault);
  match(refusal.message, /there is a file of that name/);
  const nowhere = await backUp(database, other.file("no/x.db")).catch((error: unknown) => error);
  match(String(nowhere), /there is no such folder/);
});
