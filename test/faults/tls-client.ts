// Clients of a plane that ends TLS: whole handshakes, and the bytes that they begin with.

import { once } from "node:events";
import { connect as openPlain } from "node:net";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { within } from "../harness/barrier.ts";

type Served = { readonly port: number };

export async function handshake(
  plane: Served,
  options: ConnectionOptions = {},
): Promise<TLSSocket> {
  const socket = connect({
    ...{ port: plane.port, host: "127.0.0.1", servername: "a.test" },
    ...{ rejectUnauthorized: false, ALPNProtocols: ["http/1.1"] },
    ...options,
  });
  await within(once(socket, "secureConnect"), 5000, "the handshake");
  return socket;
}

export async function ask(socket: TLSSocket, host = "a.test", path = "/"): Promise<string> {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  let text = "";
  for await (const piece of socket.iterator({ destroyOnReturn: false })) {
    text += String(piece);
    if (text.includes("\r\n\r\n") && text.endsWith("hello")) break;
    if (/\r\nContent-Length: 0\r\n/.test(text)) break;
  }
  return text;
}

/** What comes back for these bytes on a plain connection, all of it. */
export async function tell(plane: Served, bytes: Buffer): Promise<Buffer> {
  const socket = openPlain(plane.port, "127.0.0.1");
  const got: Buffer[] = [];
  socket.on("data", (more) => got.push(more)).on("error", () => {});
  const closed = once(socket, "close");
  socket.write(bytes);
  await within(closed, 8000, "the end of the connection");
  return Buffer.concat(got);
}
