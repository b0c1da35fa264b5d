// The cache of a route, with a real client and a real backend: what is kept, for how long, for whom, and what takes it out.

import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import { ask, type AskOptions, field } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { type HttpOrigin, httpOrigin } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

interface Counting extends HttpOrigin {
  readonly requests: IncomingMessage[];
}

/** Answers with a number that goes up, and what the test says. */
async function counting(
  answer: (request: IncomingMessage, response: ServerResponse, count: number) => void,
): Promise<Counting> {
  const requests: IncomingMessage[] = [];
  const made = await httpOrigin((request, response) => {
    requests.push(request);
    answer(request, response, requests.length);
  });
  return Object.assign(made, { requests });
}

const fresh = (headers: Readonly<Record<string, string>> = {}) =>
  counting((_request, response, count) => {
    response.writeHead(200, { "Cache-Control": "max-age=60", ...headers });
    response.end(`number ${count}`);
  });

function start(service: string, cache: unknown = true, more: object = {}): Promise<Tidegate> {
  return startTidegate({
    config: {
      listeners: { web: "127.0.0.1:0" },
      routes: { "app.test": { service, middlewares: { cache, ...more } } },
    },
  });
}

/** Asks one after the other; what was answered to each. */
async function bodies(program: Tidegate, ...asked: readonly AskOptions[]): Promise<string[]> {
  const found: string[] = [];
  for (const each of asked) found.push((await ask(program.port(), each)).body);
  return found;
}

test("what is fresh is given again, with its age and why", async () => {
  await using backend = await fresh();
  await using program = await start(backend.url);
  const first = await ask(program.port());
  assert.equal(first.body, "number 1");
  assert.match(field(first, "cache-status"), /^Tidegate; fwd=uri-miss; fwd-status=200; stored$/);
  const second = await ask(program.port());
  assert.equal(second.body, "number 1");
  assert.match(field(second, "cache-status"), /^Tidegate; hit; ttl=(?:60|59|58)$/);
  assert.match(field(second, "age"), /^[0-2]$/);
  assert.equal(field(second, "content-length"), "8");
  const head = await ask(program.port(), { method: "HEAD" });
  assert.equal(head.status, 200);
  assert.match(field(head, "cache-status"), /hit/);
  assert.equal(backend.requests.length, 1);
});

test("conditions and parts are answered from what is kept", async () => {
  await using backend = await fresh({ ETag: '"one"', "Content-Type": "text/plain" });
  await using program = await start(backend.url);
  await ask(program.port());
  const known = await ask(program.port(), { headers: { "If-None-Match": 'W/"one"' } });
  assert.equal(known.status, 304);
  assert.equal(field(known, "etag"), '"one"');
  const part = await ask(program.port(), { headers: { Range: "bytes=0-3" } });
  assert.deepEqual([part.status, part.body], [206, "numb"]);
  assert.equal(field(part, "content-range"), "bytes 0-3/8");
  const several = await ask(program.port(), { headers: { Range: "bytes=0-1,6-7" } });
  assert.match(field(several, "content-type"), /^multipart\/byteranges/);
  assert.match(several.body, /nu\r\n--.*\r\n 1\r\n--/s);
  const beyond = await ask(program.port(), { headers: { Range: "bytes=100-" } });
  assert.equal(beyond.status, 416);
  assert.equal(backend.requests.length, 1);
});

test("answers that are not for everybody, or say nothing of freshness, are not kept", async () => {
  const never: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    "/private": { "Cache-Control": "max-age=60, private" },
    "/no-store": { "Cache-Control": "max-age=60, NO-STORE" },
    "/field": { "Cache-Control": 'private="x, y", max-age=60' },
    "/cookie": { "Cache-Control": "public, max-age=60", "Set-Cookie": "a=b" },
    "/vary": { "Cache-Control": "max-age=60", Vary: "*" },
    "/silent": {},
    "/twice": { "Cache-Control": "max-age=60, max-age=0" },
    "/expired": { Expires: "0" },
  };
  await using backend = await counting((request, response, count) => {
    response.writeHead(200, never[request.url ?? ""] ?? {});
    response.end(`number ${count}`);
  });
  await using program = await start(backend.url);
  for (const path of Object.keys(never)) {
    const [one, two] = await bodies(program, { path }, { path });
    assert.notEqual(one, two, path);
  }
});

