// Who waits for a thread, for how long, and how many at most.

import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../../test/harness/barrier.ts";
import { ownThreadLimits as limits } from "../config/middleware-limits.ts";
import type { Request } from "../own/contract.ts";
import type { ToThread } from "../own/thread-words.ts";
import { ThreadAway, ThreadLost } from "./own-fault.ts";
import { ThreadLine } from "./own-thread-line.ts";
import { ThreadRequest } from "./own-thread-request.ts";

const others = { method: "GET", scheme: "http", host: "a", query: "", clientIp: "::1" } as const;
const requestOf = (path = "/"): Request =>
  new ThreadRequest({ ...others, path, user: "", route: "a", headers: [] });

function lineOf(timeout = 60_000) {
  const posted: ToThread[] = [];
  const seen = { idle: 0 };
  const line = new ThreadLine(timeout, {
    post: (words) => posted.push(words),
    onIdle: () => seen.idle++,
  });
  const kinds = () => posted.map(({ kind }) => kind);
  const said = (id: number, read = id) =>
    line.take({ kind: "said", id, read, edits: [{ what: "path", text: "/b" }], answer: undefined });
  return { line, posted, seen, kinds, said };
}

const outcome = { status: 200, bytes: 0, ms: 1, failure: undefined };

test("what was done to the copy is done to the request, and its end is told once", async () => {
  const { line, kinds, seen, said } = lineOf();
  const request = requestOf();
  const answer = line.ask(request);
  assert.ok(line.isNeeded);
  said(1);
  assert.equal(await answer, undefined);
  assert.equal(request.path, "/b");
  assert.ok(line.isNeeded, "it is told of its end");
  line.done(request, outcome);
  line.done(request, outcome);
  assert.deepEqual(kinds(), ["ask", "done"]);
  assert.deepEqual([line.isNeeded, seen.idle], [false, 1]);
});

test("a request that is over is left as it is, and forgotten", async () => {
  const { line, kinds, said } = lineOf();
  const request = requestOf();
  const answer = line.ask(request);
  Object.defineProperty(request, "path", {
    get: () => {
      throw new Error("the request is over");
    },
  });
  said(1);
  await assert.rejects(answer, /is over/);
  line.done(request, outcome);
  assert.deepEqual(kinds(), ["ask", "forget"]);
});

test("what comes after nobody waits any more is forgotten", async () => {
  const { line, kinds, said } = lineOf(1);
  const answer = line.ask(requestOf());
  const refused = assert.rejects(answer, /no answer within 1 ms/);
  await eventually("nobody waits", async () => {
    line.sweep();
    return line.isNeeded ? undefined : true;
  });
  await refused;
  said(1);
  assert.deepEqual(kinds(), ["ask", "forget"]);
});

test("no more than some wait, and those that gave up count while they stand in its way", async () => {
  const { line, said } = lineOf();
  const all = Array.from({ length: limits.waiting }, () => line.ask(requestOf()));
  await assert.rejects(line.ask(requestOf()), ThreadAway);
  said(1);
  await all[0];
  const next = line.ask(requestOf());
  await assert.rejects(line.ask(requestOf()), ThreadAway);
  const lost = Promise.allSettled([...all, next]);
  line.clear(new ThreadLost("it is gone"));
  const ends = await lost;
  assert.equal(ends.filter(({ status }) => status === "rejected").length, limits.waiting);
  const again = line.ask(requestOf());
  line.clear(new ThreadLost("it is gone"));
  await assert.rejects(again, ThreadLost);
});
