import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { http2Floods } from "./http2-limits.ts";

const guide = join(import.meta.dirname, "..", "..", "docs", "guide", "http2.md");

test("the guide has every budget against floods as it is", () => {
  const rows = readFileSync(guide, "utf8").matchAll(/^\| `([\w-]+)` \| .* \| (\d+) \| (\d+) \|$/gm);
  const shown = [...rows].map(([, kind = "", burst, perSecond]) => [
    kind,
    { burst: Number(burst), perSecond: Number(perSecond) },
  ]);
  const budgets = Object.entries(http2Floods).map(([kind, { burst, perSecond }]) => [
    kind,
    { burst, perSecond },
  ]);
  assert.deepEqual(Object.fromEntries(shown), Object.fromEntries(budgets));
});
