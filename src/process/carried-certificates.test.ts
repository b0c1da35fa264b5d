import assert from "node:assert/strict";
import { test } from "node:test";
import { issued, issuer } from "../../test/harness/issued.ts";
import { commonSettings } from "../../test/harness/watched-source.ts";
import { Items } from "../providers/items.ts";
import { withCarried } from "./carried-certificates.ts";

const { cert, key } = issued(["a.test"]);
const good = JSON.stringify({ cert: cert + issuer, key });

function wordOf(items: Items, ...texts: readonly string[]) {
  return items.gather(
    texts.map((text, at) => ({
      ...({ section: "certificates", name: `${at}`, text } as const),
      place: `key ${at}`,
    })),
  );
}

test("who begins to ask anew shows on what a certificate was before it went bad, and says so", () => {
  const before = wordOf(new Items(commonSettings, "redis"), good);
  const items = new Items(commonSettings, "redis");
  const bare = wordOf(items, "rubbish");
  assert.equal(withCarried(undefined, bare), bare);
  const word = withCarried(before.collection, bare);
  const [item] = word.collection.certificates;
  assert.deepEqual(item?.held[0]?.certificate.names, ["a.test"]);
  assert.match(item.trouble, /is not JSON/);
  assert.deepEqual(
    word.findings.map(({ state }) => state),
    ["as it was before"],
  );
  // The next word is of the same source, which does not know it either; what did not change is the same.
  const next = withCarried(word.collection, wordOf(items, "rubbish"));
  assert.equal(next.collection.certificates[0], item);
});

test("what is good, new or gone is as the source says it", () => {
  const before = wordOf(new Items(commonSettings, "redis"), good).collection;
  for (const texts of [[], [good], [good, "rubbish"]]) {
    const word = wordOf(new Items(commonSettings, "redis"), ...texts);
    assert.equal(withCarried(before, word), word);
  }
});
