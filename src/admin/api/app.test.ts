// The API as those see it who may use it, and those who may not: a real server, real connections, a real store of
// users. What is steered is a sample that notes what it was told.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  adminStand,
  type AdminStand,
  basic,
  bearer,
  password,
} from "../../../test/harness/admin-stand.ts";
import { ApiClient, operationsOf } from "../../../test/harness/api-client.ts";
import { ask, field } from "../../../test/harness/ask.ts";
import type { Role } from "../../config/account.ts";
import { isEnough, roles } from "../../config/account.ts";

const json = { "Content-Type": "application/json" };

interface Problem {
  readonly status: number;
  readonly detail: string;
  readonly errors?: readonly { readonly pointer: string; readonly message: string }[];
}

async function send(stand: AdminStand, method: string, path: string, init: RequestInit = {}) {
  const signal = AbortSignal.timeout(10_000);
  const response = await fetch(`${stand.base}${path}`, {
    method,
    redirect: "manual",
    signal,
    ...init,
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get("content-type") ?? "");
  const body = (isJson && text !== "" ? JSON.parse(text) : text) as Problem &
    Record<string, unknown>;
  return { status: response.status, headers: response.headers, body };
}

/** What a token may not do whatever its role. */
const notByToken = [
  ...["post /v1/tokens", "delete /v1/tokens/{id}", "put /v1/session/password"],
  ...["post /v1/users", "put /v1/users/{name}/password"],
];

test("each operation needs a login, and the role that the document says", async () => {
  await using stand = await adminStand();
  const { document } = await ApiClient.of(stand.base);
  const operations = operationsOf(document);
  assert.ok(operations.length > 50);
  let guarded = 0;
  for (const { method, path, operation } of operations) {
    const needed = operation["x-tidegate-role"];
    const place = path.replaceAll(/\{\w+\}/g, "x");
    const type = Object.keys(operation.requestBody?.content ?? {})[0] ?? "application/json";
    const call = async (headers: Record<string, string>) => {
      const body = method === "get" ? {} : { body: "{}" };
      const init = { headers: { "Content-Type": type, ...headers }, ...body };
      return (await send(stand, isEndless ? "HEAD" : method.toUpperCase(), place, init)).status;
    };
    // Nobody could read that to its end.
    const isEndless = "text/event-stream" in (operation.responses["200"]?.content ?? {});
    const what = `${method} ${path}`;
    if (needed === "none") {
      assert.equal(path, "/v1/login", "nothing else is open to everybody");
      continue;
    }
    guarded += 1;
    assert.equal(await call({}), 401, `${what} without a login`);
    for (const role of roles) {
      const isPerson = notByToken.includes(what);
      const status = await call(isPerson ? basic(role, password) : bearer(stand.tokens[role]));
      const isRefused = status === 401 || status === 403;
      assert.equal(isRefused, !isEnough(role, needed as Role), `${what} with ${role}: ${status}`);
      const byToken = isPerson ? await call(bearer(stand.tokens[role])) : 400;
      assert.ok(byToken >= 400, `${what} by token: ${byToken}`);
    }
  }
  assert.ok(guarded > 50);
});

test("what is not known, or cannot be read, is no login", async () => {
  await using stand = await adminStand();
  const values = [
    ...["Bearer", "Bearer tg_x y", "Basic", "Basic !!!", "Digest x", "tg_x"],
    `Basic ${Buffer.from("no colon").toString("base64")}`,
  ];
  for (const value of values) {
    const found = await send(stand, "GET", "/v1/status", { headers: { Authorization: value } });
    assert.ok(found.status === 401 || found.status === 429, `${value}: ${found.status}`);
    assert.doesNotMatch(found.headers.get("www-authenticate") ?? "", /basic/i);
  }
  const { secret } = stand.accounts.addToken(
    { user: "read", name: "x", role: "read", days: 1 },
    { by: "test", from: "" },
  );
  const asBasic = await send(stand, "GET", "/v1/session", { headers: basic("anything", secret) });
  assert.deepEqual([asBasic.status, asBasic.body["how"]], [200, "token"]);
  const byPassword = await send(stand, "GET", "/v1/session", { headers: basic("edit", password) });
  assert.deepEqual([byPassword.body["user"], byPassword.body["role"]], ["edit", "edit"]);
});

test("a session is a cookie that no script sees, and changes need what a page elsewhere cannot know", async () => {
  await using stand = await adminStand();
  const login = async (headers: Record<string, string> = {}) => {
    const body = JSON.stringify({ user: "admin", password });
    return send(stand, "POST", "/v1/login", { headers: { ...json, ...headers }, body });
  };
  const { status, headers, body } = await login();
  assert.equal(status, 200);
  const cookie = headers.get("set-cookie") ?? "";
  assert.match(
    cookie,
    /^tidegate_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/,
  );
  const own = { Cookie: `other=1; ${cookie.split(";")[0]}` };
  const csrf = { "X-Tidegate-Csrf": String(body["csrf"]) };
  const reload = async (sent: Record<string, string>) =>
    (await send(stand, "POST", "/v1/reload", { headers: { ...own, ...sent } })).status;
  assert.equal(await reload({}), 403);
  assert.equal(await reload({ "X-Tidegate-Csrf": "x" }), 403);
  assert.equal(await reload(csrf), 200);
  assert.equal(await reload({ ...csrf, Origin: stand.base }), 200);
  for (const origin of ["https://evil.test", "null", `${stand.base}0`]) {
    assert.equal(await reload({ ...csrf, Origin: origin }), 403, origin);
  }
  assert.equal(await reload({ ...csrf, "Sec-Fetch-Site": "cross-site" }), 403);
  assert.deepEqual(stand.operations.calls, ["reload", "reload"]);
  assert.equal((await login({ Origin: "https://evil.test" })).status, 403, "nor may it log us in");
  const session = await send(stand, "GET", "/v1/session", { headers: own });
  assert.deepEqual([session.body["how"], session.body["csrf"]], ["session", body["csrf"]]);
  const out = await send(stand, "POST", "/v1/logout", { headers: { ...own, ...csrf } });
  assert.match(out.headers.get("set-cookie") ?? "", /Max-Age=0/);
  assert.equal((await send(stand, "GET", "/v1/session", { headers: own })).status, 401);
});

test("a user changes the own password with the one there is", async () => {
  await using stand = await adminStand();
  const change = async (current: string, next: string, headers = basic("read", password)) => {
    const body = JSON.stringify({ current, password: next });
    return send(stand, "PUT", "/v1/session/password", { headers: { ...json, ...headers }, body });
  };
  assert.equal((await change("another one here", "new horse battery")).status, 422);
  assert.equal((await change(password, "short")).status, 422);
  assert.equal(
    (await change(password, "new horse battery", bearer(stand.tokens.admin))).status,
    403,
  );
  assert.equal((await change(password, "new horse battery")).status, 200);
  const old = await send(stand, "GET", "/v1/session", { headers: basic("read", password) });
  const now = await send(stand, "GET", "/v1/session", {
    headers: basic("read", "new horse battery"),
  });
  assert.deepEqual([old.status, now.status], [401, 200]);
});

test("guessing is slowed: 429 says for how long", async () => {
  await using stand = await adminStand();
  const body = JSON.stringify({ user: "admin", password: "wrong password" });
  const codes: number[] = [];
  for (let tries = 0; tries < 6; tries += 1) {
    codes.push((await send(stand, "POST", "/v1/login", { headers: json, body })).status);
  }
  assert.deepEqual(codes, [401, 401, 401, 401, 401, 429]);
  const found = await send(stand, "POST", "/v1/login", { headers: json, body });
  assert.equal(found.headers.get("retry-after"), "1");
  const byBasic = await send(stand, "GET", "/v1/status", { headers: basic("admin", password) });
  assert.equal(byBasic.status, 429, "the other way in is the same door");
  const token = await send(stand, "GET", "/v1/status", { headers: bearer(stand.tokens.read) });
  assert.equal(token.status, 200);
});

test("only names of this API are answered: others were made to lead here", async () => {
  await using stand = await adminStand({ hosts: ["gate.example.com"] });
  const status = async (name: string) =>
    (await ask(stand.port, { name, path: "/docs/api" })).status;
  for (const name of [
    "127.0.0.1:8081",
    "[::1]:8081",
    "localhost",
    "LocalHost:1",
    "gate.example.com:9",
  ]) {
    assert.equal(await status(name), 200, name);
  }
  for (const name of [
    "evil.test",
    "gate.example.com.evil.test",
    "xgate.example.com",
    "localhost.evil.test",
  ]) {
    assert.equal(await status(name), 421, name);
  }
});

test("a page of another origin may use the API when it is named, with a token and no cookie", async () => {
  const origin = "https://console.example.com";
  await using stand = await adminStand({ cors: [origin] });
  const preflight = await send(stand, "OPTIONS", "/v1/routes/a", { headers: { Origin: origin } });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get("access-control-allow-origin"), origin);
  assert.match(preflight.headers.get("access-control-allow-methods") ?? "", /PATCH/);
  assert.match(preflight.headers.get("access-control-allow-headers") ?? "", /If-Match/);
  assert.equal(preflight.headers.get("access-control-allow-credentials"), null);
  const headers = { ...bearer(stand.tokens.edit), Origin: origin };
  assert.equal((await send(stand, "POST", "/v1/reload", { headers })).status, 200);
  const other = { ...bearer(stand.tokens.edit), Origin: "https://evil.test" };
  const refused = await send(stand, "POST", "/v1/reload", { headers: other });
  assert.equal(refused.status, 403);
  assert.equal(refused.headers.get("access-control-allow-origin"), null);
  assert.equal(refused.headers.get("vary"), "Origin");
});

