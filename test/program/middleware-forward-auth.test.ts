// A server of its own is asked about each request: what it is told, what becomes of its answers, and of what it does
// instead of answering.

import assert from "node:assert/strict";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import { ask, field } from "../harness/ask.ts";
import { connect } from "../harness/client.ts";
import { freePort } from "../harness/free-port.ts";
import { httpOrigin, origin as scriptedOrigin } from "../harness/origin.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };

function echo() {
  return httpOrigin((request: IncomingMessage, response) => {
    response.setHeader("Set-Cookie", ["session=old; Path=/", "shop=1"]);
    response.end(JSON.stringify({ url: request.url, fields: fieldsOf(request) }));
  });
}

function fieldsOf({ rawHeaders }: IncomingMessage): string[] {
  return rawHeaders.flatMap((name, at) =>
    at % 2 === 0 ? [`${name.toLowerCase()}: ${rawHeaders[at + 1]}`] : [],
  );
}

interface Asked {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly fields: readonly string[];
}

/** An authentication server: what it is asked is in `asked`. */
async function authServer(answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const asked: Asked[] = [];
  const server = await httpOrigin((request, response) => {
    asked.push({ method: request.method, url: request.url, fields: fieldsOf(request) });
    answer(request, response);
  });
  return { ...server, asked, address: `${server.url}/check?k=v` };
}

function start(service: string, forwardAuth: unknown, listener: object = {}) {
  return startTidegate({
    config: {
      listeners: { web: { bind: "127.0.0.1:0", ...listener } },
      routes: { "app.test": { service, middlewares: { forwardAuth } } },
    },
  });
}

test(
  "it is told what was asked for by whom, and nothing that a client made up",
  bounded,
  async () => {
    await using origin = await echo();
    const auth = await authServer((_request, response) => {
      response.writeHead(200, { "Remote-User": "ann", "Remote-Groups": "dev,ops", "X-Other": "1" });
      response.end("fine");
    });
    await using _auth = auth;
    await using tidegate = await start(origin.url, {
      address: auth.address,
      responseHeaders: ["Remote-User", "Remote-Groups", "Remote-Email", "Authorization"],
    });
    const forged = {
      "X-Forwarded-Method": "OPTIONS",
      "X-Forwarded-Uri": "/public",
      X_Forwarded_Uri: "/public",
      "X-Forwarded-Host": "public.test",
      "X-Forwarded-Proto": "https",
      "X-Forwarded-For": "10.0.0.1",
      "X-Original-URL": "http://public.test/",
      "X-Real-IP": "10.0.0.1",
      "If-None-Match": '"x"',
      Range: "bytes=0-1",
      "Remote-User": "root",
      Remote_User: "root",
      "Remote-Email": "root@test",
      Cookie: "session=1",
      Authorization: "Bearer mine",
      Connection: "keep-alive, Remote-Groups",
    };
    const options = {
      method: "POST",
      path: "/admin/../secret?q=1",
      headers: forged,
      body: "hello",
    };
    const answer = await ask(tidegate.port(), options);
    assert.equal(answer.status, 200);
    const [question] = auth.asked;
    assert.deepEqual([question?.method, question?.url], ["GET", "/check?k=v"]);
    assert.deepEqual(
      question?.fields.filter((each) => !/^(x-forwarded-port|connection):/.test(each)).sort(),
      [
        "authorization: Bearer mine",
        "cookie: session=1",
        `host: 127.0.0.1:${auth.port}`,
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-host: app.test",
        "x-forwarded-method: POST",
        "x-forwarded-proto: http",
        "x-forwarded-uri: /secret?q=1",
        "x-original-method: POST",
        "x-original-url: http://app.test/secret?q=1",
        "x-real-ip: 127.0.0.1",
      ],
    );
    const { url, fields } = JSON.parse(answer.body) as { url: string; fields: string[] };
    assert.equal(url, "/secret?q=1");
    const identity = fields.filter((each) => /^(remote.|authorization|x-other)/.test(each)).sort();
    assert.deepEqual(identity, ["remote-groups: dev,ops", "remote-user: ann"]);
    await tidegate.waitForLog(/"remoteUser":"ann"/);
  },
);

test("trusted proxies in front are believed, as for backends", bounded, async () => {
  await using origin = await echo();
  const auth = await authServer((_request, response) => response.end());
  await using _auth = auth;
  const listener = { trustedProxies: ["127.0.0.1"] };
  await using tidegate = await start(origin.url, auth.address, listener);
  await ask(tidegate.port(), {
    headers: {
      "X-Forwarded-For": "203.0.113.9",
      "X-Forwarded-Proto": "https",
      "X-Forwarded-Host": "outer.test",
      "X-Forwarded-Uri": "/other",
    },
  });
  const fields = auth.asked[0]?.fields ?? [];
  for (const wanted of ["for: 203.0.113.9", "proto: https", "host: outer.test", "uri: /"]) {
    assert.ok(fields.includes(`x-forwarded-${wanted}`), `${wanted} in ${fields.join("\n")}`);
  }
});

