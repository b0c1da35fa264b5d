import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const moduleUrl = new URL("./check.ts", import.meta.url).href;

// A process of its own: what counts is its two outputs and its exit code.
async function run(text: string, json: boolean) {
  const folder = await mkdtemp(join(tmpdir(), "tidegate-"));
  try {
    await writeFile(join(folder, "t.yaml"), text);
    const script = `import { check } from ${JSON.stringify(moduleUrl)};
      process.exitCode = await check("t.yaml", { json: ${json} });`;
    const args = ["--input-type=module", "-e", script];
    return await new Promise<{ code: unknown; out: string; err: string }>((done) => {
      execFile(process.execPath, args, { cwd: folder, timeout: 20_000 }, (error, out, err) => {
        done({ code: error === null ? 0 : error.code, out, err });
      });
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}

test("a good file is summed up", async () => {
  const { code, out, err } = await run("routes: { a.test: http://127.0.0.1:1 }", false);
  assert.deepEqual(
    { code, out, err },
    { code: 0, out: "ok: 1 route, 1 service, 1 listener\n", err: "" },
  );
});

test("a bad file is told on stderr and exits 1", async () => {
  const { code, out, err } = await run("routs: {}\nworkers: x\n", false);
  assert.equal(code, 1);
  assert.equal(out, "");
  assert.match(err, /^t\.yaml:1:1: .*write routes$/m);
  assert.match(err, /^t\.yaml:2:10: workers: /m);
});

test("with json the problems are data on stdout", async () => {
  const { code, out, err } = await run("workers: x", true);
  assert.equal(code, 1);
  assert.equal(err, "");
  const problems = JSON.parse(out) as { line: number; path: string; severity: string }[];
  assert.ok(problems.some(({ path, severity }) => path === "workers" && severity === "error"));
});
