import assert from "node:assert/strict";
import { test } from "node:test";
import { Field, Fields } from "./fields.ts";

function read(text: string, maxCount = 100): Fields {
  const fields = new Fields();
  assert.equal(fields.read(text, 0, text.length, maxCount), undefined, JSON.stringify(text));
  return fields;
}

function faultOf(text: string, maxCount = 100): string | undefined {
  return new Fields().read(text, 0, text.length, maxCount);
}

test("names are kept as they came and values lose the space around them", () => {
  const fields = read("Host:a\r\nX-Odd: \t b c \t\r\nEmpty:\r\nBlank:  \t \r\n");
  assert.equal(fields.count, 4);
  assert.deepEqual(
    [0, 1, 2, 3].map((index) => [fields.nameAt(index), fields.valueAt(index)]),
    [
      ["Host", "a"],
      ["X-Odd", "b c"],
      ["Empty", ""],
      ["Blank", ""],
    ],
  );
});

test("bytes from 0x80 on, and tabs, may stand in a value", () => {
  assert.equal(read("A: \xe9\t\xff!\r\n").valueAt(0), "\xe9\t\xff!");
});

test("whatever RFC 9112 section 5 does not allow is refused by name", () => {
  const cases = [
    ["Host : a\r\n", "BAD_HEADER"],
    ["Host\t: a\r\n", "BAD_HEADER"],
    [" Host: a\r\n", "BAD_HEADER"],
    ["A: b\r\n c\r\n", "BAD_HEADER"],
    ["A: b\r\n\tc: d\r\n", "BAD_HEADER"],
    [": a\r\n", "BAD_HEADER"],
    ["A\r\n", "BAD_HEADER"],
    ["A b: c\r\n", "BAD_HEADER"],
    ["\xe9: c\r\n", "BAD_HEADER"],
    ["A: b\x00c\r\n", "BAD_HEADER"],
    ["A: b\x01\r\n", "BAD_HEADER"],
    ["A: b\x7f\r\n", "BAD_HEADER"],
    ["A: b\x0bc\r\n", "BAD_HEADER"],
    ["A: b\nB: c\r\n", "BAD_LINE_END"],
    ["A: b\rB: c\r\n", "BAD_LINE_END"],
    ["A: b\r\r\n", "BAD_LINE_END"],
    ["A\n: b\r\n", "BAD_LINE_END"],
    ["A\r: b\r\n", "BAD_LINE_END"],
    ["\r\nA: b\r\n", "BAD_HEADER"],
  ] as const;
  for (const [text, fault] of cases) assert.equal(faultOf(text), fault, JSON.stringify(text));
});

test("every control character is refused in a value, and at every place of it", () => {
  for (let code = 0; code < 256; code++) {
    const isAllowed = code === 9 || (code >= 32 && code !== 127);
    for (const value of [`${String.fromCharCode(code)}bc`, `b${String.fromCharCode(code)}c`]) {
      const text = `A: ${value}\r\nB: d\r\n`;
      assert.equal(faultOf(text) === undefined, isAllowed, JSON.stringify(text));
    }
  }
});

test("as many fields as allowed are taken, and not one more", () => {
  assert.equal(faultOf("A: 1\r\nB: 2\r\n", 2), undefined);
  assert.equal(faultOf("A: 1\r\nB: 2\r\nC: 3\r\n", 2), "HEAD_TOO_LARGE");
});

test("known fields are found in any case, counted, and joined in order", () => {
  const fields = read("connection: a\r\nHOST: x\r\nConnection: b\r\nX: y\r\ncOnNeCtIoN: c\r\n");
  assert.equal(fields.times(Field.CONNECTION), 3);
  assert.equal(fields.first(Field.CONNECTION), "a");
  assert.equal(fields.joined(Field.CONNECTION), "a, b, c");
  assert.equal(fields.times(Field.HOST), 1);
  assert.equal(fields.times(Field.TE), 0);
  assert.equal(fields.first(Field.TE), "");
  assert.equal(fields.get("x"), "y");
  assert.equal(fields.get("connection"), "a, b, c");
  assert.equal(fields.get("y"), undefined);
});

