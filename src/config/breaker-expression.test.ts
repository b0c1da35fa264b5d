import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import {
  type BreakerExpression,
  type BreakerMetric,
  parseBreakerExpression,
} from "./breaker-expression.ts";

const operators = [">", ">=", "<", "<=", "==", "!="] as const;

function compare(
  metric: BreakerMetric,
  value: number,
  operator: (typeof operators)[number] = ">",
): BreakerExpression {
  return { kind: "compare", metric, operator, value };
}

const networkErrors: BreakerMetric = { kind: "networkErrorRatio" };
const serverErrors: BreakerMetric = {
  kind: "responseCodeRatio",
  from: 500,
  to: 600,
  dividedFrom: 0,
  dividedTo: 600,
};
const median: BreakerMetric = { kind: "latencyAtQuantile", quantile: 50 };
const count: BreakerMetric = { kind: "requestCount" };

const good: readonly (readonly [string, BreakerExpression])[] = [
  ["NetworkErrorRatio() > 0.30", compare(networkErrors, 0.3)],
  ["LatencyAtQuantileMS(50.0) > 100", compare(median, 100)],
  ["ResponseCodeRatio(500, 600, 0, 600) > 0.25", compare(serverErrors, 0.25)],
  ["RequestCount()>=20", compare(count, 20, ">=")],
  [" NetworkErrorRatio ( ) == .5\n", compare(networkErrors, 0.5, "==")],
  [
    "LatencyAtQuantileMS(99.9) <= 1000.",
    compare({ kind: "latencyAtQuantile", quantile: 99.9 }, 1000, "<="),
  ],
  [
    "ResponseCodeRatio(500, 600, 200, 300) > 2",
    compare(
      {
        ...serverErrors,
        kind: "responseCodeRatio",
        dividedFrom: 200,
        dividedTo: 300,
      },
      2,
    ),
  ],
  [
    "RequestCount() > 1 || RequestCount() > 2 && RequestCount() > 3 || RequestCount() > 4",
    {
      kind: "or",
      left: {
        kind: "or",
        left: compare(count, 1),
        right: { kind: "and", left: compare(count, 2), right: compare(count, 3) },
      },
      right: compare(count, 4),
    },
  ],
  [
    "(RequestCount() > 1 || RequestCount() != 2) && !(!(RequestCount() < 3))",
    {
      kind: "and",
      left: { kind: "or", left: compare(count, 1), right: compare(count, 2, "!=") },
      right: { kind: "not", expression: { kind: "not", expression: compare(count, 3, "<") } },
    },
  ],
  [
    "!!(RequestCount() > 1)",
    { kind: "not", expression: { kind: "not", expression: compare(count, 1) } },
  ],
];

for (const [text, expression] of good) {
  test(`${text.trim()} is understood`, () => {
    assert.deepEqual(parseBreakerExpression(text), { kind: "expression", expression });
  });
}

const bad: readonly (readonly [string, number, RegExp])[] = [
  ["", 0, /expected a function such as NetworkErrorRatio\(\), found the end/],
  ["networkerrorratio() > 0.3", 0, /did you mean NetworkErrorRatio\?/],
  ["LatencyAtQuantile(50) > 100", 0, /did you mean LatencyAtQuantileMS\?/],
  ["Frobnicate() > 1", 0, /there are NetworkErrorRatio, ResponseCodeRatio, /],
  ["constructor() > 1", 0, /unknown function/],
  ["NetworkErrorRatio(1) > 0.3", 0, /takes 0 arguments, not 1; write NetworkErrorRatio\(\)/],
  ["ResponseCodeRatio(500, 600) > 0.3", 0, /takes 4 arguments, not 2; write .*dividedByFrom/],
  ["LatencyAtQuantileMS() > 1", 0, /takes 1 argument, not 0/],
  ["LatencyAtQuantileMS(101) > 1", 20, /0 to 100/],
  ["LatencyAtQuantileMS(50%) > 1", 22, /without "%".*quantiles in percent/],
  ["LatencyAtQuantileMS(50) > 100ms", 29, /without "ms".*latencies are in ms/],
  ["NetworkErrorRatio() > 30%", 24, /without "%".*0\.25/],
  ["NetworkErrorRatio() > 30", 22, /a share, from 0 to 1/],
  ["ResponseCodeRatio(500, 600, 0, 600) >= 25", 39, /a share, from 0 to 1/],
  ["ResponseCodeRatio(600, 500, 0, 600) > 0.2", 23, /no status is from 600 to below 500/],
  ["ResponseCodeRatio(500, 600, 0, 0) > 0.2", 31, /no status is from 0 to below 0/],
  ["ResponseCodeRatio(500, 600.5, 0, 600) > 0.2", 23, /whole number/],
  ["ResponseCodeRatio(500, 600, 0, 1001) > 0.2", 31, /whole number/],
  ["NetworkErrorRatio > 0.3", 18, /expected "\(" as in NetworkErrorRatio\(\)/],
  ["NetworkErrorRatio(", 18, /expected a number as in .*the end/],
  ["LatencyAtQuantileMS(50 > 100", 23, /expected "," or "\)"/],
  ["NetworkErrorRatio()", 19, /expected >, >=, .* after NetworkErrorRatio\(...\), found the end/],
  ["NetworkErrorRatio() => 0.3", 20, /expected >, >=/],
  ["NetworkErrorRatio() = 0.3", 20, /expected >, >=/],
  ["NetworkErrorRatio() >", 21, /expected a number after >, found the end/],
  ["NetworkErrorRatio() > -1", 22, /expected a number after >, found "-1"/],
  ["0.3 < NetworkErrorRatio()", 0, /write the function first/],
  ["!NetworkErrorRatio() > 0.3", 1, /put what is negated in parentheses/],
  ["NetworkErrorRatio() > 0.3 and RequestCount() > 1", 26, /expected "&&"/],
  ["NetworkErrorRatio() > 0.3 & RequestCount() > 1", 26, /expected "&&"/],
  ["NetworkErrorRatio() > 0.3 &&", 28, /expected a function/],
  ["(NetworkErrorRatio() > 0.3", 26, /expected "\)", found the end/],
  ["NetworkErrorRatio() > 0.3)", 25, /expected "&&", "\|\|" or the end/],
  ["!", 1, /expected a function/],
  [`${"(".repeat(100)}RequestCount() > 1`, 32, /nested/],
  ["!".repeat(5000), 1024, /1024 characters/],
];

