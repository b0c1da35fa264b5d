// Every metric there is: what it is called, what it says, and where its numbers are. The exposition, the page
// docs/reference/metrics.md, and the test of the dashboard are made from this table.

import {
  backendCell,
  cacheCell,
  listenerCell,
  middlewareCell,
  type MeterKind,
  routeCell,
  serviceCell,
  statusClasses,
  streamCell,
} from "./layout.ts";

export interface Family {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
}

/** Of rows that workers count in. The labels of the row come first. */
export interface CountedFamily extends Family {
  readonly kind: MeterKind;
  readonly cells: readonly CellOf[];
  /** Of a histogram: where its buckets begin. */
  readonly buckets?: number;
}

interface CellOf {
  readonly cell: number;
  /** Value of the last label, where there is one more than the row has. */
  readonly label?: string;
}

const classes = Array.from({ length: statusClasses }, (_, at): CellOf => {
  return { cell: at, label: at === 0 ? "none" : `${at}xx` };
});

const counter = (name: string, kind: MeterKind, labels: string, help: string, cells: Cells) =>
  counted("counter", name, kind, labels, help, cells);

const gauge = (name: string, kind: MeterKind, labels: string, help: string, cells: Cells) =>
  counted("gauge", name, kind, labels, help, cells);

type Cells = number | readonly CellOf[];

function counted(
  type: "counter" | "gauge",
  name: string,
  kind: MeterKind,
  labels: string,
  help: string,
  cells: Cells,
): CountedFamily {
  const all = typeof cells === "number" ? [{ cell: cells }] : cells;
  return { name, type, help, labels: labels.split(" "), kind, cells: all };
}

function outcomes(named: Readonly<Record<string, number>>): readonly CellOf[] {
  return Object.entries(named).map(([label, cell]) => ({ cell, label }));
}