test("ttl, negative answers and strip are for what says nothing", async () => {
  await using backend = await counting((request, response, count) => {
    response.writeHead(request.url === "/gone" ? 404 : request.url === "/bad" ? 500 : 200, {
      "Set-Cookie": "a=b",
    });
    response.end(`number ${count}`);
  });
  await using program = await start(backend.url, {
    ttl: "60s",
    negative: "60s",
    storeSetCookie: "strip",
  });
  for (const path of ["/", "/gone"]) {
    const [one, two] = await bodies(program, { path }, { path });
    assert.equal(one, two, path);
  }
  assert.equal(field(await ask(program.port()), "set-cookie"), "");
  const [one, two] = await bodies(program, { path: "/bad" }, { path: "/bad" });
  assert.notEqual(one, two);
});

test("CDN-Cache-Control counts instead of Cache-Control", async () => {
  await using backend = await fresh({
    "Cache-Control": "no-store",
    "CDN-Cache-Control": "max-age=60",
  });
  await using program = await start(backend.url);
  assert.deepEqual(await bodies(program, {}, {}), ["number 1", "number 1"]);
});

test("Vary chooses; encodings are few", async () => {
  await using backend = await counting((request, response, count) => {
    response.writeHead(200, {
      "Cache-Control": "max-age=60",
      Vary: "Accept-Language, Accept-Encoding",
    });
    response.end(
      `${request.headers["accept-language"]} ${request.headers["accept-encoding"]} ${count}`,
    );
  });
  await using program = await start(backend.url);
  const wish = (language: string, encoding: string) => ({
    headers: { "Accept-Language": language, "Accept-Encoding": encoding },
  });
  const found = await bodies(
    program,
    wish("de", "gzip, deflate, br"),
    wish("en", "gzip"),
    wish("de", "br;q=1.0, gzip;q=0.8, *;q=0.1"),
    wish("en", "GZIP;q=1, br;q=0"),
  );
  assert.deepEqual(found, ["de br, gzip 1", "en gzip 2", "de br, gzip 1", "en gzip 2"]);
});

test("what is stale is asked for again, and stays when it is still so", async () => {
  await using backend = await counting((request, response, count) => {
    const isKnown = request.headers["if-none-match"] === '"v"';
    const headers = { "Cache-Control": "max-age=0", ETag: '"v"', "X-Count": String(count) };
    response.writeHead(isKnown ? 304 : 200, headers);
    response.end(isKnown ? undefined : "the page");
  });
  await using program = await start(backend.url);
  await ask(program.port());
  const again = await ask(program.port());
  assert.deepEqual([again.status, again.body], [200, "the page"]);
  assert.equal(field(again, "x-count"), "2");
  assert.equal(backend.requests[1]?.headers["if-none-match"], '"v"');
});

test("stale-while-revalidate gives the old one and has a new one fetched", async () => {
  await using backend = await counting((_request, response, count) => {
    response.writeHead(200, { "Cache-Control": "max-age=0, stale-while-revalidate=60" });
    response.end(`number ${count}`);
  });
  await using program = await start(backend.url);
  assert.equal((await ask(program.port())).body, "number 1");
  assert.equal((await ask(program.port())).body, "number 1");
  await eventually("the new one", async () => {
    const { body } = await ask(program.port());
    return body === "number 1" ? undefined : body;
  });
});

test("stale-if-error gives the old one where the backend fails, must-revalidate does not", async () => {
  for (const [said, status] of [
    ["max-age=0, stale-if-error=60", 200],
    ["max-age=0, stale-if-error=60, must-revalidate", 503],
  ] as const) {
    await using backend = await counting((_request, response, count) => {
      response.writeHead(count === 1 ? 200 : 503, { "Cache-Control": said, ETag: '"x"' });
      response.end(`number ${count}`);
    });
    await using program = await start(backend.url);
    await ask(program.port());
    const again = await ask(program.port());
    assert.equal(again.status, status, said);
    if (status === 200) assert.equal(again.body, "number 1");
  }
});

test("a backend that is away is a failure that stale answers cover", async () => {
  const backend = await counting((_request, response, count) => {
    response.writeHead(200, { "Cache-Control": "max-age=0, stale-if-error=60" });
    response.end(`number ${count}`);
  });
  await using program = await start(backend.url);
  await ask(program.port());
  await backend[Symbol.asyncDispose]();
  const again = await ask(program.port());
  assert.deepEqual([again.status, again.body], [200, "number 1"]);
  assert.match(field(again, "cache-status"), /hit; ttl=-/);
});

