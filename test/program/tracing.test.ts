// Traces that are sent to a collector: a server of the test takes them as OTLP over HTTP has them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ask } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { freePort } from "../harness/free-port.ts";
import { httpOrigin } from "../harness/origin.ts";
import { postReceiver, type PostReceiver } from "../harness/post-receiver.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };

interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number; readonly message?: string };
  readonly attributes: readonly {
    readonly key: string;
    readonly value: { readonly stringValue?: string; readonly intValue?: string };
  }[];
}

/** Kinds of the protocol. */
const [internal, server, client] = [1, 2, 3];

function spansOf({ posts }: PostReceiver): SentSpan[] {
  return posts.flatMap(({ body }) => {
    const { resourceSpans } = JSON.parse(body) as {
      resourceSpans: { scopeSpans: { spans: SentSpan[] }[] }[];
    };
    return resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));
  });
}

function attributesOf({ attributes }: SentSpan): Record<string, string | undefined> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]),
  );
}

/** Says what trace it was told of. */
const backend = () =>
  httpOrigin((request, response) => {
    const { traceparent, tracestate } = request.headers;
    response.setHeader("Cache-Control", "max-age=60");
    response.end(JSON.stringify({ traceparent, tracestate }));
  });

async function told(
  port: number,
  name: string,
  headers: Record<string, string> = {},
  path = "/",
): Promise<string[]> {
  const { body } = await ask(port, { name, headers, path });
  const { traceparent = "" } = JSON.parse(body) as { traceparent?: string };
  return traceparent.split("-");
}

const ofTrace = (collector: PostReceiver, id: string, count: number) =>
  eventually(`${count} spans of ${id}`, () => {
    const spans = spansOf(collector).filter(({ traceId }) => traceId === id);
    return spans.length >= count ? spans : undefined;
  });

test(
  "an exchange, its middlewares and its attempts are spans of one trace, and the backend goes on with it",
  bounded,
  async () => {
    await using collector = await postReceiver();
    await using origin = await backend();
    const nobody = await freePort();
    await using program = await startTidegate({
      workers: 2,
      config: {
        listeners: { web: "127.0.0.1:0" },
        tracing: {
          otlp: collector.origin,
          headers: { Authorization: "Bearer collector-token" },
          service: "front",
        },
        services: {
          shop: {
            backends: [`http://127.0.0.1:${nobody}`, origin.url],
            balance: "round-robin",
          },
        },
        routes: {
          "shop.test": {
            service: "shop",
            middlewares: [
              { headers: { request: { set: { "X-A": "1" } } } },
              { cors: { origins: ["https://a.test"] } },
            ],
          },
        },
      },
    });
    // Whose turn it is first is each worker's affair: one of some requests meets the backend that is not there.
    const ids: string[] = [];
    const parents = new Map<string, string>();
    for (let at = 0; at < 8; at++) {
      const [, id = "", parent = "", flags] = await told(
        program.port(),
        "shop.test",
        { "User-Agent": "tester", Authorization: "Basic c2VjcmV0" },
        "/cart?token=s3cret",
      );
      assert.equal(flags, "03");
      ids.push(id);
      parents.set(id, parent);
    }
    const all = await eventually("a trace with two attempts", () => {
      const spans = spansOf(collector);
      const whole = ids.every((id) =>
        spans.some(({ traceId, kind }) => traceId === id && kind === server),
      );
      const twice = ids.find(
        (id) => spans.filter((each) => each.traceId === id && each.kind === client).length === 2,
      );
      return whole && twice !== undefined
        ? spans.filter(({ traceId }) => traceId === twice)
        : undefined;
    });
    const [root] = all.filter(({ kind }) => kind === server);
    assert.ok(root !== undefined);
    assert.equal(root.parentSpanId, undefined);
    assert.equal(root.name, "GET shop.test");
    const facts = attributesOf(root);
    assert.equal(facts["http.request.method"], "GET");
    assert.equal(facts["url.path"], "/cart");
    assert.equal(facts["http.response.status_code"], "200");
    assert.equal(facts["user_agent.original"], "tester");
    assert.equal(facts["tidegate.service"], "shop");
    for (const each of all.filter((span) => span !== root)) {
      assert.equal(each.parentSpanId, root.spanId);
      assert.ok(BigInt(each.startTimeUnixNano) >= BigInt(root.startTimeUnixNano));
      assert.ok(BigInt(each.endTimeUnixNano) <= BigInt(root.endTimeUnixNano));
      assert.ok(BigInt(each.startTimeUnixNano) <= BigInt(each.endTimeUnixNano));
    }
    const attempts = all.filter(({ kind }) => kind === client);
    const [failed, good] = attempts;
    assert.ok(failed !== undefined && good !== undefined);
    assert.equal(attributesOf(failed)["error.type"], "CONNECT_REFUSED");
    assert.equal(failed.status.code, 2);
    assert.equal(attributesOf(failed)["server.port"], String(nobody));
    assert.equal(attributesOf(good)["http.response.status_code"], "200");
    assert.equal(attributesOf(good)["http.request.resend_count"], "1");
    assert.equal(good.status.code, undefined);
    // The backend is told of the attempt that reached it.
    assert.equal(parents.get(root.traceId), good.spanId);
    const kinds = all.filter(({ kind }) => kind === internal).map(({ name }) => name);
    assert.deepEqual(kinds, ["middleware headers", "middleware cors"]);
    const [first] = collector.posts;
    assert.equal(first?.target, "/v1/traces");
    assert.equal(first?.headers.authorization, "Bearer collector-token");
    assert.match(first?.body ?? "", /"service\.name","value":\{"stringValue":"front"\}/);
    const bodies = collector.posts.map(({ body }) => body).join("\n");
    assert.doesNotMatch(bodies, /s3cret|c2VjcmV0/);
  },
);

