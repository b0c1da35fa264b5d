// Whether the client's certificate is good. Node looks at it for its own servers only; what OpenSSL found is asked for here.

import type { TLSSocket } from "node:tls";
import type { ClientAuth } from "../config/tls-settings.ts";

/**
 * After the handshake. Without a certificate it depends on what is wanted; with one that is no good the answer is no.
 * @returns why the client is refused; undefined = it is not
 */
export function peerFault(socket: TLSSocket, { mode }: ClientAuth): string | undefined {
  if (socket.getPeerX509Certificate() === undefined) {
    return mode === "request" ? undefined : "it shows no certificate";
  }
  const verdict = verdictOf(socket);
  return verdict === undefined ? undefined : `its certificate is not accepted: ${verdict}`;
}

/** undefined = it is good. Whatever cannot be asked is not. */
function verdictOf(socket: TLSSocket): string | undefined {
  const handle: unknown = Reflect.get(socket, "_handle");
  if (typeof handle !== "object" || handle === null) return "the connection is closed";
  const ask: unknown = Reflect.get(handle, "verifyError");
  if (typeof ask !== "function") return "it cannot be checked";
  const verdict: unknown = Reflect.apply(ask, handle, []);
  if (verdict === null) return undefined;
  return verdict instanceof Error ? verdict.message : "it is no good";
}
