// Tricks by which somebody has an answer kept that others are then given. The backend here shows everything that it is told, and
// says that its answer may be kept: each trick is first shown to work on it, so that a cache which keys by path and query
// alone, and passes the rest on, would give it to the next one.

import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { test } from "node:test";
import { field } from "../harness/ask.ts";
import { connect, type Response } from "../harness/client.ts";
import { type HttpOrigin, httpOrigin } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

/** As credulous as backends are, each in its own way. */
function credulous(): Promise<HttpOrigin> {
  return httpOrigin((request, response) => {
    let body = "";
    request.on("data", (bytes: Buffer) => (body += bytes.toString("latin1")));
    request.on("end", () => {
      const tooLong = (request.headers["x-long"] ?? "").length > 100;
      const isOverridden = request.headers["x-http-method-override"] === "EVIL";
      const { origin } = request.headers;
      if (origin !== undefined) response.setHeader("Access-Control-Allow-Origin", origin);
      response.setHeader("Cache-Control", "max-age=60");
      if (request.headers["accept-encoding"] === "gzip") {
        response.setHeader("Content-Encoding", "gzip");
      }
      const range = request.headers.range === undefined ? "" : "evil part";
      response.writeHead(tooLong ? 431 : isOverridden ? 404 : request.headers.range ? 206 : 200);
      response.end([...told(request), body, range, tooLong ? "evil 431" : ""].join("\n"));
    });
  });
}

function told(request: IncomingMessage): string[] {
  const { url = "", method = "", rawHeaders } = request;
  // Of the query, what a reader that parts by ; and decodes & first makes of it.
  const decoded = decodeURIComponent(url).replaceAll(";", "&");
  const lines: string[] = [];
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? "").toLowerCase();
    const isOwn = ["x-forwarded-for", "x-real-ip", "x-forwarded-port"].includes(name);
    if (!isOwn) lines.push(`${name}: ${rawHeaders[at + 1] ?? ""}`);
  }
  return [`${method} ${decoded}`, ...lines];
}

function start(service: string): Promise<Tidegate> {
  const key = { query: { without: ["utm_*"] }, headers: ["X-Language"] };
  return startTidegate({
    config: {
      listeners: { web: "127.0.0.1:0" },
      routes: { "app.test": { service, middlewares: { cache: { key } } } },
    },
  });
}

async function send(port: number, bytes: string): Promise<Response> {
  await using client = await connect(port);
  await client.send(bytes);
  return await client.readResponse();
}

const host = "Host: app.test\r\n";
const get = (target: string, lines = "") => `GET ${target} HTTP/1.1\r\n${host}${lines}\r\n`;

interface Trick {
  readonly attack: string;
  /** Who asks for the same afterwards. */
  readonly victim: string;
  /** The backend cannot be fooled directly: it is the cache that would be. */
  readonly why?: string;
}

const victim = get("/?page=1");

const tricks: Readonly<Record<string, Trick>> = {
  "X-Forwarded-Host": { attack: get("/?page=1", "X-Forwarded-Host: evil.test\r\n"), victim },
  "X-Forwarded-Host with underscores": {
    attack: get("/?page=1", "X_Forwarded_Host: evil.test\r\n"),
    victim,
  },
  "X-Host": { attack: get("/?page=1", "X-Host: evil.test\r\n"), victim },
  "X-Forwarded-Scheme": { attack: get("/?page=1", "X-Forwarded-Scheme: evil\r\n"), victim },
  "X-Original-URL": { attack: get("/?page=1", "X-Original-URL: /evil\r\n"), victim },
  "X-Rewrite-URL": { attack: get("/?page=1", "X-Rewrite-URL: /evil\r\n"), victim },
  Forwarded: { attack: get("/?page=1", "Forwarded: host=evil.test\r\n"), victim },
  "a method in a header": { attack: get("/?page=1", "X-HTTP-Method-Override: EVIL\r\n"), victim },
  "X-Requested-With": { attack: get("/?page=1", "X-Requested-With: evil\r\n"), victim },
  "any other field": { attack: get("/?page=1", "Colour: evil\r\n"), victim },
  "a GET with a body": {
    attack: `GET /?page=1 HTTP/1.1\r\n${host}Content-Length: 4\r\n\r\nevil`,
    victim,
  },
  "a parameter behind a semicolon": {
    attack: get("/?page=1&utm_source=x;page=evil"),
    victim,
  },
  "an ignored parameter with an encoded ampersand": {
    attack: get("/?page=1&utm_source=x%26page=evil"),
    victim,
  },
  "an ignored parameter in other letters": { attack: get("/?page=1&%75tm_source=evil"), victim },
  "a cookie": { attack: get("/?page=1", "Cookie: name=evil\r\n"), victim },
  "a password": { attack: get("/?page=1", "Authorization: evil\r\n"), victim },
  "an origin": { attack: get("/?page=1", "Origin: https://evil.test\r\n"), victim },
  "a part": { attack: get("/?page=1", "Range: bytes=0-3\r\n"), victim },
  "an error that a long field makes": {
    attack: get("/?page=1", `X-Long: ${"x".repeat(200)}\r\n`),
    victim,
  },
  "a port of the host": {
    attack: "GET /?page=1 HTTP/1.1\r\nHost: app.test:666\r\nX-Y: evil\r\n\r\n",
    victim,
  },
  "a target with a host": {
    attack: `GET http://app.test:666/?page=1 HTTP/1.1\r\nHost: app.test:666\r\nX-Y: evil\r\n\r\n`,
    victim,
  },
  "a field of the key that Connection takes out": {
    attack: get("/?page=1", "X-Language: de\r\nConnection: X-Language\r\nX-Y: evil\r\n"),
    victim: get("/?page=1", "X-Language: de\r\n"),
  },
};

