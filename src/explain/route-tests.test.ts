import { deepStrictEqual, match, ok, strictEqual } from "node:assert";
import { test } from "node:test";
import { routeTestLimits } from "../config/explain-limits.ts";
import { formatProblem } from "../config/problem.ts";
import { readConfig } from "../config/read.ts";
import { Explainer } from "./explainer.ts";
import { failedTests, isOfOthers, toldProblems } from "./route-tests.ts";

const routes = `
listeners: { web: ":80", secure: { bind: ":443", tls: true } }
routes:
  a.test: { service: site }
  a.test/api: { service: api, stripPrefix: /api }
  a.test/admin: { service: site, clientIp: [10.0.0.0/8] }
  old.test: { redirect: "https://a.test{uri}" }
services: { site: http://10.0.0.1, api: http://10.0.0.2 }
tests:
`;

function reading(tests: string) {
  return readConfig(`${routes}${tests}`, { file: "t.yaml", baseFolder: "/" });
}

async function failures(tests: string): Promise<string[]> {
  const { snapshot, problems } = reading(tests);
  ok(snapshot !== undefined, JSON.stringify(problems));
  const failed = await failedTests(new Explainer(), snapshot);
  return failed.map(({ problem }) => formatProblem(problem));
}

test("tests that hold say nothing", async () => {
  deepStrictEqual(
    await failures(`
  - { request: GET http://a.test/x, expect: { route: a.test, service: site, path: /x } }
  - { request: "http://a.test/api/users?q", expect: { route: a.test/api, path: /users } }
  - { request: { url: http://a.test/admin, from: 10.0.0.1 }, expect: { route: a.test/admin } }
  - { request: http://a.test/admin, expect: { route: a.test } }
  - { request: http://old.test/x?y, expect: { status: 302, location: "https://a.test/x?y" } }
  - { request: http://b.test/, expect: { none: true, status: 404 } }
`),
    [],
  );
});

test("one that fails says where it stands, what was expected and what would happen", async () => {
  const found = await failures(`
  - { request: POST http://a.test/apx, expect: { route: a.test/api } }
  - { name: admins, request: http://a.test/admin, expect: { route: a.test/admin } }
  - { request: http://a.test/, expect: { route: a.tset } }
  - { request: http://a.test/, expect: { none: true } }
  - { request: http://b.test/, expect: { route: a.test } }
  - { request: http://old.test/, expect: { service: site } }
  - { request: http://a.test/, expect: { status: 302 } }
  - { request: http://old.test/, expect: { status: 302, location: "http://a.test/" } }
  - { request: http://a.test/api/x, expect: { path: /api/x } }
  - { request: { url: http://a.test/, listener: wbe }, expect: { route: a.test } }
`);
  const said = [
    /^t\.yaml:11:5: tests\[0\]: the test fails: POST http:\/\/a\.test\/apx should go to the route a\.test\/api, and a\.test takes it \(Host\(`a\.test`\), t\.yaml:4:3\); of a\.test\/api .*: the path is \/apx$/,
    /the test fails: admins: GET http:\/\/a\.test\/admin should .* ClientIP\(`10\.0\.0\.0\/8`\): the client is 192\.0\.2\.1$/,
    /should go to the route a\.tset, which is not there, perhaps a\.test is meant; a\.test takes it/,
    /should have no route, and a\.test takes it/,
    /should go to the route a\.test, and no route takes it; of a\.test Host\(`a\.test`\): the host is b\.test$/,
    /should reach the service site, and answers with 302 to https:\/\/a\.test\/ \(redirect of route old\.test\) by the route old\.test/,
    /should be answered with 302, and reaches the service site by the route a\.test \(t\.yaml:4:3\)$/,
    /should be sent to http:\/\/a\.test\/, and answers with 302 to https:\/\/a\.test\//,
    /should reach its backend as \/api\/x, and reaches it as \/x$/,
    /cannot come in: there is no listener wbe that takes requests; there is web, secure$/,
  ];
  strictEqual(found.length, said.length);
  for (const [at, each] of said.entries()) match(found[at] ?? "", each);
});

