import assert from "node:assert/strict";
import { test } from "node:test";
import { routeOf } from "../../test/harness/routes-sample.ts";
import { readConfig } from "../config/read.ts";
import type { Snapshot } from "../config/snapshot.ts";
import { rehearsalOf } from "./traffic-rehearsal.ts";

const sample = (host: string, path: string) =>
  JSON.stringify({
    ...{ method: "GET", scheme: "http", host, path, query: "", fields: [], clientIp: "10.0.0.1" },
    ...{ listener: "web", route: "", service: "" },
  });

test("routes are told apart as ever, whichever way they say their hosts, among many for others", async () => {
  const others = Array.from({ length: 300 }, (_, at) => routeOf(`o${at}`, `Host(\`o${at}.test\`)`));
  const live = [
    ...others,
    routeOf("any", "PathPrefix(`/`)"),
    routeOf("both", "Host(`a.test`) || Host(`b.test`)"),
    routeOf("wild", "Host(`*.wild.test`)"),
    routeOf("pattern", "HostRegexp(`^re\\d+\\.test$`)"),
  ];
  const next = [
    ...live,
    routeOf("not", "!Host(`a.test`) && Path(`/x`)", 5),
    routeOf("b", "Host(`b.test`) && Path(`/b`)"),
    routeOf("none", "Host(`elsewhere.test`)", 9),
  ];
  const asked = [
    ...[sample("a.test", "/x"), sample("b.test", "/b"), sample("b.test", "/c")],
    ...[sample("c.wild.test", "/x"), sample("re1.test", "/"), sample("nobody.test", "/x")],
    "null",
  ];
  const { requests, changed, lost } = await rehearsalOf(
    { listeners: [], routes: live, services: new Map() },
    { routes: next, services: new Map() },
    asked,
  );
  assert.equal(requests, 6);
  assert.equal(lost, 0);
  assert.deepEqual(
    changed.map(({ from, to, count }) => [from.route, to.route, count]),
    [
      ["both", "b", 1],
      ["wild", "not", 1],
      ["any", "not", 1],
    ],
  );
});

test("the same way with other middlewares or another service is told of, and what only stands elsewhere is not", async () => {
  const { services, routes } = tableOf(`
routes:
  a.test: { service: one }
  b.test: { service: one }
  c.test: { service: two }
services: { one: http://10.0.0.1, two: http://10.0.0.2 }
`);
  const next = tableOf(`
# Everything is a line further down.
routes:
  a.test: { service: one, middlewares: [compress] }
  b.test: { service: one }
  c.test: { service: two }
services: { one: http://10.0.0.1, two: http://10.0.0.3 }
`);
  const asked = [sample("a.test", "/"), sample("b.test", "/"), sample("c.test", "/")];
  const { changed } = await rehearsalOf({ listeners: [], routes, services }, next, asked);
  assert.deepEqual(
    changed.map(({ from, to, differs }) => [from.route, to.route, differs]),
    [
      ["a.test", "a.test", ["middlewares"]],
      ["c.test", "c.test", ["service"]],
    ],
  );
});

function tableOf(text: string): Pick<Snapshot, "routes" | "services"> {
  const read = readConfig(text, { file: "t.yaml", baseFolder: "/" });
  assert.ok(read.snapshot !== undefined, JSON.stringify(read.problems));
  return read.snapshot;
}
