// What an operator can ask of the running program. Declared here, implemented by `process`: the control
// socket, the API and the console know the rest of the program only through this.

import type { Access } from "./access.ts";
import type { Measures } from "./measures.ts";
import type { ChangeOutcome, Configuration, ItemChange } from "./configuration.ts";
import type { Explanation, Question } from "../explain/explanation.ts";
import type { Finding } from "../config/finding.ts";
import type { Problem } from "../config/problem.ts";
import type { Traffic } from "./traffic.ts";
import type { LogRecord } from "../lib/log.ts";

export interface Operations {
  readonly configuration: Configuration;
  /** How much is asked and answered, now and of late. */
  readonly measures: Measures;
  /** Single requests. */
  readonly traffic: Traffic;
  /** Who may use the API. */
  access(): Access;
  /** What the file says beside routes, services and providers, as it is served; without secrets. */
  settings(): Readonly<Record<string, unknown>>;
  status(): Status;
  routes(): readonly RouteRow[];
  workers(): readonly WorkerRow[];
  /** What becomes of a request, and why: now, or with these changes of the store. */
  explain(question: Question, changes: readonly ItemChange[]): Promise<Explained>;
  /** Services and their backends as they are now. Asks the workers: what one does not say in time is missing. */
  services(): Promise<readonly ServiceRow[]>;
  /** What the caches of routes keep, over all workers. */
  caches(): Promise<readonly CacheRow[]>;
  /** Takes answers out of all caches of all workers. */
  purgeCache(purge: CachePurge): Promise<Outcome>;
  /** All kinds of middlewares, and who uses them. */
  middlewares(): readonly MiddlewareRow[];
  /** What is discovered, and what became of it. */
  discovery(): DiscoveryRows;
  /** Who else is there; undefined = this program is in no fleet. */
  nodes(): FleetRows | undefined;
  /** Certificates and files that should hold some, in the order in which they are tried; without keys. */
  certificates(): readonly CertificateRow[];
  /** PEM of who signs for `tls: internal`; undefined = there is none yet. Never its key. */
  authority(): string | undefined;
  /** Has a certificate that is had by itself ordered now. @param certificate one of its names, or its fingerprint */
  renewCertificate(certificate: string): Promise<Outcome>;
  /** Has exchanges of a service wait. */
  pause(service: string): Promise<Outcome>;
  /** Lets go what `pause` holds; with a backend, ends its drain; and ends maintenance asked for here. */
  release(service: string, backend: string | undefined): Promise<Outcome>;
  /** A backend gets nothing but the sessions it has. */
  drainBackend(service: string, backend: string): Promise<Outcome>;
  setMaintenance(service: string, isOn: boolean): Promise<Outcome>;
  /** Sends a test message over every channel, and says what came of each. */
  testAlert(): Promise<AlertTest>;
  /** Reads the configuration again. */
  reload(): Promise<Outcome>;
  /** Replaces all workers, one by one, by such that run the code now on disk. */
  restart(): Promise<Outcome>;
  /** Replaces the primary and all workers by such that run the code now on disk. */
  upgrade(): Promise<Outcome>;
  /** Goes over to another number of workers, until the configuration says another one. */
  resize(size: number | "auto"): Promise<Outcome>;
  /** Accepts no more connections, and finishes what runs; everything else stays. */
  drain(): Promise<Outcome>;
  /** Accepts connections again after `drain`. */
  resume(): Promise<Outcome>;
  /** Ends the program; the second time at once. */
  stop(): void;
  /** Drains and ends a primary that lost its supervisor, in favour of a successor; refused otherwise. */
  retire(): Outcome;
  readonly log: LogTail;
}

/** Changes that cannot be made cannot be explained either. */
export type Explained =
  | { readonly kind: "explained"; readonly explanation: Explanation }
  | Exclude<ChangeOutcome, { kind: "done" }>;

/** The latest lines of the diagnostics log, and those to come. */
export interface LogTail {
  recent(count: number): readonly LogRecord[];
  /** Returns the function that ends it. */
  follow(listener: (record: LogRecord) => void): () => void;
}

/** What is kept of one route, and what became of its requests since the workers began. */
export interface CacheRow {
  readonly route: string;
  readonly entries: number;
  readonly bytes: number;
  readonly hits: number;
  /** Of these, no longer fresh. */
  readonly stale: number;
  readonly misses: number;
  /** Asked again, and still so. */
  readonly revalidated: number;
  /** Went past the cache. */
  readonly passed: number;
  readonly stored: number;
  readonly evictions: number;
  /** Read from disk. */
  readonly diskHits: number;
  /** On disk, for all workers. */
  readonly diskBytes: number;
}

