// The least that anybody could do for clients who ask for a cold key at once: reads no heads, asks the origin once, and writes the
// bytes that came to all of them. What it takes is what clients, kernel and machine take.
// Arguments: own port, the origin's port.

import { connect, createServer, type Socket } from "node:net";

const [port = "", originPort = ""] = process.argv.slice(2);

/** By the first line of the request, those who wait. */
const waiting = new Map<string, Socket[]>();

const server = createServer({ noDelay: true }, (socket) => {
  socket.on("error", () => {});
  socket.on("data", (bytes: Buffer) => {
    const head = bytes.toString("latin1");
    const [line = ""] = head.split("\r\n", 1);
    const others = waiting.get(line);
    if (others !== undefined) others.push(socket);
    else ask(line, head, socket);
  });
});

function ask(line: string, head: string, first: Socket): void {
  const sockets = [first];
  waiting.set(line, sockets);
  const pieces: Buffer[] = [];
  const origin = connect({ host: "127.0.0.1", port: Number(originPort) });
  origin.write(head);
  origin.on("error", () => {});
  origin.on("close", () => waiting.delete(line));
  origin.on("data", (bytes: Buffer) => {
    pieces.push(bytes);
    const answer = Buffer.concat(pieces);
    const bodyStart = answer.indexOf("\r\n\r\n") + 4;
    const length = /content-length: *(\d+)/i.exec(answer.toString("latin1", 0, bodyStart))?.[1];
    if (bodyStart < 4 || answer.length < bodyStart + Number(length)) return;
    waiting.delete(line);
    for (const socket of sockets) socket.write(answer);
    origin.destroy();
  });
}

server.listen(Number(port), "127.0.0.1", 4096);
process.on("SIGTERM", () => process.exit(0));
