// Snippets as they stand in front of containers of LXC: locations alone, with FastCGI, files, and what is proxied. The
// proxied parts are served by the real program.

import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { runCommand, tidegate } from "../harness/command.ts";
import { echoOrigin } from "../harness/echo-origin.ts";
import { seenAt } from "../harness/seen.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

const snippets = `
location /ttrss {
        root /var/lib/lxc/ttrss/rootfs/var/www/;
        index index.php;

        location ~ \\.php$ {
                include /etc/nginx/fastcgi_params;
                fastcgi_index index.php;
                fastcgi_param SCRIPT_FILENAME /var/www/$fastcgi_script_name;
                fastcgi_pass unix:/var/lib/lxc/ttrss/rootfs/php5-fpm.sock;
        }
}
location /seafile {
        fastcgi_pass    192.168.122.21:8000;
        fastcgi_param   SCRIPT_FILENAME     $document_root$fastcgi_script_name;
        fastcgi_param   PATH_INFO           $fastcgi_script_name;

        fastcgi_param   SERVER_PROTOCOL     $server_protocol;
        fastcgi_param   QUERY_STRING        $query_string;
        fastcgi_param   REQUEST_METHOD      $request_method;
        fastcgi_param   CONTENT_TYPE        $content_type;
        fastcgi_param   CONTENT_LENGTH      $content_length;
        fastcgi_param   SERVER_ADDR         $server_addr;
        fastcgi_param   SERVER_PORT         $server_port;
        fastcgi_param   SERVER_NAME         $server_name;

        access_log      /var/log/nginx/seahub.access.log;
        error_log       /var/log/nginx/seahub.error.log;
}

location /seafhttp {
        rewrite ^/seafhttp(.*)$ $1 break;
        proxy_pass http://192.168.122.21:8082;
        client_max_body_size 0;
}

location /seafmedia {
        rewrite ^/seafmedia(.*)$ /media$1 break;
        root /var/lib/lxc/seafile/rootfs/home/seafile/base/seafile-server-latest/seahub;
}
location /gitlab {
        try_files $uri $uri/index.html $uri.html @gitlab;
}

location @gitlab {
        proxy_read_timeout 300;
        proxy_connect_timeout 300;
        proxy_redirect off;
        proxy_set_header Host $http_host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        proxy_pass http://unix:/var/lib/lxc/gitlab/rootfs/home/git/gitlab/tmp/sockets/gitlab.socket;
}
`;

async function imported(text: string, name = "site") {
  await using folder = await tempFolder();
  await writeFile(folder.file(name), text);
  const ended = await runCommand(tidegate, ["import", "nginx", folder.file(name)]);
  const notes = ended.stderr.replaceAll(`${folder.path}/`, "");
  return { ...ended, notes, config: parse(ended.stdout) as Record<string, unknown> | null };
}

test("snippets in front of containers become the containers' own paths and sockets", async () => {
  const { code, config, stdout, notes } = await imported(snippets);
  assert.equal(code, 0, notes);
  const routes = config?.["routes"] as Record<string, Record<string, unknown>>;
  assert.deepEqual(config?.["services"], {
    ttrss: {
      container: "lxc/ttrss",
      files: { root: "/var/www", index: ["index.php"], charset: "" },
      fastcgi: "unix:/php5-fpm.sock",
    },
  });
  assert.deepEqual(routes, {
    "all/ttrss": { rule: 'Host("*") && PathPrefix("/ttrss")', service: "ttrss" },
    "all/pattern": {
      rule: 'Host("*") && PathRegexp("\\\\.php$") && PathPrefix("/ttrss")',
      ...{ priority: 390_000, service: "ttrss" },
    },
    // nginx runs nothing for it, and neither do we.
    "all/pattern-2": {
      rule: 'Host("*") && PathRegexp("\\\\.php(/|$)") && PathPrefix("/ttrss")',
      ...{ priority: 389_999, respond: { status: 404 } },
    },
    "all/seafile": {
      rule: 'Host("*") && PathPrefix("/seafile")',
      service: { fastcgi: "192.168.122.21:8000" },
      accessLog: { path: "/var/log/nginx/seahub.access.log", format: "combined" },
      errorLog: "/var/log/nginx/seahub.error.log",
    },
    "all/seafhttp": {
      rule: 'Host("*") && PathPrefix("/seafhttp")',
      service: { host: "backend", backends: ["http://192.168.122.21:8082"] },
      ...{ replacePath: { pattern: "^/seafhttp(.*)$", replacement: "$1" }, maxBody: 0 },
    },
    "all/seafmedia": {
      rule: 'Host("*") && PathPrefix("/seafmedia")',
      service: {
        container: "lxc/seafile",
        files: { root: "/home/seafile/base/seafile-server-latest/seahub", charset: "" },
      },
      replacePath: { pattern: "^/seafmedia(.*)$", replacement: "/media$1" },
    },
    "all/gitlab": {
      rule: 'Host("*") && PathPrefix("/gitlab")',
      service: {
        container: "lxc/gitlab",
        backends: ["unix:/home/git/gitlab/tmp/sockets/gitlab.socket"],
      },
      timeouts: { connect: "5m", response: "5m", responseBody: "5m" },
    },
  });
  assert.deepEqual(config?.["providers"], { lxc: { hosts: ["*.invalid"] } });
  assert.match(notes, /^providers: lxc must be looked at to find /m);
  assert.match(notes, /^site:\d+: try_files: .*all goes to the last of them/m);
  assert.match(notes, /^site:\d+, site:\d+: files: names that begin with a dot are not served/m);
  assert.equal(stdout.includes("rootfs"), false);
});

