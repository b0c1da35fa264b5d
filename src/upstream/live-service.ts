// A service as it runs: its backends, the way it balances and what it remembers of sessions. It outlives
// reloads, which change its settings in place, so that connections, turns and waiting exchanges are kept. Its
// backends are made when the first request comes: of ten thousand services most are asked by few, and every
// worker has them all. Hot: bench/head.ts

import { isDeepStrictEqual } from "node:util";

import type { Backend, BackendService, Maintenance } from "../config/service.ts";
import type { Policy } from "./balance/policy.ts";
import { policyOf } from "./balance/policies.ts";
import { CircuitBreaker } from "./circuit-breaker.ts";
import { Demand } from "./demand.ts";
import type { Destination } from "./destination.ts";
import { Holding } from "./holding.ts";
import type { Held, HoldTicket } from "./hold-queue.ts";
import type { Premises } from "../guest/finding.ts";
import type { FailureCode } from "../http/errors.ts";
import type { Fields } from "../http/fields.ts";
import { keyOf } from "./key.ts";
import { isKeptOut, maintenanceBy } from "./maintenance.ts";
import {
  LiveBackend,
  type BackendOwner,
  mayTakeHttp2,
  type UpstreamOptions,
} from "./live-backend.ts";
import type { Asker } from "./pooled.ts";
import { RetryBudget } from "./retry-budget.ts";
import { ServiceTimes } from "./service-times.ts";
import { stickinessOf, type Stickiness } from "./stickiness.ts";
import type { Mark, ServiceLoad, ServiceOutcomes } from "./state.ts";
import type { StateBook, StateUser } from "./state-book.ts";

export interface ServiceOptions extends UpstreamOptions {
  readonly states: StateBook;
  /** What cookies of ours are made with, hex; "" while there are none. */
  secret(): string;
  /** For the other workers. */
  onMark(mark: Mark): void;
  /** A session of an application began: other workers should know where it is. */
  onSession(service: string, id: string, backend: string): void;
  /** Somebody asks for it, and its containers have to be started for that. */
  onWanted(service: string): void;
}

const nobody: readonly LiveBackend[] = [];

export class LiveService implements Destination, BackendOwner, StateUser, Disposable {
  readonly name: string;
  readonly #options: ServiceOptions;
  readonly #holding: Holding;
  #settings: BackendService;
  #budget: RetryBudget;
  #backends: LiveBackend[] = [];
  /** Given up while they carried something, which goes on. */
  #leaving: readonly LiveBackend[] = [];
  /** undefined = something changed, to be found out when somebody asks. */
  #usable: readonly LiveBackend[] | undefined;
  /** Whether those who are usable are so by rights, and not for want of better ones. */
  #isUp = false;
  #policy: Policy<LiveBackend> | undefined;
  #stickiness: Stickiness | undefined;
  #breaker: CircuitBreaker | undefined;
  #demand: Demand | undefined;
  #isRising = false;
  #isStarted = false;
  #isDisposed = false;
  #answered = 0;
  #failed = 0;
  /** How long backends took to begin their answers. */
  readonly times = new ServiceTimes();

