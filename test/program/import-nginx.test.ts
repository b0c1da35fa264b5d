// nginx itself and what `tidegate import nginx` made of its configuration, asked the same.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { runCommand, tidegate } from "../harness/command.ts";
import { echoOrigin } from "../harness/echo-origin.ts";
import { freePort } from "../harness/free-port.ts";
import { needs } from "../harness/needs.ts";
import { startNginx } from "../harness/real-proxy.ts";
import { type Asked, type Seen, seenAt } from "../harness/seen.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

async function imported(file: string) {
  const ended = await runCommand(tidegate, ["import", "nginx", file]);
  assert.equal(ended.code, 0, ended.stderr);
  const config = parse(ended.stdout) as Record<string, unknown>;
  return { ...ended, config };
}

/** Listeners at ports that the system chooses. */
function anywhere(config: Record<string, unknown>): Record<string, unknown> {
  return { ...config, listeners: { web: "127.0.0.1:0" } };
}

const requests: readonly Asked[] = [
  ...["/", "/a?b=c", "/api", "/api/", "/api/x/y?q=1", "/apix", "/app2/z", "/health", "/healthz"],
  ...["/img/a.png", "/other/a.PNG", "/other/a.png?x", "/deep/a", "/deep/er/b", "/deep/er/b.png"],
  ...["/old", "/old/x?y=z", "/blog/2020/x?y", "/blog", "/gone", "/empty", "/text", "/temp/1"],
  ...[
    "/strip/a/b",
    "/strip/",
    "/swap/a.css?v=1",
    "/vars/a?b",
    "/socket/x",
    "/weighted",
    "/nested/in/x",
  ],
  ...["/nested/out/y.php", "/php/y.php", "/nested/y.php", "/moved?x=1", "/open/x", "/denied/x"],
  ...[
    "/constant",
    "/exactly",
    "/exactly/x",
    "/rx/12/z",
    "/rx/ab/z",
    "/final/a.png",
    "/final/in/a.png",
  ],
].map((path) => ({ name: "site.test", path }));

const elsewhere: readonly Asked[] = [
  { name: "www.site.test", path: "/api/x" },
  { name: "unknown.test", path: "/health" },
  { name: "a.wild.test", path: "/x?y" },
  { name: "b.a.wild.test", path: "/" },
  { name: "wild.test", path: "/" },
  { name: "x12.rx.test", path: "/" },
  { name: "xab.rx.test", path: "/" },
  { name: "mail.example.org", path: "/a" },
  { name: "moved.test", path: "/a/b?c=d" },
  { name: "site.test", path: "/upload", method: "POST", body: "x".repeat(2000) },
  { name: "site.test", path: "/small", method: "POST", body: "x".repeat(2000) },
  { name: "site.test", path: "/upload", method: "PUT", body: "y" },
];

interface Ports {
  readonly own: number;
  readonly one: number;
  readonly two: number;
  readonly socket: string;
}

