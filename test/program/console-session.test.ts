// A console that stays open: what it follows in a tab that nobody sees, what another tab does to its session, and what
// remains of one user for the next.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { adminConfig, baseOf, passwordOf } from "../harness/admin-program.ts";
import { basic } from "../harness/admin-stand.ts";
import { eventually } from "../harness/barrier.ts";
import { consoleBrowser, logIn, openConsole, visit } from "../harness/console-page.ts";
import { needs } from "../harness/needs.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 110_000 };

/** Headless browsers show every tab. */
function show(page: Page, isShown: boolean): Promise<void> {
  return page.evaluate(
    `Object.defineProperty(document, "hidden", { value: ${!isShown}, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));`,
  );
}

describe("a console that stays open", { skip: needs("chromium") }, () => {
  const stack = new AsyncDisposableStack();
  let browser: Browser;
  let program: Tidegate;

  before(async () => {
    browser = await consoleBrowser();
    stack.defer(() => browser.close());
    const routes = { "file.test": { whoami: true } };
    program = stack.use(await startTidegate({ config: { ...adminConfig, routes } }));
    const made = await fetch(`${baseOf(program)}/v1/users`, {
      method: "POST",
      headers: { ...basic("admin", passwordOf(program)), "Content-Type": "application/json" },
      body: JSON.stringify({ name: "reader", role: "read", password: "long enough for all" }),
    });
    assert.equal(made.status, 201, await made.text());
  });
  after(() => stack.disposeAsync());

  for (const [name, title, path] of [
    ["traffic", "Traffic", "/v1/traffic?follow=true"],
    ["logs", "Logs", "/v1/log?follow=true"],
  ] as const) {
    test(
      `${name} is not followed in a hidden tab, and again when it is seen`,
      bounded,
      async () => {
        await using held = await openConsole(browser, baseOf(program));
        const { page } = held;
        await logIn(page, "admin", passwordOf(program));
        await page.clock.install();
        let begun = 0;
        let ended = 0;
        page.on("request", (each) => void (begun += Number(each.url().includes(path))));
        page.on("requestfailed", (each) => void (ended += Number(each.url().includes(path))));
        await visit(page, name, title);
        await page.clock.runFor(1000);
        await eventually("it to be followed", () => begun === 1);
        await show(page, false);
        await page.clock.runFor(5000);
        assert.equal(ended, 0, "who looks elsewhere for a moment misses nothing");
        await page.clock.runFor(30_000);
        await eventually("it to be let go", () => ended === 1);
        await page.clock.runFor(60_000);
        assert.equal(begun, 1);
        await show(page, true);
        await page.clock.runFor(1000);
        await eventually("it to be followed again", () => begun === 2);
      },
    );
  }

  test("another tab's logout ends it, and another's login is noticed", bounded, async () => {
    await using held = await openConsole(browser, baseOf(program));
    const { page, context } = held;
    await logIn(page, "admin", passwordOf(program));
    await visit(page, "routes", "Routes");
    await page.getByRole("button", { name: "Add a route" }).first().waitFor();
    const other = await context.newPage();
    await other.goto(baseOf(program));
    await other.getByRole("button", { name: /colours and logging out/ }).click();
    await other.getByRole("button", { name: "Log out" }).click();
    await logIn(other, "reader", "long enough for all");
    await show(page, true);
    await page.getByRole("button", { name: /^reader:/ }).waitFor();
    await page.getByRole("button", { name: "Add a route" }).first().waitFor({ state: "detached" });
    await other.getByRole("button", { name: /colours and logging out/ }).click();
    await other.getByRole("button", { name: "Log out" }).click();
    await other.getByLabel("Password").waitFor();
    await show(page, true);
    await page.getByText("Your session is over").waitFor();
  });

  test("a question that nobody answered is not put to the next user", bounded, async () => {
    await using held = await openConsole(browser, baseOf(program));
    const { page, context } = held;
    await logIn(page, "admin", passwordOf(program));
    await visit(page, "workers", "Workers");
    await page.getByRole("button", { name: "Replace all" }).click();
    const question = page.getByRole("dialog");
    await question.waitFor();
    await context.clearCookies();
    await show(page, true);
    await page.getByText("Your session is over").waitFor();
    await logIn(page, "reader", "long enough for all");
    await page.getByRole("heading", { name: "Workers", level: 1 }).waitFor();
    assert.equal(await question.count(), 0);
  });

  test("who cannot reach it is not told to be logged out", bounded, async () => {
    await using held = await openConsole(browser, baseOf(program));
    const { page } = held;
    await logIn(page, "admin", passwordOf(program));
    await page.route("**/v1/**", (route) => route.abort());
    await page.getByRole("button", { name: /colours and logging out/ }).click();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("status").getByText("Tidegate cannot be reached").waitFor();
    assert.equal(await page.getByLabel("Password").count(), 0);
    await page.unroute("**/v1/**");
    const alerts = page.getByRole("alert");
    await eventually("it to be reached again", async () => (await alerts.count()) === 0, 30_000);
  });
});
