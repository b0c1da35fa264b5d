// URLs of backends as Hipache understands them, which is not much: host and port, and port 80 unless another is
// written, whatever the scheme. Paths are ignored, and TLS is not spoken unless the operator said so.

import { parsePort } from "../../config/backend-url.ts";
import type { Backend } from "../../config/service.ts";
import { normaliseHostPattern } from "../../lib/host.ts";

export type BackendAddress =
  | {
      readonly kind: "backend";
      readonly backend: Omit<Backend, "weight" | "tier">;
      /** As Hipache publishes it: with a slash at the end. */
      readonly href: string;
    }
  | { readonly kind: "bad"; readonly why: string; readonly remedy: string };

export interface BackendAddressOptions {
  readonly tlsBackends: boolean;
}

const remedy = "write http://HOST:PORT";

/** A host name has 253 characters; paths are ignored anyway. */
export const longestUrl = 2048;

/** What is shown of it is never its user and password. */
export function parseBackendAddress(
  written: string,
  { tlsBackends }: BackendAddressOptions,
): BackendAddress {
  const text = written.trim();
  if (text.length > longestUrl) return bad("is longer than a URL can be", remedy);
  if (/[\s\p{Cc}]/u.test(text)) return bad("has a space or a control in it", remedy);
  const [, scheme = "", authority = "", rest = ""] =
    /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/is.exec(text) ?? [];
  if (scheme === "") {
    const isNear = /^[\w.-]+(:\d{1,5})?$/.test(text);
    return bad("has no http:// in front of it", isNear ? `write http://${text}` : remedy);
  }
  const place = authority.slice(authority.lastIndexOf("@") + 1);
  const [, name = "", digits] = /^(\[[^\]]*\]|[^:[\]]+)(?::([^:]*))?$/.exec(place) ?? [];
  const host = name.includes("*") || name === "" ? undefined : normaliseHostPattern(name);
  if (host === undefined) return bad("names no host that can be asked", remedy);
  const lower = scheme.toLowerCase();
  const secure = tlsBackends && lower === "https";
  const usual = secure ? 443 : 80;
  const port = digits === undefined || digits === "" ? usual : parsePort(digits);
  if (port === undefined || port === 0) return bad("has no port from 1 to 65535", remedy);
  const colon = digits === undefined || digits === "" ? "" : `:${digits}`;
  const isWeb = lower === "http" || lower === "https";
  const path = rest.startsWith("/") || !isWeb ? rest : `/${rest}`;
  return {
    kind: "backend",
    href: `${lower}://${host}${colon}${path}`,
    backend: {
      url: authority.includes("@") ? `${scheme}://${place}${rest}` : text,
      protocol: "http",
      secure,
      address: { kind: "tcp", host: host.replace(/^\[(.*)\]$/, "$1"), port },
      basePath: "",
      authority: `${host}${colon}`,
    },
  };
}

function bad(why: string, how: string): BackendAddress {
  return { kind: "bad", why, remedy: how };
}
