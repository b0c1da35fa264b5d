import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { FieldSection } from "./field-section.ts";
import { HpackDecoder } from "./hpack-decoder.ts";
import { HpackEncoder } from "./hpack-encoder.ts";

const section = new FieldSection();

/** What the lines become, as hex. Names of pseudo-header fields stand before an equals sign. */
function encoded(encoder: HpackEncoder, ...lines: readonly string[]): string {
  encoder.begin();
  for (const line of lines) {
    const equals = line.startsWith(":") ? line.indexOf("=") : -1;
    if (equals === -1) encoder.line(line);
    else encoder.field(line.slice(0, equals), line.slice(equals + 1));
  }
  return encoder.bytes.toString("hex", 0, encoder.length);
}

function decoded(decoder: HpackDecoder, hex: string): string[] {
  const bytes = Buffer.from(hex, "hex");
  assert.ok(decoder.decode(bytes, 0, bytes.length, section, 1e6, 1000), "the decoder refuses it");
  return Array.from(
    { length: section.count },
    (_, at) => `${section.names[at]}=${section.values[at]}`,
  );
}

let fresh = 0;
/** A line that nobody has sent before, so that no test depends on another. */
function newLine(): string {
  return `x-kind: value ${++fresh}`;
}

test("fields of the static table are one byte", () => {
  const encoder = new HpackEncoder(4096);
  const hex = encoded(encoder, ":method=GET", ":path=/", ":scheme=https", ":status=404");
  assert.equal(hex, "8284878d");
  encoded(encoder, "Accept-Encoding: gzip, deflate");
  assert.equal(encoded(encoder, "Accept-Encoding: gzip, deflate"), "90");
});

test("texts are in Huffman code where that is shorter", () => {
  const encoder = new HpackEncoder(4096);
  // RFC 7541 appendix C.6.1 has this one.
  assert.equal(
    encoded(encoder, "location: https://www.example.com"),
    "0f1f919d29ad171863c78f0b97c8e9ae82ae43d3",
  );
  assert.equal(encoded(encoder, ":path=/~~"), "04032f7e7e");
  assert.equal(encoded(encoder, ":path="), "0400");
});

test("a field gets a place in the table when it comes again", () => {
  const encoder = new HpackEncoder(4096);
  const line = newLine();
  const first = encoded(encoder, line);
  assert.ok(first.startsWith("00"), "a literal without indexing");
  const second = encoded(encoder, line);
  assert.ok(second.startsWith("40"), "a literal with indexing");
  assert.equal(second.slice(2), first.slice(2));
  assert.equal(encoded(encoder, line), "be");
  // What one connection has sent, another one of the process knows at once.
  assert.equal(encoded(new HpackEncoder(4096), line), second);
});

test("a field means the same in any case, with any space around its value", () => {
  const encoder = new HpackEncoder(4096);
  const decoder = new HpackDecoder(4096);
  for (const line of ["X-Some: a b", "x-some:a b", "X-SOME:  a b\t ", "x-some: \t a b"]) {
    for (let times = 0; times < 3; times++) {
      assert.deepEqual(decoded(decoder, encoded(encoder, line)), ["x-some=a b"]);
    }
  }
  for (const line of ["x-none:", "X-None: ", "x-none: \t \t"]) {
    assert.deepEqual(decoded(decoder, encoded(encoder, line)), ["x-none="]);
  }
});

test("what changes each time has no place, and what is secret may have none anywhere", () => {
  const plain = { "content-length: 5": "0f0d", 'ETag: "a"': "0f13", "age: 1": "0f06" };
  const never = {
    "authorization: a": "1f08",
    "Cookie: a=1": "1f11",
    "set-cookie: a=1": "1f28",
    "proxy-authorization: b": "1f22",
    "x-api-key: 1": "10",
    "x-auth-token: 1": "10",
    "x-session-id: 1": "10",
  };
  const encoder = new HpackEncoder(4096);
  for (const [line, start] of [...Object.entries(plain), ...Object.entries(never)]) {
    const first = encoded(encoder, line);
    assert.ok(first.startsWith(start), `${line} is ${first}`);
    for (let times = 0; times < 3; times++) assert.equal(encoded(encoder, line), first);
  }
  // Their names sound alike, and they are none.
  for (const line of [
    ":authority=a.test",
    "www-authenticate: Basic",
    "access-control-allow-credentials: true",
  ]) {
    for (let times = 0; times < 2; times++) encoded(encoder, line);
    assert.match(encoded(encoder, line), /^[b-f]/);
  }
});

