// What servers of nginx say of TLS, as our `tls`: certificates, versions, certificates of clients, and who is refused. nginx has
// a certificate for each server; ours are found by the names in them.

import { certificateName } from "../certificate-name.ts";
import type { Outline, Settings } from "../outline.ts";
import { fileOf } from "./files.ts";
import type { Locked } from "./client-auth.ts";
import type { Server } from "./server.ts";
import type { Directive, Scope } from "./tree.ts";

/** Does it refuse to speak TLS? */
export function isRejecting(scope: Scope): boolean {
  return scope.one("ssl_reject_handshake")?.args[0] === "on";
}

export interface Streams {
  /** Of servers that end TLS of connections. */
  readonly certificates: readonly Settings[];
}

/** `servers` with TLS, `streams` beside them; `around` is what all of them are in. */
export function addTls(
  { servers, common }: Locked,
  streams: Streams,
  { around, isStrict, outline }: { around: Scope; isStrict: boolean; outline: Outline },
): void {
  const secure = servers.filter(({ listens }) => listens.some(({ isSecure }) => isSecure));
  const found = secure.flatMap((server) => certificatesOf(server.scope, server, outline));
  const all = [...found, ...streams.certificates].map((each) => JSON.stringify(each));
  const certificates = [...new Set(all)].map((each): unknown => JSON.parse(each));
  const profile = commonProfile(secure, around);
  const hosts = hostsOf(secure, { common, profile, outline });
  const first = secure.find(({ listens }) =>
    listens.some(({ isSecure, isDefault }) => isSecure && isDefault),
  );
  const usual = first ?? secure[0];
  const [own] = usual?.names.hosts.filter((each) => !each.startsWith("*")) ?? [];
  const shown = fileOf(usual?.scope.one("ssl_certificate"), outline);
  const name = (shown === undefined ? undefined : certificateName(shown)) ?? own;
  const tls = {
    ...(certificates.length === 0 ? {} : { certificates }),
    ...(name === undefined || isStrict ? {} : { default: name }),
    ...(isStrict ? { strict: true } : {}),
    ...(profile === "intermediate" ? {} : { profile }),
    ...(hosts.length === 0 ? {} : { hosts: Object.fromEntries(hosts) }),
  };
  if (Object.keys(tls).length > 0) outline.set("tls", tls);
}

/** As `tls.certificates` lists them: one of ECDSA and one of RSA may stand side by side. */
export function certificatesOf(
  scope: Scope,
  { directive, shut }: { readonly directive: Directive; readonly shut?: string | undefined },
  outline: Outline,
): Settings[] {
  const certs = scope.all("ssl_certificate");
  const keys = scope.all("ssl_certificate_key");
  if (certs.length === 0 && shut === undefined) {
    outline.note("it names no certificate; add one to tls.certificates", directive);
  }
  return certs.flatMap((each, index) => {
    const cert = fileOf(each, outline);
    const key = fileOf(keys[index], outline) ?? cert;
    if (cert === undefined) return [];
    return [key === cert ? { cert } : { cert, key }];
  });
}

function hostsOf(
  secure: readonly Server[],
  { common, profile, outline }: { common: Settings | undefined; profile: string; outline: Outline },
): (readonly [string, Settings])[] {
  const found = new Map<string, Settings>();
  for (const { scope, names, clientAuth } of secure) {
    const own = profileOf(scope);
    tellProfile(scope, own, outline);
    const settings = {
      ...(own === profile ? {} : { profile: own }),
      ...(clientAuth === undefined || common !== undefined ? {} : { clientAuth }),
    };
    if (Object.keys(settings).length === 0) continue;
    // A name at two ports: what keeps people out of one of them stays.
    for (const host of names.hosts) found.set(host, { ...settings, ...found.get(host) });
  }
  return [...found];
}

type Profile = "modern" | "intermediate" | "old";

function profileOf(scope: Scope): Profile {
  const versions = versionsOf(scope);
  if (versions.some((each) => /^(SSLv[23]|TLSv1(\.[01])?)$/.test(each))) return "old";
  return versions.length === 1 && versions[0] === "TLSv1.3" ? "modern" : "intermediate";
}

function versionsOf(scope: Scope): readonly string[] {
  return scope.one("ssl_protocols")?.args ?? [];
}

function commonProfile(secure: readonly Server[], around: Scope): Profile {
  if (around.one("ssl_protocols") !== undefined) return profileOf(around);
  const [only = "intermediate", ...others] = new Set(secure.map(({ scope }) => profileOf(scope)));
  return others.length === 0 ? only : "intermediate";
}

function tellProfile(scope: Scope, profile: Profile, outline: Outline): void {
  const directive = scope.one("ssl_protocols");
  if (directive === undefined) return;
  const versions = versionsOf(scope);
  const isExact = profile === "modern" || (versions.includes("TLSv1.3") && profile !== "old");
  if (isExact) return;
  const text =
    profile === "old"
      ? "profile: old speaks TLS 1.0 to 1.3, and no SSL; take it out where no client is older than ten years"
      : "TLS 1.3 is spoken beside 1.2";
  outline.note(`ssl_protocols ${versions.join(" ")}: ${text}`, directive);
}
