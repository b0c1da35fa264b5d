// Who is sent away: robots, blocklist, redirectHost.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, field, requestText } from "../harness/ask.ts";
import { connect } from "../harness/client.ts";
import { echoOrigin } from "../harness/echo-origin.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };

async function standOf(middlewares: unknown, host: unknown = "app.test") {
  await using stack = new AsyncDisposableStack();
  const origin = stack.use(await echoOrigin("one"));
  const program = stack.use(
    await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0" },
        routes: { app: { host, service: origin.url, middlewares } },
      },
    }),
  );
  const held = stack.move();
  const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    ask(program.port(), { path, headers });
  return { program, origin, get, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

test("robots are told to stay away, and those that do not are kept out", bounded, async () => {
  await using stand = await standOf({ robots: { deny: "ai", refuse: "ai", tag: "noindex" } });
  const gptBot = { "User-Agent": "Mozilla/5.0 (compatible; GPTBot/1.2)" };
  const page = await stand.get("/robots.txt", gptBot);
  assert.match(page.body, /^User-agent: GPTBot$/m);
  assert.match(page.body, /^Disallow: \/$/m);
  assert.equal((await stand.get("/", gptBot)).status, 403);
  const answer = await stand.get("/");
  assert.equal(answer.status, 200);
  assert.equal(field(answer, "x-robots-tag"), "noindex");
  assert.equal(stand.origin.requests.length, 1);
  await stand.program.waitForLog(/"UNWANTED"/);
});

test("scanners find nothing, and what the site has is let through", bounded, async () => {
  const blocklist = { scanners: true, except: "/wp-login.php", userAgents: "badbot", answer: 404 };
  await using stand = await standOf({ blocklist });
  for (const path of ["/.env", "/%2egit/config", "/a/../.git/HEAD", "/WP-Admin/x"]) {
    assert.equal((await stand.get(path)).status, 404, path);
  }
  const long = { "User-Agent": `${"x".repeat(12_000)} BadBot` };
  assert.equal((await stand.get("/", long)).status, 404);
  assert.equal(stand.origin.requests.length, 0);
  assert.equal((await stand.get("/wp-login.php")).status, 200);
});

test("a connection can be closed without a word, and the others stay", bounded, async () => {
  await using stand = await standOf({ blocklist: { paths: "/secret*", answer: "close" } });
  await using client = await connect(stand.program.port());
  await client.send(requestText({ path: "/" }));
  assert.equal((await client.readResponse()).status, 200);
  await client.send(requestText({ path: "/secret", method: "POST", body: "12345" }));
  await client.waitClose();
  assert.equal(client.pending, "");
  await stand.program.waitForLog(/"UNWANTED"/);
  assert.equal((await stand.get("/")).status, 200);
  assert.equal(stand.origin.requests.length, 2);
});

test("there is one right host", bounded, async () => {
  await using stand = await standOf({ redirectHost: { www: "remove" } }, [
    "app.test",
    "www.app.test",
  ]);
  const answer = await ask(stand.program.port(), {
    name: "www.app.test:81",
    path: "//evil.test/a?b",
  });
  assert.equal(answer.status, 308);
  assert.equal(field(answer, "location"), "http://app.test:81/evil.test/a?b");
  assert.equal((await stand.get("/")).status, 200);
});
