// Texts that are given to clients and come back: nobody else can read them, change them, or use them for something else
// than they were made for. AES-256-GCM, with a key for each purpose made from the secret of the program (HKDF).

import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

const nonceBytes = 12;
const tagBytes = 16;

export class SealedText {
  readonly #secret: () => string;
  readonly #purpose: string;
  #keys: { readonly of: string; readonly all: readonly Buffer[] } = { of: "", all: [] };

  /**
   * @param secret hex; others behind it, after a space each, sealed before
   * @param purpose texts of another purpose are not understood
   */
  constructor(secret: () => string, purpose: string) {
    this.#secret = secret;
    this.#purpose = purpose;
  }

  seal(text: string): string {
    const [key] = this.#current();
    if (key === undefined)
      throw new Error("there is no secret to seal with: is there a state folder?");
    const nonce = randomBytes(nonceBytes);
    const cipher = createCipheriv("aes-256-gcm", key, nonce);
    const sealed = Buffer.concat([
      nonce,
      cipher.update(text, "utf8"),
      cipher.final(),
      cipher.getAuthTag(),
    ]);
    return sealed.toString("base64url");
  }

  /** undefined = it is none of ours. */
  unseal(sealed: string): string | undefined {
    const bytes = Buffer.from(sealed, "base64url");
    if (bytes.length < nonceBytes + tagBytes) return undefined;
    for (const key of this.#current()) {
      try {
        const cipher = createDecipheriv("aes-256-gcm", key, bytes.subarray(0, nonceBytes));
        cipher.setAuthTag(bytes.subarray(-tagBytes));
        const text = cipher.update(bytes.subarray(nonceBytes, -tagBytes));
        return Buffer.concat([text, cipher.final()]).toString();
      } catch {
        // Sealed with another one.
      }
    }
    return undefined;
  }

  #current(): readonly Buffer[] {
    const secret = this.#secret();
    if (this.#keys.of !== secret) {
      const secrets = secret.split(" ").filter((each) => each !== "");
      const all = secrets.map((each) => {
        return Buffer.from(hkdfSync("sha256", Buffer.from(each, "hex"), "", this.#purpose, 32));
      });
      this.#keys = { of: secret, all };
    }
    return this.#keys.all;
  }
}
