// The old recipe, nginx on the host in front of LXC containers without web servers, as people write it here: a feed
// reader in PHP, a store of files behind FastCGI over TCP, and a forge behind a unix socket.

import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { eventually } from "../harness/barrier.ts";
import { runCommand } from "../harness/command.ts";
import type { LxcApp } from "../harness/lxc-app.ts";
import { type LxcHost, startLxcHost } from "../harness/lxc-host.ts";
import { needs } from "../harness/needs.ts";
import { needsRoot } from "../harness/needs-root.ts";
import * as guests from "../harness/recipe-guests.ts";
import { digestOf, formOf, noiseBytes } from "../harness/recipe-request.ts";
import { type RecipeRequest, requestOf } from "../harness/recipe-request.ts";
import { sourcePaths } from "../harness/recipe-source.ts";
import { tempFolder } from "../harness/temp-folder.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const skip = needsRoot() || needs(...guests.recipeNeeds);

/** @param folder of the containers @param seafile address of that container */
const configuration = (folder: string, seafile: string) => `
listeners: { web: 127.0.0.1:0 }
accessLog: { format: json, path: "{folder}/access.log" }
providers: { lxc: { paths: [${folder}] } }
workers: 2
routes:
  home.localhost/ttrss:
    container: lxc/ttrss
    preset: ttrss
    files: /var/www
    fastcgi: unix:/var/run/php/php-fpm.sock
    maxBody: 8MiB
    accessLog: { format: json, path: "{folder}/ttrss.log" }
    errorLog: "{folder}/ttrss-errors.log"
  home.localhost/seafile:
    preset: seafile
    fastcgi: ${seafile}:8000
    maxBody: 64MiB
  home.localhost/seafhttp:
    service: http://${seafile}:8082
    stripPrefix: /seafhttp
    restoreUrls: true
    maxBody: 0
    timeouts: { response: 10h }
  home.localhost/seafmedia:
    container: lxc/seafile
    files: { root: /opt/seafile/seafile-server-latest/seahub, cacheControl: max-age=3600 }
    replacePrefix: /media
  git.localhost:
    container: lxc/gitlab
    files:
      root: /opt/gitlab/embedded/service/gitlab-rails/public
      try: [$path, $path/index.html, $path.html, "@gitlab"]
    maxBody: 0
services:
  gitlab:
    container: lxc/gitlab
    backends: [unix:/var/opt/gitlab/gitlab-workhorse/sockets/socket]
    timeouts: { response: 5m }
`;