test("other methods are refused with those there are; HEAD is GET without a body", async () => {
  await using stand = await adminStand();
  const headers = bearer(stand.tokens.admin);
  const patch = await send(stand, "PATCH", "/v1/status", { headers });
  assert.deepEqual([patch.status, patch.headers.get("allow")], [405, "GET, HEAD, OPTIONS"]);
  const options = await send(stand, "OPTIONS", "/v1/routes/x");
  assert.equal(options.headers.get("allow"), "GET, PUT, PATCH, DELETE, HEAD, OPTIONS");
  const head = await send(stand, "HEAD", "/v1/status", { headers });
  assert.deepEqual([head.status, head.body as unknown], [200, ""]);
  assert.equal((await send(stand, "HEAD", "/v1/status")).status, 401);
  assert.equal((await send(stand, "POST", "/docs/api", { headers })).status, 405);
  assert.equal((await send(stand, "GET", "/v1/nothing", { headers })).status, 404);
  const home = await send(stand, "GET", "/");
  assert.deepEqual(
    [home.status, home.headers.get("content-type")],
    [200, "text/html; charset=utf-8"],
  );
});

test("bodies are of a kind, a size and a depth, and nobody is let in by what they are called", async () => {
  await using stand = await adminStand();
  const put = async (body: string, type = "application/json") => {
    const headers = { ...bearer(stand.tokens.edit), "Content-Type": type };
    return send(stand, "PUT", "/v1/routes/a", { headers, body });
  };
  assert.equal((await put("{}", "text/plain")).status, 415);
  assert.equal((await put("{}", "application/json; charset=latin1")).status, 415);
  assert.equal((await put("{}", "application/json; charset=UTF-8")).status, 200);
  assert.equal((await put("{")).status, 400);
  assert.equal((await put("")).status, 400);
  assert.equal((await put(`"${"x".repeat(600 * 1024)}"`)).status, 413);
  const deep = await put(`${"[".repeat(100_000)}${"]".repeat(100_000)}`);
  assert.match(deep.body.detail, /16 levels/);
  assert.match((await put('{"a":{"__proto__":{"x":1}}}')).body.detail, /__proto__/);
  const invalid = Buffer.from([0x22, 0xff, 0x22]);
  const found = await send(stand, "PUT", "/v1/routes/a", {
    headers: { ...bearer(stand.tokens.edit), ...json },
    body: invalid,
  });
  assert.equal(found.status, 400, "no UTF-8");
  // Without a length that was said before.
  const stream = new ReadableStream({
    pull(controller) {
      controller.enqueue(new Uint8Array(64 * 1024).fill(0x20));
    },
  });
  const init = { headers: { ...bearer(stand.tokens.edit), ...json }, body: stream, duplex: "half" };
  // Who still sends may only learn that nobody listens any more.
  const endless = await send(stand, "PUT", "/v1/routes/a", init as RequestInit).catch(
    () => undefined,
  );
  assert.ok(endless === undefined || endless.status === 413);
  const patch = await send(stand, "PATCH", "/v1/routes/a", {
    headers: { ...bearer(stand.tokens.edit), ...json },
    body: "{}",
  });
  assert.equal(patch.status, 415);
  assert.equal(patch.headers.get("accept-patch"), "application/merge-patch+json");
  assert.equal(stand.operations.configuration.calls.length, 1, "only one of them was a change");
});

