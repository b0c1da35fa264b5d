// The clock of the machine jumps while the program runs, by libfaketime: months ahead, years back, and to where it was. What is served
// stays, what is told is true by that clock, and no authority is stormed with orders.

import assert from "node:assert/strict";
import { rename, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { certificateRows, servedBy, shownFor, startAcmeProgram } from "../harness/acme-program.ts";
import { eventually } from "../harness/barrier.ts";
import { runCommand } from "../harness/command.ts";
import { startMeddler } from "../harness/meddler.ts";
import { findCommand, needs } from "../harness/needs.ts";
import { pebbleNeeds, startPebble } from "../harness/pebble.ts";
import { postReceiver } from "../harness/post-receiver.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import type { CertificateRow } from "../../src/admin/operations.ts";

const ofPebble = /CN=Pebble Intermediate/;
const days = 86_400;

/** Tells a program that was started with `env` how far off its clock is. */
async function clock(file: string) {
  const { stdout } = await runCommand(findCommand("faketime") ?? "faketime", [
    ...["now", "printenv", "LD_PRELOAD"],
  ]);
  const set = async (offset: string) => {
    await writeFile(`${file}.new`, `${offset}\n`);
    await rename(`${file}.new`, file);
  };
  await set("+0");
  return {
    set,
    env: {
      LD_PRELOAD: stdout.trim(),
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_CACHE_DURATION: "1",
      // Nobody sets the clock that timers go by.
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
      DONT_FAKE_MONOTONIC: "1",
      NO_FAKE_STAT: "1",
    },
  };
}

test(
  "when the clock jumps what was served serves on, its state is told, and it is not ordered again and again",
  { skip: needs(...pebbleNeeds, "faketime"), timeout: 120_000 },
  async () => {
    await using folder = await tempFolder("tidegate-clock-");
    await using receiver = await postReceiver();
    await using pebble = await startPebble({ validity: 90 * days });
    await using meddler = await startMeddler(pebble);
    const behind = { ...pebble, directory: meddler.directory, ca: meddler.ca };
    const { set, env } = await clock(folder.file("clock"));
    const more = { alerts: { webhook: { url: `${receiver.origin}/hook` }, group: "1s" } };
    const wishes = { routes: { a: ["a.test"] }, more };
    await using program = await startAcmeProgram(behind, wishes, { env, workers: 1 });
    const { tidegate } = program;
    const port = tidegate.port("secure");
    await servedBy(port, "a.test", ofPebble);
    const orders = () => meddler.asked.filter(({ path }) => path === "/order-plz").length;
    const row = (what: string, isIt: (row: CertificateRow) => boolean) =>
      eventually(what, async () => (await certificateRows(tidegate)).find(isIt), 30_000);
    await row("it to be well", ({ state, why }) => state === "ok" && why === "");
    assert.equal(orders(), 1);

    await set("+89d");
    // It is looked for once in a minute, and with a configuration that is new.
    await row("its end", ({ state }) => state === "expires soon");
    await tidegate.writeConfig(program.config({ ...wishes, acme: { keyType: "rsa" } }));
    tidegate.signal("SIGHUP");
    // By that clock the authority's own certificate is over, too.
    await row("the clock to be named", ({ why }) =>
      /unless the clock of this machine is/.test(why),
    );
    await servedBy(port, "a.test", ofPebble);
    assert.ok(orders() <= 2, `${orders()} orders`);

    await set("-400d");
    await row("its beginning", ({ state }) => state === "not yet valid");
    await servedBy(port, "a.test", ofPebble);
    assert.ok(orders() <= 2, `${orders()} orders`);

    await set("+0");
    await row("all to be well again", ({ state }) => state === "ok");
    const { validToDate } = await shownFor(port, "a.test");
    assert.ok(validToDate.getTime() > Date.now() + 80 * days * 1000);
    assert.ok(orders() <= 2, `${orders()} orders`);
    const told = () => receiver.posts.map(({ body }) => body).join("\n");
    await eventually(
      "to be told",
      () => /certificate for a\.test .*soon/.test(told()) || undefined,
    );
  },
);
