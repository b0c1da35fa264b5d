import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
