// A service that is being worked on tells everybody so, with a page and a time to come back; those who work
// on it are served.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { field } from "../harness/ask.ts";
import { asJson, originOf, origins, startStand, statusesOf } from "../harness/service-stand.ts";
import { tempFolder } from "../harness/temp-folder.ts";

const bounded = { timeout: 30_000 };
const html = { headers: { Accept: "text/html" } };
const worker = { from: "127.0.0.9" };

test("everybody gets 503, a page and a time to come back; no backend is asked", async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  await using stand = await startStand({ service: { backends: [a.url], maintenance: true } });
  const page = await stand.ask(html);
  assert.deepEqual([page.status, field(page, "retry-after")], [503, "300"]);
  assert.match(field(page, "content-type"), /^text\/html/);
  assert.match(page.body, /<html/i);
  const json = await stand.ask({ method: "POST", body: "x", ...asJson });
  assert.deepEqual([json.status, field(json, "retry-after")], [503, "300"]);
  assert.match(json.body, /MAINTENANCE/);
  assert.equal(a.requests.length, 0);
  assert.equal((await stand.service()).state, "maintenance");
});

test("those who are allowed are served, and the page and the time can be chosen", async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  const folder = stack.use(await tempFolder());
  const text = "<!doctype html><title>soon</title><p>Back at noon – really.</p>";
  await writeFile(folder.file("down.html"), text);
  const maintenance = {
    allow: ["127.0.0.9", "10.0.0.0/8"],
    page: folder.file("down.html"),
    retryAfter: "2m",
  };
  await using stand = await startStand({ service: { backends: [a.url], maintenance }, workers: 2 });
  for (const response of await stand.askApart(8, worker)) assert.equal(originOf(response), "a");
  for (const response of await stand.askApart(8, html)) {
    assert.deepEqual([response.status, field(response, "retry-after")], [503, "120"]);
    assert.equal(Buffer.from(response.body, "latin1").toString(), text);
    assert.match(field(response, "content-type"), /^text\/html/);
  }
  const forged = { headers: { "X-Forwarded-For": "127.0.0.9", Forwarded: "for=127.0.0.9" } };
  assert.equal((await stand.ask(forged)).status, 503, "from nobody who is trusted");
  const head = await stand.ask({ method: "HEAD", ...html });
  assert.deepEqual([head.status, head.body], [503, ""]);
});

test(
  "the command switches it on and off, in all workers and in those to come",
  bounded,
  async () => {
    await using stack = new AsyncDisposableStack();
    const [a] = await origins(stack, "a");
    await using stand = await startStand({ service: { backends: [a.url] }, workers: 2 });
    const statuses = async () => statusesOf(await stand.askApart(12));
    assert.deepEqual(await statuses(), [200]);
    const on = await stand.command("maintenance", "shop", "on");
    assert.equal(on.code, 0, on.stderr);
    assert.deepEqual(await statuses(), [503]);
    assert.equal((await stand.service()).state, "maintenance");
    assert.equal(field(await stand.ask(), "retry-after"), "300");
    const before = await stand.control.workers();
    assert.equal((await stand.command("restart")).code, 0);
    await stand.control.settled(2, before);
    assert.deepEqual(await statuses(), [503]);
    const off = await stand.command("maintenance", "shop", "off", "--json");
    assert.equal(off.code, 0, off.stderr);
    assert.deepEqual(await statuses(), [200]);
    assert.equal((await stand.service()).state, "up");
  },
);

test("`resume` ends what the command began, and wrong words are refused", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  await using stand = await startStand({ service: { backends: [a.url] } });
  await stand.order("maintenance", { on: true });
  assert.equal((await stand.ask()).status, 503);
  await stand.order("resume");
  assert.equal((await stand.ask()).status, 200);
  assert.notEqual((await stand.command("maintenance", "shop", "maybe")).code, 0);
  assert.equal((await stand.command("maintenance", "nowhere", "on")).code, 1);
  assert.equal((await stand.ask()).status, 200);
});

test("the settings say who is allowed also when the command switches it on", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  await using stand = await startStand({
    service: { backends: [a.url], maintenance: { allow: ["127.0.0.9"], retryAfter: "10s" } },
  });
  assert.equal((await stand.ask()).status, 503);
  await stand.order("maintenance", { on: true });
  assert.equal(originOf(await stand.ask(worker)), "a");
  assert.equal(field(await stand.ask(), "retry-after"), "10");
});

test("a route may be worked on while others to the same service are not", async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  await using stand = await startStand({
    service: { backends: [a.url] },
    routes: {
      "closed.test": { service: "shop", maintenance: { allow: ["127.0.0.9"], retryAfter: "1h" } },
      "open.test": { service: "shop", maintenance: false },
    },
  });
  const closed = await stand.ask({ name: "closed.test" });
  assert.deepEqual([closed.status, field(closed, "retry-after")], [503, "3600"]);
  assert.equal(originOf(await stand.ask({ name: "closed.test", ...worker })), "a");
  assert.equal(originOf(await stand.ask({ name: "open.test" })), "a");
  assert.equal(originOf(await stand.ask()), "a");
  assert.equal((await stand.service()).state, "up");
});

test("a connection goes on through it", async () => {
  await using stack = new AsyncDisposableStack();
  const [a] = await origins(stack, "a");
  await using stand = await startStand({ service: { backends: [a.url] } });
  await stand.order("maintenance", { on: true });
  // All on one connection, which an answer of ours does not close.
  assert.deepEqual(await stand.askInARow(3), ["503", "503", "503"]);
});