test("nobody is given what another made", async () => {
  await using backend = await credulous();
  await using program = await start(backend.url);
  for (const [name, { attack, victim: asked }] of Object.entries(tricks)) {
    const direct = await send(backend.port, attack);
    assert.match(direct.body, /evil/i, `${name}: it works on the backend itself`);
    // Twice: the second time it could be given what the first one had kept.
    await send(program.port(), attack);
    await send(program.port(), attack);
    const { body, status } = await send(program.port(), asked);
    assert.doesNotMatch(body, /evil|666/i, name);
    assert.equal(status, 200, name);
    // Each begins with nothing.
    await send(program.port(), `POST /?page=1 HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n`);
  }
});

test("what came first is not what fools a later one: the victim's page is kept, the attacker's is not", async () => {
  await using backend = await credulous();
  await using program = await start(backend.url);
  for (const [name, { attack, victim: asked }] of Object.entries(tricks)) {
    await send(program.port(), attack);
    await send(program.port(), asked);
    const again = await send(program.port(), asked);
    assert.match(field(again, "cache-status"), /hit/, name);
    await send(program.port(), `POST /?page=1 HTTP/1.1\r\n${host}Content-Length: 0\r\n\r\n`);
  }
});

test("paths are kept as the backend gets them", async () => {
  await using backend = await credulous();
  await using program = await start(backend.url);
  const paths = ["/a/b", "/a//b", "/a/%62", "/a%2Fb", "/a/b/", "/A/b", "/a/b;x"];
  for (const path of paths) {
    await send(program.port(), get(path));
    const { body } = await send(program.port(), get(path));
    const expected = decodeURIComponent(path).replaceAll(";", "&");
    assert.equal(body.split("\n")[0], `GET ${expected}`, path);
  }
  // A path that climbs is another one before it is looked up: nobody disagrees about what it is.
  const { body } = await send(program.port(), get("/x/../a/b"));
  assert.equal(body.split("\n")[0], "GET /a/b");
});

test("one host has one spelling, and the backend is told that one", async () => {
  await using backend = await credulous();
  await using program = await start(backend.url);
  const asked = (name: string) => `GET / HTTP/1.1\r\nHost: ${name}\r\n\r\n`;
  const first = await send(program.port(), asked("APP.test:80"));
  assert.match(first.body, /^host: app\.test$/m);
  assert.match(field(await send(program.port(), asked("app.test")), "cache-status"), /hit/);
  const other = await send(program.port(), asked("app.test:8080"));
  assert.match(other.body, /^host: app\.test:8080$/m);
});

test("an encoded body is for those who take it, also where the backend says nothing of Vary", async () => {
  await using backend = await credulous();
  await using program = await start(backend.url);
  const packed = await send(program.port(), get("/", "Accept-Encoding: gzip\r\n"));
  assert.equal(field(packed, "content-encoding"), "gzip");
  assert.equal(field(await send(program.port(), get("/")), "content-encoding"), "");
});

test("a path that looks like a picture is kept no longer than its backend says", async () => {
  await using backend = await httpOrigin((_request, response) => {
    response.end(`account ${Math.random()}`);
  });
  await using program = await start(backend.url);
  const path = "/account/x.css";
  const [one, two] = [await send(program.port(), get(path)), await send(program.port(), get(path))];
  assert.notEqual(one.body, two.body);
});
