// The console of the real program in a real browser: how it is served, the login, the shell, and the pages that show what
// goes on.

import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { buffer } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { Browser } from "playwright-core";
import { WebSocket, WebSocketServer } from "ws";
import { adminConfig, baseOf, passwordOf } from "../harness/admin-program.ts";
import { basic } from "../harness/admin-stand.ts";
import { ask } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { consoleBrowser, logIn, openConsole, visit } from "../harness/console-page.ts";
import { needs } from "../harness/needs.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 60_000 };

/** As it is sent: nothing is decompressed. */
async function fetchPlain(url: string, headers: Record<string, string> = {}) {
  const sent = request(url, { headers, agent: false });
  sent.end();
  const [response] = await once(sent, "response");
  const body = await buffer(response);
  return { status: response.statusCode, headers: response.headers, body };
}

describe("the console", { skip: needs("chromium") }, () => {
  const stack = new AsyncDisposableStack();
  let browser: Browser;
  let program: Tidegate;
  let base: string;
  let password: string;

  before(async () => {
    browser = await consoleBrowser();
    stack.defer(() => browser.close());
    const origin = stack.use(
      await httpOrigin((incoming, response) => {
        response.statusCode = incoming.url === "/broken" ? 500 : 200;
        response.end("hello");
      }),
    );
    const sockets = new WebSocketServer({ server: origin.server });
    stack.defer(() => sockets.close());
    program = stack.use(
      await startTidegate({
        config: {
          ...adminConfig,
          routes: { "app.test": origin.url, "file.test": { whoami: true } },
        },
        workers: 1,
      }),
    );
    base = baseOf(program);
    password = passwordOf(program);
  });
  after(() => stack.disposeAsync());

  const opened = async (page: string, title: string) => {
    const held = await openConsole(browser, base);
    await logIn(held.page, "admin", password);
    if (page !== "") await visit(held.page, page, title);
    return held;
  };

  test(
    "comes under a strict policy, compressed, and is kept by names that change",
    bounded,
    async () => {
      const gzip = { "Accept-Encoding": "gzip" };
      const home = await fetchPlain(base, gzip);
      assert.equal(home.status, 200);
      assert.equal(home.headers["cache-control"], "no-cache");
      assert.equal(home.headers["x-frame-options"], "DENY");
      const policy = String(home.headers["content-security-policy"]);
      assert.match(policy, /^default-src 'none'; script-src 'self';/);
      assert.doesNotMatch(policy, /unsafe|http|\*/);
      assert.equal(home.headers["content-encoding"], "gzip");
      const again = await fetchPlain(base, { "If-None-Match": String(home.headers.etag) });
      assert.deepEqual([again.status, again.body.length], [304, 0]);
      const page = gunzipSync(home.body).toString();
      assert.doesNotMatch(page, /<script>|<style|style=|https?:/);
      const named = [...page.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path);
      assert.ok(named.length >= 3, page);
      for (const path of named) {
        const asset = await fetchPlain(`${base}${path}`, { "Accept-Encoding": "br" });
        assert.equal(asset.status, 200);
        assert.equal(asset.headers["content-encoding"], "br");
        assert.equal(asset.headers["cache-control"], "public, max-age=31536000, immutable");
        const plain = await fetchPlain(`${base}${path}`, { "Accept-Encoding": "br;q=0" });
        assert.equal(plain.headers["content-encoding"], undefined);
        assert.ok(plain.body.length >= asset.body.length);
      }
      for (const path of [
        "/assets/nothing.js",
        "/assets/..%2findex.html",
        "/index.html",
        "/.stamp",
      ]) {
        assert.equal((await fetchPlain(`${base}${path}`)).status, 404, path);
      }
    },
  );

  test("has less than 150 kB to load before its first page is there", bounded, async () => {
    await using held = await openConsole(browser, base);
    const { page } = held;
    const paths = new Set<string>(["/"]);
    page.on("request", (each) => {
      const { pathname } = new URL(each.url());
      if (pathname.startsWith("/assets/")) paths.add(pathname);
    });
    await page.reload();
    await logIn(page, "admin", password);
    await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
    assert.ok(paths.size > 3, [...paths].join(" "));
    let bytes = 0;
    for (const path of paths) {
      const { body } = await fetchPlain(`${base}${path}`, { "Accept-Encoding": "gzip" });
      bytes += body.length;
    }
    assert.ok(bytes < 150_000, `${bytes} bytes`);
  });

  test("lets in with the keyboard alone, and goes from page to page by it", bounded, async () => {
    await using held = await openConsole(browser, base);
    const { page } = held;
    await page.getByLabel("User").waitFor();
    await page.keyboard.type("admin");
    await page.keyboard.press("Tab");
    await page.keyboard.type("wrong password");
    await page.keyboard.press("Enter");
    await page.getByText("User or password is wrong.").waitFor();
    held.troubles(); // the browser says that it was refused
    await page.getByLabel("Password").focus();
    await page.keyboard.type(password);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("workers");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Workers", level: 1 }).waitFor();
    await page.getByRole("link", { name: "Logs" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Logs", level: 1 }).waitFor();
    assert.deepEqual(held.troubles(), []);
  });

  test(
    "leads back to the login when the session is over, and then to where one was",
    bounded,
    async () => {
      await using held = await opened("workers", "Workers");
      const { page, context } = held;
      await context.clearCookies();
      await page.getByText("Your session is over").waitFor();
      await logIn(page, "admin", password);
      await page.getByRole("heading", { name: "Workers", level: 1 }).waitFor();
      assert.equal(new URL(page.url()).hash, "#/workers");
      await page.getByRole("button", { name: /admin/ }).click();
      await page.getByRole("button", { name: "Log out" }).click();
      await page.getByRole("heading", { name: "Log in to the console" }).waitFor();
      const left = (await context.cookies()).filter(({ value }) => value !== "");
      assert.deepEqual(left, []);
    },
  );

  test("remembers the colours that one chose", bounded, async () => {
    await using held = await opened("workers", "Workers");
    const { page } = held;
    const ground = () =>
      page.evaluate<string>("getComputedStyle(document.documentElement).backgroundColor");
    const light = await ground();
    await page.getByRole("button", { name: /admin/ }).click();
    await page.getByRole("button", { name: "Dark" }).click();
    const dark = await ground();
    assert.notEqual(dark, light);
    await page.reload();
    await page.getByRole("heading", { name: "Workers", level: 1 }).waitFor();
    assert.equal(await ground(), dark);
  });

  test("shows on the overview what is asked and what fails, as it happens", bounded, async () => {
    await using held = await opened("", "Overview");
    const { page } = held;
    await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
    const path = "/broken";
    await eventually(
      "the route to be among the busiest, with its errors",
      async () => {
        await ask(program.port(), { name: "app.test", path });
        const row = page.getByRole("row", { name: /app\.test .*%/ });
        return (await row.count()) > 0;
      },
      15_000,
    );
    await page.getByRole("img", { name: "Requests and errors per second" }).waitFor();
    assert.deepEqual(held.troubles(), []);
  });

  test(
    "shows requests in the moment they are over, those that fit, and none while it pauses",
    bounded,
    async () => {
      await using held = await opened("traffic", "Traffic");
      const { page } = held;
      const rows = page.getByRole("table", { name: "Live requests" });
      const first = rows.getByRole("row", { name: /app\.test\/one/ });
      await eventually("the request to be shown", async () => {
        await ask(program.port(), { name: "app.test", path: "/one?token=secret-of-mine" });
        return (await first.count()) > 0;
      });
      assert.doesNotMatch(await rows.innerText(), /secret-of-mine/);
      await first.first().click();
      const details = page.getByRole("dialog");
      assert.match(await details.innerText(), /Backend answered in/);
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "5xx" }).click();
      await eventually("only the failure to be shown", async () => {
        await ask(program.port(), { name: "app.test", path: "/one" });
        await ask(program.port(), { name: "app.test", path: "/broken" });
        const text = await rows.innerText();
        return text.includes("/broken") && !text.includes("/one");
      });
      await page.getByRole("button", { name: "Pause" }).click();
      await page.getByText("paused").waitFor();
      const shown = rows.locator(".table-row.opens");
      await shown.nth(0).focus();
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Enter");
      await page.getByRole("dialog").getByRole("link", { name: "Explain this request" }).click();
      await page.getByText("app.test takes it and asks app.test").waitFor();
      assert.deepEqual(held.troubles(), []);
    },
  );

  test("lists a WebSocket that is open, and cuts it", bounded, async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${program.port()}/chat`, {
      headers: { Host: "app.test" },
    });
    await once(socket, "open");
    const closed = once(socket, "close");
    await using held = await opened("traffic?tab=open", "Traffic");
    const { page } = held;
    const row = page.getByRole("row", { name: /app\.test\/chat/ });
    await row.waitFor();
    assert.match(await row.innerText(), /tunnel/);
    await row.getByRole("button", { name: /Cut/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cut", exact: true }).click();
    await closed;
    await row.waitFor({ state: "detached" });
    assert.deepEqual(held.troubles(), []);
  });

  test("shows the log line by line, and finds in it", bounded, async () => {
    await using held = await opened("logs", "Logs");
    const { page } = held;
    await page.getByRole("table", { name: "Log" }).getByRole("row").nth(1).waitFor();
    program.signal("SIGHUP");
    await page.getByRole("searchbox").fill("configuration");
    await eventually("the reload to be told", async () => {
      const text = await page.getByRole("table", { name: "Log" }).innerText();
      return /configuration/i.test(text);
    });
    await page.getByRole("searchbox").fill("quetzalcoatl");
    await page.getByText("No line fits").waitFor();
    assert.deepEqual(held.troubles(), []);
  });

  test("explains a request in steps, and the address of that can be shared", bounded, async () => {
    await using held = await opened("explain", "Explain");
    const { page } = held;
    await page.getByLabel("URL").fill("http://app.test/cart");
    await page.keyboard.press("Enter");
    await page.getByText("app.test takes it and asks app.test").waitFor();
    await page.reload();
    await page.getByText("app.test takes it and asks app.test").waitFor();
    await page.getByLabel("URL").fill("http://nobody.test/");
    await page.getByRole("button", { name: "Explain" }).click();
    await page.getByText(/Answered with 404/).waitFor();
    assert.deepEqual(held.troubles(), []);
  });

  test("goes over to another number of workers, and shows those there are", bounded, async () => {
    await using held = await opened("workers", "Workers");
    const { page } = held;
    await page.getByRole("button", { name: "Resize" }).click();
    const dialog = page.getByRole("dialog", { name: "Resize" });
    await dialog.getByLabel("Workers").fill("2");
    await dialog.getByRole("button", { name: "Resize" }).click();
    await dialog.waitFor({ state: "detached", timeout: 40_000 });
    const live = page.getByRole("table", { name: "Workers" }).getByText("live", { exact: true });
    await eventually("two workers to be live", async () => (await live.count()) === 2, 15_000);
    assert.deepEqual(held.troubles(), []);
  });

  test("shows nothing that changes something to who may only read", bounded, async () => {
    const body = { name: "reader", role: "read", password: "only here to look around" };
    const added = await fetch(`${base}/v1/users`, {
      method: "POST",
      headers: {
        ...basic("admin", password),
        "Content-Type": "application/json",
      },
      body: JSON.stringify(body),
    });
    assert.equal(added.status, 201);
    await using held = await openConsole(browser, base);
    const { page } = held;
    await logIn(page, "reader", body.password);
    await visit(page, "workers", "Workers");
    await page.getByRole("table", { name: "Workers" }).getByText("live").first().waitFor();
    assert.equal(await page.getByRole("button", { name: /Resize|Replace/ }).count(), 0);
    await visit(page, "traffic?tab=open", "Traffic");
    await page.getByText("Open now").waitFor();
    assert.equal(await page.getByRole("button", { name: /^Cut/ }).count(), 0);
    assert.deepEqual(held.troubles(), []);
  });

  test("says when the program cannot be reached, and goes on when it can", bounded, async () => {
    await using held = await opened("workers", "Workers");
    const { page, context } = held;
    await page.getByRole("table", { name: "Workers" }).getByText("live").first().waitFor();
    await context.setOffline(true);
    await page.getByText("Tidegate cannot be reached").waitFor();
    await context.setOffline(false);
    await page.getByText("Tidegate cannot be reached").waitFor({ state: "detached" });
  });
});
