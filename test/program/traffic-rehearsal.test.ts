// A change of routes, tried with the requests that were served before it is made.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ask } from "../harness/ask.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startTidegate } from "../harness/tidegate.ts";

test("a rehearsal says which of the latest requests would go elsewhere, and changes nothing", async () => {
  await using origin = await httpOrigin((_request, response) => response.end("ok"));
  await using program = await startTidegate({
    config: {
      listeners: { web: "127.0.0.1:0" },
      admin: false,
      services: { one: [origin.url], two: [origin.url] },
      routes: { "a.test": { service: "one" } },
    },
    workers: 2,
  });
  const run = (...args: string[]) =>
    runCommand(tidegate, [...args, "--control", program.control], { timeoutMs: 15_000 });
  const rehearse = (section: string, name: string, value: unknown) =>
    run("set", section, name, JSON.stringify(value), "--rehearse");
  const get = (path: string, headers: Record<string, string> = {}) =>
    ask(program.port(), { name: "a.test", path, headers });

  for (const path of ["/", "/shop/1?code=geheim", "/shop/2?token=geheim", "/shopping"]) {
    assert.equal((await get(path, { Cookie: "sid=geheim" })).status, 200);
  }
  assert.equal((await ask(program.port(), { name: "b.test", path: "/" })).status, 404);

  const moved = await rehearse("routes", "shop", {
    rule: "Host(`a.test`) && PathPrefix(`/shop/`)",
    service: "two@file",
  });
  assert.equal(moved.code, 0, moved.stderr);
  assert.match(moved.stdout, /^2 requests: a\.test \(one\) \S+ shop@store \(two\)$/m);
  assert.match(moved.stdout, /GET http:\/\/a\.test\/shop\/\d\?(code|token)=\(not shown\)/);
  assert.match(moved.stdout, /of the 5 latest requests 2 would go elsewhere; nothing was changed/);
  assert.doesNotMatch(moved.stdout, /geheim/);

  const gained = await rehearse("routes", "b.test", { service: "two@file" });
  assert.match(gained.stdout, /^1 request: no route \S+ b\.test@store \(two\)$/m);
  assert.equal((await ask(program.port(), { name: "b.test", path: "/" })).status, 404);

  await run("set", "routes", "b.test", '{"service": "two@file"}');
  assert.equal((await ask(program.port(), { name: "b.test", path: "/" })).status, 200);
  const lost = await run("unset", "routes", "b.test", "--rehearse");
  assert.match(lost.stdout, /3 requests: b\.test@store \(two\) \S+ no route/);
  assert.match(lost.stdout, /3 would go elsewhere, 3 of them nowhere/);

  const wrong = await rehearse("routes", "c.test", { nonsense: 1 });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /nonsense/);
});
