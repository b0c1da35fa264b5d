// `ssl_verify_client` of nginx. It is a lock: where it cannot be carried over as it is, nobody comes in.
//
// Ours are said by host name, and hold for TLS alone. So a server without a name, or with patterns, cannot have them unless
// all have the same; and what was there by https alone must not be there in the clear.

import { isDeepStrictEqual } from "node:util";
import { isCertificateTest } from "./conditions.ts";
import type { Outline, Settings } from "../outline.ts";
import { fileOf } from "./files.ts";
import type { Server } from "./server.ts";
import type { Scope } from "./tree.ts";

export type ClientAuth =
  | { readonly kind: "none" }
  /** As `clientAuth` says it. */
  | { readonly kind: "asked"; readonly settings: Settings }
  | { readonly kind: "unknown"; readonly why: string };

export function clientAuthOf(scope: Scope, outline: Outline): ClientAuth {
  const verify = scope.one("ssl_verify_client")?.args[0] ?? "off";
  if (verify === "off") return { kind: "none" };
  if (verify === "optional_no_ca") {
    const why = "ssl_verify_client optional_no_ca: the application decides about certificates";
    return { kind: "unknown", why };
  }
  if (verify !== "on" && verify !== "optional") {
    return { kind: "unknown", why: "ssl_verify_client: this value is not known" };
  }
  if (!["off", undefined].includes(scope.one("ssl_ocsp")?.args[0])) {
    const why = "ssl_ocsp: authorities are not asked about certificates of clients; use ssl_crl";
    return { kind: "unknown", why };
  }
  const ca = fileOf(
    scope.one("ssl_client_certificate") ?? scope.one("ssl_trusted_certificate"),
    outline,
  );
  if (ca === undefined) {
    return { kind: "unknown", why: "ssl_verify_client: who signs certificates is not said" };
  }
  const list = scope.one("ssl_crl");
  const crl = fileOf(list, outline);
  if (list !== undefined && crl === undefined) {
    return { kind: "unknown", why: "ssl_crl: who was revoked is not known" };
  }
  const settings = {
    ca,
    ...(crl === undefined ? {} : { crl }),
    ...(verify === "on" || scope.own("if").some(isCertificateTest) ? {} : { mode: "request" }),
  };
  return { kind: "asked", settings };
}

export interface Locked {
  readonly servers: readonly Server[];
  /** What all with TLS ask for, as their listeners say it; undefined = it is said by host, or not at all. */
  readonly common: Settings | undefined;
}

/** Those that clients need a certificate for, with what is closed because that cannot be said. */
export function withClientAuth(servers: readonly Server[], outline: Outline): Locked {
  const secure = servers.filter(({ listens }) => listens.some(({ isSecure }) => isSecure));
  const auths = new Map(
    secure.map((server) => [server, clientAuthOf(server.scope, outline)] as const),
  );
  const [first, ...others] = auths.values();
  const isSame = first?.kind === "asked" && others.every((each) => isDeepStrictEqual(each, first));
  const common = isSame ? first.settings : undefined;
  const askedFirst = askedFirstOf(auths);
  return {
    common,
    servers: servers.map((server) => {
      const auth = auths.get(server) ?? { kind: "none" };
      if (auth.kind === "none") return server;
      if (auth.kind === "unknown") return shutBy(server, auth.why, outline);
      const { hosts, patterns } = server.names;
      const asked = { ...server, clientAuth: auth.settings };
      if (common !== undefined) return asked;
      if (patterns.length > 0 || hosts.length === 0) {
        const why =
          "ssl_verify_client: certificates of clients are asked for by host name, and this server has patterns or none";
        return shutBy(server, why, outline);
      }
      if (hosts.some((host) => !isDeepStrictEqual(askedFirst.get(host), auth.settings))) {
        const why = "ssl_verify_client: another server asks otherwise by the same name";
        return shutBy(server, why, outline);
      }
      if (!server.isDefault) return asked;
      const text =
        "ssl_verify_client: of names that nobody has no certificate can be asked for, so these do not come here";
      outline.note(text, server.directive);
      return { ...asked, isDefault: false };
    }),
  };
}

/** By name, which of several servers says it: a port has no check of its own. */
function askedFirstOf(auths: ReadonlyMap<Server, ClientAuth>): Map<string, Settings> {
  const found = new Map<string, Settings>();
  for (const [{ names }, auth] of auths) {
    if (auth.kind !== "asked") continue;
    for (const host of names.hosts) if (!found.has(host)) found.set(host, auth.settings);
  }
  return found;
}

function shutBy(server: Server, why: string, outline: Outline): Server {
  const place = server.scope.one("ssl_verify_client") ?? server.directive;
  outline.note(`${why}; what it protects is closed, and answers 503`, place);
  return { ...server, shut: "certificates of clients cannot be asked for as they were." };
}
