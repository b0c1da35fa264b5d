import assert from "node:assert/strict";
import { mkdtemp, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileProvider } from "./file.ts";
import type { FileProvider } from "./file.ts";
import type { Update } from "./provider.ts";

const one = "routes: { a.test: { whoami: true } }";
const two = "routes: { a.test: { whoami: true }, b.test: { whoami: true } }";

async function withProvider(
  run: (file: string, next: () => Promise<Update>, provider: FileProvider) => Promise<void>,
) {
  const folder = await mkdtemp(join(tmpdir(), "tidegate-"));
  const file = join(folder, "t.yaml");
  await writeFile(file, one);
  const provider = fileProvider(file);
  const ending = new AbortController();
  const updates = provider.catalogs(ending.signal)[Symbol.asyncIterator]();
  try {
    const next = async () => {
      const { value, done } = await updates.next();
      assert.equal(done ?? false, false);
      return value as Update;
    };
    await run(file, next, provider);
  } finally {
    ending.abort();
    assert.equal((await updates.next()).done, true);
    await rm(folder, { recursive: true });
  }
}

function routesOf(update: Update): number {
  assert.equal(update.kind, "catalog");
  return (update as Update & { kind: "catalog" }).catalog.routes.length;
}

test("the first reading comes at once, the next with each change", { timeout: 30_000 }, () =>
  withProvider(async (file, next) => {
    assert.equal(routesOf(await next()), 1);
    const second = next();
    await writeFile(file, two);
    assert.equal(routesOf(await second), 2);
  }),
);

test("reload reads again without a change", { timeout: 30_000 }, () =>
  withProvider(async (_, next, provider) => {
    await next();
    const second = next();
    provider.reload();
    assert.equal(routesOf(await second), 1);
  }),
);

test(
  "a file that is broken, emptied or gone gives problems, never an empty catalog",
  { timeout: 30_000 },
  () =>
    withProvider(async (file, next) => {
      await next();
      const broken = next();
      await writeFile(file, "routes: [");
      assert.equal((await broken).kind, "problems");
      const emptied = next();
      await writeFile(file, "\n");
      assert.equal((await emptied).kind, "problems");
      const gone = next();
      await unlink(file);
      assert.equal((await gone).kind, "problems");
      const back = next();
      await writeFile(file, two);
      assert.equal(routesOf(await back), 2);
    }),
);
