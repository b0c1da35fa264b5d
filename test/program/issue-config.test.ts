// The configuration that the specification shows, as it stands there but for addresses, in front of real
// origins: every line of it has to do what it says.

import assert from "node:assert/strict";
import { before, after, describe, test } from "node:test";
import { ask, type AskOptions, field } from "../harness/ask.ts";
import { type EchoOrigin, echoOf, echoOrigin } from "../harness/echo-origin.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const yaml = `
listeners:
  web: ":0"
trustedProxies: [127.0.0.2]
routes:
  www.example.com: http://127.0.0.1:{www}
  "*.example.com": [http://127.0.0.1:{wild1}, http://127.0.0.1:{wild2}]
  example.com/api: { service: api, stripPrefix: true, timeouts: { response: 300s }, maxBody: 0 }
  odd: { rule: "Host(\`a.example.com\`) && (PathPrefix(\`/x\`) || Header(\`X-Beta\`, \`1\`)) && !ClientIP(\`10.0.0.0/8\`)", service: api, priority: 50 }
  app: { host: app.example.com, service: { backends: ["unix:{socket}"] } }
  old: { host: old.example.com, redirect: "https://new.example.com{uri}" }
  bücher.example: http://127.0.0.1:{www}
  "[::1]": http://127.0.0.1:{www}
services:
  api: { backends: [{ url: "http://127.0.0.1:{api4}", weight: 2 }, "http://[::1]:{api6}"] }
accessLog: { format: combined, path: stdout }
limits: { connections: 20000, connectionsPerAddress: 2000 }
workers: 1
`;

describe("the configuration of the specification", () => {
  const stack = new AsyncDisposableStack();
  const origins = new Map<string, EchoOrigin>();
  let program: Tidegate;

  before(async () => {
    const folder = stack.use(await tempFolder());
    const values: Record<string, string> = { socket: folder.file("app.sock") };
    for (const name of ["www", "wild1", "wild2", "api4", "api6", "socket"]) {
      const host = name === "api6" ? "::1" : "127.0.0.1";
      const where = name === "socket" ? { path: folder.file("app.sock") } : { host, port: 0 };
      const origin = stack.use(await echoOrigin(name, where));
      origins.set(name, origin);
      values[name] ??= String(origin.port);
    }
    const config = yaml.replaceAll(/\{(\w+)\}/g, (all, name: string) => values[name] ?? all);
    program = stack.use(await startTidegate({ config }));
  });
  after(() => stack.disposeAsync());

  const echo = async (options: AskOptions) => echoOf(await ask(program.port(), options));

  test("an exact host goes to its backend, with the Host it came with", async () => {
    const { origin, target, headers } = await echo({ name: "www.example.com", path: "/a?b=c" });
    assert.equal(origin, "www");
    assert.equal(target, "/a?b=c");
    assert.equal(headers["host"], "www.example.com");
  });

  for (const name of [
    "WWW.Example.COM",
    "www.example.com.",
    "www.example.com:8080",
    "www.example.com:0",
    "WWW.EXAMPLE.COM.:8080",
  ]) {
    test(`Host: ${name} is the same host`, async () => {
      assert.equal((await echo({ name })).origin, "www");
    });
  }

  test("a host in another script is found under its IDNA name", async () => {
    assert.equal((await echo({ name: "xn--bcher-kva.example" })).origin, "www");
    assert.equal((await echo({ name: "XN--BCHER-KVA.example:80" })).origin, "www");
  });

  test("an IPv6 literal is a host, with a port and without", async () => {
    assert.equal((await echo({ name: "[::1]" })).origin, "www");
    assert.equal((await echo({ name: "[0:0:0:0:0:0:0:1]:8080" })).origin, "www");
  });

  test("the wildcard takes every other name below, in turns, of any depth", async () => {
    const seen: string[] = [];
    for (const name of ["b.example.com", "c.b.example.com", "d.c.b.example.com", "b.example.com"]) {
      seen.push((await echo({ name })).origin);
    }
    assert.deepEqual(seen.toSorted(), ["wild1", "wild1", "wild2", "wild2"]);
  });

  test("the wildcard does not take the name itself", async () => {
    assert.equal((await ask(program.port(), { name: "example.com" })).status, 404);
    assert.equal((await ask(program.port(), { name: "notexample.com" })).status, 404);
  });

  test("the prefix is taken away, and holds only at a segment's end", async () => {
    assert.equal(
      (await echo({ name: "example.com", path: "/api/users?x=1" })).target,
      "/users?x=1",
    );
    assert.equal((await echo({ name: "example.com", path: "/api" })).target, "/");
    assert.equal((await echo({ name: "example.com", path: "/api/" })).target, "/");
    const response = await ask(program.port(), { name: "example.com", path: "/apix" });
    assert.equal(response.status, 404);
  });

  test("a backend of weight 2 gets two of three requests", async () => {
    const seen: string[] = [];
    for (let n = 0; n < 9; n += 1) {
      seen.push((await echo({ name: "example.com", path: "/api/n" })).origin);
    }
    assert.equal(seen.filter((origin) => origin === "api4").length, 6, seen.join());
    assert.equal(seen.filter((origin) => origin === "api6").length, 3, seen.join());
  });

  test("maxBody 0 lets a large body through", async () => {
    const body = "x".repeat(300_000);
    const seen = await echo({ name: "example.com", path: "/api/up", method: "POST", body });
    assert.equal(seen.body.length, body.length);
  });

  test("the rule goes before the wildcard, by its path", async () => {
    assert.match((await echo({ name: "a.example.com", path: "/x/y" })).origin, /^api/);
    assert.match((await echo({ name: "a.example.com", path: "/y" })).origin, /^wild/);
  });

  test("the rule's path prefix is Traefik's: it does not end at a segment", async () => {
    assert.match((await echo({ name: "a.example.com", path: "/xy" })).origin, /^api/);
  });

  test("the rule holds by its header, and only for that value", async () => {
    const withHeader = (value: string) =>
      echo({ name: "a.example.com", path: "/y", headers: { "x-beta": value } });
    assert.match((await withHeader("1")).origin, /^api/);
    assert.match((await withHeader("2")).origin, /^wild/);
  });

  test("the rule leaves out the clients it names, as a trusted proxy reports them", async () => {
    const from = "127.0.0.2";
    const request = { name: "a.example.com", path: "/x" };
    const as = (ip: string, local: string) =>
      echo({ ...request, from: local, headers: { "X-Forwarded-For": ip } });
    assert.match((await as("10.1.2.3", from)).origin, /^wild/);
    assert.match((await as("11.1.2.3", from)).origin, /^api/);
    assert.match((await as("10.1.2.3", "127.0.0.1")).origin, /^api/, "nobody else is believed");
  });

  test("a unix socket is a backend", async () => {
    const { origin, headers } = await echo({ name: "app.example.com", path: "/s" });
    assert.equal(origin, "socket");
    assert.equal(headers["host"], "app.example.com");
  });

  test("the redirect keeps path and query", async () => {
    const response = await ask(program.port(), { name: "old.example.com", path: "/p/q?r=s%20t" });
    assert.equal(response.status, 302);
    assert.equal(field(response, "location"), "https://new.example.com/p/q?r=s%20t");
  });

  test("the listener takes IPv6 as well as IPv4 clients", async () => {
    assert.equal((await echo({ host: "::1", name: "www.example.com" })).origin, "www");
  });

  test("the log on standard output is the combined format", async () => {
    const path = "/for-the-log";
    await echo({ name: "www.example.com", path, headers: { "User-Agent": "probe/1" } });
    const line = await program.waitForLog(/for-the-log/);
    assert.match(
      line,
      /^127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET \/for-the-log HTTP\/1\.1" 200 \d+ "-" "probe\/1"$/,
    );
  });
});
