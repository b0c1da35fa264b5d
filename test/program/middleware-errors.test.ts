// Pages of the operator's in the place of answers that say something went wrong, whoever gives them.

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { ask, field, requestText } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { freePort } from "../harness/free-port.ts";
import { httpOrigin, origin as rawOrigin } from "../harness/origin.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };

function configOf(service: string, ...middlewares: readonly unknown[]) {
  return {
    listeners: { web: "127.0.0.1:0" },
    routes: { app: { host: "app.test", service, middlewares } },
  };
}

test(
  "the page takes the place of what the backend says, and connections are used again",
  bounded,
  async () => {
    await using origin = await rawOrigin();
    const errors = { statuses: ["400-599"], text: "<p>{status} {path}" };
    await using program = await startTidegate({ config: configOf(origin.url, { errors }) });
    await using client = await connect(program.port());
    let backend: Awaited<ReturnType<typeof origin.accept>> | undefined;
    const exchange = async (path: string, head: string, body: string, method = "GET") => {
      await client.send(requestText({ path, method }));
      backend ??= await origin.accept();
      await backend.readRequest();
      await backend.send(`${head}\r\n\r\n${body}`);
      return await client.readResponse({ method });
    };
    const coded =
      'HTTP/1.1 500 Oh\r\nContent-Encoding: gzip\r\nETag: "1"\r\nX-A: 1\r\nContent-Length: 4';
    const page = await exchange("/a&b'c", coded, "gzip");
    assert.equal(page.status, 500);
    assert.equal(page.body, "<p>500 /a&#38;b&#39;c");
    assert.equal(field(page, "content-type"), "text/html; charset=utf-8");
    assert.equal(field(page, "content-encoding") + field(page, "etag"), "");
    assert.equal(field(page, "x-a"), "1");
    const empty = await exchange("/", "HTTP/1.1 404 No\r\nContent-Length: 0", "");
    assert.equal(empty.body, "<p>404 /");
    const chunked = "HTTP/1.1 503 No\r\nTransfer-Encoding: chunked";
    const trailed = await exchange("/", chunked, "3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n");
    assert.equal(trailed.body, "<p>503 /");
    const bare = await exchange("/", "HTTP/1.1 500 No\r\nContent-Length: 7", "", "HEAD");
    assert.equal(bare.body, "");
    assert.equal(field(bare, "content-length"), String("<p>500 /".length));
    const fine = await exchange("/", "HTTP/1.1 200 OK\r\nContent-Length: 2", "ok");
    assert.equal(fine.body, "ok");
    assert.equal(origin.connections.length, 1);
  },
);

test("who goes on sending for ever is not waited for", bounded, async () => {
  await using origin = await rawOrigin();
  const errors = { text: "sorry" };
  await using program = await startTidegate({ config: configOf(origin.url, { errors }) });
  await using client = await connect(program.port());
  await client.send(requestText());
  const backend = await origin.accept();
  await backend.readRequest();
  await backend.send("HTTP/1.1 500 Oh\r\n\r\n");
  const piece = "x".repeat(100_000);
  while (!backend.ended && (await backend.send(piece))) await new Promise(setImmediate);
  assert.equal((await client.readResponse()).body, "sorry");
  await client.send(requestText());
  const other = await origin.accept();
  await other.readRequest();
  await other.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  assert.equal((await client.readResponse()).body, "ok");
});

test("what we say ourselves, and what middlewares say, has pages, too", bounded, async () => {
  await using folder = await tempFolder();
  await mkdir(folder.file("pages"));
  await writeFile(folder.file("pages/502.html"), "down");
  await writeFile(folder.file("pages/4xx.html"), "no {status}");
  const dead = `http://127.0.0.1:${await freePort()}`;
  const errors = { statuses: ["400-599"], folder: folder.file("pages") };
  const blocklist = { paths: "/x", answer: 410 };
  await using program = await startTidegate({ config: configOf(dead, { errors }, { blocklist }) });
  const down = await ask(program.port());
  assert.deepEqual([down.status, down.body], [502, "down"]);
  const gone = await ask(program.port(), { path: "/x" });
  assert.deepEqual([gone.status, gone.body], [410, "no 410"]);
  await writeFile(folder.file("pages/502.html"), "still down");
  await eventually("the page to be read again", async () => {
    return (await ask(program.port())).body === "still down" ? true : undefined;
  });
});