test("a body or a query that is none says where it is wrong", async () => {
  await using stand = await adminStand();
  const headers = { ...bearer(stand.tokens.admin), ...json };
  const body = JSON.stringify({ changes: [{ section: "route", name: "a" }], more: 1 });
  const found = await send(stand, "POST", "/v1/transactions", { headers, body });
  assert.equal(found.status, 422);
  assert.equal(found.headers.get("content-type"), "application/problem+json");
  assert.deepEqual(
    found.body.errors?.map(({ pointer }) => pointer),
    ["/changes/0/section", ""],
  );
  for (const query of ["limit=x", "limit=100000", "limt=1", "limit=1&limit=2"]) {
    assert.equal((await send(stand, "GET", `/v1/routes?${query}`, { headers })).status, 400, query);
  }
  assert.equal((await send(stand, "GET", "/v1/diff", { headers })).status, 400);
});

test("every answer tells browsers to keep to themselves", async () => {
  await using stand = await adminStand();
  for (const path of [
    "/v1/status",
    "/docs/api",
    "/openapi.json",
    "/docs/reference.js",
    "/nothing",
  ]) {
    const { headers } = await send(stand, "GET", path);
    assert.equal(headers.get("x-content-type-options"), "nosniff", path);
    assert.equal(headers.get("x-frame-options"), "DENY", path);
    assert.match(headers.get("content-security-policy") ?? "", /^default-src 'none'/, path);
    assert.doesNotMatch(headers.get("content-security-policy") ?? "", /unsafe|\*/, path);
  }
  const answer = await ask(stand.port, { name: "localhost", path: "/docs/reference.css" });
  assert.equal(field(answer, "content-type"), "text/css; charset=utf-8");
});