test("what it answers instead is the client's, cookies and all", bounded, async () => {
  await using origin = await echo();
  const auth = await authServer((request, response) => {
    const uri = String(request.headers["x-forwarded-uri"]);
    if (uri === "/login") {
      response.writeHead(302, [
        ...["Location", "/sign-in?rd=1", "Set-Cookie", "a=1; HttpOnly", "Set-Cookie", "b=2"],
        ...["Connection", "X-Hop", "X-Hop", "1"],
      ]);
      response.end("over there");
    } else if (uri === "/no") {
      response.writeHead(403, { "Content-Type": "text/html; charset=utf-8" });
      response.end("nein – é");
    } else {
      response.writeHead(204, { "Set-Cookie": ["session=new; Path=/", "extra=1"] });
      response.end();
    }
  });
  await using _auth = auth;
  await using tidegate = await start(origin.url, auth.address);
  const port = tidegate.port();
  const login = await ask(port, { path: "/login" });
  assert.deepEqual([login.status, login.body], [302, "over there"]);
  assert.equal(field(login, "location"), "/sign-in?rd=1");
  assert.equal(field(login, "set-cookie"), "a=1; HttpOnly, b=2");
  assert.equal(field(login, "cache-control"), "no-store");
  assert.equal(field(login, "x-hop"), "");
  const no = await ask(port, { path: "/no" });
  assert.equal(no.status, 403);
  assert.equal(Buffer.from(no.body, "latin1").toString(), "nein – é");
  const head = await ask(port, { path: "/no", method: "HEAD" });
  assert.deepEqual([head.status, head.body], [403, ""]);
  const passed = await ask(port, { path: "/" });
  assert.equal(passed.status, 200);
  assert.equal(field(passed, "set-cookie"), "shop=1, session=new; Path=/, extra=1");
});

test("a Location, the method and cookies are as they are wanted", bounded, async () => {
  await using origin = await echo();
  const auth = await authServer((request, response) => {
    response.writeHead(request.headers["x-forwarded-uri"] === "/login" ? 307 : 200, {
      Location: "/sign-in",
      "Set-Cookie": ["a=1", "b=2"],
      "X-Id-Name": "ann",
      "X-Id-Role": "dev",
    });
    response.end();
  });
  await using _auth = auth;
  await using tidegate = await start(origin.url, {
    address: auth.address,
    preserveLocationHeader: false,
    preserveRequestMethod: true,
    requestHeaders: "cookie",
    responseHeadersPattern: "^x-id-",
    userHeader: "X-Id-Name",
    cookies: ["b"],
  });
  const login = await ask(tidegate.port(), { path: "/login", method: "PUT", body: "x" });
  assert.equal(field(login, "location"), `${auth.url}/sign-in`);
  assert.equal(auth.asked[0]?.method, "PUT");
  const passed = await ask(tidegate.port(), {
    headers: { X_Id_Role: "root", Cookie: "c=1", A: "1" },
  });
  assert.equal(field(passed, "set-cookie"), "session=old; Path=/, shop=1, b=2");
  assert.deepEqual(passed.body.match(/x.id.\w+: \w+/g), ["x-id-name: ann", "x-id-role: dev"]);
  const named = auth.asked[1]?.fields.map((each) => each.split(":")[0]) ?? [];
  assert.ok(named.includes("cookie") && !named.includes("a"), named.join());
  await tidegate.waitForLog(/"remoteUser":"ann"/);
});

test("nobody gets through while it is away, slow, too wordy or broken", bounded, async () => {
  let seen = 0;
  await using origin = await httpOrigin((_request, response) => {
    seen++;
    response.end();
  });
  await using auth = await scriptedOrigin({
    onConnection(connection) {
      void (async () => {
        for (;;) {
          const { received } = connection;
          const uri = /x-forwarded-uri: (\S+)/i.exec(
            (await connection.expect(/[^]*\r\n\r\n/)) ?? received,
          )?.[1];
          const raw = (text: string) => connection.socket.write(text, "latin1");
          if (uri === "/reset") connection.socket.resetAndDestroy();
          else if (uri === "/close") connection.socket.end();
          else if (uri === "/large")
            raw(`HTTP/1.1 403 No\r\nContent-Length: 3000\r\n\r\n${"x".repeat(3000)}`);
          else if (uri === "/endless")
            raw(
              `HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n${"64\r\n" + "x".repeat(100) + "\r\n".repeat(1)}`,
            );
          else if (uri === "/cut") {
            raw("HTTP/1.1 403 No\r\nContent-Length: 100\r\n\r\nx");
            connection.socket.end();
          } else if (uri === "/garbage") raw("220 smtp.test ESMTP\r\n");
          else if (uri === "/odd") raw("HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n");
          else if (uri === "/split")
            raw("HTTP/1.1 200 OK\r\nRemote-User: a\rX-Admin: 1\r\nContent-Length: 0\r\n\r\n");
          else if (uri === "/fine") raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        }
      })().catch(() => {});
    },
  });
  await using tidegate = await start(origin.url, {
    address: auth.url,
    timeout: "700ms",
    maxBody: 2000,
    responseHeaders: "Remote-User",
  });
  const port = tidegate.port();
  const statusOf = async (path: string) => (await ask(port, { path })).status;
  assert.equal(await statusOf("/fine"), 200);
  for (const path of [
    "hang",
    "reset",
    "close",
    "large",
    "endless",
    "cut",
    "garbage",
    "odd",
    "split",
  ]) {
    const response = await ask(port, { path: `/${path}`, headers: { Accept: "application/json" } });
    assert.equal(response.status, 503, path);
    assert.match(response.body, /AUTH_UNAVAILABLE/, path);
  }
  assert.equal(seen, 1);
  assert.equal(await statusOf("/fine"), 200);
  await tidegate.waitForLog(/not answered within 0.7 s.*does not answer/);
});