test("what a peer sends as never to be indexed goes on like that", () => {
  const encoder = new HpackEncoder(4096);
  const line = "x-pass-on: 1";
  for (let times = 0; times < 2; times++) encoded(encoder, line);
  assert.equal(encoded(encoder, line), "be");
  const name = Buffer.from("x-pass-on").toString("hex");
  assert.deepEqual(decoded(new HpackDecoder(4096), `1009${name}0131`), ["x-pass-on=1"]);
  const hex = encoded(encoder, line);
  assert.ok(hex.startsWith("10"), hex);
  assert.ok(encoded(encoder, "x-pass-on: 2").startsWith("10"));
  assert.ok(encoded(encoder, ":x-pass-on=3") !== "", "another name");
  // Standard fields stay what they are, and names that nobody could send are nobody's.
  decoded(new HpackDecoder(4096), "1f1001311003000a0d013110000131");
  for (let times = 0; times < 2; times++) encoded(encoder, "content-type: text/x-a");
  assert.match(encoded(encoder, "content-type: text/x-a"), /^b/);
});

test("what is sent often is not pushed out by what is not", () => {
  const encoder = new HpackEncoder(4096);
  const decoder = new HpackDecoder(4096);
  const often = newLine();
  for (let times = 0; times < 2; times++) decoded(decoder, encoded(encoder, often));
  let indexed = 0;
  const others = Array.from({ length: 300 }, newLine);
  for (let round = 0; round < 4; round++) {
    for (const other of others) {
      const hex = encoded(encoder, often, other);
      if (/^[8-f]/.test(hex)) indexed++;
      assert.deepEqual(
        decoded(decoder, hex),
        [often, other].map((each) => each.replace(": ", "=")),
      );
    }
  }
  // The table turns over slowly, so it leaves now and then, and is back at once.
  assert.ok(indexed >= 1190, `${indexed} of 1200`);
});

test("the table follows what the peer allows, and says so first", () => {
  const encoder = new HpackEncoder(4096);
  const decoder = new HpackDecoder(4096);
  const line = newLine();
  const send = () => {
    const hex = encoded(encoder, line);
    assert.deepEqual(decoded(decoder, hex), [line.replace(": ", "=")]);
    return hex;
  };
  send();
  send();
  assert.equal(send(), "be");
  encoder.peerTableBytes = 100;
  assert.equal(send(), "3f45be");
  assert.equal(send(), "be");
  // Nothing fits, and both sizes are said: the smallest, and the last.
  encoder.peerTableBytes = 2000;
  encoder.peerTableBytes = 10;
  encoder.peerTableBytes = 5000;
  encoder.peerTableBytes = 3000;
  assert.match(send(), /^2a3f991740/);
  assert.equal(send(), "be");
  encoder.peerTableBytes = 0;
  assert.match(send(), /^2000/);
  assert.match(send(), /^00/);
  // More than we take: the table is as large as ours may be.
  encoder.peerTableBytes = 2 ** 32 - 1;
  assert.match(send(), /^3fe11f40/);
  assert.equal(send(), "be");
  encoder.peerTableBytes = 65_536;
  assert.equal(send(), "be");
});

test("a table of ours that is not the initial one is said in the first section", () => {
  assert.equal(encoded(new HpackEncoder(0), ":method=GET"), "2082");
  assert.equal(encoded(new HpackEncoder(4096), ":method=GET"), "82");
  const encoder = new HpackEncoder(16_384);
  assert.equal(encoded(encoder, ":method=GET"), "82");
  encoder.peerTableBytes = 65_536;
  assert.equal(encoded(encoder, ":method=GET"), "3fe17f82");
});

