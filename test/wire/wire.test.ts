// Runs the Markdown pages of this folder against the real program. The pages are the specification; what
// is here only counts them, so that a page that lost its cases to a reformat cannot stay green.

import assert from "node:assert/strict";
import { basename } from "node:path";
import { describe, test } from "node:test";
import { readCases } from "./case.ts";
import { playCases } from "./fixture.ts";

/** At least so many cases each page must have. */
const atLeast: Readonly<Record<string, number>> = {
  "chunked.md": 48,
  "content-length.md": 26,
  "expect.md": 8,
  "forwarded-headers.md": 6,
  "header-fields.md": 22,
  "hop-by-hop.md": 12,
  "host.md": 29,
  "limits.md": 22,
  "line-ends.md": 20,
  "methods.md": 23,
  "pipelining.md": 15,
  "request-line.md": 21,
  "responses.md": 62,
  "target.md": 55,
  "transfer-encoding.md": 27,
  "upgrade.md": 13,
  "versions.md": 16,
};

const only = process.env["WIRE_ONLY"] ?? "";
const cases = readCases(import.meta.dirname);
const chosen = cases.filter(({ place, title }) => `${place} ${title}`.includes(only));
const problems = await playCases(chosen);

test("every page has the cases it had", () => {
  const counts = Object.entries(Object.groupBy(cases, ({ file }) => file));
  assert.deepEqual(counts.map(([file]) => file).sort(), Object.keys(atLeast).sort());
  for (const [file, found] of counts) {
    const count = found?.length ?? 0;
    assert.ok(count >= (atLeast[file] ?? 0), `${file} has ${count} cases`);
  }
  assert.ok(cases.length >= 400, `${cases.length} cases in all`);
});

test("no two cases have the same title on one page", () => {
  const titles = cases.map(({ file, title }) => `${file}: ${title}`);
  assert.equal(new Set(titles).size, titles.length);
});

for (const [file, members] of Map.groupBy(chosen, (each) => each.file)) {
  describe(basename(file, ".md"), () => {
    for (const wireCase of members) {
      test(wireCase.title, () => {
        const found = problems.get(wireCase);
        assert.ok(found !== undefined, "the case did not run");
        assert.ok(found.length === 0, `${wireCase.place}\n${found.join("\n")}`);
      });
    }
  });
}
