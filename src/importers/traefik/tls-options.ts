// `tls.options` of Traefik: versions, who is refused, and certificates of clients, which are a lock: what is not understood of
// them keeps everybody out.

import type { Settings } from "../outline.ts";
import { entriesOf, listOf, textOf, valueOf } from "./flat.ts";

export type ClientAuth =
  | { readonly kind: "none" }
  /** As `clientAuth` says it. */
  | { readonly kind: "asked"; readonly settings: Settings }
  | { readonly kind: "unknown"; readonly why: string };

export interface TlsOptions {
  readonly profile: "modern" | "intermediate" | "old";
  readonly isStrict: boolean;
  readonly auth: ClientAuth;
  /** Keys that say what cannot be said here. */
  readonly others: readonly string[];
}

const known = new Set(["minversion", "clientauth", "snistrict", "preferservercipherssuites"]);

/** Of the file's `tls`; undefined = there are none of that name. */
export function tlsOptionsOf(tls: unknown, name: string): TlsOptions | undefined {
  const options = valueOf(valueOf(tls, "options"), name);
  if (options === undefined || options === null) return name === "default" ? usual : undefined;
  const version = textOf(valueOf(options, "minVersion")) ?? "";
  return {
    profile: version.endsWith("13") ? "modern" : /1[01]$/.test(version) ? "old" : "intermediate",
    isStrict: valueOf(options, "sniStrict") === true,
    auth: authOf(valueOf(options, "clientAuth")),
    others: entriesOf(options).flatMap(([key]) => (known.has(key.toLowerCase()) ? [] : [key])),
  };
}

const usual: TlsOptions = {
  profile: "intermediate",
  isStrict: false,
  auth: { kind: "none" },
  others: [],
};

function authOf(auth: unknown): ClientAuth {
  const kind = textOf(valueOf(auth, "clientAuthType")) ?? "NoClientCert";
  if (auth === undefined || auth === null || kind === "NoClientCert") return { kind: "none" };
  const files = listOf(valueOf(auth, "caFiles")).map((each) => textOf(each) ?? "");
  const [ca, ...more] = files;
  const isVerified = kind === "RequireAndVerifyClientCert" || kind === "VerifyClientCertIfGiven";
  if (!isVerified)
    return { kind: "unknown", why: `${kind} takes certificates that nobody verified` };
  if (ca === undefined || !isFile(ca))
    return { kind: "unknown", why: "it names no file with authorities" };
  if (more.length > 0) {
    return { kind: "unknown", why: "put its authorities into one file, which clientAuth can name" };
  }
  const mode = kind === "VerifyClientCertIfGiven" ? { mode: "request" } : {};
  return { kind: "asked", settings: { ca, ...mode } };
}

/** Traefik takes PEM texts in their place. */
export function isFile(text: string): boolean {
  return text !== "" && !/[\p{Cc}]|-----BEGIN/u.test(text);
}
