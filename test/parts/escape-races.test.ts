// Names that change places during look-ups, at least 10,000 times in each test: ours never leaks, and it is shown that
// finders that look first and open then do, in the same race.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import {
  checkedAsk,
  checkedList,
  checkedRead,
  checkingHangs,
  climbingRead,
} from "../harness/guest-naive.ts";
import { startSwapper, swapperNeeds } from "../harness/guest-swapper.ts";
import {
  descriptors,
  makeWorld,
  publicText,
  sameDescriptors,
  tell,
  tellSocket,
  type World,
} from "../harness/guest-world.ts";
import { needs } from "../harness/needs.ts";

const leastSwaps = 10_000;
const leastLookUps = 300;
/** For the naive finder to leak once; it takes milliseconds. */
const patience = 30_000;

interface Race {
  /** Names that change places. */
  readonly pairs: readonly string[];
  /** What ours says: a text, or the kind of what it did not find. */
  ours(): Promise<string>;
  /** What the naive finder gets. */
  naive(): Promise<string>;
  /** All that ours may say. */
  readonly fine: readonly string[];
}

const spoken = (told: Awaited<ReturnType<typeof tell>>) => ("text" in told ? told.text : told.kind);

async function run(context: TestContext, world: World, race: Race): Promise<void> {
  assert.ok(race.fine.includes(await race.ours()), "the site is not served");
  const before = await descriptors();
  await using swapper = await startSwapper(...race.pairs);
  const saw = new Map<string, number>();
  let tries = 0;
  let hasLeaked = false;
  const until = performance.now() + patience;
  while (swapper.swaps < leastSwaps || tries < leastLookUps || !hasLeaked) {
    const said = await race.ours();
    tries += 1;
    saw.set(said, (saw.get(said) ?? 0) + 1);
    assert.ok(race.fine.includes(said), `ours said ${said} after ${tries} look-ups`);
    const naive = await race.naive().catch(() => "");
    hasLeaked ||= naive.includes(world.secret);
    assert.ok(performance.now() < until, `no leak of the naive finder in ${tries} tries`);
  }
  context.diagnostic(`${swapper.swaps} swaps, ${tries} look-ups: ${JSON.stringify([...saw])}`);
  assert.ok((saw.get(race.fine[0] ?? "") ?? 0) > 0, "the right one was never found");
  await swapper[Symbol.asyncDispose]();
  await sameDescriptors(before + 6);
}

/** Reads a file, both ways. */
function reading(world: World, path: string, pairs: readonly string[]): Race {
  return {
    pairs,
    ours: async () => spoken(await tell(await world.premises.find(path))),
    naive: () => checkedRead(world.root, path),
    fine: [publicText, "nothing"],
  };
}

