import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { formatProblem } from "./problem.ts";
import { readConfig } from "./read.ts";

const routeWith = (middleware: string) =>
  `routes:\n  a.test:\n    service: http://127.0.0.1:1\n    middlewares:\n      - ${middleware}\n`;

function useOf(middleware: string): Record<string, unknown> {
  const { snapshot, problems } = readConfig(routeWith(middleware), {
    file: "t.yaml",
    baseFolder: "/nonexistent",
  });
  deepEqual(problems, []);
  const use: Record<string, unknown> = { ...snapshot?.routes[0]?.middlewares[0] };
  delete use["written"];
  return use;
}

test("a limit is written short or long", () => {
  const rates = (middleware: string) => useOf(middleware)["rates"];
  deepEqual(rates("rateLimit: 10/s"), [{ average: 10, period: 1000, burst: 10 }]);
  deepEqual(rates("rateLimit: 5/10s"), [{ average: 5, period: 10_000, burst: 5 }]);
  deepEqual(rates("rateLimit: { average: 100, period: 1m, burst: 7 }"), [
    { average: 100, period: 60_000, burst: 7 },
  ]);
  deepEqual(rates("rateLimit: { rates: [10/s, { average: 1000, period: 1h }] }"), [
    { average: 10, period: 1000, burst: 10 },
    { average: 1000, period: 3_600_000, burst: 1000 },
  ]);
});

test("what is not said is exact, by address", () => {
  deepEqual(useOf("rateLimit: 10/s"), {
    kind: "rateLimit",
    rates: [{ average: 10, period: 1000, burst: 10 }],
    by: [{ from: "address", v4: 32, v6: 64 }],
    scope: "host",
    redis: undefined,
    exempt: [],
    status: 429,
    keys: 100_000,
    hasFields: false,
    isDryRun: false,
  });
  deepEqual(useOf("concurrency: 20"), {
    kind: "concurrency",
    limit: 20,
    by: [{ from: "all" }],
    scope: "host",
    queue: 0,
    queueTime: 10_000,
    exempt: [],
    status: 503,
  });
  deepEqual(useOf("bandwidth: 1MiB/s"), {
    kind: "bandwidth",
    down: 1_048_576,
    up: 0,
    by: undefined,
    after: 0,
    exempt: [],
  });
});

test("a Redis makes it its own scope", () => {
  const use = useOf('rateLimit: { average: 1, redis: "redis://u:p%40w@r.test:7/3" }');
  equal(use["scope"], "redis");
  deepEqual(use["redis"], {
    server: {
      place: { kind: "tcp", host: "r.test", port: 7 },
      tls: undefined,
      username: "u",
      password: "p@w",
      database: 3,
    },
    prefix: "tidegate:limit:",
    wait: 50,
    fallback: "local",
  });
});

test("who counts together is said by name", () => {
  deepEqual(useOf('rateLimit: { average: 1, by: ["header:X-Key", address], ipv6: 48 }')["by"], [
    { from: "header", name: "x-key" },
    { from: "address", v4: 32, v6: 48 },
  ]);
});

/** Without its place in the file, which is tested elsewhere. */
function faultsOf(middleware: string): string[] {
  const { problems } = readConfig(routeWith(middleware), {
    file: "t.yaml",
    baseFolder: "/nonexistent",
  });
  return problems.map((problem) => formatProblem(problem).replace(/^.*middlewares\[0\]\./, ""));
}

const forms = "write 10/s, 100/m, 1000/h, or { average: 10, period: 1s, burst: 20 }";
const parts = "write address, user, all, header:NAME, cookie:NAME or query:NAME";

const faults: readonly (readonly [string, string])[] = [
  ["rateLimit: 10", `rateLimit: must be a rate or a mapping, not the number 10; ${forms}`],
  ["rateLimit: .nan", `rateLimit: must be a rate or a mapping, not the number NaN; ${forms}`],
  ["rateLimit: 0/s", `rateLimit: must let something pass; ${forms}`],
  ["rateLimit: 10/x", `rateLimit: "10/x" is not a rate; ${forms}`],
  ["rateLimit: 5/900d", `rateLimit: 900d is longer than 366d; ${forms}`],
  ["rateLimit: {}", "rateLimit: says no limit; write either average or rates"],
  [
    "rateLimit: { average: 1, rates: 1/s }",
    "rateLimit: says its limit twice; write either average or rates",
  ],
  [
    "rateLimit: { average: .nan }",
    "rateLimit.average: must be a whole number from 1 to 1000000000, not the number NaN",
  ],
  [
    "rateLimit: 999999999/s",
    "rateLimit: lets more than 1000000 requests pass in a second; leave it out",
  ],
  [
    "rateLimit: { average: 1, period: 366d, burst: 2 }",
    "rateLimit: has a burst that takes more than a year to come back; write a smaller burst",
  ],
  [
    "rateLimit: { rates: [1/s, 2/s, 3/s, 4/s, 5/s, 6/s] }",
    "rateLimit: has more than 5 rates; leave out those that others imply",
  ],
  ["rateLimit: { average: 1, by: adress }", `rateLimit.by: "adress" is not known here; ${parts}`],
  ["rateLimit: { average: 1, by: 'header:a b' }", `rateLimit.by: "a b" is not a name; ${parts}`],
  [
    "rateLimit: { average: 1, scope: host, redis: 'redis://h' }",
    "rateLimit.redis: scope host asks no Redis; leave it out",
  ],
  ["concurrency: 0", "concurrency: must be a whole number from 1 to 1000000, not the number 0"],
  ["bandwidth: {}", "bandwidth: says no limit; write down: 1MiB/s"],
  ["bandwidth: 10/s", "bandwidth: is slower than 1KiB/s; write a size with /s, such as 1MiB/s"],
  [
    "bandwidth: 1MiB",
    'bandwidth: "1MiB" has no /s at its end; write a size with /s, such as 1MiB/s',
  ],
];

test("what is wrong is said with what to write instead", () => {
  for (const [middleware, fault] of faults) deepEqual(faultsOf(middleware), [fault], middleware);
});

test("no password is repeated", () => {
  const redis = [
    "redis://:s3cret@a b",
    "[s3cret]",
    "{ url: s3cret }",
    "{ password: [s3cret] }",
    "{ url: 'redis://:s3cret@h', password: s3cret }",
  ];
  for (const each of redis) {
    const told = faultsOf(`rateLimit: { average: 1, redis: ${each} }`);
    ok(told.length > 0, each);
    for (const one of told) ok(!one.includes("s3cret"), one);
  }
});
