// What nginx does beside answering (limits, compression, header fields, caching), and what was imported of it, asked the same.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { parse } from "yaml";
import { ask, field } from "../harness/ask.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { freePort } from "../harness/free-port.ts";
import { needs } from "../harness/needs.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startNginx } from "../harness/real-proxy.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

async function imported(file: string) {
  const ended = await runCommand(tidegate, ["import", "nginx", file]);
  assert.equal(ended.code, 0, ended.stderr);
  const config = parse(ended.stdout) as Record<string, unknown>;
  return { config: { ...config, listeners: { web: "127.0.0.1:0" } }, notes: ended.stderr };
}

async function importedText(text: string) {
  await using folder = await tempFolder();
  await writeFile(folder.file("site"), text);
  const { config, notes } = await imported(folder.file("site"));
  const routes = (config as Record<string, unknown>)["routes"] as Record<string, Route>;
  return { routes, notes };
}

interface Route {
  readonly middlewares?: unknown;
  readonly respond?: { readonly status: number };
}

const sites = (own: number, origin: number) => `
limit_req_zone $binary_remote_addr zone=few:1m rate=1r/m;
proxy_cache_path cache keys_zone=kept:1m;
server {
  listen 127.0.0.1:${own};
  server_name a.test;
  add_header X-Site outer always;
  gzip on;
  gzip_types text/plain;
  gzip_min_length 100;
  location / {
    proxy_pass http://127.0.0.1:${origin};
    proxy_hide_header X-Secret;
    add_header X-Site outer always;
    add_header X-Secret ours;
    proxy_set_header X-Told "by $host";
    proxy_set_header X-Gone "";
  }
  location /own/ {
    proxy_pass http://127.0.0.1:${origin};
    add_header X-Good yes;
    add_header X-Good again;
    add_header X-Always yes always;
    gzip off;
  }
  location /few { limit_req zone=few burst=1 nodelay; limit_req_status 429; proxy_pass http://127.0.0.1:${origin}; }
  location /kept { proxy_cache kept; proxy_cache_valid 200 1h; proxy_pass http://127.0.0.1:${origin}; }
  location /fixed { return 200 "fixed"; }
  location /read { limit_except GET { deny all; } proxy_pass http://127.0.0.1:${origin}; }
  location /read/inner { proxy_pass http://127.0.0.1:${origin}; }
}
`;

async function origin() {
  let count = 0;
  return httpOrigin((request, response) => {
    count += 1;
    const { "x-told": told = "", "x-gone": gone = "" } = request.headers;
    response.statusCode = request.url?.endsWith("/missing") === true ? 404 : 200;
    response.setHeader("X-Secret", "s");
    response.setHeader("Content-Type", "text/plain");
    const kept = request.url?.startsWith("/kept") === true ? `${count} ` : "";
    response.end(`${kept}told ${String(told)}, gone ${String(gone)} `.padEnd(2000, "x"));
  });
}

async function seen(port: number, path: string) {
  const headers = { "Accept-Encoding": "gzip", "X-Gone": "here" };
  const answer = await ask(port, { name: "a.test", path, headers });
  const names = ["X-Site", "X-Good", "X-Always", "X-Secret", "Content-Encoding"];
  const isPacked = field(answer, "Content-Encoding") !== "";
  return {
    status: answer.status,
    ...Object.fromEntries(names.map((name) => [name, field(answer, name)])),
    body: isPacked ? "" : answer.body.replace(/^\d+ /, ""),
  };
}

test(
  "fields, limits, compression and caching of nginx are as they were",
  { skip: needs("nginx"), timeout: 60_000 },
  async () => {
    await using backend = await origin();
    const own = await freePort();
    await using nginx = await startNginx(sites(own, backend.port), own);
    const { config, notes } = await imported(nginx.file);
    await using program = await startTidegate({ config });
    const paths = ["/", "/missing", "/own/x", "/own/missing", "/fixed", "/few", "/few", "/few"];
    for (const path of paths) {
      const { body: theirs, ...heads } = await seen(own, path);
      const { body: ours, ...others } = await seen(program.port(), path);
      assert.deepEqual(others, heads, path);
      if (heads.status === 200) assert.equal(ours, theirs, path);
    }
    for (const path of ["/read", "/read/inner", "/"]) {
      for (const method of ["GET", "HEAD", "POST", "DELETE"]) {
        const options = { name: "a.test", path, method };
        const theirs = await ask(own, options);
        const ours = await ask(program.port(), options);
        assert.equal(ours.status, theirs.status, `${method} ${path}`);
      }
    }
    for (const port of [own, program.port()]) {
      const bodies = [await ask(port, { name: "a.test", path: "/kept" })];
      bodies.push(await ask(port, { name: "a.test", path: "/kept" }));
      assert.equal(bodies[0]?.status, 200);
      assert.equal(bodies[0]?.body, bodies[1]?.body);
    }
    assert.doesNotMatch(notes, /gzip|add_header|limit_req|proxy_hide|X-Told|X-Gone/);
    assert.match(notes, /proxy_cache: answers are kept in memory/);
  },
);

