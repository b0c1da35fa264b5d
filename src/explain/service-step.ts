// Where a request goes once middlewares let it pass: the service, who of it may be asked now, and why others are not.

import { explainLimits as limits } from "../config/explain-limits.ts";
import type {
  BackendService,
  Balance,
  FailoverService,
  Service,
  SplitPart,
  SplitService,
} from "../config/service.ts";
import { partsOf } from "../config/service-parts.ts";
import { keySource } from "../config/words.ts";
import type { Exchange } from "../http/exchange.ts";
import { cookieOf } from "../http/cookies.ts";
import type {
  BackendStep,
  PartStep,
  ServiceState,
  ServiceStates,
  ServiceStep,
} from "./explanation.ts";

export interface Known {
  readonly services: ReadonlyMap<string, Service>;
  /** undefined = nobody knows: the program does not run. */
  readonly states: ServiceStates | undefined;
}

/** The service and those that it leads to, each once. */
export function serviceSteps(name: string, exchange: Exchange, known: Known): ServiceStep[] {
  const steps = new Map<string, ServiceStep>();
  const names = new Set([name]);
  // Grows while it is gone through.
  for (const each of names) {
    const service = known.services.get(each);
    if (service === undefined || steps.size >= limits.services) continue;
    const step = stepOf(service, exchange, known);
    steps.set(each, step);
    for (const part of step.parts) if (part.isEligible) names.add(part.name);
  }
  return [...steps.values()];
}

function stepOf(service: Service, exchange: Exchange, known: Known): ServiceStep {
  const { name, kind } = service;
  const state = known.states?.get(name);
  const common = { name, kind, state: state?.state ?? null };
  if (service.kind !== "backends") {
    const parts = partSteps(service, exchange, known);
    return { ...common, how: howOfParts(service), backends: [], moreBackends: 0, parts };
  }
  const backends = backendSteps(service, state, known.states !== undefined);
  return {
    ...common,
    how: howOf(service),
    backends: backends.slice(0, limits.backends),
    moreBackends: Math.max(0, backends.length - limits.backends),
    parts: [],
  };
}

// --- backends ------------------------------------------------------------------------------------

function backendSteps(
  service: BackendService,
  state: ServiceState | undefined,
  isRunning: boolean,
): readonly BackendStep[] {
  const rows = new Map(state?.backends.map((each) => [each.url, each]));
  const all = service.backends.map(({ url, weight, tier }) => {
    const row = rows.get(url);
    // An order may have changed its weight since.
    return { url, tier: row?.tier ?? tier, weight: row?.weight ?? weight, row };
  });
  const isUp = ({ row, weight }: (typeof all)[number]) =>
    weight > 0 && (row === undefined || row.state === "up");
  const best = Math.min(...all.filter(isUp).map(({ tier }) => tier));
  const isDesperate = best === Infinity && service.whenAllDown === "try";
  const steps = all.map((each): BackendStep => {
    const { url, tier, weight, row } = each;
    const named = { url, tier, weight, state: row?.state ?? "unknown" };
    if (isUp(each)) {
      const isFirst = tier === best;
      const why = isFirst
        ? upWhy(row === undefined, isRunning)
        : `a backup (tier ${tier}): somebody of tier ${best} is up`;
      return { ...named, isEligible: isFirst, why };
    }
    if (weight === 0) return { ...named, isEligible: false, why: "weight 0: only sessions it has" };
    const because = row === undefined || row.why === "" ? "" : `: ${row.why}`;
    const isDraining = row?.state === "draining";
    const why = isDraining ? "draining: only sessions it has" : named.state + because;
    const isTried = isDesperate && !isDraining;
    return {
      ...named,
      isEligible: isTried,
      why: isTried ? `${why}; tried, since nobody is up` : why,
    };
  });
  const absent = service.absent.map(({ name, state: now, why }): BackendStep => {
    return { url: name, state: now, weight: 0, tier: 0, isEligible: false, why };
  });
  return [...steps, ...absent];
}

function upWhy(isUnknown: boolean, isRunning: boolean): string {
  if (!isUnknown) return "up";
  return isRunning ? "new" : "if it is up: only the running program knows";
}

function howOf({ balance, sticky, backends }: BackendService): string {
  const [only, ...more] = backends;
  if (only !== undefined && more.length === 0) return "there is one backend";
  const chosen = policyText(balance);
  if (sticky === undefined) return chosen;
  const where =
    sticky.kind === "cookie"
      ? `the cookie ${sticky.name}`
      : `${sticky.source.from} ${sticky.source.name}`;
  return `who has a session (${where}) goes back to its backend; others: ${chosen}`;
}

function policyText(balance: Balance): string {
  switch (balance.policy) {
    case "round-robin":
      return "one of them, in turns";
    case "two-random":
      return "of two by chance the one with less to do";
    case "least-connections":
      return "the one with the fewest requests";
    case "least-time":
      return "the one that answers soonest";
    case "random":
      return "one of them, by chance";
    case "hash":
      return `always the same one for the same ${keySource(balance.key)}`;
  }
}

// --- services of services ------------------------------------------------------------------------

type Composed = Exclude<Service, BackendService>;

function howOfParts(service: Composed): string {
  switch (service.kind) {
    case "files":
      return `files of ${service.root}; what belongs to a program, or is nowhere, may go on`;
    case "split":
      return service.sticky === undefined
        ? "each request is dealt anew"
        : "a client stays with its part";
    case "failover":
      return "the first that has a backend up";
    case "mirror":
      return "the first one answers; others get copies";
    case "addressed":
      return "the container that the host's AAAA record names";
  }
}

function partSteps(service: Composed, exchange: Exchange, known: Known): readonly PartStep[] {
  if (service.kind === "split") return splitParts(service, exchange);
  if (service.kind === "failover") return failoverParts(service, known);
  return [...new Set(partsOf(service))].slice(0, limits.backends).map((name) => {
    const isAnswerer = service.kind !== "mirror" || name === service.service;
    return { name, isEligible: isAnswerer, why: isAnswerer ? "may answer" : "gets copies" };
  });
}

function splitParts({ parts }: SplitService, exchange: Exchange): readonly PartStep[] {
  const asked = parts.find((part) => isAskedFor(part, exchange));
  const total = parts.reduce((sum, { weight }) => sum + weight, 0);
  return parts.map((part) => {
    const { service: name, weight } = part;
    if (asked !== undefined) {
      const why = part === asked ? "the request asks for it" : "the request asks for another part";
      return { name, isEligible: part === asked, why };
    }
    if (weight === 0) return { name, isEligible: false, why: "only for who asks for it" };
    return { name, isEligible: true, why: `${Math.round((weight / total) * 100)} % of requests` };
  });
}

function isAskedFor({ when }: SplitPart, exchange: Exchange): boolean {
  if (when === undefined) return false;
  const value =
    when.from === "header"
      ? exchange.header(when.name)
      : cookieOf(exchange.header("cookie"), when.name);
  return value === when.value;
}

function failoverParts({ services }: FailoverService, { states }: Known): readonly PartStep[] {
  const isUp = (name: string) => {
    const state = states?.get(name)?.state;
    return state === undefined || state === "up" || state === "degraded";
  };
  const first = services.find(isUp) ?? services[0];
  return services.map((name) => {
    if (name === first)
      return { name, isEligible: true, why: isUp(name) ? "the first that is up" : "nobody is up" };
    const why = isUp(name) ? "one before it is up" : `it is ${states?.get(name)?.state}`;
    return { name, isEligible: false, why };
  });
}
