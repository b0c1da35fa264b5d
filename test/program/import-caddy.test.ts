// Caddy itself and what `tidegate import caddy` made of its configuration, asked the same.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { runCommand, tidegate } from "../harness/command.ts";
import { ask, field } from "../harness/ask.ts";
import { echoOrigin } from "../harness/echo-origin.ts";
import { freePort } from "../harness/free-port.ts";
import { needs } from "../harness/needs.ts";
import { phpFpmNeeds, startPhpFpm } from "../harness/php-fpm.ts";
import { seenAt } from "../harness/seen.ts";
import { startCaddy } from "../harness/real-proxy.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate } from "../harness/tidegate.ts";

const sites = (own: number, one: number, two: number, socket: string) => `
(common) {
	@api path /{args.0}/* /v1/*
}
http://site.test:${own}, http://www.site.test:${own} {
	import common api
	@post {
		method POST
		path /submit
	}
	@beta header X-Beta 1
	handle @api {
		reverse_proxy 127.0.0.1:${two}
	}
	handle @post {
		reverse_proxy 127.0.0.1:${two} {
			header_up Host {upstream_hostport}
		}
	}
	handle_path /static/* {
		reverse_proxy unix/${socket}
	}
	redir /old /new permanent
	redir /away https://elsewhere.test{uri}
	respond /ping "pong" 200
	handle /deep/* {
		handle /deep/er/* {
			reverse_proxy 127.0.0.1:${two}
		}
		handle {
			reverse_proxy 127.0.0.1:${one}
		}
	}
	handle /gone {
		respond 410
	}
	handle {
		reverse_proxy 127.0.0.1:${one}
	}
}
http://plain.test:${own} {
	respond /ping "pong"
	respond /exact* "prefix" 201
	respond /exactly* "longer" 202
	reverse_proxy 127.0.0.1:${one}
}
http://*.wild.test:${own} {
	rewrite * /base{uri}
	route {
		respond /a 204
		reverse_proxy 127.0.0.1:${two}
	}
}
http://order.test:${own} {
	route {
		respond /a* "first"
		respond /ab "second"
		reverse_proxy 127.0.0.1:${one}
	}
}
`;

const requests = [
  ...["/", "/a?b=c", "/api/x", "/api", "/v1/y?z", "/static/x.css?q", "/static/", "/old", "/old/x"],
  ...["/away?x=y", "/ping", "/deep/x", "/deep/er/y", "/gone", "/submit"],
].map((path) => ({ name: "site.test", path }));

const elsewhere = [
  { name: "www.site.test", path: "/api/x" },
  { name: "site.test", path: "/submit", method: "POST", body: "x" },
  ...["/", "/ping", "/exact", "/exact/x", "/exactly"].map((path) => ({ name: "plain.test", path })),
  ...["/", "/x?y"].map((path) => ({ name: "a.wild.test", path })),
  ...["/", "/a", "/ab", "/abc"].map((path) => ({ name: "order.test", path })),
];

test(
  "Caddy and what was imported answer alike",
  { skip: needs("caddy"), timeout: 60_000 },
  async () => {
    await using folder = await tempFolder();
    await using one = await echoOrigin("one");
    await using two = await echoOrigin("two");
    await using socket = await echoOrigin("socket", { path: folder.file("app.sock") });
    await runCommand("chmod", ["755", folder.path]);
    await runCommand("chmod", ["777", folder.file("app.sock")]);
    const own = await freePort();
    await using caddy = await startCaddy(
      sites(own, one.port, two.port, folder.file("app.sock")),
      own,
    );
    const { code, stdout, stderr } = await runCommand(tidegate, ["import", "caddy", caddy.file]);
    assert.equal(code, 0, stderr);
    const config = parse(stdout) as Record<string, unknown>;
    await using program = await startTidegate({
      config: { ...config, listeners: { web: "127.0.0.1:0" } },
    });
    const differences: unknown[] = [];
    for (const asked of [...requests, ...elsewhere]) {
      const [theirs, ours] = [await seenAt(own, asked), await seenAt(program.port(), asked)];
      if (JSON.stringify(theirs) !== JSON.stringify(ours))
        differences.push({ asked, theirs, ours });
    }
    assert.deepEqual(differences, []);
    assert.ok(socket.requests.length > 0 && two.requests.length > 4);
  },
);

