// Services, certificates, tokens and users, changed with the console of the real program in a real browser.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { baseOf } from "../harness/admin-program.ts";
import { eventually } from "../harness/barrier.ts";
import { certificates } from "../harness/certificates.ts";
import { logIn, openConsole, picture, setHash, visit } from "../harness/console-page.ts";
import { type ConsoleStand, consoleStand, press } from "../harness/console-stand.ts";
import { needs } from "../harness/needs.ts";

const bounded = { timeout: 90_000 };

describe(
  "changing what stands around routes with the console",
  { skip: needs("chromium", "openssl") },
  () => {
    const stack = new AsyncDisposableStack();
    let stand: ConsoleStand;
    let urlA: string;
    let urlB: string;

    before(async () => {
      stand = stack.use(await consoleStand());
      ({ urlA, urlB } = stand);
    });
    after(() => stack.disposeAsync());

    test("gives the backends of a service their weights by the same editor", bounded, async () => {
      await using held = await stand.opened("services", "Services");
      const { page } = held;
      await page.getByRole("button", { name: "Add a service" }).click();
      await page.getByLabel("Name", { exact: true }).fill("weighed");
      for (const [index, url] of [urlA, urlB].entries()) {
        await press(page, "Add a backend");
        await page.getByLabel(`URL of backend ${index + 1}`).fill(url);
      }
      await page.getByLabel("Balance").selectOption("round-robin");
      await press(page, "What changes");
      await press(page, "Apply");
      await page.getByText("weighed is live.").waitFor();
      await stand.put("weighed.test", { service: "weighed" });
      const both = async () => {
        const all = await Promise.all(
          Array.from({ length: 8 }, () => stand.answer("weighed.test")),
        );
        return [...new Set(all)].toSorted();
      };
      assert.deepEqual(await both(), ["from A", "from B"]);
      await setHash(page, "/services/weighed@store");
      await press(page, "Edit");
      await page.getByLabel("Weight of 1").fill("0");
      await picture(page, "console-edit-service");
      await press(page, "What changes");
      await press(page, "Apply");
      await page.getByText("weighed is live.").nth(1).waitFor();
      assert.deepEqual(await both(), ["from B"]);
      assert.deepEqual(held.troubles(), []);
    });

    test("drains a backend, which gets no more requests, and uses it again", bounded, async () => {
      await using held = await stand.opened("services/pool", "Services");
      const { page } = held;
      const details = page.getByRole("dialog", { name: "pool" });
      await details.getByRole("button", { name: "Drain" }).first().click();
      await page
        .getByRole("dialog", { name: /^Drain/ })
        .getByRole("button", { name: "Drain" })
        .click();
      await details.getByText("draining").waitFor();
      const all = await Promise.all(Array.from({ length: 8 }, () => stand.answer("pool.test")));
      assert.deepEqual([...new Set(all)], ["from B"]);
      await details.getByRole("button", { name: "Use again" }).click();
      await details.getByText("draining").waitFor({ state: "detached" });
      await eventually(
        "the backend to be asked again",
        async () => (await stand.answer("pool.test")) === "from A",
      );
      assert.deepEqual(held.troubles(), []);
    });

    test("adds a certificate, and never shows its key", bounded, async () => {
      const { cert, key } = await certificates("pem.test");
      await using held = await stand.opened("certificates", "Certificates");
      const { page } = held;
      await page.getByRole("button", { name: "Add" }).click();
      const dialog = page.getByRole("dialog", { name: "Add a certificate" });
      await dialog.getByLabel("Name", { exact: true }).fill("pem");
      await dialog.getByLabel("Certificate and those that signed it").fill(cert);
      await dialog.getByLabel("Private key").fill(key);
      await dialog.getByRole("button", { name: "Add" }).click();
      await page.getByRole("row", { name: /pem\.test/ }).click();
      const details = page.getByRole("dialog", { name: "pem.test" });
      await details.getByText("SHA-256").waitFor();
      assert.doesNotMatch(await page.content(), /PRIVATE KEY/);
      assert.deepEqual(held.troubles(), []);
    });

    test(
      "makes a token that lets a script in, shows it once, and revokes it",
      bounded,
      async () => {
        await using held = await stand.opened("access", "Access");
        const { page } = held;
        await page.getByRole("button", { name: "Make a token" }).click();
        await page.getByLabel("What it is for").fill("deploy");
        await page.getByLabel("Role").selectOption("edit");
        await press(page, "Make it");
        const secret = (await page.locator("[data-secret]").innerText()).trim();
        assert.match(secret, /^tg_/);
        await picture(page, "console-edit-token");
        assert.equal((await stand.api("GET", "/v1/routes", undefined, secret)).status, 200);
        await press(page, "I have it");
        assert.doesNotMatch(await page.content(), new RegExp(secret));
        await page
          .getByRole("row", { name: /deploy/ })
          .getByRole("button", { name: "Revoke" })
          .click();
        await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
        await page.getByText("It is revoked.").waitFor();
        assert.equal((await stand.api("GET", "/v1/routes", undefined, secret)).status, 401);
        await page.getByRole("tab", { name: "Audit" }).click();
        await page.getByRole("row", { name: /revoke token/ }).waitFor();
        assert.deepEqual(held.troubles(), []);
      },
    );

    test(
      "adds a user, who sees nothing that changes something when the role is read",
      bounded,
      async () => {
        await stand.put("seen.test", urlA);
        await using held = await stand.opened("access?tab=users", "Access");
        const { page } = held;
        await page.getByRole("button", { name: "Add a user" }).click();
        await page.getByRole("dialog").getByLabel("Name").fill("onlooker");
        await press(page, "Add");
        const made = (await page.locator("[data-secret]").innerText()).trim();
        await press(page, "I have it");
        await page.getByRole("row", { name: /onlooker/ }).waitFor();
        await using other = await openConsole(stand.browser, baseOf(stand.program));
        await logIn(other.page, "onlooker", made);
        const buttons = /Add|Edit|Take out|Undo|Drain|Pause|Go back|Roll back|Read the file/;
        for (const [place, title] of [
          ["routes/seen.test@store", "Routes"],
          ["routes?new=1", "Routes"],
          ["services/pool", "Services"],
          ["certificates", "Certificates"],
          ["history/1", "History"],
          ["settings", "Settings"],
        ] as const) {
          await visit(other.page, place, title);
          await eventually(`${place} to be there`, async () => {
            return (await other.page.getByText("Loading …").count()) === 0;
          });
          assert.equal(await other.page.getByRole("button", { name: buttons }).count(), 0, place);
        }
        await visit(other.page, "access", "Access");
        assert.equal(await other.page.getByRole("tab").count(), 1);
        assert.deepEqual(other.troubles(), []);
        assert.deepEqual(held.troubles(), []);
      },
    );
  },
);
