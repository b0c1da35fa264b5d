import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { test } from "node:test";
import { dnsChangeLimits } from "../../config/acme-limits.ts";
import { type DnsAnswer, encodedName, readAnswer, readName, updateMessage } from "./message.ts";
import { signatureOf, signed } from "./tsig.ts";

const key = { name: "Key.Test", algorithm: "hmac-sha256", secret: "c2VjcmV0" } as const;
const change = { zone: "a.test", name: "_x.a.test", value: "v", isRemoval: false };

/** The change as its own answer: what a server that agrees says is much like it. */
function answerBytes(): Buffer {
  const bytes = Buffer.from(updateMessage(7, change));
  bytes.writeUInt8(0x80 | bytes.readUInt8(2), 2);
  return bytes;
}

function read(bytes: Buffer): DnsAnswer {
  const found = readAnswer(bytes);
  assert.ok(found !== undefined);
  return found;
}

test("a change is one record of one zone, as RFC 2136 has it", () => {
  const zone = "01610474657374000006 0001";
  const record = "025f7801610474657374000010 0001 0000003c 0002 0176";
  const words = `0007 2800 0001 0000 0001 0000 ${zone} ${record}`;
  assert.equal(updateMessage(7, change).toString("hex"), words.replaceAll(" ", ""));
  const gone = updateMessage(7, { ...change, isRemoval: true }).toString("hex");
  assert.ok(gone.endsWith("001000fe0000000000020176"), "class NONE, and no TTL");
  const long = updateMessage(7, { ...change, value: "x".repeat(300) });
  assert.ok(long.toString("latin1").includes(`\xff${"x".repeat(255)}\x2d${"x".repeat(45)}`));
  for (const name of [`${"x".repeat(64)}.test`, `${"abcdefg.".repeat(32)}test`]) {
    assert.throws(() => encodedName(name), /is too long for the DNS/);
  }
});

test("an answer is read within its bounds, whatever it says", () => {
  const whole = answerBytes();
  const { id, code, records } = read(whole);
  assert.deepEqual([id, code, records[0]?.name, records[0]?.type], [7, 0, "_x.a.test", 16]);
  for (let end = 0; end < whole.length; end += 1) {
    assert.equal(readAnswer(whole.subarray(0, end)), undefined);
  }
  assert.equal(readAnswer(Buffer.concat([whole, Buffer.of(0)])), undefined);
  assert.equal(readAnswer(updateMessage(7, change)), undefined, "it is a question");
  const many = answerBytes();
  many.writeUInt16BE(dnsChangeLimits.records + 1, 10);
  assert.equal(readAnswer(many), undefined);
  for (let round = 0; round < 2000; round += 1) {
    const rubbish = Buffer.concat([Buffer.of(0, 7, 0x80, 0), randomBytes(round % 100)]);
    for (const at of [4, 6, 8, 10]) if (rubbish.length > at) rubbish.writeUInt8(0, at);
    readAnswer(rubbish);
    const one = answerBytes();
    one.writeUInt8(round % 256, 12 + (round % (one.length - 12)));
    readAnswer(one);
  }
});

test("names lead backwards only, and come to an end", () => {
  const loops = [Buffer.of(0xc0, 0), Buffer.of(1, 0x61, 0xc0, 0), Buffer.of(0xc0, 2, 0xc0, 0)];
  for (const each of loops) assert.throws(() => readName(each, 0));
  assert.deepEqual(readName(Buffer.from("\x01A\x00\x01b\xc0\x00", "latin1"), 3), {
    name: "b.a",
    end: 7,
  });
  assert.throws(() => readName(Buffer.from(`\x3f${"x".repeat(63)}`.repeat(5)), 0), /no name/);
});

test("a signature covers every byte, and the question it answers", () => {
  const now = 1_700_000_000_000;
  const { mac } = signed(updateMessage(7, change), key, now);
  // As a server signs: with what it was asked before its own words.
  const said = answerBytes();
  const own = signed(said, key, now);
  const variables = Buffer.concat([
    encodedName(key.name),
    Buffer.from("00ff00000000", "hex"),
    encodedName(key.algorithm),
    Buffer.from("0000655 3f100 012c 0000 0000".replaceAll(" ", ""), "hex"),
  ]);
  const length = Buffer.of(0, mac.length);
  const hmac = createHmac("sha256", "secret");
  for (const part of [length, mac, said, variables]) hmac.update(part);
  const bytes = Buffer.from(own.bytes);
  hmac.digest().copy(bytes, bytes.indexOf(own.mac));
  assert.deepEqual(signatureOf(read(bytes), key, mac), { kind: "good", error: 0, time: now });
  assert.equal(signatureOf(read(own.bytes), key, mac).kind, "bad", "it answers nothing");
  assert.equal(signatureOf(read(said), key, mac).kind, "none");
  for (let at = 0; at < bytes.length; at += 1) {
    const changed = Buffer.from(bytes);
    changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
    const answer = readAnswer(changed);
    // The id of the message is looked at apart: who forwards one may change it (RFC 8945 section 5.1).
    if (answer !== undefined && at > 1)
      assert.notEqual(signatureOf(answer, key, mac).kind, "good", `${at}`);
  }
});
