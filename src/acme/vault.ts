// What must outlive the program, so that nothing is ordered twice: accounts, orders under way, certificates with their keys, when
// who may be asked again. It comes from a disk, or from other nodes of a fleet, and may be damaged: what cannot be read counts
// as absent, one by one.

import { createHash, createPrivateKey } from "node:crypto";
import { acmeLimits as limits } from "../config/acme-limits.ts";
import type { Certificate } from "../config/certificate.ts";
import { isRecord, listAt, recordAt, textAt } from "../lib/json.ts";
import { readBundle } from "../x509/bundle.ts";
import type { AccountState } from "./account.ts";
import { endOf, isEarly, type Wait, type Window } from "./schedule.ts";
import type { Shelf } from "./shelf.ts";

export interface KeptCertificate {
  readonly certificate: Certificate;
  /** Who made it: the address of its directory; "internal" = we did. */
  readonly directory: string;
  readonly issuer: string;
  readonly ariId: string | undefined;
  /** By our clock, ms since 1970. */
  readonly madeAt: number;
}

/** An order before it is done. Its key is on the disk before anybody is asked for a certificate of it. */
export interface OrderRecord {
  readonly names: readonly string[];
  readonly directory: string;
  readonly keyPem: string;
  /** ms since 1970 */
  readonly begunAt: number;
  /** undefined = not placed, or of no use any more. */
  readonly url?: string;
}

export interface RenewalWindow extends Window {
  readonly askAgainAt: number;
  /** For people: a page. */
  readonly explanation: string | undefined;
}

/** A name on demand, and when a client asked for it last. */
export interface AskedName {
  readonly name: string;
  /** ms since 1970 */
  readonly askedAt: number;
}

/** PEM texts, and what was asked for. */
export interface Made {
  readonly chain: string;
  readonly key: string;
  readonly names: readonly string[];
}

export const internal = "internal";

export class Vault {
  readonly #shelf: Shelf;
  /** By its text: what did not change is the same object, which is not sent to workers again. */
  #read = new Map<string, KeptCertificate | undefined>();

  constructor(shelf: Shelf) {
    this.#shelf = shelf;
  }

  /** The latest first; what is not valid, by our clock, comes last. */
  certificates(now = Date.now()): readonly KeptCertificate[] {
    const read = new Map<string, KeptCertificate | undefined>();
    for (const [name, text] of this.#shelf.texts) {
      if (!name.startsWith("certificates/")) continue;
      const known = this.#read.has(text) ? this.#read.get(text) : readCertificate(text);
      read.set(text, known);
    }
    this.#read = read;
    const all = [...read.values()].filter((each) => each !== undefined);
    return all.toSorted(
      (one, other) =>
        Number(isUseless(one.certificate, now)) - Number(isUseless(other.certificate, now)) ||
        timeOf(other) - timeOf(one) ||
        other.certificate.notBefore - one.certificate.notBefore ||
        (one.certificate.id < other.certificate.id ? -1 : 1),
    );
  }

  /** @returns what it is; throws when it is none, or cannot be kept */
  async keepCertificate(directory: string, { chain, key, names }: Made): Promise<KeptCertificate> {
    const text = JSON.stringify({ directory, madeAt: Date.now(), names, chain, key });
    const found = readCertificate(text);
    if (found === undefined) throw new Error("what was made cannot be used as a certificate");
    await this.#shelf.put("certificates", found.certificate.id, text);
    return found;
  }

  async forgetCertificate(id: string): Promise<void> {
    await this.#shelf.remove("certificates", id);
    await this.#shelf.remove("windows", id);
  }

  window(id: string): RenewalWindow | undefined {
    const value = this.#value("windows", id);
    const [start, end, askAgainAt] = [
      numberAt(value, "start"),
      numberAt(value, "end"),
      numberAt(value, "askAgainAt"),
    ];
    if (start === undefined || end === undefined || askAgainAt === undefined) return undefined;
    return { start, end, askAgainAt, explanation: textAt(value, "explanation") || undefined };
  }

  async keepWindow(id: string, window: RenewalWindow): Promise<void> {
    await this.#shelf.put("windows", id, JSON.stringify(window));
  }

  account(directory: string, keyId: string | undefined): AccountState | undefined {
    const value = this.#value("accounts", accountId(directory, keyId));
    const keyPem = textAt(value, "keyPem");
    if (!isKey(keyPem)) return undefined;
    const url = textAt(value, "url");
    const nextKeyPem = textAt(value, "nextKeyPem");
    const contact = listAt(value, "contact").filter((each) => typeof each === "string");
    return {
      keyPem,
      ...(URL.canParse(url) ? { url, contact } : {}),
      ...(nextKeyPem === "" ? {} : { nextKeyPem }),
    };
  }

  async keepAccount(
    directory: string,
    keyId: string | undefined,
    state: AccountState,
  ): Promise<void> {
    const text = JSON.stringify({ directory, ...state });
    await this.#shelf.put("accounts", accountId(directory, keyId), text);
  }

  order(id: string): OrderRecord | undefined {
    const value = this.#value("orders", id);
    const names = listAt(value, "names").filter((each) => typeof each === "string");
    const [directory, keyPem, url] = [
      textAt(value, "directory"),
      textAt(value, "keyPem"),
      textAt(value, "url"),
    ];
    if (names.length === 0 || !isKey(keyPem)) return undefined;
    const begunAt = numberAt(value, "begunAt") ?? 0;
    return { names, directory, keyPem, begunAt, ...(url === "" ? {} : { url }) };
  }

  async keepOrder(id: string, record: OrderRecord): Promise<void> {
    await this.#shelf.put("orders", id, JSON.stringify(record));
  }

