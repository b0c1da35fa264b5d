// Middlewares that change what requests and answers say of themselves: headers, cors, securityHeaders, contentType,
// requestId, traceparent.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, field } from "../harness/ask.ts";
import { echoOf, echoOrigin } from "../harness/echo-origin.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };

function configOf(service: string, middlewares: unknown) {
  return {
    listeners: { web: "127.0.0.1:0" },
    routes: { app: { host: "app.test", service, middlewares } },
  };
}

/** A program in front of an origin that tells what it saw. */
async function echoing(middlewares: unknown) {
  await using stack = new AsyncDisposableStack();
  const origin = stack.use(await echoOrigin("one"));
  const program = stack.use(await startTidegate({ config: configOf(origin.url, middlewares) }));
  const held = stack.move();
  return {
    port: program.port(),
    program,
    origin,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

test("headers go both ways, and nobody who asks can take them out", bounded, async () => {
  await using stand = await echoing({
    headers: {
      request: {
        set: {
          "X-Tenant": "one",
          "X-Forwarded-Proto": "https",
          "X-From": "{clientIp} {header:X-Odd}",
        },
        remove: ["X-Secret-*"],
      },
      response: {
        set: { "X-Tide": "high" },
        add: { "Cache-Control": "private" },
        remove: "Content-Type",
      },
    },
  });
  const headers = {
    "x-tenant": "two",
    "X-Odd": "a\tb\xe9",
    "X-Secret-One": "1",
    "x-forwarded-proto": "gopher",
    Connection: "X-Tenant, X-From, X-Forwarded-Proto",
  };
  const answer = await ask(stand.port, { headers });
  const seen = echoOf(answer).headers;
  assert.equal(seen["x-tenant"], "one");
  assert.equal(seen["x-forwarded-proto"], "https");
  assert.equal(seen["x-from"], "127.0.0.1 a%09b%C3%A9");
  assert.equal(seen["x-secret-one"], undefined);
  assert.equal(field(answer, "x-tide"), "high");
  assert.equal(field(answer, "cache-control"), "private");
  assert.equal(field(answer, "content-type"), "");
});

test("answers of ours have the headers, too", bounded, async () => {
  await using program = await startTidegate({
    config: {
      listeners: { web: "127.0.0.1:0" },
      routes: {
        app: {
          host: "app.test",
          middlewares: [
            { headers: { response: { set: { "X-Tide": "{path}" }, statuses: [404] } } },
            "securityHeaders",
            { respond: { status: 404, body: "no" } },
          ],
        },
      },
    },
  });
  const answer = await ask(program.port(), { path: "/%0d%0aX-Evil:1" });
  assert.equal(answer.body, "no");
  assert.equal(field(answer, "x-tide"), "/%0d%0aX-Evil:1");
  assert.equal(field(answer, "x-evil"), "");
  assert.equal(field(answer, "x-frame-options"), "SAMEORIGIN");
  assert.equal(field(answer, "x-content-type-options"), "nosniff");
});

test("cors answers preflights before anybody is asked for a password", bounded, async () => {
  await using stand = await echoing({
    cors: {
      origins: "https://*.app.test",
      methods: ["GET", "PUT"],
      headers: "*",
      credentials: true,
    },
    ipRules: { deny: "127.0.0.1" },
  });
  const preflight = {
    Origin: "https://a.app.test",
    "Access-Control-Request-Method": "PUT",
    "Access-Control-Request-Headers": "x-a",
  };
  // The mapping's order: whoever may not come by address is refused before.
  assert.equal((await ask(stand.port, { method: "OPTIONS", headers: preflight })).status, 403);
  await using other = await echoing([
    {
      cors: {
        origins: "https://*.app.test",
        methods: ["GET", "PUT"],
        headers: "*",
        credentials: true,
      },
    },
    { respond: { status: 401, body: "who are you?" } },
  ]);
  const answer = await ask(other.port, { method: "OPTIONS", headers: preflight });
  assert.equal(answer.status, 204);
  assert.equal(field(answer, "access-control-allow-origin"), "https://a.app.test");
  assert.equal(field(answer, "access-control-allow-headers"), "x-a");
  const refused = await ask(other.port, { headers: { Origin: "https://a.app.test" } });
  assert.equal(refused.status, 401);
  assert.equal(field(refused, "access-control-allow-origin"), "https://a.app.test");
  assert.equal(field(refused, "vary"), "Origin");
  const evil = await ask(other.port, { headers: { Origin: "https://app.test.evil" } });
  assert.equal(field(evil, "access-control-allow-origin"), "");
  assert.equal(other.origin.requests.length, 0);
});

test("contentType says what the backend does not", bounded, async () => {
  await using origin = await httpOrigin((request, response) => {
    if (request.url === "/said.html") response.setHeader("Content-Type", "text/html");
    response.end("<p>");
  });
  await using program = await startTidegate({ config: configOf(origin.url, ["contentType"]) });
  const typeOf = async (path: string) => field(await ask(program.port(), { path }), "content-type");
  assert.equal(await typeOf("/a.html?b.png"), "text/html; charset=utf-8");
  assert.equal(await typeOf("/said.html"), "text/html; charset=utf-8");
  assert.equal(await typeOf("/a.png"), "image/png");
  assert.equal(await typeOf("/a"), "");
});

test(
  "requestId and traceparent reach the backend, and strangers do not choose them",
  bounded,
  async () => {
    await using stand = await echoing({ requestId: true, traceparent: true });
    const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const headers = { "X-Request-Id": "mine", traceparent: trace, tracestate: "a=1" };
    const answer = await ask(stand.port, { headers: { ...headers, Connection: "traceparent" } });
    const seen = echoOf(answer).headers;
    assert.match(seen["x-request-id"] ?? "", /^[0-9a-f-]{36}$/);
    assert.equal(field(answer, "x-request-id"), seen["x-request-id"]);
    assert.match(seen["traceparent"] ?? "", /^00-[0-9a-f]{32}-[0-9a-f]{16}-03$/);
    assert.ok(!seen["traceparent"]?.includes("0af7651916cd43dd8448eb211c80319c"));
    assert.equal(seen["tracestate"], undefined);
    const line = await stand.program.waitForLog(/"requestId"/);
    assert.ok(line.includes(`"requestId":"${seen["x-request-id"]}"`), line);
    assert.ok(line.includes(`"traceId":"${seen["traceparent"]?.slice(3, 35)}"`), line);
    const { routes } = configOf(stand.origin.url, { requestId: true, traceparent: true });
    await stand.program.stop();
    const web = { bind: "127.0.0.1:0", trustedProxies: ["127.0.0.0/8"] };
    await using trusting = await startTidegate({ config: { listeners: { web }, routes } });
    const believed = echoOf(await ask(trusting.port(), { headers })).headers;
    assert.equal(believed["x-request-id"], "mine");
    assert.match(
      believed["traceparent"] ?? "",
      /^00-0af7651916cd43dd8448eb211c80319c-[0-9a-f]{16}-01$/,
    );
    assert.equal(believed["tracestate"], "a=1");
  },
);
