// A process of its own that opens connections, makes one request on each, and keeps them idle. Every
// line on stdin is a number of connections to add; it answers with one line about all of them so far.
// It ends with its stdin. Arguments: the port, and how it is spoken there: http1, https1, h2 or h2c.

import { createConnection, type Socket } from "node:net";
import { createInterface } from "node:readline";
import { connect as connectTls } from "node:tls";
import { Answer, preface, requestFrames, settingsAck } from "./h2-frames.ts";

const port = Number(process.argv[2]);
const protocol = process.argv[3] ?? "http1";
const isSecure = protocol === "https1" || protocol === "h2";
const isHttp2 = protocol.startsWith("h2");
const http1Request = "GET /small HTTP/1.1\r\nHost: h00000.bench.test\r\n\r\n";
const bodyLength = 128;
const openAtOnce = 64;
// Nobody has signed the bench's certificate.
const tlsOptions = {
  rejectUnauthorized: false,
  ALPNProtocols: [isHttp2 ? "h2" : "http/1.1"],
  servername: "bench.test",
};

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
  const place = { host: "127.0.0.1", port };
  const socket = isSecure
    ? connectTls({ ...place, ...tlsOptions })
    : createConnection({ ...place, noDelay: true });
  let isOpen = false;
  const onAnswer = (isGood: boolean): void => {
    if (isOpen) return;
    if (!isGood) {
      socket.destroy();
      return;
    }
    isOpen = true;
    open++;
    answered.resolve();
  };
  socket.on(isSecure ? "secureConnect" : "connect", () => {
    if (isHttp2) ask2(socket, onAnswer);
    else ask1(socket, onAnswer);
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

function ask1(socket: Socket, onAnswer: (isGood: boolean) => void): void {
  let received = "";
  socket.on("data", (bytes: Buffer) => {
    received += bytes.toString("latin1");
    const end = received.indexOf("\r\n\r\n");
    if (end === -1 || received.length < end + 4 + bodyLength) return;
    onAnswer(received.startsWith("HTTP/1.1 200 "));
  });
  socket.write(http1Request);
}

function ask2(socket: Socket, onAnswer: (isGood: boolean) => void): void {
  const answer = new Answer(1);
  socket.on("data", (bytes: Buffer) => {
    const before = answer.settings;
    answer.read(bytes);
    for (let count = before; count < answer.settings; count++) socket.write(settingsAck);
    if (answer.isOver) onAnswer(answer.isGood && answer.bodyLength === bodyLength);
  });
  socket.write(Buffer.concat([preface, requestFrames(1, isSecure)]));
}