test("the proxied parts of the snippets serve, over TCP and a unix socket", async () => {
  await using folder = await tempFolder();
  const socket = folder.file("tmp/sockets/gitlab.socket");
  await mkdir(dirname(socket), { recursive: true });
  await using files = await echoOrigin("files");
  await using gitlab = await echoOrigin("gitlab", { path: socket });
  const text = snippets
    .replace("192.168.122.21:8082", `127.0.0.1:${files.port}`)
    .replace("/var/lib/lxc/gitlab/rootfs/home/git/gitlab/tmp/sockets/gitlab.socket", socket);
  const { config } = await imported(text);
  await using program = await startTidegate({
    config: { ...config, listeners: { web: "127.0.0.1:0" } },
  });
  const seen = (path: string, body?: string) =>
    seenAt(program.port(), {
      name: "host.test",
      path,
      ...(body === undefined ? {} : { method: "POST", body }),
    });
  const uploaded = await seen("/seafhttp/upload/x?y=z", "x".repeat(3_000_000));
  assert.deepEqual(
    { ...uploaded, host: "" },
    { ...nothing, status: 200, origin: "files", target: "/upload/x?y=z" },
  );
  assert.equal(uploaded.host, `127.0.0.1:${files.port}`);
  assert.deepEqual(await seen("/gitlab/a/b?c"), {
    ...{ ...nothing, status: 200, origin: "gitlab" },
    ...{ target: "/gitlab/a/b?c", host: "host.test" },
  });
  // There is no such container.
  assert.equal((await seen("/ttrss/index.php")).status, 503);
  assert.equal((await seen("/ttrss/index.php/x")).status, 404);
  assert.equal((await seen("/other")).status, 404);
  assert.equal(gitlab.requests.length, 1);
});

const nothing = { status: 0, location: "", text: "", origin: "", target: "", host: "" };

