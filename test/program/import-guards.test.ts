// What keeps people out of a site of nginx, a Caddyfile or Traefik keeps them out of what was imported, or the place is closed:
// nothing is open that was not.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { test } from "node:test";
import { parse } from "yaml";
import { ask } from "../harness/ask.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { echoOrigin } from "../harness/echo-origin.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

interface Route {
  readonly rule?: string;
  readonly service?: unknown;
  readonly restoreUrls?: unknown;
  readonly respond?: { readonly status: number; readonly contentType?: string };
}

async function imported(program: string, text: string, name = "site.yaml") {
  await using folder = await tempFolder();
  await writeFile(folder.file(name), text);
  const ended = await runCommand(tidegate, ["import", program, folder.file(name)]);
  assert.equal(ended.code, 0, ended.stderr);
  const config = parse(ended.stdout) as Record<string, Record<string, unknown>>;
  const routes = (config["routes"] ?? {}) as Record<string, Route>;
  return { config, routes, notes: ended.stderr.replaceAll(`${folder.path}/`, "") };
}

test("a server of nginx that listened on this machine alone lets nobody else in", async () => {
  const { routes, notes } = await imported(
    "nginx",
    `server { listen 80; server_name a.test; location / { proxy_pass http://127.0.0.1:1; } }
server { listen 127.0.0.1:8080; listen [::1]:8080; server_name admin.test; location / { proxy_pass http://127.0.0.1:2; } }
server { listen 127.0.0.1:8081; location / { proxy_pass http://127.0.0.1:3; } }
server { listen unix:/run/x.sock; server_name x.test; location / { proxy_pass http://127.0.0.1:4; } }`,
  );
  const inner = '(ClientIP("127.0.0.0/8") || ClientIP("::1/128"))';
  assert.equal(routes["admin.test"]?.rule, `Host("admin.test") && ${inner}`);
  assert.equal(routes["x.test"]?.rule, `Host("x.test") && ${inner}`);
  assert.ok(routes["all"]?.rule?.endsWith(inner), JSON.stringify(routes["all"]));
  assert.match(notes, /^site\.yaml:2, .*: it listens on this machine alone/m);
  const alone = await imported("nginx", "server { listen 127.0.0.1:80; return 200; }");
  assert.equal(alone.notes, "");
});

