// Runs the tests of routes of a configuration against what would be served.

import { setImmediate } from "node:timers/promises";
import { explainLimits, routeTestLimits as limits } from "../config/explain-limits.ts";
import type { Problem } from "../config/problem.ts";
import type { RouteExpectation, RouteTest } from "../config/route-test.ts";
import { formatRule } from "../config/rule.ts";
import type { Route, Snapshot } from "../config/snapshot.ts";
import { nearest } from "../lib/nearest.ts";
import { pathAsSent } from "../proxy/upstream-head.ts";
import { whyNotRoute } from "../routing/explain-candidates.ts";
import type { Subject } from "../routing/subject.ts";
import { endsWithin } from "./bounded.ts";
import type { Explainer } from "./explainer.ts";
import { answerText } from "./middleware-steps.ts";
import { subjectOf, type Trace, traceOf } from "./trace.ts";

export interface FailedTest {
  readonly test: RouteTest;
  readonly problem: Problem;
}

/** Costs nothing where there are no tests. Others have their turn meanwhile: with many expressions it takes seconds. */
export async function failedTests(
  explainer: Explainer,
  snapshot: Snapshot,
): Promise<readonly FailedTest[]> {
  const { tests = [] } = snapshot;
  if (tests.length === 0) return [];
  const table = explainer.tableOf(snapshot);
  const failed: FailedTest[] = [];
  let at = 0;
  let endless = 0;
  const stretch = () => {
    const until = performance.now() + limits.stretch;
    for (; at < tests.length && performance.now() < until; at += 1) {
      const test = tests[at]!;
      const trace = traceOf(snapshot, table, test.request);
      const why = typeof trace === "string" ? trace : faultOf(test, trace, snapshot);
      if (why !== undefined) failed.push({ test, problem: problemOf(test, why) });
    }
  };
  while (at < tests.length) {
    if (at > 0) await setImmediate();
    if (endsWithin(explainLimits.time, stretch)) continue;
    const test = tests[at++]!;
    endless += 1;
    const left = endless < limits.endless ? 0 : tests.length - at;
    failed.push({ test, problem: problemOf(test, endlessWhy(left)) });
    if (left > 0) break;
  }
  return failed;
}

/** @param left so many tests after it are not run */
function endlessWhy(left: number): string {
  const why = `takes longer than ${explainLimits.time} ms: a regular expression of a route or middleware does not come to an end with it`;
  return left === 0 ? why : `${why}; ${left} further tests were not run`;
}

/** Those of them that an operator is told of one by one. */
export function toldProblems(failed: readonly FailedTest[]): readonly Problem[] {
  const [first] = failed;
  const told = failed.slice(0, limits.told).map(({ problem }) => problem);
  if (first === undefined || failed.length === told.length) return told;
  const message = `and ${failed.length - told.length} more tests fail`;
  return [...told, { ...first.problem, path: "tests", message }];
}

/** What only the running program can say: it names what others than the file say. */
export function isOfOthers({ expect }: RouteTest): boolean {
  return expect.route?.includes("@") === true || expect.service?.includes("@") === true;
}

function problemOf({ name, at, request }: RouteTest, why: string): Problem {
  const asked = `${request.method} ${request.url}`;
  const what = name === asked ? asked : `${name}: ${asked}`;
  return { ...at, message: `the test fails: ${what} ${why}`, severity: "error" };
}

/** Completes a sentence about the request; undefined = all is as expected. */
function faultOf(
  { expect, request }: RouteTest,
  trace: Trace,
  snapshot: Snapshot,
): string | undefined {
  const { route, answer, asked, entrance } = trace;
  if (request.listener !== null && entrance.listener === undefined) {
    return `cannot come in: ${entrance.step.why}`;
  }
  if (expect.route !== undefined && (route?.name ?? null) !== expect.route) {
    const subject = subjectOf(trace, request, snapshot);
    return routeFault(expect.route, { ...trace, subject }, snapshot);
  }
  const { service, status, location, path } = expect;
  const goes = whereTo(trace);
  if (service !== undefined && (answer !== undefined || route?.service !== service)) {
    return `should reach the service ${service}, and ${goes}`;
  }
  if (status !== undefined && answer?.status !== status) {
    return `should be answered with ${status}, and ${goes}`;
  }
  if (location !== undefined && answer?.location !== location) {
    return `should be sent to ${location}, and ${goes}`;
  }
  if (path !== undefined && (answer !== undefined || pathAsSent(asked.exchange) !== path)) {
    const got = answer === undefined ? `reaches it as ${pathAsSent(asked.exchange)}` : goes;
    return `should reach its backend as ${path}, and ${got}`;
  }
  return undefined;
}

function whereTo({ answer, route }: Trace): string {
  if (answer === undefined) return `reaches the service ${route?.service}${byRoute(route)}`;
  return answer.by === "no route"
    ? "no route takes it"
    : `${answerText(answer)} (${answer.by})${byRoute(route)}`;
}

function byRoute(route: Route | undefined): string {
  return route === undefined ? "" : ` by the route ${route.name} (${route.origin.place})`;
}

function routeFault(
  wanted: NonNullable<RouteExpectation["route"]> | null,
  { route, asked, subject }: Trace & { readonly subject: Subject },
  { routes }: Snapshot,
): string {
  const got =
    route === undefined
      ? "no route takes it"
      : `${route.name} takes it (${formatRule(route.rule)}, ${route.origin.place})`;
  if (wanted === null) return `should have no route, and ${got}`;
  const expected = routes.find(({ name }) => name === wanted);
  if (expected === undefined) {
    const near = nearest(
      wanted,
      routes.map(({ name }) => name),
    );
    const hint = near === undefined ? "" : `, perhaps ${near} is meant`;
    return `should go to the route ${wanted}, which is not there${hint}; ${got}`;
  }
  const why = whyNotRoute(expected, asked.host, subject);
  return `should go to the route ${wanted}, and ${got}; of ${wanted} ${why}`;
}