test("the conditions of whoever was expected are held to the request as it came", async () => {
  // The winner takes the prefix off; the other one asks for it.
  const { snapshot } = readConfig(
    `routes:
  a.test/api: { service: http://10.0.0.1, stripPrefix: /api }
  other: { rule: "PathPrefix(\`/api\`)", service: http://10.0.0.2 }
tests: [{ request: http://a.test/api/x, expect: { route: other } }]`,
    { file: "t.yaml", baseFolder: "/" },
  );
  ok(snapshot !== undefined);
  const [failed] = await failedTests(new Explainer(), snapshot);
  match(
    failed?.problem.message ?? "",
    /of other it would take the request, and another one comes first$/,
  );
});

test("of many that fail the first are told", async () => {
  const each = "  - { request: http://b.test/, expect: { route: a.test } }\n";
  const { snapshot } = reading(each.repeat(routeTestLimits.told + 5));
  ok(snapshot !== undefined);
  const told = toldProblems(await failedTests(new Explainer(), snapshot));
  strictEqual(told.length, routeTestLimits.told + 1);
  match(told.at(-1)?.message ?? "", /^and 5 more tests fail$/);
});

test("an expression that never ends fails its tests, and keeps nobody waiting for the others", async () => {
  const { snapshot } = readConfig(
    `routes:
  b.test: { service: http://10.0.0.1 }
  a.test: { rule: "Host(\`a.test\`) && PathRegexp(\`^/(?=a)(a+)+$\`)", service: http://10.0.0.2 }
tests:
  - { request: http://b.test/, expect: { none: true } }
${`  - { request: "http://a.test/${"a".repeat(50)}!", expect: { none: true } }\n`.repeat(5)}`,
    { file: "t.yaml", baseFolder: "/" },
  );
  ok(snapshot !== undefined);
  let turns = 0;
  const clock = setInterval(() => (turns += 1), 1);
  const failed = await failedTests(new Explainer(), snapshot);
  clearInterval(clock);
  ok(turns > 0, "others had a turn");
  const said = failed.map(({ problem }) => problem.message);
  strictEqual(said.length, 1 + routeTestLimits.endless, said.join("\n"));
  match(said[0] ?? "", /should have no route, and b\.test takes it/);
  match(said[1] ?? "", /takes longer than 1000 ms: a regular expression .* with it$/);
  match(said[3] ?? "", /; 2 further tests were not run$/);
});

test("what names an item of somebody else than the file is for the running program", () => {
  const { snapshot } = reading(`
  - { request: http://b.test/, expect: { route: web@docker } }
  - { request: http://b.test/, expect: { service: web@docker } }
  - { request: http://b.test/, expect: { none: true } }
`);
  deepStrictEqual(snapshot?.tests?.map(isOfOthers), [true, true, false]);
});

test("tests that make no sense are refused with what to write", () => {
  const cases: [string, RegExp][] = [
    [
      "  - { request: http://a.test/, expect: {} }",
      /expect: nothing is expected; write route: NAME, or none: true/,
    ],
    [
      "  - { request: http://a.test/, expect: { none: true, route: x } }",
      /none: true says that no route takes it, and route/,
    ],
    ["  - { request: a.test, expect: { none: true } }", /is no method and URL; write GET https:/],
    ["  - { request: get http://a.test/, expect: { none: true } }", /is no method and URL/],
    [
      "  - { request: { url: a.test }, expect: { none: true } }",
      /request\.url: "a\.test" is no URL/,
    ],
    [
      "  - { request: { url: http://a/, from: me }, expect: { none: true } }",
      /"me" is no IP address; write 203\.0\.113\.7/,
    ],
    [
      "  - { request: { url: http://a/, headers: { 'a b': x } }, expect: { none: true } }",
      /headers/,
    ],
    ["  - { expect: { none: true } }", /request is missing/],
    ["  - { request: http://a/, expect: { rout: x } }", /unknown key "rout"; write route/],
    ["  - { request: http://a/, expect: { none: true } }\n".repeat(1001), /may have 1000 tests/],
  ];
  for (const [tests, said] of cases) {
    const { snapshot, problems } = reading(tests);
    strictEqual(snapshot, undefined, tests.slice(0, 80));
    match(problems.map(formatProblem).join("\n"), said);
  }
});