test("conditions of nginx that are not carried over are said, and those about who asks close", async () => {
  const open = [
    "if ($http_user_agent ~ mobile) { rewrite ^ /m break; }",
    "if ($host = www.a.test) { return 301 http://a.test$request_uri; }",
    "if ($host = www.b.test) { return 301 https://b.test$request_uri; }",
    "if (-f /maintenance.html) { return 503; }",
    "if ($request_uri ~ /old) { set $x 1; }",
    "if ($moved) { return 301 $moved; }",
  ];
  const shut = [
    'if ($cookie_session = "") { return 302 /login; }',
    "if ($http_authorization != x) { rewrite ^ /login redirect; }",
    "if ($cookie_login != x) { rewrite ^ /login last; }",
    "if ($blocked) { return 503; }",
    "if ($remote_addr != 10.0.0.1) { return 444; }",
  ];
  const places = ["server", "location", "named"];
  const cases = [...open, ...shut].flatMap((condition) =>
    places.map((place) => ({ condition, place })),
  );
  const sites = cases.map(({ condition, place }, index) => {
    const here = (each: string) => (each === place ? condition : "");
    return `server { server_name s${index}.test; ${here("server")} location / { ${here("location")} try_files $uri @app; } location @app { ${here("named")} proxy_pass http://127.0.0.1:1; } }`;
  });
  const { routes, notes } = await imported(
    "nginx",
    ["map $uri $moved { default ''; /a /b; } geo $blocked { default 0; }", ...sites].join("\n"),
  );
  for (const [index, { condition, place }] of cases.entries()) {
    const told = notes.split("\n").filter((line) => line.includes(`site.yaml:${index + 2}`));
    assert.ok(
      told.some((line) => /: if "/.test(line)),
      told.join("\n"),
    );
    const status = routes[`s${index}.test`]?.respond?.status;
    assert.equal(status, shut.includes(condition) ? 503 : undefined, `${place}: ${condition}`);
  }
});

test("long lists of networks become a rule, and those too long for one let nobody in", async () => {
  const lines = (verb: string, count: number) =>
    Array.from({ length: count }, (_, index) => `${verb} 10.${index >> 8}.${index & 255}.1;`);
  const { config, routes, notes } = await imported(
    "nginx",
    `server { listen 80; location / { proxy_pass http://127.0.0.1:1; proxy_set_header Host $host; }
location /some { allow 127.0.0.1; ${lines("allow", 500).join(" ")} deny all; return 200 "in"; }
location /many { ${lines("deny", 5000).join(" ")} return 200 "in"; }
location /turns { ${lines("allow", 90)
      .map((line, at) => (at % 2 === 0 ? line : line.replace("allow", "deny")))
      .join(" ")} deny all; return 200 "in"; } }`,
  );
  assert.equal(routes["all/some-2"]?.rule?.match(/ClientIP/g)?.length, 501);
  assert.equal(notes.match(/too many lines for a rule/g)?.length, 1, notes);
  await using program = await startTidegate({
    config: { ...config, listeners: { web: "127.0.0.1:0" } },
  });
  for (const [path, status] of [
    ["/some", 200],
    ["/many", 403],
    ["/turns", 403],
  ] as const) {
    assert.equal((await ask(program.port(), { name: "a.test", path })).status, status, path);
  }
});

test("streams of nginx let in whom they let in", { timeout: 30_000 }, async () => {
  // It speaks first, as SSH does.
  await using server = createServer((socket) => socket.end("hello"));
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  const to = typeof address === "object" ? `127.0.0.1:${address?.port}` : "";
  const { config, notes } = await imported(
    "nginx",
    `stream { deny 127.0.0.1; limit_conn_zone $x zone=a:1m;
  server { listen 127.0.0.1:1022; proxy_pass ${to}; }
  server { listen 127.0.0.1:1023; allow 127.0.0.0/8; deny all; proxy_pass ${to}; }
  server { listen 127.0.0.1:1053 udp; proxy_pass ${to}; } }`,
  );
  assert.match(notes, /site\.yaml:1: limit_conn_zone/);
  assert.match(notes, /site\.yaml:4: .*datagrams.* left out/);
  const listeners = Object.fromEntries(
    Object.entries(config["listeners"] ?? {}).map(([name, each]) => [
      name,
      { ...(each as object), bind: "127.0.0.1:0" },
    ]),
  );
  await using program = await startTidegate({ config: { ...config, listeners } });
  assert.equal(await heardAt(program.port("stream-1022")), "");
  assert.equal(await heardAt(program.port("stream-1023")), "hello");
});

function heardAt(port: number): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let heard = "";
  const socket = connect(port, "127.0.0.1");
  socket.on("data", (data) => (heard += data.toString()));
  // Who is sent away may be reset.
  socket.on("error", () => {});
  socket.on("close", () => resolve(heard));
  return promise;
}

test("an answer of nginx keeps its type, and a server that is there twice gets two shares", async () => {
  await using one = await echoOrigin("one");
  const { config, routes, notes } = await imported(
    "nginx",
    `upstream u { server 127.0.0.1:${one.port}; server 127.0.0.1:${one.port} slow_start=3s; }
server { location /json { default_type application/json; return 200 '{"a":1}'; } location / { proxy_pass http://u; } }`,
  );
  assert.equal(routes["all/json"]?.respond?.contentType, "application/json");
  const service = config["services"]?.["u"] as { backends: unknown } | undefined;
  assert.deepEqual(service?.backends, [{ url: `http://127.0.0.1:${one.port}`, weight: 2 }]);
  assert.match(notes, /slow_start: is not carried over/);
  assert.deepEqual(routes["all"]?.restoreUrls, { from: "/", to: "/" });
});

