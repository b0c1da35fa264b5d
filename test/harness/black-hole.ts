// An address where connections are neither accepted nor refused: a process that listens and then never runs
// again, with its queue filled up, so that the kernel drops what else comes.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect as openSocket, type Socket } from "node:net";
import { within } from "./barrier.ts";

export interface BlackHole extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
}

const script = `const server = require("node:net").createServer();
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
    require("node:fs").writeSync(1, server.address().port + "\\n");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
  });`;

export async function startBlackHole(): Promise<BlackHole> {
  const child = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const fillers: Socket[] = [];
  const end = async () => {
    for (const socket of fillers) socket.destroy();
    child.kill("SIGKILL");
    await exited;
  };
  try {
    const [text] = await within(once(child.stdout, "data"), 5000, "the black hole's port");
    const port = Number(String(text));
    for (let isFull = false; !isFull;) {
      if (fillers.length > 20) throw new Error("the queue never fills");
      const socket = openSocket({ port, host: "127.0.0.1" });
      socket.on("error", () => {});
      fillers.push(socket);
      isFull = await within(once(socket, "connect"), 150, "nothing").then(
        () => false,
        () => true,
      );
    }
    return { port, url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}
