// How routes can be changed with the console: by who cannot see or point, on a phone, by who begins, among ten thousand.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { adminConfig, baseOf, passwordOf } from "../harness/admin-program.ts";
import { ask } from "../harness/ask.ts";
import {
  accessFaults,
  logIn,
  openConsole,
  overhang,
  picture,
  setHash,
  visit,
} from "../harness/console-page.ts";
import { type ConsoleStand, consoleStand, press, writeRoute } from "../harness/console-stand.ts";
import { needs } from "../harness/needs.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 90_000 };

describe("the console's editor", { skip: needs("chromium") }, () => {
  const stack = new AsyncDisposableStack();
  let stand: ConsoleStand;
  let urlA: string;
  let urlB: string;

  before(async () => {
    stand = stack.use(await consoleStand());
    ({ urlA, urlB } = stand);
  });
  after(() => stack.disposeAsync());

  for (const colors of ["light", "dark"] as const) {
    test(
      `has no serious fault of accessibility while one writes, in ${colors}`,
      bounded,
      async () => {
        await stand.put("access.test", { service: urlA, middlewares: ["compress"] });
        await using held = await stand.opened("routes", "Routes", { colors, isUnguarded: true });
        const { page } = held;
        const look = async (name: string) => {
          assert.deepEqual(await accessFaults(page), [], name);
          await picture(page, `console-edit-${name}-${colors}`);
        };
        await page.getByRole("row", { name: /access\.test/ }).waitFor();
        await look("routes");
        await setHash(page, "/routes/access.test@store");
        await page.getByRole("dialog", { name: "access.test@store" }).waitFor();
        await look("route");
        await press(page, "Edit");
        await page.getByLabel("Leads to").waitFor();
        await look("form");
        await page.getByText("All settings").click();
        await look("settings");
        await page.getByLabel("Leads to").fill(urlB);
        await press(page, "What changes");
        await page.getByText("The latest requests with it").waitFor();
        await look("difference");
      },
    );
  }

  test("can be written on a phone", bounded, async () => {
    await stand.put("phone.test", { service: urlA, middlewares: ["compress"] });
    await using held = await stand.opened("routes/phone.test@store", "Routes", { isNarrow: true });
    const { page } = held;
    await press(page, "Edit");
    await page.getByLabel("Leads to").fill(urlB);
    assert.equal(await overhang(page), 0);
    await picture(page, "console-edit-phone-form");
    await press(page, "What changes");
    await picture(page, "console-edit-phone-difference");
    await press(page, "Apply");
    await page.getByText("phone.test is live.").waitFor();
    assert.equal(await stand.answer("phone.test"), "from B");
    assert.deepEqual(held.troubles(), []);
  });

  test("leads who begins to a route that works", bounded, async () => {
    await using empty = await startTidegate({ config: { ...adminConfig, routes: {} }, workers: 1 });
    await using held = await openConsole(stand.browser, baseOf(empty));
    const { page } = held;
    await logIn(page, "admin", passwordOf(empty));
    await page.getByRole("link", { name: "Add a route" }).click();
    await writeRoute(page, "first.test", urlA);
    await press(page, "What changes");
    await press(page, "Apply");
    await page.getByText("first.test is live.").waitFor();
    const { status, body } = await ask(empty.port(), { name: "first.test" });
    assert.deepEqual([status, body], [200, "from A"]);
    assert.deepEqual(held.troubles(), []);
  });

  test(
    "shows ten thousand routes by those that can be seen, and finds one of them",
    bounded,
    async () => {
      const many = Object.fromEntries(
        Array.from({ length: 10_000 }, (_, index) => [`host-${index}.test`, urlA]),
      );
      await using large = await startTidegate({
        config: { ...adminConfig, routes: many },
        workers: 1,
      });
      await using held = await openConsole(stand.browser, baseOf(large));
      const { page } = held;
      await logIn(page, "admin", passwordOf(large));
      await visit(page, "routes", "Routes");
      await page.getByText("10,000 routes").waitFor();
      const rows = page.getByRole("table", { name: "Routes" }).getByRole("row");
      assert.ok((await rows.count()) < 100, `${await rows.count()} rows`);
      await page.getByRole("group", { name: "Routes, rows" }).evaluate((box) => {
        box.scrollTop = box.scrollHeight;
      });
      await page.getByRole("row", { name: /host-9999\.test/ }).waitFor();
      await page.getByRole("searchbox", { name: "Filter" }).fill("host-7777");
      await page.getByText("1 route", { exact: true }).waitFor();
      await page.getByRole("row", { name: /host-7777\.test/ }).waitFor();
      assert.deepEqual(held.troubles(), []);
    },
  );
});