test("modules of nginx that ask who somebody is close what they protect, and their parts alone nothing", async () => {
  const shut = [
    "auth_digest x;",
    "auth_gss on;",
    "auth_jwt_enabled on;",
    "auth_oidc x;",
    "authz on;",
  ];
  const open = ["auth_digest off;", "auth_jwt_key_file /k;", "auth_ldap_cache_enabled on;", ""];
  const all = [...shut, ...open];
  const locations = all.map(
    (each, at) => `location /p${at} { ${each} proxy_pass http://127.0.0.1:1; }`,
  );
  const text = `server { server_name a.test; ${locations.join("\n")} }\nserver { server_name b.test; authz on; location / { proxy_pass http://127.0.0.1:1; } }`;
  const { routes, notes } = await imported("nginx", text);
  for (const [at, each] of all.entries()) {
    const status = routes[`a.test/p${at}`]?.respond?.status;
    assert.equal(status, shut.includes(each) ? 503 : undefined, each);
  }
  assert.equal(routes["b.test"]?.respond?.status, 503);
  assert.match(notes, /auth_digest: .*may keep people out/);
});

test("a guard in a block of a Caddyfile that goes on behind it keeps out there, too", async () => {
  const guard = "basic_auth {\nbob $2a$14$Zkx19XLiW6VYouLHR5NmfOFU0z2GTNmpkT/5qqR7hx4IjWJPDhjvG\n}";
  const site = (host: string, block: string) =>
    `http://${host} {\n${block}\nreverse_proxy 127.0.0.1:1\n}\n`;
  const { routes, notes } = await imported(
    "caddy",
    [
      site("a.test", `route /in/* {\n${guard}\n}`),
      site("b.test", `handle /in/* {\nauthorize x\n}`),
      site("c.test", `route /in/* {\n${guard}\nrespond /in/up 200\n}`),
      site("d.test", `@odd expression x\nroute @odd {\n${guard}\n}`),
      site("e.test", `route /in/* {\n${guard}\nreverse_proxy 127.0.0.1:2\n}`),
      site("f.test", "route /in/* {\nheader X-A b\n}"),
    ].join(""),
    "Caddyfile",
  );
  for (const name of ["a.test/in", "b.test/in", "c.test/in", "d.test"]) {
    assert.equal(routes[name]?.respond?.status, 503, name);
  }
  for (const name of ["a.test", "b.test", "c.test", "f.test"]) {
    assert.equal(routes[name]?.service, "http://127.0.0.1:1", name);
  }
  assert.equal(routes["e.test/in"]?.service, "http://127.0.0.1:2");
  assert.equal(routes["f.test/in"], undefined);
  assert.match(notes, /^Caddyfile:2: what keeps strangers out stands in a block/m);
});

test("a block of a Caddyfile that may send strangers away closes what it stands in", async () => {
  const { routes, notes } = await imported(
    "caddy",
    `http://a.test {
	@bad expression x
	handle @bad {
		abort
	}
	handle {
		reverse_proxy 127.0.0.1:1
	}
}
http://b.test {
	@bad expression x
	redir @bad /login
	reverse_proxy 127.0.0.1:1
}
http://c.test {
	@beta expression x
	handle @beta {
		reverse_proxy 127.0.0.1:2
	}
	handle /x {
		respond "at {host}"
	}
	handle {
		reverse_proxy 127.0.0.1:1
	}
}
`,
    "Caddyfile",
  );
  assert.equal(routes["a.test"]?.respond?.status, 503);
  assert.equal(routes["b.test"]?.respond?.status, 503);
  assert.equal(routes["c.test"]?.service, "http://127.0.0.1:1");
  assert.match(notes, /^Caddyfile:3: .*may keep strangers out/m);
  assert.match(notes, /^Caddyfile:17: .*left out/m);
  assert.match(notes, /^Caddyfile:21: .*placeholders/m);
});