test("what could end a line further on is never written", () => {
  const encoder = new HpackEncoder(4096);
  encoder.begin();
  for (const value of ["a\rb", "a\nb", "a\0b", "a\u010ab", `${"a".repeat(500)}\r`, "\n"]) {
    for (const name of ["x-a", ":path", "cookie"]) {
      assert.throws(() => encoder.field(name, value), RangeError);
      assert.throws(() => encoder.field(name + value, "a"), RangeError);
    }
    assert.throws(() => encoder.line(`x-a: a${value}b`), RangeError);
  }
  encoded(encoder, ":x-odd=1");
  for (const line of ["", "a", ": a", ":path: /", ":x-odd: 1", "x-\n: 1"]) {
    assert.throws(() => encoder.line(line), RangeError);
  }
  assert.throws(() => encoder.field("", "a"), RangeError);
});

test("a section that is abandoned leaves no trace in later ones", () => {
  const encoder = new HpackEncoder(4096);
  const decoder = new HpackDecoder(4096);
  const [kept, lost] = [newLine(), newLine()];
  for (let times = 0; times < 3; times++) decoded(decoder, encoded(encoder, kept));
  encoded(new HpackEncoder(4096), lost);
  // It would be in our table now, and is not in the peer's.
  assert.throws(() => encoded(encoder, lost, "x-a: \0"), RangeError);
  encoder.abandon();
  for (let times = 0; times < 3; times++) {
    const hex = encoded(encoder, kept, lost);
    if (times === 0) assert.match(hex, /^203fe11f40/);
    assert.deepEqual(
      decoded(decoder, hex),
      [kept, lost].map((each) => each.replace(": ", "=")),
    );
  }
  encoder.peerTableBytes = 0;
  encoder.abandon();
  assert.equal(encoded(encoder, ":method=GET"), "2082");
});

test("long sections and fields are as good as short ones", () => {
  const encoder = new HpackEncoder(4096);
  const decoder = new HpackDecoder(4096);
  for (let times = 0; times < 3; times++) {
    const lines = Array.from({ length: 300 }, (_, at) => `x-${at}: ${"~é{ a".repeat(at)}.`);
    const hex = encoded(encoder, ...lines);
    assert.deepEqual(
      decoded(decoder, hex),
      lines.map((each) => each.replace(": ", "=")),
    );
  }
});

test("a table through which everything goes stays right", () => {
  const latin1 = fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
    maxLength: 60,
  });
  const value = fc.oneof(latin1, fc.constantFrom("", "1", "text/html", "a".repeat(700)));
  const name = fc.constantFrom(
    "server",
    "vary",
    "x-a",
    "x-b",
    "etag",
    "cookie",
    ":path",
    ":status",
  );
  const size = fc.option(fc.constantFrom(0, 33, 100, 500, 4096, 9000), { freq: 6 });
  const each = fc.record({
    sizes: fc.array(size, { maxLength: 3 }),
    fields: fc.array(fc.tuple(name, value), { maxLength: 12 }),
  });
  fc.assert(
    fc.property(fc.array(each, { maxLength: 30 }), (sections) => {
      const encoder = new HpackEncoder(8192);
      const decoder = new HpackDecoder(9000);
      for (const { sizes, fields } of sections) {
        for (const bytes of sizes) if (bytes !== null) encoder.peerTableBytes = bytes;
        const sendable = fields.filter(([, text]) => !/[\r\n\0]/.test(text));
        // Twice, so that places are given and used.
        for (let times = 0; times < 2; times++) {
          encoder.begin();
          for (const [key, text] of sendable) encoder.field(key, text);
          assert.deepEqual(
            decoded(decoder, encoder.bytes.toString("hex", 0, encoder.length)),
            sendable.map(([key, text]) => `${key}=${text}`),
          );
        }
      }
    }),
    { numRuns: 200 },
  );
});