test("includes are followed, streams become TCP routes, TLS stays TLS", async () => {
  await using folder = await tempFolder();
  await mkdir(folder.file("conf.d"));
  await mkdir(folder.file("sites-enabled"));
  await writeFile(
    folder.file("conf.d/a.conf"),
    "upstream app { ip_hash; server 127.0.0.1:1 down; server 127.0.0.1:2; }",
  );
  await writeFile(
    folder.file("sites-enabled/b"),
    `server { listen 80; server_name a.test; return 301 https://$host$request_uri; }
     server { listen 443 ssl; server_name a.test; ssl_certificate /c.pem; ssl_certificate_key /k.pem;
       location / { include proxy_params; proxy_pass http://app; } }`,
  );
  await writeFile(
    folder.file("proxy_params"),
    "proxy_set_header Host $http_host; proxy_set_header X-Y z; proxy_set_header X-Z $z;",
  );
  const main = `http { include conf.d/*.conf; include sites-enabled/*; include missing.conf; }
    stream {
      map $ssl_preread_server_name $to { hostnames; a.test 127.0.0.1:1; .b.test both; default 127.0.0.1:3; }
      upstream both { server 127.0.0.1:4; server 127.0.0.1:5 weight=2; }
      server { listen 127.0.0.1:8443; ssl_preread on; proxy_pass $to; proxy_timeout 1h; }
      server { listen 53 udp; proxy_pass 127.0.0.1:5353; }
    }`;
  await writeFile(folder.file("nginx.conf"), main);
  const { code, stdout, stderr } = await runCommand(tidegate, [
    "import",
    "nginx",
    folder.file("nginx.conf"),
  ]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(parse(stdout), {
    limits: { maxBody: "1m" },
    listeners: {
      web: ":80",
      secure: { bind: ":443", tls: true },
      "stream-8443": {
        bind: "127.0.0.1:8443",
        protocol: "tcp",
        service: { backends: ["tcp://127.0.0.1:3"], timeouts: { tunnel: "1h" } },
      },
      "stream-53": { bind: ":53", protocol: "udp", service: "udp://127.0.0.1:5353" },
    },
    tls: { certificates: [{ cert: "/c.pem", key: "/k.pem" }], default: "a.test" },
    routes: {
      "a.test": {
        host: ["a.test", "*"],
        redirect: "https",
        service: "app",
        middlewares: [{ headers: { request: { remove: ["X-Z"], set: { "X-Y": "z" } } } }],
      },
    },
    services: {
      app: { backends: ["http://127.0.0.1:2"], balance: { hash: "client-ip" } },
      both: {
        backends: ["tcp://127.0.0.1:4", { url: "tcp://127.0.0.1:5", weight: 2 }],
        balance: "round-robin",
        timeouts: { tunnel: "1h" },
      },
    },
    tcpRoutes: {
      "a.test": {
        listener: "stream-8443",
        sni: "a.test",
        service: { backends: ["tcp://127.0.0.1:1"], timeouts: { tunnel: "1h" } },
      },
      ".b.test": { listener: "stream-8443", sni: ["b.test", "*.b.test"], service: "both" },
    },
  });
  assert.match(stderr, /nginx\.conf:1: the included file "missing\.conf" is not there/);
  assert.match(stderr, /sites-enabled\/b:1: who comes in the clear is sent to https with 308/);
  assert.match(stderr, /proxy_params:1: proxy_set_header "X-Z": is not carried over/);
});

test("what is no configuration is said with its line, and nothing is printed", async () => {
  const cases = [
    ["server {\n listen 80;\n", /site:1: this block has no closing "}"/],
    ["server { }\n}\n", /site:2: this "}" closes nothing/],
    ["\n\nserver { listen 80 }\n", /site:3: the directive "listen" does not end/],
    ['server {\n return 200 "x;\n}', /site:2: this text in quotes has no end/],
    ["{ }", /site:1: a directive is missing before "{"/],
    ["hello world;", /has no server, location or stream/],
    ["", /has no server, location or stream/],
    ["server { ".repeat(60), /nested deeper than 40 levels/],
    ["include site;", /nested deeper than 40 levels/],
  ] as const;
  for (const [text, why] of cases) {
    const { code, stdout, notes } = await imported(text);
    assert.equal(code, 1, text);
    assert.equal(stdout, "", text);
    assert.match(notes, why);
    assert.equal(notes.trim().split("\n").length, 1, notes);
  }
  const none = await runCommand(tidegate, ["import", "nginx", "/dev/zero"]);
  assert.match(none.stderr, /\/dev\/zero is not a file/);
});

test("what keeps people out and is not there closes its route", async () => {
  const guards = [
    "auth_basic x;",
    "auth_request /auth;",
    "if ($http_x != y) { return 403; }",
    "access_by_lua_block x;",
    "secure_link $arg_x;",
  ];
  for (const guard of guards) {
    const { config, notes } = await imported(
      `server { location / { ${guard} proxy_pass http://a; } }`,
    );
    const routes = config?.["routes"] as Record<string, Record<string, unknown>>;
    assert.equal(
      (routes["all"]?.["respond"] as { status: number } | undefined)?.status,
      503,
      guard,
    );
    assert.equal(routes["all"]?.["service"], undefined);
    assert.match(notes, /^site:1: .*closed/m);
  }
});

test("servers at different ports are told apart by the port that clients name", async () => {
  await using one = await echoOrigin("one");
  await using two = await echoOrigin("two");
  const { config, notes } = await imported(`
    server { listen 80; location / { proxy_pass http://127.0.0.1:${one.port}; } }
    server { listen 8081; location / { proxy_pass http://127.0.0.1:${two.port}; } }`);
  assert.deepEqual(config?.["listeners"], { web: ":80", "web-8081": ":8081" });
  assert.match(notes, /told apart by the port in the Host field/);
  await using program = await startTidegate({
    config: { ...config, listeners: { web: "127.0.0.1:0" } },
  });
  const originOf = async (name: string) =>
    (await seenAt(program.port(), { name, path: "/" })).origin;
  assert.equal(await originOf("a.test"), "one");
  assert.equal(await originOf("a.test:80"), "one");
  assert.equal(await originOf("a.test:8081"), "two");
});

test("a named location that files fall back to keeps its own guards", async () => {
  const { config, notes } = await imported(`server { listen 80; server_name a.test;
    location / { try_files $uri @app; }
    location @app { allow 10.0.0.0/8; deny all; proxy_pass http://127.0.0.1:1; }
    location /admin { try_files $uri @admin; }
    location @admin { auth_basic "x"; proxy_pass http://127.0.0.1:2; } }`);
  const routes = config?.["routes"] as Record<string, Record<string, unknown>>;
  const statusOf = (name: string) =>
    (routes[name]?.["respond"] as { status: number } | undefined)?.status;
  assert.equal(statusOf("a.test"), 403);
  assert.match(String(routes["a.test"]?.["rule"]), /!\(ClientIP\("10\.0\.0\.0\/8"\)\)$/);
  assert.match(String(routes["a.test-2"]?.["rule"]), /ClientIP\("10\.0\.0\.0\/8"\)$/);
  assert.equal(statusOf("a.test/admin"), 503, notes);
});
