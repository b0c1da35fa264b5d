// A request as middlewares see it, for tests of them by themselves.

import { Exchange, type ClientSide, type ExchangeOrigin } from "../../src/http/exchange.ts";
import { RequestHead } from "../../src/http/request-head.ts";
import type { ListedUse } from "../../src/config/middlewares/use.ts";
import type { MiddlewareUse } from "../../src/config/snapshot.ts";
import { Fields } from "../../src/http/fields.ts";
import { Wheel } from "../../src/lib/wheel.ts";
import type {
  Answer,
  Middleware,
  MiddlewareApi,
  Verdict,
} from "../../src/middlewares/middleware.ts";
import { noPeers } from "../../src/peers/peers.ts";
import { Review } from "../../src/proxy/review.ts";
import { createMiddleware } from "../../src/middlewares/registry.ts";

const usualOrigin: ExchangeOrigin = {
  listener: "web",
  peerIp: "192.0.2.1",
  isSecure: false,
  tls: undefined,
  localPort: 80,
  version: 1,
  isPeerTrusted: false,
  forwardedLines: "",
};

interface Trial {
  readonly method?: string;
  /** "" = none, of HTTP/1.0. */
  readonly host?: string;
  /** Lines, each with its CR LF. */
  readonly lines?: string;
  readonly origin?: Partial<ExchangeOrigin>;
}

const limits = { headBytes: 99_999, headerCount: 99, targetBytes: 99_999, bareLf: false };

export function exchangeOf(target: string, trial: Trial = {}): Exchange {
  const { method = "GET", host = "a.example", lines = "", origin = {} } = trial;
  const head = new RequestHead();
  const hostLine = host === "" ? "" : `Host: ${host}\r\n`;
  const text = `${method} ${target} HTTP/1.${host === "" ? 0 : 1}\r\n${hostLine}${lines}\r\n`;
  const wrong = head.read(text, 0, text.length, limits);
  if (wrong !== undefined) throw new Error(`${target}: ${wrong}`);
  return new Exchange({} as ClientSide, head, { ...usualOrigin, ...origin });
}

/** What was warned of is in `warnings`. */
export function trialApi(warnings: string[] = []): MiddlewareApi {
  return {
    owner: "route a.example",
    wheel: new Wheel(50),
    peers: noPeers,
    page: () => Promise.resolve(undefined),
    warn: (message) => void warnings.push(message),
    secret: () => "00".repeat(32),
    document: () => undefined,
  };
}

export function middlewareOf(use: MiddlewareUse | ListedUse, api = trialApi()): Middleware {
  const made = createMiddleware(use, api);
  if (made === undefined) throw new Error(`${use.kind} is no moment of an exchange`);
  return made;
}

/** Of one that waits for nobody. */
export function verdictOf(middleware: Middleware, exchange: Exchange): Verdict {
  const verdict = middleware.onRequest?.(exchange);
  if (verdict instanceof Promise) throw new Error("it waits for somebody");
  return verdict;
}

/** undefined = it lets the exchange pass. */
export function answerOf(middleware: Middleware, exchange: Exchange): Answer | undefined {
  const verdict = verdictOf(middleware, exchange);
  if (verdict !== undefined && "failure" in verdict) throw new Error(`refused: ${verdict.failure}`);
  return verdict;
}

/** The head of an answer as a middleware sees it. @param lines each with its CR LF */
export function answerHeadOf(status: number, lines = "", isOurs = false): Review {
  const fields = new Fields();
  const wrong = fields.read(lines, 0, lines.length, 99);
  if (wrong !== undefined) throw new Error(`${lines}: ${wrong}`);
  return new Review(status, fields, 1, isOurs);
}
