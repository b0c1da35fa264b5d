// Tidegate inside another program: the same engine, routing, middlewares, health checks and discovery, in its process.
// What would take a machine for itself is left out or has to be asked for: no control socket, no API, no access log, and a
// folder of its own for what would outlive it, which goes with it.

import { mkdtempSync, rmSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { formatProblem, type Problem } from "../config/problem.ts";
import { readConfig } from "../config/read.ts";
import type { Catalog } from "../config/snapshot.ts";
import { createLogger, type Log, type Logger } from "../lib/log.ts";
import { LogRing } from "../lib/log-ring.ts";
import type { Connection } from "../listen/http1.ts";
import { Program } from "../process/program.ts";
import type { Plan } from "../proxy/plan.ts";
import type { Definition } from "../own/contract.ts";
import { addInline, removeInline } from "../own/inline.ts";
import { EmbeddedProvider } from "./embedded-provider.ts";
import { carryUpgrade } from "./node-upgrade.ts";
import { faultOf, NodeExchange } from "./node-exchange.ts";
import type { ProxyConfig } from "./proxy-config.ts";

export interface ProxyOptions {
  /** Where relative paths of the configuration start. By default the working folder. */
  readonly folder?: string;
  /** Middlewares of your own, by the names that lists of the configuration may say: made by `defineMiddleware`. */
  readonly middlewares?: Readonly<Record<string, Definition<unknown>>>;
  /** What it says about itself; by default warnings and errors on stderr, as JSON lines. */
  readonly log?: Log;
}

/** The configuration has errors; nothing was changed. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const errors = problems.filter(({ severity }) => severity === "error");
    super(errors.map(formatProblem).join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

export interface Bound {
  /** "" for a unix socket. */
  readonly host: string;
  readonly port: number;
}

export interface Proxy extends AsyncDisposable {
  /** Accepts connections there, besides the `listeners` of the configuration: `8080`, `"127.0.0.1:0"`. Resolves with what was bound. */
  listen(address: number | string): Promise<Bound>;
  /** Carries a request that an HTTP server of Node's took. Resolves when it is over; never rejects. */
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Carries an upgrade, a WebSocket say, from a server's event of that name. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Goes over to another configuration. Rejects, with nothing changed, when it cannot be used. */
  apply(config: ProxyConfig): Promise<void>;
  /** By the name of the listener. */
  readonly bound: Readonly<Record<string, readonly Bound[]>>;
  /** Finishes what runs, within `shutdown.grace` of the configuration, and ends. */
  close(): Promise<void>;
}

/** @throws ConfigError, or why an address cannot be opened */
export async function createProxy(config: ProxyConfig, options: ProxyOptions = {}): Promise<Proxy> {
  const embedded = new Embedded(config, options);
  try {
    await embedded.started();
  } catch (error) {
    await embedded.close();
    throw error;
  }
  return embedded;
}

const drainStepMs = 20;

class Embedded implements Proxy {
  readonly #options: ProxyOptions;
  readonly #inline: ReadonlyMap<string, string>;
  readonly #state = mkdtempSync(join(tmpdir(), "tidegate-embedded-"));
  readonly #provider: EmbeddedProvider;
  readonly #program: Program;
  readonly #running: Promise<void>;
  readonly #first = Promise.withResolvers<void>();
  /** What was asked for by `listen`. */
  readonly #listeners: Record<string, string> = {};
  #config: ProxyConfig;
  #isClosed = false;
  #closing: Promise<void> | undefined;
  #turn: Promise<void> = Promise.resolve();
  readonly #log: Logger;
  readonly #carried = new Set<ServerResponse>();
  readonly #upgraded = new Set<Connection<Plan>>();

