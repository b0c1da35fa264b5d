// Requests for the same at the same time, of which one reaches the backend: for routes that keep nothing. The answer goes to
// those who waited for it, and to nobody who comes later.

import type { DenialReason, Sharing } from "../cache/fill.ts";
import type { FilledHead } from "../cache/fill-source.ts";
import { isOfEach } from "../cache/policy.ts";
import { hasCookies, hasProof, unusualOf } from "../cache/request.ts";
import type { CollapseUse } from "../config/middlewares/uses/collapse.ts";
import type { Exchange } from "../http/exchange.ts";
import { Fields } from "../http/fields.ts";
import { isSecure } from "../middlewares/requested-url.ts";
import { fillAndAnswer, type FillContext, type FillRules } from "./filling.ts";
import type { Plan } from "./plan.ts";

export interface CollapseContext extends FillContext {
  /** To its backend, by itself. */
  pass(exchange: Exchange<Plan>, plan: Plan): void;
}

/** What clients say of the form they want, which nearly every answer varies by. */
const forms = [
  ...["accept", "accept-encoding", "accept-language", "origin", "x-requested-with"],
] as const;

/** What a trusted proxy says of the URL. */
const claims = ["x-forwarded-host", "x-forwarded-port", "x-forwarded-prefix"] as const;

/** More than any backend may send. */
const maxFields = 1000;

/** Whether others may be given the answer, as far as that can be told before it is there. */
export function isForCollapse(exchange: Exchange<Plan>): boolean {
  const { method, request } = exchange;
  const { fields } = request;
  if (method !== "GET" && method !== "HEAD") return false;
  if (request.bodyLength !== 0 || request.isUpgrade || request.minor === 0) return false;
  // What a backend knows a client by, taken out by a middleware or put there by one.
  if (hasProof(exchange) || hasCookies(fields)) return false;
  return fields.get("cookie") === undefined && fields.get("range") === undefined;
}

export function serveCollapsed(
  exchange: Exchange<Plan>,
  plan: Plan,
  use: CollapseUse,
  context: CollapseContext,
): void {
  const rules = new CollapseRules(exchange, use, context);
  const { destination } = plan;
  const key = rules.keyOf(exchange);
  fillAndAnswer({ exchange, plan, destination, key, asked: {}, rules }, context);
}

/** Fields of the request that an answer was fetched for: those who wait for it have rules of their own. */
const askedFor = new WeakMap<FilledHead, Fields>();

class CollapseRules implements FillRules {
  /** Nothing is kept, and what is on its way has its own bound. */
  readonly maxObject = 0;
  readonly lockTimeout: number;
  readonly #use: CollapseUse;
  readonly #context: CollapseContext;
  /** As they were sent: the head may be another's by the time of the answer. */
  readonly #asked = new Fields();

  constructor({ request }: Exchange<Plan>, use: CollapseUse, context: CollapseContext) {
    this.#use = use;
    this.#context = context;
    this.lockTimeout = use.lockTimeout;
    const lines = request.fields.serialise();
    this.#asked.read(lines, 0, lines.length, maxFields);
  }

  keyOf(exchange: Exchange<Plan>): string {
    const { request, path, mount, origin } = exchange;
    const fields = this.#asked;
    // Any other field may make another answer, or say who asks: only who sends the same waits for it.
    const unusual = unusualOf({ headers: [], harmless: [] }, fields, origin.isPeerTrusted);
    const trusted = origin.isPeerTrusted ? claims : [];
    const names = [...forms, ...this.#use.headers, ...trusted, ...unusual.toSorted()];
    const named = names.map((name) => `${name}:${fields.get(name) ?? ""}`);
    const scheme = isSecure(exchange) ? "https" : "http";
    const plan = exchange.plan?.name ?? "";
    const query = request.hasQuery ? `?${request.query}` : "";
    const target = `${exchange.method} ${scheme}://${request.host}${path}${query}`;
    return JSON.stringify([plan, target, request.rawPath, mount, ...named]);
  }

  /** Nobody gets what is for one alone, sets a cookie, or is not to be stored by anybody. */
  judge(head: FilledHead): Sharing {
    askedFor.set(head, this.#asked);
    const { lines } = head;
    const fields = new Fields();
    if (fields.read(lines, 0, lines.length, maxFields) !== undefined) return "private";
    if (fields.get("set-cookie") !== undefined) return "private";
    const control = fields.get("cache-control") ?? "";
    return /(?:^|[\s,])(?:private|no-store)(?:$|[\s,=])/i.test(control) ? "private" : "share";
  }

  mayHave(head: FilledHead, exchange: Exchange<Plan>): boolean {
    const { lines } = head;
    const asked = askedFor.get(head);
    const fields = new Fields();
    fields.read(lines, 0, lines.length, maxFields);
    const vary = fields.get("vary") ?? "";
    return vary.split(",").every((each) => {
      const name = each.trim().toLowerCase();
      if (isOfEach(name)) return false;
      return name === "" || exchange.request.fields.passedOn(name) === asked?.get(name);
    });
  }

  linesFor({ lines }: FilledHead): string {
    return lines;
  }

  onWhole(): void {}

  /** Never: each gets the answer. */
  onTaken(exchange: Exchange<Plan>): void {
    this.onAlone(exchange);
  }

  onAlone(exchange: Exchange<Plan>, _why?: DenialReason): void {
    const { plan } = exchange;
    if (plan !== undefined) this.#context.pass(exchange, plan);
  }
}
