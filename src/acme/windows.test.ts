import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { issued } from "../../test/harness/issued.ts";
import { createLogger } from "../lib/log.ts";
import { MemoryShelf } from "../../test/harness/memory-shelf.ts";
import { Clients } from "./clients.ts";
import { Vault } from "./vault.ts";
import { Windows } from "./windows.ts";

test("an authority is asked once for its window, and again when it says so", async () => {
  const now = Date.now();
  const asked: string[] = [];
  const iso = (at: number) => new Date(at).toISOString();
  let answer: object = { suggestedWindow: { start: iso(now - 2000), end: iso(now - 1000) } };
  await using stack = new AsyncDisposableStack();
  const server = createServer((request, response) => {
    const { url = "" } = request;
    const base = `http://${request.headers.host}`;
    const names = ["newNonce", "newAccount", "newOrder", "revokeCert", "keyChange"];
    const directory = { ...Object.fromEntries(names.map((each) => [each, `${base}/${each}`])) };
    if (url !== "/dir") asked.push(url);
    response.setHeader("Retry-After", "3600");
    response.end(
      JSON.stringify(url === "/dir" ? { ...directory, renewalInfo: `${base}/ari` } : answer),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  stack.defer(() => void server.close());
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  const directory = `http://127.0.0.1:${port}/dir`;
  const vault = new Vault(new MemoryShelf());
  for (const name of ["a.test", "b.test"]) {
    const { cert, key } = issued([name]);
    const maker = name === "a.test" ? directory : "https://gone.test/";
    await vault.keepCertificate(maker, { chain: cert, key, names: [name] });
  }
  const settings = {
    isSaid: true,
    contact: [],
    authorities: [
      {
        ...{ directory, who: "CA", place: "t.yaml:1" },
        ...{ ca: undefined, binding: undefined, profile: undefined, preferredChain: undefined },
      },
    ],
    challenges: [],
    dns: undefined,
    keyType: "ec",
    onDemand: undefined,
  } as const;
  const windows = new Windows(vault);
  const clients = new Clients(vault, createLogger({ pretty: false, level: "silent" }));
  const signal = new AbortController().signal;
  const ask = (at: number) =>
    windows.ask(vault.certificates(), { now: at, settings, clients, signal });
  assert.equal(await ask(now), true);
  assert.equal(await ask(now + 1000), false);
  assert.equal(asked.length, 1);
  assert.match(asked[0] ?? "", /^\/ari\/[\w-]+\.[\w-]+$/);
  const id = vault.certificates().find(({ directory: each }) => each === directory)?.certificate.id;
  assert.equal(vault.window(id ?? "")?.end, Math.floor(now - 1000));
  // Nothing new, an answer that is none, and a clock that was set back by a year.
  assert.equal(await ask(now + 3_700_000), false);
  answer = { suggestedWindow: "soon" };
  assert.equal(await ask(now + 8_000_000), false);
  assert.equal(asked.length, 3);
  assert.ok(vault.window(id ?? "") !== undefined);
  await ask(now - 365 * 86_400_000);
  assert.equal(asked.length, 4);
});
