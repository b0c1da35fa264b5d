import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { test } from "node:test";
import { definitions } from "../config/middlewares/registry.ts";
import { readConfig } from "../config/read.ts";
import type { Snapshot } from "../config/snapshot.ts";
import { somebody } from "./asked-request.ts";
import { Explainer } from "./explainer.ts";
import type { Explanation, Question, ServiceState } from "./explanation.ts";
import { manner, purposeOf } from "./middleware-purposes.ts";

function snapshotOf(text: string): Snapshot {
  const { snapshot, problems } = readConfig(text, { file: "t.yaml", baseFolder: "/" });
  ok(snapshot !== undefined, JSON.stringify(problems));
  return snapshot;
}

function explain(
  text: string,
  url: string,
  more: Partial<Question> = {},
  states?: readonly ServiceState[],
): Explanation {
  const question = { method: "GET", url, headers: [], from: null, listener: null, ...more };
  const byName = states && new Map(states.map((each) => [each.name, each]));
  return new Explainer().explain(snapshotOf(text), question, byName);
}

const shop = `
listeners: { web: ":80", secure: { bind: ":443", tls: true } }
routes:
  shop.test: { service: shop }
  shop.test/api: { service: shop, stripPrefix: /api }
  shop.test/safe: { service: shop, forceHttps: true }
  shop.test/in: { service: shop, middlewares: [{ ipRules: { allow: [10.0.0.0/8] } }] }
  shop.test/login: { service: shop, middlewares: [{ basicAuth: { users: ["a:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="] } }, { respond: { status: 204 } }] }
  shop.test/fixed: { respond: { status: 418, body: hello } }
  shop.test/work: { service: shop, maintenance: { allow: [10.0.0.0/8] } }
services:
  shop: { backends: [http://10.0.0.1, http://10.0.0.2, { url: http://10.0.0.3, tier: 1 }, { url: http://10.0.0.4, weight: 0 }] }
`;

test("a request is followed to its backends, through what is done to its path", () => {
  const found = explain(shop, "http://shop.test/api/users?x=1");
  strictEqual(found.route?.name, "shop.test/api");
  strictEqual(found.listener.name, "web");
  strictEqual(found.certificate, null);
  deepStrictEqual([found.request.path, found.path], ["/api/users", "/users"]);
  deepStrictEqual(
    found.middlewares.map(({ kind, outcome, effect }) => [kind, outcome, effect]),
    [["stripPrefix", "passes", "/api/users becomes /users"]],
  );
  strictEqual(found.answer, null);
  strictEqual(found.services[0]?.name, "shop");
  deepStrictEqual(
    found.services[0]?.backends.map(({ isEligible }) => isEligible),
    [true, true, false, false],
  );
});

test("what rules see of the request is what came, whatever middlewares make of it", () => {
  const text = `
routes:
  a.test: { service: http://10.0.0.1, headers: { x-beta: "1" }, middlewares: [{ headers: { request: { remove: [x-beta] } } }, { addPrefix: /deep }] }
  other.test: http://10.0.0.1
`;
  const found = explain(text, "http://a.test/x", { headers: [["X-Beta", "1"]] });
  deepStrictEqual(
    found.candidates.map(({ name, outcome }) => [name, outcome]),
    [["a.test", "wins"]],
  );
  strictEqual(found.path, "/deep/x");
});

test("what answers before the service is asked is tried, and what follows is not reached", () => {
  const safe = explain(shop, "http://shop.test/safe/x?y");
  deepStrictEqual(safe.answer, {
    status: 308,
    location: "https://shop.test/safe/x?y",
    by: "forceHttps of route shop.test/safe",
  });
  deepStrictEqual([safe.path, safe.services], [null, []]);
  strictEqual(explain(shop, "https://shop.test/safe/x").answer, null);
  strictEqual(explain(shop, "http://shop.test/fixed").answer?.status, 418);
  strictEqual(explain(shop, "http://shop.test/in").answer?.status, 403);
  const inside = explain(shop, "http://shop.test/in", { from: "10.1.2.3" });
  deepStrictEqual([inside.answer, inside.middlewares[0]?.effect], [null, "10.1.2.3 may come"]);
  strictEqual(explain(shop, "http://shop.test/work").answer?.status, 503);
  strictEqual(explain(shop, "http://shop.test/work", { from: "10.1.2.3" }).answer, null);
});

test("what depends on more than the request is said to, and passwords are not shown", () => {
  const found = explain(shop, "http://shop.test/login");
  deepStrictEqual(
    found.middlewares.map(({ kind, outcome }) => [kind, outcome]),
    [
      ["basicAuth", "depends"],
      ["respond", "answers"],
    ],
  );
  deepStrictEqual(found.middlewares[0]?.settings, { users: "(not shown)" });
  strictEqual(JSON.stringify(found).includes("W6ph5Mm5"), false);
});

