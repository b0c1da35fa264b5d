// Every kind of mistake, with the place and the words the operator gets for it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { checkProblems } from "../../test/harness/config-problems.ts";
import type { ProblemCase } from "../../test/harness/config-problems.ts";
import { formatProblem } from "./problem.ts";
import { readConfig } from "./read.ts";

const cases: readonly ProblemCase[] = [
  ["routs:\n  a.test: http://x:1\n", 't.yaml:1:1: routs: unknown key "routs"; write routes'],
  [
    "a: [1\n",
    "t.yaml:2:1: not valid YAML: Flow sequence in block collection must be sufficiently indented and end with a ]",
  ],
  ["routes:\n\ta: b\n", "t.yaml:2:1: not valid YAML: Tabs are not allowed as indentation"],
  [
    "routes:\n  *.a.test: http://x:1\n",
    't.yaml:2:3: *.a.test refers to a YAML anchor that does not exist; put the text in quotes: "*.a.test"',
  ],
  [
    "routes:\n  a.test: http://x:1\n  a.test: http://x:2\n",
    't.yaml:3:3: the key "a.test" is there already; remove one',
  ],
  [
    "- 1\n",
    "t.yaml:1:1: must be a mapping, not a list; write routes: and, indented below, HOST: URL",
  ],
  [
    "hello\n",
    't.yaml:1:1: must be a mapping, not the text "hello"; write routes: and, indented below, HOST: URL',
  ],
  ["a: 1\n---\nb: 2\n", "t.yaml:2:1: only one YAML document is read"],
  [
    "routes:\n  a.test: http://x:1\n  b.test:\n",
    't.yaml:3:3: routes["b.test"]: has no value; write http://HOST:PORT',
  ],
  [
    "routes:\n  a.test: 5\n",
    't.yaml:2:11: routes["a.test"]: must be a URL, a list of URLs or a mapping, not the number 5; write http://HOST:PORT',
  ],
  [
    "routes:\n  a.test: true\n",
    't.yaml:2:11: routes["a.test"]: must be a URL, a list of URLs or a mapping, not true; write http://HOST:PORT',
  ],
  [
    "routes:\n  a.test: api\n",
    't.yaml:2:11: routes["a.test"]: "api" has no scheme; write { service: api } for a service',
  ],
  [
    "routes:\n  a.test: 127.0.0.1:3000\n",
    't.yaml:2:11: routes["a.test"]: "127.0.0.1:3000" has no scheme; write http://127.0.0.1:3000',
  ],
  [
    "routes:\n  a.test: ftp://x\n",
    't.yaml:2:11: routes["a.test"]: ftp:// is not supported; write http://HOST:PORT, https://HOST:PORT or unix:/PATH, for HTTP/2 in the clear h2c://, for gRPC grpc:// or grpcs://, for programs fastcgi://, scgi:// or uwsgi://, or for streams tcp://, tls:// or udp://',
  ],
  [
    "routes:\n  a.test: ws://x\n",
    't.yaml:2:11: routes["a.test"]: ws:// is not supported; WebSockets pass through http:// as they are',
  ],
  [
    "routes:\n  a.test: http://u:p@x\n",
    't.yaml:2:11: routes["a.test"]: a backend URL has no user and password; leave them out',
  ],
  [
    "routes:\n  a.test: http://x/?a\n",
    't.yaml:2:11: routes["a.test"]: a backend URL has no query and no fragment; leave it out',
  ],
  [
    "routes:\n  a.test: http://x:99999\n",
    't.yaml:2:11: routes["a.test"]: "99999" is not a port; write a number from 1 to 65535',
  ],
  [
    "routes:\n  a.test: http://::1:80\n",
    't.yaml:2:11: routes["a.test"]: "::1:80" is not HOST:PORT; put an IPv6 address in brackets: http://[::1]:80',
  ],
  [
    "routes:\n  a.test: http://x y\n",
    't.yaml:2:11: routes["a.test"]: "http://x y" contains a space, a control or a backslash; write http://HOST:PORT, https://HOST:PORT or unix:/PATH, for HTTP/2 in the clear h2c://, for gRPC grpc:// or grpcs://, for programs fastcgi://, scgi:// or uwsgi://, or for streams tcp://, tls:// or udp://',
  ],
  [
    "routes:\n  a.test: unix:run.sock\n",
    't.yaml:2:11: routes["a.test"]: "run.sock" is not an absolute path; write unix:/run/app.sock',
  ],
  [
    "routes:\n  a.test: https://unix:/run/x\n",
    't.yaml:2:11: routes["a.test"]: TLS over a unix socket is not supported; write unix:/run/x',
  ],
  ["routes:\n  a.test: []\n", 't.yaml:2:11: routes["a.test"]: must not be empty'],
  [
    "routes:\n  a.test: [http://x, http://x]\n",
    't.yaml:2:22: routes["a.test"][1]: http://x is listed twice; give it a weight instead',
  ],
  [
    "routes:\n  a.test: [http://x, 5]\n",
    't.yaml:2:22: routes["a.test"][1]: must be a backend URL or { url, weight, tier }, not the number 5; write http://HOST:PORT, https://HOST:PORT or unix:/PATH, for HTTP/2 in the clear h2c://, for gRPC grpc:// or grpcs://, for programs fastcgi://, scgi:// or uwsgi://, or for streams tcp://, tls:// or udp://',
  ],
  [
    "routes:\n  a.test: {}\n",
    't.yaml:2:3: routes["a.test"]: nothing answers; add service, files, redirect, respond or whoami',
  ],
  [
    "routes:\n  a.test: { service: http://x, redirect: 'https://y' }\n",
    't.yaml:2:32: routes["a.test"].redirect: service answers already; leave out one of them',
  ],
  [
    "routes:\n  a.test: { service: apii }\nservices: { api: http://x }\n",
    't.yaml:2:22: routes["a.test"].service: there is no service "apii"; write api',
  ],
  [
    "routes:\n  a.test: { service: 5 }\n",
    't.yaml:2:22: routes["a.test"].service: must be the name of a service, a URL, a list of URLs or a mapping, not the number 5',
  ],
  [
    "routes:\n  a.test: { servce: http://x }\n",
    't.yaml:2:13: routes["a.test"].servce: unknown key "servce"; write service',
  ],
  [
    "routes:\n  a.test: { service: { backends: [] } }\n",
    't.yaml:2:34: routes["a.test"].service.backends: must not be empty',
  ],
  [
    "routes:\n  a.test: { service: { balance: random } }\n",
    't.yaml:2:13: routes["a.test"].service: the service leads nowhere; add backends, files, fastcgi, split, failover or mirror',
  ],
  [
    "routes:\n  a.test: { service: { backends: [http://x], balance: rando } }\n",
    't.yaml:2:55: routes["a.test"].service.balance: there is no policy "rando"; write random',
  ],
  [
    "routes:\n  a.test: { service: { backends: [{ url: http://x, weight: -1 }] } }\n",
    't.yaml:2:60: routes["a.test"].service.backends[0].weight: must be a whole number from 0 to 1000, not the number -1',
  ],
  [
    "routes:\n  a.test: { service: { backends: [{ weight: 1 }] } }\n",
    't.yaml:2:35: routes["a.test"].service.backends[0].url: url is missing; add url',
  ],
  [
    "routes:\n  a.test: { service: { backends: [http://x], host: kep } }\n",
    't.yaml:2:52: routes["a.test"].service.host: must be keep, backend or { value: NAME }, not the text "kep"; keep sends the client\'s Host, backend the name in the backend\'s URL',
  ],
  [
    "routes:\n  a.test: { service: { backends: [http://x], tls: { ca: no.pem } } }\n",
    "t.yaml:2:57: routes[\"a.test\"].service.tls.ca: cannot be read: ENOENT: no such file or directory, stat '/nonexistent/no.pem'",
  ],
  [
    "routes:\n  a.test: { service: { backends: [http://x], tls: { verify: yes } } }\n",
    't.yaml:2:61: routes["a.test"].service.tls.verify: must be true or false, not the text "yes"',
  ],
  [
    "routes:\n  a.test: { whoami: true, timeouts: { response: 30 } }\n",
    't.yaml:2:49: routes["a.test"].timeouts.response: 30 has no unit; write 30s',
  ],
  [
    "routes:\n  a.test: { whoami: true, timeouts: { response: 30sec } }\n",
    't.yaml:2:49: routes["a.test"].timeouts.response: "30sec" is not a duration; write a number with ms, s, m or h, such as 300s, or 0 for no limit',
  ],
  [
    "routes:\n  a.test: { whoami: true, timeouts: { response: '30' } }\n",
    't.yaml:2:49: routes["a.test"].timeouts.response: 30 has no unit; write 30s',
  ],
  [
    "routes:\n  a.test: { whoami: true, timeouts: { response: 90d } }\n",
    't.yaml:2:49: routes["a.test"].timeouts.response: 90d is longer than 24d; write a number with ms, s, m or h, such as 300s, or 0 for no limit',
  ],
  [
    "routes:\n  a.test: { whoami: true, timeouts: [5] }\n",
    't.yaml:2:37: routes["a.test"].timeouts: must be a mapping, not a list; with body, connect, response, responseBody, tunnel',
  ],
  [
    "routes:\n  a.test: { whoami: true, timeouts: { respnse: 5s } }\n",
    't.yaml:2:39: routes["a.test"].timeouts.respnse: unknown key "respnse"; write response',
  ],
  [
    "routes:\n  a.test: { whoami: true, maxBody: 10XB }\n",
    't.yaml:2:36: routes["a.test"].maxBody: XB is not a unit of size; write a number of bytes, or one with KiB, MiB, GiB, KB, MB, GB',
  ],
  [
    "routes:\n  a.test: { whoami: true, maxBody: -1 }\n",
    't.yaml:2:36: routes["a.test"].maxBody: must be a size, not the number -1; write a number of bytes, or one with KiB, MiB, GiB, KB, MB, GB',
  ],
  [
    "routes:\n  a.test: { whoami: true, maxBody: [1] }\n",
    't.yaml:2:36: routes["a.test"].maxBody: must be a size, not a list; write a number of bytes, or one with KiB, MiB, GiB, KB, MB, GB',
  ],
  [
    "routes:\n  a.test: { rule: 'Host(`a`) &&', whoami: true }\n",
    't.yaml:2:32: routes["a.test"].rule: expected a matcher such as Host(`name`), found the end',
  ],
  [
    "routes:\n  a.test: { rule: 'Hots(`a`)', whoami: true }\n",
    't.yaml:2:19: routes["a.test"].rule: unknown matcher "Hots"; did you mean Host?',
  ],
  [
    "routes:\n  a.test: { rule: 'Host(`a`)', host: b, whoami: true }\n",
    't.yaml:2:32: routes["a.test"].host: host does not go together with rule; say it in the rule',
  ],
  [
    "routes:\n  a.test: { host: 'a b', whoami: true }\n",
    't.yaml:2:19: routes["a.test"].host: "a b" is not a host; write a name, "*.NAME", "*" or an IP address',
  ],
  [
    "routes:\n  a.test: { host: [ok, 'a b'], whoami: true }\n",
    't.yaml:2:24: routes["a.test"].host[1]: "a b" is not a host; write a name, "*.NAME", "*" or an IP address',
  ],
  [
    "routes:\n  a.test: { host: 'a:80', whoami: true }\n",
    't.yaml:2:19: routes["a.test"].host: "a:80" is not a host; leave out the port: a',
  ],
  [
    "routes:\n  'a b': http://x\n",
    't.yaml:2:3: routes["a b"]: "a b" is not a host; write a name, "*.NAME", "*" or an IP address',
  ],
  [
    "routes:\n  a.test:8080: http://x\n",
    't.yaml:2:3: routes["a.test:8080"]: "a.test:8080" is not a host; leave out the port: a.test',
  ],
  [
    "routes:\n  a.test/x/*: http://x\n",
    't.yaml:2:3: routes["a.test/x/*"]: "/x/*" is not a path; write HOST/PREFIX without spaces, ?, # and *',
  ],
  [
    "routes:\n  a.test/x: { path: /y, whoami: true }\n",
    't.yaml:2:15: routes["a.test/x"].path: the path is said twice: /x in the route\'s name, and here; leave out one',
  ],
  [
    "routes:\n  api: { path: /y, whoami: true }\n",
    't.yaml:2:3: warning: routes.api: the name api is the host to match; add host: "*" when it is a mere name',
  ],
  [
    "routes:\n  a.test: { path: api, whoami: true }\n",
    't.yaml:2:19: routes["a.test"].path: "api" is not a path; write /api',
  ],
  [
    "routes:\n  a.test: { path: /a/*, whoami: true }\n",
    't.yaml:2:19: routes["a.test"].path: a path is a prefix already; leave out /*',
  ],
  [
    "routes:\n  a.test: { pathRegex: '(', whoami: true }\n",
    't.yaml:2:24: routes["a.test"].pathRegex: not a regular expression: /(/: Unterminated group',
  ],
  [
    "routes:\n  a.test: { methods: get, whoami: true }\n",
    't.yaml:2:22: routes["a.test"].methods: methods are case-sensitive; write GET',
  ],
  [
    "routes:\n  a.test: { methods: ['G T'], whoami: true }\n",
    't.yaml:2:23: routes["a.test"].methods[0]: "G T" is not a method; write GET',
  ],
  [
    "routes:\n  a.test: { headers: { 'a b': x }, whoami: true }\n",
    't.yaml:2:31: routes["a.test"].headers["a b"]: "a b" is not a name of a header field',
  ],
  [
    "routes:\n  a.test: { headers: { X-A: 1 }, whoami: true }\n",
    't.yaml:2:29: routes["a.test"].headers.X-A: must be a text, not the number 1; put it in quotes: "1"',
  ],
  [
    "routes:\n  a.test: { clientIp: 10.0.0, whoami: true }\n",
    't.yaml:2:23: routes["a.test"].clientIp: "10.0.0" is not a network; write an address such as 10.0.0.1, or a network such as 10.0.0.0/8',
  ],
  [
    "routes:\n  a.test: { priority: high, whoami: true }\n",
    't.yaml:2:23: routes["a.test"].priority: must be a whole number from -1000000000 to 1000000000, not the text "high"',
  ],
  [
    "routes:\n  a.test: { redirect: 'https://x{ur}' }\n",
    't.yaml:2:23: routes["a.test"].redirect: {ur} is not known; write {uri}',
  ],
  [
    "routes:\n  a.test: { redirect: 'x y' }\n",
    't.yaml:2:23: routes["a.test"].redirect: "x y" has a space or a control character',
  ],
  [
    "routes:\n  a.test: { redirect: x }\n",
    't.yaml:2:23: routes["a.test"].redirect: "x" is not a URL; begin with https://, / or {scheme}://',
  ],
  [
    "routes:\n  a.test: { redirect: { to: 'https://x', status: 200 } }\n",
    't.yaml:2:50: routes["a.test"].redirect.status: must be one of 301, 302, 303, 307, 308, not the number 200',
  ],
  [
    "routes:\n  a.test: { redirect: { status: 301 } }\n",
    't.yaml:2:13: routes["a.test"].redirect.to: to is missing; add to',
  ],
  [
    "routes:\n  a.test: { respond: { status: 700 } }\n",
    't.yaml:2:32: routes["a.test"].respond.status: must be a whole number from 200 to 599, not the number 700',
  ],
  [
    "routes:\n  a.test: { respond: { status: 204, body: x } }\n",
    't.yaml:2:43: routes["a.test"].respond.body: an answer with status 204 has no body; leave it out',
  ],
  [
    "routes:\n  a.test: { respond: { contentType: x } }\n",
    't.yaml:2:37: routes["a.test"].respond.contentType: "x" is not a media type; write text/plain',
  ],
  [
    "routes:\n  a.test: { respond: hi }\n",
    't.yaml:2:22: routes["a.test"].respond: must be a mapping, not the text "hi"; with status, body, contentType',
  ],
  [
    "routes:\n  a.test: { whoami: true, stripPrefix: true }\n",
    't.yaml:2:40: routes["a.test"].stripPrefix: stripPrefix needs to know the prefix, and this route has no path of its own; write the prefix instead of true',
  ],
  [
    "routes:\n  a.test: { whoami: true, replacePrefix: /x }\n",
    't.yaml:2:42: routes["a.test"].replacePrefix: replacePrefix needs to know the prefix, and this route has no path of its own; write { from, to }',
  ],
  [
    "routes:\n  a.test: { whoami: true, stripPrefix: api }\n",
    't.yaml:2:40: routes["a.test"].stripPrefix: "api" is not a path; write /api',
  ],
  [
    "routes:\n  a.test: { whoami: true, stripPrefix: [/a, b] }\n",
    't.yaml:2:45: routes["a.test"].stripPrefix[1]: "b" is not a path; write /b',
  ],
  [
    "routes:\n  a.test: { whoami: true, replacePath: { pattern: '[', replacement: x } }\n",
    't.yaml:2:51: routes["a.test"].replacePath.pattern: not a regular expression: /[/: Unterminated character class',
  ],
  [
    "routes:\n  a.test: { whoami: true, errorPages: nope }\n",
    't.yaml:2:39: routes["a.test"].errorPages: /nonexistent/nope is not a folder',
  ],
  [
    "routes:\n  a.test: { whoami: true, accessLog: json }\n",
    't.yaml:2:38: routes["a.test"].accessLog: json is a format, not a path; write { format: json }',
  ],
  [
    "routes:\n  a.test: { whoami: true, accessLog: { format: combned } }\n",
    't.yaml:2:48: routes["a.test"].accessLog.format: "combned" is not a format; write combined',
  ],
  [
    "routes:\n  a.test: { whoami: true, accessLog: 5 }\n",
    't.yaml:2:38: routes["a.test"].accessLog: must be true, false, a path or { format, path }, not the number 5',
  ],
  [
    "accessLog: { format: '$remote_adr $status' }\nroutes: { a.test: { whoami: true } }\n",
    "t.yaml:1:22: accessLog.format: unknown access log variable $remote_adr, did you mean $remote_addr?",
  ],
  ["routes: 5\n", "t.yaml:1:9: routes: must be a mapping of name to route, not the number 5"],
  ["routes: { '': http://x }\n", 't.yaml:1:11: routes[""]: "" cannot be a name'],
  [
    "listeners: { web: 8080 }\n",
    't.yaml:1:19: listeners.web: must be an address, a list of addresses or a mapping, not the number 8080; write ":8080", "127.0.0.1:8080", "[::1]:8080" or "unix:/run/x.sock"',
  ],
  [
    "listeners: { web: '8080' }\n",
    't.yaml:1:19: listeners.web: 8080 is only a number; write ":8080"',
  ],
  [
    "listeners: { web: 'localhost:80' }\n",
    't.yaml:1:19: listeners.web: "localhost" is not an IP address; write 127.0.0.1:80',
  ],
  [
    "listeners: { web: '::1' }\n",
    't.yaml:1:19: listeners.web: "::1" has no port; write "[::1]:8080"',
  ],
  [
    "listeners: { web: ':99999' }\n",
    't.yaml:1:19: listeners.web: "99999" is not a port; write a number from 0 to 65535',
  ],
  [
    "listeners: { web: { bnd: ':80' } }\n",
    "t.yaml:1:14: listeners.web.bind: bind is missing; add bind",
    't.yaml:1:21: listeners.web.bnd: unknown key "bnd"; write bind',
  ],
  [
    "listeners: { web: { bind: ':80', proxyProtocol: true } }\n",
    "t.yaml:1:49: listeners.web.proxyProtocol: needs to know which proxies may connect; add trustedProxies",
  ],
  [
    "listeners: { web: { bind: ':80', http2: true } }\n",
    "t.yaml:1:34: listeners.web.http2: is agreed on under TLS, and what comes here is in the clear; write h2c: true",
  ],
  [
    "listeners: { web: { bind: ':80', tls: true, h2c: true } }\n",
    "t.yaml:1:45: listeners.web.h2c: is HTTP/2 in the clear, and this listener has TLS; write http2",
  ],
  [
    "limits: { http2: { streams: 0, window: 1000 } }\n",
    "t.yaml:1:29: limits.http2.streams: must be a whole number from 1 to 10000, not the number 0",
    "t.yaml:1:40: limits.http2.window: must be at least 65535",
  ],
  [
    "limits: { http2: { window: 2GiB } }\n",
    "t.yaml:1:28: limits.http2.window: must be at most 1GiB; write less; 1MiB is enough for most",
  ],
  [
    "listeners: { web: [':80', 'x'] }\n",
    't.yaml:1:27: listeners.web[1]: "x" has no port; write ":8080"',
  ],
  [
    "trustedProxies: 5\n",
    "t.yaml:1:17: trustedProxies: must be a network, or a list of networks, not the number 5; write a network such as 10.0.0.0/8, loopback, private, cloudflare, { file: PATH } or { url: https://… }",
  ],
  [
    "trustedProxies: [10.0.0.0/33]\n",
    't.yaml:1:18: trustedProxies[0]: "10.0.0.0/33" is not a network; write a network such as 10.0.0.0/8, loopback, private, cloudflare, { file: PATH } or { url: https://… }',
  ],
  [
    "limits: { targetBytes: 64KiB }\n",
    "t.yaml:1:24: limits.targetBytes: targetBytes (65536) is more than headBytes (32768); the target is part of the head",
  ],
  ["limits: { headBytes: 1 }\n", "t.yaml:1:22: limits.headBytes: must be at least 512"],
  [
    "limits: { conections: 5 }\n",
    't.yaml:1:11: limits.conections: unknown key "conections"; write connections',
  ],
  ["debug: true\n", "t.yaml:1:8: debug: must be a mapping, not true; with allow"],
  [
    "compat: { bareLf: 1 }\n",
    "t.yaml:1:19: compat.bareLf: must be true or false, not the number 1",
  ],
  [
    'compat: { proxyEtcApi: "0.0.0.0:3333" }\n',
    't.yaml:1:24: compat.proxyEtcApi: passwords could be read on the way there; write true for 127.0.0.1:3333, or "127.0.0.1:3333"',
  ],
  ["shutdown: { grace: 30 }\n", "t.yaml:1:20: shutdown.grace: 30 has no unit; write 30s"],
  [
    "timeouts: { head: -5 }\n",
    "t.yaml:1:19: timeouts.head: -5 has no unit; write a number with ms, s, m or h, such as 300s, or 0 for no limit",
  ],
  ["errorPages: [x]\n", "t.yaml:1:13: errorPages: must be a path, not a list"],
  [
    "",
    "t.yaml:1:1: warning: routes: there are no routes; write routes: and, indented below, HOST: URL",
  ],
  [
    "services: { api: { backends: [http://x], retry: { attempts: 99 } } }\n",
    "t.yaml:1:61: services.api.retry.attempts: must be a whole number from 0 to 10, not the number 99",
  ],
  [
    "services: { api: }\n",
    "t.yaml:1:13: services.api: has no value; write http://HOST:PORT, https://HOST:PORT or unix:/PATH, for HTTP/2 in the clear h2c://, for gRPC grpc:// or grpcs://, for programs fastcgi://, scgi:// or uwsgi://, or for streams tcp://, tls:// or udp://",
  ],
  [
    "services: { api: { backends: [http://x], pool: { maxWait: soon } } }\n",
    't.yaml:1:59: services.api.pool.maxWait: "soon" is not a duration; write a number with ms, s, m or h, such as 300s, or 0 for no limit',
  ],
  [
    "routes:\n  a.test: { service: nope }\n  b.test: 7\nlimits: { x: 1 }\n",
    't.yaml:2:22: routes["a.test"].service: there is no service "nope"; add it under services, or write a URL',
    't.yaml:3:11: routes["b.test"]: must be a URL, a list of URLs or a mapping, not the number 7; write http://HOST:PORT',
    't.yaml:4:11: limits.x: unknown key "x"; known are connections, connectionsPerAddress, headBytes, headerCount, targetBytes, responseHeadBytes, trailerBytes, bufferBytes, http2, maxBody',
  ],
];

test("each mistake is told with its place, its cause and its remedy", () => {
  checkProblems(cases, 40);
});

test("no message is zod's own", () => {
  const values = ["5", "true", "null", "text", "[5]", "[[]]", "{ x: 5 }", "1.5", "-1", "'\\n'"];
  const keys = ["routes", "listeners", "services", "timeouts", "limits", "trustedProxies"];
  const more = ["accessLog", "errorPages", "debug", "compat", "workers", "shutdown"];
  const last = ["user", "group", "controlSocket", "pidFile", "stateFolder", "tcpRoutes", "alerts"];
  const further = ["tracing"];
  let told = 0;
  for (const key of [...keys, ...more, ...last, ...further]) {
    for (const value of values) {
      for (const text of [
        `${key}: ${value}`,
        `${key}: { a: ${value} }`,
        `${key}: { a: { b: ${value} } }`,
      ]) {
        const { problems } = readConfig(text, { file: "t.yaml", baseFolder: "/nonexistent" });
        for (const problem of problems) {
          assert.doesNotMatch(
            formatProblem(problem),
            /Invalid|expected|received|Too (small|big)/,
            text,
          );
          told++;
        }
      }
    }
  }
  assert.ok(told > 200);
});
