import assert from "node:assert/strict";
import { test } from "node:test";
import { FieldSection } from "./field-section.ts";
import { HpackDecoder } from "./hpack-decoder.ts";

type Fields = readonly (readonly [string, string])[];

interface Block {
  readonly hex: string;
  readonly fields: Fields;
}

const section = new FieldSection();

function decode(
  decoder: HpackDecoder,
  hex: string,
  maxBytes = 65_536,
  maxCount = 100,
): Fields | undefined {
  const bytes = Buffer.from(hex.replaceAll(" ", ""), "hex");
  // Never at the beginning of the buffer, and something always follows.
  const buffer = Buffer.concat([Buffer.from([0x82]), bytes, Buffer.from([0x82, 0x41, 0xff])]);
  if (!decoder.decode(buffer, 1, 1 + bytes.length, section, maxBytes, maxCount)) return undefined;
  return Array.from({ length: section.count }, (_, at) => [
    section.names[at] ?? "?",
    section.values[at] ?? "?",
  ]);
}

const requestFields: readonly Fields[] = [
  [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "www.example.com"],
  ],
  [
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "www.example.com"],
    ["cache-control", "no-cache"],
  ],
  [
    [":method", "GET"],
    [":scheme", "https"],
    [":path", "/index.html"],
    [":authority", "www.example.com"],
    ["custom-key", "custom-value"],
  ],
];
const answerFields: readonly Fields[] = [
  [
    [":status", "302"],
    ["cache-control", "private"],
    ["date", "Mon, 21 Oct 2013 20:13:21 GMT"],
    ["location", "https://www.example.com"],
  ],
  [
    [":status", "307"],
    ["cache-control", "private"],
    ["date", "Mon, 21 Oct 2013 20:13:21 GMT"],
    ["location", "https://www.example.com"],
  ],
  [
    [":status", "200"],
    ["cache-control", "private"],
    ["date", "Mon, 21 Oct 2013 20:13:22 GMT"],
    ["location", "https://www.example.com"],
    ["content-encoding", "gzip"],
    ["set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"],
  ],
];

/** The examples of RFC 7541 appendix C, by their sections; those of one section are one connection. */
const examples: Readonly<Record<string, readonly Block[]>> = {
  "C.2.1": [
    {
      hex: "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
      fields: [["custom-key", "custom-header"]],
    },
  ],
  "C.2.2": [{ hex: "040c 2f73 616d 706c 652f 7061 7468", fields: [[":path", "/sample/path"]] }],
  "C.2.3": [
    { hex: "1008 7061 7373 776f 7264 0673 6563 7265 74", fields: [["password", "secret"]] },
  ],
  "C.2.4": [{ hex: "82", fields: [[":method", "GET"]] }],
  "C.3": blocks(requestFields, [
    "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
    "8286 84be 5808 6e6f 2d63 6163 6865",
    "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
  ]),
  "C.4": blocks(requestFields, [
    "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
    "8286 84be 5886 a8eb 1064 9cbf",
    "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
  ]),
  // The examples have a table of 256 bytes, which is said first here.
  "C.5": blocks(answerFields, [
    "3fe101 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 " +
      "3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
    "4803 3330 37c1 c0bf",
    "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 " +
      "7738 666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 " +
      "6765 3d33 3630 303b 2076 6572 7369 6f6e 3d31",
  ]),
  "C.6": blocks(answerFields, [
    "3fe101 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d " +
      "29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
    "4883 640e ffc1 c0bf",
    "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 " +
      "e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
  ]),
};

function blocks(fields: readonly Fields[], hex: readonly string[]): readonly Block[] {
  return hex.map((each, at) => ({ hex: each, fields: fields[at] ?? [] }));
}

for (const [name, connection] of Object.entries(examples)) {
  test(`RFC 7541 ${name}: is decoded as it says`, () => {
    const decoder = new HpackDecoder(4096);
    for (const { hex, fields } of connection) assert.deepEqual(decode(decoder, hex), fields);
  });
}

test("no example is accepted when its end is missing, unless a field ends there", () => {
  for (const connection of Object.values(examples)) {
    for (const [at, { hex, fields }] of connection.entries()) {
      const whole = hex.replaceAll(" ", "");
      for (let end = 0; end < whole.length; end += 2) {
        const decoder = new HpackDecoder(4096);
        for (const before of connection.slice(0, at)) decode(decoder, before.hex);
        const got = decode(decoder, whole.slice(0, end));
        if (got !== undefined) assert.deepEqual(got, fields.slice(0, got.length));
      }
    }
  }
});

/** Blocks after which the connection is lost, each alone on one that is new. */
const refused: Readonly<Record<string, string>> = {
  "index 0": "80",
  "an index behind the static table, with nothing in the other": "be",
  "an index of two bytes behind the tables": "ff00",
  "a literal whose name's index is behind the tables": "7e 0161",
  "an index of five bytes behind its prefix": "ff 80808080 00",
  "an index beyond 2 ** 32, which would be 2 without what is above": "ff 83ffffff 0f",
  "an index without its end": "ff",
  "an index whose last byte says that one follows": "ff80",
  "a literal without anything": "40",
  "a literal without its name": "4003 6162",
  "a literal without its value": "4001 61",
  "a value that is longer than the block": "4001 61 0362 62",
  "a value whose length is longer than the block": "4001 61 7f",
  "a value with a length of 2 ** 28": "4001 61 7f 81ffff7f 62",
  "a Huffman string that is longer than the block": "4001 61 83 1c",
  "padding of eight bits": "4001 61 82 1fff",
  "padding with a zero": "4001 61 81 1e",
  "padding of zeros": "4001 61 81 18",
  "a byte of padding alone": "4001 61 81 ff",
  EOS: "4001 61 84 ffffffff",
  "EOS behind a symbol": "4001 61 85 1f fffffffb",
  "a size beyond ours": "3f e21f",
  "a size of five bytes behind its prefix": "3f 80808080 00",
  "a size without its end": "3f",
  "a size behind a field": "82 20",
  "a size behind a literal": "0001 6101 62 20",
  "three sizes": "20 20 20 82",
};