test("POST takes out what is kept of its URL, and PURGE does for those who may", async () => {
  await using backend = await fresh({ "Cache-Tag": "blog, page-7", "Cache-Control": "max-age=60" });
  await using program = await start(backend.url, { purge: ["127.0.0.1"] });
  assert.deepEqual(await bodies(program, {}, {}), ["number 1", "number 1"]);
  await ask(program.port(), { method: "POST", body: "x" });
  const third = await ask(program.port());
  assert.equal(third.body, "number 3");
  assert.equal(field(third, "cache-tag"), "");
  assert.equal((await ask(program.port(), { method: "PURGE" })).body, "1\n");
  assert.deepEqual(await bodies(program, {}, {}), ["number 4", "number 4"]);
  const headers = { "Cache-Tag": "page-7" };
  assert.equal((await ask(program.port(), { method: "PURGE", headers })).body, "1\n");
  assert.equal((await ask(program.port())).body, "number 5");
  const outside = await ask(program.port(), { method: "PURGE", from: "127.0.0.2" });
  assert.equal(outside.status, 403);
  assert.equal((await ask(program.port())).body, "number 5");
});

test("cookies and passwords keep an answer from others, unless it says that it is for everybody", async () => {
  await using backend = await counting((request, response, count) => {
    const isPublic = request.url === "/public";
    response.writeHead(200, { "Cache-Control": isPublic ? "public, max-age=60" : "max-age=60" });
    response.end(`${request.headers.cookie ?? "none"} ${count}`);
  });
  await using program = await start(backend.url);
  const cookie = { headers: { Cookie: "session=alice" } };
  const basic = { headers: { Authorization: "Basic x" } };
  assert.deepEqual(await bodies(program, cookie, {}, {}, cookie, basic), [
    "session=alice 1",
    "none 2",
    "none 2",
    "session=alice 3",
    "none 4",
  ]);
  const path = "/public";
  assert.deepEqual(await bodies(program, { ...basic, path }, { path }), ["none 5", "none 5"]);
});

test("middlewares see what is kept as they see any answer", async () => {
  await using backend = await fresh({ "X-Powered-By": "x" });
  await using program = await start(backend.url, true, { requestId: true });
  const [one, two] = [await ask(program.port()), await ask(program.port())];
  assert.notEqual(field(one, "x-request-id"), "");
  assert.notEqual(field(one, "x-request-id"), field(two, "x-request-id"));
  assert.match(field(two, "cache-status"), /hit/);
});

test("a reload keeps what is kept; other settings do not", async () => {
  await using backend = await fresh();
  const config = (cache: unknown, path: string) => ({
    listeners: { web: "127.0.0.1:0" },
    routes: {
      "app.test": { service: backend.url, middlewares: { cache } },
      [`app.test${path}`]: { service: backend.url },
    },
  });
  await using program = await startTidegate({ config: config(true, "/a") });
  assert.deepEqual(await bodies(program, {}, {}), ["number 1", "number 1"]);
  const goLive = async (...next: Parameters<typeof config>) => {
    const count = () => program.stderr().match(/configuration reloaded/g)?.length ?? 0;
    const before = count();
    await program.writeConfig(config(...next));
    await eventually("the new configuration", () => count() > before || undefined);
  };
  await goLive(true, "/b");
  assert.deepEqual(await bodies(program, {}), ["number 1"]);
  await goLive({ ttl: "5s" }, "/b");
  assert.deepEqual(await bodies(program, {}, {}), ["number 2", "number 2"]);
});

test("operators see what is kept, and take it out of all workers", async () => {
  await using backend = await counting((request, response, count) => {
    response.writeHead(200, { "Cache-Control": "max-age=60", "Cache-Tag": "all one" });
    response.end(`${request.url} ${count}`);
  });
  await using program = await startTidegate({
    config: {
      listeners: { web: "127.0.0.1:0" },
      routes: { "app.test": { service: backend.url, middlewares: { cache: true } } },
    },
    workers: 2,
  });
  const command = (...words: readonly string[]) =>
    runCommand(tidegate, ["cache", ...words, "--control", program.control], {
      timeoutMs: 60_000,
    });
  const everywhere = async (path: string) => {
    const found = await Promise.all(
      Array.from({ length: 20 }, () => ask(program.port(), { path, name: "app.test:80" })),
    );
    return new Set(found.map(({ body }) => body));
  };
  await everywhere("/a");
  const [before] = [...(await everywhere("/a"))];
  const { stdout } = await command("--json");
  const [row] = JSON.parse(stdout) as { route: string; entries: number; hits: number }[];
  assert.equal(row?.route, "app.test");
  assert.ok(row.entries >= 1 && row.hits >= 1, stdout);
  assert.match((await command()).stdout, /ROUTE +ENTRIES[^]*app\.test/);
  for (const words of [
    ["http://APP.test:80/a"],
    ["--prefix", "http://app.test/"],
    ["--tag", "one"],
    ["--all"],
  ]) {
    const purged = await command("purge", ...words);
    assert.match(purged.stdout, /^[1-9]\d* kept answers are gone/, words.join(" "));
    const after = await everywhere("/a");
    assert.ok(!after.has(before ?? ""), words.join(" "));
  }
  assert.equal((await command("purge")).code, 1);
  assert.equal((await command("purge", "app.test/a")).code, 1);
});

