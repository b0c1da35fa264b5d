// Mistakes in how services lead to one another, with the words the operator gets for each.

import assert from "node:assert/strict";
import { test } from "node:test";
import { checkProblems } from "../../test/harness/config-problems.ts";
import type { ProblemCase } from "../../test/harness/config-problems.ts";
import { maxServiceDepth } from "./limits.ts";
import { readConfig } from "./read.ts";

const cases: readonly ProblemCase[] = [
  [
    "services: { main: http://a, s: { split: { mian: 5, main: 1001 } } }\n",
    "t.yaml:1:58: services.s.split.main: must be a whole number from 0 to 1000, not the number 1001",
  ],
  [
    "services: { main: http://a, s: { split: { mian: 5 } } }\n",
    't.yaml:1:43: services.s.split.mian: there is no service "mian"; write main',
  ],
  [
    "services: { main: http://a, s: { split: { main: 0 } } }\n",
    "t.yaml:1:41: services.s.split: all weights are 0, so whoever asks for none of them gets nothing; give at least one a weight of 1 or more",
  ],
  [
    "services: { main: http://a, s: { split: {} } }\n",
    "t.yaml:1:41: services.s.split: must not be empty",
  ],
  [
    "services: { main: http://a, s: { split: [] } }\n",
    "t.yaml:1:41: services.s.split: must not be empty",
  ],
  [
    "services: { main: http://a, s: { split: [{ service: main, when: {} }, { service: main, when: { header: { a: b }, cookie: { c: d } } }, { service: http://x }, main] } }\n",
    "t.yaml:1:147: services.s.split[2].service: http://x is a URL, and here goes a name; give it a name under services",
    't.yaml:1:159: services.s.split[3]: must be a mapping, not the text "main"; with service, weight, when',
  ],
  [
    "services: { main: http://a, s: { split: [{ service: main, when: {} }, { service: main, weight: 1, when: { header: { a: b }, cookie: { c: d } } }] } }\n",
    't.yaml:1:65: services.s.split[0].when: must name one header or one cookie; write { header: { X-Canary: "1" } }; for more, list the service once for each',
    't.yaml:1:105: services.s.split[1].when: must name one header or one cookie; write { header: { X-Canary: "1" } }; for more, list the service once for each',
  ],
  [
    'services: { main: http://a, s: { split: { main: 1 }, sticky: { session: "cookie:a" } } }\n',
    "t.yaml:1:64: services.s.sticky.session: a split knows no sessions but its own; write sticky: true, and say this in the services it leads to",
  ],
  [
    "services: { main: http://a, s: { split: { main: 1 }, sticky: { legacy: SERVERID } } }\n",
    "t.yaml:1:64: services.s.sticky.legacy: names a backend, and a split leads to services; leave it out",
  ],
  [
    "services: { main: http://a, s: { failover: [main] }, t: { failover: [main, main, nobody] }, u: { failover: main } }\n",
    "t.yaml:1:44: services.s.failover: a single service has nobody to fail over to; add a second one",
    "t.yaml:1:76: services.t.failover[1]: main is listed twice; leave out one of them",
    't.yaml:1:82: services.t.failover[2]: there is no service "nobody"; add it under services',
    't.yaml:1:108: services.u.failover: must be a list of services, not the text "main"; write [main, standby]',
  ],
  [
    "services: { main: http://a, s: { mirror: main }, t: { mirror: mian, to: { main: 0%, x: 10 } }, u: { mirror: main, to: { nobody: 5% } } }\n",
    "t.yaml:1:34: services.s.mirror: says nothing about who gets the copies; add to: { shadow: 10% }",
    "t.yaml:1:81: services.t.to.main: 0% would copy nothing; leave out the service",
    "t.yaml:1:88: services.t.to.x: 10 has no unit; write 10%",
    't.yaml:1:121: services.u.to.nobody: there is no service "nobody"; add it under services',
  ],
  [
    "services: { a: { split: { b: 1 } }, b: { failover: [c, d] }, c: { mirror: a, to: { d: 1% } }, d: http://x, e: { split: { e: 1 } }, f: { split: { a: 1 } } }\n",
    "t.yaml:1:75: services.c.mirror: the services lead in a circle: a → b → c → a; end it at a service with backends",
    "t.yaml:1:120: services.e.split: the services lead in a circle: e → e; end it at a service with backends",
  ],
  [
    "services: { h: http://x, t: tcp://x:1, s: { failover: [h, t] } }\n",
    "t.yaml:1:59: services.s.failover[1]: t has tcp backends, and h has http ones; let all of them speak the same",
  ],
  [
    "services: { t: tcp://x:1, u: tcp://x:2, m: { mirror: t, to: { u: 5% } }, s: { split: [{ service: t }, { service: u, when: { cookie: { a: b } } }], sticky: true, maintenance: true }, f: { failover: [t, u], statuses: [500] } }\n",
    "t.yaml:1:46: services.m.mirror: says nothing for tcp backends; leave it out",
    "t.yaml:1:117: services.s.split[1].when: says nothing for tcp backends; leave it out",
    "t.yaml:1:148: services.s.sticky: says nothing for tcp backends; leave it out",
    "t.yaml:1:162: services.s.maintenance: says nothing for tcp backends; leave it out",
    "t.yaml:1:206: services.f.statuses: says nothing for tcp backends; leave it out",
  ],
  [
    `services: { db: tcp://x:1, dns: udp://x:1 }
routes: { a.test: { service: db }, b.test: { service: dns }, c.test: { service: tcp://x:1 }, d.test: tcp://x:1 }
`,
    't.yaml:2:30: routes["a.test"].service: db has tcp backends, and an HTTP route needs http ones; give it to a listener with protocol: tcp, or write http://HOST:PORT',
    't.yaml:2:55: routes["b.test"].service: dns has udp backends, and an HTTP route needs http ones; give it to a listener with protocol: udp, or write http://HOST:PORT',
    't.yaml:2:81: routes["c.test"].service: c.test has tcp backends, and an HTTP route needs http ones; give it to a listener with protocol: tcp, or write http://HOST:PORT',
    't.yaml:2:102: routes["d.test"].service: d.test has tcp backends, and an HTTP route needs http ones; give it to a listener with protocol: tcp, or write http://HOST:PORT',
  ],
  [
    `services: { a: { backends: [http://a], sticky: true }, b: { backends: [http://b], sticky: true }, c: { split: { a: 1, b: 1 }, sticky: true }, d: { backends: [http://b], sticky: { cookie: d } }, e: { backends: [http://b], sticky: { path: /e } } }
routes: { x.test: { service: a }, x.test/b: { service: b }, y.test: { service: b }, x.test/c: { service: c }, x.test/d: { service: d }, x.test/e: { service: e }, x.test/a: { service: a } }
`,
    "t.yaml:1:83: warning: services.b.sticky: for x.test the service a sets the cookie tidegate too; name one of them otherwise: sticky: { cookie: NAME }",
  ],
];

