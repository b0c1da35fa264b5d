import assert from "node:assert/strict";
import { test } from "node:test";
import { http, notesOf, problemsOf, routesOf } from "../../../test/harness/traefik-wishes.ts";
import type { Labels } from "../../../test/harness/traefik-wishes.ts";

const site = { "routers.a.rule": "Host(`a.test`)" };

/** Of the password `test`. */
const password = "a:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC";

const listed: readonly (readonly [labels: Labels, middlewares: readonly unknown[]])[] = [
  [{ "m.basicauth.users": password }, [{ basicAuth: { users: [password], realm: "traefik" } }]],
  [{ "m.compress": "true" }, [{ compress: true }]],
  [{ "m.compress.minresponsebodybytes": "100" }, [{ compress: { minSize: 100 } }]],
  [
    { "m.ratelimit.average": "100", "m.ratelimit.period": "1m", "m.ratelimit.burst": "50" },
    [{ rateLimit: { average: 100, period: "1m", burst: 50, by: "address" } }],
  ],
  [
    { "m.ratelimit.average": "5", "m.ratelimit.sourcecriterion.requestheadername": "X-Key" },
    [{ rateLimit: { average: 5, burst: 1, by: "header:X-Key" } }],
  ],
  [{ "m.ratelimit.average": "0" }, []],
  [
    { "m.inflightreq.amount": "10" },
    [{ concurrency: { limit: 10, by: "header:Host", status: 429 } }],
  ],
  [
    {
      "m.headers.customrequestheaders.X-A": "1",
      "m.headers.customrequestheaders.X-B": "",
      "m.headers.customresponseheaders.Server": "",
    },
    [
      {
        headers: {
          request: { set: { "x-a": "1" }, remove: ["x-b"] },
          response: { remove: ["server"] },
        },
      },
    ],
  ],
  [
    { "m.headers.framedeny": "true", "m.headers.contenttypenosniff": "true" },
    [
      {
        securityHeaders: {
          preset: "none",
          override: true,
          frameOptions: "DENY",
          contentTypeOptions: "nosniff",
        },
      },
    ],
  ],
  [
    {
      "m.headers.accesscontrolalloworiginlist": "https://a.test",
      "m.headers.accesscontrolallowmethods": "GET,PUT",
      "m.headers.accesscontrolmaxage": "100",
    },
    [{ cors: { origins: ["https://a.test"], methods: ["GET", "PUT"], maxAge: "100s" } }],
  ],
  [{ "m.buffering.maxresponsebodybytes": "1000" }, [{ bodyLimit: { answer: 1000 } }]],
];

test("middlewares with a like of ours stand in the route's list, and nothing is wrong with them", () => {
  for (const [labels, middlewares] of listed) {
    const named = Object.entries(labels).map(([key, value]) => [`middlewares.${key}`, value]);
    const all = http({ ...site, "routers.a.middlewares": "m", ...Object.fromEntries(named) });
    const what = JSON.stringify(labels);
    assert.deepEqual(routesOf(all)["a"]?.["middlewares"] ?? [], middlewares, what);
    assert.deepEqual(notesOf(all), [], what);
    assert.deepEqual(problemsOf(all), [], what);
  }
});

test("those of a list run in the router's order, and a set of the file is one of them", () => {
  const all = http({
    ...site,
    "routers.a.middlewares": "zip, login@file, limit",
    "middlewares.zip.compress": "true",
    "middlewares.limit.inflightreq.amount": "10",
  });
  const { middlewares } = routesOf(all, { sets: ["login"] })["a"] ?? {};
  const concurrency = { limit: 10, by: "header:Host", status: 429 };
  assert.deepEqual(middlewares, [{ compress: true }, "login@file", { concurrency }]);
  // Of another provider, or of none.
  const other = routesOf(all, { sets: ["other"] })["a"];
  assert.equal((other?.["respond"] as { status: number } | undefined)?.status, 503);
});

test("a chain that says no middlewares, or something else, keeps everybody out", () => {
  for (const key of ["middleware", "middlewares.0"]) {
    const chain = { [`middlewares.c.chain.${key}`]: "login@file" };
    const also = { ...chain, "middlewares.c.chain.middlewares": "login@file" };
    for (const labels of [chain, also]) {
      const all = http({ ...site, "routers.a.middlewares": "c", ...labels });
      const made = routesOf(all, { sets: ["login"] })["a"];
      assert.equal((made?.["respond"] as { status: number } | undefined)?.status, 503);
    }
  }
});
