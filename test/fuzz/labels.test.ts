import assert from "node:assert/strict";
import { discoverySettings, workloadOf } from "../harness/workload.ts";
import { translate } from "../../src/providers/labels/translate.ts";
import { fuzz } from "./fuzz.ts";

const options = { exposedByDefault: true, withPlainServices: false };

// A line for each label, `NAME=VALUE`; names in capitals are variables.
fuzz({
  name: "labels",
  words: [
    ..."tidegate. traefik. caddy caddy. .host= .rule= .path= .routes.a. .tcp.a. .service. .port= .scheme= \n".split(
      " ",
    ),
    ..."traefik.http.routers.a. traefik.http.services.a.loadbalancer. traefik.http.middlewares.a. rule=Host(`a.test`)".split(
      " ",
    ),
    ..."reverse_proxy={{upstreams}} handle_path=/a/* @m.path=/x redir= respond= basic_auth not. import=".split(
      " ",
    ),
    ...'VIRTUAL_HOST= VIRTUAL_PATH= VIRTUAL_DEST= VIRTUAL_HOST_MULTIPORTS= ~^ = .* , / [ ] { } : & * \\ ( ) ` " $'.split(
      " ",
    ),
    ..."__proto__ constructor .onDemand= .errorPages=/etc .accessLog= true 80 5s".split(" "),
  ],
  maxCharacter: 0x17f,
  check(input) {
    const lines = input.split("\n").map((line) => line.split(/=(.*)/s));
    const pairs = lines.map(([name = "", value = ""]) => [name, value] as const);
    const env = Object.fromEntries(pairs.filter(([name]) => /^[A-Z_]+$/.test(name)));
    const labels = Object.fromEntries(pairs.filter(([name]) => !/^[A-Z_]+$/.test(name)));
    const workload = workloadOf({ name: "web", labels, env });
    const started = performance.now();
    const { discovery, findings } = translate([workload], discoverySettings(), options);
    assert.ok(performance.now() - started < 1000, "it takes too long");
    assert.equal(findings.length, 1);
    for (const { message } of findings[0]?.notes ?? []) assert.notEqual(message, "");
    assert.deepEqual(structuredClone(discovery), discovery, "it is not plain data");
    for (const { item } of discovery.routes) {
      assert.ok(item.name.endsWith("@docker"));
      assert.equal(item.errorPages, undefined, "a label named a folder");
      assert.equal(item.accessLog?.path.startsWith("/") ?? false, false, "a label named a file");
    }
    for (const service of Object.values(discovery.services)) {
      assert.ok(service.kind === "backends");
      for (const { address } of service.backends) {
        assert.deepEqual(address.kind === "tcp" ? address.host : "", "172.18.0.2");
      }
    }
    assert.equal(Reflect.get({}, "a"), undefined);
    return discovery.routes.length > 0;
  },
});
