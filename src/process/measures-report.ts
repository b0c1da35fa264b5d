// What a process that serves tells of its numbers about once a second. What is counted elsewhere anyway (services, listeners,
// caches) is looked at then, so that counting it costs a request nothing.

import { performance, type EventLoopUtilization } from "node:perf_hooks";
import {
  backendCell,
  cacheCell,
  listenerCell,
  type MeasureReport,
  serviceCell,
  streamCell,
} from "../metrics/layout.ts";
import type { Meter, MeterBook } from "../metrics/meter.ts";
import type { Http2Counts, ListenerCounts } from "../listen/listener-counts.ts";
import type { CacheRow } from "../proxy/caches.ts";
import type { CarriedStream } from "../proxy/logged-stream.ts";
import type { LiveBackend } from "../upstream/live-backend.ts";
import type { LiveService } from "../upstream/live-service.ts";

export interface MeasuredPlane {
  services(): Iterable<LiveService>;
  caches(): readonly CacheRow[];
  listeners(): Iterable<readonly [name: string, counts: ListenerCounts, open: number]>;
}

/** What was seen of one service. */
interface SeenService {
  readonly meter: Meter;
  /** One that was given up may carry something yet when its URL has come back: each counts for itself. */
  readonly backends: Map<LiveBackend, Meter>;
  isBusy: boolean;
}

export class MeasuresReporter {
  readonly #book: MeterBook;
  readonly #plane: MeasuredPlane;
  readonly #services = new Map<LiveService, SeenService>();
  readonly #listeners = new Map<ListenerCounts, Meter>();
  readonly #floods = new WeakMap<Http2Counts, Map<string, Meter>>();
  readonly #caches = new Map<string, Meter>();
  readonly #streams = new Map<string, Meter>();
  #utilization: EventLoopUtilization = performance.eventLoopUtilization();

  constructor(book: MeterBook, plane: MeasuredPlane) {
    this.#book = book;
    this.#plane = plane;
  }

  /** A stream is over. */
  onStream({ listener, bytesIn, bytesOut, failure }: CarriedStream): void {
    // As many as there are listeners.
    let meter = this.#streams.get(listener);
    if (meter === undefined) {
      meter = this.#book.meter("stream", listener);
      this.#streams.set(listener, meter);
    }
    meter.add(failure === undefined ? streamCell.ended : streamCell.failed, 1);
    meter.add(streamCell.bytesIn, bytesIn);
    meter.add(streamCell.bytesOut, bytesOut);
  }

  /** @param lag how late it is called, seconds */
  report(lag: number): MeasureReport {
    this.#lookAtServices();
    this.#lookAtListeners();
    this.#lookAtCaches();
    const utilization = performance.eventLoopUtilization();
    const { utilization: busy } = performance.eventLoopUtilization(utilization, this.#utilization);
    this.#utilization = utilization;
    const { user, system } = process.cpuUsage();
    const cpu = (user + system) / 1e6;
    return { rows: this.#book.take(), cpu, busy: Number.isFinite(busy) ? busy : 0, lag };
  }

  #lookAtServices(): void {
    const gone = new Set(this.#services.keys());
    for (const service of this.#plane.services()) {
      gone.delete(service);
      const seen = this.#services.get(service);
      // Of ten thousand most are never asked.
      if (seen === undefined && service.outcomes.answered === 0 && !isBusy(service)) continue;
      this.#lookAt(service, seen ?? this.#see(service));
    }
    // What they carry goes on, and is counted when it is over.
    for (const service of gone) {
      const seen = this.#services.get(service);
      if (seen !== undefined) this.#lookAt(service, seen);
      if (!isBusy(service)) this.#services.delete(service);
    }
  }

  #see(service: LiveService): SeenService {
    const meter = this.#book.meter("service", service.name);
    const seen: SeenService = { meter, backends: new Map(), isBusy: false };
    this.#services.set(service, seen);
    return seen;
  }

  #lookAt(service: LiveService, seen: SeenService): void {
    const { meter } = seen;
    const { answered, failed } = service.outcomes;
    const isBusyNow = isBusy(service);
    meter.follow(serviceCell.answered, answered);
    meter.follow(serviceCell.failed, failed);
    meter.set(serviceCell.waiting, service.waitingCount);
    // Without a request there is nothing new of its backends either; what began is over at the next look.
    if (!meter.isChanged && !isBusyNow && !seen.isBusy) return;
    seen.isBusy = isBusyNow;
    const { times } = service;
    meter.follow(serviceCell.seconds, times.seconds);
    for (const [at, count] of times.counts.entries()) meter.follow(serviceCell.buckets + at, count);
    this.#lookAtBackends(service, seen.backends);
  }

