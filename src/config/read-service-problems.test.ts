// Mistakes in services, with the place and the words the operator gets for each.

import { test } from "node:test";
import { checkProblems } from "../../test/harness/config-problems.ts";
import type { ProblemCase } from "../../test/harness/config-problems.ts";

const cases: readonly ProblemCase[] = [
  [
    "services: { s: { backends: [tcp://x] } }\n",
    "t.yaml:1:29: services.s.backends[0]: tcp://x has no port; write tcp://x:PORT",
  ],
  [
    "services: { s: { backends: [https://x], tls: { alpn: h2 } } }\n",
    "t.yaml:1:48: services.s.tls.alpn: requests are sent as HTTP/2 or HTTP/1.1, and that is what is offered; leave it out, or say http2: false to offer HTTP/1.1 alone",
  ],
  [
    "services: { s: { backends: [grpcs://x], tls: { http2: false } } }\n",
    "t.yaml:1:48: services.s.tls.http2: is for https backends, and what is written here speaks HTTP/2 alone; leave it out, or write https://HOST:PORT",
  ],
  [
    "services: { s: { backends: [https://x], tls: { cert: us.pem } } }\n",
    "t.yaml:1:48: services.s.tls.cert: is of no use without key; add key",
  ],
  [
    "services: { s: { backends: [https://x], tls: { pins: [sha256/AAAA] } } }\n",
    't.yaml:1:55: services.s.tls.pins[0]: "sha256/AAAA" is not a pin; write sha256/ and the base64 of the SHA-256 of its public key: openssl x509 -in CERT -pubkey -noout | openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64',
  ],
  [
    "services: { s: tcp://x:1/y }\n",
    "t.yaml:1:16: services.s: a tcp backend has no path; leave out /y",
  ],
  [
    "services: { s: tls://unix:/run/x }\n",
    "t.yaml:1:16: services.s: TLS over a unix socket is not supported; write tcp://unix:/run/x",
  ],
  [
    "services: { s: udp://unix:/run/x }\n",
    "t.yaml:1:16: services.s: datagrams over a unix socket are not supported; write http://HOST:PORT, https://HOST:PORT or unix:/PATH, for HTTP/2 in the clear h2c://, for gRPC grpc:// or grpcs://, for programs fastcgi://, scgi:// or uwsgi://, or for streams tcp://, tls:// or udp://",
  ],
  [
    "services: { s: mysql://x:3306 }\n",
    "t.yaml:1:16: services.s: mysql:// is not supported; write tcp://HOST:PORT, for a listener with protocol: tcp",
  ],
  [
    'services: { s: "tcp://unix:/run/x:/y" }\n',
    "t.yaml:1:16: services.s: a tcp backend has no path; write tcp://unix:/run/x",
  ],
  [
    "services: { s: [http://x, tcp://y:1] }\n",
    "t.yaml:1:16: services.s.backends[1]: is a tcp backend, and the first one is http; make two services of it",
  ],
  [
    "services: { s: { backends: [{ url: http://x, weight: 0 }] } }\n",
    "t.yaml:1:28: services.s.backends: all weights are 0, so nobody would get anything; give at least one a weight of 1 or more",
  ],
  [
    "services: { s: { backends: [{ url: http://x, tier: 10 }] } }\n",
    "t.yaml:1:52: services.s.backends[0].tier: must be a whole number from 0 to 9, not the number 10",
  ],
  [
    "services: { s: {} }\n",
    "t.yaml:1:13: services.s: the service leads nowhere; add backends, files, fastcgi, split, failover or mirror",
  ],
  [
    "services: { s: { balance: random } }\n",
    "t.yaml:1:13: services.s: the service leads nowhere; add backends, files, fastcgi, split, failover or mirror",
  ],
  [
    "services: { s: { backends: [http://x], split: { s: 1 } } }\n",
    "t.yaml:1:40: services.s.split: the service leads to backends already; leave out one of them",
  ],
  [
    "services: { s: { failover: [a, b], sticky: true, holdFor: 5s }, a: http://a, b: http://b }\n",
    "t.yaml:1:36: services.s.sticky: sticky is of a service with backends or split, and this one has failover; say it in the services it leads to",
    "t.yaml:1:50: services.s.holdFor: holdFor is of a service with backends, and this one has failover; say it in the services it leads to",
  ],
  [
    "services: { s: { backends: [http://x], statuses: [500], to: { a: 5% } } }\n",
    "t.yaml:1:40: services.s.statuses: statuses is of a service with failover, and this one has backends; leave it out",
    "t.yaml:1:57: services.s.to: to is of a service with mirror, and this one has backends; leave it out",
  ],
  [
    "services: { s: { backends: [http://x], balance: hash } }\n",
    "t.yaml:1:49: services.s.balance: hash needs to know what to hash; write { hash: client-ip }",
  ],
  [
    "services: { s: { backends: [http://x], balance: least } }\n",
    't.yaml:1:49: services.s.balance: there is no policy "least"; write two-random, round-robin, least-connections, least-time, random or { hash: client-ip }',
  ],
  [
    "services: { s: { backends: [http://x], balance: 5 } }\n",
    "t.yaml:1:49: services.s.balance: must be a policy or { hash, bound }, not the number 5; write two-random, round-robin, least-connections, least-time, random or { hash: client-ip }",
  ],
  [
    "services: { s: { backends: [http://x], balance: { hash: ip } } }\n",
    't.yaml:1:57: services.s.balance.hash: "ip" is not known here; write client-ip, path, header:NAME, cookie:NAME or query:NAME',
  ],
  [
    'services: { s: { backends: [http://x], balance: { hash: "header:a b" } } }\n',
    't.yaml:1:57: services.s.balance.hash: "a b" is not a name; write client-ip, path, header:NAME, cookie:NAME or query:NAME',
  ],
  [
    "services: { s: { backends: [http://x], balance: { hash: path, bound: 0.5 } } }\n",
    "t.yaml:1:70: services.s.balance.bound: must be 0, or a number from 1 to 100, not the number 0.5",
  ],
  [
    "services: { s: { backends: [http://x], balance: { bound: 2 } } }\n",
    "t.yaml:1:40: services.s.balance.hash: hash is missing; add hash",
  ],
  [
    "services: { s: { backends: [http://x], sticky: yes please } }\n",
    't.yaml:1:48: services.s.sticky: must be true, false or a mapping, not the text "yes please"; write true',
  ],
  [
    'services: { s: { backends: [http://x], sticky: { cookie: "a b" } } }\n',
    't.yaml:1:58: services.s.sticky.cookie: "a b" is not the name of a cookie',
  ],
  [
    "services: { s: { backends: [http://x], sticky: { session: JSESSIONID } } }\n",
    't.yaml:1:59: services.s.sticky.session: "JSESSIONID" is not known here; write cookie:NAME or header:NAME',
  ],
  [
    'services: { s: { backends: [http://x], sticky: { session: "cookie:a", secure: always } } }\n',
    "t.yaml:1:71: services.s.sticky.secure: secure is of a cookie of ours, and session is the application's; leave out one of them",
  ],
  [
    "services: { s: { backends: [http://x], sticky: { idle: 1h } } }\n",
    "t.yaml:1:50: services.s.sticky.idle: idle is of an application's session; add session: cookie:NAME, or leave it out",
  ],
  [
    "services: { s: { backends: [http://x], sticky: { sameSite: none, secure: never } } }\n",
    "t.yaml:1:74: services.s.sticky.secure: browsers refuse SameSite=None without Secure; write always or auto",
  ],
  [
    "services: { s: { backends: [http://x], sticky: { cookie: SERVERID, legacy: SERVERID } } }\n",
    "t.yaml:1:76: services.s.sticky.legacy: SERVERID is the cookie we set ourselves; name another cookie",
  ],
  [
    "services: { s: { backends: [http://x], sticky: { cookie: __Host-a } } }\n",
    "t.yaml:1:58: services.s.sticky.cookie: browsers refuse __Host-a without Secure; add secure: always",
  ],
  [
    "services: { s: { backends: [http://x], sticky: { cookie: __Host-a, secure: always, path: /x } } }\n",
    "t.yaml:1:58: services.s.sticky.cookie: browsers refuse __Host-a with a domain, or with a path other than /; leave them out",
  ],
  [
    'services: { s: { backends: [http://x], sticky: { path: x, domain: "10.0.0.1" } } }\n',
    't.yaml:1:56: services.s.sticky.path: "x" is not the path of a cookie; write /',
    't.yaml:1:67: services.s.sticky.domain: "10.0.0.1" is not the domain of a cookie; write example.com',
  ],
  [
    "services: { s: { backends: [http://x], check: health } }\n",
    't.yaml:1:47: services.s.check: "health" is not a path; write /health',
  ],
  [
    'services: { s: { backends: [http://x], check: "http://x/health" } }\n',
    "t.yaml:1:47: services.s.check: a check names a path; the backends are known; write /health",
  ],
  [
    "services: { s: { backends: [http://x], check: {} } }\n",
    "t.yaml:1:40: services.s.check: does not say what to ask; add http: /health, or one of tcp, grpc, mysql and postgres",
  ],
  [
    "services: { s: { backends: [http://x], check: { interval: 5s } } }\n",
    "t.yaml:1:40: services.s.check: does not say what to ask; add http: /health, or one of tcp, grpc, mysql and postgres",
  ],
  [
    "services: { s: { backends: [http://x], check: { http: /, tcp: true } } }\n",
    "t.yaml:1:58: services.s.check.tcp: http is asked already; leave out one of them",
  ],
  [
    "services: { s: { backends: [http://x], check: { tcp: true, statuses: [200], body: ok } } }\n",
    "t.yaml:1:60: services.s.check.statuses: statuses is of a check by http, and this one is by tcp; leave it out",
    "t.yaml:1:77: services.s.check.body: body is of a check by http, and this one is by tcp; leave it out",
  ],
  [
    'services: { s: { backends: [http://x], check: { http: /, statuses: [99, "300-200", x] } } }\n',
    "t.yaml:1:69: services.s.check.statuses[0]: must be a status from 200 to 599, or a range of them, not the number 99; write [502] or [500-504]",
    't.yaml:1:73: services.s.check.statuses[1]: must be a status from 200 to 599, or a range of them, not the text "300-200"; write [502] or [500-504]',
    't.yaml:1:84: services.s.check.statuses[2]: must be a status from 200 to 599, or a range of them, not the text "x"; write [502] or [500-504]',
  ],
  [
    "services: { s: { backends: [http://x], check: { http: /, method: HEAD, body: ok } } }\n",
    "t.yaml:1:78: services.s.check.body: an answer to HEAD has no body; write method: GET",
  ],
  [
    'services: { s: { backends: [http://x], check: { http: /, headers: { Content-Length: "5", "a b": c, D: "e\\nf" } } } }\n',
    "t.yaml:1:85: services.s.check.headers.Content-Length: is written by the check itself; leave it out",
    't.yaml:1:97: services.s.check.headers["a b"]: "a b" is not a name of a header field',
    "t.yaml:1:103: services.s.check.headers.D: has a line end or a control; leave it out",
  ],
  [
    "services: { s: { backends: [http://x], check: { http: /, interval: 5s, fastInterval: 6s } } }\n",
    "t.yaml:1:86: services.s.check.fastInterval: is longer than interval (5s); write less, or leave it out",
  ],
  [
    "services: { s: { backends: [http://x], check: { http: /, interval: 0, timeout: 1ms } } }\n",
    "t.yaml:1:68: services.s.check.interval: must be at least 100ms",
    "t.yaml:1:80: services.s.check.timeout: must be at least 10ms",
  ],
  [
    "services: { s: { backends: [http://x], check: { mysql: false } } }\n",
    "t.yaml:1:56: services.s.check.mysql: must be true, not false; or leave out the key",
  ],
  [
    'services: { s: { backends: [http://x], check: { tcp: { expect: "" } } } }\n',
    "t.yaml:1:64: services.s.check.tcp.expect: must not be empty; leave it out",
  ],
  [
    "services: { s: { backends: [http://x], check: { htp: / } } }\n",
    't.yaml:1:49: services.s.check.htp: unknown key "htp"; write http',
  ],
  [
    "services: { s: { backends: [http://x], passive: { ratio: 0.3 } } }\n",
    "t.yaml:1:58: services.s.passive.ratio: 0.3 has no unit; write 30%",
  ],
  [
    "services: { s: { backends: [http://x], passive: { ratio: 30 } } }\n",
    "t.yaml:1:58: services.s.passive.ratio: 30 has no unit; write 30%",
  ],
  [
    "services: { s: { backends: [http://x], passive: { ratio: 130% } } }\n",
    't.yaml:1:58: services.s.passive.ratio: "130%" is not a percentage; write a percentage such as 20%, or 0',
  ],
  [
    "services: { s: { backends: [http://x], passive: { ratio: lots } } }\n",
    't.yaml:1:58: services.s.passive.ratio: "lots" is not a percentage; write a percentage such as 20%, or 0',
  ],
  [
    "services: { s: { backends: [http://x], passive: { deadFor: 0, window: 5ms } } }\n",
    "t.yaml:1:60: services.s.passive.deadFor: must be at least 100ms",
    "t.yaml:1:71: services.s.passive.window: must be at least 1s",
  ],
  [
    "services: { s: { backends: [http://x], passive: { statuses: 500 } } }\n",
    "t.yaml:1:61: services.s.passive.statuses: must be a list of statuses, not the number 500; write [502] or [500-504]",
  ],
  [
    "services: { s: { backends: [http://x], retry: { statuses: [200] } } }\n",
    "t.yaml:1:60: services.s.retry.statuses[0]: must be a status from 400 to 599, or a range of them, not the number 200; write [502] or [500-504]",
  ],
  [
    "services: { s: { backends: [http://x], whenAllDown: panic } }\n",
    't.yaml:1:53: services.s.whenAllDown: must be try or refuse, not the text "panic"',
  ],
  [
    "services: { s: { backends: [http://x], holdFor: 5 } }\n",
    "t.yaml:1:49: services.s.holdFor: 5 has no unit; write 5s",
  ],
  [
    "services: { s: { backends: [http://x], maxHeld: 0, pauseFor: 0 } }\n",
    "t.yaml:1:49: services.s.maxHeld: must be a whole number from 1 to 1000000, not the number 0",
    "t.yaml:1:62: services.s.pauseFor: must be at least 1s",
  ],
  [
    'services: { s: { backends: [http://x], breaker: "NetworkErorRatio() > 0.3" } }\n',
    't.yaml:1:49: services.s.breaker: unknown function "NetworkErorRatio"; did you mean NetworkErrorRatio?',
  ],
  [
    'services: { s: { backends: [http://x], breaker: { when: "NetworkErrorRatio() > " } } }\n',
    "t.yaml:1:80: services.s.breaker.when: expected a number after >, found the end",
  ],
  [
    "services: { s: { backends: [http://x], breaker: { status: 503 } } }\n",
    "t.yaml:1:40: services.s.breaker.when: when is missing; add when",
  ],
  [
    "services: { s: { backends: [http://x], breaker: true } }\n",
    't.yaml:1:49: services.s.breaker: must be an expression or a mapping with when, not true; write "NetworkErrorRatio() > 0.30"',
  ],
  [
    "services: { s: { backends: [http://x], maintenance: { page: none.html } } }\n",
    "t.yaml:1:61: services.s.maintenance.page: cannot be read: ENOENT: no such file or directory, stat '/nonexistent/none.html'",
  ],
  [
    "services: { s: { backends: [http://x], maintenance: on } }\n",
    't.yaml:1:53: services.s.maintenance: must be true, false or a mapping, not the text "on"; write true',
  ],
  [
    "services: { s: { backends: [http://x], maintenance: { allow: [x], retryAfter: 0 } } }\n",
    't.yaml:1:63: services.s.maintenance.allow[0]: "x" is not a network; write an address such as 10.0.0.1, or a network such as 10.0.0.0/8',
    "t.yaml:1:79: services.s.maintenance.retryAfter: must be at least 1s",
  ],
  [
    "services: { s: { backends: [http://x], proxyProtocol: v2 } }\n",
    "t.yaml:1:40: services.s.proxyProtocol: goes to tcp backends, and these are http; HTTP says it in X-Forwarded-For",
  ],
  [
    "services: { s: { backends: [tls://x:1], proxyProtocol: v2 } }\n",
    "t.yaml:1:56: services.s.proxyProtocol: would be sent inside TLS, where no backend looks for it; use tcp:// and let the client's TLS pass through, or leave it out",
  ],
  [
    "services: { s: { backends: [udp://x:1], proxyProtocol: v2, pool: { maxIdle: 1 }, holdFor: 1s } }\n",
    "t.yaml:1:41: services.s.proxyProtocol: goes to tcp backends, and these are udp; leave it out",
    "t.yaml:1:60: services.s.pool: says nothing for udp backends; leave it out",
    "t.yaml:1:82: services.s.holdFor: says nothing for udp backends; leave it out",
  ],
  [
    'services: { s: { backends: [tcp://x:1], sticky: true, host: backend, breaker: "NetworkErrorRatio() > 0.3", maintenance: true, balance: { hash: path }, check: /health, timeouts: { response: 1s, connect: 1s }, retry: { attempts: 1, statuses: [500] }, passive: { failures: 2, slow: 1s } } }\n',
    "t.yaml:1:41: services.s.sticky: says nothing for tcp backends; leave it out",
    "t.yaml:1:55: services.s.host: says nothing for tcp backends; leave it out",
    "t.yaml:1:70: services.s.breaker: says nothing for tcp backends; leave it out",
    "t.yaml:1:108: services.s.maintenance: says nothing for tcp backends; leave it out",
    "t.yaml:1:138: services.s.balance.hash: tcp backends know of no path; write client-ip",
    "t.yaml:1:152: services.s.check: tcp backends are not spoken HTTP to; write { tcp: true }, or add the port where they are",
    "t.yaml:1:180: services.s.timeouts.response: says nothing for tcp backends; leave it out",
    "t.yaml:1:231: services.s.retry.statuses: says nothing for tcp backends; leave it out",
    "t.yaml:1:274: services.s.passive.slow: says nothing for tcp backends; leave it out",
  ],
  [
    "services: { s: { backends: [udp://x:1], check: { mysql: true } } }\n",
    "t.yaml:1:41: services.s.check: udp backends have no such server at this port; write { tcp: true }, or add the port where they have",
  ],
  [
    "services: { s: { backends: [tcp://x:1], proxyProtocol: v3 } }\n",
    't.yaml:1:56: services.s.proxyProtocol: must be v1 or v2, not the text "v3"; write v1',
  ],
];

test("each mistake in a service is told with its place, its cause and its remedy", () => {
  checkProblems(cases, 60);
});