export interface MiddlewareRow {
  readonly kind: string;
  /** A sentence in Markdown. */
  readonly summary: string;
  /** Name of its page in the documentation. */
  readonly page: string;
  /** How many use it. */
  readonly uses: number;
  /** The first of them: `route NAME`, `service NAME`, `listener NAME`. */
  readonly owners: readonly string[];
}

/** URLs and prefixes are `https://host/path?query`, as clients asked for them. */
export interface CachePurge {
  readonly kind: "url" | "prefix" | "tag" | "all";
  readonly value: string;
  /** Only of this route. */
  readonly owner?: string;
}

export interface Outcome {
  readonly ok: boolean;
  /** One sentence for a person. */
  readonly message: string;
  /** What is wrong with the configuration, if that is the reason. */
  readonly problems?: readonly Problem[];
}

/** Refused without any channel; `ok` when all of them took it. */
export interface AlertTest extends Outcome {
  readonly channels: readonly ChannelResult[];
}

export interface ChannelResult {
  /** As configured. */
  readonly channel: string;
  readonly ok: boolean;
  /** What the other side said, or why nobody could be told; without secrets. */
  readonly text: string;
}

export interface Status {
  readonly version: string;
  readonly pid: number;
  /** Of the process that was started; the same as `pid` with `workers: 0`. */
  readonly mainPid: number;
  readonly node: string;
  /** `serving`, `draining` (accepts no more), `stopping`, `orphaned` (lost its supervisor). */
  readonly state: "serving" | "draining" | "stopping" | "orphaned";
  /** Milliseconds since this primary began. */
  readonly uptime: number;
  readonly config: string | undefined;
  readonly snapshot: { readonly version: number; readonly routes: number; readonly since: string };
  /** Problems of a configuration that could not go live, until one does. */
  readonly problems: readonly Problem[];
  /** Tests of routes that fail with what is live. */
  readonly failedTests: readonly Problem[];
  /** Why the store cannot be changed, or not even be read; undefined = it can. */
  readonly store: string | undefined;
  /** Providers that fail, or have not said anything yet. */
  readonly silent: readonly ProviderRow[];
  readonly listeners: readonly {
    readonly name: string;
    readonly addresses: readonly { readonly host: string; readonly port: number }[];
  }[];
  readonly workers: { readonly wanted: number; readonly live: number; readonly leaving: number };
  readonly counts: Counts;
  /** Resident bytes of primary and workers. */
  readonly memory: number;
}

/** Of one worker, or the sum of all. */
export interface Counts {
  /** Client connections open now. */
  readonly connections: number;
  readonly exchanges: number;
  readonly tunnels: number;
  /** Exchanges answered since the start, workers that are gone included. */
  readonly answered: number;
}

export const noCounts: Counts = { connections: 0, exchanges: 0, tunnels: 0, answered: 0 };

export interface RouteRow {
  readonly name: string;
  readonly rule: string;
  readonly service: string | undefined;
  readonly backends: readonly string[];
  readonly origin: string;
}

export interface ServiceRow {
  readonly name: string;
  /** All but `backends` have services in the place of backends. */
  readonly kind: "backends" | "files" | "split" | "failover" | "mirror" | "addressed";
  readonly balance: string;
  /** `up`: every backend is; `degraded`: some are; `down`: none is. */
  readonly state: "up" | "degraded" | "down" | "paused" | "maintenance";
  /** Of the state, ISO 8601. */
  readonly since: string;
  /** Requests waiting for a backend or for the end of a pause, in all workers. */
  readonly held: number;
  /** Of the circuit breaker; undefined = there is none. */
  readonly breaker: "closed" | "open" | "recovering" | undefined;
  /** What it consists of: services of a split, a failover or a mirror with their share, or by their address. */
  readonly parts: readonly { readonly service: string; readonly share: string }[];
  /** Of files: their folder, with the container that it is of. */
  readonly root?: string;
  readonly backends: readonly BackendRow[];
}

export interface BackendRow {
  /** Of a container that is no backend now: its name. */
  readonly url: string;
  /**
   * `up`; `down` by checks; `unchecked`: waits for its first good check; `dead`: failed in traffic, tried
   * again soon; `draining`: finishes what it has. The others are of containers that are no backends now:
   * `unreachable` runs, but has no address or port; `missing` is led to, and nobody knows it.
   */
  readonly state:
    | "up"
    | "down"
    | "unchecked"
    | "dead"
    | "draining"
    | "stopped"
    | "starting"
    | "unhealthy"
    | "paused"
    | "unreachable"
    | "missing";
  /** ISO 8601. */
  readonly since: string;
  /** Why it is so; "" when there is nothing to say. */
  readonly why: string;
  readonly weight: number;
  readonly tier: number;
  /** Requests and streams it carries, those that wait for a connection included. */
  readonly inFlight: number;
  readonly waiting: number;
  readonly answered: number;
  readonly failed: number;
  /** Average of late, ms. */
  readonly latency: number;
  /** undefined = it is not checked, or was not yet. */
  readonly lastCheck:
    | { readonly at: string; readonly isGood: boolean; readonly ms: number; readonly text: string }
    | undefined;
}