export const countedFamilies: readonly CountedFamily[] = [
  counter(
    "tidegate_requests_total",
    "route",
    "route code",
    "Requests that are over, by the hundreds of the status that the client got, for gRPC calls of the one that theirs stands for; none = it got no answer.",
    classes,
  ),
  {
    name: "tidegate_request_duration_seconds",
    type: "histogram",
    help: "From the head of a request to the end of its answer, upgraded connections apart.",
    labels: ["route"],
    kind: "route",
    cells: [{ cell: routeCell.seconds }],
    buckets: routeCell.buckets,
  },
  gauge(
    "tidegate_requests_in_flight",
    "route",
    "route",
    "Requests and upgraded connections that run now.",
    routeCell.open,
  ),
  counter(
    "tidegate_request_bytes_total",
    "route",
    "route",
    "Bytes of requests, heads included.",
    routeCell.bytesIn,
  ),
  counter(
    "tidegate_response_bytes_total",
    "route",
    "route",
    "Bytes of the bodies of answers.",
    routeCell.bytesOut,
  ),
  counter(
    "tidegate_upgrades_total",
    "route",
    "route",
    "Upgraded connections (WebSockets) that are over.",
    routeCell.upgrades,
  ),
  counter(
    "tidegate_failures_total",
    "failure",
    "route failure",
    "Exchanges that failed, by the name of what went wrong (docs/reference/errors.md).",
    0,
  ),
  counter(
    "tidegate_middleware_answers_total",
    "middleware",
    "route middleware outcome",
    "Requests that a middleware did not let pass, by its kind: refused, or answered by itself.",
    outcomes({ refused: middlewareCell.refused, answered: middlewareCell.answered }),
  ),
  counter(
    "tidegate_service_requests_total",
    "service",
    "service",
    "Requests and streams that a service was asked for.",
    serviceCell.answered,
  ),
  counter(
    "tidegate_service_failures_total",
    "service",
    "service",
    "Those of them that were answered 5xx, or not at all.",
    serviceCell.failed,
  ),
  {
    name: "tidegate_service_response_seconds",
    type: "histogram",
    help: "From asking a backend of the service to the beginning of its answer.",
    labels: ["service"],
    kind: "service",
    cells: [{ cell: serviceCell.seconds }],
    buckets: serviceCell.buckets,
  },
  gauge(
    "tidegate_service_waiting",
    "service",
    "service",
    "Requests that wait for a backend, or for the end of a pause.",
    serviceCell.waiting,
  ),
  counter(
    "tidegate_backend_requests_total",
    "backend",
    "service backend",
    "Requests that a backend answered.",
    backendCell.answered,
  ),
  counter(
    "tidegate_backend_failures_total",
    "backend",
    "service backend",
    "Requests that a backend failed at.",
    backendCell.failed,
  ),
  gauge(
    "tidegate_backend_in_flight",
    "backend",
    "service backend",
    "Requests and streams that a backend carries now.",
    backendCell.open,
  ),
  gauge(
    "tidegate_backend_waiting",
    "backend",
    "service backend",
    "Requests that wait for a connection to a backend.",
    backendCell.waiting,
  ),
  counter(
    "tidegate_listener_connections_total",
    "listener",
    "listener outcome",
    "Connections of clients: accepted, or refused since there were too many.",
    outcomes({ accepted: listenerCell.accepted, refused: listenerCell.refused }),
  ),
  gauge(
    "tidegate_listener_connections_open",
    "listener",
    "listener",
    "Connections of clients that are open now.",
    listenerCell.open,
  ),
  counter(
    "tidegate_tls_handshakes_total",
    "listener",
    "listener version",
    "TLS handshakes of clients that were done, by the version agreed on.",
    outcomes({ "1.2": listenerCell.tls12, "1.3": listenerCell.tls13 }),
  ),
  counter(
    "tidegate_tls_handshake_failures_total",
    "listener",
    "listener",
    "TLS handshakes of clients that failed, or were refused.",
    listenerCell.handshakesFailed,
  ),
  counter(
    "tidegate_http2_connections_total",
    "listener",
    "listener",
    "Connections of clients that spoke HTTP/2.",
    listenerCell.http2,
  ),
  gauge(
    "tidegate_http2_connections_open",
    "listener",
    "listener",
    "Connections of clients that speak HTTP/2 and are open now.",
    listenerCell.http2Open,
  ),
  counter(
    "tidegate_http2_streams_total",
    "listener",
    "listener",
    "Streams that clients opened over HTTP/2: one for each request.",
    listenerCell.http2Streams,
  ),
  counter(
    "tidegate_http2_streams_reset_total",
    "listener",
    "listener",
    "Streams that clients reset before their answer was complete.",
    listenerCell.http2Resets,
  ),
  counter(
    "tidegate_http2_faults_total",
    "listener",
    "listener",
    "HTTP/2 connections that were ended for a fault of the protocol, floods apart.",
    listenerCell.http2Faults,
  ),
  counter(
    "tidegate_http2_floods_total",
    "flood",
    "listener flood",
    "HTTP/2 connections that were ended for a flood, by its kind (docs/guide/http2.md).",
    0,
  ),
  counter(
    "tidegate_streams_total",
    "stream",
    "listener outcome",
    "TCP connections and UDP sessions that were carried as they are and are over.",
    outcomes({ ended: streamCell.ended, failed: streamCell.failed }),
  ),
  counter(
    "tidegate_stream_received_bytes_total",
    "stream",
    "listener",
    "Bytes that clients of streams sent, told when a stream is over.",
    streamCell.bytesIn,
  ),
  counter(
    "tidegate_stream_sent_bytes_total",
    "stream",
    "listener",
    "Bytes that clients of streams got, told when a stream is over.",
    streamCell.bytesOut,
  ),
  counter(
    "tidegate_cache_requests_total",
    "cache",
    "route result",
    "Requests of routes with a cache: hit (stale ones included), stale, miss, revalidated, passed.",
    outcomes({
      hit: cacheCell.hits,
      stale: cacheCell.stale,
      miss: cacheCell.misses,
      revalidated: cacheCell.revalidated,
      passed: cacheCell.passed,
    }),
  ),
  counter(
    "tidegate_cache_stored_total",
    "cache",
    "route",
    "Answers that were put into a cache.",
    cacheCell.stored,
  ),
  counter(
    "tidegate_cache_evictions_total",
    "cache",
    "route",
    "Answers that had to make room.",
    cacheCell.evictions,
  ),
  gauge(
    "tidegate_cache_entries",
    "cache",
    "route",
    "Answers that are kept now, over all workers.",
    cacheCell.entries,
  ),
  gauge(
    "tidegate_cache_bytes",
    "cache",
    "route",
    "Bytes of the answers that are kept now, over all workers.",
    cacheCell.bytes,
  ),
];

const known = (type: "counter" | "gauge", name: string, labels: string, help: string): Family => ({
  name,
  type,
  help,
  labels: labels === "" ? [] : labels.split(" "),
});

