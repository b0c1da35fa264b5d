// From whatever an engine says of a container to the catalog: the route of another container is always there.

import assert from "node:assert/strict";
import { hostname } from "node:os";
import { test } from "node:test";
import * as fc from "fast-check";
import { dockerSettings } from "../../../test/harness/docker-watch.ts";
import { NetworkSet } from "../../lib/ip.ts";
import { translate } from "../labels/translate.ts";
import { readContainer, updated } from "./container.ts";
import { workloadsOf } from "./workloads.ts";

const id = (digit: string) => digit.repeat(64);
const settings = { ...dockerSettings("unix:///s"), defaultHost: "{name}.{project}.test" };
const dialects = ["tidegate", "traefik", "nginx-proxy", "caddy", "hostname"] as const;

const good = {
  entry: { Id: id("1"), Names: ["/good"], State: "running" },
  details: {
    Config: { Labels: { "tidegate.host": "good.test", "tidegate.port": "80" } },
    State: { Status: "running" },
    NetworkSettings: { Networks: { bridge: { IPAddress: "172.17.0.2" } } },
  },
};

const texts = [
  ..."tidegate.host tidegate.port traefik.enable caddy VIRTUAL_HOST=a.test 80/tcp 0/tcp".split(" "),
  ..."172.17.0.3 fe80::1%eth0 ::ffff:172.17.0.4 host none container: running SIGX __proto__".split(
    " ",
  ),
  ...[`container:${id("2")}`, "\u0000", "a\nb", "9".repeat(30), "2026-13-45T99:99:99Z", "${name}"],
];
const value = fc.oneof(
  { maxDepth: 3 },
  fc.constantFrom<unknown>(...texts, -1, 1e308, null, true, [], {}),
  fc.jsonValue({ maxDepth: 2 }),
);
const keys = [
  ..."Config State HostConfig NetworkSettings Networks bridge IPAddress GlobalIPv6Address".split(
    " ",
  ),
  ..."Status Health StartedAt Created Name Names Labels Env ExposedPorts Hostname Domainname".split(
    " ",
  ),
  ..."StopSignal NetworkMode PortBindings Ports 80/tcp HostIp HostPort tidegate.host caddy".split(
    " ",
  ),
];
const key = fc.constantFrom(...keys, "__proto__", "constructor");
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { depthSize: "medium", maxDepth: 4 },
    value,
    fc.dictionary(key, tie("tree"), { maxKeys: 6 }),
    fc.array(tie("tree"), { maxLength: 3 }),
  ),
}));
const mapping = fc.dictionary(key, tree, { maxKeys: 8 });

test("one container that is rubbish takes nobody's route", { timeout: 60_000 }, () => {
  const machine = { hostName: hostname(), isRootless: false };
  const networks = NetworkSet.of(["172.17.0.0/16"]);
  const place = { networks, gateway: undefined, containerId: undefined };
  fc.assert(
    fc.property(mapping, mapping, (entry, details) => {
      const well = readContainer(good.entry, good.details);
      const bad = readContainer({ ...entry, Id: id("2") }, details);
      assert.ok(well !== undefined && bad !== undefined);
      for (const each of [bad, updated(bad, entry), { ...bad, unread: "x" }]) {
        const { workloads, findings } = workloadsOf({
          ...{ settings, platform: "docker", machine, place, drivers: new Map<string, string>() },
          containers: new Map([
            [well.id, well],
            [each.id, each],
          ]),
          signalOf: () => undefined,
          guestOf: () => undefined,
        });
        assert.ok(workloads.length + findings.length > 0);
        const options = { exposedByDefault: true, withPlainServices: false };
        const { discovery } = translate(workloads, { ...settings, dialects }, options);
        const route = discovery.routes.find(({ item }) => item.name.startsWith("good@"));
        const service = discovery.services[route?.item.service ?? ""];
        assert.equal(service?.kind === "backends" && service.backends.length, 1);
      }
    }),
    { numRuns: 500 },
  );
});
