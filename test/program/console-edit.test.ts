// Changing routes with the console of the real program in a real browser: what is written in its forms is what requests
// meet a moment later.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { adminConfig, baseOf, passwordOf } from "../harness/admin-program.ts";
import { ask } from "../harness/ask.ts";
import { eventually } from "../harness/barrier.ts";
import { logIn, openConsole, picture, setHash, visit } from "../harness/console-page.ts";
import { type ConsoleStand, consoleStand, press, writeRoute } from "../harness/console-stand.ts";
import { needs } from "../harness/needs.ts";
import { httpOrigin } from "../harness/origin.ts";
import { startTidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 90_000 };

describe("changing routes with the console", { skip: needs("chromium") }, () => {
  const stack = new AsyncDisposableStack();
  let stand: ConsoleStand;
  let urlA: string;
  let urlB: string;

  before(async () => {
    stand = stack.use(await consoleStand());
    ({ urlA, urlB } = stand);
  });
  after(() => stack.disposeAsync());

  test(
    "adds a route by the form, which requests take at once, and takes it back",
    bounded,
    async () => {
      await using held = await stand.opened("routes", "Routes");
      const { page } = held;
      await page.getByRole("button", { name: "Add a route" }).click();
      await writeRoute(page, "shop.test", urlA, "/api");
      assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "shop.test/api");
      await press(page, "What changes");
      const difference = page.getByRole("group", { name: "What changes in shop.test/api" });
      assert.match(await difference.innerText(), /\+ host: shop\.test\n.*\+ path: \/api/s);
      assert.equal(await stand.answer("shop.test", "/api"), "404");
      await press(page, "Apply");
      await page.getByText("shop.test/api is live.").waitFor();
      assert.equal(await stand.answer("shop.test", "/api"), "from A");
      assert.equal(await stand.answer("shop.test", "/"), "404");
      await page.getByRole("row", { name: /shop\.test\/api .*console/ }).waitFor();
      await page.getByRole("button", { name: "Undo" }).click();
      await page.getByText("shop.test/api is as it was.").waitFor();
      assert.equal(await stand.answer("shop.test", "/api"), "404");
      assert.deepEqual(held.troubles(), []);
    },
  );

  test("says at the field what is wrong with it, and nothing is changed", bounded, async () => {
    await using held = await stand.opened("routes?new=1", "Routes");
    const { page } = held;
    await writeRoute(page, "wrong.test", "htp://10.0.0.1");
    await press(page, "What changes");
    const field = page.getByRole("dialog").getByLabel("Leads to");
    await page.getByText("Nothing was changed").waitFor();
    assert.equal(await field.getAttribute("aria-invalid"), "true");
    await field.fill(urlA);
    await page.getByText("All settings").click();
    await page.getByLabel("Find a setting").fill("timeouts");
    await page.locator("summary", { hasText: "timeouts" }).click();
    await page.getByLabel("connect", { exact: true }).fill("5");
    await press(page, "What changes");
    await page.getByText("5 has no unit: write 5s").first().waitFor();
    assert.equal(
      await page.getByLabel("connect", { exact: true }).getAttribute("aria-invalid"),
      "true",
    );
    assert.equal(await stand.answer("wrong.test"), "404");
  });

  test("writes the same value as YAML, and proposes the keys that there are", bounded, async () => {
    await using held = await stand.opened("routes?new=1", "Routes");
    const { page } = held;
    await writeRoute(page, "yaml.test", urlA);
    await page.getByRole("tab", { name: "YAML" }).click();
    const area = page.getByRole("textbox", { name: "YAML" });
    assert.equal(await area.inputValue(), `host: yaml.test\nservice: ${urlA}\n`);
    await area.press("Control+End");
    await area.pressSequentially("timeo");
    await page.getByRole("button", { name: "timeouts", exact: true }).waitFor();
    await area.press("Control+Space");
    await area.pressSequentially("\n  conn");
    await area.press("Control+Space");
    await area.pressSequentially("5s");
    await picture(page, "console-edit-yaml");
    await page.getByRole("tab", { name: "Form" }).click();
    await page.getByText("All settings").click();
    assert.equal(await page.getByLabel("connect", { exact: true }).inputValue(), "5s");
    await page.getByRole("tab", { name: "YAML" }).click();
    await area.fill("host: [yaml.test");
    await page.getByText(/^line \d+: /).waitFor();
    assert.ok(await page.getByRole("button", { name: "What changes" }).isDisabled());
    await area.fill(`host: yaml.test\nservice: ${urlB}\n`);
    await press(page, "What changes");
    await press(page, "Apply");
    await page.getByText("yaml.test is live.").waitFor();
    assert.equal(await stand.answer("yaml.test"), "from B");
    assert.deepEqual(held.troubles(), []);
  });

  test(
    "shows before a change what it clashes with, and which requests would go elsewhere",
    bounded,
    async () => {
      await stand.put("moved.test", urlA);
      for (let count = 0; count < 3; count += 1) await stand.answer("moved.test", "/here");
      await using held = await stand.opened("routes/moved.test@store", "Routes");
      const { page } = held;
      await press(page, "Edit");
      await page.getByLabel("Leads to").fill("pool@file");
      await press(page, "What changes");
      await page.getByText(/would go elsewhere/).waitFor();
      assert.match(
        await page.getByRole("dialog").innerText(),
        /from moved\.test@store .*to moved\.test@store \(pool/,
      );
      await picture(page, "console-edit-review");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Throw it away" }).click();
      await setHash(page, "/routes?new=1");
      await writeRoute(page, "file.test", urlA);
      await page.getByLabel("Name", { exact: true }).fill("rival");
      await press(page, "What changes");
      await page.getByText(/both claim Host/).waitFor();
      assert.deepEqual(held.troubles(), []);
    },
  );

  test(
    "loses nothing when somebody else changed it meanwhile, and lets one choose",
    bounded,
    async () => {
      await stand.put("both.test", { service: urlA });
      await using held = await stand.opened("routes/both.test@store", "Routes");
      const { page } = held;
      await press(page, "Edit");
      await page.getByLabel("Leads to").fill(urlB);
      await stand.put("both.test", { service: urlA, priority: 7 });
      await press(page, "What changes");
      await page.getByText("Somebody changed it while you did.").waitFor();
      held.troubles(); // the browser says that it was refused
      assert.match(
        await page.getByRole("group", { name: "From theirs to yours" }).innerText(),
        /- priority: 7/,
      );
      await picture(page, "console-edit-overtaken");
      await press(page, "Go on with mine");
      await press(page, "What changes");
      await press(page, "Apply");
      await page.getByText("both.test is live.").waitFor();
      assert.equal(await stand.answer("both.test"), "from B");
      assert.deepEqual(held.troubles(), []);
    },
  );

  test("has a change taken back by itself when requests fail", bounded, async () => {
    await stand.put("watched.test", { service: urlA });
    for (let count = 0; count < 20; count += 1) await stand.answer("watched.test");
    await using held = await stand.opened("routes/watched.test@store", "Routes");
    const { page } = held;
    await press(page, "Edit");
    await page.getByLabel("Leads to").fill("http://127.0.0.1:9");
    await press(page, "What changes");
    await page.getByLabel("Take it back by itself").selectOption("60s");
    await press(page, "Apply");
    await page.getByText("watched.test is live.").waitFor();
    assert.equal(await stand.answer("watched.test"), "502");
    await eventually(
      "the change to be taken back",
      async () => (await stand.answer("watched.test")) === "from A",
      30_000,
    );
    await visit(page, "history", "History");
    await page
      .getByRole("row", { name: /watched\.test/ })
      .nth(2)
      .waitFor();
    assert.deepEqual(held.troubles(), []);
  });

  test("goes back in the history, after it said what that takes away", bounded, async () => {
    await stand.put("back.test", urlA);
    await stand.put("back.test", urlB);
    assert.equal(await stand.answer("back.test"), "from B");
    await using held = await stand.opened("history", "History");
    const { page } = held;
    await page
      .getByRole("row", { name: /back\.test/ })
      .first()
      .click();
    await press(page, "Go back to before it");
    await page.getByRole("group", { name: "What changes in back.test" }).waitFor();
    await picture(page, "console-edit-rollback");
    await press(page, "Roll back");
    await page.getByText(/It is as it was at revision/).waitFor();
    assert.equal(await stand.answer("back.test"), "from A");
    await page
      .getByRole("row", { name: /back\.test/ })
      .nth(2)
      .waitFor();
    assert.deepEqual(held.troubles(), []);
  });

  test("takes a route out, and says where those of the file are changed", bounded, async () => {
    await stand.put("gone.test", urlA);
    await using held = await stand.opened("routes", "Routes");
    const { page } = held;
    await page.getByRole("searchbox", { name: "Filter" }).fill("gone.test");
    await page.getByRole("row", { name: /gone\.test/ }).press("Enter");
    await press(page, "Take out");
    await page.getByRole("dialog", { name: "Take gone.test out?" }).waitFor();
    await press(page, "Take out");
    await page.getByText("gone.test is gone.").waitFor();
    assert.equal(await stand.answer("gone.test"), "404");
    await page.getByText("None like that").waitFor();
    await setHash(page, "/routes/file.test");
    const dialog = page.getByRole("dialog", { name: "file.test" });
    await dialog.getByText("change it there").waitFor();
    assert.match(await dialog.innerText(), /tidegate\.yaml:\d+/);
    assert.equal(await dialog.getByRole("button", { name: "Edit" }).count(), 0);
    assert.deepEqual(held.troubles(), []);
  });

  test(
    "lays something over a route that another source brought, and takes it off",
    bounded,
    async () => {
      const brought = JSON.stringify({ routes: { "brought.test": urlA } });
      const source = await httpOrigin((_, response) => {
        response.setHeader("Content-Type", "application/json");
        response.end(brought);
      });
      await using _ = source;
      const config = { ...adminConfig, providers: { http: { url: source.url } } };
      await using other = await startTidegate({ config, workers: 1 });
      const got = async () => (await ask(other.port(), { name: "brought.test" })).body;
      await eventually("the route to be there", async () => (await got()) === "from A");
      await using held = await openConsole(stand.browser, baseOf(other));
      const { page } = held;
      await logIn(page, "admin", passwordOf(other));
      await visit(page, "routes", "Routes");
      await page.getByRole("row", { name: /brought\.test .*http/ }).click();
      await press(page, "Change it by an overlay");
      await page.getByLabel("Leads to").fill(urlB);
      await press(page, "What changes");
      await press(page, "Apply");
      await page.getByText("is live.").waitFor();
      assert.equal(await got(), "from B");
      await page.getByRole("row", { name: /brought\.test .*http/ }).click();
      await page.getByRole("heading", { name: "Laid over it here" }).waitFor();
      await picture(page, "console-edit-overlay");
      await press(page, "Take the overlay off");
      await press(page, "Take out");
      await page.getByText("is gone.").waitFor();
      assert.equal(await got(), "from A");
      assert.deepEqual(held.troubles(), []);
    },
  );
});