  #lookAtBackends(service: LiveService, backends: Map<LiveBackend, Meter>): void {
    const gone = new Set(backends.keys());
    for (const backend of service.carriers) {
      gone.delete(backend);
      let meter = backends.get(backend);
      if (meter === undefined) {
        meter = this.#book.meter("backend", service.name, backend.url);
        backends.set(backend, meter);
      }
      lookAtBackend(backend, meter);
    }
    for (const backend of gone) {
      // It carries nothing any more; the last of it was not told yet.
      const meter = backends.get(backend);
      if (meter !== undefined) lookAtBackend(backend, meter);
      backends.delete(backend);
    }
  }

  #lookAtListeners(): void {
    const gone = new Set(this.#listeners.keys());
    for (const [name, counts, open] of this.#plane.listeners()) {
      gone.delete(counts);
      let meter = this.#listeners.get(counts);
      if (meter === undefined) {
        meter = this.#book.meter("listener", name);
        this.#listeners.set(counts, meter);
      }
      meter.follow(listenerCell.accepted, counts.accepted);
      meter.follow(listenerCell.refused, counts.refused);
      meter.follow(listenerCell.handshakesFailed, counts.handshakesFailed);
      meter.follow(listenerCell.tls12, counts.tls12);
      meter.follow(listenerCell.tls13, counts.tls13);
      meter.set(listenerCell.open, open);
      this.#lookAtHttp2(name, meter, counts.http2);
    }
    for (const counts of gone) {
      this.#listeners.get(counts)?.set(listenerCell.open, 0);
      this.#listeners.get(counts)?.set(listenerCell.http2Open, 0);
      this.#listeners.delete(counts);
    }
  }

  #lookAtHttp2(listener: string, meter: Meter, http2: Http2Counts): void {
    meter.follow(listenerCell.http2, http2.connections);
    meter.follow(listenerCell.http2Streams, http2.streams);
    meter.follow(listenerCell.http2Resets, http2.resets);
    meter.follow(listenerCell.http2Faults, http2.faults);
    meter.set(listenerCell.http2Open, http2.open);
    for (const [flood, count] of http2.floods) {
      // Its own for each object that counts: another one of that name goes on from 0.
      let floods = this.#floods.get(http2);
      if (floods === undefined) this.#floods.set(http2, (floods = new Map()));
      let of = floods.get(flood);
      if (of === undefined) floods.set(flood, (of = this.#book.meter("flood", listener, flood)));
      of.follow(0, count);
    }
  }

  #lookAtCaches(): void {
    const gone = new Set(this.#caches.keys());
    for (const row of this.#plane.caches()) {
      gone.delete(row.route);
      let meter = this.#caches.get(row.route);
      if (meter === undefined) {
        meter = this.#book.meter("cache", row.route);
        this.#caches.set(row.route, meter);
      }
      for (const name of followed) meter.follow(cacheCell[name], row[name]);
      meter.set(cacheCell.entries, row.entries);
      meter.set(cacheCell.bytes, row.bytes);
    }
    for (const route of gone) {
      this.#caches.get(route)?.set(cacheCell.entries, 0);
      this.#caches.get(route)?.set(cacheCell.bytes, 0);
      this.#caches.delete(route);
    }
  }
}

function isBusy({ waitingCount, isCarrying }: LiveService): boolean {
  return waitingCount > 0 || isCarrying;
}

function lookAtBackend({ loadRow }: LiveBackend, meter: Meter): void {
  meter.follow(backendCell.answered, loadRow.answered);
  meter.follow(backendCell.failed, loadRow.failed);
  meter.set(backendCell.open, loadRow.inFlight);
  meter.set(backendCell.waiting, loadRow.waiting);
}

const followed = [
  "hits",
  "stale",
  "misses",
  "revalidated",
  "passed",
  "stored",
  "evictions",
] as const;
