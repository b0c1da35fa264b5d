import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { needs } from "../../test/harness/needs.ts";
import { ocspAuthority } from "../../test/harness/ocsp.ts";
import { readDer } from "./der-reader.ts";
import { partsIn } from "./extensions.ts";
import { ocspRequest, readOcsp } from "./ocsp.ts";

const skip = needs("openssl");
const day = 86_400_000;

async function stand() {
  await using stack = new AsyncDisposableStack();
  const authority = stack.use(await ocspAuthority());
  const leaf = await authority.issue("a.test");
  const [own, issuer] = leaf.chain
    .split(/(?=-----BEGIN)/)
    .map((pem) => new X509Certificate(pem)) as [X509Certificate, X509Certificate];
  const held = stack.move();
  return {
    ...{ authority, leaf, own, issuer, question: ocspRequest(own, issuer) },
    read: (answer: Buffer, now = Date.now()) => readOcsp(answer, own, issuer, now),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

function why(reading: ReturnType<typeof readOcsp>): string {
  return reading.kind === "bad" ? reading.why : reading.kind;
}

test(
  "openssl understands the question, and its answer is believed while it lasts",
  { skip },
  async () => {
    await using all = await stand();
    const answer = await all.authority.answer(all.question);
    const reading = all.read(answer);
    assert.ok(reading.kind === "good", why(reading));
    assert.ok(Math.abs(reading.from - Date.now()) < 60_000);
    assert.equal(reading.until, reading.from + 4 * day);
    assert.equal(why(all.read(answer, Date.now() + 4 * day)), "it has run out");
    assert.match(why(all.read(answer, Date.now() - day)), /begins later/);
    const endless = all.read(await all.authority.answer(all.question, "authority", []));
    assert.ok(endless.kind === "good" && endless.until === undefined, why(endless));
  },
);

test("who signs has to be the authority, or allowed by it to do so", { skip }, async () => {
  await using all = await stand();
  assert.equal(why(all.read(await all.authority.answer(all.question, "delegate"))), "good");
  const foreign = why(all.read(await all.authority.answer(all.question, "stranger")));
  assert.match(foreign, /not signed by the certificate's authority/);
  await using other = await stand();
  const namesake = await other.authority.answer(all.question);
  assert.match(why(all.read(namesake)), /not signed/);
});

test(
  "an answer for another certificate, or of nobody who knows it, is not believed",
  { skip },
  async () => {
    await using all = await stand();
    const second = await all.authority.issue("b.test");
    const own = new X509Certificate(second.chain);
    const other = await all.authority.answer(ocspRequest(own, all.issuer));
    assert.equal(why(all.read(other)), "it is about other certificates");
    await all.authority.revoke(all.leaf);
    assert.equal(why(all.read(await all.authority.answer(all.question))), "revoked");
  },
);

test("rubbish is an answer that is no good, wherever it is cut or damaged", { skip }, async () => {
  await using all = await stand();
  const answer = await all.authority.answer(all.question);
  for (let at = 0; at < answer.length; at++) {
    assert.notEqual(why(all.read(answer.subarray(0, at))), "good", `cut at ${at}`);
  }
  const data = signedPart(answer);
  const start = answer.indexOf(data);
  assert.ok(start > 0 && data.length > 100);
  for (let at = start; at < start + data.length; at++) {
    const damaged = Buffer.from(answer);
    damaged.writeUInt8(damaged.readUInt8(at) ^ 0x41, at);
    assert.notEqual(why(all.read(damaged)), "good", `damaged at ${at}`);
  }
  assert.match(why(all.read(Buffer.from([0x30, 3, 0x0a, 1, 3]))), /again later/);
  assert.match(why(all.read(Buffer.from([0x30, 3, 0x0a, 1, 99]))), /code 99/);
  assert.equal(why(all.read(Buffer.from("<html>"))), "it is no OCSP answer");
});

function signedPart(answer: Buffer): Buffer {
  const content = partsIn(partsIn(partsIn(readDer(answer))[1])[0])[1]?.content;
  return partsIn(readDer(content ?? Buffer.alloc(0)))[0]?.whole ?? Buffer.alloc(0);
}
