// nginx with files and PHP, and what `tidegate import nginx` made of its configuration, asked the same: nobody gets what nginx
// kept, no source is read, nothing is run that was not.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { parse } from "yaml";
import { ask, field } from "../harness/ask.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { echoOrigin } from "../harness/echo-origin.ts";
import { freePort } from "../harness/free-port.ts";
import { needs } from "../harness/needs.ts";
import { phpFpmNeeds, startPhpFpm } from "../harness/php-fpm.ts";
import { startNginx } from "../harness/real-proxy.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

async function imported(file: string) {
  const ended = await runCommand(tidegate, ["import", "nginx", file]);
  assert.equal(ended.code, 0, ended.stderr);
  return { config: parse(ended.stdout) as Record<string, unknown>, notes: ended.stderr };
}

const tell =
  '<?php header("Content-Type: text/plain"); echo "ran ", $_SERVER["SCRIPT_NAME"], " q=", $_SERVER["QUERY_STRING"];';

const scripts = {
  "index.php": tell,
  "info.php": tell,
  "xmlrpc.php": tell,
  "uploads/evil.php": tell,
  "uploads/index.php": tell,
  "shop/index.php": tell,
  "about.html": "about",
  "docs/index.html": "docs",
  "docs/page.html": "page",
  "style.css": "css",
  "uploads/a.txt": "upload",
  "data/list.txt": "list",
  "private/secret.txt": "secret",
  "c+d/secret.txt": "secret",
  "c+d/open.txt": "open",
  ".env": "SECRET=1",
};

const sites = (own: number, root: string, socket: string, origin: number) => `
types { text/html html; text/css css; text/plain txt; }
server {
  listen 127.0.0.1:${own} default_server;
  server_name wp.test;
  root ${root};
  index index.php index.html;
  location / { try_files $uri $uri/ /index.php?$args; }
  location = /xmlrpc.php { deny all; }
  location ~* /(?:uploads|files)/.*\\.php$ { deny all; }
  location ~ /\\. { deny all; }
  location ^~ /private/ { deny all; }
  location ^~ /c+d/ { deny all; }
  location = /c+d/open.txt { root ${root}; }
  location ~ \\.css$ { expires 1h; }
  location ~ \\.php$ {
    try_files $uri =404;
    fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
    fastcgi_param SCRIPT_NAME $fastcgi_script_name;
    fastcgi_param QUERY_STRING $query_string;
    fastcgi_param REQUEST_METHOD $request_method;
    fastcgi_param REQUEST_URI $request_uri;
    fastcgi_param CONTENT_LENGTH $content_length;
    fastcgi_param APP_ENV production;
    fastcgi_pass unix:${socket};
  }
}
server {
  listen 127.0.0.1:${own};
  server_name static.test;
  location / { root ${root}; try_files $uri $uri/ $uri.html =404; }
  location /d/ { alias ${root}/docs/; }
  location /list/ { alias ${root}/data/; autoindex on; }
  location = /only { alias ${root}/docs/page.html; }
  location ~ ^/img/(\\w+)\\.txt$ { alias ${root}/data/$1.txt; }
  location /moved { rewrite ^/moved(.*)$ /docs$1 break; root ${root}; }
  location ~ \\.php { return 404; }
}
server {
  listen 127.0.0.1:${own};
  server_name app.test;
  root ${root};
  location / { try_files $uri $uri/index.html $uri.html @app; }
  location @app { proxy_pass http://127.0.0.1:${origin}; proxy_set_header Host $host; }
  location ~ ^/index\\.php(/|$) {
    fastcgi_split_path_info ^(.+\\.php)(/.*)$;
    fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
    fastcgi_param SCRIPT_NAME $fastcgi_script_name;
    fastcgi_param QUERY_STRING $query_string;
    fastcgi_param REQUEST_METHOD $request_method;
    fastcgi_pass unix:${socket};
  }
  location ~ \\.php$ { return 404; }
}
`;

