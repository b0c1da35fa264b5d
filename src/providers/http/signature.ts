// `Signature: ed25519=BASE64` over the body as it was sent. It says who wrote a document, not when: an old one
// stays valid. Several may be given, parted by commas, while a key is being replaced.

import { createPublicKey, verify } from "node:crypto";

/** undefined = it was made with the other half of this key; else what is wrong. @param key PEM */
export function badSignature(
  body: Buffer,
  field: string | undefined,
  key: string,
): string | undefined {
  if (field === undefined) return "is not signed: it has no Signature field";
  const signatures = [
    ...field.matchAll(/(?:^|,)\s*ed25519=([A-Za-z0-9+/_-]{86}(?:==)?)\s*(?=,|$)/g),
  ];
  if (signatures.length === 0) return "has a Signature that is not ed25519=BASE64 of 64 bytes";
  const publicKey = createPublicKey(key);
  // More than a few are no change of keys.
  const isOurs = signatures
    .slice(0, 4)
    .some(([, text = ""]) => verify(null, body, publicKey, Buffer.from(text, "base64")));
  return isOurs ? undefined : "is signed with another key, or was changed on its way";
}
