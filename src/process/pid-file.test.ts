import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { PidFileTaken, writePidFile } from "./pid-file.ts";

const folder = mkdtempSync(join(tmpdir(), "tidegate-pid-"));
after(() => rmSync(folder, { recursive: true }));

/** A living process, with `word` in its command line. */
async function living(word: string): Promise<AsyncDisposable & { pid: number }> {
  const script = "process.stdout.write('up'); setTimeout(() => {}, 60_000)";
  const child = spawn(process.execPath, ["-e", script, word], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  await once(child.stdout, "data");
  return {
    pid: child.pid ?? 0,
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function fileWith(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test("the file holds the number while we run, and is gone after", () => {
  const path = join(folder, "plain.pid");
  {
    using file = writePidFile(path);
    assert.equal(readFileSync(file.path, "utf8"), `${process.pid}\n`);
  }
  assert.equal(existsSync(path), false);
});

test("the file of another Tidegate that lives is not taken", async () => {
  await using other = await living("tidegate");
  const path = fileWith("taken.pid", `${other.pid}\n`);
  assert.throws(
    () => writePidFile(path),
    (error) => error instanceof PidFileTaken && error.pid === other.pid,
  );
  assert.equal(readFileSync(path, "utf8"), `${other.pid}\n`);
});

test("a stale file is replaced: of a process that died, of another program, of nonsense", async () => {
  const dead = await living("tidegate");
  await dead[Symbol.asyncDispose]();
  await using stranger = await living("something-else");
  for (const text of [`${dead.pid}\n`, `${stranger.pid}\n`, "", "nobody\n", "0\n", "-1\n"]) {
    using file = writePidFile(fileWith("stale.pid", text));
    assert.equal(readFileSync(file.path, "utf8"), `${process.pid}\n`, JSON.stringify(text));
  }
});

test("a file that became somebody else's stays", () => {
  const path = join(folder, "handed.pid");
  {
    using _file = writePidFile(path);
    writeFileSync(path, "1\n");
  }
  assert.equal(readFileSync(path, "utf8"), "1\n");
});

test("nothing is left beside it, also when it could not be written", async () => {
  await using other = await living("tidegate");
  const path = fileWith("neat.pid", `${other.pid}\n`);
  assert.throws(() => writePidFile(path));
  assert.throws(() => writePidFile(join(folder, "no-such-folder", "x.pid")), /ENOENT/);
  assert.deepEqual(
    readdirSync(folder).filter((name) => !name.endsWith(".pid")),
    [],
  );
});

test("no link is followed: neither at the path nor at a name that can be foreseen", () => {
  const victim = fileWith("victim.pid", "precious\n");
  const path = join(folder, "linked.pid");
  symlinkSync(victim, path);
  const foreseen = ["", ".new", ".tmp"].map((end) => `${path}.${process.pid}${end}`);
  for (const each of foreseen) symlinkSync(victim, each);
  {
    using file = writePidFile(path);
    assert.ok(lstatSync(file.path).isFile());
    assert.equal(readFileSync(path, "utf8"), `${process.pid}\n`);
  }
  assert.equal(readFileSync(victim, "utf8"), "precious\n");
  for (const each of foreseen) rmSync(each);
});

test("the number in a file that a link leads to is not believed", async () => {
  await using other = await living("tidegate");
  const path = join(folder, "led.pid");
  symlinkSync(fileWith("elsewhere.pid", `${other.pid}\n`), path);
  using _file = writePidFile(path);
  assert.equal(readFileSync(join(folder, "elsewhere.pid"), "utf8"), `${other.pid}\n`);
});

test("a pipe at the path stops nobody, and a folder there is an error that leaves nothing", () => {
  const path = join(folder, "pipe.pid");
  execFileSync("mkfifo", [path]);
  writePidFile(path)[Symbol.dispose]();
  const inner = join(folder, "inner.pid");
  mkdirSync(join(inner, "x.pid"), { recursive: true });
  assert.throws(() => writePidFile(join(inner, "x.pid")), /EISDIR|EEXIST|ENOTEMPTY/);
  assert.deepEqual(readdirSync(inner), ["x.pid"]);
});
