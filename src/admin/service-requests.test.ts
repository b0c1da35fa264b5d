// Services over the control socket: which operation a request becomes, and what is refused before one.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sampleHost } from "../../test/harness/sample-host.ts";
import { backendRow, bad, serviceRow } from "../../test/harness/sample-services.ts";
import { readAlertTest, readServices } from "./answers.ts";
import { askControl } from "./control-client.ts";

async function asked(path: string, route: string, body?: unknown): Promise<[number, unknown]> {
  const method = body === undefined ? "GET" : "POST";
  const answer = await askControl(path, { route, method, body, timeoutMs: 10_000 });
  if (answer.kind !== "answer") throw new Error(`no answer: ${JSON.stringify(answer)}`);
  return [answer.status, answer.body];
}

const detailOf = (body: unknown) => (body as { detail: string }).detail;

test("services are answered as the operations have them, and read as they were", async () => {
  await using host = await sampleHost();
  const rows = [
    serviceRow("shop", {
      breaker: "recovering",
      backends: [backendRow("http://a:1", { state: "down", lastCheck: bad("refused") })],
    }),
    serviceRow("canary", {
      kind: "split",
      backends: [],
      parts: [{ service: "shop", share: "5%" }],
    }),
  ];
  host.operations.rows = rows;
  const [status, body] = await asked(host.path, "/v1/services");
  assert.equal(status, 200);
  const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
  assert.deepEqual(body, asJson(rows));
  assert.deepEqual(asJson(readServices(body)), body);
  assert.equal(readServices([{ name: "half" }]), undefined);
});

test("each order becomes one operation, and its outcome is the answer", async () => {
  await using host = await sampleHost();
  const [service, backend] = ["shop", "http://10.0.0.1:80"];
  const orders: readonly (readonly [string, unknown, string])[] = [
    ["pause", { service }, "pause shop"],
    ["resume", { service }, "release shop"],
    ["resume", { service, backend }, `release shop ${backend}`],
    ["drain", { service, backend }, `drain shop ${backend}`],
    ["maintenance", { service, on: true }, "maintenance shop on"],
    ["maintenance", { service, on: false }, "maintenance shop off"],
  ];
  for (const [name, body, call] of orders) {
    const answer = await asked(host.path, `/v1/services/${name}`, body);
    assert.deepEqual(answer, [200, { ok: true, message: "done" }]);
    assert.equal(host.operations.calls.at(-1), call);
  }
  host.operations.next = { ok: false, message: "there is no such service" };
  const [status, body] = await asked(host.path, "/v1/services/pause", { service });
  assert.deepEqual([status, detailOf(body)], [409, "there is no such service"]);
  assert.equal(host.operations.calls.length, orders.length + 1);
});

test("a name is any text, and arrives as it was sent", async () => {
  await using host = await sampleHost();
  const names = [
    "a/b?c#d",
    "%2e%2e/",
    "..",
    "ü 人 🙂",
    'quo"te\\',
    "\u0000\u001b[31m",
    "x".repeat(4096),
  ];
  for (const service of names) {
    const [status] = await asked(host.path, "/v1/services/pause", { service });
    assert.deepEqual([status, host.operations.calls.at(-1)], [200, `pause ${service}`]);
  }
});

test("a body that names nothing, too much or no text is refused, and nothing is done", async () => {
  await using host = await sampleHost();
  const service = "shop";
  const cases: readonly (readonly [string, unknown, RegExp])[] = [
    ["pause", "shop", /no JSON object; write \{"service":"shop"\}/],
    ["pause", null, /no JSON object/],
    ["pause", [service], /no JSON object/],
    ["pause", {}, /"service" must be a text; write/],
    ["pause", { service: 7 }, /"service" must be a text/],
    ["pause", { service: "" }, /"service" is empty/],
    ["pause", { service: "x".repeat(4097) }, /longer than 4096/],
    ["pause", { service: "half \ud800" }, /not Unicode/],
    // It would have paused all of them.
    ["pause", { service, backend: "http://a:1" }, /"backend" is not known here/],
    ["pause", { service, ["y".repeat(3000)]: 1 }, /^.{0,300}$/],
    ["resume", { service, backend: "" }, /"backend" is empty/],
    ["resume", { service, backend: null }, /"backend" must be a text/],
    ["drain", { service }, /"backend" must be a text; write .*"backend":"http/],
    ["maintenance", { service }, /"on" must be true or false/],
    ["maintenance", { service, on: "off" }, /"on" must be true or false/],
  ];
  for (const [name, body, expected] of cases) {
    const [status, answer] = await asked(host.path, `/v1/services/${name}`, body);
    assert.equal(status, 400, JSON.stringify(body).slice(0, 100));
    assert.match(detailOf(answer), expected);
  }
  assert.equal((await asked(host.path, "/v1/services/pause"))[0], 405);
  assert.equal((await asked(host.path, "/v1/services/shop/pause", { service }))[0], 404);
  assert.deepEqual(host.operations.calls, []);
});

test("a test message that did not reach everybody is a refusal with what each channel said", async () => {
  await using host = await sampleHost();
  const { operations, path } = host;
  const [done, body] = await asked(path, "/v1/alert/test", {});
  assert.equal(done, 200);
  assert.deepEqual(readAlertTest(body), {
    ok: true,
    message: "done",
    channels: operations.channels,
  });
  operations.next = { ok: false, message: "1 of 2 failed" };
  operations.channels = [...operations.channels, { channel: "mail", ok: false, text: "550" }];
  const [failed, document] = await asked(path, "/v1/alert/test", {});
  assert.deepEqual([failed, detailOf(document)], [502, "1 of 2 failed"]);
  assert.deepEqual(readAlertTest(document)?.channels, operations.channels);
  operations.channels = [];
  assert.equal((await asked(path, "/v1/alert/test", {}))[0], 409);
});
