// An exchange that another worker asks for: it is the client's, as far as its answer depends on it.

import type { Exchange } from "../http/exchange.ts";
import { addLines } from "./fetch.ts";
import type { Live } from "./live.ts";
import type { Plan } from "./plan.ts";
import { type PeerOrigin, takeQuestion } from "./peer-request.ts";

/** Makes it what it was there; undefined = we have another configuration, and must not answer. */
export function adoptFromPeer(
  exchange: Exchange<Plan>,
  origin: PeerOrigin,
  live: Live,
): Plan | undefined {
  exchange.isFromPeer = true;
  const question = takeQuestion(exchange);
  if (question === undefined || question.version !== live.snapshot.version) return undefined;
  const plan = live.sharedPlan(question.route);
  if (plan === undefined) return undefined;
  origin.take(question);
  live.refresh(origin);
  addLines(exchange.request.fields, question.added);
  exchange.clientIp = question.clientIp;
  exchange.user = question.user;
  exchange.path = question.path;
  exchange.mount = question.mount;
  exchange.routeName = plan.name;
  exchange.site = plan.site;
  exchange.bodyTimeout = plan.timeouts.body;
  exchange.plan = plan;
  return plan;
}
