// HTTP/2 and gRPC in configurations of nginx, Traefik and Caddy, as the command makes them ours.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { parse } from "yaml";
import { runCommand, tidegate } from "../harness/command.ts";
import { tempFolder } from "../harness/temp-folder.ts";

type Settings = Readonly<Record<string, unknown>>;

interface Config {
  readonly listeners: Settings;
  readonly routes: Readonly<Record<string, Settings>>;
  readonly services?: Readonly<Record<string, Settings>>;
}

/** What comes out is also checked. */
async function imported(program: string, name: string, text: string) {
  await using folder = await tempFolder();
  await writeFile(folder.file(name), text);
  const { code, stdout, stderr } = await runCommand(tidegate, [
    ...["import", program, folder.file(name)],
  ]);
  assert.equal(code, 0, stderr);
  await writeFile(folder.file("tidegate.yaml"), stdout);
  const checked = await runCommand(tidegate, ["check", folder.file("tidegate.yaml")]);
  assert.equal(checked.code, 0, checked.stderr);
  return { ...(parse(stdout) as Config), notes: stderr };
}

test("grpc_pass of nginx leads to HTTP/2, with its own names for everything", async () => {
  const { listeners, routes, services, notes } = await imported(
    "nginx",
    "nginx.conf",
    `upstream calls { server 127.0.0.1:50051; server 127.0.0.1:50052; keepalive 4; }
server {
  listen 8080; http2 on; server_name a.test; http2_max_concurrent_streams 200;
  location /one. { grpc_pass grpc://127.0.0.1:50053; grpc_read_timeout 300s; }
  location /bare. { grpc_pass 127.0.0.1:50053; }
  location /safe. { grpc_pass grpcs://127.0.0.1:8443; grpc_ssl_verify off; grpc_set_header Host $host; grpc_set_header X-From edge; }
  location /socket. { grpc_pass grpc://unix:/run/calls.sock; }
  location / { grpc_pass grpc://calls; }
}
server { listen 8081; server_name b.test; location / { proxy_pass http://127.0.0.1:1; } }
server { listen 8082 http2; server_name c.test; location / { grpc_pass grpc://$upstream; } }`,
  );
  assert.deepEqual(listeners, {
    "web-8080": { bind: ":8080", h2c: true },
    "web-8081": ":8081",
    "web-8082": { bind: ":8082", h2c: true },
  });
  const routeOf = (path: string) => routes[`a.test${path}`];
  const plain = { host: "backend", backends: ["h2c://127.0.0.1:50053"] };
  const one = routeOf("/one.");
  assert.deepEqual(one?.["service"], plain, JSON.stringify(routes));
  assert.deepEqual(one?.["timeouts"], { response: "5m", responseBody: "5m", tunnel: "5m" });
  assert.deepEqual(routeOf("/bare.")?.["service"], plain);
  const safe = routeOf("/safe.");
  assert.deepEqual(safe?.["service"], {
    tls: { verify: false },
    backends: ["grpcs://127.0.0.1:8443"],
  });
  assert.deepEqual(safe?.["middlewares"], [
    { headers: { request: { set: { "X-From": "edge" } } } },
  ]);
  const socket = routeOf("/socket.");
  assert.deepEqual((socket?.["service"] as Settings | undefined)?.["backends"], [
    "h2c://unix:/run/calls.sock",
  ]);
  assert.deepEqual(services?.["calls"]?.["backends"], [
    "h2c://127.0.0.1:50051",
    "h2c://127.0.0.1:50052",
  ]);
  assert.match(notes, /grpc_pass "?grpc:\/\/\$upstream"?: where it leads depends on variables/);
  assert.match(notes, /http2_max_concurrent_streams: HTTP\/2 has limits of its own/);
  assert.doesNotMatch(notes, /not there yet|is not known here/);
});

test("h2c servers, gRPC-Web and transports without HTTP/2 of Traefik have theirs here", async () => {
  const { listeners, routes, services, notes } = await imported(
    "traefik",
    "dynamic.yaml",
    `entryPoints: { web: { address: ":80" }, websecure: { address: ":443", http2: { maxConcurrentStreams: 250 } } }
http:
  routers:
    calls: { rule: "Host(\`a.test\`)", entryPoints: [web], service: calls, middlewares: [browsers] }
    old: { rule: "Host(\`b.test\`)", entryPoints: [web], service: old }
  middlewares: { browsers: { grpcWeb: { allowOrigins: ["https://app.test"] } } }
  services:
    calls: { loadBalancer: { servers: [{ url: "h2c://127.0.0.1:50051" }] } }
    old: { loadBalancer: { serversTransport: one, servers: [{ url: "https://127.0.0.1:8443" }] } }
  serversTransports: { one: { disableHTTP2: true } }
`,
  );
  assert.deepEqual(listeners, {
    web: { bind: ":80", h2c: true },
    websecure: { bind: ":443", tls: true },
  });
  assert.deepEqual(services?.["calls"]?.["backends"], ["h2c://127.0.0.1:50051"]);
  assert.deepEqual(services?.["old"]?.["tls"], { http2: false });
  assert.deepEqual(routes["calls"]?.["middlewares"], [
    { cors: { origins: ["https://app.test"], headers: "*", methods: ["POST"] } },
    { grpcWeb: true },
  ]);
  assert.match(notes, /http2: HTTP\/2 is spoken with limits of its own/);
});

test("a Caddyfile's HTTP/2 to backends is spoken, by its scheme or its versions", async () => {
  const { routes } = await imported(
    "caddy",
    "Caddyfile",
    `http://a.test { 
	reverse_proxy h2c://127.0.0.1:50051
}
http://b.test {
	reverse_proxy 127.0.0.1:50051 {
		transport http {
			versions h2c 2
		}
	}
}
http://c.test {
	reverse_proxy https://127.0.0.1:8443 {
		transport http {
			tls
			versions 1.1
		}
	}
}
http://d.test {
	reverse_proxy unix+h2c//run/app.sock
}`,
  );
  assert.equal(routes["a.test"]?.["service"], "h2c://127.0.0.1:50051");
  assert.equal(routes["b.test"]?.["service"], "h2c://127.0.0.1:50051");
  const old = routes["c.test"]?.["service"] as Settings | undefined;
  assert.deepEqual(old?.["backends"], ["https://127.0.0.1:8443"]);
  assert.deepEqual(old["tls"], { http2: false });
  assert.equal(routes["d.test"]?.["service"], "h2c://unix:/run/app.sock");
});
