import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { digest as limits } from "../config/auth-limits.ts";
import { noPeers } from "../peers/peers.ts";
import { NonceBook, Nonces } from "./digest-nonces.ts";

test("each count is used once, in whatever order they come", () => {
  const book = new NonceBook();
  const madeAt = Date.now();
  const use = (count: number) => book.use("n", madeAt, count);
  const uses = [1, 1, 5, 3, 3, 5, 4, 2, 2, 0, 400, 400, 399, 400 - limits.window, 1];
  assert.deepEqual(uses.map(use), [
    ...["fresh", "stale", "fresh", "fresh", "stale", "stale", "fresh", "fresh", "stale", "stale"],
    ...["fresh", "stale", "fresh", "stale", "stale"],
  ]);
  assert.equal(use(401 - limits.window), "fresh");
  assert.equal(use(2 ** 32 - 1), "fresh");
  assert.equal(use(2 ** 32 - 1), "stale");
});

test("what was forgotten is stale, not fresh", () => {
  const book = new NonceBook();
  assert.equal(book.use("before", Date.now() - 60_000, 1), "stale");
  const first = `${(Date.now() + 5).toString(36)}.first`;
  const time = Number.parseInt(first, 36);
  assert.equal(book.use(first, time, 1), "fresh");
  for (let at = 0; at < limits.mostNonces; at++) book.use(`${at}`, time + 1 + at, 1);
  assert.equal(book.use(first, time, 1), "stale");
});

function sealedWithNothing(): string {
  const open = `${Date.now().toString(36)}.x`;
  const seal = createHmac("sha256", "").update(`digest nonce\0realm\0${open}`).digest();
  return `${open}.${seal.toString("base64url", 0, 18)}`;
}

test("a nonce is ours with the secret it was made with, also the one before, and in its realm", () => {
  let secret = "ab".repeat(32);
  const nonces = new Nonces(noPeers, () => secret, "realm");
  const nonce = nonces.make();
  assert.ok(nonces.isOurs(nonce));
  assert.ok(!new Nonces(noPeers, () => secret, "other").isOurs(nonce));
  for (const wrong of [`${nonce}x`, nonce.slice(1), `${nonce}.x`, "", "..", `z${nonce}`]) {
    assert.ok(!nonces.isOurs(wrong), wrong);
  }
  secret = `${"cd".repeat(32)} ${secret}`;
  assert.ok(nonces.isOurs(nonce));
  secret = "cd".repeat(32);
  assert.ok(!nonces.isOurs(nonce));
  secret = "";
  assert.ok(nonces.isOurs(nonces.make()));
  assert.ok(!nonces.isOurs(sealedWithNothing()), "nobody makes them without a secret");
  const old = nonces.make().replace(/^[^.]+/, (Date.now() - limits.nonceLife - 1000).toString(36));
  assert.equal(nonces.use(old, 1), "stale");
});