test("a Caddyfile's sites listen where they are bound, and are within this machine if they were", async () => {
  const site = (name: string, bind: string) =>
    `http://${name}.test {\n\t${bind}\n\treverse_proxy 127.0.0.1:1\n}\n`;
  const some = await imported(
    "caddy",
    [site("a", ""), site("b", "bind 127.0.0.1 ::1"), site("c", "bind 10.0.0.1")].join(""),
    "Caddyfile",
  );
  assert.equal(some.routes["a.test"]?.rule, undefined);
  assert.equal(
    some.routes["b.test"]?.rule,
    'Host("b.test") && (ClientIP("127.0.0.0/8") || ClientIP("::1/128"))',
  );
  assert.match(some.notes, /^Caddyfile:6: bind "127.0.0.1 ::1": .*this machine only/m);
  assert.match(some.notes, /^Caddyfile:10: bind "10.0.0.1": .*add clientIp/m);
  const all = await imported("caddy", `{\n\tdefault_bind 127.0.0.1\n}\n${site("a", "")}`);
  assert.deepEqual(all.config["listeners"], { web: "127.0.0.1:80" });
});

test("a Caddyfile may be a line that imports the sites", async () => {
  await using folder = await tempFolder();
  await writeFile(folder.file("one.caddy"), "http://a.test {\n\trespond ok\n}\n");
  await writeFile(folder.file("Caddyfile"), "import *.caddy\n");
  const ended = await runCommand(tidegate, ["import", "caddy", folder.file("Caddyfile")]);
  assert.equal(ended.stderr, "");
  const { routes } = parse(ended.stdout) as { routes: Record<string, Route> };
  assert.equal(routes["a.test"]?.respond?.status, 200);
});

test("what an entry point of Traefik asks of everybody is asked of its routers", async () => {
  const { routes, notes } = await imported(
    "traefik",
    `log: { level: DEBUG }
entryPoints:
  web:
    address: ":80"
    http: { middlewares: [login@file] }
    forwardedHeaders: { trustedIPs: [10.0.0.0/8] }
  http: { address: ":8000" }
  websecure: { address: ":443", http: { tls: {} } }
http:
  routers:
    said: { rule: "Host(\`said.test\`)", entryPoints: [web], service: s }
    all: { rule: "Host(\`all.test\`)", service: s }
    other: { rule: "Host(\`other.test\`)", entryPoints: [http], service: s }
    secure: { rule: "Host(\`secure.test\`)", entryPoints: [websecure], service: s }
    wrong: { rule: "Nonsense(\`x\`)", entryPoints: [http], service: s }
  middlewares: { login: { basicAuth: { users: ["a:b"] } } }
  services: { s: { loadBalancer: { servers: [{ url: "http://127.0.0.1:1" }] } } }
tls: { options: { default: { clientAuth: { clientAuthType: RequireAndVerifyClientCert } } } }
`,
  );
  for (const name of ["said", "all", "secure"]) {
    assert.equal(routes[name]?.respond?.status, 503, name);
  }
  assert.equal(routes["other"]?.service, "s");
  assert.match(notes, /^site\.yaml:1: log: is not carried over/m);
  assert.match(notes, /^site\.yaml:3: entry point "web": forwardedHeaders: see trustedProxies/m);
  // What cannot be claimed is said once, and not said to be closed.
  assert.deepEqual(notes.match(/^routes\.wrong: .*/gm)?.length, 1);
  assert.match(notes, /^routes\.wrong: .*; it is left out$/m);
});

test("brackets that are never closed cost no memory", async () => {
  await using folder = await tempFolder();
  await writeFile(folder.file("x.yaml"), "{".repeat(7_000_000));
  for (const program of ["traefik", "docker-proxy", "nginx", "caddy"]) {
    const ended = await runCommand(tidegate, ["import", program, folder.file("x.yaml")]);
    assert.equal(ended.stdout.includes("service"), false);
    assert.equal(ended.stderr.trim().split("\n").length < 4, true, ended.stderr);
  }
});
