import assert from "node:assert/strict";
import { test } from "node:test";
import { exchangeOf, middlewareOf, verdictOf } from "../../test/harness/middleware-trial.ts";
import type { TraceparentUse } from "../config/middlewares/uses/trace.ts";

const id = "0af7651916cd43dd8448eb211c80319c";
const parent = "b7ad6b7169203331";
const came = `00-${id}-${parent}-01`;

function passedOn(use: Partial<TraceparentUse>, lines: string, isPeerTrusted = false) {
  const exchange = exchangeOf("/", { lines, origin: { isPeerTrusted } });
  verdictOf(middlewareOf({ kind: "traceparent", trust: "proxies", sample: 1, ...use }), exchange);
  const { fields } = exchange.request;
  return { parent: fields.passedOn("traceparent") ?? "", state: fields.passedOn("tracestate") };
}

const lines = `Traceparent: ${came}\r\ntracestate: a=1\r\nTraceState: b=2\r\n`;

test("a trace goes on with another parent, and its state", () => {
  const gone = passedOn({}, lines, true);
  assert.match(gone.parent, new RegExp(`^00-${id}-[0-9a-f]{16}-01$`));
  assert.ok(!gone.parent.includes(parent));
  assert.equal(gone.state, "a=1, b=2");
  assert.match(passedOn({ trust: "everybody" }, lines).parent, new RegExp(id));
});

test("of whom is not trusted, and of what is malformed, nothing is passed on", () => {
  for (const [use, text, isTrusted] of [
    [{}, lines, false],
    [{ trust: "nobody" }, lines, true],
    [{}, `traceparent: nonsense\r\ntracestate: a=1\r\n`, true],
    [{}, `traceparent: ${came}\r\n${lines}`, true],
    [{}, "tracestate: a=1\r\n", true],
    [{}, "", true],
  ] as const) {
    const gone = passedOn(use, text, isTrusted);
    assert.match(gone.parent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-03$/, text);
    assert.ok(!gone.parent.includes(id));
    assert.equal(gone.state, undefined);
  }
});

test("a state that is too long is dropped, and the trace is kept", () => {
  const long = passedOn({}, `traceparent: ${came}\r\ntracestate: a=${"1".repeat(600)}\r\n`, true);
  assert.match(long.parent, new RegExp(id));
  assert.equal(long.state, undefined);
});

test("as many are marked to be recorded as wanted, and no two are the same", () => {
  const all = Array.from({ length: 1000 }, () => passedOn({ sample: 0.5 }, "").parent);
  assert.equal(new Set(all).size, 1000);
  const recorded = all.filter((each) => each.endsWith("-03")).length;
  assert.ok(recorded > 350 && recorded < 650, String(recorded));
  assert.ok(passedOn({ sample: 0 }, "").parent.endsWith("-02"));
});