  constructor(settings: BackendService, options: ServiceOptions) {
    this.name = settings.name;
    this.#settings = settings;
    this.#options = options;
    this.#budget = new RetryBudget(settings.retry.budget);
    this.#holding = new Holding(
      options.wheel,
      settings.hold.maxHeld,
      () => this.#backends,
      () => this.#onWaiting(),
    );
    this.#updateDemand();
  }

  /** Some backend can be asked over HTTP/2. */
  get mayTakeHttp2(): boolean {
    return this.#settings.backends.some((each) => mayTakeHttp2(each, this.#settings));
  }

  get settings(): BackendService {
    return this.#settings;
  }

  /** Whose paths its program has: a container's, or this machine's. */
  get premises(): Premises {
    return this.#options.guests.of(this.#settings.guest);
  }

  get budget(): RetryBudget {
    return this.#budget;
  }

  // --- its backends ------------------------------------------------------------------------------

  #start(): void {
    this.#isStarted = true;
    const { settings } = this;
    this.#backends = settings.backends.map((each) => this.#backendFor(settings, each));
    this.#policy = policyOf(settings.balance);
    this.#stickiness = stickinessOf(settings, this.#options);
    this.#stickiness?.update(this.#backends);
    this.#breaker =
      settings.breaker === undefined ? undefined : new CircuitBreaker(settings.breaker);
    // An exchange that began before a reload may ask for the first time after it.
    if (this.#isDisposed) for (const each of this.#backends) each[Symbol.dispose]();
  }

  #backendFor(settings: BackendService, backend: Backend): LiveBackend {
    const made = new LiveBackend(settings, backend, this.#options, this);
    this.#takeState(made);
    return made;
  }

  #takeState(backend: LiveBackend): void {
    const known = this.#options.states.backend(this.name, backend.url);
    // The primary says so before a snapshot comes: also of those that are down until they were checked.
    backend.takeState(known?.health === "down", known?.isDraining ?? false);
  }

  /** Goes over to other settings. What is the same goes on as it was. */
  update(settings: BackendService): void {
    const before = this.#settings;
    this.#settings = settings;
    this.#holding.max = settings.hold.maxHeld;
    this.#updateDemand();
    if (before.retry.budget !== settings.retry.budget) {
      this.#budget = new RetryBudget(settings.retry.budget);
    }
    if (!this.#isStarted) return;
    const known = new Map(this.#backends.map((each) => [each.url, each]));
    const isSameWay = isDeepStrictEqual(before.tls, settings.tls);
    const now = performance.now();
    this.#backends = settings.backends.map((each) => {
      const old = known.get(each.url);
      if (old === undefined || !isSameWay || !isSamePlace(old.backend, each)) {
        const made = this.#backendFor(settings, each);
        made.begin(now);
        return made;
      }
      known.delete(each.url);
      old.update(settings, each);
      this.#takeState(old);
      return old;
    });
    this.#leaving = [...this.#leaving, ...known.values()].filter(isCarrying);
    for (const each of known.values()) each[Symbol.dispose]();
    if (!isDeepStrictEqual(before.balance, settings.balance))
      this.#policy = policyOf(settings.balance);
    if (!isDeepStrictEqual(before.sticky, settings.sticky)) {
      this.#stickiness = stickinessOf(settings, this.#options);
    }
    this.#stickiness?.update(this.#backends);
    if (!isDeepStrictEqual(before.breaker, settings.breaker)) {
      this.#breaker =
        settings.breaker === undefined ? undefined : new CircuitBreaker(settings.breaker);
    }
    this.onStanding();
  }

  get backends(): readonly LiveBackend[] {
    if (!this.#isStarted) this.#start();
    return this.#backends;
  }

  // --- who can be picked -------------------------------------------------------------------------

  onStanding(): void {
    this.#usable = undefined;
    this.#letGo();
  }

  onLoad(backend: LiveBackend): void {
    this.#policy?.onChange?.(backend);
  }

  tell(mark: Mark): void {
    this.#options.onMark(mark);
  }

  onMark(mark: Mark): void {
    this.#find(mark.backend)?.takeMark(mark);
  }

  onStates(): void {
    for (const each of this.#backends) this.#takeState(each);
    // Also those who will find nobody up: they wait for something else from now on, or are told.
    if (!this.isPaused) this.#holding.releaseAll();
  }

  #find(url: string): LiveBackend | undefined {
    // Also of a service that nobody asked yet: whoever comes first should not find it out again.
    return this.backends.find((each) => each.url === url);
  }

  /** Some backend is as it should be. */
  get isUp(): boolean {
    this.#candidates();
    return this.#isUp;
  }

  /** Whom new exchanges may go to: of the first tier that has anybody. */
  #candidates(): readonly LiveBackend[] {
    if (this.#usable !== undefined) return this.#usable;
    const { backends } = this;
    const sound = backends.filter((each) => each.isUsable);
    this.#isUp = sound.length > 0;
    const { hold, whenAllDown } = this.#settings;
    // Of what is being started, trying it is how one finds out that it listens now.
    const isTried = hold.holdFor === 0 || this.#demand !== undefined;
    const isDesperate = !this.#isUp && whenAllDown === "try" && isTried;
    const all = isDesperate ? lastResort(backends) : sound;
    const tier = Math.min(...all.map(({ backend }) => backend.tier));
    const usable = all.filter(({ backend }) => backend.tier === tier);
    this.#usable = usable;
    this.#weigh();
    return usable;
  }

  /** Tells the policy who there is, with what weight. */
  #weigh(): void {
    const now = performance.now();
    this.#isRising = false;
    for (const each of this.#usable ?? nobody) if (each.rise(now)) this.#isRising = true;
    if (this.#usable !== undefined && this.#usable.length > 0) this.#policy?.update(this.#usable);
  }

  /** @param tried those this exchange has tried already; undefined is returned when none is left */
  pick(asker: Asker, tried: readonly LiveBackend[] | null): LiveBackend | undefined {
    const usable = this.#candidates();
    if (this.#stickiness !== undefined) {
      const own = this.#stickiness.find(asker);
      if (own !== undefined && own.isSound && !isIn(own, tried)) return own;
      const place = this.#stickiness.place(asker, usable);
      if (place !== undefined && !isIn(place, tried)) return place;
    }
    if (usable.length <= 1) {
      const [only] = usable;
      return only === undefined || isIn(only, tried) ? undefined : only;
    }
    const { balance } = this.#settings;
    const key = balance.policy === "hash" ? keyOf(balance.key, asker) : Number.NaN;
    return this.#policy?.pick(key, tried);
  }

  /** Somebody else could be picked than this one and those tried already. */
  hasOther(backend: LiveBackend, tried: readonly LiveBackend[] | null): boolean {
    return this.#candidates().some((each) => each !== backend && !isIn(each, tried));
  }

  // --- as a destination --------------------------------------------------------------------------

  isOpenTo({ clientIp }: Asker): boolean {
    if (!this.isUp || this.#breaker?.state === "open") return false;
    const { maintenance } = this;
    return maintenance === undefined || !isKeptOut(maintenance, clientIp);
  }

  choose(): LiveService {
    return this;
  }

  instead(_asker: Asker, asked: readonly LiveService[]): LiveService | undefined {
    return asked.includes(this) ? undefined : this;
  }

  contains(service: LiveService): boolean {
    return service === this;
  }

  copiesOf(): null {
    return null;
  }

  after(): undefined {}

  get maintenance(): Maintenance | undefined {
    const { maintenance } = this.#settings;
    return maintenance ?? maintenanceBy(this.#options.states, this.name);
  }

  // --- sessions ----------------------------------------------------------------------------------

  sessionLine(
    asker: Asker,
    _service: LiveService,
    backend: LiveBackend | undefined,
    isSecure: boolean,
  ): string {
    if (this.#stickiness === undefined || backend === undefined) return "";
    return this.#stickiness.line(asker, backend, isSecure);
  }

  /** Looks whether an answer begins a session. */
  learn(answer: Fields, backend: LiveBackend): void {
    this.#stickiness?.learn(answer, backend);
  }

  /** Another worker saw a session begin. */
  takeSession(id: string, backend: string): void {
    const found = this.#find(backend);
    if (found !== undefined) this.#stickiness?.take(id, found);
  }

  // --- holding -----------------------------------------------------------------------------------

  get isPaused(): boolean {
    return this.#options.states.service(this.name)?.isPaused ?? false;
  }

  /** How long an exchange that finds nobody may wait, ms; 0 = not at all. */
  get patience(): number {
    return this.#demand?.settings.startTimeout ?? this.#settings.hold.holdFor;
  }

  /** Set where containers are started because somebody asks. */
  get demand(): Demand | undefined {
    return this.#demand;
  }

  /** Why nobody can be picked. */
  get absence(): Extract<FailureCode, "NO_BACKEND" | "BACKEND_STOPPED" | "BACKEND_STARTING"> {
    const { backends, absent } = this.#settings;
    // Where there are backends, that those are of no use is what somebody has to look into.
    if (backends.length > 0 || absent.length === 0) return "NO_BACKEND";
    const isComing = absent.some(({ state }) => state === "starting" || state === "unhealthy");
    if (isComing) return "BACKEND_STARTING";
    return absent.some(({ state }) => state === "unreachable") ? "NO_BACKEND" : "BACKEND_STOPPED";
  }

  #updateDemand(): void {
    const { onDemand } = this.#settings;
    if (onDemand === undefined) this.#demand = undefined;
    else if (this.#demand !== undefined) this.#demand.settings = onDemand;
    else this.#demand = new Demand(onDemand, () => this.#options.onWanted(this.name));
  }

  #onWaiting(): void {
    if (!this.isPaused && !this.isUp) this.#demand?.repeat();
  }

  /** Waits in the queue, to be told. undefined = too many wait already. */
  hold(held: Held, ms: number): HoldTicket | undefined {
    return this.#holding.add(held, ms);
  }

  cancelHold(ticket: HoldTicket): void {
    this.#holding.cancel(ticket);
  }

  #letGo(): void {
    if (this.#holding.size > 0 && !this.isPaused && this.isUp) this.#holding.releaseAll();
  }

  // --- what came of it ---------------------------------------------------------------------------

  /** The circuit breaker lets an exchange through. */
  get isAdmitting(): boolean {
    if (!this.#isStarted) this.#start();
    return this.#breaker?.allows() ?? true;
  }

  /** An exchange that no backend is to blame for was answered 5xx. */
  countRefused(): void {
    this.#answered++;
    this.#failed++;
  }

  /** @param status 0 = no answer. @param ms until it began */
  record(status: number, ms: number): void {
    this.#answered++;
    if (status === 0 || status >= 500) this.#failed++;
    this.#breaker?.record(status, ms);
    if (status === 0) return;
    this.times.add(ms);
    this.#demand?.met();
  }

  get outcomes(): ServiceOutcomes {
    return { service: this.name, answered: this.#answered, failed: this.#failed };
  }

  /** Exchanges that wait for a backend, or for the end of a pause. */
  get waitingCount(): number {
    return this.#holding.size;
  }

  get loadRow(): ServiceLoad {
    return {
      service: this.name,
      held: this.#holding.size,
      breaker: this.#breaker?.state,
      backends: this.carriers.map(({ loadRow }) => loadRow),
    };
  }

  /** Also those that were given up and carry something yet: there may be two of one URL. */
  get carriers(): readonly LiveBackend[] {
    return [...this.#backends, ...this.#leaving.filter(isCarrying)];
  }

  /** Exchanges and streams that have not ended, also on backends that were given up. */
  get isCarrying(): boolean {
    return this.#backends.some(isCarrying) || this.#leaving.some(isCarrying);
  }

  /** Closes idle connections that are old, and lets weights grow. Called about once a second. */
  sweep(): void {
    for (const each of this.#backends) each.sweep();
    if (this.#leaving.length > 0) this.#leaving = this.#leaving.filter(isCarrying);
    if (this.#isRising && this.#usable !== undefined) this.#weigh();
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#options.states.leave(this.name, this);
    // Whoever waits finds out that there is nothing to wait for.
    this.#holding.releaseAll();
    for (const each of this.#backends) each[Symbol.dispose]();
  }

  /** Nobody can wait for it any more. */
  get isDisposed(): boolean {
    return this.#isDisposed;
  }
}

function isCarrying({ load }: LiveBackend): boolean {
  return load > 0;
}

/** When nobody is up: all who may get something at all. */
function lastResort(backends: readonly LiveBackend[]): readonly LiveBackend[] {
  const weighty = backends.filter(({ backend }) => backend.weight > 0);
  const staying = weighty.filter(({ isDraining }) => !isDraining);
  return staying.length > 0 ? staying : weighty;
}

/** Connections to the old place are of no use for the new one. */
function isSamePlace(a: Backend, b: Backend): boolean {
  return isDeepStrictEqual({ ...a, weight: 0, tier: 0 }, { ...b, weight: 0, tier: 0 });
}

function isIn(backend: LiveBackend, tried: readonly LiveBackend[] | null): boolean {
  return tried !== null && tried.includes(backend);
}