/** What the primary knows without counting; asked for when somebody asks. */
export const knownFamilies = {
  backendUp: known(
    "gauge",
    "tidegate_backend_up",
    "service backend",
    "Whether requests may go to a backend: 1, or 0 while it is down, dead or not checked yet.",
  ),
  backendStopped: known(
    "gauge",
    "tidegate_backend_stopped",
    "service backend",
    "A backend whose container or machine does not run: always 1, and not there otherwise.",
  ),
  serviceUp: known(
    "gauge",
    "tidegate_service_up",
    "service",
    "Whether a service has a backend that may be asked: 1, or 0 while it is down, paused or in maintenance.",
  ),
  serviceHeld: known(
    "gauge",
    "tidegate_service_on_hold",
    "service state",
    "A service that operators have paused, or put into maintenance: always 1, and not there otherwise.",
  ),
  workers: known(
    "gauge",
    "tidegate_workers",
    "state",
    "Processes that serve, by their state; wanted = how many there should be.",
  ),
  workerMemory: known(
    "gauge",
    "tidegate_worker_memory_bytes",
    "worker",
    "Resident memory of a worker, by its place from 0.",
  ),
  workerConnections: known(
    "gauge",
    "tidegate_worker_connections_open",
    "worker",
    "Connections of clients that a worker has.",
  ),
  workerCpu: known(
    "counter",
    "tidegate_worker_cpu_seconds_total",
    "worker",
    "Processor time of the worker that is at a place now.",
  ),
  workerBusy: known(
    "gauge",
    "tidegate_worker_event_loop_busy_ratio",
    "worker",
    "Part of the last second in which the event loop of a worker was busy.",
  ),
  workerLag: known(
    "gauge",
    "tidegate_worker_event_loop_lag_seconds",
    "worker",
    "How late a timer of a worker was last.",
  ),
  replacements: known(
    "counter",
    "tidegate_worker_replacements_total",
    "worker",
    "Workers that died or were replaced for a reason of their own, by place.",
  ),
  certificateEnd: known(
    "gauge",
    "tidegate_certificate_expiry_timestamp_seconds",
    "certificate source fingerprint",
    "When a certificate ends, seconds since 1970.",
  ),
  certificates: known("gauge", "tidegate_certificates", "state", "Certificates by their state."),
  providerUp: known(
    "gauge",
    "tidegate_provider_up",
    "provider kind",
    "Whether a provider answers.",
  ),
  providerFound: known(
    "gauge",
    "tidegate_provider_found",
    "provider kind",
    "Containers, virtual machines or items that a provider knows.",
  ),
  configVersion: known(
    "gauge",
    "tidegate_config_version",
    "",
    "Number of the configuration that is served; each change counts it up.",
  ),
  configTime: known(
    "gauge",
    "tidegate_config_live_timestamp_seconds",
    "",
    "Since when that one is served, seconds since 1970.",
  ),
  configGood: known(
    "gauge",
    "tidegate_config_last_reload_successful",
    "",
    "Whether what the file says now is served.",
  ),
  configProblems: known(
    "gauge",
    "tidegate_config_problems",
    "",
    "Problems of a configuration that could not go live.",
  ),
  routes: known("gauge", "tidegate_config_routes", "", "Routes that are served."),
  memory: known(
    "gauge",
    "tidegate_process_memory_bytes",
    "",
    "Resident memory of the primary and all workers.",
  ),
  primaryCpu: known(
    "counter",
    "tidegate_primary_cpu_seconds_total",
    "",
    "Processor time of the primary.",
  ),
  descriptors: known(
    "gauge",
    "tidegate_process_open_fds",
    "process",
    "Open file descriptors: of the primary, and of each worker by place.",
  ),
  start: known(
    "gauge",
    "tidegate_start_timestamp_seconds",
    "",
    "When this primary began, seconds since 1970. Counters began at 0 then.",
  ),
  series: known(
    "gauge",
    "tidegate_metrics_rows",
    "kind",
    "Rows that are counted by name; at metrics.maxSeries all others are one row, (other).",
  ),
  build: known(
    "gauge",
    "tidegate_build_info",
    "version node",
    "Version of the program and of Node; always 1.",
  ),
} as const satisfies Readonly<Record<string, Family>>;

export const families: readonly Family[] = [...countedFamilies, ...Object.values(knownFamilies)];