test(
  "a client that leaves meanwhile leaves nothing of its request to the next one",
  bounded,
  async () => {
    await using origin = await echo();
    const waiting: ServerResponse[] = [];
    const auth = await authServer((request, response) => {
      if (request.headers["x-forwarded-uri"] === "/slow") waiting.push(response);
      else response.end();
    });
    await using _auth = auth;
    await using tidegate = await start(origin.url, {
      address: auth.address,
      responseHeaders: "Remote-User",
    });
    const port = tidegate.port();
    const leaving = await connect(port);
    await leaving.send("GET /slow HTTP/1.1\r\nHost: app.test\r\n\r\n");
    while (waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    leaving.reset();
    await tidegate.waitForLog(/"target":"\/slow".*CLIENT_CLOSED/);
    waiting[0]?.writeHead(200, { "Remote-User": "ghost" });
    waiting[0]?.end();
    const next = await ask(port);
    assert.equal(next.status, 200);
    assert.doesNotMatch(next.body, /ghost/);
  },
);

test("bodies wait for its answer, and connections to it are kept", bounded, async () => {
  const bodies: number[] = [];
  await using origin = await httpOrigin((request, response) => {
    let size = 0;
    request.on("data", (bytes: Buffer) => (size += bytes.length));
    request.on("end", () => {
      bodies.push(size);
      response.end();
    });
  });
  const sockets = new Set<unknown>();
  const auth = await authServer((request, response) => {
    sockets.add(request.socket);
    setTimeout(() => response.end("ok"), 30);
  });
  await using _auth = auth;
  await using tidegate = await start(origin.url, auth.address);
  for (let time = 0; time < 5; time++) {
    const body = "b".repeat(300_000);
    assert.equal((await ask(tidegate.port(), { method: "POST", body })).status, 200);
  }
  assert.deepEqual(bodies, Array(5).fill(300_000));
  assert.equal(sockets.size, 1);
});

test("nobody listening there is the same as a no", bounded, async () => {
  await using origin = await echo();
  await using tidegate = await start(origin.url, `http://127.0.0.1:${await freePort()}/`);
  assert.equal((await ask(tidegate.port())).status, 503);
  await tidegate.waitForLog(/ECONNREFUSED/);
});

test(
  "who is told to the backend by Authorization alone is given no page of another",
  bounded,
  async () => {
    await using origin = await httpOrigin((request, response) => {
      response.setHeader("Cache-Control", "max-age=60");
      response.end(`for ${request.headers.authorization}`);
    });
    await using auth = await authServer(({ headers }, response) => {
      response.writeHead(200, { Authorization: `Bearer ${headers.cookie}` });
      response.end();
    });
    const forwardAuth = { address: auth.address, responseHeaders: ["Authorization", "Cookie"] };
    await using tidegate = await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0" },
        routes: {
          "app.test": { service: origin.url, middlewares: [{ forwardAuth }, { cache: {} }] },
          "b.test": {
            service: origin.url,
            middlewares: [{ forwardAuth }, { cache: { key: { cookies: [] } } }],
          },
          "c.test": { service: origin.url, middlewares: [{ forwardAuth }, { collapse: {} }] },
        },
      },
    });
    for (const name of ["app.test", "b.test", "c.test"]) {
      const isOwn = async (user: string) => {
        const answer = await ask(tidegate.port(), { name, headers: { Cookie: user } });
        return answer.body === `for Bearer ${user}`;
      };
      const answers = await Promise.all(["ann", "bob", "cia"].map(isOwn));
      answers.push(await isOwn("bob"));
      assert.deepEqual(answers, [true, true, true, true], name);
    }
  },
);
