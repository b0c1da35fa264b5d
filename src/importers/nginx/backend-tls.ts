// `proxy_ssl_*` and `grpc_ssl_*` of nginx as `tls` of a service. nginx checks nobody's certificate unless it is told to.

import type { Outline, Settings } from "../outline.ts";
import { fileOf } from "./files.ts";
import type { Directive, Scope } from "./tree.ts";

/** Of a service that is spoken to in TLS. */
export function backendTlsOf(
  scope: Scope,
  outline: Outline,
  place: Directive,
  protocol: "proxy" | "grpc" = "proxy",
): Settings {
  const one = (key: string) => scope.one(`${protocol}_ssl_${key}`);
  const isVerified = one("verify")?.args[0] === "on";
  const name = one("name")?.args[0] ?? "";
  if (!isVerified) {
    const text =
      "nginx does not check the backend's certificate; take out tls.verify if it is a good one";
    outline.note(text, place);
  }
  const file = (key: string) => fileOf(one(key), outline);
  const ca = isVerified ? file("trusted_certificate") : undefined;
  const cert = file("certificate");
  const key = file("certificate_key") ?? cert;
  const versions = one("protocols")?.args ?? [];
  const tls = {
    ...(isVerified ? {} : { verify: false }),
    ...(ca === undefined ? {} : { ca }),
    ...(/^[\w-]+(\.[\w-]+)*$/.test(name) ? { serverName: name } : {}),
    ...(cert === undefined ? {} : { cert, key }),
    ...(versions.length === 1 && versions[0] === "TLSv1.3" ? { minVersion: "TLSv1.3" } : {}),
  };
  return Object.keys(tls).length === 0 ? {} : { tls };
}
