// The console of a program in a fleet: it shows who else is there, and says when somebody is gone.

import assert from "node:assert/strict";
import { test } from "node:test";
import { adminConfig, baseOf, passwordOf } from "../harness/admin-program.ts";
import { basic } from "../harness/admin-stand.ts";
import { consoleBrowser, logIn, openConsole, picture } from "../harness/console-page.ts";
import { etcdNeeds, startEtcd } from "../harness/etcd.ts";
import { needs } from "../harness/needs.ts";
import { startTidegate } from "../harness/tidegate.ts";

const skip = needs("chromium", ...etcdNeeds);

test("the overview shows the nodes of a fleet, and which of them left", { skip }, async () => {
  await using stack = new AsyncDisposableStack();
  const etcd = stack.use(await startEtcd());
  const { endpoints } = etcd;
  const start = (node: string) =>
    startTidegate({ config: { ...adminConfig, fleet: { etcd: { endpoints }, node, ttl: "3s" } } });
  const one = stack.use(await start("one"));
  const two = stack.use(await start("two"));
  const browser = await consoleBrowser();
  stack.defer(() => browser.close());
  const held = stack.use(await openConsole(browser, baseOf(one)));
  const { page } = held;
  await logIn(page, "admin", passwordOf(one));
  const rows = page.getByRole("table", { name: "Nodes" });
  await rows.getByRole("row", { name: /one \(this one\) up/ }).waitFor();
  await rows.getByRole("row", { name: /two up/ }).waitFor({ timeout: 30_000 });
  await picture(page, "console-nodes");
  await two.stop();
  await page.getByText(/two is gone/).waitFor({ timeout: 30_000 });
  assert.deepEqual(held.troubles(), []);
  const answer = await fetch(`${baseOf(one)}/v1/nodes`, {
    headers: basic("admin", passwordOf(one)),
  });
  const { fleet } = (await answer.json()) as { fleet: { nodes: { name: string }[] } };
  assert.equal(fleet.nodes[0]?.name, "one");
});
