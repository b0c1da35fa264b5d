// Says what becomes of a request, and why: the table that workers compile, asked in their place. Looks at nothing but a
// snapshot and what is known of services, and changes nothing.

import { explainLimits } from "../config/explain-limits.ts";
import { formatRule } from "../config/rule.ts";
import type { Service } from "../config/service.ts";
import type { Route, Snapshot } from "../config/snapshot.ts";
import { pathAsSent } from "../proxy/upstream-head.ts";
import { candidatesOf, type Candidates, hostNear } from "../routing/explain-candidates.ts";
import { Table } from "../routing/table.ts";
import { endsWithin } from "./bounded.ts";
import { certificateOf } from "./entrance.ts";
import type {
  CandidateStep,
  Explanation,
  Question,
  RouteStep,
  ServiceStates,
} from "./explanation.ts";
import { serviceSteps } from "./service-step.ts";
import { subjectOf, type Trace, traceOf } from "./trace.ts";

export class Explainer {
  /** By the routes of a snapshot: those that nobody has any more go away with them. */
  readonly #tables = new WeakMap<readonly Route[], Table<Route>>();
  #latest: Table<Route> | undefined;

  /** The table that these routes make; what did not change is taken over from the last one. */
  tableOf({ routes }: Pick<Snapshot, "routes">): Table<Route> {
    const known = this.#tables.get(routes);
    if (known !== undefined) return known;
    const table = Table.compile(routes, (route) => route, this.#latest);
    this.#tables.set(routes, table);
    this.#latest = table;
    return table;
  }

  /** @param states undefined = nobody knows, as the program does not run */
  explain(snapshot: Snapshot, question: Question, states?: ServiceStates): Explanation {
    const table = this.tableOf(snapshot);
    let explanation = faulty(question, endless);
    endsWithin(explainLimits.time, () => {
      explanation = this.#explain(table, snapshot, question, states);
    });
    return explanation;
  }

  #explain(
    table: Table<Route>,
    snapshot: Snapshot,
    question: Question,
    states: ServiceStates | undefined,
  ): Explanation {
    const trace = traceOf(snapshot, table, question);
    if (typeof trace === "string") return faulty(question, trace);
    const { asked, entrance, route, middlewares } = trace;
    const { exchange, host } = asked;
    const { listener } = entrance;
    const isIn = listener !== undefined;
    const subject = subjectOf(trace, question, snapshot);
    const ofHost = candidatesOf(table, host, subject, route);
    const known = { services: snapshot.services, states };
    const answer = trace.answer ?? operatorsAnswer(route, known) ?? null;
    const isAsked = answer === null && route?.service !== undefined;
    return {
      request: {
        ...{ method: exchange.method, url: question.url, host, path: exchange.request.path },
        ...{ client: exchange.clientIp, clientWhy: asked.clientWhy },
      },
      fault: null,
      listener: entrance.step,
      certificate: trace.url.isSecure && isIn ? certificateOf(snapshot, listener, host) : null,
      route: route === undefined ? null : routeStep(route, ofHost),
      candidates: ofHost.told.map(candidateStep),
      moreCandidates: ofHost.more,
      middlewares,
      answer,
      path: isAsked ? pathAsSent(exchange) : null,
      services: isAsked ? serviceSteps(route.service, exchange, known) : [],
      hints: hintsOf(trace, table, ofHost),
    };
  }
}

const endless = `it takes longer than ${explainLimits.time} ms to find out: a regular expression of a route or middleware does not come to an end with this request`;

function faulty(question: Question, fault: string): Explanation {
  const request = { method: question.method, url: question.url, host: "", path: "", client: "" };
  return {
    request: { ...request, clientWhy: "" },
    fault,
    listener: { name: null, bind: [], why: "" },
    ...{ certificate: null, route: null, candidates: [], moreCandidates: 0, middlewares: [] },
    ...{ answer: null, path: null, services: [], hints: [] },
  };
}

/** As asked for by `tidegate maintenance`, which no snapshot says; what the configuration says counts before it. */
function operatorsAnswer(
  route: Route | undefined,
  {
    services,
    states,
  }: {
    readonly services: ReadonlyMap<string, Service>;
    readonly states: ServiceStates | undefined;
  },
) {
  if (route?.service === undefined || route.maintenance !== undefined) return undefined;
  if (services.get(route.service)?.maintenance !== undefined) return undefined;
  if (states?.get(route.service)?.state !== "maintenance") return undefined;
  return { status: 503, location: null, by: `maintenance of service ${route.service}` };
}

function routeStep(route: Route, { told, more }: Candidates): RouteStep {
  const others = told.filter(({ outcome }) => outcome === "outranked");
  const [next] = others;
  const why =
    next === undefined
      ? told.length + more > 1
        ? "no other route takes this request"
        : "no other route is for this host"
      : `it comes first: ${next.why}`;
  return { ...namesOf(route), service: route.service ?? null, why };
}

function namesOf({ name, rule, origin }: Route) {
  return { name, rule: formatRule(rule), place: origin.place };
}

function candidateStep({ route, outcome, clause, why }: Candidates["told"][number]): CandidateStep {
  return { ...namesOf(route), outcome, clause, why };
}

function hintsOf(
  { asked, entrance, route, url }: Trace,
  table: Table<Route>,
  { told }: Candidates,
): readonly string[] {
  const { host } = asked;
  const hints: string[] = [];
  if (entrance.listener === undefined) hints.push(`nobody can connect: ${entrance.step.why}`);
  if (route !== undefined) return hints;
  const isHostKnown = told.some(({ clause }) => !clause.startsWith("Host"));
  if (!isHostKnown) {
    hints.push(`no route is for the host ${host === "" ? "of a request without one" : host}`);
    const near = hostNear(table, host);
    if (near !== undefined) hints.push(`there is a host ${near}: perhaps that is meant`);
    return hints;
  }
  const [nearest] = told;
  if (nearest !== undefined) {
    hints.push(`nearest is ${nearest.route.name}: ${nearest.clause} does not hold, ${nearest.why}`);
  }
  if (url.target.startsWith("//")) hints.push("the path begins with two slashes");
  return hints;
}
