// The connection of a check: to the backend's address or to the port the check names, plain, TLS or unix
// socket, as the connections of requests are made. It is closed with its attempt.

import { connect as connectPlain, isIP, type Socket } from "node:net";
import { checkServerIdentity, connect as connectTls, type ConnectionOptions } from "node:tls";
import { type Attempt, type ProbeTarget, quote } from "./attempt.ts";
import { faultText } from "./fault-text.ts";

/**
 * @param protocols offered by ALPN when it is TLS; none = the extension is not sent
 * @param onOpen TLS is done as well then
 */
export function openSocket(
  attempt: Attempt,
  protocols: readonly string[],
  onOpen: (socket: Socket) => void,
): Socket {
  const { target } = attempt;
  const { backend } = target;
  const where = whereOf(target);
  const socket = backend.secure
    ? connectTls({ ...where, ...tlsOptions(target, protocols) })
    : connectPlain(where);
  let isOpen = false;
  attempt.onEnd(() => socket.destroy());
  socket.once(backend.secure ? "secureConnect" : "connect", () => {
    if (attempt.isOver) return;
    isOpen = true;
    socket.setNoDelay(true);
    try {
      onOpen(socket);
    } catch (error) {
      // Node refuses some settings only when they are used: a header with a line end, say.
      attempt.bad(`cannot be checked: ${quote(String(error))}`);
    }
  });
  const { address } = backend;
  if (address.kind === "tcp" && isIP(address.host) === 0) {
    attempt.waitsFor = `address of the name ${address.host}`;
    socket.once("lookup", () => (attempt.waitsFor = "connection"));
  }
  if (backend.secure) socket.once("connect", () => (attempt.waitsFor = "end of the TLS handshake"));
  socket.on("error", (error) => attempt.bad(faultText(error, backend, isOpen)));
  // Afterwards those who use it know better what its end means.
  socket.once("close", () => {
    if (!isOpen) attempt.bad("closed the connection");
  });
  return socket;
}

/** What the Host field says unless the check names another one. */
export function authorityOf({ backend, check }: ProbeTarget): string {
  const { address, authority } = backend;
  if (check.port === undefined || address.kind === "unix") return authority;
  return `${isIP(address.host) === 6 ? `[${address.host}]` : address.host}:${check.port}`;
}

function whereOf({ backend, check, lookup }: ProbeTarget) {
  const { address } = backend;
  if (address.kind === "unix") return { path: address.path };
  return { host: address.host, port: check.port ?? address.port, lookup };
}

function tlsOptions(
  { backend, tls }: ProbeTarget,
  protocols: readonly string[],
): ConnectionOptions {
  const host = backend.address.kind === "tcp" ? backend.address.host : "localhost";
  const name = tls.serverName ?? host;
  return {
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(protocols.length === 0 ? {} : { ALPNProtocols: [...protocols] }),
    // An IP address is no server name (RFC 6066 section 3), but the certificate must name it.
    ...(isIP(name) === 0 ? { servername: name } : {}),
    checkServerIdentity: (_, certificate) => checkServerIdentity(name, certificate),
    rejectUnauthorized: tls.verify,
    minVersion: "TLSv1.2",
  };
}
