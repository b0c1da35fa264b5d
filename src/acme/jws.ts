// Signed requests (JWS, RFC 7515) in the one form that ACME takes: flattened JSON, a single signature, the URL and
// a nonce in what is signed (RFC 8555 section 6.2). And what is derived from the account's key.

import { createHash, createHmac, createPublicKey, type KeyObject, sign } from "node:crypto";

/** Without what is not needed to name a key (RFC 7638): members in the order in which they are hashed. */
export type Jwk = Readonly<Record<string, string>>;

export function jwkOf(key: KeyObject): Jwk {
  const open = key.type === "private" ? createPublicKey(key) : key;
  const { kty, crv, x, y, e, n } = open.export({ format: "jwk" });
  if (kty === "EC" && crv !== undefined && x !== undefined && y !== undefined) {
    return { crv, kty, x, y };
  }
  if (kty === "RSA" && e !== undefined && n !== undefined) return { e, kty, n };
  throw new TypeError("an ACME key has to be one on P-256 or P-384, or RSA");
}

/** RFC 7638 */
export function thumbprint(key: KeyObject): string {
  return createHash("sha256")
    .update(JSON.stringify(jwkOf(key)))
    .digest("base64url");
}

/** What is behind `token.` has to be shown by whoever serves the name (RFC 8555 section 8.1). */
export function keyAuthorization(token: string, accountKey: KeyObject): string {
  return `${token}.${thumbprint(accountKey)}`;
}

/** Of the TXT record of `_acme-challenge.` (RFC 8555 section 8.4). */
export function dnsValue(token: string, accountKey: KeyObject): string {
  return alpnDigest(token, accountKey).toString("base64url");
}

/** Of the certificate that answers a tls-alpn-01 challenge (RFC 8737 section 3). */
export function alpnDigest(token: string, accountKey: KeyObject): Buffer {
  return createHash("sha256").update(keyAuthorization(token, accountKey)).digest();
}

export interface Jws {
  readonly protected: string;
  readonly payload: string;
  readonly signature: string;
}

export type ProtectedHead = Readonly<Record<string, unknown>>;

/** @param payload a text; "" for POST-as-GET */
export function signedRequest(head: ProtectedHead, payload: string, key: KeyObject): Jws {
  const { name, hash } = algorithmOf(key);
  const parts = encoded({ alg: name, ...head }, payload);
  // IEEE P1363: both numbers one behind the other, as RFC 7518 wants them. RSA does not care.
  const signature = sign(hash, Buffer.from(signingInput(parts)), {
    key,
    dsaEncoding: "ieee-p1363",
  });
  return { ...parts, signature: signature.toString("base64url") };
}

export interface ExternalBinding {
  readonly keyId: string;
  /** As the authority gave it: base64url, or base64. Secret. */
  readonly hmacKey: string;
}

/** Shows that the account belongs to a customer (RFC 8555 section 7.3.4). */
export function boundAccount(binding: ExternalBinding, url: string, accountKey: KeyObject): Jws {
  const head = { alg: "HS256", kid: binding.keyId, url };
  const parts = encoded(head, JSON.stringify(jwkOf(accountKey)));
  const secret = Buffer.from(binding.hmacKey, "base64url");
  const signature = createHmac("sha256", secret).update(signingInput(parts)).digest("base64url");
  return { ...parts, signature };
}

function encoded(head: ProtectedHead, payload: string) {
  const base64 = (text: string) => Buffer.from(text).toString("base64url");
  return { protected: base64(JSON.stringify(head)), payload: base64(payload) };
}

function signingInput(parts: { readonly protected: string; readonly payload: string }): string {
  return `${parts.protected}.${parts.payload}`;
}

function algorithmOf(key: KeyObject): { readonly name: string; readonly hash: string } {
  if (key.asymmetricKeyType === "rsa") return { name: "RS256", hash: "sha256" };
  const curve = key.asymmetricKeyDetails?.namedCurve;
  if (curve === "prime256v1") return { name: "ES256", hash: "sha256" };
  if (curve === "secp384r1") return { name: "ES384", hash: "sha384" };
  throw new TypeError("an ACME key has to be one on P-256 or P-384, or RSA");
}
