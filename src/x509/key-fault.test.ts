import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { test } from "node:test";
import { keyFault } from "./key-fault.ts";

function ofCurve(namedCurve: string): KeyObject {
  return generateKeyPairSync("ec", { namedCurve }).privateKey;
}

function ofBits(modulusLength: number): KeyObject {
  return generateKeyPairSync("rsa", { modulusLength }).privateKey;
}

test("a key that clients take is none to complain about", () => {
  for (const curve of ["P-256", "P-384", "P-521"])
    assert.equal(keyFault(ofCurve(curve)), undefined);
  assert.equal(keyFault(ofBits(2048)), undefined);
});

test("a key that no client takes is said with what to make instead", () => {
  const rows: readonly [KeyObject, RegExp][] = [
    [ofBits(1024), /^its key has 1024 bits, and clients refuse less than 2048: make one of EC/],
    [ofCurve("secp256k1"), /^its key is on the curve secp256k1, which clients do not take: make/],
    [ofCurve("secp224r1"), /^its key is on the curve secp224r1/],
    [generateKeyPairSync("ed25519").privateKey, /^its key is of the kind ed25519, which browsers/],
    [generateKeyPairSync("x25519").privateKey, /^its key is of the kind x25519/],
  ];
  for (const [key, says] of rows) assert.match(keyFault(key) ?? "", says);
});