describe("the old recipe", { skip, timeout: 150_000 }, () => {
  let host: LxcHost;
  let reader: LxcApp;
  let forge: LxcApp;
  let program: Tidegate;
  const parts = new AsyncDisposableStack();
  before(async () => {
    host = parts.use(await startLxcHost());
    reader = await guests.startFeedReader(host, "ttrss", 20);
    const { address } = await guests.startSeafile(host, "seafile", 21);
    forge = await guests.startForge(host, "gitlab", 22);
    program = parts.use(await startTidegate({ config: configuration(host.path, address) }));
    for (const path of ["/ttrss/login.php", "/seafmedia/css/seahub.css"]) await isServed(path);
  });
  after(() => parts.disposeAsync());

  const ask = (path: string, more: Partial<RecipeRequest> = {}) =>
    requestOf(program.port(), { host: "home.localhost", path, ...more });
  const forgeAsk = (path: string) => ask(path, { host: "git.localhost" });
  const base = (name = "home") => `http://${name}.localhost:${program.port()}`;
  const isServed = (path: string, name = "home.localhost") =>
    eventually(
      `${path} to be served`,
      async () => ((await ask(path, { host: name })).status === 200 ? true : undefined),
      20_000,
    );
  const post = { method: "POST", headers: { "Content-Type": "application/x-www-form-urlencoded" } };

  describe("a feed reader in PHP, below /ttrss", () => {
    test("is logged in to: its redirects and its cookie are right from outside", async () => {
      const bare = await ask("/ttrss");
      assert.deepEqual(
        [bare.status, new URL(bare.headers.location ?? "", base()).href],
        [301, `${base()}/ttrss/`],
      );
      const first = await ask("/ttrss/");
      assert.deepEqual([first.status, first.headers.location], [302, "login.php"]);
      assert.equal((await ask("/ttrss/login.php")).text, "please log in");
      const body = "op=login&login=kim&password=opensesame";
      const done = await ask("/ttrss/index.php", { ...post, body });
      assert.equal(done.headers.location, `${base()}/ttrss/index.php?op=feeds`);
      assert.match(done.cookies.join(), /^ttrss_sid=\w+; path=\/ttrss\/; HttpOnly$/);
      const [Cookie = ""] = done.cookies.map((each) => each.split(";")[0] ?? "");
      const feeds = await ask("/ttrss/index.php?op=feeds", { headers: { Cookie } });
      assert.deepEqual([feeds.status, feeds.text], [200, "feeds of kim"]);
      const refused = await ask("/ttrss/index.php", { ...post, body: "op=login&password=x" });
      assert.equal(refused.status, 403);
      // Uploads, of a length that is said and of one that is not.
      const bytes = noiseBytes(5_000_000);
      const form = formOf({ op: "upload" }, "opml", bytes);
      for (const sent of [Buffer.concat(form.body), form.body]) {
        const headers = { ...form.headers, Cookie };
        const answer = await ask("/ttrss/index.php", { method: "POST", headers, body: sent });
        const wanted = { name: "sent.bin", size: bytes.length, sha256: digestOf(bytes) };
        assert.deepEqual(answer.json(), wanted);
      }
      const tooMuch = formOf({ op: "upload" }, "opml", noiseBytes(9_000_000));
      const whole = Buffer.concat(tooMuch.body);
      const headers = { ...tooMuch.headers, Cookie };
      const tooLarge = await ask("/ttrss/index.php", { method: "POST", headers, body: whole });
      assert.equal(tooLarge.status, 413);
    });

    test("is told paths of its own, and nothing of this machine", async () => {
      const headers = { Proxy: "http://evil.test/", "X-Ttrss-Key": "1", X_Ttrss_Key: "2" };
      const answer = await ask("/ttrss/told.php?a=%20b&c", { headers });
      const told = answer.json() as Record<string, string>;
      const wanted = {
        SCRIPT_FILENAME: "/var/www/ttrss/told.php",
        SCRIPT_NAME: "/ttrss/told.php",
        DOCUMENT_ROOT: "/var/www",
        DOCUMENT_URI: "/ttrss/told.php",
        REQUEST_URI: "/ttrss/told.php?a=%20b&c",
        QUERY_STRING: "a=%20b&c",
        REQUEST_METHOD: "GET",
        SERVER_PROTOCOL: "HTTP/1.1",
        GATEWAY_INTERFACE: "CGI/1.1",
        REMOTE_ADDR: "127.0.0.1",
        SERVER_ADDR: "127.0.0.1",
        SERVER_PORT: String(program.port()),
        SERVER_NAME: "home.localhost",
        HTTP_HOST: `home.localhost:${program.port()}`,
        HTTP_X_TTRSS_KEY: "1",
      };
      const seen = Object.fromEntries(Object.keys(wanted).map((each) => [each, told[each]]));
      assert.deepEqual(seen, wanted);
      assert.equal(told["HTTP_PROXY"], undefined);
      assert.doesNotMatch(answer.text, /\/proc\/|tidegate-lxc|rootfs/);
      const api = await ask("/ttrss/api/index.php/feeds/1%202", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: '{"op":"getFeeds"}',
      });
      assert.deepEqual(api.json(), { info: "/feeds/1 2", sent: { op: "getFeeds" } });
    });

    test("has files, whole and in parts, and no source is among them", async () => {
      const path = "/ttrss/images/note.txt";
      const whole = await ask(path);
      assert.equal(whole.headers["content-type"], "text/plain; charset=utf-8");
      const part = await ask(path, { headers: { Range: "bytes=10-12,20-21" } });
      assert.equal(part.status, 206);
      assert.match(part.text, /bytes 10-12\/100\r\n\r\nabc\r\n[^]*bytes 20-21\/100\r\n\r\nab\r\n/);
      const etag = whole.headers.etag ?? "";
      assert.equal((await ask(path, { headers: { "If-None-Match": etag } })).status, 304);
      for (const each of sourcePaths("/ttrss/config.php")) {
        const { status, text } = await ask(each);
        assert.doesNotMatch(text, /<\?php|the-password-of-ttrss/, each);
        assert.ok(status < 500, `${each}: ${status}`);
      }
    });

    test("has an access log and an error log of its own", async () => {
      assert.equal((await ask("/ttrss/loud.php?a=1")).text, "loud");
      const inLog = (name: string, pattern: RegExp) =>
        eventually(`${pattern} in ${name}`, async () => {
          const text = await readFile(join(program.folder, name), "utf8").catch(() => "");
          return pattern.test(text) || undefined;
        });
      await inLog("ttrss-errors.log", /home\.localhost\/ttrss.*a feed could not be read/);
      await inLog("ttrss.log", /loud\.php/);
      assert.doesNotMatch((await program.accessLog()).join("\n"), /loud\.php/);
    });

    test("is found again when PHP, or all of the container, was started again", async () => {
      // Busybox starts it again; its socket is another one.
      await reader.run("pkill", "-KILL", "php-fpm");
      await isServed("/ttrss/login.php");
      await reader.kill();
      await eventually("it to be away", async () =>
        (await ask("/ttrss/login.php")).status === 503 ? true : undefined,
      );
      await reader.start();
      await isServed("/ttrss/login.php");
      assert.equal((await ask("/ttrss/images/note.txt")).status, 200);
    });
  });

  describe("a store of files: FastCGI over TCP, HTTP, and a folder", () => {
    test("is logged in to, and makes its addresses right", async () => {
      const first = await ask("/seafile/");
      assert.deepEqual([first.status, first.headers.location], [302, "/seafile/accounts/login/"]);
      const body = "login=kim&password=opensesame";
      const done = await ask("/seafile/accounts/login/", { ...post, body });
      assert.deepEqual([done.status, done.headers.location], [302, `${base()}/seafile/`]);
      assert.match(done.cookies.join(), /sessionid=.*Path=\/seafile/);
      const [Cookie = ""] = done.cookies.map((each) => each.split(";")[0] ?? "");
      assert.equal((await ask("/seafile/", { headers: { Cookie } })).text, "libraries of kim");
      const answer = await ask("/seafile/told/a%20b%C3%BC?x=1");
      const { info, meta } = answer.json() as { info: string; meta: Record<string, string> };
      assert.equal(info, "/seafile/told/a bü");
      assert.equal(meta["REQUEST_URI"], "/seafile/told/a%20b%C3%BC?x=1");
      assert.equal(meta["QUERY_STRING"], "x=1");
      assert.ok(!meta["SCRIPT_NAME"], "the prefix is kept, and part of its path");
    });

    test("takes uploads of known and of unknown length, and sends what it makes", async () => {
      const bytes = noiseBytes(20_000_000);
      const { headers, body } = formOf({}, "file", bytes);
      for (const sent of [Buffer.concat(body), body]) {
        const answer = await ask("/seafile/upload/", { method: "POST", headers, body: sent });
        const wanted = { name: "sent.bin", size: bytes.length, sha256: digestOf(bytes) };
        assert.deepEqual(answer.json(), wanted);
      }
      const { text } = await ask("/seafile/stream/");
      const lines = text.trimEnd().split("\n");
      assert.deepEqual([lines.length, lines.at(-1)], [200_000, "0199999"]);
    });

    test("its contents go to another port, below a prefix it knows nothing of", async () => {
      const bytes = noiseBytes(30_000_000);
      for (const body of [bytes, [bytes.subarray(0, 9_000_000), bytes.subarray(9_000_000)]]) {
        const answer = await ask("/seafhttp/upload-api/token", { method: "POST", body });
        assert.equal(answer.text, `/upload-api/token ${bytes.length} ${digestOf(bytes)}`);
        assert.deepEqual(answer.cookies, ["sfcontent=1; Path=/seafhttp"]);
      }
      const moved = await ask("/seafhttp/files/token");
      assert.equal(moved.headers.location, `${base()}/seafhttp/f/token/`);
    });

    test("its media are files of the container, below another name", async () => {
      const style = await ask("/seafmedia/css/seahub.css");
      assert.deepEqual([style.status, style.text], [200, "body { color: #123456 }\n"]);
      assert.equal(style.headers["content-type"], "text/css; charset=utf-8");
      assert.equal(style.headers["cache-control"], "max-age=3600");
      // A link to a folder of the container's.
      assert.equal((await ask("/seafmedia/avatars/default.txt")).text, "a face\n");
      for (const path of ["/../secret.py", "/%2e%2e/secret.py", "/css/..%2f..%2fsecret.py"]) {
        const { status, text } = await ask(`/seafmedia${path}`);
        assert.ok(status >= 400, `${path}: ${status}`);
        assert.doesNotMatch(text, /the-key-of-seahub/);
      }
    });
  });

  describe("a forge behind a socket", () => {
    test("has files of three forms, and all the rest is asked of it", async () => {
      assert.equal((await forgeAsk("/robots.txt")).text, "User-Agent: *\n");
      assert.equal((await forgeAsk("/help")).text, "<p>help</p>\n");
      assert.equal((await forgeAsk("/about")).text, "<p>about</p>\n");
      const first = await forgeAsk("/");
      assert.deepEqual(
        [first.status, first.headers.location],
        [302, `${base("git")}/users/sign_in`],
      );
      assert.deepEqual(first.cookies, ["_gitlab_session=abc; path=/; HttpOnly"]);
      const answer = await forgeAsk("/group/project?tab=1");
      const { path, headers } = answer.json() as { path: string; headers: Record<string, string> };
      assert.equal(path, "/group/project?tab=1");
      assert.equal(headers["Host"], `git.localhost:${program.port()}`);
      assert.equal(headers["X-Forwarded-For"], "127.0.0.1");
      assert.equal(headers["X-Forwarded-Proto"], "http");
      assert.equal((await forgeAsk("/slow")).text, "slow but there");
    });

    test("git pushes to it and clones from it, also after a restart", async () => {
      await using folder = await tempFolder();
      const git = async (...args: readonly string[]) => {
        const resolve = `http.curloptResolve=git.localhost:${program.port()}:127.0.0.1`;
        const who = ["-c", "user.name=kim", "-c", "user.email=kim@home.test"];
        const words = ["-c", resolve, ...who, ...args];
        const env = { GIT_CONFIG_GLOBAL: "/dev/null", GIT_TERMINAL_PROMPT: "0", http_proxy: "" };
        const options = { cwd: folder.path, env, timeoutMs: 60_000 };
        const { code, stdout, stderr } = await runCommand("git", words, options);
        assert.equal(code, 0, `git ${args.join(" ")}: ${stdout}${stderr}`);
      };
      await git("init", "--quiet", "--initial-branch=main", "work");
      await mkdir(folder.file("work/data"));
      // More than git sends with a length.
      const bytes = noiseBytes(12_000_000);
      await writeFile(folder.file("work/data/noise.bin"), bytes);
      await git("-C", "work", "add", ".");
      await git("-C", "work", "commit", "--quiet", "--message", "noise");
      const address = `${base("git")}/group/project.git`;
      await git("-C", "work", "push", "--quiet", address, "main");
      await forge.kill();
      await forge.start();
      await isServed("/some/page", "git.localhost");
      await git("clone", "--quiet", address, "copy");
      const copied = await readFile(folder.file("copy/data/noise.bin"));
      assert.equal(digestOf(copied), digestOf(bytes));
    });
  });
});