test("every known name is recognised, and no name one letter off", () => {
  const none = ["OTHER", "DROPPED", "SPELLED"];
  const names = Object.entries(Field).filter(([name]) => !none.includes(name));
  assert.ok(names.length > 20);
  for (const [constant, id] of names) {
    const name = constant.replaceAll("_", "-");
    assert.equal(read(`${name}: v\r\n`).times(id), 1, name);
    assert.equal(read(`${name.toLowerCase()}: v\r\n`).idAt(0), id, name);
    assert.equal(read(`${name}x: v\r\n`).idAt(0), Field.OTHER, name);
    assert.equal(read(`${name.slice(0, -1)}~: v\r\n`).idAt(0), Field.OTHER, name);
  }
});

test("an underscore hides no X- field from the rules for it, and no certificate", () => {
  assert.equal(read("X_Forwarded-For: 1\r\n").idAt(0), Field.SPELLED);
  assert.equal(read("x_real_ip: 1\r\n").idAt(0), Field.SPELLED);
  assert.equal(read("Client_Cert: 1\r\n").idAt(0), Field.SPELLED);
  assert.equal(read("CLIENT_CERT-Chain: 1\r\n").idAt(0), Field.SPELLED);
  assert.equal(
    read("X_Forwarded_For: 1\r\nX-Forwarded-For: 2\r\n").joined(Field.X_FORWARDED_FOR),
    "2",
  );
  assert.equal(read("content_length: 1\r\n").idAt(0), Field.OTHER);
});

test("what is passed on is what came, without the dropped and with the added", () => {
  const lines = ["A:1\r\n", "Host: h\r\n", "B:  2 \r\n", "TE: t\r\n", "te: u\r\n", "C: 3\r\n"];
  const fields = read(lines.join(""));
  fields.drop(Field.TE);
  fields.dropNamed("a");
  fields.add("D", "4");
  assert.equal(fields.serialise(), "Host: h\r\nB:  2 \r\nC: 3\r\nD: 4\r\n");
  assert.equal(fields.first(Field.TE), "t");
});

test("for every set of dropped lines exactly the others are passed on", () => {
  const lines = ["A: 1\r\n", "B: 2 \t\r\n", "C:\r\n", "D: 4\r\n", "E: 5\r\n"];
  for (let set = 0; set < 1 << lines.length; set++) {
    const fields = read(lines.join(""));
    const kept = lines.filter((line, index) => {
      if ((set & (1 << index)) === 0) return true;
      fields.dropNamed(line.charAt(0).toLowerCase());
      return false;
    });
    assert.equal(fields.serialise(), kept.join(""), `set ${set.toString(2)}`);
  }
});

test("nothing of one message is left in the next", () => {
  const fields = read("Connection: close\r\nA: 1\r\n");
  fields.add("Left", "over");
  const text = "junkHost: b\r\nrest";
  assert.equal(fields.read(text, 4, text.length - 4, 100), undefined);
  assert.equal(fields.times(Field.CONNECTION), 0);
  assert.equal(fields.serialise(), "Host: b\r\n");
  fields.clear();
  assert.equal(fields.times(Field.HOST), 0);
  assert.equal(fields.serialise(), "");
});

test("what is added is passed on, whatever a client says of it", () => {
  const lines = "X-A: 1\r\nx-b: 2\r\nX_C: 3\r\nx.c: 4\r\nX-D: 5\r\n";
  const fields = new Fields();
  assert.equal(fields.read(lines, 0, lines.length, 99), undefined);
  fields.add("X-A", "own");
  fields.add("X-E", "own");
  assert.equal(fields.passedOn("x-a"), "1, own");
  fields.dropReceived("x-a");
  assert.equal(fields.passedOn("x-a"), "own");
  fields.dropSpelled("x-c");
  assert.equal(fields.passedOn("x_c"), undefined);
  fields.dropWhere((name) => name === "x-b" || name === "x-e");
  assert.equal(fields.passedOn("x-e"), undefined);
  assert.equal(fields.serialise(), "X-D: 5\r\nX-A: own\r\n");
});