test("backends are told by what is known of them", () => {
  const up = { state: "up", why: "", weight: 1, tier: 0 };
  const rows = [
    { ...up, url: "http://10.0.0.1", state: "down", why: "connection refused" },
    { ...up, url: "http://10.0.0.2", state: "draining" },
    { ...up, url: "http://10.0.0.3", tier: 1 },
    { ...up, url: "http://10.0.0.4", weight: 0 },
  ];
  const state = (name: string, now: string, backends = rows) => [{ name, state: now, backends }];
  const [service] = explain(shop, "http://shop.test/", {}, state("shop", "degraded")).services;
  strictEqual(service?.state, "degraded");
  deepStrictEqual(
    service?.backends.map(({ isEligible, why }) => [isEligible, why]),
    [
      [false, "down: connection refused"],
      [false, "draining: only sessions it has"],
      [true, "up"],
      [false, "weight 0: only sessions it has"],
    ],
  );
  const worked = explain(shop, "http://shop.test/", {}, state("shop", "maintenance"));
  strictEqual(worked.answer?.by, "maintenance of service shop");
});

test("whom the configuration's maintenance lets in is let in, also while the service is shown as being worked on", () => {
  const text = `
routes: { a.test: { service: shop } }
services: { shop: { backends: [http://10.0.0.1], maintenance: { allow: [10.0.0.0/8] } } }
`;
  const states = [{ name: "shop", state: "maintenance", backends: [] }];
  strictEqual(explain(text, "http://a.test/", { from: "10.0.0.1" }, states).answer, null);
  strictEqual(explain(text, "http://a.test/", {}, states).answer?.status, 503);
});

test("the path for the backend is the one that is sent to it", () => {
  const text = `routes: { a.test: http://10.0.0.1, b.test: { service: http://10.0.0.1, stripPrefix: /x } }`;
  strictEqual(explain(text, "http://a.test//x/%61").path, "//x/%61");
  strictEqual(explain(text, "http://b.test//x/%61").path, "/a");
});

test("a body that is too long for the route is refused before its middlewares", () => {
  const text = `routes: { a.test: { service: http://10.0.0.1, maxBody: 10B, forceHttps: true } }`;
  const sending = (length: string) =>
    explain(text, "http://a.test/", { method: "POST", headers: [["Content-Length", length]] });
  deepStrictEqual(sending("11").answer, {
    status: 413,
    location: null,
    by: "maxBody of route a.test",
  });
  strictEqual(sending("10").answer?.status, 308);
});

test("a question that an expression never comes to an end with is answered all the same", () => {
  const text = `routes: { a: { rule: "PathRegexp(\`^/(?=a)(a+)+$\`)", service: http://10.0.0.1 } }`;
  const { fault } = explain(text, `http://a.test/${"a".repeat(50)}!`);
  match(fault ?? "", /takes longer than 1000 ms .* a regular expression/);
});

test("services of services are told, and who of them is asked", () => {
  const text = `
routes: { a.test: { service: canary } }
services:
  canary: { split: [{ service: new, weight: 1, when: { cookie: { beta: "1" } } }, { service: old, weight: 3 }] }
  old: { failover: [first, second] }
  first: http://10.0.0.1
  second: http://10.0.0.2
  new: http://10.0.0.3
`;
  const parts = (found: Explanation) =>
    found.services.map(({ name, parts: all }) => [name, ...all.map(({ why }) => why)]);
  const down = [{ name: "first", state: "down", backends: [] }];
  deepStrictEqual(parts(explain(text, "http://a.test/", {}, down)), [
    ["canary", "25 % of requests", "75 % of requests"],
    ["new"],
    ["old", "it is down", "the first that is up"],
    ["second"],
  ]);
  const asked = explain(text, "http://a.test/", { headers: [["Cookie", "x=2; beta=1"]] });
  deepStrictEqual(parts(asked)[0], [
    "canary",
    "the request asks for it",
    "the request asks for another part",
  ]);
});

test("the client is whom trusted proxies name", () => {
  const text = `
trustedProxies: [10.0.0.0/8]
listeners: { web: ":80" }
routes: { a.test: { service: http://10.0.0.9, clientIp: [203.0.113.0/24] } }
`;
  const headers: [string, string][] = [["X-Forwarded-For", "198.51.100.9, 203.0.113.7, 10.0.0.2"]];
  const named = explain(text, "http://a.test/", { headers, from: "10.0.0.1" });
  deepStrictEqual([named.request.client, named.route?.name], ["203.0.113.7", "a.test"]);
  const forged = explain(text, "http://a.test/", { headers, from: "192.0.2.9" });
  deepStrictEqual([forged.request.client, forged.route], ["192.0.2.9", null]);
  strictEqual(explain(text, "http://a.test/").request.client, somebody);
});

