import assert from "node:assert/strict";
import { test } from "node:test";
import { commonSettings } from "../../test/harness/watched-source.ts";
import { overlaid } from "./overlay.ts";
import { formatPath, formatProblem } from "./problem.ts";
import type { RouteDefaults } from "./provider-settings.ts";
import { readConfig } from "./read.ts";
import { readDiscovered } from "./read-discovered.ts";
import { readItem } from "./read-item.ts";
import { overlayWords, routeWords } from "./route-words.ts";
import type { MiddlewareUse, Route } from "./snapshot.ts";

function read(text: string) {
  const { snapshot, problems } = readConfig(text, { file: "t", baseFolder: "/nowhere" });
  return { snapshot, told: problems.map(formatProblem) };
}

/** A route with this list, and sets. */
function listOf(middlewares: string, sets = "{}") {
  const text = `middlewares: ${sets}\nroutes:\n  a.test/x: { service: "http://127.0.0.1:1", middlewares: ${middlewares} }\n`;
  const { snapshot, told } = read(text);
  return { uses: snapshot?.routes[0]?.middlewares ?? [], told };
}

const kindsOf = (uses: readonly MiddlewareUse[]) => uses.map(({ kind }) => kind);

test("a list runs in its order, a mapping in ours", () => {
  const list = listOf("[addPrefix: /b, requestId, stripPrefix, requestId: { header: X-A }]");
  assert.deepEqual(list.told, []);
  assert.deepEqual(kindsOf(list.uses), ["addPrefix", "requestId", "stripPrefix", "requestId"]);
  const mapping = listOf("{ addPrefix: /b, stripPrefix: true, requestId: true, forceHttps: true }");
  assert.deepEqual(mapping.told, []);
  assert.deepEqual(kindsOf(mapping.uses), ["requestId", "forceHttps", "stripPrefix", "addPrefix"]);
  assert.deepEqual(mapping.uses[2], { kind: "stripPrefix", prefixes: ["/x"], written: true });
  // One entry may become several.
  const redirects = listOf("[redirect: [https, { pattern: ^http, to: https://b }], requestId]");
  assert.deepEqual(kindsOf(redirects.uses), ["forceHttps", "redirectMatch", "requestId"]);
});

test("a set stands for what is in it, wherever it is named", () => {
  const sets = "{ one: [requestId, two], two: { addPrefix: /b } }";
  for (const written of ["[one]", '["one@file"]', "{ one: true }"]) {
    const { uses, told } = listOf(written, sets);
    assert.deepEqual(told, [], written);
    assert.deepEqual(kindsOf(uses), ["requestId", "addPrefix"], written);
  }
});

test("what is wrong with a list is told where it stands", () => {
  const table: readonly (readonly [list: string, why: RegExp, sets?: string])[] = [
    ["[compres]", /middlewares\[0\]: there is no middleware "compres"; write compress/],
    ["[wanted]", /"wanted"; known are .*, other/, "{ other: [requestId] }"],
    ["[wantd]", /write wanted/, "{ wanted: [requestId] }"],
    ["text", /must be a list of middlewares, or a mapping of them, not the text "text"/],
    ["[7]", /must be a middleware: its name, or NAME: SETTINGS, not the number 7/],
    ["[{}]", /middlewares\[0\]: must be one middleware; write a - before each/],
    ["[requestId: { headr: X }]", /\[0\]\.requestId\.headr: unknown key "headr"; write header/],
    ["[grpcWeb: { origins: x }]", /unknown key "origins"; it has no settings; write true/],
    [
      "[one]",
      /middlewares\.one: the sets name one another in a circle: one → one/,
      "{ one: [one] }",
    ],
    ["[]", /middlewares\.respond: respond is a kind of middleware/, "{ respond: [requestId] }"],
    ["[]", /a name of a set has no @/, '{ "a@b": [requestId] }'],
    ["[]", /middlewares\.one\[0\]: stripPrefix needs to know the prefix/, "{ one: [stripPrefix] }"],
    [`[${"requestId,".repeat(100)}]`, /more than \d+ middlewares/],
    ["[respond: { body: hi }]", /respond answers everything: service is never come to/],
    ["[one: { requestId: true }]", /there is no middleware "one"/, "{ one: [requestId] }"],
  ];
  for (const [list, why, sets] of table) {
    const { told } = listOf(list, sets);
    assert.equal(told.length, 1, `${list}: ${told.join("\n")}`);
    assert.match(told[0] ?? "", why, list);
  }
});

test("an answer in the list is one, and other protocols have no middlewares", () => {
  const answer = read("routes: { a.test: { middlewares: [whoami] } }");
  assert.deepEqual(answer.told, []);
  assert.equal(answer.snapshot?.routes[0]?.service, undefined);
  const nothing = read("routes: { a.test: { middlewares: [requestId] } }");
  assert.match(nothing.told.join(), /nothing answers/);
  const tcp = read(`
listeners: { db: { bind: ":1", protocol: tcp, service: db } }
services: { db: { backends: ["tcp://127.0.0.1:2"], middlewares: [requestId] } }`);
  assert.match(tcp.told.join("\n"), /db has middlewares, which are for requests/);
  const part = read(`
services:
  app: { backends: ["http://127.0.0.1:2"], middlewares: [requestId] }
  both: { split: { app: 1 } }
routes: { a.test: { service: both } }`);
  assert.match(part.told.join("\n"), /services\.app\.middlewares: count where a route leads/);
});

// --- from elsewhere ------------------------------------------------------------------------------------

const sets =
  "{ login: [basicAuth: { users: ['a:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC'] }] }";

