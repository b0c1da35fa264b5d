import assert from "node:assert/strict";
import { test } from "node:test";
import { routeOf } from "../../test/harness/routes-sample.ts";
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
    next,
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