test("where nobody listens for it, that is said", () => {
  const plain = `listeners: { web: ":8080" }\nroutes: { a.test: http://10.0.0.1 }`;
  match(explain(plain, "http://a.test/").listener.why, /nobody listens on port 80 itself/);
  match(explain(plain, "http://a.test:8080/").listener.why, /^it speaks http on port 8080$/);
  match(
    explain(plain, "https://a.test/").listener.why,
    /something in front of it would have to end TLS/,
  );
  const named = explain(plain, "http://a.test/", { listener: "wbe" });
  match(named.listener.why, /there is no listener wbe/);
  match(named.hints[0] ?? "", /nobody can connect/);
  match(
    explain(shop, "https://shop.test/").certificate?.why ?? "",
    /only the running program knows/,
  );
});

test("a host that wants certificates of clients is not served in the clear", () => {
  const base = snapshotOf(`listeners: { web: ":80" }\nroutes: { a.test: http://10.0.0.1 }`);
  const clientAuth = { mode: "require", authorities: "", revoked: undefined } as const;
  const tls = { ...base.tls, hosts: [{ name: "a.test", said: { clientAuth } }] };
  const question = {
    method: "GET",
    url: "http://a.test/",
    headers: [],
    from: null,
    listener: null,
  };
  const { answer } = new Explainer().explain({ ...base, tls }, question);
  strictEqual(answer?.status, 421);
});

test("what no client can send is said to be that", () => {
  const faults: [string, Partial<Question>, RegExp][] = [
    ["ftp://a.test/", {}, /ftp:\/\/ is not spoken/],
    ["http://a b.test/", {}, /is no host/],
    ["http://a.test/%00", {}, /BAD_TARGET, answered with 400/],
    ["http://a.test/../..", {}, /BAD_TARGET/],
    ["http://a.test/", { headers: [["X", "a\r\nB: c"]] }, /holds a line break/],
    ["http://a.test/", { headers: [["X Y", "a"]] }, /BAD_HEADER/],
    ["http://a.test/", { method: "CONNECT" }, /METHOD_NOT_SUPPORTED/],
    ["http://a.test/", { from: "nobody" }, /is no IP address/],
    [`http://a.test/${"x".repeat(20_000)}`, {}, /longer than/],
  ];
  for (const [url, more, fault] of faults) {
    const found = explain(shop, url, more);
    match(found.fault ?? "", fault, url);
    strictEqual(found.route, null);
  }
});

test("what browsers would write otherwise is read as they send it", () => {
  const found = explain(`routes: { "bücher.test": http://10.0.0.1 }`, "http://BÜCHER.test/ä?q=ü#x");
  strictEqual(found.route?.name, "bücher.test");
  deepStrictEqual([found.request.host, found.request.path], ["xn--bcher-kva.test", "/%C3%A4"]);
  strictEqual(explain(shop, "shop.test").route?.name, "shop.test");
});

test("who has no route is told what is nearest", () => {
  const text = `routes: { shop.test/api: http://10.0.0.1 }`;
  deepStrictEqual(explain(text, "http://shpo.test/api").hints, [
    "no route is for the host shpo.test",
    "there is a host shop.test: perhaps that is meant",
  ]);
  match(
    explain(text, "http://shop.test/app").hints[0] ?? "",
    /^nearest is shop.test\/api: .* the path is \/app$/,
  );
  deepStrictEqual(explain(text, "http://shop.test/").answer, {
    status: 404,
    location: null,
    by: "no route",
  });
});

test("a table is made once for the same routes, and from the one before", () => {
  const explainer = new Explainer();
  const snapshot = snapshotOf(shop);
  const table = explainer.tableOf(snapshot);
  strictEqual(explainer.tableOf(snapshot), table);
  strictEqual(
    explainer.tableOf({ routes: snapshot.routes.slice(1) }).size,
    snapshot.routes.length - 1,
  );
  strictEqual(explainer.tableOf(snapshot), table);
});

test("each kind of middleware has a purpose, and those that count or ask are never tried", () => {
  for (const kind of Object.keys(definitions) as (keyof typeof definitions)[]) {
    ok(purposeOf(kind).length > 5, kind);
  }
  const asking = [
    "basicAuth",
    "forwardAuth",
    "jwt",
    "oidc",
    "rateLimit",
    "concurrency",
    "own",
    "geoip",
    "cache",
  ] as const;
  for (const kind of asking) strictEqual(manner(kind), "depends", kind);
});
