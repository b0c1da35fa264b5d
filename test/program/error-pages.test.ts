// Error pages: an operator's own, by status, by route and as a fallback; by what the client accepts; and
// nothing that a client sent comes back as markup.

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { ask, type AskOptions, field } from "../harness/ask.ts";
import { connect } from "../harness/client.ts";
import { freePort } from "../harness/free-port.ts";
import { httpOrigin } from "../harness/origin.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const html = { Accept: "text/html" };

describe("error pages", () => {
  const stack = new AsyncDisposableStack();
  let program: Tidegate;

  before(async () => {
    const folder = stack.use(await tempFolder());
    const origin = stack.use(
      await httpOrigin((_request, response) => {
        response.statusCode = 502;
        response.end("the backend's own");
      }),
    );
    await mkdir(folder.file("all"));
    await mkdir(folder.file("special"));
    await writeFile(folder.file("all/error_404.html"), "<h1>lost {host}</h1>{code}");
    await writeFile(folder.file("all/error_default.html"), "<h1>{status}</h1>");
    await writeFile(folder.file("special/error_502.html"), "<h1>special</h1>");
    const dead = `http://127.0.0.1:${await freePort()}`;
    program = stack.use(
      await startTidegate({
        config: {
          listeners: { web: "127.0.0.1:0" },
          errorPages: folder.file("all"),
          routes: {
            "dead.test": dead,
            "special.test": { service: dead, errorPages: folder.file("special") },
            "own.test": origin.url,
            "small.test": { service: dead, maxBody: 1, errorPages: folder.file("special") },
          },
        },
      }),
    );
  });
  after(() => stack.disposeAsync());

  const get = (options: AskOptions) => ask(program.port(), { headers: html, ...options });

  test("the page of the status is used", async () => {
    const response = await get({ name: "nobody.test" });
    assert.equal(response.status, 404);
    assert.match(field(response, "content-type"), /^text\/html/);
    assert.equal(field(response, "cache-control"), "no-store");
    assert.equal(response.body, "<h1>lost nobody.test</h1>NO_ROUTE");
  });

  test("without one, the default page of the folder is", async () => {
    const response = await get({ name: "dead.test" });
    assert.deepEqual([response.status, response.body], [502, "<h1>502</h1>"]);
  });

  test("a route may have pages of its own, and the built-in page where it has none", async () => {
    assert.equal((await get({ name: "special.test" })).body, "<h1>special</h1>");
    const missing = await get({ name: "small.test", method: "POST", body: "four" });
    assert.equal(missing.status, 413);
    assert.match(missing.body, /<!doctype html>/i);
  });

  test("what a backend answers is its own affair", async () => {
    const response = await get({ name: "own.test" });
    assert.deepEqual([response.status, response.body], [502, "the backend's own"]);
  });

  test("a program that asks for JSON gets the same facts as JSON, any other gets text", async () => {
    const json = await get({ name: "dead.test", headers: { Accept: "application/json" } });
    assert.match(field(json, "content-type"), /^application\/(problem\+)?json/);
    const facts = JSON.parse(json.body) as Record<string, unknown>;
    assert.deepEqual([facts["status"], facts["code"]], [502, "CONNECT_REFUSED"]);
    const text = await get({ name: "dead.test", headers: {} });
    assert.match(field(text, "content-type"), /^text\/plain/);
    assert.match(text.body, /502 Bad Gateway/);
  });

  test("an answer to HEAD has the length of the page, and no page", async () => {
    const page = await get({ name: "nobody.test" });
    await using client = await connect(program.port());
    await client.send("HEAD / HTTP/1.1\r\nHost: nobody.test\r\nAccept: text/html\r\n\r\n");
    const response = await client.readResponse({ method: "HEAD" });
    assert.equal(field(response, "content-length"), String(page.body.length));
    await client.send("GET / HTTP/1.1\r\nHost: nobody.test\r\nAccept: text/html\r\n\r\n");
    assert.equal((await client.readResponse()).status, 404, "and the next answer is in its place");
  });

  test("what the client sent is escaped, or not there at all", async () => {
    for (const name of ["a<b>.test", 'a"b.test', "a&b.test"]) {
      const response = await get({ name });
      assert.doesNotMatch(response.body, /a<b|a"b|a&b/, name);
    }
    const path = "/%3Cscript%3E?<x>";
    const response = await get({ name: "nobody.test", path });
    assert.doesNotMatch(response.body, /<x>|<script>/);
  });
});
