// A program that speaks SCGI, as applications do that bring a server of their own: it says what it was asked to run. Each
// connection is one request: a netstring of names and values, then a body of CONTENT_LENGTH bytes.

import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";

export interface ScgiApplication extends AsyncDisposable {
  readonly port: number;
  /** SCRIPT_FILENAME of each request, as it came. */
  readonly scripts: readonly string[];
}

interface Asked {
  readonly params: ReadonlyMap<string, string>;
  readonly body: string;
}

export async function scgiApplication(): Promise<ScgiApplication> {
  const scripts: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    let received = "";
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.on("data", (bytes) => {
      received += bytes.toString("latin1");
      const asked = read(received);
      if (asked === undefined || socket.writableEnded) return;
      scripts.push(asked.params.get("SCRIPT_FILENAME") ?? "");
      const told = { ...Object.fromEntries(asked.params), body: asked.body };
      socket.end(`Content-Type: application/json\r\nX-Ran: yes\r\n\r\n${JSON.stringify(told)}`);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    scripts,
    async [Symbol.asyncDispose]() {
      for (const each of sockets) each.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function read(received: string): Asked | undefined {
  const colon = received.indexOf(":");
  const length = Number(received.slice(0, colon));
  const bodyStart = colon + 1 + length + 1;
  if (colon < 0 || received.length < bodyStart) return undefined;
  const words = received.slice(colon + 1, colon + 1 + length).split("\0");
  const params = new Map<string, string>();
  for (let at = 0; at + 1 < words.length; at += 2) params.set(words[at]!, words[at + 1]!);
  const bodyLength = Number(params.get("CONTENT_LENGTH") ?? 0);
  if (received.length < bodyStart + bodyLength) return undefined;
  return { params, body: received.slice(bodyStart, bodyStart + bodyLength) };
}
