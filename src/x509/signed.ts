// What a key signs, in the envelope that certificates and requests share: what is signed, how, the signature.

import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { bitString, nothing, oid, sequence } from "./der.ts";

export type KeyKind = "ec" | "ec384" | "rsa";

/** A new private key, P-256 unless told otherwise: every client of the last ten years takes it. */
export function newKey(kind: KeyKind = "ec"): KeyObject {
  switch (kind) {
    case "ec":
      return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    case "ec384":
      return generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey;
    case "rsa":
      return generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
  }
}

export function keyPem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

/** SubjectPublicKeyInfo of a private key, or of a public one. */
export function publicInfo(key: KeyObject): Buffer {
  const open = key.type === "private" ? createPublicKey(key) : key;
  return open.export({ type: "spki", format: "der" });
}

interface Signing {
  /** null: the algorithm has one of its own. */
  readonly hash: "sha256" | "sha384" | null;
  readonly algorithm: Buffer;
}

/** Throws for keys that nobody makes certificates with, such as P-521 or DSA. */
export function signingOf(key: KeyObject): Signing {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  if (type === "rsa") {
    const algorithm = sequence(oid("1.2.840.113549.1.1.11"), nothing());
    return { hash: "sha256", algorithm };
  }
  if (type === "ed25519") return { hash: null, algorithm: sequence(oid("1.3.101.112")) };
  if (type === "ec" && details?.namedCurve === "prime256v1") {
    return { hash: "sha256", algorithm: sequence(oid("1.2.840.10045.4.3.2")) };
  }
  if (type === "ec" && details?.namedCurve === "secp384r1") {
    return { hash: "sha384", algorithm: sequence(oid("1.2.840.10045.4.3.3")) };
  }
  const curve = details?.namedCurve === undefined ? "" : ` on ${details.namedCurve}`;
  throw new TypeError(
    `a certificate cannot be made with a key of type ${type ?? key.type}${curve}; take P-256, P-384, RSA or Ed25519`,
  );
}

/** @param toSign names the algorithm of `signingOf` inside, where its format wants that */
export function signed(toSign: Buffer, key: KeyObject): Buffer {
  const { hash, algorithm } = signingOf(key);
  return sequence(toSign, algorithm, bitString(sign(hash, toSign, key)));
}

/** A PEM text: 64 characters a line. */
export function pemOf(label: string, der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}