describe("names that change places", { skip: needs(...swapperNeeds), timeout: 240_000 }, () => {
  test("a file and a link", async (context) => {
    await using world = await makeWorld();
    await world.link("/www/evil", world.secretFile);
    const pairs = [world.inside("/www/index.html"), world.inside("/www/evil")];
    await run(context, world, reading(world, "/www/index.html", pairs));
  });

  for (const at of [1, 2, 3, 4]) {
    test(`folder ${at} of four, and a link`, async (context) => {
      await using world = await makeWorld();
      const pairs = await fourFolders(world);
      await run(
        context,
        world,
        reading(world, "/f1/f2/f3/f4/file", pairs.slice(2 * at - 2, 2 * at)),
      );
    });
  }

  test("four folders at once, each with a link", async (context) => {
    await using world = await makeWorld();
    const [a = "", b = "", c = "", d = "", e = "", f = "", g = "", h = ""] =
      await fourFolders(world);
    const pairs = [g, h, e, f, c, d, a, b];
    await run(context, world, reading(world, "/f1/f2/f3/f4/file", pairs));
  });

  test("a link that stays inside and one that does not, as when a site is deployed", async (context) => {
    await using world = await makeWorld();
    await world.file("/www/deep/file", publicText);
    await writeFile(join(world.outside, "file"), world.secret);
    await world.link("/www/current", "deep");
    await world.link("/www/evil", "../../outside");
    const pairs = [world.inside("/www/current"), world.inside("/www/evil")];
    await run(context, world, reading(world, "/www/current/file", pairs));
  });

  test("a folder that moves up while somebody climbs out of it", async (context) => {
    await using world = await makeWorld();
    await world.folder("/a/b/c");
    await world.folder("/a/c");
    await world.folder("/outside");
    await world.file("/outside/secret.txt", publicText);
    // From /a/c the third one up is above the root.
    const path = "/a/b/c/../../../outside/secret.txt";
    const pairs = [world.inside("/a/b/c"), world.inside("/a/c")];
    await run(context, world, {
      ...reading(world, path, pairs),
      naive: () => climbingRead(world.root, path),
    });
  });

  test("a file and a FIFO: who looks first and opens then, hangs", async (context) => {
    await using world = await makeWorld();
    execFileSync("mkfifo", [world.inside("/www/fifo")]);
    const pairs = [world.inside("/www/index.html"), world.inside("/www/fifo")];
    let hangs: boolean | undefined;
    await run(context, world, {
      ...reading(world, "/www/index.html", pairs),
      fine: [publicText, "refused"],
      naive: async () => {
        hangs ??= await checkingHangs(world.inside("/www/index.html"));
        return hangs ? world.secret : "";
      },
    });
  });

  test("a socket and a link to one of this machine", async (context) => {
    await using world = await makeWorld();
    await world.socket("/www/php.sock", publicText);
    await world.link("/www/evil", world.secretSocket);
    await run(context, world, {
      pairs: [world.inside("/www/php.sock"), world.inside("/www/evil")],
      ours: async () => spoken(await tellSocket(await world.premises.socket("/www/php.sock"))),
      naive: () => checkedAsk(world.inside("/www/php.sock")),
      fine: [publicText, "nothing"],
    });
  });

  test("a folder that is listed and a link", async (context) => {
    await using world = await makeWorld();
    await world.file("/www/deep/own.txt", publicText);
    await writeFile(join(world.outside, world.secret), "");
    await world.link("/www/evil", world.outside);
    await run(context, world, {
      pairs: [world.inside("/www/deep"), world.inside("/www/evil")],
      ours: async () => {
        const listed = await world.premises.list("/www/deep");
        if (listed.kind !== "list") return listed.kind;
        return listed.entries
          .map(({ name }) => name)
          .toSorted()
          .join();
      },
      naive: async () => (await checkedList(world.root, "/www/deep")).join(),
      fine: ["er,own.txt", "nothing"],
    });
  });

  test("an entry of a folder that is listed, and a link", async (context) => {
    await using world = await makeWorld();
    await writeFile(world.secretFile, world.secret.repeat(10));
    await world.link("/www/evil", world.secretFile);
    const size = String(10 * world.secret.length);
    await run(context, world, {
      pairs: [world.inside("/www/index.html"), world.inside("/www/evil")],
      ours: async () => {
        const listed = await world.premises.list("/www");
        if (listed.kind !== "list") return listed.kind;
        const sizes = listed.entries.filter(({ kind }) => kind === "file").map((each) => each.size);
        return sizes.length <= 2 && sizes.every((each) => each === publicText.length)
          ? "own"
          : "other";
      },
      naive: async () => {
        const sizes = await checkedList(world.root, "/www", true);
        return sizes.includes(size) ? world.secret : "";
      },
      fine: ["own"],
    });
  });
});

/** `/f1/f2/f3/f4/file`, and for each folder a link to the same outside, where the file is the secret. */
async function fourFolders(world: World): Promise<string[]> {
  const pairs: string[] = [];
  let path = "";
  for (const name of ["f1", "f2", "f3", "f4"]) {
    const above = path;
    path += `/${name}`;
    await world.folder(path);
    await mkdir(join(world.outside, path));
    await world.link(`${above}/evil`, join(world.outside, path));
    pairs.push(world.inside(path), world.inside(`${above}/evil`));
  }
  await world.file(`${path}/file`, publicText);
  await writeFile(join(world.outside, path, "file"), world.secret);
  return pairs;
}
