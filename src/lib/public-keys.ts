// Public keys that tokens are signed with, as PEM or as a set in JSON (RFC 7517), each with the algorithms that it is
// good for: no token chooses another. What is no public key for signatures is none here; a secret least of all.

import { createPublicKey, type KeyObject, type JsonWebKey } from "node:crypto";
import { isRecord, listAt, textAt } from "./json.ts";

export interface TokenKey {
  /** "" = it has no name, and fits tokens that name any. */
  readonly kid: string;
  readonly key: KeyObject;
  readonly algorithms: readonly string[];
}

export interface KeyLimits {
  readonly mostKeys: number;
  /** Bits. */
  readonly leastRsa: number;
}

export type ReadKeys =
  | { readonly kind: "ok"; readonly keys: readonly TokenKey[] }
  | { readonly kind: "bad"; readonly why: string };

const ofRsa = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];

const ofCurve: Readonly<Record<string, string>> = {
  prime256v1: "ES256",
  secp384r1: "ES384",
  secp521r1: "ES512",
};

/** One or several keys. `why` is a sentence without its subject. */
export function readPublicKeys(text: string, limits: KeyLimits): ReadKeys {
  if (text.includes("PRIVATE KEY-----")) {
    return { kind: "bad", why: "is a private key, which nobody but its owner should have" };
  }
  const blocks = text.match(/-----BEGIN ([A-Z ]+)-----[^-]+-----END \1-----/g);
  if (blocks !== null) return ofBlocks(blocks, limits);
  let set: unknown;
  try {
    set = JSON.parse(text);
  } catch {
    return { kind: "bad", why: "is neither PEM nor JSON" };
  }
  const entries = isRecord(set) && !Object.hasOwn(set, "keys") ? [set] : listAt(set, "keys");
  if (entries.length > limits.mostKeys) {
    return { kind: "bad", why: `has more than ${limits.mostKeys} keys` };
  }
  // What one reader does not know is there for others (RFC 7517 section 5).
  const keys = entries.flatMap((each) => ofJson(each, limits) ?? []);
  return keys.length > 0 ? { kind: "ok", keys } : { kind: "bad", why: "has no key for signatures" };
}

function ofBlocks(blocks: readonly string[], limits: KeyLimits): ReadKeys {
  const keys: TokenKey[] = [];
  for (const block of blocks.slice(0, limits.mostKeys)) {
    const found = readKey(() => createPublicKey(block), limits);
    if (found === undefined)
      return { kind: "bad", why: "has a key that no token can be signed with" };
    keys.push({ kid: "", ...found });
  }
  return { kind: "ok", keys };
}

function ofJson(entry: unknown, limits: KeyLimits): TokenKey | undefined {
  if (!isRecord(entry)) return undefined;
  const kty = textAt(entry, "kty");
  const use = textAt(entry, "use");
  const operations = listAt(entry, "key_ops");
  if (!["RSA", "EC", "OKP"].includes(kty) || (use !== "" && use !== "sig")) return undefined;
  if (operations.length > 0 && !operations.includes("verify")) return undefined;
  const jwk: JsonWebKey = { kty };
  for (const name of ["n", "e", "crv", "x", "y"] as const) {
    const value = textAt(entry, name);
    if (value !== "") jwk[name] = value;
  }
  const found = readKey(() => createPublicKey({ key: jwk, format: "jwk" }), limits);
  if (found === undefined) return undefined;
  const alg = textAt(entry, "alg");
  const algorithms = found.algorithms.filter((each) => alg === "" || each === alg);
  return algorithms.length === 0
    ? undefined
    : { kid: textAt(entry, "kid"), key: found.key, algorithms };
}

function readKey(
  read: () => KeyObject,
  { leastRsa }: KeyLimits,
): Omit<TokenKey, "kid"> | undefined {
  try {
    const key = read();
    const { modulusLength = 0, namedCurve = "" } = key.asymmetricKeyDetails ?? {};
    switch (key.asymmetricKeyType) {
      case "rsa":
        return modulusLength < leastRsa ? undefined : { key, algorithms: ofRsa };
      case "ec": {
        const algorithm = ofCurve[namedCurve];
        return algorithm === undefined ? undefined : { key, algorithms: [algorithm] };
      }
      case "ed25519":
        return { key, algorithms: ["EdDSA", "Ed25519"] };
      default:
        return undefined;
    }
  } catch {
    return undefined;
  }
}
