// Who may come by address: lists in the configuration, in files and at URLs that are kept fresh, and whose word counts about
// the address.

import assert from "node:assert/strict";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const backend = () =>
  httpOrigin((request, response) => void response.end(JSON.stringify(request.headers)));

interface Answered {
  readonly status: number;
  readonly fields: Record<string, string>;
}

/** 0 = the connection was closed without an answer. */
async function ask(tidegate: Tidegate, host: string, lines = "", port?: number): Promise<Answered> {
  await using client = await connect(port ?? tidegate.port());
  await client.send(`GET / HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`);
  const response = await client.readResponse().catch(() => undefined);
  const isOk = response?.status === 200;
  return {
    status: response?.status ?? 0,
    fields: isOk ? (JSON.parse(response.body) as Record<string, string>) : {},
  };
}

const from = (address: string) => `X-Forwarded-For: ${address}\r\n`;

async function replace(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

function configOf(routes: Record<string, unknown>, more: Record<string, unknown> = {}) {
  return {
    listeners: { web: "127.0.0.1:0" },
    trustedProxies: ["127.0.0.1"],
    stateFolder: "state",
    routes,
    ...more,
  };
}

test("lists keep strangers out, and believe only trusted proxies about who somebody is", async () => {
  await using origin = await backend();
  const ruled = (rules: Record<string, unknown>) => ({
    service: origin.url,
    middlewares: [{ ipRules: rules }],
  });
  await using tidegate = await startTidegate({
    config: configOf(
      {
        "a.test": ruled({ allow: ["private", "2001:db8::/32"], deny: "10.66.0.0/16" }),
        "hidden.test": ruled({ deny: "203.0.113.0/24", status: 404 }),
        "shut.test": ruled({ deny: "203.0.113.0/24", status: "close" }),
      },
      {
        listeners: {
          web: "127.0.0.1:0",
          open: { bind: "127.0.0.1:0", trustedProxies: "192.0.2.0/24" },
        },
      },
    ),
  });
  const statusOf = async (host: string, address: string) =>
    (await ask(tidegate, host, from(address))).status;
  assert.equal(await statusOf("a.test", "10.1.2.3"), 200);
  assert.equal(await statusOf("a.test", "2001:db8::5"), 200);
  assert.equal(await statusOf("a.test", "10.66.2.3"), 403);
  assert.equal(await statusOf("a.test", "203.0.113.9"), 403);
  assert.equal(await statusOf("hidden.test", "2002:cb00:7109::1"), 404);
  assert.equal(await statusOf("shut.test", "203.0.113.9"), 0);
  assert.equal(await statusOf("shut.test", "198.51.100.1"), 200);
  // Not of a trusted proxy: what it says is its own.
  const open = tidegate.port("open");
  assert.equal((await ask(tidegate, "a.test", from("203.0.113.9"), open)).status, 200);
  assert.equal((await ask(tidegate, "hidden.test", from("203.0.113.9"), open)).status, 200);
  const line = await tidegate.waitForLog(/"status":404/);
  assert.match(line, /ADDRESS_DENIED/);
});

for (const workers of [0, 2]) {
  test(`a file is read again when it changes, and a bad one changes nothing (${workers} workers)`, async () => {
    await using origin = await backend();
    const rules = { deny: { file: "bad.txt" } };
    const route = { service: origin.url, middlewares: [{ ipRules: rules }] };
    // It is read with the configuration, so it has to be there first.
    await using tidegate = await startTidegate({
      workers,
      config: configOf({ "a.test": origin.url }),
    });
    const path = join(tidegate.folder, "bad.txt");
    await writeFile(path, "198.51.100.0/24\n");
    await tidegate.writeConfig(configOf({ "a.test": route }));
    const statusOf = async (address: string) =>
      (await ask(tidegate, "a.test", from(address))).status;
    const becomes = (address: string, status: number) =>
      eventually(`${status} for ${address}`, async () => {
        return (await statusOf(address)) === status || undefined;
      });
    await becomes("198.51.100.1", 403);
    assert.equal(await statusOf("203.0.113.1"), 200);
    await replace(path, "203.0.113.0/24\n");
    await becomes("203.0.113.1", 403);
    await becomes("198.51.100.1", 200);
    await replace(path, "203.0.113.0/24\nnonsense\n");
    const line = await tidegate.waitForLog(/the one before it still counts/);
    assert.match(line, /line 2: .{0,3}nonsense.{0,3} is not a network/);
    assert.equal(await statusOf("203.0.113.1"), 403);
    await replace(path, "# nobody any more\n");
    await becomes("203.0.113.1", 200);
    assert.deepEqual(await tidegate.stop(), { code: 0, signal: null });
  });
}

test("a URL is asked again, with what it said before; its list outlives a stop and a page for humans", async () => {
  await using origin = await backend();
  let [status, body] = [200, "198.51.100.0/24\n"];
  const asked: (string | undefined)[] = [];
  await using lists = await httpOrigin((request, response) => {
    asked.push(request.headers["if-none-match"]);
    const isSame = request.headers["if-none-match"] === '"one"' && body.startsWith("198");
    response.writeHead(isSame ? 304 : status, { ETag: '"one"' });
    response.end(isSame ? "" : body);
  });
  const rules = { deny: { url: `${lists.url}/list.txt?key=s3cret`, every: "10s" } };
  const config = configOf({
    "a.test": { service: origin.url, middlewares: [{ ipRules: rules }] },
  });
  await using tidegate = await startTidegate({ config });
  const statusOf = async (program: Tidegate, address: string) =>
    (await ask(program, "a.test", from(address))).status;
  assert.equal(await statusOf(tidegate, "198.51.100.1"), 403);
  assert.deepEqual(asked, [undefined]);
  await tidegate.stop();
  // Whoever publishes it is behind a portal now.
  [status, body] = [200, "<!DOCTYPE html><title>Log in</title>"];
  await using again = await tidegate.startAgain();
  assert.equal(await statusOf(again, "198.51.100.1"), 403);
  const line = await again.waitForLog(/the one before it still counts/);
  assert.match(line, /page for humans/);
  assert.ok(!`${again.stdout()}${again.stderr()}`.includes("s3cret"), "a key is in the log");
  assert.equal(asked.at(1), '"one"');
  await again.stop();
});

test("a list that was never had keeps nobody out, or everybody, as said", async () => {
  await using origin = await backend();
  await using lists = await httpOrigin((_request, response) => {
    response.writeHead(500);
    response.end("10.0.0.0/8");
  });
  const url = `${lists.url}/list.txt`;
  const ruled = (rules: Record<string, unknown>) => ({
    service: origin.url,
    middlewares: [{ ipRules: rules }],
  });
  await using tidegate = await startTidegate({
    config: configOf({
      "open.test": ruled({ deny: { url } }),
      "strict.test": ruled({ deny: { url }, missing: "deny" }),
      "allow.test": ruled({ allow: { url } }),
    }),
  });
  const statusOf = async (host: string) => (await ask(tidegate, host, from("10.0.0.1"))).status;
  assert.deepEqual(
    await Promise.all(["open.test", "strict.test", "allow.test"].map(statusOf)),
    [200, 403, 403],
  );
  await tidegate.waitForLog(/answered with 500.*cannot be used, and there is none from before/);
});

test("trusted proxies come from a list, and name the client in a field of their own", async () => {
  await using origin = await backend();
  const config = (proxies: unknown) =>
    configOf(
      { "a.test": { service: origin.url, middlewares: [{ ipRules: { deny: "203.0.113.0/24" } }] } },
      {
        listeners: {
          web: {
            bind: "127.0.0.1:0",
            trustedProxies: proxies,
            clientAddress: { header: "CF-Connecting-IP" },
          },
        },
      },
    );
  await using tidegate = await startTidegate({ config: config(["192.0.2.0/24"]) });
  const path = join(tidegate.folder, "proxies.json");
  await writeFile(path, JSON.stringify({ result: { ipv4_cidrs: ["127.0.0.0/8"] } }));
  const named = (address: string) => `CF-Connecting-IP: ${address}\r\n`;
  const own = await ask(tidegate, "a.test", `${named("203.0.113.1")}cf_connecting_ip: 1.1.1.1\r\n`);
  assert.equal(own.status, 200);
  assert.equal(own.fields["cf-connecting-ip"], undefined, "whoever is not trusted says nothing");
  assert.equal(own.fields["cf_connecting_ip"], undefined);
  assert.equal(own.fields["x-real-ip"], "127.0.0.1");
  await tidegate.writeConfig(config([{ file: "proxies.json" }]));
  await eventually("the proxy is trusted", async () => {
    return (await ask(tidegate, "a.test", named("203.0.113.1"))).status === 403 || undefined;
  });
  const seen = await ask(tidegate, "a.test", named("198.51.100.7") + from("203.0.113.1"));
  assert.equal(seen.status, 200);
  assert.equal(seen.fields["x-real-ip"], "198.51.100.7");
  // What is said twice is nobody's word: then it is the proxy itself.
  const twice = await ask(tidegate, "a.test", named("203.0.113.1") + named("203.0.113.2"));
  assert.equal(twice.fields["x-real-ip"], "127.0.0.1");
});
