// What was written for HTTP/1.1 meets HTTP/2: middlewares, the cache, files, programs, limits and pages of errors, where either
// protocol could have been taken for granted.

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { brotliDecompressSync } from "node:zlib";
import { askHttp2, type Http2Asker } from "../harness/http2-asker.ts";
import { httpOrigin } from "../harness/origin.ts";
import { scgiApplication } from "../harness/scgi-application.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const page = "<p>hello</p>".repeat(1000);

describe("middlewares and other ends over HTTP/2", () => {
  const stack = new AsyncDisposableStack();
  let program: Tidegate;
  let plain: Http2Asker;
  let secure: Http2Asker;
  let requests = 0;

  before(async () => {
    const backend = stack.use(
      await httpOrigin((request, response) => {
        requests++;
        response.setHeader("Content-Type", "text/html");
        if (request.url === "/slow") setTimeout(() => response.end(`slow ${requests}`), 300);
        else if (request.url === "/kept") {
          response.setHeader("Cache-Control", "max-age=60");
          response.setHeader("ETag", '"one"');
          response.end(`kept ${requests}`);
        } else if (request.url === "/who") response.end(request.headers["x-user"]);
        else if (request.url === "/redirect") {
          response.writeHead(302, { Location: "http://app.internal/there" });
          response.end();
        } else response.end(page);
      }),
    );
    const auth = stack.use(
      await httpOrigin((request, response) => {
        const isKnown = request.headers["authorization"] === "Bearer good";
        if (isKnown) response.setHeader("X-User", "ann");
        response.statusCode = isKnown ? 200 : 401;
        response.end();
      }),
    );
    const folder = stack.use(await tempFolder());
    await mkdir(folder.file("www"));
    await writeFile(folder.file("www/a.txt"), "0123456789");
    const scgi = stack.use(await scgiApplication());
    const service = backend.url;
    program = stack.use(
      await startTidegate({
        config: {
          listeners: {
            plain: { bind: "127.0.0.1:0", h2c: true },
            secure: { bind: "127.0.0.1:0", tls: true },
          },
          routes: {
            "packed.test": { service, middlewares: ["compress"] },
            "kept.test": { service, middlewares: { cache: true } },
            "joined.test": { service, middlewares: { collapse: true } },
            "limited.test": {
              service,
              middlewares: { rateLimit: { average: 1, period: "1h", burst: 2 } },
            },
            "asked.test": {
              service,
              middlewares: { forwardAuth: { address: auth.url, responseHeaders: ["X-User"] } },
            },
            "https.test": { service, redirect: "https", hsts: true },
            "sticky.test": { service: { backends: [service], sticky: true } },
            "restored.test": { service, restoreUrls: { hosts: "app.internal" } },
            "files.test": { service: { files: folder.file("www") } },
            "program.test": `scgi://127.0.0.1:${scgi.port}`,
            "whoami.test": { whoami: true },
          },
        },
      }),
    );
    plain = stack.use(await askHttp2(`http://127.0.0.1:${program.port("plain")}`, "app.test"));
    const url = `https://127.0.0.1:${program.port("secure")}`;
    secure = stack.use(await askHttp2(url, "app.test"));
  });
  after(() => stack.disposeAsync());

  test("compress", async () => {
    const { fields, body } = await plain.ask({
      ...{ host: "packed.test", fields: { "accept-encoding": "br" } },
    });
    assert.equal(fields["content-encoding"], "br");
    assert.equal(String(brotliDecompressSync(body)), page);
  });

  test("the cache, its conditions and HEAD", async () => {
    const host = "kept.test";
    const first = await plain.ask({ host, path: "/kept" });
    const second = await plain.ask({ host, path: "/kept" });
    assert.equal(String(second.body), String(first.body));
    assert.match(second.fields["cache-status"] ?? "", /hit/);
    const same = await plain.ask({ host, path: "/kept", fields: { "if-none-match": '"one"' } });
    assert.deepEqual([same.status, same.body.length, same.reset], [304, 0, "NO_ERROR"]);
    const head = await plain.ask({ host, path: "/kept", method: "HEAD" });
    assert.deepEqual(
      [head.status, head.fields["content-length"], head.body.length],
      [200, String(first.body.length), 0],
    );
  });

  test("one request for all who ask the same at once", async () => {
    const before = requests;
    const all = Array.from({ length: 20 }, () => plain.ask({ host: "joined.test", path: "/slow" }));
    const bodies = new Set((await Promise.all(all)).map(({ body }) => String(body)));
    assert.equal(bodies.size, 1);
    assert.equal(requests - before, 1);
  });

  test("limits are kept over all streams", async () => {
    const all = Array.from({ length: 5 }, () => plain.ask({ host: "limited.test" }));
    const statuses = (await Promise.all(all)).map(({ status }) => status);
    assert.deepEqual(
      statuses.toSorted((one, other) => one - other),
      [200, 200, 429, 429, 429],
    );
  });

  test("forwardAuth asks, and refuses", async () => {
    const host = "asked.test";
    const good = { authorization: "Bearer good" };
    assert.equal(String((await plain.ask({ host, path: "/who", fields: good })).body), "ann");
    assert.equal((await plain.ask({ host, path: "/who" })).status, 401);
  });

  test("redirects, HSTS and cookies", async () => {
    const away = await plain.ask({ host: "https.test", path: "/x?y" });
    assert.equal(away.fields["location"], "https://https.test/x?y");
    const here = await secure.ask({ host: "https.test" });
    assert.match(here.fields["strict-transport-security"] ?? "", /max-age/);
    const sticky = await plain.ask({ host: "sticky.test" });
    assert.match(sticky.fields["set-cookie"] ?? "", /tidegate/i);
    const restored = await plain.ask({ host: "restored.test", path: "/redirect" });
    assert.equal(restored.fields["location"], "/there");
  });

  test("pages of errors, as people and programs want them", async () => {
    const people = await plain.ask({ host: "none.test", fields: { accept: "text/html" } });
    assert.deepEqual(
      [people.status, people.fields["content-type"]?.slice(0, 9)],
      [404, "text/html"],
    );
    const programs = await plain.ask({ host: "none.test", fields: { accept: "application/json" } });
    assert.equal(JSON.parse(String(programs.body)).status, 404);
  });

  test("files, whole and in parts", async () => {
    const host = "files.test";
    assert.equal(String((await secure.ask({ host, path: "/a.txt" })).body), "0123456789");
    const part = await secure.ask({ host, path: "/a.txt", fields: { range: "bytes=2-4" } });
    assert.deepEqual([part.status, String(part.body)], [206, "234"]);
    assert.equal((await secure.ask({ host, path: "/none" })).status, 404);
  });

  test("programs are told the protocol, and get bodies whose length nobody said", async () => {
    const { status, body } = await plain.ask({
      host: "program.test",
      method: "POST",
      body: "12345",
    });
    const told = JSON.parse(String(body));
    assert.deepEqual(
      [status, told["SERVER_PROTOCOL"], told["REQUEST_METHOD"], told["CONTENT_LENGTH"], told.body],
      [200, "HTTP/2.0", "POST", "5", "12345"],
    );
  });
});
