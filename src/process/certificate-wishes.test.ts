import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { discoverySettings, workloadOf } from "../../test/harness/workload.ts";
import { noCredentials } from "../config/certificate.ts";
import { readConfig } from "../config/read.ts";
import { translate } from "../providers/labels/translate.ts";
import type { Workload } from "../providers/workload.ts";
import { namesOfRoute } from "../routing/claimed-names.ts";
import { merge } from "../routing/merge.ts";
import { askingIn, isSameAsking, wishOf } from "./certificate-wishes.ts";

const file = `
listeners: { web: ":80", secure: { bind: ":443", tls: true } }
providers: { docker: { endpoint: "unix:///run/nowhere.sock" } }
routes: { shop.test: { whoami: true, tls: auto }, plain.test: { whoami: true } }
`;

function snapshotOf(text: string, strangers: readonly Workload[]) {
  const { snapshot } = readConfig(text, { file: "t.yaml", baseFolder: "/nonexistent" });
  assert.ok(snapshot !== undefined);
  const options = { exposedByDefault: true, withPlainServices: true };
  const { discovery } = translate(strangers, discoverySettings(), options);
  const merging = { version: 1, secret: "", holders: new Map(), isOwnAddress: () => false };
  const said = { collections: [], discoveries: [discovery] };
  return { ...merge(snapshot, said, merging).snapshot, credentials: noCredentials };
}

function wishFor(text: string, labels: readonly Readonly<Record<string, string>>[]) {
  const strangers = labels.map((each, at) => workloadOf({ name: `c${at}`, labels: each }));
  const snapshot = snapshotOf(text, strangers);
  assert.ok(snapshot.tls.acme !== undefined);
  const asking = askingIn(snapshot, snapshot.tls.acme);
  return { asking, snapshot, ...wishOf(asking, snapshot) };
}

const said = `${file}tls: { acme: {} }\n`;

test("labels ask for certificates only where the file speaks of them, and are told from operators", () => {
  const labels = [{ "tidegate.host": "own.test", "tidegate.tls": "auto" }];
  const unsaid = wishFor(file, labels);
  assert.deepEqual(
    unsaid.auto.map(({ hosts, by }) => [hosts, by]),
    [[["shop.test"], "operator"]],
  );
  assert.ok(unsaid.asking.unheard?.name.startsWith("c0"));
  const { auto, challenges, asking } = wishFor(said, labels);
  assert.equal(asking.unheard, undefined);
  assert.deepEqual(
    auto.map(({ hosts, by }) => [hosts, by]),
    [
      [["shop.test"], "operator"],
      [["own.test"], "label"],
    ],
  );
  assert.deepEqual(challenges, ["http-01", "tls-alpn-01"]);
});

// With so many terms a rule is not taken apart, and holds only what nobody has by name.
const paths = Array.from({ length: 12 }, () => "(PathPrefix(`/a`) || PathPrefix(`/b`))");
const tricks = [
  "Host(`own.test`) && Host(`shop.test`)",
  "Host(`own.test`) && (Host(`own.test`) || Host(`shop.test`))",
  "Host(`*.own.test`) && Host(`shop.test`)",
  "Host(`own.test`) || (Host(`own.test`) && Host(`shop.test`))",
  ["(Host(`own.test`) || Host(`shop.test`))", ...paths].join(" && "),
];

for (const rule of tricks) {
  test(`nobody gets a certificate for a name that is not theirs: ${rule.slice(0, 80)}`, () => {
    const { auto } = wishFor(said, [{ "tidegate.rule": rule, "tidegate.tls": "auto" }]);
    const foreign = auto.filter(({ by }) => by === "label").flatMap(({ hosts }) => hosts);
    assert.ok(!foreign.includes("shop.test"), foreign.join(" "));
  });
}

const host = fc.constantFrom("own.test", "shop.test", "*.own.test", "*.test", "a.own.test", "*");
const { rule } = fc.letrec<{ rule: string }>((tie) => ({
  rule: fc.oneof(
    { maxDepth: 4 },
    { weight: 3, arbitrary: host.map((name) => `Host(\`${name}\`)`) },
    fc.constantFrom("PathPrefix(`/x`)", "HostRegexp(`.*`)"),
    fc.tuple(tie("rule"), tie("rule")).map(([a, b]) => `(${a} && ${b})`),
    fc.tuple(tie("rule"), tie("rule")).map(([a, b]) => `(${a} || ${b})`),
    tie("rule").map((inner) => `!(${inner})`),
  ),
}));

test("whatever rule labels have, a route asks for names that it holds", () => {
  let names = 0;
  fc.assert(
    fc.property(rule, (text) => {
      const { auto, asking } = wishFor(said, [{ "tidegate.rule": text, "tidegate.tls": "auto" }]);
      for (const { route, hosts, by } of auto) {
        if (by !== "label") continue;
        const found = asking.routes.find(({ name }) => name === route);
        assert.ok(found !== undefined && "middlewares" in found);
        names += hosts.length;
        assert.deepEqual(
          hosts,
          hosts.filter((each) => namesOfRoute(found).includes(each)),
        );
        assert.ok(!hosts.includes("shop.test"));
      }
    }),
    { numRuns: 300 },
  );
  assert.ok(names > 20, `${names} names`);
});

test("what asks for nothing else is the same", () => {
  const { asking, snapshot } = wishFor(said, []);
  const { acme } = snapshot.tls;
  assert.ok(acme !== undefined);
  assert.ok(isSameAsking(asking, askingIn({ ...snapshot, version: 2 }, acme)));
  assert.ok(!isSameAsking(asking, askingIn(snapshot, { ...acme })));
  assert.ok(!isSameAsking(asking, askingIn({ ...snapshot, routes: [] }, acme)));
  assert.ok(!isSameAsking(asking, undefined));
});
