// A process of its own that opens connections, makes one request on each, and keeps them idle. Every
// line on stdin is a number of connections to add; it answers with one line about all of them so far.
// It ends with its stdin. Argument: the port.

import { createConnection } from "node:net";
import { createInterface } from "node:readline";

const port = Number(process.argv[2]);
const request = "GET /small HTTP/1.1\r\nHost: h00000.bench.test\r\n\r\n";
const bodyLength = 128;
const openAtOnce = 64;

let open = 0;
let failed = 0;
let lost = 0;

for await (const line of createInterface({ input: process.stdin })) {
  let left = Number(line);
  const lane = async (): Promise<void> => {
    while (left-- > 0) await connect();
  };
  await Promise.all(Array.from({ length: openAtOnce }, lane));
  process.stdout.write(`open=${open} failed=${failed} lost=${lost}\n`);
}
process.exit(0);

/** Resolves when the answer is complete, or the connection failed. */
async function connect(): Promise<void> {
  const answered = Promise.withResolvers<void>();
  const socket = createConnection({ host: "127.0.0.1", port, noDelay: true });
  let received = "";
  let isOpen = false;
  socket.setEncoding("latin1");
  socket.on("connect", () => socket.write(request));
  socket.on("data", (chunk: string) => {
    received += chunk;
    const end = received.indexOf("\r\n\r\n");
    if (isOpen || end === -1 || received.length < end + 4 + bodyLength) return;
    if (!received.startsWith("HTTP/1.1 200 ")) {
      socket.destroy();
      return;
    }
    isOpen = true;
    open++;
    answered.resolve();
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    if (isOpen) open--;
    if (isOpen) lost++;
    else failed++;
    answered.resolve();
  });
  return answered.promise;
}
