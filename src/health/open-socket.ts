// The connection of a check: to the backend's address or to the port the check names, plain, TLS or unix
// socket, as the connections of requests are made. It is closed with its attempt.

import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as connectTls, TLSSocket } from "node:tls";
import type { Attempt, ProbeTarget } from "./attempt.ts";
import { quote } from "../lib/quote.ts";
import { pinFault, tlsOptionsOf } from "../upstream/backend-tls.ts";
import { reachSocket } from "../upstream/guest-socket.ts";
import { faultText } from "./fault-text.ts";

/**
 * @param protocols offered by ALPN when it is TLS; none = the extension is not sent
 * @param onOpen TLS is done as well then
 */
export function openSocket(
  attempt: Attempt,
  protocols: readonly string[],
  onOpen: (socket: Socket) => void,
): void {
  const { address } = attempt.target.backend;
  if (address.kind === "tcp" || address.guest === undefined) {
    openAt(attempt, protocols, whereOf(attempt.target), onOpen);
  } else {
    void openInGuest(attempt, protocols, { guest: address.guest, path: address.path }, onOpen);
  }
}

/** The socket of a container is found first, and held until it is connected to, or the check is over. */
async function openInGuest(
  attempt: Attempt,
  protocols: readonly string[],
  { guest, path }: { readonly guest: string; readonly path: string },
  onOpen: (socket: Socket) => void,
): Promise<void> {
  const { guests, check } = attempt.target;
  if (guests === undefined) return attempt.bad(`nobody knows where ${guest} is`);
  const reached = await reachSocket(guests, guest, path, check.timeout);
  if (reached.kind === "failed") return attempt.bad(quote(reached.cause.message));
  const { socket: held } = reached;
  attempt.onEnd(() => held.release());
  if (attempt.isOver) return;
  try {
    openAt(attempt, protocols, { path: held.path }, (socket) => {
      held.release();
      onOpen(socket);
    });
  } catch (error) {
    attempt.bad(`cannot be checked: ${quote(String(error))}`);
  }
}

type Place = ReturnType<typeof whereOf>;

function openAt(
  attempt: Attempt,
  protocols: readonly string[],
  where: Place,
  onOpen: (socket: Socket) => void,
): void {
  const { target } = attempt;
  const { backend, tls } = target;
  const offered = protocols.length === 0 ? tls.alpn : protocols;
  // No session is resumed: a check shows the certificate that the backend has now.
  const socket = backend.secure
    ? connectTls({ ...where, ...tlsOptionsOf(backend, tls, offered) })
    : connectPlain(where);
  let isOpen = false;
  attempt.onEnd(() => socket.destroy());
  socket.once(backend.secure ? "secureConnect" : "connect", () => {
    if (attempt.isOver) return;
    const fault = socket instanceof TLSSocket ? pinFault(socket, tls) : undefined;
    if (fault !== undefined) return attempt.bad(faultText(fault, target, isOpen));
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
  socket.on("error", (error) => attempt.bad(faultText(error, target, isOpen)));
  // Afterwards those who use it know better what its end means.
  socket.once("close", () => {
    if (!isOpen) attempt.bad("closed the connection");
  });
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
