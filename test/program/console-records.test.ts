// Records in the console: begun, read, saved, copied and deleted, with requests of a real client in between.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import { baseOf } from "../harness/admin-program.ts";
import { type ConsoleStand, consoleStand, press } from "../harness/console-stand.ts";
import { needs } from "../harness/needs.ts";

const bounded = { timeout: 90_000 };

interface Har {
  readonly log: { readonly entries: readonly { readonly request: { readonly url: string } }[] };
}

describe("records in the console", { skip: needs("chromium") }, () => {
  const stack = new AsyncDisposableStack();
  let stand: ConsoleStand;
  before(async () => {
    stand = stack.use(await consoleStand());
  });
  after(() => stack.disposeAsync());

  test(
    "what a route is asked is recorded, saved as HAR, copied as curl and deleted",
    bounded,
    async () => {
      await using held = await stand.opened("records", "Records");
      const { page, context } = held;
      await context.grantPermissions(["clipboard-read", "clipboard-write"], {
        origin: baseOf(stand.program),
      });
      await page.getByText("Nothing was recorded").waitFor();
      await page.getByRole("button", { name: "Record a route" }).click();
      await page.getByLabel("Route", { exact: true }).fill("pool.test");
      await page.getByLabel("Requests").fill("2");
      await press(page, "Record");
      await page.getByText("It records the next requests of this route.").waitFor();
      for (let at = 0; at < 3; at++) await stand.answer("pool.test");
      await page.getByText("2 of 2").waitFor();
      await page.getByRole("row").filter({ hasText: "pool.test" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByText("are left out").waitFor();
      await dialog.locator("summary").first().click();
      await dialog
        .getByText(/Host: pool\.test/)
        .first()
        .waitFor();
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        press(page, "Save as HAR"),
      ]);
      const har = JSON.parse(await readFile(await download.path(), "utf8")) as Har;
      assert.equal(har.log.entries.length, 2);
      assert.match(har.log.entries[0]?.request.url ?? "", /^http:\/\/pool\.test/);
      await press(page, "Copy as curl");
      await page.getByText("The commands are in the clipboard.").waitFor();
      const copied = await page.evaluate("navigator.clipboard.readText()");
      assert.equal(
        String(copied)
          .split("\n")
          .filter((line) => line.startsWith("curl ")).length,
        2,
      );
      await press(page, "Delete");
      await page
        .getByRole("dialog", { name: "Delete the record?" })
        .getByRole("button", { name: "Delete" })
        .click();
      await page.getByText("Nothing was recorded").waitFor();
      assert.deepEqual(held.troubles(), []);
    },
  );
});
