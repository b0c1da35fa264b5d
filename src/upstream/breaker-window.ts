// What a circuit breaker's expression is asked of: the exchanges of the last ten seconds. Only what the
// expression speaks of is counted. Latencies stand in a histogram whose steps grow by 4 %, so a quantile is
// within 2 % of the true one.

import type { BreakerExpression, BreakerMetric } from "../config/breaker-expression.ts";
import { SlidingCounts } from "../lib/sliding-counts.ts";

// As Traefik's. Shorter, a pause between two bursts would be forgotten; longer, a fault would be seen late.
const windowMs = 10_000;

/** Counters that are always there; the others follow. */
const EXCHANGES = 0;
const UNANSWERED = 1;

/** What the client of an exchange without an answer is told. */
const noAnswer = 502;

// 2^-3 ms to 2^20 ms (17 minutes), in 16 steps to the double.
const stepsPerDouble = 16;
const leastExponent = -3;
const steps = (20 - leastExponent) * stepsPerDouble;

/** A range of statuses that is counted: from <= status < to. */
interface Counted {
  readonly from: number;
  readonly to: number;
  readonly counter: number;
}

export class BreakerWindow {
  readonly #counted: Counted[] = [];
  readonly #holds: () => boolean;
  readonly #counts: SlidingCounts;
  /** First counter of the histogram; -1 = no latency is asked for. */
  #histogram = -1;
  #counters = 2;

  constructor(expression: BreakerExpression) {
    this.#holds = this.#compile(expression);
    this.#counts = new SlidingCounts(this.#counters, windowMs);
  }

  /** @param status 0 = no answer */
  record(status: number, ms: number, now: number): void {
    const counts = this.#counts;
    counts.moveTo(now);
    counts.add(EXCHANGES);
    if (status === 0) counts.add(UNANSWERED);
    else if (this.#histogram >= 0) counts.add(this.#histogram + stepOf(ms));
    const told = status === 0 ? noAnswer : status;
    const counted = this.#counted;
    for (let at = 0; at < counted.length; at++) {
      const { from, to, counter } = counted[at]!;
      if (told >= from && told < to) counts.add(counter);
    }
  }

  /** Whether the expression is true now. Without a single exchange nothing is. */
  holds(now: number): boolean {
    this.#counts.moveTo(now);
    return this.#counts.sum(EXCHANGES) > 0 && this.#holds();
  }

  clear(): void {
    this.#counts.clear();
  }

  #compile(expression: BreakerExpression): () => boolean {
    switch (expression.kind) {
      case "and":
      case "or": {
        const left = this.#compile(expression.left);
        const right = this.#compile(expression.right);
        return expression.kind === "and" ? () => left() && right() : () => left() || right();
      }
      case "not": {
        const inner = this.#compile(expression.expression);
        return () => !inner();
      }
      case "compare":
        return comparison(this.#measure(expression.metric), expression.operator, expression.value);
    }
  }

  /** How a metric is read. Adds the counters it needs. */
  #measure(metric: BreakerMetric): () => number {
    switch (metric.kind) {
      case "requestCount":
        return () => this.#counts.sum(EXCHANGES);
      case "networkErrorRatio":
        return () => this.#counts.sum(UNANSWERED) / this.#counts.sum(EXCHANGES);
      case "responseCodeRatio": {
        const some = this.#counter(metric.from, metric.to);
        const all = this.#counter(metric.dividedFrom, metric.dividedTo);
        return () => {
          const divisor = this.#counts.sum(all);
          return divisor === 0 ? 0 : this.#counts.sum(some) / divisor;
        };
      }
      case "latencyAtQuantile": {
        if (this.#histogram < 0) {
          this.#histogram = this.#counters;
          this.#counters += steps;
        }
        return () => this.#latencyAt(metric.quantile);
      }
    }
  }

  #counter(from: number, to: number): number {
    const same = this.#counted.find((each) => each.from === from && each.to === to);
    if (same !== undefined) return same.counter;
    const counter = this.#counters++;
    this.#counted.push({ from, to, counter });
    return counter;
  }

  /** Milliseconds; 0 when there was no answer at all. */
  #latencyAt(quantile: number): number {
    const answers = this.#counts.sum(EXCHANGES) - this.#counts.sum(UNANSWERED);
    const wanted = Math.max(1, Math.ceil((answers * quantile) / 100));
    let met = 0;
    for (let step = 0; step < steps; step++) {
      met += this.#counts.sum(this.#histogram + step);
      if (met >= wanted) return latencyOf(step);
    }
    return 0;
  }
}

function comparison(
  measure: () => number,
  operator: (BreakerExpression & { readonly kind: "compare" })["operator"],
  value: number,
): () => boolean {
  switch (operator) {
    case ">":
      return () => measure() > value;
    case ">=":
      return () => measure() >= value;
    case "<":
      return () => measure() < value;
    case "<=":
      return () => measure() <= value;
    case "==":
      return () => measure() === value;
    case "!=":
      return () => measure() !== value;
  }
}

function stepOf(ms: number): number {
  const step = Math.floor((Math.log2(ms) - leastExponent) * stepsPerDouble);
  // Below the first step, 0 ms included, everything is as good as nothing.
  return step > 0 ? Math.min(step, steps - 1) : 0;
}

/** The middle of a step. */
function latencyOf(step: number): number {
  return step === 0 ? 0 : 2 ** (leastExponent + (step + 0.5) / stepsPerDouble);
}
