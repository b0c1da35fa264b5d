// The global options of a Caddyfile, as far as they say something of TLS and ports.

import type { Directive } from "../../providers/labels/caddy-tree.ts";
import type { AcmeDraft } from "../acme-draft.ts";
import type { Outline } from "../outline.ts";

export interface CaddyOptions {
  readonly plainPort: number;
  readonly securePort: number;
  /** No certificates are had by themselves. */
  readonly isOff: boolean;
  readonly hasRedirects: boolean;
  /** All certificates are of an authority of its own. */
  readonly isLocal: boolean;
  /** Who is asked whether a name may have one; "" = nobody. */
  readonly ask: string;
  /** Whose certificate is shown for names that nobody has; "" = none's. */
  readonly defaultName: string;
}

const silent = new Set([
  ...["default_bind", "admin", "debug", "skip_install_trust", "ocsp_stapling", "grace_period"],
  ...["email", "acme_ca", "acme_ca_root", "auto_https", "http_port", "https_port", "local_certs"],
  ...["on_demand_tls", "default_sni", "fallback_sni", "key_type", "shutdown_delay"],
]);

const said = new Map([
  ["acme_dns", "who changes the DNS is said in tls.acme.dns"],
  [
    "acme_eab",
    "write its key into a file, and tls.acme.authority: { directory, eab: { keyId, keyFile } }",
  ],
  ["cert_issuer", "say tls.acme.authority"],
  ["preferred_chains", "say preferredChain in tls.acme.authority"],
  ["storage", "certificates are had anew; what is in its storage may be named in tls.certificates"],
]);

export function optionsOf(
  directives: readonly Directive[],
  acme: AcmeDraft,
  outline: Outline,
): CaddyOptions {
  for (const { name, label } of directives) {
    if (silent.has(name)) continue;
    const text = said.get(name) ?? "options of Caddy itself are not carried over";
    outline.note(`${label}: ${name}: ${text}`);
  }
  const find = (name: string) => directives.findLast((each) => each.name === name);
  const first = (name: string) => find(name)?.args[0] ?? "";
  if (first("email") !== "") acme.email(first("email"));
  const root = first("acme_ca_root");
  if (first("acme_ca") !== "") acme.authority(first("acme_ca"), root === "" ? undefined : root);
  if (first("key_type").startsWith("rsa")) acme.set("keyType", "rsa");
  const automatic = find("auto_https")?.args ?? [];
  const asking = find("on_demand_tls");
  for (const { name, label } of asking?.below ?? []) {
    if (name === "ask") continue;
    outline.note(`${label}: on_demand_tls ${name}: is not carried over`);
  }
  return {
    plainPort: portOf(first("http_port")) ?? 80,
    securePort: portOf(first("https_port")) ?? 443,
    isOff: automatic.includes("off") || automatic.includes("disable_certs"),
    hasRedirects: !automatic.includes("off") && !automatic.includes("disable_redirects"),
    isLocal: find("local_certs") !== undefined,
    ask: asking?.below.find(({ name }) => name === "ask")?.args[0] ?? "",
    defaultName: first("default_sni") || first("fallback_sni"),
  };
}

function portOf(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}
