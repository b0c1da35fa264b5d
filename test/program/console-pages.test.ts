// Every page of the console, as its menu has them: it shows itself without a fault of script or policy, asks nobody but
// the program, can be used by who cannot see or point, in both colours, and fits a phone.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { adminConfig, baseOf, passwordOf } from "../harness/admin-program.ts";
import { ask } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import {
  accessFaults,
  consoleBrowser,
  logIn,
  openConsole,
  overhang,
  type PageOptions,
  picture,
  setHash,
} from "../harness/console-page.ts";
import { needs } from "../harness/needs.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 110_000 };

interface Link {
  readonly hash: string;
  readonly title: string;
}

describe("every page of the console", { skip: needs("chromium") }, () => {
  const stack = new AsyncDisposableStack();
  let browser: Browser;
  let program: Tidegate;

  before(async () => {
    browser = await consoleBrowser();
    stack.defer(() => browser.close());
    const routes = { "file.test": { whoami: true }, "down.test": "http://127.0.0.1:9" };
    program = stack.use(await startTidegate({ config: { ...adminConfig, routes } }));
    for (const name of ["file.test", "down.test", "nobody.test"]) {
      await ask(program.port(), { name });
    }
  });
  after(() => stack.disposeAsync());

  const links = (page: Page): Promise<Link[]> =>
    page.locator(".shell > .side-nav .nav-group a").evaluateAll((all) =>
      all.map((each) => ({
        hash: each.getAttribute("href") ?? "",
        title: each.textContent?.trim() ?? "",
      })),
    );

  /** Goes through them all, at rest each time. */
  const each = async (
    options: PageOptions,
    look: (page: Page, link: Link, troubles: string[]) => Promise<void>,
  ) => {
    await using held = await openConsole(browser, baseOf(program), options);
    const { page } = held;
    await logIn(page, "admin", passwordOf(program));
    const all = await links(page);
    assert.ok(all.length >= 5, JSON.stringify(all));
    for (const link of all) {
      await setHash(page, link.hash.slice(1));
      await eventually(link.title, async () => (await page.title()).startsWith(link.title));
      await page.locator("main h1").waitFor();
      await page.locator(".waiting").waitFor({ state: "detached" });
      // With something on it.
      if (link.title === "Traffic") {
        const row = page.getByRole("row", { name: /nobody\.test/ }).first();
        await eventually("a request to be shown", async () => {
          await ask(program.port(), { name: "nobody.test" });
          return (await row.count()) > 0;
        });
      }
      await look(page, link, held.troubles());
    }
  };

  test("asks nobody but the program, and its policy refuses nothing", bounded, () =>
    each({}, async (page, { title }, troubles) => {
      assert.deepEqual(troubles, [], title);
      assert.equal(await page.getByText("This page failed").count(), 0, title);
      await picture(page, `console-${title.toLowerCase()}-light`);
    }),
  );

  for (const colors of ["light", "dark"] as const) {
    test(`has no serious fault of accessibility in ${colors}`, bounded, () =>
      each({ colors, isUnguarded: true }, async (page, { title }) => {
        assert.deepEqual(await accessFaults(page), [], title);
        await picture(page, `console-${title.toLowerCase()}-${colors}`);
      }),
    );
  }

  test("would be told of a fault", bounded, async () => {
    await using held = await openConsole(browser, baseOf(program), { isUnguarded: true });
    const { page } = held;
    await page.getByLabel("User").waitFor();
    await page.evaluate("document.querySelector('main').append(document.createElement('button'))");
    const [first = ""] = await accessFaults(page);
    assert.match(first, /^button-name: /);
    await page.evaluate("void fetch('http://127.0.0.1:1/').catch(() => {})");
    await page.evaluate("document.querySelector('main').style.width = '2000px'");
    assert.ok((await overhang(page)) > 0);
    assert.ok(held.troubles().some((each) => each.includes("asked http://127.0.0.1:1/")));
  });

  test("fits a phone without being moved sideways, and has its menu there", bounded, async () => {
    await each({ isNarrow: true, isUnguarded: true }, async (page, { title }) => {
      assert.equal(await overhang(page), 0, title);
      await picture(page, `console-${title.toLowerCase()}-phone`);
      if (title === "Overview") assert.deepEqual(await accessFaults(page), [], title);
    });
    await using held = await openConsole(browser, baseOf(program), { isNarrow: true });
    const { page } = held;
    await logIn(page, "admin", passwordOf(program));
    await page.getByRole("button", { name: "Menu" }).click();
    await page.getByRole("dialog", { name: "Menu" }).getByRole("link", { name: "Logs" }).click();
    await page.getByRole("heading", { name: "Logs", level: 1 }).waitFor();
    assert.equal(await page.getByRole("dialog").count(), 0);
  });

  test("has none in the login and in the search either", bounded, async () => {
    for (const colors of ["light", "dark"] as const) {
      await using held = await openConsole(browser, baseOf(program), { colors, isUnguarded: true });
      const { page } = held;
      await page.getByLabel("User").waitFor();
      assert.deepEqual(await accessFaults(page), []);
      await picture(page, `console-login-${colors}`);
      await logIn(page, "admin", passwordOf(program));
      await page.getByRole("heading", { name: "Overview", level: 1 }).waitFor();
      await page.keyboard.press("Control+k");
      await page.getByRole("dialog", { name: "Find" }).waitFor();
      assert.deepEqual(await accessFaults(page), []);
    }
  });

  test("begins with three steps where nothing is routed yet", bounded, async () => {
    await using empty = await startTidegate({ config: { ...adminConfig, routes: {} } });
    await using held = await openConsole(browser, baseOf(empty), { isUnguarded: true });
    const { page } = held;
    await logIn(page, "admin", passwordOf(empty));
    await page.getByRole("heading", { name: /Welcome to Tidegate/ }).waitFor();
    assert.deepEqual(await accessFaults(page), []);
    await picture(page, "console-first-steps");
    await page.getByRole("link", { name: "Explain a request" }).click();
    await page.getByRole("heading", { name: "Explain", level: 1 }).waitFor();
  });
});