test("a trace of a trusted proxy goes on, one of a client does not", bounded, async () => {
  await using collector = await postReceiver();
  await using origin = await backend();
  await using program = await startTidegate({
    config: {
      listeners: {
        web: { bind: "127.0.0.1:0", trustedProxies: ["127.0.0.1"] },
        open: "127.0.0.1:0",
      },
      tracing: { otlp: `${collector.origin}/otlp/v1/traces`, sample: "0%" },
      routes: { "a.test": origin.url },
    },
  });
  const id = "0af7651916cd43dd8448eb211c80319c";
  const lines = { traceparent: `00-${id}-b7ad6b7169203331-01`, tracestate: "a=1" };
  const [, same, parent, flags] = await told(program.port("web"), "a.test", lines);
  assert.deepEqual([same, flags], [id, "01"]);
  const [attempt, root] = await ofTrace(collector, id, 2);
  assert.equal(root?.parentSpanId, "b7ad6b7169203331");
  assert.equal(root?.traceState, "a=1");
  assert.equal(attempt?.spanId, parent);
  assert.equal(collector.posts[0]?.target, "/otlp/v1/traces");
  const [, other = "", , unsampled] = await told(program.port("open"), "a.test", lines);
  assert.notEqual(other, id);
  assert.equal(unsampled, "02");
  // One that is recorded comes after it, and it is not among what was sent until then.
  await told(program.port("web"), "a.test", lines);
  await ofTrace(collector, id, 4);
  assert.ok(spansOf(collector).every(({ traceId }) => traceId === id));
});

test("failures, and what no route is for, are told as such", bounded, async () => {
  await using collector = await postReceiver();
  await using program = await startTidegate({
    config: {
      listeners: { web: "127.0.0.1:0" },
      tracing: { otlp: collector.origin },
      routes: {
        "gone.test": `http://127.0.0.1:${await freePort()}`,
        "no.test": {
          respond: { status: 200 },
          middlewares: [{ ipRules: { deny: ["127.0.0.1"] } }],
        },
      },
    },
  });
  for (const host of ["gone.test", "no.test", "nobody.test"]) {
    await ask(program.port(), { name: host });
  }
  const roots = await eventually("three of them", () => {
    const found = spansOf(collector).filter(({ kind }) => kind === server);
    return found.length === 3 ? found : undefined;
  });
  const told = roots.map((each) => {
    const facts = attributesOf(each);
    return [each.name, facts["http.response.status_code"], facts["error.type"], each.status.code];
  });
  assert.deepEqual(told, [
    ["GET gone.test", "502", "CONNECT_REFUSED", 2],
    ["GET no.test", "403", "ADDRESS_DENIED", undefined],
    ["GET", "404", "NO_ROUTE", undefined],
  ]);
});

