// The access log as a file on a disk: the combined format against a real nginx, JSON and templates, what a
// client may try to put into it, and rotation.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ask } from "../harness/ask.ts";
import { eventually, within } from "../harness/barrier.ts";
import { connect } from "../harness/client.ts";
import { freePort } from "../harness/free-port.ts";
import { logAtEnd } from "../harness/logged.ts";
import { findCommand, needs } from "../harness/needs.ts";
import { httpOrigin, type HttpOrigin, origin } from "../harness/origin.ts";
import { type TempFolder, tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

const listeners = { web: "127.0.0.1:0" };

/** Answers by path: sizes, chunks, no body, statuses. */
function answers(): Promise<HttpOrigin> {
  return httpOrigin((request, response) => {
    request.resume();
    const path = (request.url ?? "").split("?")[0];
    if (path === "/204") response.writeHead(204).end();
    else if (path === "/304") response.writeHead(304).end();
    else if (path === "/404") response.writeHead(404, { "Content-Length": 5 }).end("lost\n");
    else if (path === "/chunks") {
      response.write("hello ");
      response.end("world");
    } else {
      const body = "x".repeat(1234);
      response.writeHead(200, { "Content-Length": body.length });
      response.end(request.method === "HEAD" ? undefined : body);
    }
  });
}

const request = (line: string, ...fields: readonly string[]) =>
  [line, "Host: app.test", "Connection: close", ...fields, "", ""].join("\r\n");

const basic = (text: string) =>
  `Authorization: Basic ${Buffer.from(text, "latin1").toString("base64")}`;

const requests: readonly string[] = [
  request("GET / HTTP/1.1"),
  request("GET /a/b?c=d&e=%20f HTTP/1.1", "User-Agent: curl/8.14.1", "Referer: http://r.test/x?y"),
  request("GET /quotes HTTP/1.1", 'User-Agent: a "quoted" \\ name', 'Referer: "'),
  request("GET /bytes HTTP/1.1", "User-Agent: caf\xc3\xa9 \xff\x80", "Referer: a\tb"),
  request("GET /empty HTTP/1.1", "User-Agent:", "Referer: "),
  request("HEAD /head HTTP/1.1"),
  request("GET /204 HTTP/1.1"),
  request("GET /304 HTTP/1.1"),
  request("GET /404 HTTP/1.1"),
  request("POST /post HTTP/1.1", "Content-Length: 5") + "12345",
  request("DELETE /delete HTTP/1.1"),
  request("GET /old HTTP/1.0"),
  request("GET http://app.test/absolute HTTP/1.1"),
  request("GET /user HTTP/1.1", basic("alice:secret")),
  request("GET /user HTTP/1.1", basic('a"l\\i ce:secret')),
  request("GET /user HTTP/1.1", basic("caf\xe9:x")),
  request("GET /user HTTP/1.1", basic("nocolon")),
  request("GET /user HTTP/1.1", basic(":nouser")),
  request("GET /user HTTP/1.1", "Authorization: Bearer abc"),
  request("GET /user HTTP/1.1", "Authorization: Basic !!!"),
  request("GET /a//b/../c/%2e HTTP/1.1"),
];

async function startNginx(folder: TempFolder, origin: string) {
  const port = await freePort();
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder.file(`nginx-${name}`)};`)
    .join("\n");
  const config = `daemon off; master_process off; pid ${folder.file("nginx.pid")};
    error_log ${folder.file("nginx-error.log")};
    events { worker_connections 64; }
    http { ${paths} access_log ${folder.file("nginx.log")} combined;
      server { listen 127.0.0.1:${port}; location / {
        proxy_pass ${origin}; proxy_http_version 1.1; proxy_set_header Host $host; } } }`;
  await writeFile(folder.file("nginx.conf"), config);
  const program = findCommand("nginx") ?? "nginx";
  const child = spawn(
    program,
    ["-e", folder.file("nginx-error.log"), "-c", folder.file("nginx.conf")],
    {
      stdio: "ignore",
    },
  );
  const exited = once(child, "exit");
  await eventually("nginx to listen", async () => {
    try {
      await (await connect(port))[Symbol.asyncDispose]();
      return true;
    } catch {
      return undefined; // not yet
    }
  });
  return {
    port,
    log: () => readFile(folder.file("nginx.log"), "latin1"),
    async [Symbol.asyncDispose]() {
      child.kill("SIGQUIT");
      await within(exited, 5000, "nginx's end");
    },
  };
}

/** Not compared: nginx counts the framing as we do, but may join chunks that we pass on one by one. */
const chunked = request("GET /chunks HTTP/1.1");

/** A line without its time, which two programs cannot share. */
const timeless = (line: string) => line.replace(/ \[[^\]]{26}\] /, " [time] ");

test("the combined format is nginx's, to the byte", { skip: needs("nginx") }, async () => {
  await using folder = await tempFolder();
  await using backend = await answers();
  await using nginx = await startNginx(folder, backend.url);
  const path = folder.file("tidegate.log");
  await using program = await startTidegate({
    config: {
      listeners,
      routes: { "app.test": backend.url },
      accessLog: { format: "combined", path },
    },
  });
  for (const bytes of requests) {
    for (const port of [nginx.port, program.port()]) {
      await using client = await connect(port);
      await client.send(bytes);
      await client.readToEnd();
    }
  }
  await program.stop();
  const ours = (await readFile(path, "latin1")).split("\n").map(timeless);
  const theirs = await eventually("all lines of nginx", async () => {
    const lines = (await nginx.log()).split("\n").map(timeless);
    return lines.length > requests.length ? lines : undefined;
  });
  assert.deepEqual(ours, theirs);
  assert.equal(ours.length, requests.length + 1);
});

test("chunked bodies are counted with their framing, as nginx does", async () => {
  await using backend = await answers();
  await using program = await startTidegate({
    config: { listeners, routes: { "app.test": backend.url } },
  });
  await using client = await connect(program.port());
  await client.send(chunked);
  const received = await client.readToEnd();
  assert.match(received, /\r\nTransfer-Encoding: chunked\r\n/i);
  const [entry] = await logAtEnd(program);
  assert.equal(entry?.["bodyBytes"], "6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n".length);
});

test("the time of the combined format is now, in the zone of the machine", async () => {
  await using folder = await tempFolder();
  const path = folder.file("a.log");
  await using program = await startTidegate({
    config: {
      listeners,
      routes: { "app.test": { respond: { body: "hi" } } },
      accessLog: { format: "combined", path },
    },
    env: { TZ: "Asia/Kolkata" },
  });
  const before = Math.floor(Date.now() / 1000) * 1000;
  await ask(program.port());
  await program.stop();
  const line = await readFile(path, "latin1");
  const [, day, month, year, time] =
    /\[(\d\d)\/(\w{3})\/(\d{4}):([\d:]{8}) \+0530\]/.exec(line) ?? [];
  const at = Date.parse(`${day} ${month} ${year} ${time} +0530`);
  assert.ok(at >= before && at <= Date.now(), line);
});

test("JSON lines have all fields, with null for what does not apply", async () => {
  await using backend = await answers();
  await using program = await startTidegate({
    config: {
      listeners,
      routes: { one: { host: "app.test", service: "back" } },
      services: { back: backend.url },
    },
  });
  await ask(program.port(), {
    path: "/p?q=1",
    method: "POST",
    body: "12345",
    headers: { "User-Agent": "probe", Referer: "http://r.test/" },
  });
  await ask(program.port(), { name: "nobody.test" });
  const [entry, lost] = await logAtEnd(program);
  const { time, durationMs, backendMs, requestBytes, ...rest } = entry ?? {};
  assert.ok(Math.abs(Date.parse(String(time)) - Date.now()) < 10_000);
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.ok(
    Number(durationMs) > 0 && Number(backendMs) > 0 && Number(durationMs) >= Number(backendMs),
  );
  assert.ok(Number(requestBytes) > 100);
  assert.deepEqual(rest, {
    remoteAddress: "127.0.0.1",
    remoteUser: null,
    method: "POST",
    host: "app.test",
    target: "/p?q=1",
    version: "HTTP/1.1",
    request: "POST /p?q=1 HTTP/1.1",
    status: 200,
    failure: null,
    bodyBytes: 1234,
    attempts: 1,
    route: "one",
    service: "back",
    backend: backend.url,
    referer: "http://r.test/",
    userAgent: "probe",
  });
  assert.deepEqual(
    [lost?.["status"], lost?.["failure"], lost?.["route"], lost?.["backend"], lost?.["attempts"]],
    [404, "NO_ROUTE", null, null, 0],
  );
});

test("a template is filled in, and a route may have a log of its own, or none", async () => {
  await using folder = await tempFolder();
  const respond = { body: "four" };
  await using program = await startTidegate({
    config: {
      listeners,
      accessLog: {
        format: "$status|${request_method}|$request_uri|$body_bytes_sent|$route|$failure",
        path: folder.file("all.log"),
      },
      routes: {
        "app.test": { respond },
        "own.test": {
          respond,
          accessLog: { format: "own $host $request_time", path: folder.file("own.log") },
        },
        "none.test": { respond, accessLog: false },
      },
    },
  });
  for (const name of ["app.test", "own.test", "none.test", "nobody.test"]) {
    await ask(program.port(), { name, path: "/t" });
  }
  await program.stop();
  const all = await readFile(folder.file("all.log"), "latin1");
  assert.match(all, /^200\|GET\|\/t\|4\|app\.test\|-\n404\|GET\|\/t\|\d+\|-\|NO_ROUTE\n$/);
  assert.match(await readFile(folder.file("own.log"), "latin1"), /^own own\.test \d+\.\d{3}\n$/);
});

for (const format of ["combined", "json", "$request_uri $http_user_agent $host"]) {
  test(`nothing a client sends begins a line of its own in ${format}`, async () => {
    await using folder = await tempFolder();
    const path = folder.file("a.log");
    await using program = await startTidegate({
      config: { listeners, routes: { "app.test": { respond: {} } }, accessLog: { format, path } },
    });
    const attempts = [
      request('GET /"a HTTP/1.1', 'User-Agent: x" 200 5 "-" "forged'),
      request("GET /\x0bb HTTP/1.1"),
      request("GET / HTTP/1.1", "User-Agent: a\x0a127.0.0.1 - - forged"),
      request("GET / HTTP/1.1", "User-Agent: a\x0d127.0.0.1 - - forged"),
      request("GET / HTTP/1.1", "User-Agent: a\x00\x1b[2Jb"),
      request("GET / HTTP/1.1", "User-Agent: \xc2\x85\xe2\x80\xa8\xff"),
      request("GET / HTTP/1.1", basic("a\n127.0.0.1 - forged:x")),
      request("GET / HTTP/1.1", `User-Agent: \\n\\", "status": 999, "x": "`),
      "G\nET / HTTP/1.1\r\nHost: app.test\r\n\r\n",
      "\x16\x03\x01\x02\x00\x01\r\n\r\n",
    ];
    for (const bytes of attempts) {
      await using client = await connect(program.port());
      await client.send(bytes);
      await client.readToEnd();
    }
    await program.stop();
    const text = await readFile(path, "latin1");
    const lines = text.slice(0, -1).split("\n");
    assert.ok(text.endsWith("\n"));
    assert.equal(lines.length, attempts.length, text);
    for (const line of lines) {
      assert.match(line, /^[\x20-\x7e]+$/);
      if (format === "json") {
        const { status } = JSON.parse(line) as { status: number };
        assert.ok([200, 400].includes(status), line);
      }
      if (format === "combined") {
        assert.match(
          line,
          /^127\.0\.0\.1 - [^ ]+.* \[[^\]]+\] "[^"]*" (200|400|505) \d+ "[^"]*" "[^"]*"$/,
        );
      }
    }
  });
}

test("after a rename SIGUSR1 opens a new file, and no line is lost or doubled", async () => {
  await using program = await startTidegate({
    config: { listeners, routes: { "app.test": { respond: { body: "x" } } } },
  });
  const path = join(program.folder, "access.log");
  await using client = await connect(program.port());
  const get = async (target: string) => {
    await client.send(`GET ${target} HTTP/1.1\r\nHost: app.test\r\n\r\n`);
    await client.readResponse();
  };
  for (let n = 0; n < 50; n += 1) await get(`/before/${n}`);
  await rename(path, `${path}.1`);
  program.signal("SIGUSR1");
  await eventually("the new file", () =>
    stat(path).then(
      () => true,
      () => undefined,
    ),
  );
  for (let n = 0; n < 50; n += 1) await get(`/after/${n}`);
  assert.equal((await program.stop()).code, 0);
  const targets = async (file: string) =>
    (await readFile(file, "utf8"))
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { target: string }).target);
  const numbered = (name: string) => Array.from({ length: 50 }, (_, n) => `/${name}/${n}`);
  assert.deepEqual(await targets(`${path}.1`), numbered("before"));
  assert.deepEqual(await targets(path), numbered("after"));
});

test("a tunnel is logged when it ends, with what went through it", async () => {
  await using backend = await origin();
  await using program = await startTidegate({
    config: { listeners, routes: { "app.test": backend.url } },
  });
  await using client = await connect(program.port());
  await client.send(
    "GET /t HTTP/1.1\r\nHost: app.test\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
  );
  const connection = await backend.accept();
  await connection.readRequest();
  await connection.send(
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
  );
  await client.readResponse();
  await connection.send("down");
  assert.equal(await client.readBytes(4), "down");
  connection.end();
  await client.waitClose();
  client.end();
  await connection.waitClose();
  const [entry] = await logAtEnd(program);
  assert.deepEqual([entry?.["status"], entry?.["bodyBytes"], entry?.["failure"]], [101, 4, null]);
});
