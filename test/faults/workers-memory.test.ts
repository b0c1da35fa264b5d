// Workers that need too much memory are replaced without loss. These tests fail
// - when memory is not looked at, or nothing follows: nobody leaves;
// - when the old worker ends before it has finished: the transfers break off;
// - when it leaves before the new one serves: its place is seen empty;
// - when nothing bounds how often workers are replaced: too many come and go.

import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { signal, within } from "../harness/barrier.ts";
import { checkBody, type Hold, sendBody } from "../harness/big-body.ts";
import { type HttpOrigin, httpOrigin } from "../harness/origin.ts";
import { residentBytes } from "../harness/processes.ts";
import { startFleet } from "./fleet.ts";

const gibibyte = 1024 ** 3;
const mebibyte = 1024 ** 2;
const name = { Host: "big.test" };

function bigOrigin(): Promise<HttpOrigin> {
  return httpOrigin((incoming, response) => {
    response.on("error", () => {}); // a transfer that breaks off fails on the client's side
    if (incoming.method === "GET") {
      response.setHeader("Content-Length", gibibyte);
      void sendBody(response, gibibyte);
      return;
    }
    void checkBody(incoming).then(
      (size) => response.end(String(size)),
      (error: unknown) => response.writeHead(400).end(String(error)),
    );
  });
}

async function download(port: number, hold: Hold): Promise<number> {
  const asked = request({ port, host: "127.0.0.1", headers: name });
  asked.end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  return checkBody(response, hold);
}

async function upload(port: number, hold: Hold): Promise<number> {
  const headers = { ...name, "Content-Length": gibibyte };
  const asked = request({ port, host: "127.0.0.1", method: "PUT", headers });
  const answer = once(asked, "response");
  await Promise.race([sendBody(asked, gibibyte, hold), answer]);
  const [response] = (await answer) as [IncomingMessage];
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return Number(text);
}

/** Holds a transfer once it has begun in earnest. */
function gate() {
  const reached = signal();
  const opened = signal();
  const hold: Hold = (size) => {
    if (size < gibibyte / 4) return undefined;
    reached.fire();
    return opened.promise;
  };
  return { reached: reached.promise, open: () => opened.fire(), hold };
}

test(
  "workers over the limit are replaced in the middle of 1 GB up and 1 GB down",
  { timeout: 120_000 },
  async () => {
    await using big = await bigOrigin();
    const workers = { count: 2, checkInterval: "500ms", memoryLimit: 0 };
    await using fleet = await startFleet({
      settings: { workers },
      routes: { "big.test": big.url },
      load: { slow: 0 },
    });
    const before = await fleet.settled(2);
    const [down, up] = [gate(), gate()];
    const sizes = Promise.all([download(fleet.port, down.hold), upload(fleet.port, up.hold)]);
    await within(
      Promise.race([Promise.all([down.reached, up.reached]), sizes]),
      60_000,
      "a quarter of the transfers",
    );
    const least = Math.min(...before.map(({ pid }) => residentBytes(pid)));
    const memoryLimit = Math.max(64 * mebibyte, least - mebibyte);
    await fleet.program.writeConfig(fleet.configWith({ workers: { ...workers, memoryLimit } }));
    const rows = await fleet.withoutGap(() =>
      fleet.control.until("all workers to leave", (all) =>
        before.every(({ pid }) => all.find((row) => row.pid === pid)?.state !== "live"),
      ),
    );
    const carriers = rows.filter(
      ({ state, counts }) => state === "leaving" && counts.exchanges > 0,
    );
    assert.ok(carriers.length > 0, "the transfers go on in a worker that is leaving");
    assert.ok(
      carriers.every(({ reason }) => /memory/i.test(reason ?? "")),
      JSON.stringify(carriers),
    );
    // The new ones have a load as well, and would reach the limit in their turn.
    await fleet.program.writeConfig(fleet.configWith({ workers }));
    down.open();
    up.open();
    assert.deepEqual(await within(sizes, 60_000, "the transfers"), [gibibyte, gibibyte]);
    await fleet.settled(2, before);
    await fleet.load.lap();
    await fleet.endWithoutFailure();
  },
);

test(
  "a limit below what a worker needs is reported, and workers are not replaced without end",
  { timeout: 40_000 },
  async () => {
    await using fleet = await startFleet({ load: { kept: 4, slow: 0, newPerSecond: 50 } });
    const before = await fleet.settled(2);
    const memoryLimit = 64 * mebibyte;
    const least = Math.min(...before.map(({ pid }) => residentBytes(pid)));
    assert.ok(least > memoryLimit, "workers need less than the least limit: choose another way");
    const workers = { count: 2, checkInterval: "100ms", memoryLimit };
    await fleet.program.writeConfig(fleet.configWith({ workers }));
    await fleet.program.waitForLog(/memory/i);
    const seen = new Set(before.map(({ pid }) => pid));
    const end = Date.now() + 8000;
    while (Date.now() < end) {
      for (const { pid } of await fleet.control.workers()) seen.add(pid);
      await pause(100);
    }
    // Without a bound two workers are replaced about every half second.
    assert.ok(seen.size <= 10, `${seen.size} workers in eight seconds`);
    await fleet.program.waitForLog(/memoryLimit/);
    await fleet.program.writeConfig(fleet.configWith({}));
    await fleet.settled(2, [], 20_000);
    await fleet.load.lap();
    await fleet.endWithoutFailure();
  },
);
