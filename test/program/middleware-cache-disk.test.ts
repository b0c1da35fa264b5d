// The cache of a route on disk: what outlives a program and a worker, what is taken out of it for good, and what it does when
// the disk is not what it should be.

import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ask, field } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { freePort } from "../harness/free-port.ts";
import { type HttpOrigin, httpOrigin } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

interface Counting extends HttpOrigin {
  count(): number;
}

/** Says how often it was asked. */
async function counting(more: Readonly<Record<string, string>> = {}, size = 0): Promise<Counting> {
  let count = 0;
  const made = await httpOrigin((request, response) => {
    count++;
    response.writeHead(200, { "Cache-Control": "max-age=600", ...more });
    response.end(`${request.url} ${count}${".".repeat(size)}`);
  });
  return Object.assign(made, { count: () => count });
}

interface Wishes {
  readonly cache?: object;
  readonly workers?: number;
}

/** On a port that stays the same: it is part of what is kept. */
async function start(service: string, { cache = {}, workers }: Wishes = {}): Promise<Tidegate> {
  return startTidegate({
    config: {
      listeners: { web: `127.0.0.1:${await freePort()}` },
      workers: workers ?? 0,
      routes: {
        "app.test": { service, middlewares: { cache: { disk: true, ...cache } } },
      },
    },
    ...(workers === undefined ? {} : { workers }),
  });
}

const rootOf = ({ folder }: Tidegate) => join(folder, "state", "cache");

/** Whole files. */
async function filesOf(program: Tidegate): Promise<string[]> {
  const all = await readdir(rootOf(program), { recursive: true, withFileTypes: true });
  const files = all.filter((each) => each.isFile()).map((each) => join(each.parentPath, each.name));
  return files.filter((path) => !path.endsWith(".tmp"));
}

const untilFiles = (program: Tidegate, count: number) =>
  eventually(
    `${count} files`,
    async () => {
      // What is on its way out may go while it is looked at.
      const files = await filesOf(program).catch(() => undefined);
      return files?.length === count ? files : undefined;
    },
    20_000,
  );

const bodyOf = async (program: Tidegate, path = "/") => (await ask(program.port(), { path })).body;

const command = (program: Tidegate, ...words: readonly string[]) =>
  runCommand(tidegate, ["cache", ...words, "--control", program.control], { timeoutMs: 60_000 });

test("what is kept outlives the program, in files that nobody else may read", async () => {
  await using backend = await counting({ "X-Said": "yes", ETag: '"e"' });
  await using program = await start(backend.url);
  assert.equal(await bodyOf(program), "/ 1");
  const [path = ""] = await untilFiles(program, 1);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.equal((await stat(rootOf(program))).mode & 0o777, 0o700);
  await program.stop();
  await using again = await program.startAgain();
  const found = await ask(again.port());
  assert.deepEqual([found.status, found.body, field(found, "x-said")], [200, "/ 1", "yes"]);
  assert.match(field(found, "cache-status"), /hit; ttl=\d+; detail=disk/);
  assert.match(field(found, "age"), /^\d+$/);
  // From then on it is in memory.
  assert.doesNotMatch(field(await ask(again.port()), "cache-status"), /disk/);
  const part = await ask(again.port(), { headers: { Range: "bytes=2-2" } });
  assert.deepEqual([part.status, part.body], [206, "1"]);
  assert.equal(backend.count(), 1);
});

test("a HEAD and a part are answered from disk too", async () => {
  await using backend = await counting();
  await using program = await start(backend.url);
  await bodyOf(program, "/a");
  await bodyOf(program, "/b");
  await untilFiles(program, 2);
  await program.stop();
  await using again = await program.startAgain();
  const head = await ask(again.port(), { method: "HEAD", path: "/a" });
  assert.match(field(head, "cache-status"), /disk/);
  const part = await ask(again.port(), { path: "/b", headers: { Range: "bytes=0-1" } });
  assert.deepEqual([part.status, part.body], [206, "/b"]);
  assert.equal(backend.count(), 2);
});

