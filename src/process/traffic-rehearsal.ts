// Tries a table of routes with requests that another one served, and says which of them would go elsewhere, or meet
// something else where they go.

import { setImmediate as nextTurn } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { Rule } from "../config/rule.ts";
import type { Service } from "../config/service.ts";
import type { Route, Snapshot } from "../config/snapshot.ts";
import { secretNamesOf } from "../proxy/tap-names.ts";
import type { Subject } from "../routing/subject.ts";
import { Table } from "../routing/table.ts";
import type { Difference, Rehearsed, Rerouted, Way } from "../traffic/rehearsed.ts";
import { readSample, type Sample } from "../traffic/sample.ts";
import { type SecretNames, shownQuery } from "../traffic/secrets.ts";

/** Requests between two looks at what else is to be done: the process may be the one that serves. */
const perTurn = 100;

/** In turns. @param samples each as JSON, the oldest first */
export async function rehearsalOf(
  live: Pick<Snapshot, "listeners" | "routes" | "services">,
  next: Pick<Snapshot, "routes" | "services">,
  samples: readonly string[],
): Promise<Rehearsed> {
  const groups = new Map<string, Rerouted & { count: number; example: string }>();
  const differences = new Differences(live, next);
  const names = secretNamesOf(live);
  const asked = await readAll(samples);
  const hosts = new Set(asked.map(({ host }) => host));
  const before = tableOf(live.routes, hosts);
  await nextTurn();
  const after = tableOf(next.routes, hosts, before);
  let lost = 0;
  for (const [at, sample] of asked.entries()) {
    if (at % perTurn === 0) await nextTurn();
    const subject = subjectOf(sample);
    const [was, is] = [before.match(sample.host, subject), after.match(sample.host, subject)];
    const [from, to] = [wayOf(was), wayOf(is)];
    const isSameWay = from.route === to.route && from.service === to.service;
    const differs = isSameWay ? differences.between(was, is) : [];
    if (isSameWay && differs.length === 0) continue;
    if (to.route === "") lost++;
    const key = JSON.stringify([from, to]);
    const group = groups.get(key) ?? { from, to, differs, count: 0, example: "" };
    group.count++;
    group.example = exampleOf(sample, names);
    groups.set(key, group);
  }
  const changed: readonly Rerouted[] = [...groups.values()].toSorted(
    (one, other) => other.count - one.count,
  );
  return { requests: asked.length, changed, lost };
}

/** Of routes and services that keep their names. What did not change is mostly the same object. */
class Differences {
  readonly #before: ReadonlyMap<string, Service>;
  readonly #after: ReadonlyMap<string, Service>;
  /** By the route as it would be: all of ten thousand requests may take one. */
  readonly #known = new Map<Route, readonly Difference[]>();

  constructor(before: Pick<Snapshot, "services">, after: Pick<Snapshot, "services">) {
    this.#before = before.services;
    this.#after = after.services;
  }

  between(was: Route | undefined, is: Route | undefined): readonly Difference[] {
    if (was === undefined || is === undefined) return [];
    let known = this.#known.get(is);
    if (known === undefined) this.#known.set(is, (known = this.#found(was, is)));
    return known;
  }

  #found(was: Route, is: Route): readonly Difference[] {
    const name = is.service ?? "";
    const [old, next] = [this.#before.get(name), this.#after.get(name)];
    const found: Difference[] = [];
    const isSameWork =
      isSame(was.middlewares, is.middlewares) && isSame(old?.middlewares, next?.middlewares);
    if (!isSameWork) found.push("middlewares");
    if (old !== next && !isSame(bare(old), bare(next))) found.push("service");
    return found;
  }
}

const isSame = (a: unknown, b: unknown) => a === b || isDeepStrictEqual(a, b);

/** Where it stands in a file makes no difference to a request. */
function bare(service: Service | undefined) {
  return { ...service, origin: undefined, middlewares: undefined };
}

async function readAll(samples: readonly string[]): Promise<readonly Sample[]> {
  const all: Sample[] = [];
  for (const [at, text] of samples.entries()) {
    if (at % perTurn === 0) await nextTurn();
    const sample = readSample(text);
    if (sample !== undefined) all.push(sample);
  }
  return all;
}

/** Of ten thousand routes those that any of these hosts may come to: the others would stand there for nothing. */
function tableOf(
  routes: readonly Route[],
  hosts: ReadonlySet<string>,
  before?: Table<Route>,
): Table<Route> {
  const meant = routes.filter(({ rule }) => isFor(rule, hosts));
  return Table.compile(meant, (route) => route, before);
}

/** Rather a rule too much than one too few. */
function isFor(rule: Rule, hosts: ReadonlySet<string>): boolean {
  switch (rule.kind) {
    case "host":
      return rule.host.startsWith("*") || hosts.has(rule.host);
    case "all":
      return rule.rules.every((each) => isFor(each, hosts));
    case "any":
      return rule.rules.some((each) => isFor(each, hosts));
    default:
      return true;
  }
}

const nowhere: Way = { route: "", service: "" };

function wayOf(route: Route | undefined): Way {
  return route === undefined ? nowhere : { route: route.name, service: route.service ?? "" };
}

function exampleOf({ method, scheme, host, path, query }: Sample, names: SecretNames): string {
  return `${method} ${scheme}://${host}${path}${query === "" ? "" : `?${shownQuery(query, names)}`}`;
}

function subjectOf({ method, path, query, clientIp, fields }: Sample): Subject {
  return {
    ...{ method, path, query, clientIp },
    header(name) {
      const values = fields.filter(([each]) => each === name).map(([, value]) => value);
      return values.length === 0 ? undefined : values.join(", ");
    },
  };
}
