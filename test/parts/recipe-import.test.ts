// The old recipe's own file, as nginx had it, with the paths of containers on the host: `tidegate import nginx` makes
// one of ours, which serves the same containers by paths of their own.

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { eventually } from "../harness/barrier.ts";
import { runCommand, tidegate } from "../harness/command.ts";
import { startLxcHost } from "../harness/lxc-host.ts";
import { needs } from "../harness/needs.ts";
import { needsRoot } from "../harness/needs-root.ts";
import * as guests from "../harness/recipe-guests.ts";
import { digestOf, noiseBytes, requestOf } from "../harness/recipe-request.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

const skip = needsRoot() || needs(...guests.recipeNeeds);

const params = `
fastcgi_param QUERY_STRING $query_string;
fastcgi_param REQUEST_METHOD $request_method;
fastcgi_param CONTENT_TYPE $content_type;
fastcgi_param CONTENT_LENGTH $content_length;
fastcgi_param SERVER_PROTOCOL $server_protocol;
fastcgi_param SERVER_NAME $server_name;
fastcgi_param SERVER_PORT $server_port;
`;

/** @param seafile address of that container */
const recipe = (seafile: string) => `
server {
  listen 80;
  server_name home.localhost;
  location /ttrss {
    root /var/lib/lxc/ttrss/rootfs/var/www;
    index index.php;
    location ~ \\.php$ {
      include fastcgi_params;
      fastcgi_param SCRIPT_FILENAME /var/www/$fastcgi_script_name;
      fastcgi_pass unix:/var/lib/lxc/ttrss/rootfs/var/run/php/php-fpm.sock;
    }
  }
  location /seafile {
    include fastcgi_params;
    fastcgi_param PATH_INFO $fastcgi_script_name;
    fastcgi_pass ${seafile}:8000;
  }
  location /seafhttp {
    rewrite ^/seafhttp(.*)$ $1 break;
    proxy_pass http://${seafile}:8082;
    client_max_body_size 0;
  }
  location /seafmedia {
    rewrite ^/seafmedia(.*)$ /media$1 break;
    root /var/lib/lxc/seafile/rootfs/opt/seafile/seafile-server-latest/seahub;
  }
}
server {
  listen 80;
  server_name git.localhost;
  root /var/lib/lxc/gitlab/rootfs/opt/gitlab/embedded/service/gitlab-rails/public;
  location / { try_files $uri $uri/index.html $uri.html @gitlab; }
  location @gitlab {
    proxy_read_timeout 300;
    proxy_redirect off;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_pass http://unix:/var/lib/lxc/gitlab/rootfs/var/opt/gitlab/gitlab-workhorse/sockets/socket;
  }
}
`;

test(
  "the recipe's file for nginx, imported, serves its containers",
  { skip, timeout: 150_000 },
  async () => {
    await using host = await startLxcHost();
    await guests.startFeedReader(host, "ttrss", 20);
    const { address } = await guests.startSeafile(host, "seafile", 21);
    await guests.startForge(host, "gitlab", 22);
    await using folder = await tempFolder();
    await writeFile(folder.file("nginx.conf"), recipe(address));
    await writeFile(folder.file("fastcgi_params"), params);
    const imported = await runCommand(tidegate, ["import", "nginx", folder.file("nginx.conf")]);
    assert.equal(imported.code, 0, imported.stderr);
    // Only what is another here than on the machine that it was written for.
    const config = imported.stdout
      .replace(/^ {2}lxc:$/m, `$&\n    paths: [${host.path}]`)
      .replace(/^ {2}web: :80$/m, "  web: 127.0.0.1:0");
    await using program = await startTidegate({ config });
    const ask = (path: string, name = "home", body: string | Buffer = "") => {
      const method = body.length === 0 ? "GET" : "POST";
      return requestOf(program.port(), { host: `${name}.localhost`, path, method, body });
    };
    await eventually("the containers to be known", async () => {
      const { status } = await ask("/ttrss/login.php");
      return status === 200 || undefined;
    });
    assert.equal((await ask("/ttrss/")).headers.location, "login.php");
    const told = (await ask("/ttrss/told.php")).json() as Record<string, string>;
    // As it was written, with its double slash, it is the same file.
    assert.match(told["SCRIPT_FILENAME"] ?? "", /^\/var\/www\/{1,2}ttrss\/told\.php$/);
    assert.equal((await ask("/ttrss/images/note.txt")).text.length, 100);
    assert.doesNotMatch((await ask("/ttrss/config.php/x.css")).text, /the-password-of-ttrss/);
    assert.equal((await ask("/seafile/")).headers.location, "/seafile/accounts/login/");
    const bytes = noiseBytes(3_000_000);
    const sent = await ask("/seafhttp/upload-api/token", "home", bytes);
    assert.equal(sent.text, `/upload-api/token ${bytes.length} ${digestOf(bytes)}`);
    assert.equal((await ask("/seafmedia/avatars/default.txt")).text, "a face\n");
    assert.equal((await ask("/help", "git")).text, "<p>help</p>\n");
    const page = (await ask("/group/project", "git")).json() as { headers: Record<string, string> };
    assert.equal(page.headers["Host"], `git.localhost:${program.port()}`);
  },
);