test("what varies is found by what it varies by", async () => {
  const wish = (language: string) => ({ headers: { "Accept-Language": language } });
  let count = 0;
  await using backend = await httpOrigin((request, response) => {
    response.writeHead(200, { "Cache-Control": "max-age=600", Vary: "Accept-Language" });
    response.end(`${request.headers["accept-language"]} ${++count}`);
  });
  await using program = await start(backend.url);
  await ask(program.port(), wish("de"));
  await ask(program.port(), wish("en"));
  await untilFiles(program, 3);
  await program.stop();
  await using again = await program.startAgain();
  assert.equal((await ask(again.port(), wish("en"))).body, "en 2");
  assert.equal((await ask(again.port(), wish("de"))).body, "de 1");
  assert.equal((await ask(again.port(), wish("fr"))).body, "fr 3");
});

test("what was taken out does not come back with the next start", async () => {
  await using backend = await counting({ "Cache-Tag": "all one" });
  await using program = await start(backend.url, { cache: { purge: ["127.0.0.1"] } });
  const paths = ["/url", "/purge", "/post", "/prefix/x", "/tag", "/left"];
  for (const path of paths) await bodyOf(program, path);
  await untilFiles(program, paths.length);
  await program.stop();
  // None of it is in anybody's memory now.
  await using second = await program.startAgain();
  assert.match(
    (await command(second, "purge", "--prefix", await keptUrl(second, "/prefix"))).stdout,
    /^1 /,
  );
  assert.match((await command(second, "purge", await keptUrl(second, "/url"))).stdout, /^1 /);
  assert.equal((await ask(second.port(), { path: "/purge", method: "PURGE" })).body, "1\n");
  await ask(second.port(), { path: "/post", method: "POST", body: "x" });
  await untilFiles(second, 2);
  await second.stop();
  await using third = await program.startAgain();
  assert.equal(await bodyOf(third, "/left"), "/left 6");
  for (const path of ["/url", "/purge", "/post", "/prefix/x"]) {
    assert.notEqual(await bodyOf(third, path), `${path} ${paths.indexOf(path) + 1}`, path);
  }
  assert.match((await command(third, "purge", "--tag", "one")).stdout, /^[1-9]/);
  await untilFiles(third, 0);
  await bodyOf(third, "/tag");
  await untilFiles(third, 1);
  assert.match((await command(third, "purge", "--all")).stdout, /^[1-9]/);
  await untilFiles(third, 0);
});

/** As it was asked for. */
async function keptUrl(program: Tidegate, path: string): Promise<string> {
  for (const file of await filesOf(program)) {
    const found = /"url":"(http:\/\/[^/"]*)/.exec((await readFile(file)).toString("latin1"));
    if (found?.[1] !== undefined) return `${found[1]}${path}`;
  }
  throw new Error("nothing is kept");
}

test("two workers share what is there, also when one is killed", async () => {
  await using backend = await counting();
  await using program = await start(backend.url, { workers: 2 });
  const paths = Array.from({ length: 20 }, (_, at) => `/${at}`);
  const all = () => Promise.all(paths.map((path) => bodyOf(program, path)));
  const first = await all();
  await untilFiles(program, paths.length);
  const { stdout } = await runCommand(
    tidegate,
    ["workers", "--json", "--control", program.control],
    { timeoutMs: 60_000 },
  );
  const before = (JSON.parse(stdout) as { pid: number }[]).map(({ pid }) => pid);
  for (const pid of before) {
    process.kill(pid, "SIGKILL");
    await eventually("another worker", async () => {
      const rows = await runCommand(tidegate, ["workers", "--json", "--control", program.control], {
        timeoutMs: 60_000,
      });
      const live = JSON.parse(rows.stdout) as { pid: number; state: string }[];
      const isReplaced = live.length === 2 && live.every((each) => each.state === "live");
      return (isReplaced && !live.some((each) => each.pid === pid)) || undefined;
    });
  }
  assert.deepEqual(await all(), first);
  assert.equal(backend.count(), paths.length);
  const [row] = JSON.parse((await command(program, "--json")).stdout) as {
    diskHits: number;
    diskBytes: number;
  }[];
  assert.ok(row !== undefined && row.diskHits > 0, JSON.stringify(row));
  assert.match((await command(program)).stdout, /DISK HITS/);
});

