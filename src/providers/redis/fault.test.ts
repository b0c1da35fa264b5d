import assert from "node:assert/strict";
import { test } from "node:test";
import { faultOf } from "./fault.ts";

class SimpleError extends Error {}
const place = { kind: "tcp", host: "::1", port: 7 } as const;
const of = (error: unknown) => faultOf(error, { place, password: "s3cret" });

test("an answer is told of as a sentence, and known by its first word", () => {
  const cases: Readonly<Record<string, RegExp>> = {
    "WRONGPASS invalid username-password pair": /^Redis at \[::1\]:7 refuses the user or/,
    "NOAUTH Authentication required.": /wants a password/,
    "LOADING Redis is loading the dataset in memory": /still loading/,
    "NOPERM User x has no permissions": /does not let this user do what is needed: NOPERM User x/,
    "WRONGTYPE Operation against a key": /says: WRONGTYPE/,
  };
  for (const [text, expected] of Object.entries(cases)) {
    const fault = of(new SimpleError(text));
    assert.match(fault.message, expected);
    assert.equal(fault.code, text.split(" ")[0]);
    assert.equal(fault.isAnswer, true);
  }
});

test("a password that an old server repeats is not told on", () => {
  const text =
    "ERR unknown command `HELLO`, with args beginning with: `3`, `AUTH`, `default`, `s3cret`, ";
  assert.equal(
    of(new SimpleError(text)).message,
    "Redis at [::1]:7 says: ERR unknown command `HELLO`",
  );
  assert.doesNotMatch(of(new SimpleError("ERR what is s3cret?\r\n")).message, /s3cret|\n/);
  assert.ok(of(new SimpleError(`ERR ${"x".repeat(1000)}`)).message.length < 300);
});

test("a connection that fails is told of by what can be done", () => {
  const coded = (code: string, message = "") => Object.assign(new Error(message), { code });
  const cases: readonly (readonly [Error, RegExp])[] = [
    [coded("ECONNREFUSED"), /is it running/],
    [coded("ENOTFOUND"), /cannot be looked up/],
    [coded("ECONNRESET"), /closed the connection/],
    [coded("DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed"), /not trusted: self-signed; .*tls\.ca/],
    [coded("EPROTO"), /does not speak TLS/],
    [coded("EWHATEVER", "with s3cret"), /cannot be asked: with …/],
  ];
  for (const [error, expected] of cases) {
    const fault = of(error);
    assert.match(fault.message, expected);
    assert.equal(fault.isAnswer, false);
    assert.equal(of(fault), fault);
  }
});