for (const [text, at, why] of bad) {
  test(`${text.slice(0, 60) || "nothing"} is refused at ${at} with a reason`, () => {
    const parsed = parseBreakerExpression(text);
    assert.equal(parsed.kind, "bad");
    if (parsed.kind !== "bad") return;
    assert.match(parsed.why, why);
    assert.equal(parsed.at, at);
  });
}

/** With the parentheses that are needed, and spaces where somebody might put them. */
function format(expression: BreakerExpression, space: string, level = 0): string {
  switch (expression.kind) {
    case "or":
    case "and": {
      const own = expression.kind === "or" ? 1 : 2;
      const sign = expression.kind === "or" ? "||" : "&&";
      // Chains read from the left, so what stands on the right is grouped when it is of the same kind.
      const left = format(expression.left, space, own);
      const right = format(expression.right, space, own + 1);
      const text = `${left}${space}${sign}${space}${right}`;
      return level > own ? `(${space}${text})` : text;
    }
    case "not": {
      const inner = format(expression.expression, space, 3);
      const isGrouped = expression.expression.kind !== "compare";
      return `!${space}${isGrouped ? inner : `(${inner}${space})`}`;
    }
    case "compare":
      return [metricText(expression.metric, space), expression.operator, expression.value].join(
        space,
      );
  }
}

function metricText(metric: BreakerMetric, space: string): string {
  switch (metric.kind) {
    case "networkErrorRatio":
      return `NetworkErrorRatio(${space})`;
    case "responseCodeRatio": {
      const { from, to, dividedFrom, dividedTo } = metric;
      return `ResponseCodeRatio(${[from, to, dividedFrom, dividedTo].join(`${space},${space}`)})`;
    }
    case "latencyAtQuantile":
      return `LatencyAtQuantileMS${space}(${metric.quantile})`;
    case "requestCount":
      return "RequestCount()";
  }
}

const number = fc.tuple(fc.nat(1000), fc.nat(999)).map(([a, b]) => Number(`${a}.${b}`));
const share = fc.nat(1000).map((each) => each / 1000);
const range = fc.tuple(fc.nat(900), fc.integer({ min: 1, max: 100 }));
const operator = fc.constantFrom(...operators);
const leaf: fc.Arbitrary<BreakerExpression> = fc.oneof(
  fc.tuple(share, operator).map(([value, sign]) => compare(networkErrors, value, sign)),
  fc.tuple(number, operator).map(([value, sign]) => compare(count, value, sign)),
  fc
    .tuple(fc.nat(1000), number, operator)
    .map(([tenths, value, sign]) =>
      compare({ kind: "latencyAtQuantile", quantile: tenths / 10 }, value, sign),
    ),
  fc
    .tuple(range, range, share, operator)
    .map(([[from, width], [dividedFrom, dividedWidth], value, sign]) =>
      compare(
        {
          kind: "responseCodeRatio",
          from,
          to: from + width,
          dividedFrom,
          dividedTo: dividedFrom + dividedWidth,
        },
        value,
        sign,
      ),
    ),
);

const { expression } = fc.letrec<{ expression: BreakerExpression }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    leaf,
    fc
      .tuple(fc.constantFrom("and", "or"), tie("expression"), tie("expression"))
      .map(([kind, left, right]): BreakerExpression => ({ kind, left, right })),
    tie("expression").map((inner): BreakerExpression => ({ kind: "not", expression: inner })),
  ),
}));

test("any expression that is written out reads back the same, with spaces or without", () => {
  let tried = 0;
  fc.assert(
    fc.property(expression, fc.constantFrom("", " ", "\n\t"), (wanted, space) => {
      const text = format(wanted, space);
      if (text.length > 1024) return;
      tried++;
      assert.deepEqual(parseBreakerExpression(text), { kind: "expression", expression: wanted });
    }),
    { numRuns: 500 },
  );
  assert.ok(tried > 100, `only ${tried} were short enough`);
});

test("any text is understood or refused at a place within it, and fast", () => {
  const words = fc.constantFrom(
    ..."NetworkErrorRatio() ResponseCodeRatio(500,600,0,600) LatencyAtQuantileMS( RequestCount() 50 0.3".split(
      " ",
    ),
    ...'&& || ! ( ) , > < = >= 1e9 . % - " é'.split(" "),
    " ",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(words, fc.string({ maxLength: 3 }))), (pieces) => {
      const text = pieces.join("");
      const parsed = parseBreakerExpression(text);
      if (parsed.kind === "expression") return;
      assert.ok(parsed.at >= 0 && parsed.at <= text.length);
      assert.notEqual(parsed.why, "");
    }),
    { numRuns: 1000 },
  );
});
