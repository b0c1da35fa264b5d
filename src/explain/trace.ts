// The way of one request as far as a table and settings say it: what is the same for an explanation and for a test of routes.

import { HostOptions } from "../config/host-options.ts";
import type { Route, Snapshot } from "../config/snapshot.ts";
import { failures } from "../http/errors.ts";
import { NetworkSet } from "../lib/ip.ts";
import type { Subject } from "../routing/subject.ts";
import type { Table } from "../routing/table.ts";
import { type Asked, type AskedUrl, askedRequest, readUrl } from "./asked-request.ts";
import { type Entrance, entranceOf } from "./entrance.ts";
import type { AnswerStep, MiddlewareStep, Question } from "./explanation.ts";
import { passageOf } from "./middleware-steps.ts";

export interface Trace {
  readonly url: AskedUrl;
  readonly entrance: Entrance;
  readonly asked: Asked;
  /** undefined = none takes it. */
  readonly route: Route | undefined;
  readonly middlewares: readonly MiddlewareStep[];
  /** undefined = the service is asked. */
  readonly answer: AnswerStep | undefined;
}

/** @returns a sentence when there is no request to follow */
export function traceOf(
  snapshot: Snapshot,
  table: Table<Route>,
  question: Question,
): Trace | string {
  const url = readUrl(question.url);
  if (typeof url === "string") return url;
  const entrance = entranceOf(snapshot, url, question);
  const { listener } = entrance;
  const asked = askedRequest(question, url, { snapshot, listener });
  if (typeof asked === "string") return asked;
  const { exchange, host } = asked;
  const route = table.match(host, exchange);
  const common = { url, entrance, asked, route };
  if (route === undefined) return { ...common, middlewares: [], answer: noRoute };
  if (isUnchecked(asked, route, snapshot)) {
    const by = `tls.hosts: ${host} wants a certificate of the client, which needs https`;
    return { ...common, middlewares: [], answer: { status: 421, location: null, by } };
  }
  if (route.maxBody > 0 && exchange.request.bodyLength > route.maxBody) {
    const { status } = failures.BODY_TOO_LARGE;
    const by = `maxBody of route ${route.name}`;
    return { ...common, middlewares: [], answer: { status, location: null, by } };
  }
  const { steps, answer } = passageOf(asked, route, snapshot);
  const last = answer ?? keptOut(route, asked, snapshot) ?? undefined;
  return { ...common, middlewares: steps, answer: last };
}

/** The request as it came: middlewares have changed the one of the trace. */
export function subjectOf(trace: Trace, question: Question, snapshot: Snapshot): Subject {
  const { listener } = trace.entrance;
  const fresh = askedRequest(question, trace.url, { snapshot, listener });
  return typeof fresh === "string" ? trace.asked.exchange : fresh.exchange;
}

const noRoute: AnswerStep = { status: 404, location: null, by: "no route" };

/** In the clear, for a host that wants certificates of clients. */
function isUnchecked({ exchange, host }: Asked, route: Route, { tls }: Snapshot): boolean {
  if (exchange.origin.tls !== undefined || exchange.origin.isPeerTrusted) return false;
  if (route.middlewares.some(({ kind }) => kind === "forceHttps" || kind === "redirect"))
    return false;
  return new HostOptions(tls.hosts, tls.options).of(host).clientAuth?.mode === "require";
}

function keptOut(
  route: Route,
  { exchange }: Asked,
  { services }: Snapshot,
): AnswerStep | undefined {
  const ofService = services.get(route.service ?? "")?.maintenance;
  const maintenance = route.maintenance ?? ofService;
  if (maintenance === undefined) return undefined;
  if (NetworkSet.of(maintenance.allow).has(exchange.clientIp)) return undefined;
  const whose =
    route.maintenance === undefined ? `service ${route.service}` : `route ${route.name}`;
  return { status: 503, location: null, by: `maintenance of ${whose}` };
}
