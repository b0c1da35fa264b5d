// The console in front of real containers: what became of them, and every change that one makes to their routes and
// services, as their clients notice it.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Page } from "playwright-core";
import { eventually } from "../harness/barrier.ts";
import { setHash, visit } from "../harness/console-page.ts";
import { press } from "../harness/console-stand.ts";
import {
  type ContainerStand,
  containerStand,
  noContainerStand,
  reservedHost,
  startContainers,
} from "../harness/container-stand.ts";

const bounded = { timeout: 60_000 };

describe("the console with containers behind it", { skip: noContainerStand }, () => {
  const stack = new AsyncDisposableStack();
  let stand: ContainerStand;

  before(async () => {
    stand = stack.use(await containerStand());
  });
  after(() => stack.disposeAsync());

  const row = (page: Page, name: RegExp) => page.getByRole("row", { name });
  const openedAt = async (name: string, title: string) => {
    const held = await stand.opened();
    await visit(held.page, name, title);
    return held;
  };
  /** The panel of a service. */
  const service = async (page: Page, name: string) => {
    await visit(page, "services", "Services");
    await page.getByRole("row", { name: new RegExp(name) }).click();
    return page.getByRole("dialog", { name });
  };
  const confirmed = (page: Page, question: RegExp, action: string) =>
    page.getByRole("dialog", { name: question }).getByRole("button", { name: action }).click();

  test("begins with a tour, and has the containers as soon as they run", bounded, async () => {
    await using held = await stand.opened();
    const { page } = held;
    await page.getByRole("heading", { name: /Welcome to Tidegate/ }).waitFor();
    await page.getByRole("link", { name: "See what was discovered" }).click();
    await page.getByText("Nothing was found").waitFor();
    await startContainers(stand);
    await row(page, /blog\/blog .*running.*blog\/blog@docker/).waitFor();
    await page.getByText("8 findings").waitFor();
    assert.deepEqual(held.troubles(), []);
  });

  test("says what each became, and what was not understood", bounded, async () => {
    await using held = await openedAt("discovery", "Discovery");
    const { page } = held;
    const told = async (name: RegExp, words: readonly RegExp[]) => {
      await row(page, name).click();
      const dialog = page.getByRole("dialog");
      for (const each of words) await dialog.getByText(each).first().waitFor();
      await page.keyboard.press("Escape");
      await dialog.waitFor({ state: "detached" });
    };
    await told(/shop\/shop-1/, [/Host\(`shop\.test`\)/, /goes to http:\/\/[\d.]+:80/]);
    await told(/plain/, [/no route leads to it/, /add the label tidegate\.host=NAME/]);
    await told(/twin\/twin/, [/it has the ports 80, 9000/, /tidegate\.port/]);
    await told(/typo\/typo/, [/unknown key "retires"/]);
    await told(/rival\/rival/, [/blog\.test belongs to project blog/]);
    await page.getByText("1 thing was asked for and not granted").waitFor();
    await page.getByRole("button", { name: "With remarks" }).click();
    await page.getByText("3 findings").waitFor();
    assert.deepEqual(held.troubles(), []);
  });

  test("tells on the overview of a test that a container breaks", bounded, async () => {
    await using held = await stand.opened();
    const { page } = held;
    const concern = page.getByRole("listitem").filter({ hasText: "route test" });
    await concern.waitFor();
    assert.match(await concern.innerText(), /should have no route, and squatter.*tidegate\.yaml:/s);
    await stand.engine.docker(["rm", "--force", "squatter"]);
    await concern.waitFor({ state: "detached" });
    assert.equal(await stand.answer(reservedHost), "404");
    assert.deepEqual(held.troubles(), []);
  });

  test("shows requests of both replicas as they come by", bounded, async () => {
    await using held = await openedAt("traffic", "Traffic");
    const { page } = held;
    const live = page.getByRole("table", { name: "Live requests" });
    await eventually("both to be shown", async () => {
      assert.deepEqual(await stand.answers("shop.test", 6), ["shop-1", "shop-2"]);
      return (await live.getByRole("row", { name: /shop\.test/ }).count()) >= 6;
    });
    await live
      .getByRole("row", { name: /shop\.test/ })
      .first()
      .click();
    await page.getByRole("dialog").getByText("shop/web@docker").first().waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("tab", { name: "By route" }).click();
    await row(page, /shop\/web@docker/).waitFor();
    await visit(page, "explain", "Explain");
    await page.getByLabel("URL").fill("http://shop.test/cart");
    await page.keyboard.press("Enter");
    await page.getByText(/shop\/web@docker takes it and asks shop\/web@docker/).waitFor();
    assert.deepEqual(held.troubles(), []);
  });

  test(
    "adds a route to a container's service, takes it back, and rolls back",
    bounded,
    async () => {
      await using held = await openedAt("routes?new=1", "Routes");
      const { page } = held;
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Host names").fill("extra.test");
      await dialog.getByLabel("Leads to").fill("blog/blog@docker");
      await press(page, "What changes");
      await dialog.getByText(/\+ service: blog\/blog@docker/).waitFor();
      assert.equal(await stand.answer("extra.test"), "404");
      await press(page, "Apply");
      await page.getByText("extra.test is live.").waitFor();
      assert.equal(await stand.answer("extra.test"), "blog");
      await page.getByRole("button", { name: "Undo" }).click();
      await page.getByText("extra.test is as it was.").waitFor();
      assert.equal(await stand.answer("extra.test"), "404");
      await visit(page, "history", "History");
      await row(page, /extra\.test/)
        .first()
        .click();
      await press(page, "Go back to before it");
      await page.getByRole("group", { name: "What changes in extra.test" }).waitFor();
      await press(page, "Roll back");
      await page.getByText(/It is as it was at revision/).waitFor();
      assert.equal(await stand.answer("extra.test"), "blog");
      assert.deepEqual(held.troubles(), []);
    },
  );

  test("lets a route and that of a label dispute a host only knowingly", bounded, async () => {
    await using held = await openedAt("routes?new=1", "Routes");
    const { page } = held;
    const dialog = page.getByRole("dialog");
    for (let count = 0; count < 4; count += 1) await stand.answer("blog.test", "/api/");
    await dialog.getByLabel("Host names").fill("blog.test");
    await dialog.getByLabel("Name", { exact: true }).fill("mine");
    await dialog.getByLabel("Leads to").fill("shop/web@docker");
    await press(page, "What changes");
    await dialog.getByText(/would go elsewhere/).waitFor();
    await dialog.getByText(/to know first/).waitFor();
    assert.match(
      await dialog.innerText(),
      /container blog, .*blog\.test belongs to .*does not get it/,
    );
    assert.match(
      await dialog.innerText(),
      /from blog\/blog@docker to mine@store \(shop\/web@docker/,
    );
    await press(page, "Apply");
    await page.getByText("mine is live.").waitFor();
    await eventually("ours to win", async () =>
      (await stand.answer("blog.test")).startsWith("shop"),
    );
    await visit(page, "routes", "Routes");
    await page.getByRole("button", { name: "Undo" }).click();
    await page.getByText("mine is as it was.").waitFor();
    await eventually("theirs again", async () => (await stand.answer("blog.test")) === "blog");
    assert.deepEqual(held.troubles(), []);
  });

  test("lays a middleware over the route of a label, and takes it off", bounded, async () => {
    await using held = await openedAt("routes/blog%2Fblog%40docker", "Routes");
    const { page } = held;
    await press(page, "Change it by an overlay");
    await page.getByRole("tab", { name: "YAML" }).click();
    await page
      .getByRole("textbox", { name: "YAML" })
      .fill("middlewares:\n  - addPrefix: /hostname\n");
    await stand.answer("blog.test");
    await press(page, "What changes");
    await page.getByText(/which has other middlewares/).waitFor();
    await press(page, "Apply");
    await page.getByText("is live.").waitFor();
    // The page at /hostname says the id of the container.
    await eventually("it to count", async () =>
      /^[\da-f]{12}$/.test(await stand.answer("blog.test")),
    );
    await visit(page, "middlewares", "Middlewares");
    await page.getByRole("button", { name: "In use" }).click();
    await row(page, /addPrefix/).click();
    await page.getByRole("dialog").getByRole("link", { name: "blog/blog@docker" }).click();
    await press(page, "Take the overlay off");
    await press(page, "Take out");
    await page.getByText("is gone.").waitFor();
    await eventually("it to be gone", async () => (await stand.answer("blog.test")) === "blog");
    assert.deepEqual(held.troubles(), []);
  });

  test(
    "drains a container, pauses its service, and shows the page of maintenance",
    bounded,
    async () => {
      await using held = await stand.opened();
      const { page } = held;
      const panel = await service(page, "shop/web@docker");
      await panel.getByRole("button", { name: "Drain" }).first().click();
      await confirmed(page, /^Drain/, "Drain");
      await panel.getByText("draining").waitFor();
      assert.equal((await stand.answers("shop.test", 8)).length, 1);
      await panel.getByRole("button", { name: "Use again" }).click();
      await eventually(
        "both again",
        async () => (await stand.answers("shop.test", 8)).length === 2,
      );
      await panel.getByRole("button", { name: "Pause" }).click();
      await confirmed(page, /^Pause/, "Pause");
      await panel.getByText("paused").waitFor();
      const waiting = stand.answer("shop.test");
      await panel.getByText("Waiting").first().waitFor();
      await panel.getByRole("button", { name: "Resume" }).click();
      assert.match(await waiting, /^shop-/);
      const maintenance = panel.getByRole("switch", { name: "Maintenance page" });
      await maintenance.click();
      await eventually("the page", async () => (await stand.answer("shop.test")) === "503");
      await maintenance.click();
      await eventually("the shop", async () =>
        (await stand.answer("shop.test")).startsWith("shop-"),
      );
      assert.deepEqual(held.troubles(), []);
    },
  );

  test("gives containers weights by a service of ours", bounded, async () => {
    const url = async (name: string) => {
      const format = "http://{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
      return (await stand.engine.docker(["inspect", "--format", format, name])).stdout.trim();
    };
    await using held = await openedAt("services", "Services");
    const { page } = held;
    await page.getByRole("button", { name: "Add a service" }).click();
    await page.getByLabel("Name", { exact: true }).fill("weighed");
    for (const [index, name] of ["blog", "twin"].entries()) {
      await press(page, "Add a backend");
      await page.getByLabel(`URL of backend ${index + 1}`).fill(await url(name));
    }
    await page.getByLabel("Balance").selectOption("round-robin");
    await page.getByLabel("Weight of 1").fill("0");
    await press(page, "What changes");
    await press(page, "Apply");
    await page.getByText("weighed is live.").waitFor();
    await setHash(page, "/routes/extra.test@store");
    await press(page, "Edit");
    await page.getByLabel("Leads to").fill("weighed");
    await press(page, "What changes");
    await press(page, "Apply");
    await page.getByText("extra.test is live.").waitFor();
    assert.deepEqual(await stand.answers("extra.test", 6), ["twin"]);
    assert.deepEqual(held.troubles(), []);
  });

  test("sees a container stop, and that it is back", bounded, async () => {
    await using held = await stand.opened();
    const { page } = held;
    const { docker } = stand.engine;
    const panel = await service(page, "twin/twin@docker");
    await panel.getByText("up", { exact: true }).first().waitFor();
    await docker(["kill", "twin"]);
    await panel
      .getByText(/stopped/)
      .first()
      .waitFor();
    assert.equal(await stand.answer("twin.test"), "503");
    await visit(page, "traffic?tab=failed", "Traffic");
    await row(page, /503.*twin\.test/)
      .first()
      .waitFor();
    await visit(page, "discovery", "Discovery");
    await row(page, /twin\/twin .*stopped/).waitFor();
    await visit(page, "", "Overview");
    await page.getByRole("listitem").filter({ hasText: "twin/twin@docker" }).waitFor();
    await docker(["start", "twin"]);
    await eventually("it to be back", async () => (await stand.answer("twin.test")) === "twin");
    await visit(page, "discovery", "Discovery");
    await row(page, /twin\/twin .*running/).waitFor();
    assert.deepEqual(held.troubles(), []);
  });
});
