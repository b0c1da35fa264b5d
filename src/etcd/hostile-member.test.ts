// Whoever answers on etcd's port need not be etcd, or in its right mind: each answer is a real one over a
// socket, and each ends in a sentence, in bounded time and memory, and in no word that takes routes away.

import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { commonSettings, silentLog } from "../../test/harness/watched-source.ts";
import { etcdSource as limits } from "../config/provider-limits.ts";
import { EtcdError } from "./etcd-error.ts";
import { etcdSource } from "../providers/etcd/etcd.ts";
import { base64Of } from "./key-range.ts";

type Answering = (path: string, response: ServerResponse, body: string) => void;

async function member(answer: Answering) {
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => (body += text));
    request.on("end", () => answer(request.url ?? "", response, body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/** What the source says, and what it fails of. */
async function outcome(endpoint: string) {
  const settings = {
    ...commonSettings,
    kind: "etcd",
    endpoints: [endpoint],
    prefix: "p/",
  } as const;
  const none = { tls: undefined, username: undefined, password: undefined };
  const source = etcdSource({ ...settings, ...none }, { log: silentLog });
  const routes: string[][] = [];
  try {
    for await (const { collection } of source.catalogs(AbortSignal.timeout(10_000))) {
      routes.push(collection.routes.map(({ name }) => name.replace(/@.*/, "")));
    }
  } catch (error) {
    return { routes, error };
  }
  return assert.fail("it neither failed nor ended");
}

const json = (value: unknown) => (response: ServerResponse) =>
  response.end(`${JSON.stringify(value)}\n`);
const a = { key: base64Of("p/routes/a"), value: base64Of('{"host":"a.test","whoami":true}') };
const header = { revision: "7" };

for (const { what, answer, says } of [
  { what: "a page for humans", answer: (r) => r.end("<html>"), says: /answered 200/ },
  { what: "another kind of JSON", answer: json({ ok: true }), says: /is not etcd/ },
  { what: "a list", answer: json([1]), says: /is not etcd/ },
  {
    what: "a revision that is none",
    answer: json({ header: { revision: "x" } }),
    says: /is not etcd/,
  },
  {
    what: "an older etcd",
    answer: (r) => r.writeHead(404).end("404 page not found\n"),
    says: /answered 404: 404 page not found; is it etcd 3.4 or later\?/,
  },
  {
    what: "a listing that never gets on",
    answer: json({ header: { revision: "7" }, kvs: [{ key: base64Of("p/routes/a") }], more: true }),
    says: /lists the same keys again and again/,
  },
  { what: "a proxy that has nobody", answer: (r) => r.writeHead(502).end(), says: /answered 502/ },
  {
    what: "half an answer",
    answer: (r) => void r.write("{", () => r.destroy()),
    says: /ended the connection|broke off/,
  },
  {
    what: "an answer without end",
    answer: (r) => {
      const more = () => {
        while (!r.destroyed && r.write(" ".repeat(1024 * 1024)));
      };
      r.on("drain", more);
      more();
    },
    says: /answered with more than 16MiB/,
  },
] satisfies { what: string; answer: (response: ServerResponse) => void; says: RegExp }[]) {
  test(`${what} is no etcd`, { timeout: 20_000 }, async () => {
    await using server = await member((_, response) => answer(response));
    const { routes, error } = await outcome(server.endpoint);
    assert.ok(error instanceof Error);
    assert.match(error.message, says);
    assert.deepEqual(routes, []);
  });
}

for (const { what, lines, says } of [
  { what: "rubbish", lines: ["rubbish\n"], says: /answered 200/ },
  { what: "its end", lines: [], says: /ended the connection|broke off/ },
  {
    what: "that it stops",
    lines: ['{"error":{"grpc_code":14,"http_code":503,"message":"transport is closing"}}\n'],
    says: /transport is closing; it has too few members up/,
  },
  {
    what: "that it may not be watched",
    lines: [
      '{"result":{"created":true,"canceled":true,"cancel_reason":"etcdserver: permission denied"}}\n',
    ],
    says: /its user may not do that/,
  },
  {
    what: "a line without end",
    lines: Array.from({ length: 9 }, () => " ".repeat(1024 * 1024)),
    says: /a line of more than 8 MiB/,
  },
  {
    what: "events of strange shapes",
    lines: ['{"result":{"events":[1,null,{"kv":7},{"kv":{"key":5}}]}}\n', "x\n"],
    says: /answered 200/,
  },
]) {
  test(
    `a watch that says ${what} ends, and what was listed stays`,
    { timeout: 20_000 },
    async () => {
      await using server = await member((path, response) => {
        if (path === "/v3/kv/range") return void json({ header, kvs: [a] })(response);
        for (const line of lines) response.write(line);
        response.write("", () => setImmediate(() => response.destroy()));
      });
      const { routes, error } = await outcome(server.endpoint);
      assert.ok(error instanceof Error);
      assert.match(error.message, says);
      for (const each of routes) assert.deepEqual(each, ["a"]);
    },
  );
}

test("history that is always gone is a failure in the end", { timeout: 20_000 }, async () => {
  let listings = 0;
  await using server = await member((path, response) => {
    const gone = { header, canceled: true, compact_revision: "9" };
    if (path === "/v3/kv/range") listings++;
    json(path === "/v3/kv/range" ? { header, kvs: [a] } : { result: gone })(response);
  });
  const { error } = await outcome(server.endpoint);
  assert.ok(error instanceof EtcdError && error.kind === "compacted");
  assert.equal(listings, limits.compactions + 1);
});

test("a page that is too large is asked for in smaller ones", { timeout: 20_000 }, async () => {
  const asked: string[] = [];
  await using server = await member((path, response, body) => {
    if (path !== "/v3/kv/range") return void response.end("x\n");
    const { key, limit, keys_only: isBare } = JSON.parse(body) as Record<string, string | boolean>;
    asked.push(`${limit}${isBare === true ? " keys" : ""}`);
    const isFirst = key === base64Of("p/");
    // The second value alone is more than may be read.
    const value = isFirst ? a.value : "A".repeat(limits.answerBytes);
    const kvs =
      isFirst && limit === "1"
        ? [a]
        : [{ key: base64Of("p/routes/b"), ...(isBare === true ? {} : { value }) }];
    if (isFirst && limit !== "1") response.end(" ".repeat(limits.answerBytes + 1));
    else json({ header, kvs, more: isFirst })(response);
  });
  const { routes, error } = await outcome(server.endpoint);
  assert.match(String(error), /answered 200/);
  assert.deepEqual(asked, ["1000", "125", "15", "1", "1000", "125", "15", "1", "1 keys"]);
  assert.deepEqual(routes, [["a"]]);
});
