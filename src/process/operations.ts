// What operators can ask of the running program, answered by the primary. src/admin carries the questions.

import type { Access } from "../admin/access.ts";
import type { Configuration, ItemChange } from "../admin/configuration.ts";
import type { Measures } from "../admin/measures.ts";
import { noCounts } from "../admin/operations.ts";
import type {
  CachePurge,
  CacheRow,
  AlertTest,
  CertificateRow,
  DiscoveryRows,
  Explained,
  FleetRows,
  LogTail,
  MiddlewareRow,
  Operations,
  Outcome,
  RouteRow,
  ServiceRow,
  Status,
  WorkerRow,
} from "../admin/operations.ts";
import type { Question } from "../explain/explanation.ts";
import type { Finding } from "../config/finding.ts";
import { formatRule } from "../config/rule.ts";
import type { Traffic } from "../admin/traffic.ts";
import { answerersOf } from "../config/service-parts.ts";
import type { Service } from "../config/service.ts";
import type { Order } from "../fleet/fleet-keys.ts";
import type { Health } from "../health/health.ts";
import { placeOf } from "../health/rows.ts";
import type { Log } from "../lib/log.ts";
import { addCaches, normalisedPurge } from "./cache-report.ts";
import type { Ordered } from "./fleet-link.ts";
import type { Explanations } from "./explanations.ts";
import type { Providers } from "./providers.ts";
import type { Primary } from "./primary.ts";
import type { Crew } from "./crew.ts";
import { shownSettings } from "./shown-settings.ts";
import { middlewareRows } from "./middleware-rows.ts";
import { loadsOf } from "./serving.ts";
import { residentBytes } from "./resident-memory.ts";

export interface OperationsOptions {
  readonly version: string;
  readonly mainPid: number;
  readonly config: string | undefined;
  readonly primary: Primary;
  readonly health: Health;
  readonly providers: Providers;
  readonly configuration: Configuration;
  readonly explanations: Explanations;
  readonly measures: Measures;
  readonly traffic: Traffic;
  /** Why nothing can be changed; undefined = it can. */
  storeTrouble(): string | undefined;
  access(): Access;
  /** Operators asked for something that a successor must know of. */
  onOrders(ordered: Ordered | undefined): void;
  nodes(): FleetRows | undefined;
  certificates(): readonly CertificateRow[];
  authority(): string | undefined;
  renewCertificate(certificate: string): Outcome;
  testAlert(): Promise<AlertTest>;
  readonly log: Log;
  readonly tail: LogTail;
  /** undefined = a single process serves. */
  crew(): Crew | undefined;
  /** Has a successor started; throws why it could not. */
  upgrade(): Promise<void>;
  isOrphaned(): boolean;
  /** Ends the program, or is in a hurry about it. */
  stop(isNow: boolean): void;
}

const single = "everything runs in one process (workers: 0): stop and start it instead";

/** Shown as refused; more of them nobody reads. */
const mostConflicts = 1000;

export class RunningProgram implements Operations {
  readonly #options: OperationsOptions;
  readonly #primary: Primary;
  readonly #startedAt = performance.now();
  #isStopAsked = false;

  constructor(options: OperationsOptions) {
    this.#options = options;
    this.#primary = options.primary;
  }

  get configuration(): Configuration {
    return this.#options.configuration;
  }

  get traffic(): Traffic {
    return this.#options.traffic;
  }

  get measures(): Measures {
    return this.#options.measures;
  }

  access(): Access {
    return this.#options.access();
  }

  settings(): Readonly<Record<string, unknown>> {
    const { snapshot } = this.#primary;
    return snapshot === undefined ? {} : shownSettings(snapshot);
  }

