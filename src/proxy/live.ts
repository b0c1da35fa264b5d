// A snapshot compiled for use: the table of plans and everything they lean on. Replaced as a whole when the
// configuration changes; what did not change (pools, open log files) is taken over from the one before.

import { isDeepStrictEqual } from "node:util";
import { httpProofPath } from "../config/certificate.ts";
import { HostOptions } from "../config/host-options.ts";
import type { AccessLog, Route, Snapshot } from "../config/snapshot.ts";
import type { ExchangeOrigin } from "../http/exchange.ts";
import { NetworkSet } from "../lib/ip.ts";
import { Table } from "../routing/table.ts";
import { createAccessLog, type AccessLogSink } from "./access-log.ts";
import { createErrorLog, type ErrorLog } from "./error-log.ts";
import type { Destinations, Prepared } from "./destinations.ts";
import { hipachePages, loadErrorPages, type ErrorPages } from "./error-page.ts";
import { forwardedLinesOf } from "./forwarded.ts";
import { planOf, type Plan } from "./plan.ts";

export interface LiveOptions {
  readonly destinations: Destinations;
  onProblem(message: string): void;
}

export class Live {
  readonly snapshot: Snapshot;
  readonly table: Table<Plan>;
  /** For exchanges without a route, and routes without a log of their own. */
  readonly accessLog: AccessLogSink | undefined;
  readonly errorPages: ErrorPages | undefined;
  readonly debugPeers: NetworkSet;
  readonly #hasChallenges: boolean;
  readonly #options: LiveOptions;
  readonly #prepared: Prepared;
  readonly #logs = new Map<string, AccessLogSink>();
  readonly #errorLogs = new Map<string, ErrorLog>();
  readonly #pages = new Map<string, ErrorPages>();
  readonly #trusted: ReadonlyMap<string, NetworkSet>;
  readonly #hosts: HostOptions;

  constructor(snapshot: Snapshot, before: Live | undefined, options: LiveOptions) {
    this.snapshot = snapshot;
    this.#hasChallenges = Object.keys(snapshot.credentials.challenges.http).length > 0;
    this.#options = options;
    this.#prepared = options.destinations.prepare(snapshot);
    this.debugPeers = NetworkSet.of(snapshot.debug.allow);
    this.#trusted = new Map(
      snapshot.listeners.map((each) => [each.name, NetworkSet.of(each.trustedProxies)]),
    );
    this.#hosts = new HostOptions(snapshot.tls.hosts, snapshot.tls.options);
    try {
      this.accessLog = this.#logOf(snapshot.accessLog, before);
      this.errorPages = this.#pagesOf(snapshot.errorPages, before);
      this.table = Table.compile(
        snapshot.routes,
        (route, plan) => this.#planOf(route, plan, before),
        before?.table,
      );
    } catch (error) {
      // The one before serves on, and this one must leave nothing open.
      this.#disposeUnused(before);
      options.destinations.undo(this.#prepared);
      throw error;
    }
    options.destinations.commit(this.#prepared);
    if (before !== undefined) before.#disposeUnused(this);
  }

  /** `plan` is what the same route had before; it stays when all it leans on does. */
  #planOf(route: Route, plan: Plan | undefined, before: Live | undefined): Plan {
    const destination =
      route.service === undefined ? undefined : this.#prepared.find(route.service);
    const errorPages =
      route.errorPages === undefined ? this.errorPages : this.#pagesOf(route.errorPages, before);
    const accessLog =
      route.accessLog === undefined ? this.accessLog : this.#logOf(route.accessLog, before);
    const errorLog =
      route.errorLog === undefined ? undefined : this.#errorLogOf(route.errorLog, before);
    const isSame =
      plan?.destination === destination &&
      plan?.errorPages === errorPages &&
      plan?.accessLog === accessLog &&
      plan?.errorLog === errorLog;
    if (plan !== undefined && isSame) return plan;
    return planOf(route, { destination, errorPages, accessLog, errorLog });
  }

  #logOf(settings: AccessLog, before: Live | undefined): AccessLogSink | undefined {
    if (!settings.enabled) return undefined;
    const key = `${settings.path}\n${settings.format}`;
    const log =
      this.#logs.get(key) ??
      (before === undefined ? undefined : before.#logs.get(key)) ??
      createAccessLog(settings, this.#options.onProblem);
    this.#logs.set(key, log);
    return log;
  }

  #errorLogOf(path: string, before: Live | undefined): ErrorLog {
    const log =
      this.#errorLogs.get(path) ??
      (before === undefined ? undefined : before.#errorLogs.get(path)) ??
      createErrorLog(path, this.#options.onProblem);
    this.#errorLogs.set(path, log);
    return log;
  }

  /** Read anew with every snapshot: the files may have changed, and then what uses them does. */
  #pagesOf(folder: string | undefined, before: Live | undefined): ErrorPages | undefined {
    const { hipache } = this.snapshot.compat;
    if (folder === undefined) return hipache ? hipachePages : undefined;
    const known = this.#pages.get(folder);
    if (known !== undefined) return known;
    const { pages: read, problems } = loadErrorPages(folder);
    for (const each of problems) this.#options.onProblem(each);
    const loaded = hipache ? { ...read, areHipaches: true } : read;
    const old = before === undefined ? undefined : before.#pages.get(folder);
    const pages = isDeepStrictEqual(loaded, old) && old !== undefined ? old : loaded;
    this.#pages.set(folder, pages);
    return pages;
  }

  /**
   * Closes logs that the other one does not have. Running exchanges keep their plan; lines for a log that
   * was closed go to the new one.
   */
  #disposeUnused(other: Live | undefined): void {
    for (const [key, log] of this.#logs) {
      if (other === undefined || other.#logs.get(key) !== log) void log.close();
    }
    for (const [path, log] of this.#errorLogs) {
      if (other === undefined || other.#errorLogs.get(path) !== log) void log.close();
    }
  }

  /** Brings what is known of a connection up to this snapshot. */
  refresh(origin: ExchangeOrigin): void {
    origin.version = this.snapshot.version;
    origin.isPeerTrusted = this.trustedOf(origin.listener).has(origin.peerIp);
    origin.forwardedLines = forwardedLinesOf(origin);
  }

  /** Somebody may just be looking whether names lead here. */
  get hasChallenges(): boolean {
    return this.#hasChallenges;
  }

  /** undefined = it is a request like any other: a backend may look after its own certificate. */
  challengeAnswer(path: string): string | undefined {
    if (!path.startsWith(httpProofPath)) return undefined;
    const { http } = this.snapshot.credentials.challenges;
    const token = path.slice(httpProofPath.length);
    return Object.hasOwn(http, token) ? http[token] : undefined;
  }

  /** Clients have to show a certificate for this host, which they cannot in the clear. */
  isForCertified(host: string): boolean {
    return this.#hosts.of(host).clientAuth?.mode === "require";
  }

  trustedOf(listener: string): NetworkSet {
    return this.#trusted.get(listener) ?? nobody;
  }

  reopenLogs(): void {
    for (const log of this.#logs.values()) log.reopen();
    for (const log of this.#errorLogs.values()) log.reopen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#options.destinations[Symbol.dispose]();
    const logs = [...this.#logs.values(), ...this.#errorLogs.values()];
    await Promise.all(logs.map((log) => log.close()));
  }
}

const nobody = NetworkSet.of([]);
