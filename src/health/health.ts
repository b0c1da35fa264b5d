// What is known of all backends and services, kept in the primary: it makes the checks, hears from workers
// what traffic showed, and takes the wishes of operators. Workers are told by states (whole, when they
// start) and news (each change). A new primary knows nothing but the wishes: backends begin anew.

import type { Snapshot } from "../config/snapshot.ts";
import type { Backend, BackendService, Service } from "../config/service.ts";
import type { Guests } from "../guest/guests.ts";
import type { Log } from "../lib/log.ts";
import type { BackendState, Mark, ServiceLoad, StateNews } from "../upstream/state.ts";
import { BackendRecord } from "./backend-record.ts";
import { Checkers, checkKey } from "./checkers.ts";
import type { HealthEvent } from "./health-event.ts";
import { noOrders, type OrderList, Orders } from "./orders.ts";
import { Reporter } from "./reporter.ts";
import { rowOf, rowsOf, type ServiceRow, stateOf } from "./rows.ts";
import { ServiceRecord } from "./service-record.ts";
import type { Found } from "./standing.ts";

export interface HealthOptions {
  readonly log: Log;
  /** For all workers. */
  onNews(news: StateNews): void;
  onEvent(event: HealthEvent): void;
  /** What operators asked a former primary for. */
  readonly orders?: OrderList;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Where the containers are whose sockets are checked; kept up to date by whoever made it. */
  readonly guests?: Guests;
}

const noNews: StateNews = { backends: [], services: [], marks: [] };

