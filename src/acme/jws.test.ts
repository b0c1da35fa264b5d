import assert from "node:assert/strict";
import { createHmac, createPrivateKey, createPublicKey, verify } from "node:crypto";
import { test } from "node:test";
import { newKey } from "../x509/signed.ts";
import { alpnDigest, boundAccount, dnsValue, jwkOf, keyAuthorization } from "./jws.ts";
import { signedRequest, thumbprint } from "./jws.ts";

const decode = (text: string): unknown => JSON.parse(Buffer.from(text, "base64url").toString());

// RFC 7515, appendix A.3
const ec = createPrivateKey({
  format: "jwk",
  key: {
    kty: "EC",
    crv: "P-256",
    x: "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    y: "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    d: "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI",
  },
});

test("the thumbprint of a key is that of RFC 7638", () => {
  const n =
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
  const key = createPublicKey({ format: "jwk", key: { kty: "RSA", n, e: "AQAB" } });
  assert.equal(thumbprint(key), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
});

test("a request is signed as RFC 7515 has it, by any kind of key", () => {
  for (const [key, alg, hash] of [
    [ec, "ES256", "sha256"],
    [newKey("ec384"), "ES384", "sha384"],
    [newKey("rsa"), "RS256", "sha256"],
  ] as const) {
    const url = "https://ca.test/order";
    const jws = signedRequest({ jwk: jwkOf(key), nonce: "n", url }, '{"a":1}', key);
    assert.deepEqual(decode(jws.protected), { alg, jwk: jwkOf(key), nonce: "n", url });
    assert.deepEqual(decode(jws.payload), { a: 1 });
    const signature = Buffer.from(jws.signature, "base64url");
    if (alg === "ES256") assert.equal(signature.length, 64);
    const input = Buffer.from(`${jws.protected}.${jws.payload}`);
    const checking = { key: createPublicKey(key), dsaEncoding: "ieee-p1363" } as const;
    assert.ok(verify(hash, input, checking, signature));
    assert.ok(!verify(hash, Buffer.concat([input, Buffer.from("x")]), checking, signature));
  }
  assert.equal(signedRequest({}, "", ec).payload, "");
  assert.deepEqual(Object.keys(jwkOf(ec)), ["crv", "kty", "x", "y"]);
});

test("an external binding is the account's key, signed with the customer's", () => {
  for (const secret of [Buffer.alloc(32, 0xfb), Buffer.alloc(33, 1)]) {
    for (const form of ["base64url", "base64"] as const) {
      const binding = { keyId: "k", hmacKey: secret.toString(form) };
      const jws = boundAccount(binding, "https://ca.test/new", ec);
      assert.deepEqual(decode(jws.protected), {
        alg: "HS256",
        kid: "k",
        url: "https://ca.test/new",
      });
      assert.deepEqual(decode(jws.payload), jwkOf(ec));
      const expected = createHmac("sha256", secret).update(`${jws.protected}.${jws.payload}`);
      assert.equal(jws.signature, expected.digest("base64url"));
    }
  }
});

test("what is shown to the authority comes from token and key", () => {
  const shown = keyAuthorization("token", ec);
  assert.equal(shown, `token.${thumbprint(ec)}`);
  assert.equal(shown, keyAuthorization("token", createPublicKey(ec)));
  assert.match(dnsValue("token", ec), /^[\w-]{43}$/);
  assert.equal(alpnDigest("token", ec).toString("base64url"), dnsValue("token", ec));
});
