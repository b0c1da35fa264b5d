// A snapshot compiled for use: the table of plans and everything they lean on. Replaced as a whole when the
// configuration changes; what did not change (pools, open log files) is taken over from the one before.

import type { AccessLog, Route, Service, Snapshot } from "../config/snapshot.ts";
import type { ExchangeOrigin } from "../http/exchange.ts";
import { NetworkSet } from "../lib/ip.ts";
import { Table } from "../routing/table.ts";
import { LiveService, type UpstreamOptions } from "../upstream/live-service.ts";
import { createAccessLog, type AccessLogSink } from "./access-log.ts";
import { loadErrorPages, type ErrorPages } from "./error-page.ts";
import { forwardedLinesOf } from "./forwarded.ts";
import { planOf, type Plan } from "./plan.ts";

export interface LiveOptions {
  readonly upstream: Omit<UpstreamOptions, "limits" | "bufferBytes">;
  onProblem(message: string): void;
}

export class Live {
  readonly snapshot: Snapshot;
  readonly table: Table<Plan>;
  /** For exchanges without a route, and routes without a log of their own. */
  readonly accessLog: AccessLogSink | undefined;
  readonly errorPages: ErrorPages | undefined;
  readonly debugPeers: NetworkSet;
  readonly #options: LiveOptions;
  readonly #services = new Map<string, { key: string; live: LiveService }>();
  readonly #logs = new Map<string, AccessLogSink>();
  readonly #pages = new Map<string, ErrorPages>();
  readonly #trusted: ReadonlyMap<string, NetworkSet>;

  constructor(snapshot: Snapshot, before: Live | undefined, options: LiveOptions) {
    this.snapshot = snapshot;
    this.#options = options;
    this.debugPeers = NetworkSet.of(snapshot.debug.allow);
    this.#trusted = new Map(
      snapshot.listeners.map((each) => [each.name, NetworkSet.of(each.trustedProxies)]),
    );
    for (const service of Object.values(snapshot.services)) this.#takeService(service, before);
    this.accessLog = this.#logOf(snapshot.accessLog, before);
    this.errorPages = this.#pagesOf(snapshot.errorPages);
    this.table = Table.compile(snapshot.routes, (route) => this.#planOf(route, before));
    if (before !== undefined) before.#disposeUnused(this);
  }

  #takeService(service: Service, before: Live | undefined): void {
    const { limits } = this.snapshot;
    // Where a service was written may move without anything about it changing.
    const key = JSON.stringify([{ ...service, origin: "" }, limits]);
    const kept = before === undefined ? undefined : before.#services.get(service.name);
    if (kept?.key === key) {
      this.#services.set(service.name, kept);
      return;
    }
    const live = new LiveService(service, {
      ...this.#options.upstream,
      bufferBytes: limits.bufferBytes,
      limits: {
        headBytes: limits.responseHeadBytes,
        headerCount: limits.headerCount,
        trailerBytes: limits.trailerBytes,
      },
    });
    this.#services.set(service.name, { key, live });
  }

  #planOf(route: Route, before: Live | undefined): Plan {
    const service = route.service === undefined ? undefined : this.#services.get(route.service);
    return planOf(route, {
      service: service?.live,
      errorPages: this.#pagesOf(route.errorPages) ?? this.errorPages,
      accessLog:
        route.accessLog === undefined ? this.accessLog : this.#logOf(route.accessLog, before),
    });
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

  #pagesOf(folder: string | undefined): ErrorPages | undefined {
    if (folder === undefined) return undefined;
    const known = this.#pages.get(folder);
    if (known !== undefined) return known;
    const loaded = loadErrorPages(folder);
    for (const each of loaded.problems) this.#options.onProblem(each);
    this.#pages.set(folder, loaded.pages);
    return loaded.pages;
  }

  /**
   * Closes what the next one did not take over. Running exchanges keep their plan and connection; lines for
   * a log that was closed go to the new one.
   */
  #disposeUnused(next: Live): void {
    for (const [name, { live }] of this.#services) {
      if (next.#services.get(name)?.live !== live) live[Symbol.dispose]();
    }
    for (const [key, log] of this.#logs) if (next.#logs.get(key) !== log) void log.close();
  }

  /** Brings what is known of a connection up to this snapshot. */
  refresh(origin: ExchangeOrigin): void {
    origin.version = this.snapshot.version;
    origin.isPeerTrusted = this.trustedOf(origin.listener).has(origin.peerIp);
    origin.forwardedLines = forwardedLinesOf(origin);
  }

  trustedOf(listener: string): NetworkSet {
    return this.#trusted.get(listener) ?? nobody;
  }

  get services(): LiveService[] {
    return [...this.#services.values()].map(({ live }) => live);
  }

  reopenLogs(): void {
    for (const log of this.#logs.values()) log.reopen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { live } of this.#services.values()) live[Symbol.dispose]();
    await Promise.all([...this.#logs.values()].map((log) => log.close()));
  }
}

const nobody = NetworkSet.of([]);
