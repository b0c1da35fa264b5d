import assert from "node:assert/strict";
import { test } from "node:test";
import { errorLines } from "../config/gateway-limits.ts";
import { Exchange, type ClientSide, type ExchangeOrigin } from "../http/exchange.ts";
import { RequestHead } from "../http/request-head.ts";
import { ErrorLines, errorLine } from "./error-log.ts";

function exchangeOf(): Exchange {
  const head = new RequestHead();
  const text = 'GET /a.php?x="1" HTTP/1.1\r\nHost: a\r\n\r\n';
  const limits = { headBytes: 999, headerCount: 9, targetBytes: 999, bareLf: true };
  head.read(text, 0, text.length, limits);
  const exchange = new Exchange({} as ClientSide, head, { peerIp: "192.0.2.1" } as ExchangeOrigin);
  exchange.routeName = "shop";
  return exchange;
}

const now = new Date("2026-01-02T03:04:05.678Z");
const lineOf = (text: string) => errorLine(exchangeOf(), text, now);
const textOf = (text: string) => /text="(.*)"\n$/.exec(lineOf(text))?.[1];

test("a line says when, who, on which route, what was asked for, and what the program wrote", () => {
  assert.equal(
    lineOf("PHP Warning:  x"),
    '2026-01-02T03:04:05.678Z client=192.0.2.1 route="shop" request="GET /a.php?x=\\"1\\" HTTP/1.1" text="PHP Warning:  x"\n',
  );
});

test("what a program wrote neither ends a line nor reaches a terminal", () => {
  const bytes = (text: string) => Buffer.from(text).latin1Slice();
  const cases = [
    ["a\nb\rc", "a\\x0ab\\x0dc"],
    ["\x1b[2Jx", "\\x1b[2Jx"],
    ['" text="forged', '\\" text=\\"forged'],
    ["back\\slash", "back\\\\slash"],
    ["\x00\x7f\t", "\\x00\\x7f\\x09"],
    // In UTF-8 it is text, apart from controls, what turns writing round and line separators.
    [bytes("größe 世界"), bytes("größe 世界")],
    [bytes("\u009b2J"), "\\x9b2J"],
    [bytes("a\u202eb\u2028c"), "a\\u{202e}b\\u{2028}c"],
    // Anything else is bytes.
    ["\x9b2J\xe4", "\\x9b2J\\xe4"],
  ] as const;
  for (const [text, expected] of cases) assert.equal(textOf(text), expected);
});

test("the log of the program gets so many in a while, and how many it did not get", () => {
  const told: { text: string; more: string | undefined }[] = [];
  const lines = new ErrorLines((text, { unwritten }) => told.push({ text, more: unwritten }));
  const exchange = exchangeOf();
  for (let at = 0; at < 1000; at++) lines.write(exchange, `line ${at}`, 5);
  assert.equal(told.length, errorLines.count);
  assert.equal(told[0]?.text, "a program wrote: line 0");
  lines.write(exchange, "later", 5 + errorLines.window);
  assert.deepEqual(told.at(-1), {
    text: "a program wrote: later",
    more: String(1000 - errorLines.count),
  });
});
