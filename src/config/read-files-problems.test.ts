// Mistakes in files and programs of services, with the place and the words the operator gets for each.

import { test } from "node:test";
import { checkProblems } from "../../test/harness/config-problems.ts";
import type { ProblemCase } from "../../test/harness/config-problems.ts";

const cases: readonly ProblemCase[] = [
  [
    'providers: { docker: true }\nroutes: { a.test: { service: "s@scripts@docker" } }\n',
    't.yaml:2:30: routes["a.test"].service: "s@scripts@docker" is the program of another service, which says what of it is run; write s@docker',
  ],
  [
    "routes: { a.test: { files: /tmp, pool: { maxIdle: 1 } } }\n",
    't.yaml:1:34: routes["a.test"].pool: unknown key "pool"; it is of a service: write service: { pool: … }, with where requests go in there, too',
  ],
  [
    "routes: { a.test: { root: /tmp } }\n",
    't.yaml:1:21: routes["a.test"].root: unknown key "root"; write it below files: files: { root: … }',
  ],
  [
    "services: { s: { files: /tmp, extensions: [.php] } }\n",
    't.yaml:1:31: services.s.extensions: unknown key "extensions"; write it below fastcgi: fastcgi: { extensions: … }',
  ],
  [
    "services: { s: { files: /tmp, stripPrefix: true } }\n",
    't.yaml:1:31: services.s.stripPrefix: unknown key "stripPrefix"; it is of a route: write it there',
  ],
  [
    "services: { s: { files: { root: /tmp, fastcgi: 127.0.0.1:9000 } } }\n",
    't.yaml:1:39: services.s.files.fastcgi: unknown key "fastcgi"; write it beside files, not below it',
  ],
  [
    "services: { s: { files: /tmp, fastcgi: http://127.0.0.1:9000 } }\n",
    't.yaml:1:40: services.s.fastcgi: "http://127.0.0.1:9000" speaks HTTP, not fastcgi; write unix:/PATH or HOST:PORT; for a server that speaks HTTP use backends instead of fastcgi',
  ],
  [
    'services: { s: { files: /tmp, fastcgi: "9000" } }\n',
    't.yaml:1:40: services.s.fastcgi: "9000" is a port alone; write 127.0.0.1:9000',
  ],
  [
    "services: { s: { files: /tmp, fastcgi: /run/php.sock } }\n",
    't.yaml:1:40: services.s.fastcgi: "/run/php.sock" is a path; write unix:/run/php.sock',
  ],
  [
    "services: { s: { files: /tmp, fastcgi: scgi://127.0.0.1:1 } }\n",
    't.yaml:1:40: services.s.fastcgi: "scgi://127.0.0.1:1" speaks scgi, not fastcgi; write unix:/PATH or HOST:PORT',
  ],
  [
    "services: { s: fastcgi://127.0.0.1:9000/app }\n",
    "t.yaml:1:16: services.s: a fastcgi backend has no path; leave out /app: where its scripts are is said by root",
  ],
  [
    'services: { s: "fastcgi://unix:/run/x.sock:/app" }\n',
    "t.yaml:1:16: services.s: a fastcgi backend has no path; write fastcgi://unix:/run/x.sock",
  ],
  [
    "services: { s: fcgi://127.0.0.1:9000 }\n",
    "t.yaml:1:16: services.s: fcgi:// is not supported; write fastcgi://HOST:PORT",
  ],
  [
    "services: { s: [http://x, uwsgi://y:1] }\n",
    "t.yaml:1:16: services.s.backends[1]: is a uwsgi backend, and the first one is http; make two services of it",
  ],
  [
    "services: { s: { files: /nonexistent/x } }\n",
    "t.yaml:1:25: services.s.files: /nonexistent/x is not a folder; make it, or for a folder of a container add container: PROVIDER/NAME",
  ],
  [
    "services: { s: { files: / } }\n",
    "t.yaml:1:25: services.s.files: would give away every file of this machine; write the folder that is meant",
  ],
  [
    "services: { s: { files: { index: a.html } } }\n",
    "t.yaml:1:18: services.s.files: nothing says where the files are; add root: /var/www",
  ],
  [
    "services: { s: { files: /tmp, backends: [http://x] } }\n",
    't.yaml:1:18: services.s.files: the service leads to backends already; make a service of the backends, and write files: { try: [$path, "@SERVICE"] }',
  ],
  [
    "services: { s: { files: /tmp, split: { a: 1 } }, a: http://a }\n",
    "t.yaml:1:18: services.s.files: the service leads to split already; leave out one of them",
  ],
  [
    "services: { s: { fastcgi: unix:/a, scgi: unix:/b } }\n",
    "t.yaml:1:36: services.s.scgi: the service leads to fastcgi already; leave out one of them",
  ],
  [
    "services: { s: { files: /tmp, balance: random } }\n",
    "t.yaml:1:31: services.s.balance: balance is of a service with backends, and this one has files; leave it out",
  ],
  [
    "services: { s: { split: { a: 1, b: 2 }, container: lxc/x }, a: http://a, b: http://b }\n",
    "t.yaml:1:41: services.s.container: container is of a service with backends or files, and this one has split; say it in the services it leads to",
  ],
  [
    'services: { s: { files: { root: /tmp, try: [$uri, $uri/, "=404"] } } }\n',
    "t.yaml:1:45: services.s.files.try[0]: $uri is not known in a path; write $path",
    "t.yaml:1:51: services.s.files.try[1]: $uri is not known in a path; write $path",
  ],
  [
    'services: { s: { files: { root: /tmp, try: ["=404", $path] } } }\n',
    "t.yaml:1:45: services.s.files.try[0]: =404 always answers, so nothing after it is looked for; put it last",
  ],
  [
    'services: { s: { files: { root: /tmp, try: ["@a", $path] } }, a: http://a }\n',
    "t.yaml:1:45: services.s.files.try[0]: @a always answers, so nothing after it is looked for; put it last",
  ],
  [
    'services: { s: { files: { root: /tmp, try: [$path, "@b"] } } }\n',
    't.yaml:1:52: services.s.files.try[1]: there is no service "b"; write s',
  ],
  [
    'services: { s: { files: { root: /tmp, try: [index.html, "{path}", "/a/../b", "=200", "@"] } } }\n',
    't.yaml:1:45: services.s.files.try[0]: "index.html" is not a path under root; write /index.html',
    "t.yaml:1:57: services.s.files.try[1]: {path} is not known here; write $path",
    't.yaml:1:67: services.s.files.try[2]: "/a/../b" has a "." or ".." in it; write the path without it',
    't.yaml:1:78: services.s.files.try[3]: "=200" is not a status from 400 to 599; write "=404"',
    't.yaml:1:86: services.s.files.try[4]: "@" names no service; write "@SERVICE"',
  ],
  [
    'services: { s: { files: { root: /tmp, try: [$path, "/index.php?$args"] } } }\n',
    "t.yaml:1:52: services.s.files.try[1]: $args is not known behind ?; write $query",
  ],
  [
    'services: { s: { files: { root: /tmp, try: [$path, "/index.php?$query"] } } }\n',
    "t.yaml:1:52: services.s.files.try[1]: /index.php would be given away as it stands: nothing here runs it; add fastcgi: unix:/run/php/php-fpm.sock beside files",
  ],
  [
    'services: { s: { files: { root: /tmp, try: [$path, "/index.html?$query"] } } }\n',
    "t.yaml:1:52: services.s.files.try[1]: ?$query says nothing: /index.html is a file, which nobody asks anything; write /index.html",
  ],
  [
    'services: { s: { files: { root: /tmp, try: [$path, "@scripts"] } } }\n',
    "t.yaml:1:52: services.s.files.try[1]: @scripts is the program of this service, and it has none; add fastcgi, scgi or uwsgi beside files",
  ],
  [
    "services: { s: { files: { root: /tmp, spa: true, try: $path } } }\n",
    "t.yaml:1:39: services.s.files.spa: says what is looked for, and so does try; leave out one of them",
  ],
  [
    'services: { s: { files: { root: /tmp, hidden: [a/b], types: { "a b": x }, cacheControl: { assets: x }, charset: "a b", precompressed: [deflate] } } }\n',
    't.yaml:1:48: services.s.files.hidden[0]: "a/b" has a slash, and names are looked at one by one; write the name alone',
    't.yaml:1:70: services.s.files.types["a b"]: "x" is not a media type; write text/plain',
    't.yaml:1:99: services.s.files.cacheControl.assets: "assets" is not a pattern of paths; write "/assets" or "*assets"',
    't.yaml:1:113: services.s.files.charset: "a b" is not a charset; write utf-8',
    't.yaml:1:136: services.s.files.precompressed[0]: must be br or zstd or gzip, not the text "deflate"',
  ],
  [
    "services: { s: { files: /tmp, container: blog } }\n",
    't.yaml:1:42: services.s.container: "blog" does not say where the container is; write PROVIDER/NAME, such as lxc/blog',
  ],
  [
    "services: { s: { files: /srv, container: lxc/blog } }\n",
    't.yaml:1:42: services.s.container: there is no provider "lxc"; add providers: { lxc: true }',
  ],
  [
    "providers: { docker: true }\nservices: { s: { files: /srv, container: lxc/blog } }\n",
    't.yaml:2:42: services.s.container: there is no provider "lxc"; add providers: { lxc: true }',
  ],
  [
    "providers: { lxc: true }\nservices: { s: { files: /srv, container: lcx/blog } }\n",
    't.yaml:2:42: services.s.container: there is no provider "lcx"; write lxc/blog',
  ],
  [
    "providers: { libvirt: true }\nservices: { s: { files: /srv, container: libvirt/vm } }\n",
    "t.yaml:2:42: services.s.container: libvirt has virtual machines, whose files cannot be seen from here; let a web server inside answer, or speak fastcgi to HOST:PORT without container",
  ],
  [
    "providers: { lxc: true }\nservices: { s: { files: www, container: lxc/blog } }\n",
    't.yaml:2:25: services.s.files: "www" is not absolute; write /www',
  ],
  [
    "providers: { lxc: true }\nservices: { s: { files: /srv/../etc, container: lxc/blog } }\n",
    't.yaml:2:25: services.s.files: "/srv/../etc" has ".." or a control character in it; write where it leads',
  ],
  [
    "providers: { lxc: true }\nservices: { s: { fastcgi: { backends: 10.0.0.1:9000, root: /srv }, container: lxc/blog } }\n",
    "t.yaml:2:68: warning: services.s.container: says nothing: it is about files and unix: sockets, and there are none here; leave it out",
  ],
  [
    "services: { s: { fastcgi: { root: /srv } } }\n",
    "t.yaml:1:18: services.s.fastcgi: nothing says where the program is; add backends: unix:/PATH or HOST:PORT",
  ],
  [
    "services: { s: { fastcgi: { backends: 127.0.0.1:9000, extensions: .php } } }\n",
    "t.yaml:1:55: services.s.fastcgi.extensions: nothing says where the scripts are; add root, the folder of the scripts as the program itself calls it",
  ],
  [
    "services: { s: { fastcgi: { backends: 127.0.0.1:9000, root: srv, sendFiles: x, neverIn: uploads } } }\n",
    't.yaml:1:89: services.s.fastcgi.neverIn: "uploads" is not a path under root; write /uploads',
  ],
  [
    "services: { s: { fastcgi: { backends: 127.0.0.1:9000, neverIn: /uploads, sendFiles: / } } }\n",
    "t.yaml:1:55: services.s.fastcgi.neverIn: is about files, and there are none beside it; add files, or leave it out",
    "t.yaml:1:85: services.s.fastcgi.sendFiles: would let the program give away every file of this machine; write the folder that is meant",
  ],
  [
    'services: { s: { fastcgi: { backends: 127.0.0.1:9000, params: { HTTP_PROXY: x, a-b: y, C: "a\\nb" } } } }\n',
    "t.yaml:1:77: services.s.fastcgi.params.HTTP_PROXY: HTTP_PROXY is never passed: programs would take it for their own proxy; leave it out (https://httpoxy.org)",
    't.yaml:1:85: services.s.fastcgi.params.a-b: "a-b" is not the name of a param; use A to Z, 0 to 9 and _',
    "t.yaml:1:91: services.s.fastcgi.params.C: C has a NUL or a line end; leave it out",
  ],
  [
    "services: { s: { fastcgi: 127.0.0.1:9000, host: backend, tls: { verify: false }, proxyProtocol: v1, check: { grpc: true } } }\n",
    "t.yaml:1:43: services.s.host: says nothing for fastcgi: programs are told the client's Host as HTTP_HOST; leave it out",
    "t.yaml:1:58: services.s.tls: says nothing for fastcgi: there is no TLS in between; leave it out",
    "t.yaml:1:82: services.s.proxyProtocol: says nothing for fastcgi: programs are told the client's address as REMOTE_ADDR; leave it out",
    "t.yaml:1:108: services.s.check: no gRPC is spoken to fastcgi backends; write a path, or { tcp: true }",
  ],
  [
    "services: { s: { preset: drupal, fastcgi: 127.0.0.1:9000 } }\n",
    't.yaml:1:26: services.s.preset: must be php or wordpress or ttrss or seafile or django, not the text "drupal"; write php',
  ],
  [
    "services: { s: { preset: django } }\n",
    "t.yaml:1:18: services.s.preset: preset django does not know where the program is; add fastcgi, scgi or uwsgi: unix:/PATH or HOST:PORT; or files",
  ],
  [
    "services: { s: { preset: php, backends: [http://x] } }\n",
    "t.yaml:1:18: services.s.preset: preset is of a service with files or fastcgi, and this one has backends; leave out backends",
  ],
  [
    "services: { s: { files: /tmp }, a: { failover: [s, b] }, b: http://b }\n",
    "t.yaml:1:49: services.a.failover[0]: s answers with files, so it cannot be a part of another service; let a route lead there by itself",
  ],
  [
    'services: { s: { files: /tmp }, a: { files: { root: /tmp, try: [$path, "@s"] } } }\n',
    "t.yaml:1:64: services.a.files.try: s answers with files, so it cannot be a part of another service; say its folder in a route of its own, or end at a service with backends",
  ],
  [
    'services: { s: { files: { root: /tmp, try: [$path, "@s"] } } }\n',
    "t.yaml:1:44: services.s.files.try: the services lead in a circle: s → s; end it at a service with backends",
  ],
  [
    'services: { s: { files: { root: /tmp, try: [$path, "@db"] } }, db: tcp://x:1 }\n',
    "t.yaml:1:44: services.s.files.try: db has tcp backends, and what is no file is asked for by HTTP; lead to a service that answers requests",
  ],
  [
    'services: { s: { files: /tmp }, f: { fastcgi: unix:/x } }\nlisteners: { web: ":80", a: { bind: ":1", protocol: tcp, service: s }, b: { bind: ":2", protocol: tcp, service: f } }\n',
    "t.yaml:2:67: listeners.a.service: s answers with files, and a tcp listener carries bytes; let a route of routes lead there",
    "t.yaml:2:113: listeners.b.service: f is asked by fastcgi, and a tcp listener carries bytes; let a route of routes lead there",
  ],
  [
    "services: { s: { fastcgi: unix:/var/lib/lxc/tt/rootfs/run/php.sock } }\n",
    "t.yaml:1:27: warning: services.s.fastcgi: /var/lib/lxc/tt/rootfs/run/php.sock is inside a container, which could make links there that lead out of it; write container: lxc/tt and unix:/run/php.sock, which is its own path",
  ],
  [
    "services: { s: unix:/var/lib/lxc/tt/rootfs/run/app.sock }\n",
    "t.yaml:1:16: warning: services.s.backends: /var/lib/lxc/tt/rootfs/run/app.sock is inside a container, which could make links there that lead out of it; write container: lxc/tt and unix:/run/app.sock, which is its own path",
  ],
  [
    "routes: { a.test: { files: /tmp, service: http://x } }\n",
    't.yaml:1:21: routes["a.test"].files: service answers already; leave out one of them',
  ],
  [
    "routes: { a.test: { files: /tmp, whoami: true } }\n",
    't.yaml:1:21: routes["a.test"].files: whoami answers already; leave out one of them',
  ],
  [
    "routes: { a.test: { container: lxc/x, whoami: true } }\n",
    't.yaml:1:21: routes["a.test"].container: says nothing here: it is about files, programs and unix: sockets; add files',
  ],
  [
    "routes: { a.test: { container: lxc/x, service: s } }\nservices: { s: http://a }\n",
    't.yaml:1:21: routes["a.test"].container: says nothing here: it is about files, programs and unix: sockets; say it in services.s',
  ],
  [
    "routes: { a.test: { files: /tmp, restoreUrls: true } }\n",
    't.yaml:1:47: routes["a.test"].restoreUrls: the route leaves the path as it is, so there is nothing to put right; add stripPrefix or replacePrefix, or write { hosts: [NAME OF THE BACKEND] }',
  ],
  [
    "routes: { a.test/x: { service: http://a, stripPrefix: [/x, /y], restoreUrls: true } }\n",
    't.yaml:1:78: routes["a.test/x"].restoreUrls: what the route does to the path has no opposite; write { from, to }: the prefix that the backend has, and that clients have',
  ],
  [
    'routes: { a.test: { service: http://a, spool: { memory: 1GiB }, restoreUrls: { cookieDomains: "a b" } } }\n',
    't.yaml:1:57: routes["a.test"].spool.memory: must be at most 16MiB; let more go to disk',
    't.yaml:1:95: routes["a.test"].restoreUrls.cookieDomains: "a b" is not a domain; write app.internal',
  ],
  [
    "routes: { a.test: { service: { files: /tmp, maxBody: 1 } } }\n",
    't.yaml:1:45: routes["a.test"].service.maxBody: maxBody is of a service with mirror, and this one has files; leave it out',
  ],
  [
    "services: { s: { fastcgi: { backends: 127.0.0.1:9000, root: srv, sendFiles: x } } }\n",
    't.yaml:1:61: services.s.fastcgi.root: "srv" is not absolute; write /srv',
    't.yaml:1:77: services.s.fastcgi.sendFiles: "x" is not absolute; write /x',
  ],
  [
    'services: { s: { fastcgi: [127.0.0.1:9000, "127.0.0.1:9000"] } }\n',
    "t.yaml:1:44: services.s.fastcgi[1]: fastcgi://127.0.0.1:9000 is listed twice; give it a weight instead",
  ],
  [
    "services: { s: { fastcgi: { backends: [{ url: 127.0.0.1:9000, weight: 0 }] } } }\n",
    "t.yaml:1:39: services.s.fastcgi.backends: all weights are 0, so nobody would get anything; give at least one a weight of 1 or more",
  ],
];

test("each mistake in files and programs is told with its place, its cause and its remedy", () => {
  checkProblems(cases, 60);
});
