import assert from "node:assert/strict";
import { test } from "node:test";
import { Echo, type EngineEvent, Lines, readEvent, Told } from "./events.ts";

const id = "d".repeat(64);

test("an event says whom it is about, and which signal was sent", () => {
  const kill = {
    Type: "container",
    Action: "kill",
    Actor: { ID: id, Attributes: { signal: "15" } },
  };
  const line = JSON.stringify({ ...kill, timeNano: 1_795_224_340_837e6 });
  assert.deepEqual(readEvent(line), {
    id,
    signal: { number: 15, at: 1_795_224_340_837 },
    isEarly: false,
  });
  const connected = { container: id, name: "app" };
  const event = { Type: "network", Action: "connect", Actor: { ID: "e", Attributes: connected } };
  assert.deepEqual(readEvent(JSON.stringify(event)), { id, signal: undefined, isEarly: false });
  // Podman does not say which.
  const vague = { ...kill, Actor: { ID: id, Attributes: {} } };
  assert.deepEqual(readEvent(JSON.stringify(vague)), { id, signal: undefined, isEarly: false });
});

test("what Podman tells too early is told once more, each of it once", async () => {
  const about = (each: string) =>
    readEvent(JSON.stringify({ Action: "health_status", Actor: { ID: each } }));
  const again = Promise.withResolvers<void>();
  const heard: (string | undefined)[] = [];
  using echo = new Echo(({ id: each }: EngineEvent) => {
    heard.push(each);
    if (heard.length === 2) again.resolve();
  });
  for (const each of ["a", "b", "a"]) {
    const event = about(each);
    assert.equal(event?.isEarly, true);
    echo.add(event);
  }
  assert.deepEqual(heard, []);
  await again.promise;
  assert.deepEqual(heard, ["a", "b"]);
  // Docker says what was seen, and when it is so.
  const line = JSON.stringify({ Action: "health_status: healthy", Actor: { ID: id } });
  assert.equal(readEvent(line)?.isEarly, false);
});

test("probes and commands inside a container are of no interest", () => {
  for (const Action of ["exec_create: /bin/sh -c x", "exec_die", "exec", "top"]) {
    assert.equal(readEvent(JSON.stringify({ Action, Actor: { ID: id } })), undefined, Action);
  }
});

test("what is no event is a hint all the same", () => {
  const rubbish = [
    "",
    "null",
    "[]",
    '{"Action":',
    "7",
    '{"Action":7,"Actor":[]}',
    '{"Actor":null}',
  ];
  for (const line of rubbish) {
    assert.equal(readEvent(line)?.signal, undefined, line);
    assert.ok(readEvent(line) !== undefined, line);
  }
});

function linesOf(parts: readonly (string | Buffer)[], longest = 100): string[] {
  const found: string[] = [];
  const lines = new Lines(longest, (line) => found.push(line));
  for (const part of parts) lines.take(Buffer.from(part));
  return found;
}

test("a stream is cut into lines wherever it arrives cut", () => {
  const whole = Buffer.from('{"a":"ä"}\n{"b":2}\r\n\n{"c":3}\n{"open');
  const expected = ['{"a":"ä"}', '{"b":2}', '{"c":3}'];
  assert.deepEqual(linesOf([whole]), expected);
  for (let at = 0; at <= whole.length; at += 1) {
    assert.deepEqual(linesOf([whole.subarray(0, at), whole.subarray(at)]), expected, String(at));
  }
  assert.deepEqual(linesOf([...whole].map((byte) => Buffer.from([byte]))), expected);
});

test("of a line without end only the beginning is kept", () => {
  const parts = ["abcdef", ...Array<string>(1000).fill("xxxxxxxxxx"), "\nnext\n"];
  const [first = "", ...others] = linesOf(parts, 50);
  assert.equal(first.length, 50);
  assert.ok(first.startsWith("abcdefxxx"));
  assert.deepEqual(others, ["next"]);
});

test("it is remembered whom events were about, until somebody asks", () => {
  const told = new Told();
  told.add({ id, signal: { number: 15, at: 5 }, isEarly: false });
  told.add({ id: undefined, signal: undefined, isEarly: false });
  told.add({ id: "other", signal: undefined, isEarly: false });
  assert.deepEqual([...told.takeIds()], [id, "other"]);
  assert.equal(told.takeIds().size, 0);
  assert.equal(told.signalOf(id)?.at, 5);
  assert.equal(told.signalOf("other"), undefined);
  told.add({ id, signal: { number: 9, at: 6 }, isEarly: false });
  assert.equal(told.signalOf(id)?.number, 9);
});
