// Between asking whether an address is free and listening on it there is the time a worker takes to start.
// Of two programs that start at once, the second waits here for that long, and then finds the address taken.
// The lock is an abstract unix socket: of this network namespace, as the addresses are, and gone with its
// process. Any local user may take such a name. So it delays a start, with a warning, and never prevents one.

import { statSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { basename, dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { Address } from "../config/snapshot.ts";

/** That a name is free again cannot be awaited. */
const retryMs = 50;
/** Of at most 107, with what stands before. Names that are the same up to here only wait for each other. */
const maxNameBytes = 60;

export interface AddressLock {
  readonly name: string;
  release(): void;
}

/** Undefined for an address that nobody else can ask for, or that has to fail by itself. */
export function lockNameOf(address: Address): string | undefined {
  // The port alone: a wildcard and one address of this machine are in each other's way.
  if (address.kind === "tcp") return address.port === 0 ? undefined : `tcp:${address.port}`;
  try {
    // Other containers may have the same path in another file system.
    const { dev, ino } = statSync(dirname(address.path));
    const name = Buffer.from(basename(address.path)).subarray(0, maxNameBytes).toString("latin1");
    return `unix:${dev}:${ino}:${name.replaceAll(/[^\w.-]/g, "_")}`;
  } catch {
    return undefined;
  }
}

/**
 * Waits until the name is ours, `patience` ms at most: then somebody has it still ("busy"). "none": this system
 * has no such names.
 */
export async function lockAddress(
  name: string,
  patience: number,
): Promise<AddressLock | "busy" | "none"> {
  const deadline = performance.now() + patience;
  for (;;) {
    const server = await tryLock(name);
    if (typeof server !== "string") return { name, release: () => void server.close() };
    if (server !== "EADDRINUSE") return "none";
    if (performance.now() >= deadline) return "busy";
    await delay(retryMs);
  }
}

/** Returns the error's code when it could not. */
function tryLock(name: string): Promise<Server | string> {
  // Nobody has anything to say to a lock.
  const server = createServer((socket) => socket.destroy()).unref();
  return new Promise((resolve) => {
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "UNKNOWN"));
    server.listen({ path: `\0tidegate:${name}`, exclusive: true }, () => resolve(server));
  });
}
