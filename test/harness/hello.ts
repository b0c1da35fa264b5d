// ClientHello messages: those that real clients send, and those made by hand.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { within } from "./barrier.ts";
import { findCommand } from "./needs.ts";

/** What Node's own client sends first. */
export function nodeHello(options: ConnectionOptions = {}): Promise<Buffer> {
  return firstFlight((port) => {
    const client = connectTls({ port, host: "127.0.0.1", ...options });
    client.on("error", () => {});
    return () => client.destroy();
  });
}

/** What `openssl s_client` sends first. Guard the test with `needs("openssl")`. */
export function opensslHello(...args: readonly string[]): Promise<Buffer> {
  return firstFlight((port) => {
    const command = ["s_client", "-connect", `127.0.0.1:${port}`, ...args];
    const child = spawn(findCommand("openssl") ?? "openssl", command, { stdio: "ignore" });
    return () => void child.kill();
  });
}

/** The records of a client's first message, whole. */
async function firstFlight(start: (port: number) => () => void): Promise<Buffer> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const stop = start((server.address() as AddressInfo).port);
  try {
    const [socket] = (await within(once(server, "connection"), 5000, "a client")) as [Socket];
    let received = Buffer.alloc(0);
    while (received.length < 5 || received.length < 5 + received.readUInt16BE(3)) {
      const [bytes] = (await within(once(socket, "data"), 5000, "a hello")) as [Buffer];
      received = Buffer.concat([received, bytes]);
    }
    socket.destroy();
    return received;
  } finally {
    stop();
    server.close();
  }
}

export interface Made {
  readonly names?: readonly string[];
  readonly protocols?: readonly string[];
  /** Further extensions, before those. */
  readonly extensions?: readonly (readonly [type: number, content: Buffer])[];
  /** Bytes of each record's content; by default all is in one. */
  readonly recordBytes?: number;
}

/** A hello made by hand; without anything in it there are no extensions at all. */
export function madeHello({
  names = [],
  protocols = [],
  extensions = [],
  recordBytes,
}: Made = {}): Buffer {
  const all = [...extensions];
  if (names.length > 0) {
    all.push([
      0,
      field(
        2,
        Buffer.concat(
          names.map((name) => Buffer.concat([Buffer.of(0), field(2, Buffer.from(name, "latin1"))])),
        ),
      ),
    ]);
  }
  if (protocols.length > 0) {
    all.push([
      16,
      field(2, Buffer.concat(protocols.map((each) => field(1, Buffer.from(each, "latin1"))))),
    ]);
  }
  const encoded = all.map(([type, content]) =>
    Buffer.concat([Buffer.of(type >> 8, type & 255), field(2, content)]),
  );
  return records(
    messageOf([
      Buffer.of(3, 3),
      Buffer.alloc(32, 7),
      field(1, Buffer.alloc(32, 9)),
      field(2, Buffer.of(0x0a, 0x0a, 0x13, 0x01)),
      field(1, Buffer.of(0)),
      ...(all.length === 0 ? [] : [field(2, Buffer.concat(encoded))]),
    ]),
    recordBytes,
  );
}

/** A ClientHello of these parts, with its header. */
export function messageOf(parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([
    Buffer.of(1, body.length >> 16, (body.length >> 8) & 255, body.length & 255),
    body,
  ]);
}

export function field(size: 1 | 2, content: Buffer): Buffer {
  const length = Buffer.alloc(size);
  length.writeUIntBE(content.length, 0, size);
  return Buffer.concat([length, content]);
}

/** A handshake message as records. */
export function records(message: Buffer, contentBytes = 2 ** 14): Buffer {
  const made: Buffer[] = [];
  for (let at = 0; at < message.length; at += contentBytes) {
    const content = message.subarray(at, at + contentBytes);
    made.push(Buffer.of(22, 3, 1), field(2, content));
  }
  return Buffer.concat(made);
}