test(
  "of a cached route the one request at the backend belongs to its client's trace",
  bounded,
  async () => {
    await using collector = await postReceiver();
    await using origin = await backend();
    await using program = await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0" },
        tracing: { otlp: collector.origin },
        routes: { "a.test": { service: origin.url, middlewares: [{ cache: {} }] } },
      },
    });
    const [, id = "", parent] = await told(program.port(), "a.test");
    const spans = await ofTrace(collector, id, 2);
    assert.ok(spans.some(({ kind, spanId }) => kind === client && spanId === parent));
    // From the cache: the body is the first one's.
    const [, again] = await told(program.port(), "a.test");
    assert.equal(again, id);
  },
);

test(
  "a collector that is away costs no request, and gets what waits when it is back",
  bounded,
  async () => {
    await using collector = await postReceiver();
    await using origin = await backend();
    const statuses: number[] = [];
    collector.answer = (response) => {
      response.statusCode = statuses.length < 1 ? 503 : 200;
      statuses.push(response.statusCode);
      response.end();
    };
    await using program = await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0" },
        tracing: { otlp: collector.origin },
        routes: { "a.test": origin.url },
      },
    });
    const [, id = ""] = await told(program.port(), "a.test");
    await eventually("two posts", () => statuses.length >= 2);
    assert.deepEqual(
      collector.posts.slice(0, 2).map(({ body }) => body.includes(id)),
      [true, true],
    );
    await program.writeConfig({
      listeners: { web: "127.0.0.1:0" },
      tracing: { otlp: `http://127.0.0.1:${await freePort()}` },
      routes: { "a.test": origin.url },
    });
    program.signal("SIGHUP");
    await program.waitForLog(/configuration reloaded/);
    for (let at = 0; at < 20; at++) assert.notEqual((await told(program.port(), "a.test"))[1], id);
    await program.waitForLog(/traces cannot be sent/);
  },
);

test("what waits is sent at the end", bounded, async () => {
  await using collector = await postReceiver();
  await using origin = await backend();
  await using program = await startTidegate({
    workers: 2,
    config: {
      listeners: { web: "127.0.0.1:0" },
      tracing: { otlp: collector.origin },
      routes: { "a.test": origin.url },
    },
  });
  const [, id = ""] = await told(program.port(), "a.test");
  await program.stop();
  assert.equal(spansOf(collector).filter(({ traceId }) => traceId === id).length, 2);
});

test(
  "what a client makes long is cut, and a method that nobody knows has no name of its own",
  bounded,
  async () => {
    await using collector = await postReceiver();
    await using program = await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0" },
        tracing: { otlp: collector.origin },
        routes: { "a.test": { respond: { body: "x" } } },
      },
    });
    await ask(program.port(), { name: "a.test", method: "FROB" });
    await ask(program.port(), { name: "h".repeat(5000) });
    const roots = await eventually("both of them", () => {
      const found = spansOf(collector).filter(({ kind }) => kind === server);
      return found.length === 2 ? found : undefined;
    });
    const [odd, long] = roots;
    assert.ok(odd !== undefined && long !== undefined);
    assert.equal(odd.name, "HTTP a.test");
    const { "http.request.method": method, "http.request.method_original": original } =
      attributesOf(odd);
    assert.deepEqual([method, original], ["_OTHER", "FROB"]);
    assert.equal(attributesOf(long)["server.address"], "h".repeat(1024));
  },
);