for (const [name, hex] of Object.entries(refused)) {
  test(`refuses ${name}`, () => {
    assert.equal(decode(new HpackDecoder(4096), hex), undefined);
  });
}

/** What is odd, and allowed. */
const accepted: Readonly<Record<string, readonly [hex: string, fields: Fields]>> = {
  "an empty block": ["", []],
  "sizes alone": ["20 3fe11f", []],
  "an index with bytes that say nothing": ["ff 808000", []],
  "an empty name and value": ["4000 00", [["", ""]]],
  "empty Huffman strings": ["4080 80", [["", ""]]],
  "any byte in a value": ["0001 61 03 000d0a", [["a", "\0\r\n"]]],
  "characters above ASCII": ["0001 61 02 e9ff", [["a", "éÿ"]]],
  "padding of seven bits": ["0001 61 84 18c631ff", [["a", "aaaaa"]]],
  "a literal of which the index has two bytes": ["0f 2c 01 62", [["vary", "b"]]],
};

for (const [name, [hex, fields]] of Object.entries(accepted)) {
  test(`accepts ${name}`, () => {
    const decoder = new HpackDecoder(4096);
    const isTooFar = hex === "ff 808000";
    // Index 127 of a table with 66 entries.
    if (isTooFar) decode(decoder, "4001 61 00".repeat(66));
    assert.deepEqual(decode(decoder, hex), isTooFar ? [["a", ""]] : fields);
  });
}

test("a size is the peer's to choose up to ours, also beyond the initial one", () => {
  const decoder = new HpackDecoder(16_384);
  assert.deepEqual(decode(decoder, "3f e17f"), []);
  assert.equal(decode(new HpackDecoder(16_384), "3f e27f"), undefined);
  assert.throws(() => new HpackDecoder(4095), RangeError);
});

test("an entry leaves when another needs its place, and all when one is larger than the table", () => {
  const decoder = new HpackDecoder(4096);
  // 68 bytes hold two entries of 34.
  decode(decoder, "3f25 4001 61 0131 4001 62 0132");
  assert.deepEqual(decode(decoder, "be bf"), [
    ["b", "2"],
    ["a", "1"],
  ]);
  decode(decoder, "4001 63 0133");
  assert.deepEqual(decode(decoder, "be bf"), [
    ["c", "3"],
    ["b", "2"],
  ]);
  // A name that leaves for the field that is named by it.
  assert.deepEqual(decode(decoder, "7f00 0178"), [["b", "x"]]);
  assert.deepEqual(decode(decoder, "be bf"), [
    ["b", "x"],
    ["c", "3"],
  ]);
  const large = `4001 64 25${"61".repeat(37)}`;
  assert.deepEqual(decode(decoder, large), [["d", "a".repeat(37)]]);
  assert.equal(decode(decoder, "be"), undefined);
});

test("a smaller table forgets, and a larger one later does not remember", () => {
  const decoder = new HpackDecoder(4096);
  decode(decoder, "4001 61 0131 4001 62 0132");
  assert.deepEqual(decode(decoder, "3f03 be"), [["b", "2"]]);
  assert.equal(decode(decoder, "3fe11f bf"), undefined);
});

test("what is beyond the limits is left out, and the table is kept all the same", () => {
  const decoder = new HpackDecoder(4096);
  const three = "4001 61 0131 4001 62 0132 4001 63 0133";
  assert.equal(decode(decoder, three, 68)?.length, 2);
  assert.equal(section.isTooLarge, true);
  assert.equal(section.size, 68);
  assert.equal(decode(decoder, "be bf c0", 102)?.length, 3);
  assert.equal(section.isTooLarge, false);
  assert.equal(decode(decoder, "be bf c0", 1000, 2)?.length, 2);
  assert.equal(section.isTooLarge, true);
  // What is small enough again does not come behind a gap.
  assert.deepEqual(decode(decoder, `82 0001 61 7f01${"62".repeat(128)} 82`, 100), [
    [":method", "GET"],
  ]);
  assert.equal(section.isTooLarge, true);
  // A size behind fields is an error, also when they were left out.
  assert.equal(decode(decoder, "82 20", 10, 0), undefined);
});

test("a bomb of indices costs no more than its bytes", () => {
  const decoder = new HpackDecoder(4096);
  // 4000 bytes are named by each of 32,000.
  decode(decoder, `4001 61 7fa11e${"62".repeat(4000)}`);
  assert.equal(section.count, 1);
  const bomb = Buffer.alloc(32_000, 0xbe);
  const begin = performance.now();
  assert.ok(decoder.decode(bomb, 0, bomb.length, section, 32_768, 100));
  assert.ok(performance.now() - begin < 500);
  assert.equal(section.count, 8);
  assert.ok(section.size <= 32_768 && section.isTooLarge);
});
