// Mistakes in listeners and TCP routes, with the place and the words the operator gets for each.

import { test } from "node:test";
import { checkProblems } from "../../test/harness/config-problems.ts";
import type { ProblemCase } from "../../test/harness/config-problems.ts";

const cases: readonly ProblemCase[] = [
  [
    'listeners: { t: { bind: ":1", protocol: tcp } }\n',
    "t.yaml:1:14: listeners.t: connections go nowhere; add service, or a route under tcpRoutes",
  ],
  [
    'listeners: { t: { bind: ":1", protocol: tpc } }\n',
    't.yaml:1:41: listeners.t.protocol: must be http or tcp or udp, not the text "tpc"; write tcp',
  ],
  [
    `listeners: { t: { bind: ":1", protocol: tcp, service: db } }
services: { dbb: tcp://x:1 }
`,
    't.yaml:1:55: listeners.t.service: there is no service "db"; write dbb',
  ],
  [
    `listeners: { t: { bind: ":1", protocol: tcp, service: db } }
services: { db: http://x }
`,
    "t.yaml:1:55: listeners.t.service: db has http backends, and a tcp listener needs tcp ones; write tcp://HOST:PORT for its backends",
  ],
  [
    'listeners: { t: { bind: ":1", protocol: tcp, service: http://x } }\n',
    "t.yaml:1:55: listeners.t.service: t has http backends, and a tcp listener needs tcp ones; write tcp://HOST:PORT for its backends",
  ],
  [
    'listeners: { t: { bind: ":1", protocol: udp, service: tcp://x:1 } }\n',
    "t.yaml:1:55: listeners.t.service: t has tcp backends, and a udp listener needs udp ones; give it to a listener with protocol: tcp, or write udp://HOST:PORT",
  ],
  [
    'listeners: { t: { bind: ":1", service: http://x } }\n',
    "t.yaml:1:31: listeners.t.service: requests go by routes; add protocol: tcp for connections, or leave it out",
  ],
  [
    'listeners: { t: { bind: ":1", protocol: udp } }\n',
    "t.yaml:1:14: listeners.t: datagrams go nowhere; add service",
  ],
  [
    'listeners: { t: { bind: [":1", "unix:/run/x"], protocol: udp, service: udp://x:1, proxyProtocol: true, timeouts: { idle: 1s } } }\n',
    't.yaml:1:25: listeners.t.bind: datagrams come from the network; write ":53"',
    "t.yaml:1:83: listeners.t.proxyProtocol: comes before a connection, and datagrams have none; leave it out",
    "t.yaml:1:104: listeners.t.timeouts: say nothing for datagrams; write datagrams: { idle }",
  ],
  [
    'listeners: { t: { bind: ":1", protocol: tcp, service: tcp://x:1, datagrams: { sessions: 5 }, timeouts: { idle: 1s, head: 1s } } }\n',
    "t.yaml:1:66: listeners.t.datagrams: are of a udp listener, and this one is tcp; leave it out",
    "t.yaml:1:106: listeners.t.timeouts.idle: is between two requests; for the longest silence, write timeouts: { tunnel } in the service",
  ],
  [
    'listeners: { t: { bind: ":1", protocol: udp, service: udp://x:1, datagrams: { sessions: 0, idle: 0, x: 1 } } }\n',
    "t.yaml:1:89: listeners.t.datagrams.sessions: must be a whole number from 1 to 1000000, not the number 0",
    "t.yaml:1:98: listeners.t.datagrams.idle: must be at least 1s",
    't.yaml:1:101: listeners.t.datagrams.x: unknown key "x"; known are sessions, sessionsPerAddress, idle',
  ],
  [
    'listeners: { t: { bind: ":53", protocol: udp, service: udp://x:1 }, u: { bind: ":53", protocol: udp, service: udp://x:1 }, v: { bind: ":54", protocol: tcp, service: tcp://x:1 }, w: ":54" }\n',
    "t.yaml:1:72: listeners.u: :53 already belongs to the listener t; leave out one of them",
    "t.yaml:1:182: listeners.w: :54 already belongs to the listener v; leave out one of them",
  ],
  [
    'listeners: { t: { bind: ":1", protocol: tcp, service: tcp://x:1, proxyProtocol: true } }\n',
    "t.yaml:1:81: listeners.t.proxyProtocol: needs to know which proxies may connect; add trustedProxies",
  ],
  [
    `listeners: { t: { bind: ":1", protocol: tcp }, web: ":80" }
tcpRoutes: { a: { listener: web, service: tcp://x:1 }, b: { listener: [t, tt], service: tcp://x:1 }, c: { listener: x, service: tcp://x:1 } }
`,
    "t.yaml:2:29: tcpRoutes.a.listener: the listener web is http; add protocol: tcp there, or name another",
    't.yaml:2:75: tcpRoutes.b.listener[1]: there is no listener "tt"; write t',
    't.yaml:2:117: tcpRoutes.c.listener: there is no listener "x"; write t',
  ],
  [
    "tcpRoutes: { a: { sni: a.test, service: tcp://x:1 } }\n",
    't.yaml:1:1: tcpRoutes: there is no tcp listener; add one, such as tls: { bind: ":443", protocol: tcp }',
  ],
  [
    `listeners: { t: { bind: ":1", protocol: tcp } }
tcpRoutes: { a: { sni: "a b", service: tcp://x:1 }, b: { sni: [a.test, 10.0.0.1, "a:1"], service: tcp://x:1 } }
`,
    't.yaml:2:24: tcpRoutes.a.sni: "a b" is not a name that TLS clients ask for; write a name, "*.NAME" or "*"',
    't.yaml:2:72: tcpRoutes.b.sni[1]: "10.0.0.1" is not a name that TLS clients ask for; write a name, "*.NAME" or "*"',
    't.yaml:2:82: tcpRoutes.b.sni[2]: "a:1" is not a name that TLS clients ask for; write a name, "*.NAME" or "*"',
  ],
  [
    `listeners: { t: { bind: ":1", protocol: tcp } }
tcpRoutes: { a: { sni: a.test }, b: tcp://x:1, c: { service: http://x }, d: { service: nobody }, e: { sn: x, service: tcp://x:1 } }
`,
    "t.yaml:2:14: tcpRoutes.a.service: service is missing; add service",
    't.yaml:2:37: tcpRoutes.b: must be a mapping, not the text "tcp://x:1"; with listener, sni, alpn, clientIp, rule, priority, service, tls, timeouts',
    "t.yaml:2:62: tcpRoutes.c.service: c has http backends, and a tcp listener needs tcp ones; write tcp://HOST:PORT for its backends",
    't.yaml:2:88: tcpRoutes.d.service: there is no service "nobody"; add it under services, or write a URL',
    't.yaml:2:103: tcpRoutes.e.sn: unknown key "sn"; write sni',
  ],
  [
    'listeners: { t: { bind: ":1", protocol: tcp } }\ntcpRoutes: { a: { rule: "Host(`a`)", service: tcp://x:1 }, b: { rule: "HostSNI(`a`) && Path(`/x`)", service: tcp://x:1 }, c: { rule: "HostSNI(`10.0.0.1`)", service: tcp://x:1 }, d: { rule: "HostSNI(`a`)", sni: a, alpn: h2, service: tcp://x:1 }, e: { rule: "ALPN(`a b`)", service: tcp://x:1 } , f: { rule: "HostSNIRegexp(`{x:y}`)", service: tcp://x:1 }, g: { rule: "", service: tcp://x:1 } }\n',
    't.yaml:2:25: tcpRoutes.a.rule: unknown matcher "Host": that is for HTTP; a TCP route has HostSNI(`name`)',
    't.yaml:2:88: tcpRoutes.b.rule: unknown matcher "Path"; there are HostSNI, HostSNIRegexp, ALPN, ClientIP',
    't.yaml:2:143: tcpRoutes.c.rule: "10.0.0.1" is no host name, "*.name" or "*"',
    "t.yaml:2:206: tcpRoutes.d.sni: sni does not go together with rule; say it in the rule",
    "t.yaml:2:214: tcpRoutes.d.alpn: alpn does not go together with rule; say it in the rule",
    't.yaml:2:263: tcpRoutes.e.rule: "a b" is no name of a protocol such as h2',
    "t.yaml:2:321: tcpRoutes.f.rule: {name:pattern} is Traefik v2's; v3 takes a plain regular expression",
    "t.yaml:2:365: tcpRoutes.g.rule: expected a matcher such as HostSNI(`name`), found the end",
  ],
  [
    `listeners: { t: { bind: ":1", protocol: tcp } }
tcpRoutes: { a: { alpn: "a b", clientIp: x, priority: 1.5, timeouts: { respnse: 1s }, service: tcp://x:1 } }
`,
    't.yaml:2:25: tcpRoutes.a.alpn: "a b" is not the name of a protocol; write h2',
    't.yaml:2:42: tcpRoutes.a.clientIp: "x" is not a network; write an address such as 10.0.0.1, or a network such as 10.0.0.0/8',
    "t.yaml:2:55: tcpRoutes.a.priority: must be a whole number from -1000000000 to 1000000000, not the number 1.5",
    't.yaml:2:72: tcpRoutes.a.timeouts.respnse: unknown key "respnse"; known are connect, tunnel',
  ],
  [
    `listeners: { t: { bind: ":1", protocol: tcp } }
tcpRoutes: { a: { service: tcp://x:1, tls: { cert: none.pem, key: none.key } }, b: { service: tcp://x:1, tls: { cert: none.pem } } , c: { service: tcp://x:1, tls: here } }
`,
    "t.yaml:2:52: tcpRoutes.a.tls.cert: cannot be read: ENOENT: no such file or directory, stat '/nonexistent/none.pem'",
    "t.yaml:2:67: tcpRoutes.a.tls.key: cannot be read: ENOENT: no such file or directory, stat '/nonexistent/none.key'",
    "t.yaml:2:106: tcpRoutes.b.tls.key: key is missing; add key",
    't.yaml:2:164: tcpRoutes.c.tls: must be true, false, auto, internal, or a mapping of cert and key, not the text "here"; write tls: true',
  ],
  [
    `listeners: { t: { bind: ":1", protocol: tcp, service: tcp://x:1 } }
routes: { a.test: http://x }
`,
    't.yaml:2:1: warning: routes: no listener takes requests; add one without protocol, such as web: ":8080"',
  ],
  [
    'routes: { a: { rule: "HostSNI(`a`)", service: http://x }, b: { rule: "ALPN(`h2`)", service: http://x } }\n',
    't.yaml:1:22: routes.a.rule: unknown matcher "HostSNI": that is for TCP; an HTTP route has Host(`name`)',
    't.yaml:1:70: routes.b.rule: unknown matcher "ALPN": that is for TCP; an HTTP route has no such thing',
  ],
  ["stateFolder: 5\n", "t.yaml:1:14: stateFolder: must be a path, not the number 5"],
  ["tcpRoutes: []\n", "t.yaml:1:12: tcpRoutes: must be a mapping of name to tcpRoute, not a list"],
  [
    `listeners: { t: { bind: ":1", protocol: tcp } }
tcpRoutes: { a: { listener: t, service: { backends: [tcp://x:1], sticky: true } } }
`,
    "t.yaml:2:66: tcpRoutes.a.service.sticky: says nothing for tcp backends; leave it out",
  ],
];

test("each mistake in a listener or TCP route is told with its place, cause and remedy", () => {
  checkProblems(cases, 22);
});