  status(): Status {
    const { version, mainPid, config } = this.#options;
    const { serving, snapshot, since, problems } = this.#primary;
    const rows = serving?.rows ?? [];
    return {
      version,
      pid: process.pid,
      mainPid,
      node: process.version,
      state: this.#state,
      uptime: Math.round(performance.now() - this.#startedAt),
      config,
      snapshot: { version: snapshot?.version ?? 0, routes: snapshot?.routes.length ?? 0, since },
      problems,
      failedTests: this.#options.explanations.warnings,
      store: this.#options.storeTrouble(),
      silent: this.#options.providers.states.filter(({ state }) => state !== "ok"),
      listeners: Object.entries(serving?.bound ?? {}).map(([name, addresses]) => ({
        name,
        addresses,
      })),
      workers: {
        wanted: serving?.wanted ?? 0,
        live: rows.filter(({ state }) => state === "live").length,
        leaving: rows.filter(({ state }) => state === "leaving").length,
      },
      counts: serving?.counts ?? noCounts,
      memory: residentBytes() + (serving?.memory ?? 0),
    };
  }

  get #state(): Status["state"] {
    if (this.#primary.isStopping) return "stopping";
    if (this.#options.isOrphaned()) return "orphaned";
    return this.#primary.isDraining ? "draining" : "serving";
  }

  routes(): readonly RouteRow[] {
    const { snapshot } = this.#primary;
    if (snapshot === undefined) return [];
    return snapshot.routes.map(({ name, rule, service, origin }) => ({
      name,
      rule: formatRule(rule),
      service,
      backends: placesOf(snapshot.services.get(service ?? "")),
      origin: origin.place,
    }));
  }

  workers(): readonly WorkerRow[] {
    return this.#primary.serving?.rows ?? [];
  }

  explain(question: Question, changes: readonly ItemChange[]): Promise<Explained> {
    return this.#options.explanations.explain(question, changes);
  }

  async services(): Promise<readonly ServiceRow[]> {
    return this.#options.health.rows(await loadsOf(this.#primary.serving));
  }

  async caches(): Promise<readonly CacheRow[]> {
    return addCaches(
      (await this.#primary.serving?.ask("caches", { kind: "caches", purge: undefined })) ?? [],
    );
  }

  async purgeCache(purge: CachePurge): Promise<Outcome> {
    const question = { kind: "caches", purge: normalisedPurge(purge) } as const;
    const reports = (await this.#primary.serving?.ask("caches", question)) ?? [];
    const removed = reports.reduce((sum, each) => sum + (each?.removed ?? 0), 0);
    const late = reports.filter((each) => each === undefined).length;
    if (late > 0) {
      return { ok: false, message: `${late} workers did not answer in time; try again` };
    }
    const trouble = reports.find((each) => each?.trouble !== undefined)?.trouble;
    if (trouble !== undefined) {
      const remedy = "stop, remove the folder cache of the state folder, and start";
      return { ok: false, message: `some may be left on disk: ${trouble}; ${remedy}` };
    }
    return { ok: true, message: `${removed} kept answers are gone` };
  }

  middlewares(): readonly MiddlewareRow[] {
    return middlewareRows(this.#primary.snapshot);
  }

  discovery(): DiscoveryRows {
    const { states, findings } = this.#options.providers;
    return {
      providers: states,
      findings: this.#granted(findings),
      refusals: [
        ...this.#primary.refusals.map(({ origin, message }) => ({ place: origin.place, message })),
        ...this.#primary.conflicts
          .slice(0, mostConflicts)
          .map(({ b, why }) => ({ place: b.origin.place, message: why })),
      ],
    };
  }

  nodes(): FleetRows | undefined {
    return this.#options.nodes();
  }

  certificates(): readonly CertificateRow[] {
    return this.#options.certificates();
  }

  authority(): string | undefined {
    return this.#options.authority();
  }

  renewCertificate(certificate: string): Promise<Outcome> {
    return Promise.resolve(this.#options.renewCertificate(certificate));
  }

  /** A provider does not know what it was refused: those routes are not there. */
  #granted(findings: readonly Finding[]): readonly Finding[] {
    const { snapshot } = this.#primary;
    const all = [...(snapshot?.routes ?? []), ...(snapshot?.streamRoutes ?? [])];
    const names = new Set(all.map(({ name }) => name));
    return findings.map((each) => ({
      ...each,
      became: each.became.filter(({ route }) => names.has(route)),
    }));
  }

  pause(service: string): Promise<Outcome> {
    const names = this.#backendServicesOf(service);
    const { health } = this.#options;
    const areKnown = names.map((name) => health.pause(name));
    return this.#ordered(areKnown.length > 0 && areKnown.every(Boolean), service, "is paused");
  }

  release(service: string, backend: string | undefined): Promise<Outcome> {
    const { health } = this.#options;
    if (backend !== undefined) {
      const isKnown = health.undrain(service, backend);
      return this.#ordered(isKnown, `${backend} of ${service}`, "gets requests again", {
        order: { kind: "drain", service, backend },
        isOn: false,
      });
    }
    for (const name of this.#backendServicesOf(service)) health.unpause(name);
    return this.setMaintenance(service, false);
  }

  drainBackend(service: string, backend: string): Promise<Outcome> {
    const isKnown = this.#options.health.drain(service, backend);
    return this.#ordered(
      isKnown,
      `${backend} of ${service}`,
      "gets no more than the sessions it has",
      { order: { kind: "drain", service, backend }, isOn: true },
    );
  }

  setMaintenance(service: string, isOn: boolean): Promise<Outcome> {
    const isKnown = this.#options.health.setMaintenance(service, isOn);
    const order: Order = { kind: "maintenance", service, backend: undefined };
    return this.#ordered(isKnown, service, isOn ? "is in maintenance" : "serves again", {
      order,
      isOn,
    });
  }

  /** @param ordered what a fleet is told of */
  async #ordered(
    isKnown: boolean,
    what: string,
    message: string,
    ordered?: Ordered,
  ): Promise<Outcome> {
    if (!isKnown)
      return { ok: false, message: `there is no ${what}; \`tidegate services\` shows all` };
    this.#options.onOrders(ordered);
    return { ok: true, message: `${what} ${message}` };
  }