const tell =
  '<?php header("Content-Type: text/plain"); echo "ran ", $_SERVER["SCRIPT_NAME"], " ", $_SERVER["PATH_INFO"] ?? "", " ", getenv("APP") ?: $_SERVER["APP"] ?? "";';

const served = (own: number, root: string, socket: string) => `
http://files.test:${own} {
	root * ${root}
	try_files {path} {path}.html {path}/ /about.html
	file_server {
		hide *.bak
	}
}
http://php.test:${own} {
	root * ${root}
	php_fastcgi unix/${socket} {
		env APP caddy
	}
	file_server
}
http://parts.test:${own} {
	handle_path /docs/* {
		root * ${root}/docs
		file_server browse
	}
	handle {
		root * ${root}
		file_server
	}
}
http://odd.test:${own} {
	root * /srv/{host}
	file_server
}
http://scripts.test:${own} {
	root * ${root}
	php_fastcgi unix/${socket}
}
`;

const scripts = {
  "index.php": tell,
  "info.php": tell,
  "shop/index.php": tell,
  "about.html": "about",
  "secret.bak": "secret",
  "style.css": "css",
  "docs/index.html": "docs",
  "docs/more/a.txt": "a",
};

test(
  "files and PHP of Caddy and what was imported answer alike",
  { skip: needs("caddy", ...phpFpmNeeds), timeout: 60_000 },
  async () => {
    await using php = await startPhpFpm({ scripts });
    const own = await freePort();
    await using caddy = await startCaddy(served(own, php.root, php.socket), own);
    const { code, stdout, stderr } = await runCommand(tidegate, ["import", "caddy", caddy.file]);
    assert.equal(code, 0, stderr);
    const config = parse(stdout) as Record<string, unknown>;
    await using program = await startTidegate({
      config: { ...config, listeners: { web: "127.0.0.1:0" } },
    });
    const seen = async (port: number, name: string, path: string) => {
      const answer = await ask(port, { name, path });
      const isRedirect = answer.status >= 301 && answer.status <= 308;
      const location = field(answer, "location");
      return {
        // 308 and 301 are the same to who asks for a folder.
        status: isRedirect ? 301 : answer.status,
        location: location === "" ? "" : new URL(location, `http://${name}${path}`).pathname,
        body: answer.status === 200 ? answer.body : "",
      };
    };
    const asked: readonly (readonly [string, readonly string[]])[] = [
      ["files.test", ["/about", "/about.html", "/none", "/docs/", "/style.css"]],
      [
        "php.test",
        ["/", "/info.php", "/info.php/x/y", "/none/at/all", "/shop/", "/shop", "/style.css"],
      ],
      ["parts.test", ["/docs/", "/docs/more/a.txt", "/docs/none", "/style.css"]],
    ];
    const differences: unknown[] = [];
    for (const [name, paths] of asked) {
      for (const path of paths) {
        const [theirs, ours] = [
          await seen(own, name, path),
          await seen(program.port(), name, path),
        ];
        if (JSON.stringify(theirs) !== JSON.stringify(ours)) {
          differences.push({ name, path, theirs, ours });
        }
      }
    }
    assert.deepEqual(differences, []);
    const get = (name: string, path: string) => ask(program.port(), { name, path });
    assert.equal((await get("files.test", "/secret.bak")).body, "about");
    assert.equal((await get("odd.test", "/")).status, 501);
    assert.equal((await get("scripts.test", "/style.css")).status, 501);
    // No PHP is said in that site: Caddy gives the source away, and we do not.
    assert.equal((await ask(own, { name: "parts.test", path: "/info.php" })).status, 200);
    const source = await get("parts.test", "/info.php");
    assert.equal(source.status, 404);
    assert.equal(source.body.includes("getenv"), false);
    assert.match(stderr, /no root is said that does not depend on the request/);
    assert.match(stderr, /php_fastcgi: there is no file_server beside it/);
  },
);
