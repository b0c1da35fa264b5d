// WordPress, as Debian packages it, in an LXC container without a web server, behind the real program: installed,
// used with a browser and restarted. Its code is in one folder and what is its own in another, both only seen with
// the container's mounts, and PHP listens on a tmpfs of the container.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { symlink, writeFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { ask, field } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { type ChromiumPage, chromiumNeeds, openChromium } from "../harness/chromium-page.ts";
import { type LxcHost, startLxcHost } from "../harness/lxc-host.ts";
import { needs } from "../harness/needs.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { phpSocket } from "../harness/recipe-php.ts";
import { sourcePaths } from "../harness/recipe-source.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";
import { startWordPress, type WordPress, wordPressNeeds } from "../harness/wordpress.ts";
import * as visit from "../harness/wordpress-visit.ts";

const skip = needsRoot() || needs(...wordPressNeeds, ...chromiumNeeds);
const hostName = "blog.localhost";

/** What somebody writes who has it in the container `blog`. */
const configuration = (folder: string) => `
listeners: { web: 127.0.0.1:0 }
accessLog: { format: json, path: "{folder}/access.log" }
providers: { lxc: { paths: [${folder}] } }
workers: 2
routes:
  ${hostName}:
    container: lxc/blog
    preset: wordpress
    files: /usr/share/wordpress
    fastcgi: unix:${phpSocket}
  ${hostName}/wp-content:
    container: lxc/blog
    preset: wordpress
    files: { root: /var/lib/wordpress, try: $path }
    fastcgi: unix:${phpSocket}
`;