  constructor(config: ProxyConfig, options: ProxyOptions) {
    this.#config = config;
    this.#options = options;
    const own = Object.entries(options.middlewares ?? {});
    this.#inline = new Map(own.map(([name, each]) => [name, addInline(each)]));
    this.#provider = this.#begun(config);
    const ring = new LogRing();
    this.#log = loggerOf(options.log);
    this.#program = new Program({
      settings: {
        ...{ config: undefined, port: 0, portsFile: undefined, workers: 0 },
        ...{ user: undefined, group: undefined, pidFile: undefined },
        control: join(this.#state, "control.sock"),
      },
      reader: undefined,
      provider: this.#provider,
      log: this.#log,
      ring,
      supervisor: undefined,
      inherited: [],
      onFirst: () => this.#first.resolve(),
      onServing() {},
      onReloading() {},
    });
    this.#running = this.#program.run();
    this.#running.catch((error: unknown) => this.#first.reject(error));
  }

  /** Nobody closes what never came to be. */
  #begun(config: ProxyConfig): EmbeddedProvider {
    try {
      const { catalog, problems } = this.#read(config);
      return new EmbeddedProvider(catalog, problems);
    } catch (error) {
      this.#leaveNothing();
      throw error;
    }
  }

  #leaveNothing(): void {
    for (const id of this.#inline.values()) removeInline(id);
    rmSync(this.#state, { recursive: true, force: true });
  }

  async started(): Promise<void> {
    await this.#first.promise;
  }

  #read(config: ProxyConfig): { catalog: Catalog; problems: readonly Problem[] } {
    const folder = this.#options.folder ?? process.cwd();
    const listeners = { ...config.listeners, ...this.#listeners };
    const usual = { accessLog: false, admin: false, stateFolder: this.#state };
    const text = JSON.stringify({ ...usual, ...config, listeners });
    const { snapshot, problems } = readConfig(text, {
      ...{ file: "createProxy", baseFolder: folder },
      inline: this.#inline,
    });
    if (snapshot === undefined) throw new ConfigError(problems);
    const isBare = Object.keys(listeners).length === 0;
    const {
      version: _version,
      secret: _secret,
      credentials: _credentials,
      guests: _guests,
      documents: _documents,
      ...catalog
    } = snapshot;
    // Whom the process runs as, and what stands for it on the disk, is the affair of whoever started it.
    const runAs = { user: undefined, group: undefined };
    const own = { ...catalog, runAs, pidFile: undefined, controlSocket: undefined };
    // Whoever says no listeners accepts connections itself.
    return { catalog: isBare ? { ...own, listeners: [] } : own, problems };
  }

  apply(config: ProxyConfig): Promise<void> {
    return this.#inTurn(() => this.#apply(config));
  }

  /** One after the other: each is told what came of its own. */
  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(() => {
      if (this.#isClosed) throw new Error("the proxy is closed");
      return act();
    });
    this.#turn = turn.then(
      () => {},
      () => {},
    );
    return turn;
  }

  async #apply(config: ProxyConfig): Promise<void> {
    const { catalog, problems } = this.#read(config);
    this.#provider.take(
      catalog,
      problems.filter(({ severity }) => severity === "warning"),
    );
    const { ok, message } = await this.#program.reloaded();
    if (!ok) throw new Error(message);
    this.#config = config;
  }

  listen(address: number | string): Promise<Bound> {
    return this.#inTurn(() => this.#listen(address));
  }

  async #listen(address: number | string): Promise<Bound> {
    const name = `listen-${Object.keys(this.#listeners).length + 1}`;
    this.#listeners[name] = typeof address === "number" ? `:${address}` : address;
    try {
      await this.#apply(this.#config);
    } catch (error) {
      delete this.#listeners[name];
      throw error;
    }
    const [first] = this.bound[name] ?? [];
    if (first === undefined) throw new Error(`${address} was not opened`);
    return first;
  }

  get bound(): Readonly<Record<string, readonly Bound[]>> {
    return this.#program.plane?.bound ?? {};
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { plane } = this.#program;
    // Whoever asked has left before it came to us.
    if (response.destroyed) return;
    const fault = faultOf(request, response);
    if (fault !== undefined) {
      this.#log.error("a request cannot be carried; hand it over before anybody else reads it", {
        path: request.url ?? "",
        why: fault,
      });
    }
    if (fault !== undefined || plane === undefined || this.#isClosed) {
      if (!response.headersSent) response.writeHead(fault === undefined ? 503 : 500).end();
      return;
    }
    const { limits, compat } = plane.snapshot;
    const bounds = { ...limits, bareLf: compat.bareLf };
    this.#carried.add(response);
    await NodeExchange.carry(request, response, plane.handler, bounds);
    this.#carried.delete(response);
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { plane } = this.#program;
    if (plane === undefined || this.#isClosed) socket.destroy();
    else {
      const connection = carryUpgrade(request, socket, head, plane);
      if (connection === undefined) return;
      this.#upgraded.add(connection);
      socket.on("close", () => this.#upgraded.delete(connection));
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#isClosed = true;
    await this.#finishCarried();
    this.#program.stop();
    try {
      await this.#running;
    } catch {
      // Whoever started it was told.
    }
    this.#leaveNothing();
  }

  /** What others accepted is waited for, as what we accept is. */
  async #finishCarried(): Promise<void> {
    const { grace = 0, tunnelGrace = 0 } = this.#program.plane?.snapshot.shutdown ?? {};
    const begun = performance.now();
    while (this.#carried.size > 0 || this.#upgraded.size > 0) {
      const elapsed = performance.now() - begun;
      if (elapsed >= grace) for (const response of this.#carried) response.destroy();
      for (const each of this.#upgraded) {
        if (elapsed >= (each.isTunnel ? tunnelGrace : grace)) each.cut();
      }
      await pause(drainStepMs);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function loggerOf(log: Log | undefined): Logger {
  if (log === undefined) return createLogger({ pretty: false, level: "warn" });
  return { ...log, write: ({ level, text, fields }) => log[level](text, fields) };
}