const sites = ({ own, one, two, socket }: Ports) => `
upstream pool { server 127.0.0.1:${one} weight=2; server 127.0.0.1:${two} backup; keepalive 4; }
map $http_upgrade $connection_upgrade { default upgrade; '' close; }
server {
  listen 127.0.0.1:${own} default_server;
  server_name site.test www.site.test;
  client_max_body_size 10k;
  rewrite ^/blog/(.*)$ /weblog/$1 permanent;
  rewrite ^/moved$ https://elsewhere.test/new redirect;
  location / { proxy_pass http://127.0.0.1:${one}; proxy_set_header Host $host; }
  location /api/ { proxy_pass http://127.0.0.1:${two}/; }
  location /app2/ { proxy_pass http://127.0.0.1:${two}/v2/; proxy_set_header Host $http_host; }
  location = /health { return 200 "well"; }
  location ~* \\.png$ { proxy_pass http://127.0.0.1:${two}; }
  location ^~ /img/ { proxy_pass http://127.0.0.1:${one}/pictures/; }
  location ^~ /final/ { proxy_pass http://127.0.0.1:${one}; location /final/in/ { return 200 "in"; } }
  location /deep { proxy_pass http://127.0.0.1:${one}; location /deep/er { proxy_pass http://127.0.0.1:${two}; } }
  location /old { return 301 /new; }
  location /gone { return 410; }
  location /empty { return 204; }
  location /text { default_type text/plain; return 200 'plain "text"'; }
  location /temp { return 302 https://$host/there$request_uri; }
  location /strip/ { rewrite ^/strip(/.*)$ $1 break; proxy_pass http://127.0.0.1:${one}; }
  location /swap { rewrite ^/swap(.*)$ /media$1 break; proxy_pass http://127.0.0.1:${one}; }
  location /vars/ { set $backend http://127.0.0.1:${two}; proxy_pass $backend; }
  location /socket/ { proxy_pass http://unix:${socket}:/in/; }
  location /weighted { proxy_pass http://pool; }
  location /nested { proxy_pass http://127.0.0.1:${one}; location ~ \\.php$ { proxy_pass http://127.0.0.1:${two}; } location /nested/in { return 403; } }
  location ~ \\.php$ { return 418; }
  location /open { allow 127.0.0.0/8; deny all; proxy_pass http://127.0.0.1:${one}; }
  location /denied { deny 127.0.0.1; allow all; proxy_pass http://127.0.0.1:${one}; }
  location /constant { proxy_pass http://127.0.0.1:${one}; proxy_set_header Host fixed.test; }
  location = /exactly { proxy_pass http://127.0.0.1:${two}/just/this; }
  location ~ "^/rx/[0-9]{2}/" { proxy_pass http://127.0.0.1:${two}; }
  location /small { client_max_body_size 1k; proxy_pass http://127.0.0.1:${one}; }
}
server {
  listen 127.0.0.1:${own}; # many names
  server_name .wild.test mail.* "~^x(?<n>\\d+)\\.rx\\.test$";
  location / { proxy_pass http://127.0.0.1:${two}; proxy_http_version 1.1;
    proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade; }
}
server { listen 127.0.0.1:${own}; server_name moved.test; return 308 http://site.test$request_uri; }
`;

const oddSites = ({ own, one, two }: Omit<Ports, "socket">) => `
server {
  listen 127.0.0.1:${own};
  server_name *.wide.test;
  location / { proxy_pass http://127.0.0.1:${one}; }
  location ~ \\.php$ { return 409; }
}
server {
  listen 127.0.0.1:${own};
  server_name a.wide.test *.b.wide.test;
  location / { proxy_pass http://127.0.0.1:${two}; }
}
server { listen 127.0.0.1:${own}; location / { return 200 "has no name, and is not the default"; } }
server {
  listen 127.0.0.1:${own};
  server_name fall.test;
  location / { try_files /none @app; }
  location @app { rewrite ^/x(/.*)$ $1 break; proxy_pass http://127.0.0.1:${one}; }
  location /both { allow 127.0.0.1; deny all; try_files /none @open; }
  location /shut { deny all; try_files /none @open; }
  location @open { allow all; proxy_pass http://127.0.0.1:${two}; }
  location /whole { rewrite ^ http://else.test$request_uri? permanent; }
  location /list { allow 10.0.0.0/8; allow 10.0.0.1; deny 127.0.0.2; deny 127.0.0.3; allow 127.0.0.0/8; deny all; proxy_pass http://127.0.0.1:${one}; }
}
server {
  listen 127.0.0.1:${own};
  server_name ~^(.+)\\.regex\\.test$ www.example.*;
  location / { return 200 "regex"; }
  location ~* ^/UP { return 200 "up"; }
}
server {
  listen 127.0.0.1:${own} default_server;
  server_name _;
  location ~ /\\. { deny all; }
  location /api { proxy_pass http://127.0.0.1:${one}/v1; }
  location /same/ { proxy_pass http://127.0.0.1:${one}/same/; }
  location /noslash/ { proxy_pass http://127.0.0.1:${one}/prefix; }
  location ^~ /up/ { location ~ \\.x$ { return 200 "inner"; } proxy_pass http://127.0.0.1:${two}; }
  location ~ \\.x$ { return 200 "outer"; }
  location /any { rewrite deep(er)? /found/$1 break; proxy_pass http://127.0.0.1:${one}; }
  location /alt { rewrite ^/alt/(a|b)/(\\d+)$ /$2/$1? redirect; return 404; }
  location /case { rewrite (?i)^/CASE/(.*) http://else.test/$1 permanent; }
  location ~ ^/pat/(.*)$ { rewrite ^/pat/(.*)$ /tap/$1 break; proxy_pass http://127.0.0.1:${two}; }
  location = / { return 307 $scheme://www.example.net$uri$is_args$args; }
  location /one { return 301 $request_uri/more; }
}
`;