test("each mistake between services is told with its place, its cause and its remedy", () => {
  checkProblems(cases, 14);
});

/** `s1` leads to `s2` and so on; the last one has a backend. */
function chain(length: number): string[] {
  const group = (at: number) => `  s${at}: { split: { s${at + 1}: 1 } }`;
  const groups = Array.from({ length: length - 1 }, (_, at) => group(at + 1));
  return [...groups, `  s${length}: http://x`];
}

test("services lead to one another only so far, in whatever order they are written", () => {
  const text = (lines: readonly string[]) =>
    `routes: { a.test: { service: s1 } }\nservices:\n${lines.join("\n")}\n`;
  const good = chain(maxServiceDepth);
  checkProblems([[text(good)], [text(good.toReversed())]], 2);
  const message = "more than 16 services lead to one another; lead to fewer of them";
  const long = chain(maxServiceDepth + 1);
  checkProblems([[text(long), `t.yaml:18:17: services.s16.split: ${message}`]], 1);
  checkProblems([[text(long.toReversed()), `t.yaml:19:16: services.s1.split: ${message}`]], 1);
  // Far more than a stack could bear.
  const { problems } = readConfig(text(chain(20_000)), { file: "t.yaml", baseFolder: "/" });
  assert.match(problems[0]?.message ?? "", /more than 16/);
});
