// Caddy itself and what `tidegate import caddy` made of its configuration, asked the same.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { runCommand, tidegate } from "../harness/command.ts";
import { echoOrigin } from "../harness/echo-origin.ts";
import { freePort } from "../harness/free-port.ts";
import { needs } from "../harness/needs.ts";
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