test("what memory has no room for is found on disk", async () => {
  await using backend = await counting({}, 100_000);
  await using program = await start(backend.url, { cache: { memory: "1MiB" } });
  const paths = Array.from({ length: 30 }, (_, at) => `/${at}`);
  for (const path of paths) await bodyOf(program, path);
  await untilFiles(program, paths.length);
  const found = await ask(program.port(), { path: "/0" });
  assert.match(found.body, /^\/0 1\./);
  assert.match(field(found, "cache-status"), /disk/);
  assert.equal(backend.count(), paths.length);
});

test("there is never more on disk than may be", async () => {
  const size = 16 * 1024 * 1024;
  await using backend = await counting({}, 400_000);
  await using program = await start(backend.url, {
    cache: { disk: { size: "16MiB" }, memory: "8MiB" },
  });
  const bytes = async () => {
    let sum = 0;
    for (const path of await filesOf(program).catch(() => [])) {
      sum += (await stat(path).catch(() => ({ size: 0 }))).size;
    }
    return sum;
  };
  let most = 0;
  for (let at = 0; at < 100; at++) {
    await bodyOf(program, `/${at}`);
    if (at % 10 === 9) most = Math.max(most, await bytes());
  }
  assert.ok(most <= size, String(most));
  await eventually("what is newest", async () => {
    const found = await bytes();
    assert.ok(found <= size, String(found));
    await bodyOf(program, `/${Math.random()}`);
    return found > 0.5 * size || undefined;
  });
});

test("what is damaged, foreign or no file is not given, and keeps nobody from being served", async () => {
  await using backend = await counting();
  await using program = await start(backend.url);
  for (const path of ["/cut", "/changed", "/link", "/whole"]) await bodyOf(program, path);
  const files = await untilFiles(program, 4);
  await program.stop();
  for (const path of files) {
    const text = await readFile(path);
    const [, url = ""] = /"url":"http:\/\/[^/"]*(\/[^"]*)"/.exec(text.toString("latin1")) ?? [];
    if (url === "/cut") await writeFile(path, text.subarray(0, text.length - 1));
    if (url === "/changed")
      await writeFile(
        path,
        Buffer.from(text.toString("latin1").replace("changed 2", "changed 9"), "latin1"),
      );
    if (url !== "/link") continue;
    await writeFile(join(program.folder, "secret"), text);
    await rm(path);
    await symlink(join(program.folder, "secret"), path);
  }
  await writeFile(join(rootOf(program), "rubbish"), "x");
  await mkdir(join(rootOf(program), "f".repeat(32)));
  await symlink("/", join(rootOf(program), "e".repeat(32)));
  await using again = await program.startAgain();
  assert.equal(await bodyOf(again, "/cut"), "/cut 5");
  assert.equal(await bodyOf(again, "/changed"), "/changed 6");
  assert.equal(await bodyOf(again, "/link"), "/link 7");
  assert.equal(await bodyOf(again, "/whole"), "/whole 4");
  assert.equal((await command(again, "purge", "--all")).code, 0);
  assert.ok((await readdir(rootOf(again))).includes("rubbish"));
});

test("without its folder it goes on from memory, and makes it again", async () => {
  await using backend = await counting();
  await using program = await start(backend.url);
  await bodyOf(program, "/a");
  await untilFiles(program, 1);
  await rm(rootOf(program), { recursive: true });
  assert.equal(await bodyOf(program, "/a"), "/a 1");
  assert.equal(await bodyOf(program, "/b"), "/b 2");
  await untilFiles(program, 1);
});

test("a folder that others may enter is not used", async () => {
  await using backend = await counting();
  await using program = await start(backend.url);
  await bodyOf(program);
  await untilFiles(program, 1);
  await program.stop();
  await chmod(rootOf(program), 0o755);
  await using again = await program.startAgain();
  assert.equal(await bodyOf(again), "/ 2");
  assert.equal(await bodyOf(again), "/ 2");
  assert.match(again.stderr(), /chmod 700.*the disk of caches cannot be used/);
  // What is there could come back once it may be used.
  const purged = await command(again, "purge", "--all");
  assert.notEqual(purged.code, 0);
  assert.match(purged.stdout + purged.stderr, /some may be left on disk: .*chmod 700/);
});

test("what is not to be kept is on no disk either", async () => {
  await using backend = await counting({ "Cache-Control": "private, max-age=600" });
  await using program = await start(backend.url);
  await bodyOf(program);
  await bodyOf(program);
  await program.stop();
  assert.deepEqual(await filesOf(program), []);
});