const asked: readonly (readonly [string, readonly string[]])[] = [
  [
    "wp.test",
    [
      ...[
        "/",
        "/?a=b",
        "/about.html",
        "/info.php",
        "/info.php?x=y",
        "/none.php",
        "/none/at/all?q=1",
      ],
      ...["/docs/", "/docs", "/docs/page.html", "/shop/", "/shop", "/shop/index.php", "/style.css"],
      ...["/xmlrpc.php", "//xmlrpc.php", "/%78mlrpc.php", "/uploads/evil.php", "/uploads/a.txt"],
      ...[
        "/uploads/",
        "/uploads/evil.PHP",
        "/private/secret.txt",
        "/c+d/secret.txt",
        "/c%2bd/secret.txt",
        "/c%2Bd/open.txt",
        "/c+d/open.txt",
        "/private/",
        "/.env",
      ],
    ],
  ],
  [
    "static.test",
    [
      ...["/about.html", "/about", "/docs/", "/docs", "/docs/page", "/none", "/d/", "/d/page.html"],
      ...["/d/none", "/img/list.txt", "/img/none.txt", "/moved/page.html", "/moved/none"],
      ...["/info.php", "/list/list.txt"],
    ],
  ],
  [
    "app.test",
    [
      ...[
        "/about.html",
        "/about",
        "/docs",
        "/elsewhere?x=y",
        "/index.php",
        "/index.php?x",
        "/info.php",
      ],
      ...["/index.php/a/b", "/shop/index.php"],
    ],
  ],
];

test(
  "files and PHP of nginx and what was imported answer alike",
  { skip: needs("nginx", ...phpFpmNeeds), timeout: 90_000 },
  async () => {
    await using php = await startPhpFpm({ scripts });
    await using origin = await echoOrigin("app");
    const own = await freePort();
    await using nginx = await startNginx(sites(own, php.root, php.socket, origin.port), own);
    const { config, notes } = await imported(nginx.file);
    await using program = await startTidegate({
      config: { ...config, listeners: { web: "127.0.0.1:0" } },
    });
    const seen = async (port: number, name: string, path: string) => {
      const answer = await ask(port, { name, path });
      const location = field(answer, "location");
      const isListing = path === "/list/";
      return {
        status: answer.status,
        location: location === "" ? "" : new URL(location, `http://${name}`).pathname,
        type: answer.status === 200 ? field(answer, "content-type") : "",
        body: answer.status === 200 && !isListing ? answer.body : "",
      };
    };
    const differences: unknown[] = [];
    for (const [name, paths] of asked) {
      for (const path of paths) {
        const theirs = await seen(own, name, path);
        const ours = await seen(program.port(), name, path);
        try {
          assert.deepEqual(withoutEcho(ours), withoutEcho(theirs));
        } catch {
          differences.push({ name, path, theirs, ours });
        }
      }
    }
    assert.deepEqual(differences, []);
    // A folder without an index is not there for us, and its type goes by the name of the file.
    assert.equal((await seen(program.port(), "static.test", "/")).status, 404);
    assert.equal((await seen(program.port(), "static.test", "/only")).body, "page");
    const get = async (name: string, path: string) => ask(program.port(), { name, path });
    assert.equal(field(await get("wp.test", "/style.css"), "cache-control"), "max-age=3600");
    // What nginx would read as a file, or run, by one of these is nobody's here.
    for (const path of [
      "/info.php/x",
      "/xmlrpc.php/",
      "/uploads/evil.php/x",
      "/info.PHP",
      "/info.php%00",
    ]) {
      const answer = await get("wp.test", path);
      assert.ok(answer.status >= 400, `${path}: ${answer.status} ${answer.body}`);
      assert.equal(answer.body.includes("ran "), false, path);
    }
    assert.match(notes, /names that begin with a dot are not served/);
  },
);

/** Whose Host header it was is another matter. */
function withoutEcho<T extends { readonly body: string }>(seen: T): T {
  return seen.body.startsWith("{") ? { ...seen, body: "" } : seen;
}

async function settingsOf(text: string) {
  await using folder = await tempFolder();
  await writeFile(folder.file("site"), text);
  const { config, notes } = await imported(folder.file("site"));
  const routes = (config["routes"] ?? {}) as Record<string, Record<string, unknown>>;
  const services = (config["services"] ?? {}) as Record<string, Record<string, unknown>>;
  return { routes, services, notes: notes.replaceAll(`${folder.path}/`, "") };
}