export class Health implements Disposable {
  readonly #options: HealthOptions;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #reporter: Reporter;
  readonly #checkers: Checkers;
  readonly #orders: Orders;
  readonly #services = new Map<string, ServiceRecord>();

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#now = options.now ?? Date.now;
    this.#reporter = new Reporter(options.log, (event) => options.onEvent(event), this.#now);
    this.#checkers = new Checkers(this.#now, options.guests);
    this.#orders = new Orders(options.orders ?? noOrders);
  }

  // --- configuration -----------------------------------------------------------------------------

  /**
   * It is about to go live. What did not change keeps its history, and what is gone is forgotten. Orders stay:
   * when it does not go live, the snapshot before it comes again.
   */
  update(snapshot: Snapshot): void {
    const services = this.#services;
    const forgotten: BackendState[] = [];
    const records: ServiceRecord[] = [];
    for (const service of snapshot.services.values()) {
      const old = services.get(service.name);
      // Of ten thousand mostly one changes; what others of a group do is seen by settling them.
      if (old !== undefined && old.service === service && service.kind === "backends") continue;
      const record = this.#renew(service, old, forgotten);
      services.set(service.name, record);
      records.push(record);
    }
    for (const [name, gone] of services.size === snapshot.services.size ? [] : services) {
      if (snapshot.services.has(name)) continue;
      for (const each of gone.backends.values()) this.#forget(each, forgotten);
      this.#reporter.forgetService(gone);
      services.delete(name);
    }
    this.#checkers.sweep(() => hostsOf(snapshot));
    const told = records.flatMap((each) => this.#settle(each));
    const backends = [...forgotten, ...told];
    if (backends.length > 0) this.#options.onNews({ ...noNews, backends });
  }

  /** It is live: orders about what it does not have are dropped, also by workers, should that come back. */
  settled(snapshot: Snapshot): void {
    const backends: BackendState[] = [];
    const services = new Set<string>();
    for (const dropped of this.#orders.prune(snapshot)) {
      const { service } = dropped;
      const text = "order dropped: the configuration no longer has what it was about";
      this.#log.warn(text, { ...dropped });
      if (dropped.order !== "drain") services.add(service);
      else backends.push({ service, backend: dropped.backend, health: "up", isDraining: false });
    }
    if (backends.length + services.size === 0) return;
    for (const record of this.#services.values()) {
      if (!services.has(record.service.name)) continue;
      this.#takeOrders(record);
      this.#show(record);
    }
    const states = [...services].map((each) => this.#orders.stateOf(each));
    this.#options.onNews({ backends, services: states, marks: [] });
  }

  #renew(
    service: Service,
    before: ServiceRecord | undefined,
    forgotten: BackendState[],
  ): ServiceRecord {
    const record = before ?? new ServiceRecord(service);
    const old = record.backends;
    record.update(service, this.#now());
    this.#takeOrders(record);
    const backends =
      service.kind === "backends"
        ? service.backends.map((each) => this.#renewBackend(service, each, old.get(each.url)))
        : [];
    record.backends = new Map(backends.map((each) => [each.backend.url, each]));
    for (const [url, each] of old) if (!record.backends.has(url)) this.#forget(each, forgotten);
    return record;
  }

  #renewBackend(
    service: BackendService,
    backend: Backend,
    before: BackendRecord | undefined,
  ): BackendRecord {
    const record = before ?? new BackendRecord(service.name, backend, this.#onAnswer);
    record.backend = backend;
    record.isDraining = this.#orders.isDraining(service.name, backend.url);
    const { check } = service;
    const wanted = check === undefined ? undefined : { service, backend, check };
    const key = wanted === undefined ? "" : checkKey(wanted);
    if (key === record.checkKey) return record;
    const found = record.checker?.found;
    record.checker?.users.delete(record);
    record.checkKey = key;
    record.checker = wanted === undefined ? undefined : this.#checkers.get(key, wanted, found);
    record.checker?.users.add(record);
    return record;
  }

  #forget(record: BackendRecord, forgotten: BackendState[]): void {
    record.checker?.users.delete(record);
    this.#reporter.forgetBackend(record);
    // Should it come back, no worker shall remember that it was down. That it drains is an order.
    if (record.isOdd) forgotten.push({ ...record.state, health: "up" });
  }

  // --- what is found out --------------------------------------------------------------------------

  readonly #onAnswer = (record: BackendRecord, before: Found): void => {
    const { death } = record;
    const last = record.checker?.last;
    // A backend without traffic has nobody else to say that it lives. And what accepted no connections is
    // back as soon as a check opened one; of bad answers a check may know nothing.
    const isRevived =
      death !== undefined &&
      last?.isGood === true &&
      (!record.isDeadAt(this.#now()) || (death.isUnreachable && last.at > death.since));
    if (isRevived) {
      const { service, backend } = record;
      this.#reporter.alive(record, "a check found it well");
      const mark: Mark = { kind: "alive", service, backend: backend.url };
      this.#options.onNews({ ...noNews, marks: [mark] });
    }
    if (record.found !== before || isRevived) this.#settleBackend(record);
  };

  /**
   * What a worker found out; all are told. @param from which worker, for the log
   * @param back why one that is alive is that
   * @returns false: there is no such backend
   */
  take(mark: Mark, from?: string, back = "it answers again"): boolean {
    const record = this.#backend(mark.service, mark.backend);
    // From a worker that serves by another snapshot still.
    if (record === undefined) return false;
    if (mark.kind === "dead") {
      // Who is started because somebody asks is asked before it listens.
      const service = this.#services.get(mark.service)?.service;
      const isOnDemand = service?.kind === "backends" && service.onDemand !== undefined;
      const isStarting = isOnDemand && mark.isUnreachable;
      this.#reporter.dead(record, mark, { isStarting, from });
    } else {
      this.#reporter.alive(record, back, from);
    }
    this.#options.onNews({ ...noNews, marks: [mark] });
    this.#settleBackend(record);
    return true;
  }

  #settleBackend({ service }: BackendRecord): void {
    const record = this.#services.get(service);
    if (record === undefined) return;
    const backends = this.#settle(record);
    if (backends.length > 0) this.#options.onNews({ ...noNews, backends });
    for (const each of this.#services.values()) {
      if (each.service.kind !== "backends") this.#show(each);
    }
  }

  /** Logs and reports what changed. Returns what workers do not know yet. */
  #settle(service: ServiceRecord): BackendState[] {
    const news: BackendState[] = [];
    for (const each of service.backends.values()) {
      this.#reporter.found(each);
      each.shownAt(this.#now());
      if (!isNews(each)) continue;
      each.told = each.state;
      news.push(each.state);
    }
    this.#reporter.service(service);
    this.#show(service);
    return news;
  }

  #show(service: ServiceRecord): void {
    const now = this.#now();
    service.show(stateOf(service, this.#services, now), now);
  }

  // --- operators ---------------------------------------------------------------------------------

  /** false: there is no such backend. */
  drain(service: string, backend: string): boolean {
    return this.#setDraining(service, backend, true);
  }

  undrain(service: string, backend: string): boolean {
    return this.#setDraining(service, backend, false);
  }

  /** false: there is no such service. */
  pause(service: string): boolean {
    return this.#order(service, "paused", true);
  }

  unpause(service: string): boolean {
    return this.#order(service, "paused", false);
  }

  setMaintenance(service: string, isOn: boolean): boolean {
    return this.#order(service, "maintenance", isOn);
  }

  /** Survives a restart of the primary as the option `orders`. */
  orders(): OrderList {
    return this.#orders.list();
  }

  #setDraining(service: string, backend: string, isDraining: boolean): boolean {
    const record = this.#backend(service, backend);
    if (record === undefined) return false;
    if (record.isDraining === isDraining) return true;
    this.#orders.setDraining(service, backend, isDraining);
    record.isDraining = isDraining;
    const text = isDraining ? "backend drained by an operator" : "backend is drained no longer";
    this.#log.info(text, { service, backend });
    this.#settleBackend(record);
    return true;
  }

  #order(service: string, order: "paused" | "maintenance", isOn: boolean): boolean {
    const record = this.#services.get(service);
    if (record === undefined) return false;
    const ordered = this.#orders[order];
    const isChange = ordered.has(service) !== isOn;
    if (isOn) ordered.add(service);
    else ordered.delete(service);
    this.#takeOrders(record);
    const what = order === "paused" ? "service paused" : "service in maintenance";
    if (isChange) this.#log.info(isOn ? what : `${what} no longer`, { service });
    // Also when nothing changed: whoever says it again may see a worker that did not hear of it.
    this.#options.onNews({ ...noNews, services: [this.#orders.stateOf(service)] });
    this.#show(record);
    return true;
  }

  #takeOrders(record: ServiceRecord): void {
    const { isPaused, isInMaintenance } = this.#orders.stateOf(record.service.name);
    record.isPaused = isPaused;
    record.isInMaintenance = isInMaintenance;
  }

  // --- what is known -----------------------------------------------------------------------------

  /** All that is not as usual, for a worker that starts. */
  states(): StateNews {
    const backends = [...this.#services.values()].flatMap(({ backends }) => [...backends.values()]);
    const now = this.#now();
    return {
      backends: backends.filter((each) => each.isOdd).map((each) => each.state),
      services: this.#orders.states,
      marks: backends.flatMap((each) => each.markAt(now) ?? []),
    };
  }

  backendsOf(service: string): readonly string[] {
    return [...(this.#services.get(service)?.backends.keys() ?? [])];
  }

  wellOf(service: string): readonly string[] {
    const all = [...(this.#services.get(service)?.backends.values() ?? [])];
    return all.flatMap(({ isWell, backend }) => (isWell ? [backend.url] : []));
  }

  /** @param loads of each worker that said something */
  rows(loads: readonly (readonly ServiceLoad[])[]): ServiceRow[] {
    return rowsOf(this.#services, loads, this.#now());
  }

  /** Rows of single services, without what workers counted. */
  readonly byName = {
    get: (name: string): ServiceRow | undefined => {
      const record = this.#services.get(name);
      return record && rowOf(record, this.#services, { load: undefined, now: this.#now() });
    },
  };

  #backend(service: string, backend: string): BackendRecord | undefined {
    return this.#services.get(service)?.backends.get(backend);
  }

  [Symbol.dispose](): void {
    this.#checkers[Symbol.dispose]();
  }
}

function isNews({ told, isOdd, state }: BackendRecord): boolean {
  if (told === undefined) return isOdd;
  return told.health !== state.health || told.isDraining !== state.isDraining;
}

function hostsOf({ services }: Snapshot): Set<string> {
  const hosts = new Set<string>();
  for (const service of services.values()) {
    if (service.kind !== "backends") continue;
    for (const { address } of service.backends) {
      if (address.kind === "tcp") hosts.add(address.host);
    }
  }
  return hosts;
}
