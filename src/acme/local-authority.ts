// The authority of `tls: internal`: our own, which clients trust only when somebody has told them to. Its root stays the same for
// ten years, so that it has to be told once.

import { hostname } from "node:os";
import { createPrivateKey, X509Certificate } from "node:crypto";
import type { Log } from "../lib/log.ts";
import { issueCertificate, newAuthority, type Pair } from "../x509/issue-certificate.ts";
import { keyPem, newKey } from "../x509/signed.ts";
import { internal, type KeptCertificate, type Vault } from "./vault.ts";

const rootDays = 3650;
/** Its certificates are made anew after two thirds of it, with nobody to ask. */
const days = 30;
/** A root that ends sooner is followed by another one. */
const leastLeft = 2 * days * 86_400_000;

export class LocalAuthority {
  readonly #vault: Vault;
  readonly #log: Log;
  /** Of several certificates that are made at the same time the first one makes it. */
  #making: Promise<Pair> | undefined;

  constructor(vault: Vault, log: Log) {
    this.#vault = vault;
    this.#log = log;
  }

  async issue(names: readonly string[], keyType: "ec" | "rsa"): Promise<KeptCertificate> {
    const root = await this.#root();
    const key = newKey(keyType);
    const chain = issueCertificate(root, { names, key, days });
    return this.#vault.keepCertificate(internal, { chain, key: keyPem(key), names });
  }

  async #root(): Promise<Pair> {
    const known = this.#vault.authority();
    if (known !== undefined && isUsable(known)) return known;
    this.#making ??= this.#make().finally(() => (this.#making = undefined));
    return this.#making;
  }

  async #make(): Promise<Pair> {
    const root = newAuthority({ name: `Tidegate on ${hostname()}`, days: rootDays });
    await this.#vault.keepAuthority(root);
    this.#log.warn("an authority of our own was made; clients trust it after tidegate trust");
    return root;
  }
}

/** False also for what was damaged on the disk. */
function isUsable({ cert, key }: Pair): boolean {
  try {
    const root = new X509Certificate(cert);
    const left = root.validToDate.getTime() - Date.now();
    return left > leastLeft && root.checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}