  async forgetOrder(id: string): Promise<void> {
    await this.#shelf.remove("orders", id);
  }

  /** By directory. */
  waits(id: string): ReadonlyMap<string, Wait> {
    const value = this.#value("waits", id);
    if (!isRecord(value)) return new Map();
    return new Map(
      Object.entries(value).flatMap(([directory, each]): [string, Wait][] => {
        const [failures, at, wait] = [
          numberAt(each, "failures"),
          numberAt(each, "at"),
          numberAt(each, "wait"),
        ];
        if (failures === undefined || at === undefined || wait === undefined) return [];
        const isLimit = recordAt({ each }, "each")["isLimit"] === true;
        const refused = listAt(each, "refused").filter((name) => typeof name === "string");
        const why = textAt(each, "why");
        return [[directory, { failures, at, wait, isLimit, why, refused }]];
      }),
    );
  }

  /** What cannot be kept holds until the program ends. */
  async keepWaits(id: string, waits: ReadonlyMap<string, Wait>): Promise<void> {
    if (waits.size > 0)
      await this.#shelf.put("waits", id, JSON.stringify(Object.fromEntries(waits)));
    else if (this.#shelf.texts.has(`waits/${id}`)) await this.#shelf.remove("waits", id);
  }

  /** What was in work for names that nobody wants any more, once it is of no use even if they come back. */
  async forgetOld(wanted: ReadonlySet<string>, now: number): Promise<void> {
    for (const name of [...this.#shelf.texts.keys()]) {
      const [kind = "", id = ""] = name.split("/");
      if (wanted.has(id)) continue;
      if (
        kind === "waits" &&
        [...this.waits(id).values()].every((each) => endOf(each, now) === 0)
      ) {
        await this.#shelf.remove(kind, id);
      }
      const begunAt = kind === "orders" ? (this.order(id)?.begunAt ?? 0) : now;
      if (Math.abs(now - begunAt) > limits.orderAge) await this.#shelf.remove("orders", id);
    }
  }

  askedNames(): readonly AskedName[] {
    return [...this.#shelf.texts.keys()].flatMap((name) => {
      const [kind, id = ""] = name.split("/");
      return kind === "asked" ? (this.askedName(id) ?? []) : [];
    });
  }

  askedName(id: string): AskedName | undefined {
    const value = this.#value("asked", id);
    const [name, askedAt] = [textAt(value, "name"), numberAt(value, "askedAt")];
    return name === "" || askedAt === undefined ? undefined : { name, askedAt };
  }

  async keepAskedName(id: string, asked: AskedName): Promise<void> {
    await this.#shelf.put("asked", id, JSON.stringify(asked));
  }

  async forgetAskedName(id: string): Promise<void> {
    await this.#shelf.remove("asked", id);
  }

  /** Our own authority. */
  authority(): { readonly cert: string; readonly key: string } | undefined {
    const value = this.#value("authority", "root");
    const [cert, key] = [textAt(value, "cert"), textAt(value, "key")];
    return cert === "" || key === "" ? undefined : { cert, key };
  }

  async keepAuthority(pair: { readonly cert: string; readonly key: string }): Promise<void> {
    await this.#shelf.put("authority", "root", JSON.stringify(pair));
  }

  #value(kind: string, id: string): unknown {
    const text = this.#shelf.texts.get(`${kind}/${id}`);
    if (text === undefined) return undefined;
    try {
      return JSON.parse(text);
    } catch {
      return undefined; // damaged: as good as not there
    }
  }
}

function accountId(directory: string, keyId: string | undefined): string {
  const text = JSON.stringify([directory, keyId ?? null]);
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

/** What is kept about an authority as a whole stands under this in the place of names. */
export function authorityId(directory: string): string {
  return `a-${createHash("sha256").update(directory).digest("hex").slice(0, 32)}`;
}

function readCertificate(text: string): KeptCertificate | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const directory = textAt(value, "directory");
    const { pairs } = readBundle(`${textAt(value, "chain")}\n${textAt(value, "key")}`);
    const [pair] = pairs;
    if (pair === undefined) return undefined;
    const { facts, cert, key } = pair;
    const { fingerprint: id, notBefore, notAfter, issuer, ariId } = facts;
    // What an authority adds of its own is nobody's wish, and may be somebody else's name.
    const asked = new Set(listAt(value, "names"));
    const names = facts.names.filter((each) => asked.size === 0 || asked.has(each));
    if (names.length === 0) return undefined;
    const kind = facts.keyType === "rsa" ? "rsa" : "ec";
    const place = directory === internal ? internal : `acme ${hostOf(directory)}`;
    const origin = { provider: "acme", place };
    const certificate: Certificate = {
      ...{ id, origin, names, chain: cert, key, kind, notBefore, notAfter, staple: undefined },
    };
    const madeAt = numberAt(value, "madeAt") ?? 0;
    return { certificate, directory, issuer, ariId, madeAt };
  } catch {
    return undefined; // damaged
  }
}

/** When it was made: by our clock, as far as the maker's allows. Makers date back, each otherwise, so theirs tells no more. */
function timeOf({ certificate: { notBefore }, madeAt }: KeptCertificate): number {
  return Math.min(Math.max(madeAt, notBefore), notBefore + limits.datedBack);
}

function isUseless(certificate: Certificate, now: number): boolean {
  return isEarly(certificate, now) || certificate.notAfter <= now;
}

function isKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).type === "private";
  } catch {
    return false; // damaged
  }
}

function hostOf(directory: string): string {
  return URL.canParse(directory) ? new URL(directory).host : directory;
}

function numberAt(value: unknown, key: string): number | undefined {
  const found = isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return typeof found === "number" && Number.isFinite(found) ? found : undefined;
}
