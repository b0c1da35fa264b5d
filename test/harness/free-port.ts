// A port of 127.0.0.1 where nobody listens: for connections that shall be refused, and for programs that
// cannot choose a port themselves. It is taken from below the range from which systems give ports to
// clients, so that none of the many connections of other tests gets it meanwhile.

import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

const lowest = 10_000;
const highest = 32_000;

/** @param above somebody needs the port so much above it as well */
export async function freePort(above = 0): Promise<number> {
  for (let tries = 0; tries < 50; tries += 1) {
    const port = randomInt(lowest, highest - above);
    if ((await isFree(port)) && (above === 0 || (await isFree(port + above)))) return port;
  }
  throw new Error(`no free port from ${lowest} to ${highest}`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  server.listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
  } catch {
    return false; // somebody listens there
  }
  server.close();
  await once(server, "close");
  return true;
}