test("without a store nobody can log in, and that is said", async () => {
  await using stand = await adminStand();
  stand.operations.who = { kind: "closed", why: "the file is damaged: put a backup in its place" };
  const headers = { ...bearer(stand.tokens.admin), ...json };
  const status = await send(stand, "GET", "/v1/status", { headers });
  assert.deepEqual(
    [status.status, status.body.detail],
    [503, "the file is damaged: put a backup in its place"],
  );
  const body = JSON.stringify({ user: "admin", password });
  assert.equal((await send(stand, "POST", "/v1/login", { headers: json, body })).status, 503);
  assert.equal((await send(stand, "GET", "/docs/api")).status, 200);
});

test("what the configuration answers to a change is the status", async () => {
  await using stand = await adminStand();
  const { configuration } = stand.operations;
  const headers = { ...bearer(stand.tokens.edit), ...json };
  const put = () => send(stand, "PUT", "/v1/routes/a%2Fb%2525", { headers, body: "{}" });
  configuration.next = { kind: "stale", section: "routes", name: "a" };
  assert.equal((await put()).status, 412);
  configuration.next = { kind: "failed", message: "the disk is full: make room" };
  assert.deepEqual(
    [(await put()).status, (await put()).body.detail],
    [503, "the disk is full: make room"],
  );
  const problem = {
    path: ["routes", "a", "timeouts", "a/b", 0],
    message: "bad",
    severity: "error",
  } as const;
  configuration.next = { kind: "invalid", problems: [{ ...problem, remedy: "write x" }] };
  assert.deepEqual((await put()).body.errors, [
    { pointer: "/timeouts/a~1b/0", message: "bad", remedy: "write x" },
  ]);
  assert.match(configuration.calls[0] ?? "", /"name":"a\/b%25"/, "names are unescaped once");
  assert.match(configuration.calls[0] ?? "", /admin \(token edit\) from 127\.0\.0\.1/);
});

test("the log can be followed, until the server closes", async () => {
  const stand = await adminStand();
  let text = "";
  try {
    const signal = AbortSignal.timeout(10_000);
    const init = { headers: bearer(stand.tokens.read), signal };
    const answer = await fetch(`${stand.base}/v1/log?lines=1&follow=true`, init);
    assert.equal(answer.headers.get("content-type"), "application/x-ndjson");
    const reader = answer.body?.getReader();
    stand.operations.log.push({
      level: "info",
      time: "2026-11-21T12:00:00.000Z",
      pid: 1,
      text: "hello",
      fields: {},
    });
    const first = await reader?.read();
    text = Buffer.from(first?.value ?? []).toString();
    const closed = stand[Symbol.asyncDispose]();
    assert.equal((await reader?.read())?.done, true);
    await closed;
  } finally {
    await stand[Symbol.asyncDispose]();
  }
  assert.match(text, /"hello"/);
});