test("a program that some may not ask is not reached by way of the files", async () => {
  const { routes, services, notes } = await settingsOf(`server { root /usr; index index.php;
  location / { try_files $uri /index.php; }
  location ~ \\.php$ { allow 10.0.0.0/8; deny all; fastcgi_pass 127.0.0.1:9; fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name; } }`);
  assert.deepEqual(routes["all"]?.["service"], {
    files: {
      root: "/usr",
      index: [],
      try: ["$path", "=404"],
      hidden: [".*", "*.php*", "*.PHP*"],
      charset: "",
    },
  });
  assert.match(notes, /^site:2: try_files "\/index\.php": is not carried over/m);
  const shut = Object.values(routes).find((each) => String(each["rule"]).includes("!(ClientIP"));
  assert.deepEqual((shut?.["respond"] as { status: number } | undefined)?.status, 403);
  assert.deepEqual(
    Object.values(services).map((each) => each["fastcgi"]),
    ["127.0.0.1:9"],
  );
});

test("programs by uwsgi, SCGI and FastCGI keep what they are told, and a group its weights", async () => {
  const { routes, services, notes } =
    await settingsOf(`upstream py { server unix:/run/a.sock; server 127.0.0.1:3031 weight=3; keepalive 8; }
server { server_name a.test;
  location / { uwsgi_pass py; uwsgi_param UWSGI_SCRIPT app; uwsgi_param X_ID $request_id; uwsgi_read_timeout 90; }
  location /hg { scgi_pass 127.0.0.1:4000; }
  location /git { fastcgi_split_path_info ^(/git)(.*)$; fastcgi_pass unix:/run/fcgi.sock; fastcgi_param PATH_INFO $fastcgi_path_info; }
  location /one { fastcgi_pass 127.0.0.1:9000; fastcgi_param SCRIPT_FILENAME /srv/app/public/index.php; fastcgi_param HTTP_PROXY ""; }
  location /var { fastcgi_pass $backend; } }`);
  assert.deepEqual(services, {});
  assert.deepEqual(routes["a.test"]?.["service"], {
    uwsgi: {
      backends: ["uwsgi://unix:/run/a.sock", { url: "uwsgi://127.0.0.1:3031", weight: 3 }],
      params: { UWSGI_SCRIPT: "app" },
    },
    balance: "round-robin",
  });
  assert.deepEqual(routes["a.test"]?.["timeouts"], { response: "90s", responseBody: "90s" });
  assert.deepEqual(routes["a.test/hg"]?.["service"], { scgi: "127.0.0.1:4000" });
  assert.deepEqual(routes["a.test/git"]?.["service"], { fastcgi: "unix:/run/fcgi.sock" });
  assert.equal(routes["a.test/git"]?.["stripPrefix"], "/git");
  assert.deepEqual(routes["a.test/one"]?.["service"], {
    fastcgi: { backends: "127.0.0.1:9000", root: "/srv/app/public", script: "/index.php" },
  });
  const status = (name: string) =>
    (routes[name]?.["respond"] as { status: number } | undefined)?.status;
  assert.equal(status("a.test/var"), 501);
  assert.match(notes, /^site:3: uwsgi_param X_ID "\$request_id": params are fixed texts/m);
  assert.match(notes, /^site:7: fastcgi_pass "\$backend": this address is not understood/m);
});

test("sockets and folders of several containers are never one service", async () => {
  const { routes, services } =
    await settingsOf(`server { server_name a.test; root /var/lib/lxc/one/rootfs/srv; index index.php;
  location ~ \\.php$ { fastcgi_pass unix:/var/lib/lxc/two/rootfs/run/php.sock; fastcgi_param SCRIPT_FILENAME /srv$fastcgi_script_name; }
  location /up/ { alias /var/lib/lxc/one/rootfs/../../two/rootfs/etc/; } }`);
  assert.deepEqual(routes["a.test"]?.["service"], {
    container: "lxc/one",
    files: { root: "/srv", index: [], hidden: [".*", "*.php*", "*.PHP*"], charset: "" },
  });
  const php = Object.entries(routes).find(([name]) => name.includes("pattern"))?.[1]["service"];
  assert.deepEqual(typeof php === "string" ? services[php] : php, {
    container: "lxc/two",
    fastcgi: { backends: "unix:/run/php.sock", root: "/srv" },
  });
  assert.equal(JSON.stringify(routes["a.test/up/"]).includes("container"), false);
});
