// TLS on an accepted connection whose hello was read already, as Node's own server would put it there.

import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

import type { Shown } from "./chooser.ts";
import { stapleTo } from "./staple.ts";

/**
 * @param received what the client has sent so far
 * @param protocols the first of the client's that is among them is agreed on; empty = nothing is said of it
 */
export function serverSocket(
  accepted: Socket,
  { context, options: { clientAuth }, staple }: Shown,
  received: Buffer,
  protocols: readonly string[],
): TLSSocket {
  // TLS reads them first. Were the socket resumed instead, it would give them out itself.
  accepted.unshift(received);
  const secure = new TLSSocket(accepted, {
    isServer: true,
    secureContext: context,
    requestCert: clientAuth !== undefined,
    rejectUnauthorized: clientAuth?.mode === "require",
    ...(protocols.length === 0 ? {} : { ALPNProtocols: [...protocols] }),
  });
  if (staple !== undefined) stapleTo(secure, staple);
  // What cannot be read once the handshake is done ends it. Node says so to its own servers only, and closes nothing.
  secure.on("_tlsError", () => secure.destroy());
  return secure;
}
