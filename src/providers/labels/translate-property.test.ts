import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { discoverySettings, workloadOf } from "../../../test/harness/workload.ts";
import type { Workload } from "../workload.ts";
import { translate } from "./translate.ts";

const options = { exposedByDefault: true, withPlainServices: true };

const steps = [
  ..."tidegate traefik caddy caddy_0 enable host path rule routes tcp service port scheme weight".split(
    " ",
  ),
  ..."group onDemand redirect to respond stripPrefix timeouts response clientIp headers check sticky".split(
    " ",
  ),
  ..."http routers services middlewares loadbalancer server a b __proto__ constructor toString".split(
    " ",
  ),
  ..."reverse_proxy handle_path 0_handle @m path not basic_auth com.github.nginx-proxy".split(" "),
];
const values = [
  ..."true false 80 0 -1 5s 5 a.test *.a.test /x /x/* [a,b] {a: {{upstreams}} @m permanent".split(
    " ",
  ),
  ..."Host(`a.test`) PathPrefix(`/`) (a+)+$ [1] {x: y} null Infinity \u0000 \n ~^(a|b)$".split(" "),
  "",
  "http://evil.test",
  "@m {{upstreams https 443}}",
  "a.test, b.test",
];
const text = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(...values) },
  { weight: 1, arbitrary: fc.string({ maxLength: 20, unit: "binary" }) },
);
const label = fc
  .array(
    fc.oneof(
      { weight: 20, arbitrary: fc.constantFrom(...steps) },
      { weight: 1, arbitrary: fc.string({ maxLength: 5 }) },
    ),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .map((all) => all.join("."));
const variable = fc.constantFrom(
  ..."VIRTUAL_HOST VIRTUAL_PORT VIRTUAL_PATH VIRTUAL_DEST VIRTUAL_PROTO VIRTUAL_HOST_MULTIPORTS NETWORK_ACCESS HTTPS_METHOD".split(
    " ",
  ),
);
const record = (key: fc.Arbitrary<string>) =>
  fc
    .array(fc.tuple(key, text), { maxLength: 12 })
    // As JSON.parse makes it: `__proto__` is a key like any other.
    .map((all) => Object.fromEntries(all));

const rubbish: fc.Arbitrary<Workload> = fc
  .record({
    name: fc.oneof(fc.constantFrom("x", "__proto__", "*", ""), fc.string({ maxLength: 10 })),
    role: fc.option(fc.constantFrom("r", "__proto__"), { nil: undefined }),
    hostName: fc.constantFrom("", "x", "*.x.test", "www.", "..", "*."),
    state: fc.constantFrom("running", "starting", "stopping", "stopped", "paused"),
    health: fc.constantFrom("none", "starting", "healthy", "unhealthy"),
    createdAt: fc.constantFrom(0, 1, 5000, Number.MAX_SAFE_INTEGER),
    addresses: fc.array(
      fc.record({
        ip: fc.constantFrom("10.0.0.9", "::1", "rubbish", "fe80::1%eth0"),
        network: fc.constantFrom("", "n"),
      }),
      { maxLength: 2 },
    ),
    labels: record(label),
    env: record(variable),
  })
  .map((given) => workloadOf({ ...given, id: `bad ${given.name}`, project: "bad" }));

const good = [
  workloadOf({ name: "web", project: "good", labels: { "tidegate.host": "good.test" } }),
  workloadOf({
    name: "blog",
    project: "good",
    env: { VIRTUAL_HOST: "blog.test" },
    createdAt: 7000,
  }),
];

test("whatever somebody's labels are, nothing is thrown and nobody else's routes change", () => {
  const settings = discoverySettings({ defaultHost: "{name}.test" });
  const alone = translate(good, settings, options);
  fc.assert(
    fc.property(fc.array(rubbish, { minLength: 1, maxLength: 3 }), (bad) => {
      const found = translate([...bad, ...good], settings, options);
      const own = ({ discovery }: typeof found) =>
        discovery.routes.filter(({ tenant }) => tenant === "project good of docker");
      assert.deepEqual(own(found), own(alone));
      for (const [name, service] of Object.entries(alone.discovery.services)) {
        assert.deepEqual(found.discovery.services[name], service);
      }
      const findings = found.findings.filter(({ project }) => project === "good");
      assert.deepEqual(findings, alone.findings);
      assert.equal(found.findings.length, bad.length + good.length);
      assert.deepEqual(structuredClone(found.discovery), found.discovery, "it is not plain data");
      for (const { item } of found.discovery.routes) {
        const isThere =
          item.service === undefined || Object.hasOwn(found.discovery.services, item.service);
        assert.ok(isThere, `${item.name} leads nowhere`);
        assert.equal(item.errorPages, undefined);
        assert.equal(item.accessLog?.path.startsWith("/") ?? false, false);
      }
      for (const service of Object.values(found.discovery.services)) {
        assert.ok(service.kind === "backends");
        for (const { address } of service.backends) {
          assert.ok(address.kind === "tcp" && !address.host.includes("evil"));
        }
      }
      assert.equal(Reflect.get({}, "a"), undefined);
    }),
    { numRuns: 300 },
  );
});