test("another status, and only for people", bounded, async () => {
  const dead = `http://127.0.0.1:${await freePort()}`;
  const errors = { text: "<p>later", status: 503, htmlOnly: true };
  await using program = await startTidegate({ config: configOf(dead, { errors }) });
  const page = await ask(program.port(), { headers: { Accept: "text/html,*/*" } });
  assert.deepEqual([page.status, page.body], [503, "<p>later"]);
  for (const accept of ["*/*", "application/json", "text/html;q=0, */*"]) {
    const own = await ask(program.port(), { headers: { Accept: accept } });
    assert.equal(own.status, 502);
    assert.doesNotMatch(own.body, /later/);
    assert.match(field(own, "vary"), /Accept/);
  }
});

/** Two services: one that is down or answers badly, and one that has the pages. */
function servedPages(service: string, pages: string, more: Readonly<Record<string, unknown>> = {}) {
  const errors = {
    statuses: ["400-599"],
    service: "pages",
    path: "/e/{status}?from=proxy",
    ...more,
  };
  return { ...configOf(service, { errors }), services: { pages } };
}

test("a service is asked for the page, by GET and past all middlewares", bounded, async () => {
  const asked: string[] = [];
  await using pages = await httpOrigin((request, response) => {
    const { cookie = "", authorization = "", "x-forwarded-for": client = "" } = request.headers;
    asked.push(`${request.method} ${request.url} ${cookie}${authorization}${String(client)}`);
    response.end(`page of ${request.url}`);
  });
  await using backend = await httpOrigin((request, response) => {
    request.resume();
    request.on("end", () => {
      response.statusCode = 500;
      response.setHeader("Set-Cookie", "a=1");
      response.end("x".repeat(10_000));
    });
  });
  await using program = await startTidegate({ config: servedPages(backend.url, pages.url) });
  await using client = await connect(program.port());
  for (const method of ["POST", "GET"]) {
    const headers = { Cookie: "secret", Authorization: "secret" };
    await client.send(requestText({ method, headers, path: "/x", body: "12345" }));
    const page = await client.readResponse({ method });
    assert.equal(page.status, 500);
    assert.equal(page.body, "page of /e/500?from=proxy");
    assert.equal(field(page, "set-cookie"), "a=1");
    assert.equal(field(page, "content-type"), "text/html; charset=utf-8");
  }
  assert.deepEqual(asked, Array(2).fill("GET /e/500?from=proxy 127.0.0.1"));
  await client.send(requestText({ method: "HEAD" }));
  assert.equal((await client.readResponse({ method: "HEAD" })).status, 500);
  assert.equal(asked.length, 2);
});

test("what the service cannot give is a plain page, and nothing goes round", bounded, async () => {
  const dead = `http://127.0.0.1:${await freePort()}`;
  let asked = 0;
  await using broken = await httpOrigin((request, response) => {
    asked++;
    if (request.url === "/e/502?from=proxy") response.end("x".repeat(1_100_000));
    else response.writeHead(500).end("broken");
  });
  await using down = await startTidegate({ config: servedPages(dead, dead) });
  const plain = await ask(down.port());
  assert.deepEqual([plain.status, /<h1>502 Bad Gateway<\/h1>/.test(plain.body)], [502, true]);
  await using long = await startTidegate({ config: servedPages(dead, broken.url) });
  assert.match((await ask(long.port())).body, /<h1>502 Bad Gateway/);
  asked = 0;
  await using loop = await startTidegate({
    config: servedPages(broken.url, broken.url, { statuses: ["500"], path: "/other" }),
  });
  assert.equal((await ask(loop.port())).body, "broken");
  assert.equal(asked, 2);
});

test("a page of a service is whole, also where the backend goes on for ever", bounded, async () => {
  await using pages = await httpOrigin((_request, response) => response.end("sorry"));
  await using backend = await httpOrigin((request, response) => {
    response.statusCode = 500;
    const more = () => void (response.destroyed || response.write("x".repeat(100_000), more));
    more();
    request.resume();
  });
  await using program = await startTidegate({ config: servedPages(backend.url, pages.url) });
  await using client = await connect(program.port());
  for (let count = 0; count < 2; count++) {
    await client.send(requestText());
    const page = await client.readResponse();
    assert.deepEqual([page.status, page.body], [500, "sorry"]);
  }
});

test("a service that keeps quiet is not waited for, nor is one that left", bounded, async () => {
  await using pages = await rawOrigin();
  const dead = `http://127.0.0.1:${await freePort()}`;
  await using program = await startTidegate({ config: servedPages(dead, pages.url) });
  await using gone = await connect(program.port());
  await gone.send(requestText());
  await (await pages.accept()).readRequest();
  gone.reset();
  const quiet = await ask(program.port(), { timeoutMs: 20_000 });
  assert.match(quiet.body, /<h1>502 Bad Gateway/);
  await eventually("both in the log", async () => {
    const lines = await program.accessLog();
    return lines.length === 2 && lines.every((line) => line.includes("CONNECT_REFUSED"))
      ? true
      : undefined;
  });
});