export interface WorkerRow {
  readonly pid: number;
  /** Place in the row of workers, from 0; a replacement has the place of whom it replaces. */
  readonly slot: number;
  /** `leaving` finishes what it carries. */
  readonly state: "starting" | "live" | "leaving";
  readonly since: string;
  /** Snapshot it serves with. */
  readonly snapshot: number;
  readonly memory: number;
  readonly counts: Counts;
  /** Why it is leaving, or why its predecessor left. */
  readonly reason: string | undefined;
}

export interface DiscoveryRows {
  /** As configured, the most trusted first; empty = nothing is discovered. */
  readonly providers: readonly ProviderRow[];
  readonly findings: readonly Finding[];
  /** What was claimed and not granted. */
  readonly refusals: readonly Refusal[];
}

export interface ProviderRow {
  readonly name: string;
  /** `docker`, `podman`, `lxc`, `incus`, `lxd`, `libvirt`, `redis`, `hipache`, `etcd`, `http`. */
  readonly kind: string;
  /** `starting`: has said nothing yet; `failing`: cannot be asked, and what it said last stays. */
  readonly state: "ok" | "failing" | "starting";
  /** Why it fails and what to do, a sentence; undefined = nothing is the matter. */
  readonly trouble: string | undefined;
  /** Of the state, ISO 8601. */
  readonly since: string;
  /** How many containers and virtual machines it knows, or routes, services and overlays. */
  readonly found: number;
}

export interface FleetRows {
  /** Of its keys in etcd. */
  readonly prefix: string;
  readonly endpoints: readonly string[];
  /** `away`: etcd does not answer; `alone`: another node has our name. */
  readonly state: "starting" | "joined" | "away" | "alone";
  /** Why it is not joined, a sentence; undefined = nothing is the matter. */
  readonly trouble: string | undefined;
  /** Of the state, ISO 8601. */
  readonly since: string;
  /** When etcd answered last, ISO 8601; undefined = never. */
  readonly seen: string | undefined;
  /** How long that took, ms. */
  readonly lag: number;
  /** This one first. */
  readonly nodes: readonly NodeRow[];
}

export interface NodeRow {
  readonly name: string;
  /** It is this program. */
  readonly isSelf: boolean;
  /** `gone`: it left, or was not heard of for its time; `unknown`: etcd cannot be asked. */
  readonly state: "up" | "gone" | "unknown";
  /** When it was there for certain, ISO 8601; undefined = that is not known. */
  readonly seen: string | undefined;
  readonly version: string;
  /** Of its main process. */
  readonly pid: number;
  /** Since when it runs, ISO 8601. */
  readonly since: string;
  /** Version of the snapshot that it serves. */
  readonly snapshot: number;
  /** `NAME HOST:PORT`. */
  readonly listeners: readonly string[];
  /** `HOST:PORT` of its API. */
  readonly admin: readonly string[];
}

export interface Refusal {
  /** Who asked: `docker container web1, label tidegate.host`. */
  readonly place: string;
  /** What was refused, and why. */
  readonly message: string;
}

export interface CertificateRow {
  /** Of what cannot be used and was never usable: none. */
  readonly names: readonly string[];
  readonly kind: "ec" | "rsa" | undefined;
  /** SHA-256, hex. */
  readonly fingerprint: string | undefined;
  /** Who signed it, for people. */
  readonly issuer: string;
  /** ISO 8601. */
  readonly from: string | undefined;
  readonly until: string | undefined;
  /** `unusable`: what is there now; where there are names, what was there before is shown on. */
  readonly state:
    | "ok"
    | "expires soon"
    | "expired"
    | "not yet valid"
    | "unusable"
    /** Of names that have none yet: it is being had, or it could not be. */
    | "ordering"
    | "waiting";
  /** Of `unusable`, ISO 8601. */
  readonly since: string | undefined;
  /** Why it is so, and what is odd: sentences; "" = nothing is to be said. */
  readonly why: string;
  /** File or folder; of one that is kept elsewhere the source and its place: `redis: key tidegate:tls:a.test`. */
  readonly source: string;
  /** Under which name the API has it; undefined = it is no item. */
  readonly item: string | undefined;
  /** A route needs it, or it is shown when no other fits. */
  readonly isNeeded: boolean;
}