test("what is not the same here is said, and costs nothing else", async () => {
  const { routes, notes } = await importedText(`
limit_req_zone $http_x_key zone=odd:1m rate=1r/s;
limit_req_zone $binary_remote_addr zone=slow:1m rate=5r/s;
limit_conn_zone $binary_remote_addr zone=conns:1m;
server {
  listen 80; server_name a.test;
  limit_conn conns 10;
  location / {
    proxy_pass http://127.0.0.1:1; limit_req zone=odd; limit_rate 10; proxy_cache z; proxy_cache_bypass $cookie_a;
    add_header X-Id $request_id; add_header Date now; proxy_set_header X-Id $request_id;
  }
  location /slow { proxy_pass http://127.0.0.1:1; limit_req zone=slow burst=20; limit_rate 100k; limit_rate_after 1m; }
  location /some { limit_except GET { allow 10.0.0.0/8; deny all; } proxy_pass http://127.0.0.1:1; }
  location ~ \\.php$ { limit_req zone=slow; fastcgi_pass 127.0.0.1:9; }
  location /asked { auth_request /auth; proxy_pass http://127.0.0.1:1; }
}`);
  const concurrency = { limit: 10, by: "address", status: 503 };
  const headers = { request: { remove: ["X-Id"] } };
  assert.deepEqual(routes["a.test"]?.middlewares, [{ concurrency }, { headers }]);
  assert.deepEqual(routes["a.test/slow"]?.middlewares, [
    { bandwidth: { down: "100k/s", after: "1m" } },
    { rateLimit: { average: 5, period: "1s", burst: 21, status: 503 } },
    { concurrency },
  ]);
  assert.equal(routes["a.test/asked"]?.respond?.status, 503);
  assert.equal(routes["a.test/some"]?.respond?.status, 503);
  for (const told of [
    /limit_req "zone=odd": this is not carried over/,
    /limit_rate "10": this is not carried over/,
    /proxy_cache: with proxy_cache_bypass it is not carried over/,
    /add_header "X-Id": is not carried over/,
    /add_header "Date": is not carried over/,
    /proxy_set_header "X-Id": is not carried over/,
    /limit_req: what nginx makes wait/,
    /limit_req: what comes to this program by an index/,
    /limit_except: letting only some methods in is not carried over/,
    /limit_conn: each of its routes counts by itself/,
    /auth_request: .*is closed, and answers 503; see the middleware forwardAuth/,
  ]) {
    assert.match(notes, told);
  }
});

test("what a backend believes is not left to clients, and what is of some answers not done to all", async () => {
  await using folder = await tempFolder();
  const file = folder.file("users");
  await writeFile(file, "one:{SHA}2fZ2kf0+rhp2yOV2lQ6vxUz9f6A=\n");
  const { routes, notes } = await importedText(`
proxy_cache_path cache keys_zone=kept:1m;
server {
  listen 80; server_name a.test;
  location / {
    proxy_pass http://127.0.0.1:1; auth_basic here; auth_basic_user_file ${file};
    proxy_set_header X-Remote-User $remote_user; proxy_set_header X-Forwarded-User $remote_user;
    proxy_set_header X-Subject $ssl_client_s_dn; proxy_set_header X-Kept $http_x_kept;
    more_set_headers -s 404 "X-None: yes"; more_clear_headers -t text/html X-Of-Pages;
  }
  location /kept {
    proxy_pass http://127.0.0.1:1; proxy_cache kept;
    proxy_cache_valid 200 1h; proxy_cache_valid 404 5m; proxy_cache_valid any 1m;
  }
}`);
  assert.deepEqual(routes["a.test"]?.middlewares, [
    { basicAuth: { file, realm: "here" } },
    { headers: { request: { remove: ["X-Remote-User", "X-Forwarded-User", "X-Subject"] } } },
  ]);
  assert.deepEqual(routes["a.test/kept"]?.middlewares, [{ cache: { ttl: "1h", negative: "5m" } }]);
  assert.match(notes, /proxy_set_header "X-Remote-User": .*a client's own is taken out/);
  assert.match(notes, /more_set_headers with -s: is not carried over/);
  assert.match(notes, /more_clear_headers with -t: is not carried over/);
});
