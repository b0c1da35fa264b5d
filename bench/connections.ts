// Claim: a socket made from an accepted handle, with a shared read buffer, makes every request on a connection
// that is kept cheaper than Node's own way does, and costs no more to make.
// Prints the CPU time of the accepting process per connection, the median of seven rounds in turns.
//
// The server is a process of its own, so that the clients' time is not counted.

import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { adopt, type Receiver } from "../src/listen/adopt.ts";

const rounds = 7;
const connections = 1500;
const atOnce = 16;
const request = "GET / HTTP/1.1\r\nHost: www.example.com\r\n\r\n";
const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const way = process.argv[2];
if (way === undefined) await main();
else await serve(way === "adopted");

/** Answers whatever comes; a message is answered with the CPU time used so far, in microseconds. */
async function serve(isAdopted: boolean): Promise<void> {
  const receive = (socket: Socket): Receiver => ({
    onBytes: () => void socket.write(answer, "latin1"),
  });
  const accept = (socket: Socket): Receiver => {
    socket.on("error", () => socket.destroy());
    socket.on("end", () => socket.end());
    return receive(socket);
  };
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    const receiver = accept(socket);
    socket.on("data", (bytes: Buffer) => receiver.onBytes(bytes, 0, bytes.length));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const handle: unknown = Reflect.get(server, "_handle");
  if (isAdopted && typeof handle === "object" && handle !== null) {
    adopt(handle, { bufferBytes: () => 65_536, accept, onAcceptFailed: () => process.exit(1) });
  }
  process.on("message", () => {
    const { user, system } = process.cpuUsage();
    process.send?.(user + system);
  });
  process.on("disconnect", () => process.exit());
  const address = server.address();
  process.send?.(typeof address === "object" ? address?.port : 0);
}

interface Contender {
  readonly name: string;
  readonly child: ChildProcess;
  readonly port: number;
}

async function start(name: string): Promise<Contender> {
  const child = fork(fileURLToPath(import.meta.url), [name]);
  return { name, child, port: await messageOf(child) };
}

async function messageOf(child: ChildProcess): Promise<number> {
  const [message]: unknown[] = await once(child, "message");
  if (typeof message !== "number") throw new Error("the server said something strange");
  return message;
}

async function cpuOf({ child }: Contender): Promise<number> {
  const reply = messageOf(child);
  child.send("cpu");
  return reply;
}

/** One connection that asks so many times, one after the other. */
function ask(port: number, times: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let left = times;
    const socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => socket.write(request));
    socket.on("error", reject);
    socket.on("data", () => {
      if (--left > 0) socket.write(request);
      else socket.end();
    });
    socket.on("close", () => resolve());
  });
}

/** Microseconds of CPU per connection of one round. */
async function measure(contender: Contender, times: number): Promise<number> {
  const count = Math.ceil(connections / times ** 0.5);
  const before = await cpuOf(contender);
  let left = count;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await ask(contender.port, times);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return ((await cpuOf(contender)) - before) / count;
}

async function main(): Promise<void> {
  const contenders = [await start("adopted"), await start("plain")];
  try {
    for (const times of [1, 100]) {
      for (const each of contenders) await measure(each, times); // warm up
      const results = contenders.map((): number[] => []);
      for (let round = 0; round < rounds; round++) {
        for (const [index, each] of contenders.entries()) {
          results[index]?.push(await measure(each, times));
        }
      }
      for (const [index, { name }] of contenders.entries()) {
        const sorted = (results[index] ?? []).toSorted((a, b) => a - b);
        const median = sorted[rounds >> 1] ?? Number.NaN;
        const label = `${name}, ${times} requests per connection`;
        console.log(`${label.padEnd(42)} ${median.toFixed(1).padStart(8)} us per connection`);
      }
    }
  } finally {
    for (const { child } of contenders) child.disconnect();
  }
}
