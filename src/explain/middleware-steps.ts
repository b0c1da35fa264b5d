// The middlewares that a request meets, in their order. Those that need nothing but the request are run with it, the very code
// that serves: what they would answer and what they do to the path is what they do.

import { shownUses } from "../config/middlewares/words.ts";
import { isRecord } from "../lib/json.ts";
import type { MiddlewareUse, Route, Snapshot } from "../config/snapshot.ts";
import { failures } from "../http/errors.ts";
import { Wheel } from "../lib/wheel.ts";
import type { MiddlewareApi, Verdict } from "../middlewares/middleware.ts";
import { createMiddleware } from "../middlewares/registry.ts";
import { noPeers } from "../peers/peers.ts";
import type { Asked } from "./asked-request.ts";
import type { AnswerStep, MiddlewareStep } from "./explanation.ts";
import { manner, purposeOf } from "./middleware-purposes.ts";

export interface Passage {
  readonly steps: readonly MiddlewareStep[];
  /** null = they let it pass, as far as can be told. */
  readonly answer: AnswerStep | null;
}

interface Owned {
  readonly use: MiddlewareUse;
  readonly owner: string;
}

/** Takes the exchange through them: afterwards its path is what the backend gets. */
export function passageOf(asked: Asked, route: Route, snapshot: Snapshot): Passage {
  const steps: MiddlewareStep[] = [];
  let answer: AnswerStep | null = null;
  for (const owned of usesFor(asked, route, snapshot)) {
    const { use, owner } = owned;
    const common = { kind: use.kind, owner, settings: settingsOf(use), does: purposeOf(use.kind) };
    if (answer !== null) {
      steps.push({ ...common, outcome: "unreached", effect: "" });
      continue;
    }
    const step = tryOne(owned, asked, snapshot);
    answer = step.answer;
    steps.push({ ...common, outcome: step.outcome, effect: step.effect });
  }
  return { steps, answer };
}

/** In the order in which the proxy has them. */
function usesFor({ exchange }: Asked, route: Route, snapshot: Snapshot): readonly Owned[] {
  const listener = snapshot.listeners.find(({ name }) => name === exchange.origin.listener);
  const service = route.service === undefined ? undefined : snapshot.services.get(route.service);
  const owned = (owner: string, uses: readonly MiddlewareUse[] = []) =>
    uses.map((use) => ({ owner, use }));
  return [
    ...owned(`listener ${listener?.name}`, listener?.middlewares),
    ...owned(`route ${route.name}`, route.middlewares),
    ...owned(`service ${service?.name}`, service?.middlewares),
  ];
}

function settingsOf(use: MiddlewareUse): unknown {
  const [shown] = shownUses([use]);
  return isRecord(shown) && "written" in shown ? shown["written"] : null;
}

interface Tried {
  readonly outcome: MiddlewareStep["outcome"];
  readonly effect: string;
  readonly answer: AnswerStep | null;
}

function tryOne({ use, owner }: Owned, asked: Asked, snapshot: Snapshot): Tried {
  const way = manner(use.kind);
  if (way === "pass") return { outcome: "passes", effect: "", answer: null };
  const isKnown = way === "try";
  const unknown = { outcome: "depends", effect: "", answer: null } as const;
  if (!isKnown) return unknown;
  const { exchange, client } = asked;
  const before = exchange.path;
  let verdict: Verdict | Promise<Verdict>;
  try {
    verdict = createMiddleware(use, apiFor(owner, snapshot))?.onRequest?.(exchange);
  } catch {
    // What cannot be made was refused with the configuration; what throws is no reason to fail here.
    return unknown;
  }
  if (verdict instanceof Promise) return unknown;
  if (verdict === undefined)
    return { outcome: "passes", effect: effectOf(use, before, asked), answer: null };
  const answer = answerOf(verdict, client.isAborted, `${use.kind} of ${owner}`);
  return { outcome: "answers", effect: answerText(answer), answer };
}

function answerOf(
  verdict: Exclude<Verdict, undefined>,
  isAborted: boolean,
  by: string,
): AnswerStep {
  if (isAborted) return { status: 0, location: null, by };
  const all = verdict.fields ?? [];
  const location = all.find(([name]) => name.toLowerCase() === "location")?.[1] ?? null;
  const status =
    "failure" in verdict ? (verdict.status ?? failures[verdict.failure].status) : verdict.status;
  return { status, location, by };
}

/** `308 to https://a.example/`. */
export function answerText({ status, location }: Pick<AnswerStep, "status" | "location">): string {
  if (status === 0) return "closes the connection without an answer";
  return location === null ? `answers with ${status}` : `answers with ${status} to ${location}`;
}

function effectOf(use: MiddlewareUse, before: string, { exchange }: Asked): string {
  if (exchange.path !== before) return `${before} becomes ${exchange.path}`;
  if (use.kind === "ipRules") {
    const address = use.of === "client" ? exchange.clientIp : exchange.origin.peerIp;
    return `${address} may come`;
  }
  return "";
}

/** Nothing that is asked of the process: only those are run that ask nothing. */
function apiFor(owner: string, { documents }: Snapshot): MiddlewareApi {
  return {
    owner,
    wheel,
    warn() {},
    peers: noPeers,
    document: (name) => documents.get(name),
    page: async () => undefined,
    secret: () => "",
  };
}

const wheel = new Wheel(1000);