describe("WordPress in a container", { skip, timeout: 150_000 }, () => {
  let host: LxcHost;
  let blog: WordPress;
  let program: Tidegate;
  let browser: ChromiumPage;
  const parts = new AsyncDisposableStack();
  before(async () => {
    host = parts.use(await startLxcHost());
    blog = await startWordPress(host, "blog", { last: 11, hostName });
    program = parts.use(await startTidegate({ config: configuration(host.path) }));
    browser = parts.use(await openChromium());
    await eventually("the container to be known", async () => {
      const { status } = await get("/readme.html");
      return status === 200 || undefined;
    });
  });
  after(() => parts.disposeAsync());

  const get = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    ask(program.port(), {
      path,
      name: `${hostName}:${program.port()}`,
      headers: { ...headers, Connection: "close" },
      timeoutMs: 20_000,
    });
  /** One thing that is done with the browser; whatever goes wrong in it fails the test. */
  const step = async <T>(name: string, run: () => Promise<T>): Promise<T> => {
    try {
      const result = await run();
      assert.deepEqual(browser.troubles(), [], name);
      await browser.picture(name);
      return result;
    } catch (error) {
      await browser.picture(`failed-${name}`);
      const seen = [browser.page.url(), ...browser.troubles(), program.stderr()].join("\n");
      throw new Error(`${name}: ${seen}\n${await blog.logs()}`, { cause: error });
    }
  };

  test("it is installed, used, restarted and used again, with a browser", async () => {
    const { page } = browser;
    const base = `http://${hostName}:${program.port()}`;
    await step("1-installed", () => visit.install(page, base, "A blog in a container"));
    await step("2-logged-in", () => visit.logIn(page, base));
    const sent = visit.noise("noise.png", 900);
    const picture = await step("3-uploaded", () => visit.uploadPicture(page, base, sent));
    await isServed(picture, sent.bytes);
    await step("4-addresses", () => visit.choosePrettyAddresses(page, base));
    const post = { title: "Hello from inside", text: "Grüße aus dem Container" };
    const link = await step("5-published", () => visit.publish(page, base, post));
    assert.equal(link, `${base}/hello-from-inside/`);
    await step("6-read", () => reads(link, post.text));
    await step("7-clicked-through", () => clickThrough(base));
    await step("8-commented", () => visit.comment(page, link, "It works"));
    await isOrdinary(base);
    await blog.kill();
    await eventually("the container to be away", async () => {
      const { status } = await get("/");
      return status === 503 || undefined;
    });
    assert.equal((await get("/readme.html")).status, 503, "nothing of it is served then");
    await blog.start();
    await eventually("the container to serve again", async () => {
      const { status } = await get("/hello-from-inside/");
      return status === 200 || undefined;
    });
    await step("9-after-restart", () => reads(link, post.text));
    await step("10-still-logged-in", async () => {
      await page.goto(`${base}/wp-admin/edit.php`);
      await page.waitForSelector("text=Hello from inside");
    });
    await isServed(picture, sent.bytes);
  });

  const reads = async (link: string, text: string) => {
    await browser.page.goto(link);
    await browser.page.waitForSelector(`text=${text}`);
  };

  /** The picture is a file of the container: the bytes that were sent, also a part of them, and not again. */
  const isServed = async (picture: string, bytes: Buffer) => {
    const { page } = browser;
    const digest = await page.evaluate(digestOf, picture);
    assert.equal(digest, createHash("sha256").update(bytes).digest("hex"));
    const { pathname } = new URL(picture);
    const whole = await get(pathname);
    assert.equal(field(whole, "content-type"), "image/png");
    const part = await get(pathname, { Range: "bytes=1-3" });
    assert.deepEqual([part.status, part.body], [206, "PNG"]);
    const same = await get(pathname, { "If-None-Match": field(whole, "etag") });
    assert.deepEqual([same.status, same.body], [304, ""]);
  };

  const clickThrough = async (base: string) => {
    const { page } = browser;
    for (const each of ["plugins.php", "themes.php", "users.php", "options-general.php"]) {
      await page.goto(`${base}/wp-admin/${each}`);
      await page.waitForSelector("#wpadminbar");
    }
    await page.goto(`${base}/`);
    await page.click("text=Hello from inside");
    await page.waitForURL(`${base}/hello-from-inside/`);
  };

  /** What browsers do not show. */
  const isOrdinary = async (base: string) => {
    const admin = await get("/wp-admin");
    assert.deepEqual(
      [admin.status, new URL(field(admin, "location"), base).href],
      [301, `${base}/wp-admin/`],
    );
    const unknown = await get("/no-such-page/");
    assert.equal(unknown.status, 404);
    assert.match(unknown.body, /A blog in a container/, "told by WordPress");
    const api = await get("/wp-json/wp/v2/posts?per_page=1&search=inside");
    assert.match(api.body, /hello-from-inside/);
    assert.match(field(api, "content-type"), /json/);
    assert.equal((await get("/feed/")).status, 200);
    const found = await get("/?s=inside");
    assert.match(found.body, /Hello from inside/);
    const style = await get("/wp-includes/css/dashicons.min.css?ver=6");
    assert.deepEqual(
      [style.status, field(style, "content-type")],
      [200, "text/css; charset=utf-8"],
    );
    // A link to another folder of the container's.
    const theme = await get("/wp-content/themes/twentytwentythree/style.css");
    assert.match(theme.body, /Theme Name: Twenty Twenty-Three/);
  };

  test("no source and no secret of it is shown, however it is asked for", async () => {
    const uploads = blog.file("/var/lib/wordpress/wp-content/uploads");
    const secret = `/etc/wordpress/config-${hostName}.php`;
    await writeFile(`${uploads}/evil.php`, "<?php echo 'was ' . 'executed'; // of no use");
    await writeFile(`${uploads}/picture.jpg`, "a picture of no use");
    await symlink(secret, `${uploads}/absolute.txt`);
    await symlink(`../../../../..${secret}`, `${uploads}/relative.txt`);
    await symlink("../../../../../../../../../etc/hosts", `${uploads}/hosts.txt`);
    const bases = ["/wp-config.php", "/wp-content/uploads/evil.php"];
    const paths = [
      ...bases.flatMap(sourcePaths),
      ...["absolute.txt", "relative.txt", "picture.jpg/x.php"].map(
        (each) => `/wp-content/uploads/${each}`,
      ),
      ...[secret, "/../../etc/wordpress", "/wp-content/../../../etc/passwd", "/.htaccess"],
    ];
    const waiting = paths.values();
    const askSome = async () => {
      for (const path of waiting) {
        const { status, body } = await get(path);
        assert.ok(status < 500, `${path}: ${status}`);
        assert.doesNotMatch(body, /<\?php|of no use|DB_PASSWORD|root:x|was executed/, path);
      }
    };
    await Promise.all(Array.from({ length: 4 }, askSome));
    const hosts = await get("/wp-content/uploads/hosts.txt");
    assert.deepEqual([hosts.status, hosts.body], [200, "127.0.0.1 localhost\n"], "its own one");
  });
});

/** Runs in the browser. */
async function digestOf(url: string): Promise<string> {
  const bytes = await (await fetch(url)).arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...digest].map((each) => each.toString(16).padStart(2, "0")).join("");
}