const named = (name: string, ...paths: readonly string[]) => paths.map((path) => ({ name, path }));

const oddRequests: readonly Asked[] = [
  ...["x.wide.test", "a.wide.test", "c.b.wide.test", "x.y.wide.test"].flatMap((name) =>
    named(name, "/", "/i.php"),
  ),
  ...["z.regex.test", "www.example.org", "www.example.co.uk", "regex.test"].flatMap((name) =>
    named(name, "/up", "/other"),
  ),
  ...named("no.body", "/", "/?a=b", "/.git/x", "/a/.b", "/api", "/api/", "/apix/y?z=1", "/same/x"),
  ...named("no.body", "/noslash/a", "/up/a", "/up/a.x", "/a.x", "/any/deep", "/any/deeper/x"),
  ...named("no.body", "/any/x", "/alt/a/12?q", "/alt/c/1", "/case/x/y?z", "/CASE/x", "/one?x"),
  ...named("fall.test", "/", "/x/y?z", "/both", "/shut/x", "/whole/x?y=z", "/list"),
  ...named("no.body", "/pat/a/b?c=d", "/one", "/api/%20x", "/same/%C3%A9"),
];

test(
  "names and locations that overlap keep their order",
  { skip: needs("nginx"), timeout: 60_000 },
  async () => {
    await using one = await echoOrigin("one");
    await using two = await echoOrigin("two");
    const own = await freePort();
    await using nginx = await startNginx(oddSites({ own, one: one.port, two: two.port }), own);
    const { config } = await imported(nginx.file);
    await using program = await startTidegate({ config: anywhere(config) });
    const differences: unknown[] = [];
    for (const asked of oddRequests) {
      const [theirs, ours] = [await seenAt(own, asked), await seenAt(program.port(), asked)];
      const isSame = JSON.stringify(theirs) === JSON.stringify(ours);
      if (!isSame) differences.push({ ...asked, theirs, ours });
    }
    assert.deepEqual(differences, []);
    assert.ok(one.requests.length > 10 && two.requests.length > 6);
  },
);

test(
  "nginx and what was imported answer alike",
  { skip: needs("nginx"), timeout: 60_000 },
  async () => {
    await using folder = await tempFolder();
    await runCommand("chmod", ["755", folder.path]);
    await using one = await echoOrigin("one");
    await using two = await echoOrigin("two");
    await using three = await echoOrigin("socket", { path: folder.file("app.sock") });
    assert.ok(three);
    await runCommand("chmod", ["777", folder.file("app.sock")]);
    const own = await freePort();
    const ports = { own, one: one.port, two: two.port, socket: folder.file("app.sock") };
    await using nginx = await startNginx(sites(ports), own);
    const { config } = await imported(nginx.file);
    await using program = await startTidegate({ config: anywhere(config) });
    const all = [...requests, ...elsewhere];
    const differences: unknown[] = [];
    const answered: Seen[] = [];
    for (const asked of all) {
      const [theirs, ours] = [await seenAt(own, asked), await seenAt(program.port(), asked)];
      answered.push(theirs);
      try {
        assert.deepEqual(ours, theirs);
      } catch {
        differences.push({ ...asked, body: undefined, theirs, ours });
      }
    }
    assert.deepEqual(differences, []);
    // They cannot all have been answered in one way.
    const statuses = [...new Set(answered.map(({ status }) => status))].toSorted(
      (one, other) => one - other,
    );
    assert.deepEqual(statuses, [200, 204, 301, 302, 308, 403, 410, 413, 418]);
    assert.ok(answered.filter(({ origin }) => origin === "two").length >= 8);
  },
);