test("large bodies come whole, from the backend and from memory", async () => {
  const body = "0123456789abcdef".repeat(60_000);
  await using backend = await counting((_request, response) => {
    response.writeHead(200, { "Cache-Control": "max-age=60" });
    response.end(body);
  });
  await using program = await start(backend.url);
  for (let round = 0; round < 3; round++) assert.equal((await ask(program.port())).body, body);
  assert.equal(backend.requests.length, 1);
});

/** Answers when it is told to, with its name. */
async function held(name: string) {
  const waiting: ServerResponse[] = [];
  const backend = await httpOrigin((_request, response) => void waiting.push(response));
  const give = (body = name) => {
    for (const each of waiting.splice(0)) {
      each.writeHead(200, { "Cache-Control": "max-age=60" }).end(body);
    }
  };
  return Object.assign(backend, { waiting, give });
}

test("two routes with one URL do not wait for one another's answer", async () => {
  await using one = await held("public");
  await using other = await held("internal");
  await using program = await startTidegate({
    config: {
      listeners: { web: "127.0.0.1:0" },
      routes: {
        "app.test": { service: one.url, middlewares: { cache: true } },
        staff: {
          ...{ host: "app.test", headers: { "X-Staff": "1" }, service: other.url },
          middlewares: { cache: { key: { headers: ["X-Staff"] }, harmless: ["X-Staff"] } },
        },
        local: {
          ...{ host: "app.test", clientIp: "127.0.0.2", service: other.url },
          middlewares: { cache: true },
        },
      },
    },
  });
  const inside = ask(program.port(), { from: "127.0.0.2" });
  await eventually("the internal one to ask", () => other.waiting.length === 1 || undefined);
  const outside = ask(program.port());
  await eventually("the public one to ask", () => one.waiting.length === 1 || undefined);
  one.give();
  other.give();
  assert.equal((await outside).body, "public");
  assert.equal((await inside).body, "internal");
});

test("who asks after something was taken out is not given what was asked for before", async () => {
  await using backend = await held("");
  await using program = await start(backend.url, { purge: ["127.0.0.1"] });
  const before = ask(program.port());
  await eventually("it to ask", () => backend.waiting.length === 1 || undefined);
  await ask(program.port(), { method: "PURGE" });
  const after = ask(program.port());
  await eventually("another one to ask", () => backend.waiting.length === 2 || undefined);
  backend.waiting.shift()?.writeHead(200, { "Cache-Control": "max-age=60" }).end("old");
  backend.give("new");
  assert.equal((await before).body, "old");
  assert.equal((await after).body, "new");
  assert.equal((await ask(program.port())).body, "new");
});

test("a client with a name is not given the page of nobody, also where its own has not changed or fails", async () => {
  await using backend = await counting((request, response, count) => {
    const isKnown = request.headers["if-modified-since"] !== undefined;
    const isAlice = request.headers.cookie !== undefined;
    const said = { "Cache-Control": "max-age=0, stale-if-error=60", "Last-Modified": modified };
    const isFailing = request.url === "/bad" && isAlice;
    response.writeHead(isFailing ? 503 : isKnown ? 304 : 200, said);
    response.end(isKnown ? undefined : `${isAlice ? "alice" : "nobody"} ${count}`);
  });
  const modified = "Sun, 22 Nov 2026 10:00:00 GMT";
  await using program = await start(backend.url);
  const headers = { Cookie: "session=alice" };
  assert.deepEqual(await bodies(program, {}, { headers }), ["nobody 1", "alice 2"]);
  await ask(program.port(), { path: "/bad" });
  assert.equal((await ask(program.port(), { path: "/bad", headers })).status, 503);
});

test("what one client makes fail keeps nobody from what is new", async () => {
  await using backend = await counting((request, response, count) => {
    const isBad = request.headers["x-bad"] !== undefined;
    response.writeHead(isBad ? 500 : 200, { "Cache-Control": "max-age=0, stale-if-error=60" });
    response.end(`number ${count}`);
  });
  await using program = await start(backend.url);
  await ask(program.port());
  await ask(program.port(), { headers: { "X-Bad": "1" } });
  assert.equal((await ask(program.port())).body, "number 3");
});
