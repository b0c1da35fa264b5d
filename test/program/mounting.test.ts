// Applications below a path: what they say of their own URLs reaches clients as clients have it, through the real program.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ask, type AskOptions, field } from "../harness/ask.ts";
import { type HttpOrigin, httpOrigin } from "../harness/origin.ts";
import { valuesOf } from "../harness/message.ts";
import { needs } from "../harness/needs.ts";
import { phpFpmNeeds, startPhpFpm } from "../harness/php-fpm.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const stack = new AsyncDisposableStack();
let origin: HttpOrigin;
let program: Tidegate;

before(async () => {
  // Answers with the fields it is told to, and tells what it was asked.
  origin = stack.use(
    await httpOrigin((request, response) => {
      const { searchParams } = new URL(request.url ?? "/", "http://x");
      for (const name of new Set(searchParams.keys())) {
        response.setHeader(name, searchParams.getAll(name));
      }
      response.statusCode = searchParams.has("Location") ? 302 : 200;
      request.resume();
      request.on("end", () => response.end(JSON.stringify([request.url, request.headers])));
    }),
  );
  const service = origin.url;
  const ownHost = { backends: [origin.url], host: "backend" };
  program = stack.use(
    await startTidegate({
      config: {
        listeners: {
          web: "127.0.0.1:0",
          inner: { bind: "127.0.0.1:0", trustedProxies: ["127.0.0.0/8"] },
        },
        routes: {
          "app.test/strip": { stripPrefix: "/strip", restoreUrls: true, service },
          "app.test/seafmedia": {
            replacePrefix: { from: "/seafmedia", to: "/media" },
            restoreUrls: true,
            service,
          },
          "app.test/own": {
            stripPrefix: "/own",
            restoreUrls: { hosts: ["inner.test"], cookieDomains: ["inner.test"] },
            service: ownHost,
          },
          "app.test/plain": { stripPrefix: "/plain", service },
          "app.test/kept": { service },
        },
      },
    }),
  );
});
after(() => stack.disposeAsync());

function answering(path: string, fields: Readonly<Record<string, string | readonly string[]>>) {
  const query = new URLSearchParams();
  for (const [name, values] of Object.entries(fields)) {
    for (const each of [values].flat()) query.append(name, each);
  }
  return ask(program.port(), { path: `${path}?${query.toString()}` });
}

async function seenBy(options: AskOptions, listener = "web"): Promise<Record<string, string>> {
  const response = await ask(program.port(listener), options);
  return (JSON.parse(response.body) as [string, Record<string, string>])[1];
}

test("redirects, refreshes and cookies lead back below the mount", async () => {
  const response = await answering("/strip/x", {
    Location: "/login?next=%2Fx",
    "Content-Location": "http://app.test/doc",
    Refresh: "5; url='/later'",
    "Set-Cookie": ["a=1; Path=/; HttpOnly", "b=2; Path=/admin", "c=3"],
  });
  assert.equal(response.status, 302);
  assert.equal(field(response, "location"), "/strip/login?next=%2Fx");
  assert.equal(field(response, "content-location"), "http://app.test/strip/doc");
  assert.equal(field(response, "refresh"), "5; url='/strip/later'");
  assert.deepEqual(valuesOf(response.headers, "set-cookie"), [
    "a=1; Path=/strip; HttpOnly",
    "b=2; Path=/strip/admin",
    "c=3",
  ]);
});

test("a prefix that was swapped is swapped back, and others are left alone", async () => {
  const swapped = await answering("/seafmedia/a", { Location: "/media/b" });
  assert.equal(field(swapped, "location"), "/seafmedia/b");
  const other = await answering("/seafmedia/a", { Location: "/accounts/login" });
  assert.equal(field(other, "location"), "/accounts/login");
});

test("an application that knows its mount is left alone", async () => {
  const fields = { Location: "/strip/login", "Set-Cookie": "a=1; Path=/strip" };
  const response = await answering("/strip/x", fields);
  assert.equal(field(response, "location"), "/strip/login");
  assert.equal(field(response, "set-cookie"), "a=1; Path=/strip");
});

test("URLs with a name of the backend become paths, others stay", async () => {
  const { host } = new URL(origin.url);
  for (const name of [host, "inner.test"]) {
    const response = await answering("/own/x", { Location: `http://${name}/y` });
    assert.equal(field(response, "location"), "/own/y", name);
  }
  const fields = {
    Location: "https://idp.test/login?back=/own",
    "Set-Cookie": "a=1; Domain=inner.test",
  };
  const response = await answering("/own/x", fields);
  assert.equal(field(response, "location"), "https://idp.test/login?back=/own");
  assert.equal(field(response, "set-cookie"), "a=1");
  const elsewhere = await answering("/own/x", { Location: "http://inner.test//evil.test/" });
  assert.equal(field(elsewhere, "location"), "/own//evil.test/");
});

test("without the setting nothing is changed", async () => {
  const response = await answering("/plain/x", { Location: "/login", "Set-Cookie": "a=1; Path=/" });
  assert.equal(field(response, "location"), "/login");
  assert.equal(field(response, "set-cookie"), "a=1; Path=/");
});

test("the application is told its mount, which clients cannot make up", async () => {
  const headers = { "X-Forwarded-Prefix": "/evil", X_Forwarded_Prefix: "/evil" };
  const told = async (path: string, listener?: string) =>
    (await seenBy({ path, headers }, listener))["x-forwarded-prefix"];
  assert.equal(await told("/strip/x"), "/strip");
  assert.equal(await told("/plain/x"), undefined);
  assert.equal(await told("/kept/x"), undefined);
  // What stands in front of us took its part off before.
  const outer = { "X-Forwarded-Prefix": "/outer" };
  const behind = await seenBy({ path: "/strip/x", headers: outer }, "inner");
  assert.equal(behind["x-forwarded-prefix"], "/outer/strip");
  const kept = await seenBy({ path: "/kept/x", headers: outer }, "inner");
  assert.equal(kept["x-forwarded-prefix"], "/outer");
});

test(
  "PHP below a mount is redirected, and keeps its session",
  { skip: needs(...phpFpmNeeds) },
  async () => {
    const script = `<?php session_start(); $_SESSION["n"] = ($_SESSION["n"] ?? 0) + 1;
if (isset($_GET["go"])) { header("Location: /next.php"); exit; }
if (isset($_GET["self"])) { header("Location: " . dirname($_SERVER["PHP_SELF"]) . "/next.php"); exit; }
echo $_SESSION["n"], " ", $_SERVER["PHP_SELF"], " ", $_SERVER["HTTP_X_FORWARDED_PREFIX"];`;
    await using php = await startPhpFpm({ scripts: { "index.php": script } });
    await using mounted = await startTidegate({
      config: {
        listeners: { web: "127.0.0.1:0" },
        routes: {
          "app.test/php": {
            stripPrefix: "/php",
            restoreUrls: true,
            service: { fastcgi: { backends: `unix:${php.socket}`, root: php.root } },
          },
        },
      },
    });
    const first = await ask(mounted.port(), { path: "/php/?go=1" });
    assert.equal(first.status, 302);
    assert.equal(field(first, "location"), "/php/next.php");
    const cookie = field(first, "set-cookie");
    assert.match(cookie, /; path=\/php$/i);
    const headers = { Cookie: cookie.split(";")[0] ?? "" };
    const second = await ask(mounted.port(), { path: "/php/index.php?self=1", headers });
    assert.equal(field(second, "location"), "/php/next.php");
    const third = await ask(mounted.port(), { path: "/php", headers });
    assert.equal(third.body, "3 /php/index.php /php");
  },
);
