// The unix socket over which operators, commands and a successor talk to the running program. It only
// listens; what is answered is in app.ts. A client that hangs costs one connection of a bounded number,
// and those are closed after a while if nothing is asked over them.

import { getRequestListener } from "@hono/node-server";
import { lstatSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Log } from "../lib/log.ts";
import { readStatus } from "./answers.ts";
import { createApp } from "./app.ts";
import { askControl } from "./control-client.ts";
import { prepareFolder } from "./control-path.ts";
import { bindPrivately, type FileIdentity, identityOf, removeIfStill } from "./control-socket.ts";
import type { Operations, Status } from "./operations.ts";

// More than people and scripts need at a time, less than what would matter to memory.
const maxConnections = 64;
// The peer is on this machine: whoever takes longer to say what it wants does not want it.
const requestTimeoutMs = 5000;
const checkIntervalMs = 1000;
const keepAliveMs = 5000;
/** What is being answered when the server closes gets so long. */
const closeGraceMs = 1000;
/** A program that does not say its status by then is taken to be there, but stuck. */
const probeTimeoutMs = 2000;

export interface ControlOptions {
  readonly path: string;
  readonly operations: Operations;
  readonly log: Log;
  /** Takes the path from whoever has it, alive or not: for the successor of an upgrade. */
  readonly replace: boolean;
}

export type ControlOpening =
  | { readonly kind: "listening"; readonly server: ControlServer }
  /** Somebody listens there; the status is undefined if they do not answer like we do. */
  | { readonly kind: "taken"; readonly status: Status | undefined };

export class ControlServer {
  readonly path: string;
  readonly #server: Server;
  readonly #closing: AbortController;
  readonly #identity: FileIdentity;

  private constructor(path: string, server: Server, own: [AbortController, FileIdentity]) {
    this.path = path;
    this.#server = server;
    [this.#closing, this.#identity] = own;
  }

  /** Throws when the path cannot be used: BadControlFolder, or what the system says. */
  static async open(options: ControlOptions): Promise<ControlOpening> {
    const { path, operations, log, replace } = options;
    prepareFolder(path);
    const closing = new AbortController();
    const { fetch } = createApp({ operations, log, closing: closing.signal });
    for (;;) {
      if (!replace) {
        const found = await probe(path);
        if (found.kind === "taken") return found;
      }
      const server = serverFor(fetch);
      try {
        const identity = await bindPrivately(server, { path, replace });
        server.on("error", (error) => log.warn("the control socket could not accept", { error }));
        const control = new ControlServer(path, server, [closing, identity]);
        return { kind: "listening", server: control };
      } catch (error) {
        // Another program that starts now was faster: it is asked in the next round.
        const isBeaten = error instanceof Error && "code" in error && error.code === "EEXIST";
        if (!isBeaten || replace) throw error;
      }
    }
  }

  /** Ends streams, lets short answers finish, and takes the socket away unless a successor has the path. */
  async close(): Promise<void> {
    removeIfStill(this.path, this.#identity);
    this.#closing.abort();
    // Nobody finds us any more; a whole turn of the event loop accepts those who just did.
    await nextTurn();
    await nextTurn();
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => this.#server.closeAllConnections(), closeGraceMs);
    await closed;
    clearTimeout(timer);
  }
}

function serverFor(fetch: Parameters<typeof getRequestListener>[0]): Server {
  const answer = getRequestListener(fetch, { overrideGlobalObjects: false });
  const server = createServer(
    {
      maxHeaderSize: 16 * 1024,
      headersTimeout: requestTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: checkIntervalMs,
      keepAliveTimeout: keepAliveMs,
    },
    (request, response) => void answer(request, response),
  );
  server.maxConnections = maxConnections;
  return server;
}

/** Whether somebody listens at the path. What a program that died left there is removed. */
async function probe(path: string): Promise<{ kind: "free" } | Taken> {
  const identity = identityOf(path);
  if (identity === undefined) return { kind: "free" };
  if (!lstatSync(path).isSocket()) {
    throw new Error(`${path} is there and is no socket; remove it, or choose another path`);
  }
  const answer = await askControl(path, { route: "/v1/status", timeoutMs: probeTimeoutMs });
  switch (answer.kind) {
    case "absent":
      return removeIfStill(path, identity) ? { kind: "free" } : probe(path);
    case "answer":
      return { kind: "taken", status: readStatus(answer.body) };
    case "denied":
    case "lost":
      return { kind: "taken", status: undefined };
  }
}

type Taken = Extract<ControlOpening, { kind: "taken" }>;
