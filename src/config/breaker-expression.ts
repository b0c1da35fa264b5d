// When a service is cut off: Traefik's circuit breaker expressions, parsed into plain data.
//
// What differs from Traefik: `!` before parentheses, RequestCount(), and either kind of number may stand
// anywhere, where Traefik insists on 0.0 for a ratio, 50.0 for a quantile and 100 for milliseconds.

import { nearest } from "../lib/nearest.ts";
import { Scanner, SyntaxFault } from "./scanner.ts";

export type BreakerExpression =
  | {
      readonly kind: "and" | "or";
      readonly left: BreakerExpression;
      readonly right: BreakerExpression;
    }
  | { readonly kind: "not"; readonly expression: BreakerExpression }
  | {
      readonly kind: "compare";
      readonly metric: BreakerMetric;
      readonly operator: ">" | ">=" | "<" | "<=" | "==" | "!=";
      readonly value: number;
    };

export type BreakerMetric =
  /** Share of exchanges that got no answer: 0 to 1. */
  | { readonly kind: "networkErrorRatio" }
  /**
   * Answers with from <= status < to, over those with dividedFrom <= status < dividedTo. Who got no answer
   * from a backend was answered by us: that counts as 502, as it does in Traefik.
   */
  | {
      readonly kind: "responseCodeRatio";
      readonly from: number;
      readonly to: number;
      readonly dividedFrom: number;
      readonly dividedTo: number;
    }
  /** Milliseconds within which this percentage (0 to 100) of answers began. */
  | { readonly kind: "latencyAtQuantile"; readonly quantile: number }
  /** Exchanges within the window. */
  | { readonly kind: "requestCount" };

/** `at` counts characters from 0. */
export type ParsedBreaker =
  | { readonly kind: "expression"; readonly expression: BreakerExpression }
  | { readonly kind: "bad"; readonly at: number; readonly why: string };

// Room for a dozen comparisons; nobody foresees what a longer one does.
const maxLength = 1024;
const maxNesting = 32;

export function parseBreakerExpression(text: string): ParsedBreaker {
  if (text.length > maxLength) {
    return { kind: "bad", at: maxLength, why: `an expression may have ${maxLength} characters` };
  }
  try {
    return { kind: "expression", expression: new Parser(text).parse() };
  } catch (error) {
    if (error instanceof SyntaxFault) return { kind: "bad", at: error.at, why: error.message };
    throw error;
  }
}

interface Argument {
  readonly at: number;
  readonly value: number;
}

interface Wrong {
  readonly argument: number;
  readonly why: string;
}

interface Metric {
  /** As a message shows it, with the names of its arguments. */
  readonly form: string;
  readonly arguments: number;
  /** Makes the metric of arguments whose number was checked, or says what is wrong with one. */
  make(...values: readonly number[]): BreakerMetric | Wrong;
}

const metrics: Readonly<Record<string, Metric>> = {
  NetworkErrorRatio: {
    form: "NetworkErrorRatio()",
    arguments: 0,
    make: () => ({ kind: "networkErrorRatio" }),
  },
  ResponseCodeRatio: {
    form: "ResponseCodeRatio(from, to, dividedByFrom, dividedByTo)",
    arguments: 4,
    make: makeResponseCodeRatio,
  },
  LatencyAtQuantileMS: {
    form: "LatencyAtQuantileMS(percent)",
    arguments: 1,
    make: (quantile = Number.NaN) =>
      quantile <= 100
        ? { kind: "latencyAtQuantile", quantile }
        : { argument: 0, why: "a quantile is from 0 to 100; 50 is the median" },
  },
  RequestCount: {
    form: "RequestCount()",
    arguments: 0,
    make: () => ({ kind: "requestCount" }),
  },
};

const names = Object.keys(metrics);

function makeResponseCodeRatio(...values: readonly number[]): BreakerMetric | Wrong {
  const strange = values.findIndex((each) => !Number.isInteger(each) || each > 1000);
  if (strange >= 0) return { argument: strange, why: "a status is a whole number from 0 to 1000" };
  const [from = 0, to = 0, dividedFrom = 0, dividedTo = 0] = values;
  const remedy = "the second one is not included: all 5xx are 500, 600";
  if (from >= to)
    return { argument: 1, why: `no status is from ${from} to below ${to}; ${remedy}` };
  if (dividedFrom >= dividedTo) {
    return {
      argument: 3,
      why: `no status is from ${dividedFrom} to below ${dividedTo}; ${remedy}`,
    };
  }
  return { kind: "responseCodeRatio", from, to, dividedFrom, dividedTo };
}

/** A metric that is a share of something it is part of, so that it is never more than 1. */
function isShare(metric: BreakerMetric): boolean {
  switch (metric.kind) {
    case "networkErrorRatio":
      return true;
    case "responseCodeRatio":
      return metric.from >= metric.dividedFrom && metric.to <= metric.dividedTo;
    case "latencyAtQuantile":
    case "requestCount":
      return false;
  }
}

