// Certificates that are had by themselves: from what the file says to settings that are complete. Whoever writes `tls: auto` and
// nothing else gets them from Let's Encrypt.

import type { AcmeInput, AuthorityInput, OnDemandInput } from "./acme-schema.ts";
import { knownAuthorities } from "./acme-schema.ts";
import type { AcmeSettings, AuthoritySettings, OnDemandSettings } from "./acme-settings.ts";
import { normaliseHostPattern } from "../lib/host.ts";
import { report } from "./context.ts";
import type { Context } from "./context.ts";
import { acmeLimits } from "./acme-limits.ts";
import { authoritiesOf, textOf } from "./pem.ts";
import type { Path } from "./problem.ts";
import { resolveDns } from "./resolve-acme-dns.ts";

const base: Path = ["tls", "acme"];

export function resolveAcme(context: Context, input: AcmeInput | undefined): AcmeSettings {
  const path = [...base, "authority"];
  const written = input?.authority ?? ["letsencrypt"];
  const authorities = written.map((each, index) =>
    authorityOf(context, each, input?.authority === undefined ? ["tls"] : [...path, index]),
  );
  const known = new Set(authorities.map(({ directory }) => directory));
  if (known.size < authorities.length) {
    report(context, path, { message: "names one twice", remedy: "leave out one of them" });
  }
  const dns = input?.dns === undefined ? undefined : resolveDns(context, input.dns);
  const challenges = input?.challenges ?? (["http-01", "tls-alpn-01", "dns-01"] as const);
  if (input?.challenges?.includes("dns-01") === true && dns === undefined) {
    const message = "dns-01 needs somebody who changes the DNS";
    report(context, [...base, "challenges"], {
      message,
      remedy: "add dns: { hook: PROGRAM }",
    });
  }
  return {
    isSaid: input !== undefined,
    contact: (input?.email ?? []).map((each) => `mailto:${each}`),
    authorities,
    challenges: [...new Set(challenges)],
    dns,
    keyType: input?.keyType ?? "ec",
    onDemand: input?.onDemand === undefined ? undefined : onDemandOf(context, input.onDemand),
  };
}

/** Anybody can ask for any name below a star, until the authority signs nothing more for us. */
function onDemandOf(context: Context, { hosts = [], ask }: OnDemandInput): OnDemandSettings {
  const path = [...base, "onDemand"];
  const known = hosts.flatMap((each) => {
    const name = normaliseHostPattern(each);
    if (name !== undefined && name !== "*") return [name];
    const remedy = 'write a name, or "*.NAME" for every name below';
    const message = `${JSON.stringify(each)} is not a host name`;
    report(context, [...path, "hosts"], { message, remedy });
    return [];
  });
  const isOpen = hosts.length === 0 || known.some((each) => each.startsWith("*."));
  if (isOpen && ask === undefined) {
    const message = "anybody could have certificates made for any name";
    const remedy = "add ask: URL of a program that says which names may have one";
    report(context, path, { message, remedy, at: "key" });
  }
  return { hosts: known, ask };
}

function authorityOf(context: Context, written: AuthorityInput, path: Path): AuthoritySettings {
  const input = typeof written === "string" ? { directory: written } : written;
  const found = knownAuthorities.get(input.directory);
  const directory = found?.directory ?? input.directory;
  const ca = input.ca === undefined ? undefined : authoritiesOf(context, input.ca, [...path, "ca"]);
  const { eab } = input;
  const hmacKey =
    eab === undefined
      ? undefined
      : textOf(context, eab.keyFile, [...path, "eab", "keyFile"], acmeLimits.keyFileBytes)?.trim();
  if (input.directory === "zerossl" && eab === undefined) {
    const remedy = "write { directory: zerossl, eab: { keyId: …, keyFile: … } }";
    report(context, path, { message: "ZeroSSL only serves its customers", remedy });
  }
  return {
    directory,
    who: found?.who ?? new URL(directory).host,
    place: context.originOf(path).place,
    ca,
    binding: eab === undefined || hmacKey === undefined ? undefined : { keyId: eab.keyId, hmacKey },
    profile: input.profile,
    preferredChain: input.preferredChain,
  };
}
