import assert from "node:assert/strict";
import { test } from "node:test";
import { runCommand } from "../../test/harness/command.ts";
import { needs } from "../../test/harness/needs.ts";
import { tempFolder } from "../../test/harness/temp-folder.ts";
import { writeFile } from "node:fs/promises";
import {
  bitString,
  boolean,
  explicit,
  implicit,
  integer,
  nothing,
  octetString,
  oid,
  printableString,
  sequence,
  setOf,
  time,
  utf8String,
} from "./der.ts";
import { oidText, partsOf, readDer } from "./der-reader.ts";

const hex = (bytes: Buffer) => bytes.toString("hex");

test("numbers are as short as can be, and never negative", () => {
  const rows: readonly [number | Uint8Array, string][] = [
    [0, "020100"],
    [1, "020101"],
    [127, "02017f"],
    [128, "02020080"],
    [65_537, "0203010001"],
    [2 ** 40, "0206010000000000"],
    [Buffer.from([0, 0, 0x7f]), "02017f"],
    [Buffer.from([0, 0x80]), "02020080"],
    [Buffer.from([0xff, 1]), "020300ff01"],
    [Buffer.alloc(3), "020100"],
    [Buffer.alloc(0), "020100"],
  ];
  for (const [value, expected] of rows) assert.equal(hex(integer(value)), expected);
});

test("object identifiers read as they were written", () => {
  const ids = [
    "1.2.840.113549.1.1.11",
    "2.5.29.17",
    "1.3.6.1.5.5.7.1.31",
    "2.999.4294967296",
    "0.0",
  ];
  for (const id of ids) assert.equal(oidText(readDer(oid(id))?.content ?? Buffer.alloc(0)), id);
  assert.equal(hex(oid("1.2.840.113549")), "06062a864886f70d");
  for (const bad of ["", "80", "2a80", "2a8001", "ff".repeat(20)]) {
    assert.equal(oidText(Buffer.from(bad, "hex")), undefined, bad);
  }
});

test("times are written in two digits of the year until 2049", () => {
  const text = (iso: string) => {
    const { tag, content } = readDer(time(Date.parse(iso))) ?? assert.fail();
    return [tag, content.toString()];
  };
  assert.deepEqual(text("2026-11-21T19:00:00.999Z"), [0x17, "261121190000Z"]);
  assert.deepEqual(text("2049-12-31T23:59:59Z"), [0x17, "491231235959Z"]);
  assert.deepEqual(text("2050-01-01T00:00:00Z"), [0x18, "20500101000000Z"]);
  assert.deepEqual(text("9999-12-31T23:59:59Z"), [0x18, "99991231235959Z"]);
});

test("lengths of any size are read as they were written", () => {
  for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536, 1_000_000]) {
    const whole = octetString(Buffer.alloc(length, 7));
    const read = readDer(whole) ?? assert.fail(`${length}`);
    assert.equal(read.content.length, length);
    assert.equal(read.whole.length, whole.length);
  }
});

test("what is no DER, or stops in the middle, reads as nothing", () => {
  const bad = [
    "",
    "30",
    "3001",
    "308100", // a long form of a short length
    "30817f",
    "3082007f",
    "3080", // without a length
    "3085000000000100",
    "3084ffffffff",
    "1f8100", // a tag of several bytes
  ];
  for (const text of bad) assert.equal(readDer(Buffer.from(text, "hex")), undefined, text);
  assert.equal(partsOf(Buffer.from("0201000201", "hex")), undefined);
  assert.deepEqual(partsOf(Buffer.alloc(0)), []);
  assert.equal(partsOf(Buffer.alloc(30_000)), undefined, "more parts than anybody has");
  assert.equal(readDer(Buffer.from("020100ff", "hex"))?.whole.length, 3);
});

test("openssl reads what is written", { skip: needs("openssl") }, async () => {
  await using folder = await tempFolder();
  const all = sequence(
    integer(Buffer.from([0xff, 0xee])),
    boolean(true),
    nothing(),
    oid("1.2.840.10045.4.3.2"),
    setOf(utf8String("grüße")),
    printableString("DE"),
    bitString(Buffer.from([0x80]), 7),
    octetString(Buffer.alloc(200)),
    explicit(3, time(Date.parse("2026-01-02T03:04:05Z"))),
    implicit(2, Buffer.from("a.test")),
  );
  await writeFile(folder.file("x.der"), all);
  const words = ["asn1parse", "-inform", "DER", "-in", folder.file("x.der")];
  const { code, stdout, stderr } = await runCommand("openssl", words);
  assert.equal(code, 0, stderr);
  const kinds = stdout
    .trim()
    .split("\n")
    .map((line) => line.replace(/^.*(prim|cons): /, "").trim());
  assert.deepEqual(
    kinds.map((kind) => kind.split(/\s{2,}|:/)[0]?.trim()),
    [
      "SEQUENCE",
      "INTEGER",
      "BOOLEAN",
      "NULL",
      "OBJECT",
      "SET",
      "UTF8STRING",
      "PRINTABLESTRING",
      "BIT STRING",
      "OCTET STRING",
      "cont [ 3 ]",
      "UTCTIME",
      "cont [ 2 ]",
    ],
  );
  assert.match(stdout, /:FFEE/);
  assert.match(stdout, /ecdsa-with-SHA256/);
  assert.match(stdout, /:260102030405Z/);
});