/** Recursive descent: any = all { "||" all }, all = one { "&&" one }, one = "!" one | "(" any ")" | comparison. */
class Parser extends Scanner {
  #depth = 0;

  parse(): BreakerExpression {
    const expression = this.#any();
    if (this.at < this.text.length) {
      this.fail(`expected "&&", "||" or the end, found ${this.here()}`);
    }
    return expression;
  }

  #any(): BreakerExpression {
    let left = this.#all();
    while (this.take("||")) left = { kind: "or", left, right: this.#all() };
    return left;
  }

  #all(): BreakerExpression {
    let left = this.#one();
    while (this.take("&&")) left = { kind: "and", left, right: this.#one() };
    return left;
  }

  #one(): BreakerExpression {
    this.#depth += 1;
    if (this.#depth > maxNesting) this.fail(`nested deeper than ${maxNesting} levels`);
    const expression = this.#inner();
    this.#depth -= 1;
    return expression;
  }

  #inner(): BreakerExpression {
    if (this.take("!")) {
      // Before a function, `!` would be read as belonging to the function alone, or to all that follows.
      if (!/^[!(]?$/.test(this.text.charAt(this.at))) {
        this.fail(`put what is negated in parentheses: !(${names[0]}() > 0.3)`);
      }
      return { kind: "not", expression: this.#one() };
    }
    if (!this.take("(")) return this.#comparison();
    const expression = this.#any();
    if (!this.take(")")) this.fail(`expected ")", found ${this.here()}`);
    return expression;
  }

  #comparison(): BreakerExpression {
    const { name, metric } = this.#metric();
    const operator = this.#operator(name);
    const { at, value } = this.#number(`expected a number after ${operator}`);
    if (value > 1 && isShare(metric)) {
      throw new SyntaxFault(at, `${name} is a share, from 0 to 1; write 0.25 for a quarter`);
    }
    return { kind: "compare", metric, operator, value };
  }

  #metric(): { name: string; metric: BreakerMetric } {
    this.skipSpace();
    const at = this.at;
    while (/[A-Za-z0-9_]/.test(this.text.charAt(this.at))) this.at += 1;
    const name = this.text.slice(at, this.at);
    if (/^\d/.test(name)) {
      throw new SyntaxFault(at, `write the function first, then the number: ${names[0]}() > 0.3`);
    }
    if (name === "") {
      this.fail(`expected a function such as ${names[0]}(), found ${this.here()}`);
    }
    const known = Object.hasOwn(metrics, name) ? metrics[name] : undefined;
    if (known === undefined) throw new SyntaxFault(at, unknownName(name));
    const values = this.#arguments(known);
    if (values.length !== known.arguments) {
      const wanted = known.arguments === 1 ? "1 argument" : `${known.arguments} arguments`;
      throw new SyntaxFault(
        at,
        `${name} takes ${wanted}, not ${values.length}; write ${known.form}`,
      );
    }
    const made = known.make(...values.map(({ value }) => value));
    if ("kind" in made) return { name, metric: made };
    throw new SyntaxFault(values[made.argument]?.at ?? at, made.why);
  }

  #arguments({ form }: Metric): Argument[] {
    if (!this.take("(")) this.fail(`expected "(" as in ${form}, found ${this.here()}`);
    const values: Argument[] = [];
    if (this.take(")")) return values;
    do values.push(this.#number(`expected a number as in ${form}`));
    while (this.take(","));
    if (!this.take(")")) this.fail(`expected "," or ")", found ${this.here()}`);
    return values;
  }

  #operator(name: string) {
    // The longer ones first.
    for (const each of [">=", "<=", "==", "!=", ">", "<"] as const)
      if (this.take(each)) return each;
    this.fail(
      `expected >, >=, <, <=, == or != and a number after ${name}(...), found ${this.here()}`,
    );
  }

  #number(wanted: string): Argument {
    this.skipSpace();
    const at = this.at;
    const [digits = ""] = /^(?:\d+\.?\d*|\.\d+)/.exec(this.text.slice(at)) ?? [];
    if (digits === "") this.fail(`${wanted}, found ${this.here()}`);
    this.at += digits.length;
    const value = Number(digits);
    const unit = /^(?:%|m?s\b)/i.exec(this.text.slice(this.at))?.[0];
    if (unit !== undefined) {
      const units =
        "latencies are in ms, shares from 0 to 1 (0.25 is a quarter), quantiles in percent";
      this.fail(`a number is written without "${unit}": ${units}`);
    }
    return { at, value };
  }
}

function unknownName(name: string): string {
  const meant = nearest(name, names);
  if (meant !== undefined) return `unknown function "${name}"; did you mean ${meant}?`;
  return `unknown function "${name}"; there are ${names.join(", ")}`;
}
