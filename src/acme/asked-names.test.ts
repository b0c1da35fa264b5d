import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { MemoryShelf } from "../../test/harness/memory-shelf.ts";
import { acmeLimits as limits } from "../config/acme-limits.ts";
import { createLogger } from "../lib/log.ts";
import { AskedNames } from "./asked-names.ts";
import { Vault } from "./vault.ts";

const log = createLogger({ pretty: false, level: "silent" });
const { signal } = new AbortController();

/** Says yes to names that begin with "yes". */
async function startDecider() {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const domain = new URL(request.url ?? "", "http://x").searchParams.get("domain") ?? "";
    asked.push(domain);
    response.statusCode = domain.startsWith("yes") ? 200 : 403;
    response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  return {
    asked,
    url: `http://127.0.0.1:${port}/may?key=1`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, "close");
    },
  };
}

function stand(shelf = new MemoryShelf()) {
  const changes: number[] = [];
  const vault = new Vault(shelf);
  const names = new AskedNames({
    ...{ vault, log, signal },
    isCovered: (name) => name === "covered.test",
    onChange: () => void changes.push(1),
  });
  const wanted = (now = Date.now()) => names.wanted(now).flatMap(({ hosts }) => hosts);
  return { shelf, names, changes, wanted };
}

test("a name of the list is wanted from then on, also after a restart", async () => {
  const { names, shelf, changes, wanted } = stand();
  await names.asked("a.test");
  assert.deepEqual(wanted(), []);
  names.take({ hosts: ["a.test", "covered.test"], ask: undefined });
  for (const name of [
    "A.test",
    "a.test",
    "b.test",
    "covered.test",
    "",
    "*.a.test",
    "127.0.0.1",
    "\0",
  ]) {
    await names.asked(name);
  }
  assert.deepEqual(wanted(), ["a.test"]);
  assert.equal(changes.length, 1);
  const again = stand(shelf);
  assert.deepEqual(again.wanted(), []);
  again.names.take({ hosts: ["a.test"], ask: undefined });
  assert.deepEqual(again.wanted(), ["a.test"]);
  assert.deepEqual(again.wanted(Date.now() + limits.askedAge), []);
  again.names.take({ hosts: ["b.test"], ask: undefined });
  assert.deepEqual(again.wanted(), []);
});

test("a program decides about names below a star, is asked once, and those it refuses wait", async () => {
  await using decider = await startDecider();
  const { names, wanted } = stand();
  names.take({ hosts: ["*.a.test"], ask: decider.url });
  const all = ["yes1.a.test", "no.a.test", "yes2.b.test", "yes1.a.test", "no.a.test"];
  for (const name of all) await names.asked(name);
  assert.deepEqual(decider.asked, ["yes1.a.test", "no.a.test"]);
  assert.deepEqual(wanted(), ["yes1.a.test"]);
});

test("a program that is away says no, and a flood of names is cut off", async () => {
  const { names, wanted } = stand();
  names.take({ hosts: [], ask: "http://127.0.0.1:1/may" });
  await names.asked("yes.a.test");
  assert.deepEqual(wanted(), []);
  await using decider = await startDecider();
  names.take({ hosts: [], ask: decider.url });
  const flood = Array.from({ length: 500 }, (_, at) => names.asked(`yes${at}.test`));
  await Promise.all(flood);
  assert.ok(decider.asked.length <= limits.askedAtOnce);
});
