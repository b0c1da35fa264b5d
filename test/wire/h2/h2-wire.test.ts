// Runs the pages of this folder against the real program. The pages are the specification; what is here only counts
// them, so that a page that lost its cases to a reformat cannot stay green.

import assert from "node:assert/strict";
import { basename } from "node:path";
import { describe, test } from "node:test";
import { readH2Cases } from "./h2-case.ts";
import { playH2Cases } from "./h2-fixture.ts";

const only = process.env["WIRE_ONLY"] ?? "";
const cases = readH2Cases(import.meta.dirname);
const chosen = cases.filter(({ place, title }) => `${place} ${title}`.includes(only));
const { problems, runs } = await playH2Cases(chosen, process.env["WIRE_WHOLE"] === undefined);

test("there are as many cases as were promised, each with a title of its own", (t) => {
  t.diagnostic(`${chosen.length} cases, ${runs} runs`);
  const ofClients = cases.filter(({ side }) => side === "client");
  assert.ok(ofClients.length >= 150, `${ofClients.length} cases of clients`);
  assert.ok(
    cases.length - ofClients.length >= 40,
    `${cases.length - ofClients.length} of backends`,
  );
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