/** With a set of the file. */
function defaults(): RouteDefaults {
  const { snapshot, told } = read(`middlewares: ${sets}\nroutes: { a.test: { whoami: true } }`);
  assert.deepEqual(told, []);
  return { ...commonSettings.defaults, ...snapshot?.written?.defaults };
}

function ofLabels(middlewares: unknown) {
  const route = { host: "a.test", service: "s", middlewares };
  const services = { s: { backends: ["http://127.0.0.1:1"] } };
  const { routes, problems } = readDiscovered(
    { routes: { a: route }, tcpRoutes: {}, services },
    { defaults: defaults(), originOf: () => ({ provider: "docker", place: "" }) },
  );
  const told = problems.map(({ path, message }) => `${formatPath(path)}: ${message}`);
  return { uses: routes[0]?.middlewares ?? [], told };
}

function ofItem(middlewares: unknown) {
  const value = { service: "s", middlewares };
  const item = { section: "routes", name: "a.test", value, place: "" } as const;
  const { routes, problems } = readItem(item, { source: "kept", defaults: defaults() });
  const told = problems.map(({ path, message }) => `${formatPath(path)}: ${message}`);
  return { route: routes[0], told };
}

test("labels say them as texts, without regard to case", () => {
  const table: readonly (readonly [said: unknown, kinds: readonly string[]])[] = [
    ["requestId", ["requestId"]],
    ["requestId, login@file", ["requestId", "basicAuth"]],
    ["[requestId, { addPrefix: /b }]", ["requestId", "addPrefix"]],
    [{ requestid: "true", ADDPREFIX: "/b" }, ["requestId", "addPrefix"]],
    [{ requestId: { Header: "X-A", trust: "false" } }, ["requestId"]],
    [{ "login@file": "true" }, ["basicAuth"]],
    [{ stripPrefix: "/a, /b" }, ["stripPrefix"]],
  ];
  for (const [said, kinds] of table) {
    const { uses, told } = ofLabels(said);
    assert.deepEqual(told, [], JSON.stringify(said));
    assert.deepEqual(kindsOf(uses), kinds, JSON.stringify(said));
  }
});

test("who writes labels names no file, asks nobody, and has no pattern without end", () => {
  const table: readonly (readonly [said: unknown, why: RegExp])[] = [
    [
      { basicAuth: { file: "/etc/passwd" } },
      /basicAuth\.file: a label may not say this of basicAuth/,
    ],
    [{ forwardAuth: "http://169.254.169.254/" }, /a label may not say forwardAuth/],
    [{ ipRules: { allow: { file: "/x" } } }, /allow\.file: a label may not say/],
    [
      { ipRules: { allow: "[10.0.0.0/8, { url: 'http://b/' }]" } },
      /allow\[1\]\.url: a label may not/,
    ],
    [{ replacePath: { pattern: "(?=a)b", replacement: "" } }, /could take for ever/],
    [{ redirect: { pattern: "(a)\\1", to: "/" } }, /could take for ever/],
    ["login", /there is no middleware "login"/],
  ];
  for (const [said, why] of table) {
    const { uses, told } = ofLabels(said);
    assert.deepEqual(uses, [], JSON.stringify(said));
    assert.match(told.join("\n"), why, JSON.stringify(said));
  }
});

test("items of operators may ask others, and name no file", () => {
  assert.deepEqual(ofItem([{ forwardAuth: "http://auth/" }]).told, []);
  assert.deepEqual(ofItem([{ ipRules: { deny: { url: "http://b/" } } }]).told, []);
  const bad = ofItem([{ forwardAuth: { address: "http://auth/", ca: "/etc/passwd" } }]);
  assert.match(bad.told.join(), /forwardAuth\.ca: an item of kept may not say this of forwardAuth/);
  assert.match(ofItem({ ipRules: { deny: [{ file: "/x" }] } }).told.join(), /deny\[0\]\.file/);
});

test("what lets somebody in is not shown, and a set is shown by its name", () => {
  const users = ["a:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC"];
  const { route, told } = ofItem(["login@file", { basicAuth: { users } }, { addPrefix: "/b" }]);
  assert.deepEqual(told, []);
  const words = routeWords(route ?? assert.fail("there is no route"), "s", defaults());
  assert.deepEqual(words["middlewares"], [
    "login@file",
    { basicAuth: { users: "(not shown)" } },
    { addPrefix: "/b" },
  ]);
  assert.equal(words["addPrefix"], undefined);
});

// --- overlays ------------------------------------------------------------------------------------------

function laid(route: Route, middlewares: unknown): Route {
  const item = {
    section: "overlays",
    name: "a.test@kept",
    value: { middlewares },
    place: "",
  } as const;
  const { overlays, problems } = readItem(item, { source: "kept", defaults: defaults() });
  assert.deepEqual(problems, []);
  const [overlay] = overlays;
  assert.ok(overlay);
  assert.ok("middlewares" in overlayWords(overlay));
  return overlaid(route, overlay);
}

test("an overlay's takes the place of its kind, and a new one stands where it usually does", () => {
  const { route } = ofItem([{ addPrefix: "/a" }, { requestId: true }]);
  assert.ok(route);
  const same = laid(route, [{ addPrefix: "/b" }]);
  assert.deepEqual(kindsOf(same.middlewares), ["requestId", "addPrefix"]);
  assert.equal(same.service, "s@kept");
  const more = laid(route, ["login@file", { forceHttps: true }]);
  assert.equal(kindsOf(more.middlewares).at(-1), "requestId");
  assert.deepEqual(kindsOf(more.middlewares).toSorted(), [
    ...["addPrefix", "basicAuth", "forceHttps", "requestId"],
  ]);
  const answered = laid(route, [{ respond: { status: 410 } }]);
  assert.equal(answered.service, undefined);
  assert.equal(kindsOf(answered.middlewares).at(-1), "respond");
});
