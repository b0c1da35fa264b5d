// The admin API in a real browser: its reference can be read and searched under its own strict policy, and a page of
// somebody else can do nothing with the session of who looks at it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Browser, chromium } from "playwright-core";
import { adminStand, password } from "../harness/admin-stand.ts";
import { findCommand, needs } from "../harness/needs.ts";
import { httpOrigin } from "../harness/origin.ts";

const bounded = { timeout: 60_000, skip: needs("chromium") };

async function started(stack: AsyncDisposableStack): Promise<Browser> {
  const browser = await chromium.launch({
    executablePath: findCommand("chromium") ?? "chromium",
    args: ["--no-sandbox"],
  });
  stack.defer(() => browser.close());
  return browser;
}

test("the reference can be searched, and its policy refuses nothing of it", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  await using stand = await adminStand();
  const browser = await started(stack);
  const page = await browser.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("requestfailed", (request) => complaints.push(request.url()));
  await page.goto(`${stand.base}/docs/api`);
  const shown = page.locator("details.entry:visible");
  const all = await shown.count();
  assert.ok(all > 60, `${all} entries`);
  await page.locator("#find").fill("rollback");
  await page.locator("#rollback").waitFor({ state: "visible" });
  assert.ok((await shown.count()) < 10);
  await page.locator("#find").fill("quetzalcoatl");
  await page.locator("#none").waitFor({ state: "visible" });
  await page.goto(`${stand.base}/docs/api#schema-Service`);
  assert.equal(await page.locator("#schema-Service").getAttribute("open"), "");
  assert.deepEqual(
    complaints.filter((each) => !each.includes("favicon")),
    [],
  );
});

test("a page of somebody else can do nothing with a session", bounded, async () => {
  await using stack = new AsyncDisposableStack();
  await using stand = await adminStand();
  // The same site to a browser, so that the cookie comes along: the port does not count.
  await using evil = await httpOrigin((_request, response) => {
    response.setHeader("Content-Type", "text/html");
    response.end(`<form method="post" action="${stand.base}/v1/reload"><button>go</button></form>`);
  });
  const browser = await started(stack);
  const context = await browser.newContext();
  const login = await context.request.post(`${stand.base}/v1/login`, {
    data: { user: "admin", password },
  });
  const { csrf } = (await login.json()) as { csrf: string };
  const page = await context.newPage();
  await page.goto(evil.url);
  const found = await page.evaluate(async (base) => {
    const results: string[] = [];
    for (const mode of ["cors", "no-cors"] as const) {
      const init = { method: "POST", credentials: "include", mode } as const;
      results.push(
        await fetch(`${base}/v1/reload`, init).then(
          ({ type }) => type,
          () => "refused",
        ),
      );
    }
    results.push(
      await fetch(`${base}/v1/status`, { credentials: "include" }).then(
        () => "read",
        () => "refused",
      ),
    );
    return results;
  }, stand.base);
  assert.deepEqual(found, ["refused", "refused", "refused"]);
  const answer = page.waitForResponse(`${stand.base}/v1/reload`);
  await page.locator("button").click();
  assert.equal((await answer).status(), 403);
  assert.deepEqual(stand.operations.calls, []);
  const own = await context.request.post(`${stand.base}/v1/reload`, {
    headers: { "X-Tidegate-Csrf": csrf },
  });
  assert.equal(own.status(), 200);
  assert.deepEqual(stand.operations.calls, ["reload"]);
});
