import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import type { GatewayProtocol } from "../../src/config/gateway.ts";
import { paramsFault } from "../../src/gateway/params.ts";
import { CHUNKED } from "../../src/http/framing.ts";
import { type Asked, Asking, askProgram, gatewayBackend, send } from "../harness/gateway-sample.ts";
import { needs } from "../harness/needs.ts";
import { lease } from "../harness/upstream-sample.ts";
import { startUwsgi, type Uwsgi, uwsgiNeeds } from "../harness/uwsgi.ts";

const skip = needs(...uwsgiNeeds);
const bounded = { skip, timeout: 60_000 };

const application = `
import hashlib, json, time

def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/large":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return (b"0123456789abcdef" * 4096 for _ in range(160))
    if path == "/known":
        start_response("201 Made", [("Content-Type", "text/plain"), ("Content-Length", "2")])
        return [b"ok"]
    if path == "/moved":
        start_response("303 See Other", [("Location", "/elsewhere")])
        return [b""]
    if path == "/short":
        start_response("200 OK", [("Content-Length", "50")])
        return [b"short"]
    if path == "/slow":
        time.sleep(3)
    body = environ["wsgi.input"].read()
    text = json.dumps({"method": environ["REQUEST_METHOD"], "length": len(body),
        "sha": hashlib.sha256(body).hexdigest(), "path": path, "query": environ["QUERY_STRING"],
        "big": len(environ.get("HTTP_X_BIG", "")), "name": environ.get("HTTP_X_NAME")})
    start_response("200 OK", [("Content-Type", "application/json")])
    return [text.encode()]
`;

let uwsgi: Uwsgi;

before(async () => {
  if (skip === false) uwsgi = await startUwsgi(application);
});

after(() => uwsgi?.[Symbol.asyncDispose]());

function backendOf(speaks: GatewayProtocol) {
  const path = uwsgi.sockets[speaks];
  return gatewayBackend({ speaks, address: { kind: "unix", path } });
}

const at = (path: string, asked: Asked = {}): Asked => ({
  ...asked,
  params: { PATH_INFO: path, REQUEST_URI: path, ...asked.params },
});

const parsed = (body: Buffer) => JSON.parse(body.toString()) as Record<string, unknown>;

for (const speaks of ["uwsgi", "scgi", "fastcgi"] as const) {
  test(`uWSGI answers over ${speaks}`, bounded, async () => {
    using backend = backendOf(speaks);
    const params = {
      QUERY_STRING: "a=b",
      HTTP_X_NAME: "n\u00e4me",
      HTTP_X_BIG: "b".repeat(20_000),
    };
    const told = await askProgram(backend, speaks, at("/hello", { params }));
    assert.deepEqual([told.failure, told.status, told.bodyLength], ["", 200, CHUNKED]);
    assert.match(told.fields, /^Content-Type: application\/json\r\n/im);
    const { method, path, query, big, name } = parsed(told.body);
    assert.deepEqual(
      [method, path, query, big, name],
      ["GET", "/hello", "a=b", 20_000, "n\u00e4me"],
    );
    assert.equal(backend.pool.openCount, 0);
  });

  test(`10 MB go over ${speaks} in both directions`, bounded, async () => {
    using backend = backendOf(speaks);
    const body = Array.from({ length: 160 }, () => randomBytes(65_536));
    const up = await askProgram(backend, speaks, at("/up", { method: "POST", body }));
    const whole = Buffer.concat(body);
    assert.equal(parsed(up.body)["length"], whole.length);
    assert.equal(parsed(up.body)["sha"], createHash("sha256").update(whole).digest("hex"));
    const down = await askProgram(backend, speaks, at("/large"));
    assert.deepEqual([down.failure, down.body.length], ["", 160 * 65_536]);
  });

  test(`lengths, statuses and ends are the program's over ${speaks}`, bounded, async () => {
    using backend = backendOf(speaks);
    const known = await askProgram(backend, speaks, at("/known"));
    assert.deepEqual(
      [known.status, known.reason, known.bodyLength, known.body.toString()],
      [201, "Made", 2, "ok"],
    );
    const moved = await askProgram(backend, speaks, at("/moved"));
    assert.equal(moved.status, 303);
    assert.match(moved.fields, /^Location: \/elsewhere\r$/im);
    const short = await askProgram(backend, speaks, at("/short"));
    assert.equal(short.failure, "UPSTREAM_TRUNCATED");
    const head = await askProgram(backend, speaks, at("/known", { method: "HEAD" }));
    assert.deepEqual([head.status, head.body.length, head.ended], [201, 0, true]);
    const late = await askProgram(backend, speaks, at("/slow", { responseTimeout: 100 }));
    assert.equal(late.failure, "RESPONSE_TIMEOUT");
  });

  test(`a slow reader of ${speaks} gets everything`, bounded, async () => {
    using backend = backendOf(speaks);
    const connection = await lease(backend.pool);
    const asking = new Asking();
    asking.isCounting = true;
    asking.onFlush = () => {
      connection.pause();
      setTimeout(() => connection.resume(), 1);
    };
    await send(connection, asking, speaks, at("/large"));
    const told = await asking.done;
    assert.deepEqual([told.failure, asking.received], ["", 160 * 65_536]);
  });
}

test("a request that uwsgi cannot say is refused before anybody is asked", bounded, () => {
  assert.equal(paramsFault("uwsgi", ["HTTP_X_BIG", "b".repeat(65_600)]), "HEAD_TOO_LARGE");
  assert.equal(paramsFault("uwsgi", ["HTTP_X_BIG", "b".repeat(65_000)]), undefined);
});
