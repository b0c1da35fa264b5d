// What TLS to a backend is opened with, for requests, streams and checks alike, and whether it has one of the keys that it must have.

import { createHash } from "node:crypto";
import { isIP } from "node:net";
import { checkServerIdentity, createSecureContext } from "node:tls";
import type { ConnectionOptions, SecureContext, TLSSocket } from "node:tls";

import type { Backend, BackendTls } from "../config/service.ts";

/** Some 60 kB each. With the system's authorities, and nothing of our own, all services share one. */
const contexts = new WeakMap<BackendTls, SecureContext>();
const plainContexts = new Map<BackendTls["minVersion"], SecureContext>();

export function tlsOptionsOf(
  backend: Backend,
  tls: BackendTls,
  protocols: readonly string[],
): ConnectionOptions {
  const name = expectedName(backend, tls);
  return {
    secureContext: contextOf(tls),
    // An IP address is no server name (RFC 6066 section 3), but the certificate must name it.
    ...(isIP(name) === 0 ? { servername: name } : {}),
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
    rejectUnauthorized: tls.verify,
    ...(protocols.length === 0 ? {} : { ALPNProtocols: [...protocols] }),
  };
}

/** What the backend's certificate must name. */
export function expectedName({ address }: Backend, { serverName }: BackendTls): string {
  return serverName ?? (address.kind === "tcp" ? address.host : "localhost");
}

function contextOf(tls: BackendTls): SecureContext {
  const { ca, client, minVersion } = tls;
  const isPlain = ca === undefined && client === undefined;
  const known = isPlain ? plainContexts.get(minVersion) : contexts.get(tls);
  if (known !== undefined) return known;
  const made = createSecureContext({
    minVersion,
    ...(ca === undefined ? {} : { ca }),
    ...(client === undefined ? {} : { cert: client.certificate, key: client.key }),
  });
  if (isPlain) plainContexts.set(minVersion, made);
  else contexts.set(tls, made);
  return made;
}

/** Where HTTP/2 alone is spoken, a server that passes ALPN over speaks something else. */
export function choiceFault(
  { alpnProtocol }: TLSSocket,
  { http2 }: Backend,
): NodeJS.ErrnoException | undefined {
  if (http2 !== true || alpnProtocol === "h2") return undefined;
  return new Error("it does not speak HTTP/2: it did not choose h2 by ALPN");
}

export const pinDiffers = "TIDEGATE_PIN_DIFFERS";

/**
 * Its own key is looked at, and not those above it: of a chain that nobody checked each may be anybody's.
 * @returns undefined when it is one of them, or any will do
 */
export function pinFault(
  socket: TLSSocket,
  { pins }: BackendTls,
): NodeJS.ErrnoException | undefined {
  // Of a session that is resumed Node knows no certificate. It began under these settings, or it would not have been offered.
  if (pins.length === 0 || socket.isSessionReused()) return undefined;
  const key = socket.getPeerX509Certificate()?.publicKey.export({ type: "spki", format: "der" });
  const found = key === undefined ? "" : createHash("sha256").update(key).digest("base64");
  if (pins.includes(found)) return undefined;
  const shown = found === "" ? "it shows none" : `it is sha256/${found}`;
  return Object.assign(new Error(`its key is none of tls.pins: ${shown}`), { code: pinDiffers });
}
