// What a route counts of its exchanges: a few adds when one begins and when it is over. Plans have it, from the first
// one of their route on. Hot: bench/metrics.ts

import { factsOf, type FailureCode } from "../http/errors.ts";
import type { Exchange } from "../http/exchange.ts";
import { httpStatusOf } from "../http/grpc.ts";
import { bucketOf } from "../lib/time-buckets.ts";
import { middlewareCell, routeCell } from "../metrics/layout.ts";
import type { Meter, MeterBook } from "../metrics/meter.ts";

/** What exchanges are counted as that no route was found for. */
export const noRoute = "(none)";

export class RouteMeter {
  readonly #route: string;
  readonly #book: MeterBook;
  readonly #meter: Meter;
  /** Rare, and so made when they are needed. */
  readonly #others = new Map<string, Meter>();

  constructor(route: string, book: MeterBook) {
    this.#route = route;
    this.#book = book;
    this.#meter = book.meter("route", route);
  }

  begin(): void {
    this.#meter.cells[routeCell.open]!++;
  }

  /** @param hasBegun `begin` was told of it */
  end(exchange: Exchange, hasBegun: boolean): void {
    const { cells } = this.#meter;
    const status = countedStatus(exchange);
    if (hasBegun) cells[routeCell.open]!--;
    cells[status >= 100 && status < 600 ? Math.trunc(status / 100) : 0]!++;
    cells[routeCell.bytesIn]! += exchange.request.bytes + exchange.requestBytes;
    cells[routeCell.bytesOut]! += exchange.bodyBytes;
    if (status === 101) {
      // How long somebody stays says nothing of how fast we are.
      cells[routeCell.upgrades]!++;
    } else {
      const seconds = (performance.now() - exchange.startedAt) / 1000;
      cells[routeCell.seconds]! += seconds;
      cells[routeCell.buckets + bucketOf(seconds)]!++;
    }
    if (exchange.failure !== undefined) this.#fail(exchange.failure);
  }

  #fail(code: FailureCode): void {
    this.#other("failure", code).add(0, 1);
  }

  /** A middleware of that kind answered, or refused. */
  stopped(kind: string, isRefused: boolean): void {
    const cell = isRefused ? middlewareCell.refused : middlewareCell.answered;
    this.#other("middleware", kind).add(cell, 1);
  }

  /** As many as there are failures and kinds of middlewares. */
  #other(kind: "failure" | "middleware", name: string): Meter {
    const key = `${kind} ${name}`;
    let meter = this.#others.get(key);
    if (meter === undefined) {
      meter = this.#book.meter(kind, this.#route, name);
      this.#others.set(key, meter);
    }
    return meter;
  }
}

/** Of a gRPC call, whose answer is 200 whatever came of it, what its own status stands for. */
function countedStatus({ status, failure, grpcStatus }: Exchange): number {
  if (status !== 200 || grpcStatus <= 0) return status;
  return failure === undefined ? httpStatusOf(grpcStatus) : factsOf(failure).status;
}
