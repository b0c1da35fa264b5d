// Behind the workload of gRPC: a program of its own that answers every call with the message that it got, status 0 in the
// trailers, and any GET with 200. On the core of the load, and not what is measured.

import { createServer, type ServerHttp2Stream } from "node:http2";
import { connect as connectTcp } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "./deadline.ts";
import type { Origin } from "./origin.ts";
import type { Stage } from "./stage.ts";

export async function startGrpcOrigin(stage: Stage): Promise<Origin> {
  const port = await freePort();
  const origin = stage.launch({
    name: "grpc-origin",
    command: process.execPath,
    args: [import.meta.filename, String(port)],
    core: "load",
  });
  const end = performance.now() + 10_000;
  while (!(await listens(port))) {
    if (!origin.isAlive() || performance.now() > end) {
      throw new Error(`the gRPC origin does not run: ${origin.errors()}`);
    }
    await delay(50);
  }
  return { port };
}

async function listens(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connectTcp({ host: "127.0.0.1", port });
  socket.on("connect", () => resolve(true));
  socket.on("error", () => resolve(false));
  const isListening = await promise;
  socket.destroy();
  return isListening;
}

function answer(stream: ServerHttp2Stream): void {
  const pieces: Buffer[] = [];
  stream.on("error", () => {});
  stream.on("data", (piece: Buffer) => pieces.push(piece));
  stream.on("end", () => {
    stream.respond(
      { ":status": 200, "content-type": "application/grpc" },
      { waitForTrailers: true },
    );
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.end(Buffer.concat(pieces));
  });
}

if (import.meta.main) {
  const server = createServer();
  server.on("stream", answer);
  server.listen(Number(process.argv[2]), "127.0.0.1", 4096);
  process.on("SIGTERM", () => process.exit(0));
}
