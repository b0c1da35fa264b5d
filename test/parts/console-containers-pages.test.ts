// Every page of the console with real containers and their traffic on it: nothing that keeps somebody from using it, in
// both colours and on a phone; and what is changed beside routes and services.
//
// SCREENSHOTS=FOLDER has pictures of the pages put there.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import type { Page } from "playwright-core";
import { answeredBy } from "../harness/discovered.ts";
import { eventually } from "../harness/barrier.ts";
import { certificates } from "../harness/certificates.ts";
import { accessFaults, overhang, picture, setHash, visit } from "../harness/console-page.ts";
import type { PageOptions } from "../harness/console-page.ts";
import { press } from "../harness/console-stand.ts";
import {
  type ContainerStand,
  containerStand,
  noContainerStand,
  startContainers,
} from "../harness/container-stand.ts";

const bounded = { timeout: 60_000 };

describe("pages of the console about containers", { skip: noContainerStand }, () => {
  const stack = new AsyncDisposableStack();
  let stand: ContainerStand;

  before(async () => {
    stand = stack.use(await containerStand());
    await startContainers(stand);
    await answeredBy(stand.program, "twin.test", "twin");
    await stand.engine.docker(["kill", "twin"]);
    await eventually("it to be seen", async () => (await stand.answer("twin.test")) === "503");
  });
  after(() => stack.disposeAsync());

  const openedAt = async (name: string, title: string) => {
    const held = await stand.opened();
    await visit(held.page, name, title);
    return held;
  };

  /** Goes through all of the menu, with something on each page. */
  const eachPage = async (
    options: PageOptions,
    look: (page: Page, title: string) => Promise<void>,
  ) => {
    await using held = await stand.opened({ ...options, isUnguarded: true });
    const { page } = held;
    const links = await page
      .locator(".shell > .side-nav .nav-group a")
      .evaluateAll((all) => all.map((each) => [each.getAttribute("href"), each.textContent]));
    assert.equal(links.length, 15);
    for (const [link, words] of links) {
      const title = String(words).trim();
      await setHash(page, String(link).slice(1));
      await eventually(title, async () => (await page.title()).startsWith(title));
      await page.locator("main h1").waitFor();
      await page.locator(".waiting").waitFor({ state: "detached" });
      if (title === "Traffic") {
        const rows = page.getByRole("table", { name: "Live requests" }).getByRole("row");
        await eventually("requests to be shown", async () => {
          for (const name of ["shop.test", "blog.test", "twin.test"]) await stand.answer(name);
          return (await rows.count()) > 6;
        });
      }
      await look(page, title);
    }
    // What a row opens.
    for (const [place, title] of [
      ["/routes/blog%2Fblog%40docker", "Routes"],
      ["/services/shop%2Fweb%40docker", "Services"],
    ] as const) {
      await setHash(page, place);
      await page.getByRole("dialog").waitFor();
      await look(page, `${title} open`);
    }
    assert.deepEqual(held.troubles(), []);
  };

  for (const colors of ["light", "dark"] as const) {
    test(`can be used by who cannot see or point, in ${colors}`, bounded, () =>
      eachPage({ colors }, async (page, title) => {
        assert.deepEqual(await accessFaults(page), [], title);
        await picture(page, `containers-${title.toLowerCase()}-${colors}`);
      }),
    );
  }

  test("fit a phone", bounded, () =>
    eachPage({ isNarrow: true }, async (page, title) => {
      assert.equal(await overhang(page), 0, title);
      await picture(page, `containers-${title.toLowerCase()}-phone`);
    }),
  );

  test("records what a container is asked, and saves it as HAR", bounded, async () => {
    await using held = await openedAt("records", "Records");
    const { page } = held;
    await page.getByRole("button", { name: "Record a route" }).click();
    await page.getByLabel("Route", { exact: true }).fill("blog/blog@docker");
    await page.getByLabel("Requests").fill("2");
    await press(page, "Record");
    await page.getByText("It records the next requests of this route.").waitFor();
    for (let at = 0; at < 2; at++) assert.equal(await stand.answer("blog.test"), "blog");
    await page.getByText("2 of 2").waitFor();
    await page.getByRole("row").filter({ hasText: "blog/blog@docker" }).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      press(page, "Save as HAR"),
    ]);
    assert.match(await readFile(await download.path(), "utf8"), /"url": ?"http:\/\/blog\.test/);
    assert.deepEqual(held.troubles(), []);
  });

  test("logs what is found, and tells by a channel", bounded, async () => {
    await using held = await openedAt("logs", "Logs");
    const { page } = held;
    await page.getByRole("searchbox").fill("blog.test belongs");
    await page
      .getByRole("row", { name: /blog\.test belongs to project blog/ })
      .first()
      .waitFor();
    await visit(page, "alerts", "Alerts");
    const before = stand.told.posts.length;
    await page.getByRole("button", { name: "Send a test message" }).click();
    await stand.told.arrived(before + 1);
    await page
      .getByText(/told|sent|took/)
      .first()
      .waitFor();
    assert.deepEqual(held.troubles(), []);
  });

  test("has a certificate for a container's host", bounded, async () => {
    const { cert, key } = await certificates("shop.test");
    await using held = await openedAt("certificates", "Certificates");
    const { page } = held;
    await page.getByRole("button", { name: "Add" }).click();
    const dialog = page.getByRole("dialog", { name: "Add a certificate" });
    await dialog.getByLabel("Name", { exact: true }).fill("shop");
    await dialog.getByLabel("Certificate and those that signed it").fill(cert);
    await dialog.getByLabel("Private key").fill(key);
    await dialog.getByRole("button", { name: "Add" }).click();
    await page.getByRole("row", { name: /shop\.test/ }).click();
    await page.getByRole("dialog", { name: "shop.test" }).getByText("SHA-256").waitFor();
    assert.deepEqual(held.troubles(), []);
  });

  test("goes over to other workers while containers are asked", bounded, async () => {
    await using held = await openedAt("workers", "Workers");
    const { page } = held;
    const live = page.getByRole("table", { name: "Workers" }).getByText("live", { exact: true });
    await page.getByRole("button", { name: "Resize" }).click();
    const dialog = page.getByRole("dialog", { name: "Resize" });
    await dialog.getByLabel("Workers").fill("2");
    await dialog.getByRole("button", { name: "Resize" }).click();
    await dialog.waitFor({ state: "detached" });
    await eventually("two of them", async () => (await live.count()) === 2, 15_000);
    const pids = () => page.getByRole("table", { name: "Workers" }).locator("code").allInnerTexts();
    const first = await pids();
    await page.getByRole("button", { name: "Replace all" }).click();
    await press(page, "Replace");
    await eventually(
      "others to serve",
      async () => {
        assert.match(await stand.answer("shop.test"), /^shop-/);
        const now = await pids();
        return now.length === 2 && now.every((each) => !first.includes(each));
      },
      30_000,
    );
    assert.deepEqual(held.troubles(), []);
  });

  test("lets in a user and a token, and reads the file again", bounded, async () => {
    await using held = await openedAt("access", "Access");
    const { page } = held;
    const secret = async () => {
      const text = (await page.locator("[data-secret]").innerText()).trim();
      await press(page, "I have it");
      return text;
    };
    await page.getByRole("button", { name: "Make a token" }).click();
    await page.getByLabel("What it is for").fill("deploy");
    await press(page, "Make it");
    const token = await secret();
    assert.equal(await stand.routesBy(token), 200);
    await page
      .getByRole("row", { name: /deploy/ })
      .getByRole("button", { name: "Revoke" })
      .click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByText("It is revoked.").waitFor();
    assert.equal(await stand.routesBy(token), 401);
    await visit(page, "access?tab=users", "Access");
    await page.getByRole("button", { name: "Add a user" }).click();
    await page.getByRole("dialog").getByLabel("Name").fill("onlooker");
    await press(page, "Add");
    const password = await secret();
    await page.getByRole("row", { name: /onlooker/ }).waitFor();
    await using other = await stand.opened({ as: { user: "onlooker", password } });
    await visit(other.page, "services/shop%2Fweb%40docker", "Services");
    await other.page.getByRole("dialog").getByText("Backends").waitFor();
    assert.equal(await other.page.getByRole("button", { name: /Drain|Pause/ }).count(), 0);
    await visit(page, "settings", "Settings");
    await page.getByRole("heading", { name: "listeners" }).waitFor();
    await page.getByRole("button", { name: "Read the file again" }).click();
    await page.getByRole("status").first().waitFor();
    assert.deepEqual(other.troubles(), []);
    assert.deepEqual(held.troubles(), []);
  });
});
