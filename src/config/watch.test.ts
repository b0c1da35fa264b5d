import assert from "node:assert/strict";
import { mkdir, mkdtemp, rename, rm, symlink, unlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { watchConfigFile } from "./watch.ts";

// Each change is made after `changed()` began to wait for it.
async function withWatch(
  run: (file: string, changed: () => Promise<unknown>, folder: string) => Promise<void>,
  prepare?: (folder: string) => Promise<string>,
) {
  const folder = await mkdtemp(join(tmpdir(), "tidegate-"));
  const file = (await prepare?.(folder)) ?? join(folder, "t.yaml");
  if (prepare === undefined) await writeFile(file, "one");
  const ending = new AbortController();
  const hints = watchConfigFile(
    file,
    AbortSignal.any([ending.signal, AbortSignal.timeout(20_000)]),
  );
  try {
    assert.equal((await hints.next()).done, false, "it says that it watches");
    await run(file, async () => assert.equal((await hints.next()).done, false), folder);
  } finally {
    ending.abort();
    await hints.return(undefined);
    await rm(folder, { recursive: true });
  }
}

test("writing in place is a change", { timeout: 30_000 }, () =>
  withWatch(async (file, changed) => {
    const change = changed();
    await writeFile(file, "two, written in place");
    await change;
  }),
);

test("putting another file in its place is a change, each time", { timeout: 30_000 }, () =>
  withWatch(async (file, changed, folder) => {
    for (const text of ["two", "three"]) {
      const change = changed();
      await writeFile(join(folder, "new"), text);
      await rename(join(folder, "new"), file);
      await change;
    }
  }),
);

test("deleting and creating anew are two changes", { timeout: 30_000 }, () =>
  withWatch(async (file, changed) => {
    const gone = changed();
    await unlink(file);
    await gone;
    const back = changed();
    await writeFile(file, "two");
    await back;
  }),
);

test("a link swapped above the file is a change", { timeout: 30_000 }, () =>
  withWatch(
    async (_, changed, folder) => {
      const change = changed();
      await symlink("v2", join(folder, "..tmp"));
      await rename(join(folder, "..tmp"), join(folder, "..data"));
      await change;
    },
    async (folder) => {
      for (const version of ["v1", "v2"]) {
        await mkdir(join(folder, version));
        await writeFile(join(folder, version, "t.yaml"), version);
      }
      await symlink("v1", join(folder, "..data"));
      await symlink("..data/t.yaml", join(folder, "t.yaml"));
      return join(folder, "t.yaml");
    },
  ),
);

test("a touch and the same text again are no change", { timeout: 30_000 }, () =>
  withWatch(async (file, changed) => {
    let isChanged = false;
    const change = changed().then(() => {
      isChanged = true;
    });
    await utimes(file, 1, 1);
    await writeFile(`${file}.new`, "one");
    await rename(`${file}.new`, file);
    // That nothing happens can only be seen by waiting: here for longer than changes settle. The real
    // change after it proves the watch is alive.
    await new Promise((wake) => setTimeout(wake, 300));
    assert.equal(isChanged, false);
    await writeFile(file, "two");
    await change;
  }),
);

test("the end of the signal ends the watch", { timeout: 30_000 }, async () => {
  const ending = new AbortController();
  const hints = watchConfigFile("/nonexistent/t.yaml", ending.signal);
  await hints.next();
  const next = hints.next();
  ending.abort();
  assert.equal((await next).done, true);
});
