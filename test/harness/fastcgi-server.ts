// A FastCGI program that says exactly what a test wants, on a real socket: records that are right, and records that are not.

import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Address } from "../../src/config/snapshot.ts";

/** Record types. */
export const Type = {
  END: 3,
  PARAMS: 4,
  STDIN: 5,
  STDOUT: 6,
  STDERR: 7,
  VALUES: 10,
  UNKNOWN: 11,
} as const;

export interface RecordOptions {
  readonly id?: number;
  readonly padding?: number;
  readonly version?: number;
  /** What the header says, whatever there is. */
  readonly length?: number;
}

export function record(
  type: number,
  content: string | Buffer = "",
  { id = 1, padding = 0, version = 1, length }: RecordOptions = {},
): Buffer {
  const bytes = Buffer.from(content as string, "latin1");
  const header = Buffer.alloc(8);
  header[0] = version;
  header[1] = type;
  header.writeUInt16BE(id, 2);
  header.writeUInt16BE(length ?? bytes.length, 4);
  header[6] = padding;
  return Buffer.concat([header, bytes, Buffer.alloc(padding)]);
}

/** END_REQUEST with the program's and the protocol's status. */
export function ending(status = 0, protocol = 0, options: RecordOptions = {}): Buffer {
  const content = Buffer.alloc(8);
  content.writeUInt32BE(status, 0);
  content[4] = protocol;
  return record(Type.END, content, options);
}

/** A whole answer. */
export function answer(text: string, options: RecordOptions = {}): Buffer {
  return Buffer.concat([
    record(Type.STDOUT, text, options),
    record(Type.STDOUT, "", options),
    ending(0, 0, options),
  ]);
}

export interface FastcgiServer extends AsyncDisposable {
  readonly address: Address;
  readonly sockets: ReadonlySet<Socket>;
  /** What came on each connection, in their order. */
  readonly received: readonly Buffer[];
  connections: number;
}

export interface ServerOptions {
  /** Called for each complete request: an empty STDIN of it came. @param path what `PATH_INFO` says, where it is short */
  readonly onRequest: (socket: Socket, count: number, id: number, path: string) => void;
  readonly onOpen?: (socket: Socket) => void;
  readonly onAbort?: (socket: Socket, id: number) => void;
  /** What it can do, as name-value pairs; without it nobody is answered who asks. */
  readonly values?: string;
}

/** Or what to do with each complete request alone, and with each connection. */
export async function startFastcgiServer(
  options: ServerOptions | ServerOptions["onRequest"],
  opened: (socket: Socket) => void = () => {},
): Promise<FastcgiServer> {
  const { onRequest, onOpen, onAbort, values }: ServerOptions =
    typeof options === "function" ? { onRequest: options, onOpen: opened } : options;
  const sockets = new Set<Socket>();
  const received: Buffer[] = [];
  let requests = 0;
  const server = createServer((socket) => {
    const place = received.push(Buffer.alloc(0)) - 1;
    const paths = new Map<number, string>();
    let seen = 0;
    shared.connections++;
    sockets.add(socket);
    socket.on("error", () => {}); // who is refused may reset
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (bytes: Buffer) => {
      const all = (received[place] = Buffer.concat([received[place]!, bytes]));
      while (seen + 8 <= all.length) {
        const [type, id, length] = [
          all[seen + 1],
          all.readUInt16BE(seen + 2),
          all.readUInt16BE(seen + 4),
        ];
        if (seen + 8 + length > all.length) return;
        const content = all.latin1Slice(seen + 8, seen + 8 + length);
        seen += 8 + length;
        if (type === Type.PARAMS && length > 0) paths.set(id, pathIn(content));
        else if (type === Type.STDIN && length === 0)
          onRequest(socket, requests++, id, paths.get(id) ?? "");
        else if (type === 2) onAbort?.(socket, id);
        else if (type === 9 && values !== undefined)
          socket.write(record(Type.VALUES, values, { id: 0 }));
      }
    });
    onOpen?.(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const shared: FastcgiServer = {
    address: { kind: "tcp", host: "127.0.0.1", port },
    sockets,
    received,
    connections: 0,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
  return shared;
}

function pathIn(pairs: string): string {
  const at = pairs.indexOf("PATH_INFO");
  return at < 1 ? "" : pairs.slice(at + 9, at + 9 + pairs.charCodeAt(at - 1));
}