  /** Names of the services with backends that a service leads to: what is paused are those. */
  #backendServicesOf(name: string): string[] {
    const { snapshot } = this.#primary;
    const all = snapshot?.services ?? new Map<string, Service>();
    const found = new Set<string>();
    const visit = (each: string): void => {
      const service = all.get(each);
      if (service === undefined || found.has(each)) return;
      found.add(each);
      for (const part of answerersOf(service)) visit(part);
    };
    visit(name);
    return [...found].filter((each) => all.get(each)?.kind === "backends");
  }

  testAlert(): Promise<AlertTest> {
    return this.#options.testAlert();
  }

  reload(): Promise<Outcome> {
    return this.#primary.reload();
  }

  restart(): Promise<Outcome> {
    return this.#withCrew("all workers were replaced", async (crew) => {
      const reason = "a restart was asked for";
      await crew.roll(reason).catch((error: unknown) => {
        throw this.#failure("a new worker could not start; the old ones serve on", error);
      });
    });
  }

  upgrade(): Promise<Outcome> {
    if (this.#options.crew() === undefined) return refused(single);
    // Not as a change in the row of changes: what waits there would wait for our own end.
    return outcomeOf("a new primary and new workers serve", async () => {
      await this.#options.upgrade().catch((error: unknown) => {
        throw this.#failure("not upgraded; those who served before serve on", error);
      });
    });
  }

  /** Also for the log: whoever looks later asks what happened. */
  #failure(message: string, error: unknown): Error {
    const cause = error instanceof Error ? error.message : String(error);
    this.#options.log.error(message, { cause });
    return new Error(`${message}: ${cause}`);
  }

  resize(size: number | "auto"): Promise<Outcome> {
    if (size === 0) return refused("0 workers would be a single process; that needs a new start");
    return this.#withCrew(`the number of workers is ${size}`, (crew) => crew.resize(size));
  }

  drain(): Promise<Outcome> {
    return outcomeOf("no more connections are accepted; what runs is finished", () =>
      this.#primary.setDraining(true),
    );
  }

  resume(): Promise<Outcome> {
    return outcomeOf("connections are accepted", () => this.#primary.setDraining(false));
  }

  stop(): void {
    this.#options.stop(this.#isStopAsked);
    this.#isStopAsked = true;
  }

  retire(): Outcome {
    if (!this.#options.isOrphaned()) {
      return { ok: false, message: "this program has not lost its supervisor; stop it instead" };
    }
    this.#primary.retire();
    return { ok: true, message: "the workers finish what they carry, and the program ends" };
  }

  get log(): LogTail {
    return this.#options.tail;
  }

  #withCrew(message: string, work: (crew: Crew) => Promise<void>): Promise<Outcome> {
    const crew = this.#options.crew();
    if (crew === undefined) return refused(single);
    return outcomeOf(message, () => this.#primary.change(() => work(crew)));
  }
}

/** Where requests go: URLs, folders, or names of services. */
function placesOf(service: Service | undefined): readonly string[] {
  if (service === undefined) return [];
  if (service.kind === "backends") return service.backends.map(({ url }) => url);
  const folder = service.kind === "files" ? [placeOf(service)] : [];
  return [...new Set([...folder, ...answerersOf(service)])];
}

function refused(message: string): Promise<Outcome> {
  return Promise.resolve({ ok: false, message });
}

async function outcomeOf(message: string, work: () => Promise<void>): Promise<Outcome> {
  try {
    await work();
    return { ok: true, message };
  } catch (error) {
    return { ok: false, message: textOf(error) };
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
