import assert from "node:assert/strict";
import { test } from "node:test";
import { noteLines, routeLines, translated } from "../../../test/harness/translated.ts";
import type { Given } from "../../../test/harness/translated.ts";

const at = (port: number, hostPort = 32_000 + port) => ({
  port,
  protocol: "tcp" as const,
  hostIp: "127.0.0.1",
  hostPort,
});

const published = (given: Given): Given => ({
  addresses: [],
  exposed: [],
  published: [at(80)],
  ...given,
});

const tables: readonly (readonly [string, readonly Given[], readonly string[]])[] = [
  [
    "a host name with a dot",
    [{ name: "x", hostName: "shop.test" }],
    ["shop.test@docker: Host(`shop.test`) → http://127.0.0.1:32080"],
  ],
  [
    "a host name without one",
    [{ name: "x", hostName: "shop" }],
    ["shop.internal@docker: Host(`shop.internal`) → http://127.0.0.1:32080"],
  ],
  ["no host name", [{ name: "shop" }], ["shop@docker: Host(`shop`) → http://127.0.0.1:32080"]],
  [
    "www. is both names",
    [{ name: "x", hostName: "www.shop.test" }],
    [
      "shop.test@docker: Host(`shop.test`) → http://127.0.0.1:32080",
      "www.shop.test@docker: Host(`www.shop.test`) → http://127.0.0.1:32080",
    ],
  ],
  [
    "*. is the name and all below",
    [{ name: "x", hostName: "*.shop.test" }],
    [
      "shop.test@docker: Host(`shop.test`) → http://127.0.0.1:32080",
      "wildcard.shop.test@docker: Host(`*.shop.test`) → http://127.0.0.1:32080",
    ],
  ],
  [
    "one name of several is balanced",
    [
      { name: "x", hostName: "shop.test" },
      { name: "y", hostName: "shop.test", published: [at(80, 9000)] },
    ],
    ["shop.test@docker: Host(`shop.test`) → http://127.0.0.1:32080 http://127.0.0.1:9000"],
  ],
  [
    "the lowest of the usual ports",
    [{ name: "x", hostName: "shop.test", published: [at(8080), at(3000), at(22)] }],
    ["shop.test@docker: Host(`shop.test`) → http://127.0.0.1:35000"],
  ],
  ["no published port, no route", [{ name: "x", hostName: "shop.test", published: [] }], []],
];

for (const [what, given, routes] of tables) {
  test(`Docker Proxy's rule: ${what}`, () => {
    assert.deepEqual(routeLines(translated(given.map(published))), routes);
  });
}

test("ports that are published and not used are named", () => {
  const given = published({ name: "x", hostName: "shop.test", published: [at(443), at(8080)] });
  assert.match(noteLines(translated([given])).join(), /8080 is used; 443 is not/);
});

test("of others the host name or the name is the host, if it has a dot", () => {
  const settings = { name: "lxc", port: 80, dialects: ["tidegate", "hostname"] } as const;
  const of = (given: Given) =>
    routeLines(translated([{ platform: "lxc", exposed: [], ...given }], settings));
  const ends = "→ http://172.18.0.2:80";
  assert.deepEqual(of({ name: "web", hostName: "a.test" }), [
    `a.test@lxc: Host(\`a.test\`) ${ends}`,
  ]);
  assert.deepEqual(of({ name: "b.test", hostName: "web" }), [
    `b.test@lxc: Host(\`b.test\`) ${ends}`,
  ]);
  assert.deepEqual(of({ name: "web", hostName: "web" }), []);
});
