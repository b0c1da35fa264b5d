// Gives a handshake what the authority says of the certificate (OCSP), for clients that ask for it. Node does that for its own servers
// only, in the middle of the handshake; here it is known before.

import type { TLSSocket } from "node:tls";

/** Before the handshake. Without effect where Node does not have it: clients do without. */
export function stapleTo(socket: TLSSocket, staple: Buffer): void {
  const handle: unknown = Reflect.get(socket, "_handle");
  if (typeof handle !== "object" || handle === null) return;
  const give: unknown = Reflect.get(handle, "setOCSPResponse");
  if (typeof give === "function") Reflect.apply(give, handle, [staple]);
}
