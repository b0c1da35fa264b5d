// Proofs in the DNS, where nobody is named who must show them: the name servers of the zone are found, and all of them asked.

import assert from "node:assert/strict";
import { test } from "node:test";
import { islandNeeds, runOnIsland } from "../harness/dns-island.ts";
import { namedNeeds } from "../harness/named.ts";
import { needsRoot } from "../harness/needs-root.ts";
import { needs } from "../harness/needs.ts";
import { pebbleNeeds } from "../harness/pebble.ts";

const skip = needs(...islandNeeds, ...namedNeeds, ...pebbleNeeds) || needsRoot();

for (const [what, title] of [
  ["servers", "all name servers of a zone have to show a record before the authority is told"],
  ["program", "a program that is told of no name servers finds those of the zone"],
] as const) {
  test(title, { skip, timeout: 120_000 }, async () => {
    const { code, stdout, stderr } = await runOnIsland("dns-island-process.ts", [what], 110_000);
    assert.equal(code, 0, `${stdout}\n${stderr}`);
  });
}
