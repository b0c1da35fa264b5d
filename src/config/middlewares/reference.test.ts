import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { tempFolder } from "../../../test/harness/temp-folder.ts";
import { readConfig } from "../read.ts";
import { fileOf, kindsInOrder, middlewaresPage, overviewTable } from "./reference.ts";

const docs = new URL("../../../docs/", import.meta.url);
const folder = new URL("middlewares/", docs);
const isUpdating = process.env["UPDATE"] === "1";

const textOf = (name: string, base = folder) => readFileSync(new URL(name, base), "utf8");

test("docs/reference/middlewares.md says what the definitions say (UPDATE=1 writes it anew)", () => {
  const page = new URL("reference/middlewares.md", docs);
  if (isUpdating) writeFileSync(page, middlewaresPage());
  assert.equal(readFileSync(page, "utf8"), middlewaresPage());
});

test("the overview has a table of all kinds (UPDATE=1 writes it anew)", () => {
  const part = /(?<=<!-- kinds -->\n\n)[^]*?(?=\n\n<!-- end of kinds -->)/;
  const overview = textOf("overview.md");
  assert.match(overview, part);
  const made = overview.replace(part, () => overviewTable());
  if (isUpdating) writeFileSync(new URL("overview.md", folder), made);
  assert.equal(textOf("overview.md"), made);
});

for (const { kind } of kindsInOrder()) {
  test(`${kind} has its page, with an example, and a test with the real program`, () => {
    const page = new URL(fileOf(kind), folder);
    assert.ok(existsSync(page), `docs/middlewares/${fileOf(kind)} is missing`);
    const text = textOf(fileOf(kind));
    const examples = blocksOf(text, "yaml").filter((each) =>
      new RegExp(`\\b${kind}\\b`).test(each),
    );
    assert.ok(examples.length > 0, `no \`\`\`yaml block of ${fileOf(kind)} has ${kind}`);
    const tests = new URL("../../../test/program/", import.meta.url);
    const named = new RegExp(`\\b${kind}\\b`);
    const isNamed = readdirSync(tests).some(
      (each) => each.endsWith(".test.ts") && named.test(textOf(each, tests)),
    );
    assert.ok(isNamed, `no file of test/program names ${kind}`);
  });
}

for (const name of readdirSync(folder)) {
  test(`what docs/middlewares/${name} shows is accepted`, async () => {
    const text = textOf(name);
    await using place = await tempFolder();
    for (const [file, content] of filesIn(text)) await writeFile(place.file(file), content);
    for (const block of blocksOf(text, "yaml")) {
      const { problems } = readConfig(block, { file: name, baseFolder: place.path });
      const errors = problems.filter(({ severity }) => severity === "error");
      assert.deepEqual(errors, [], block);
    }
  });
}

/** Of fenced blocks. */
function blocksOf(text: string, info: string): string[] {
  const all = text.matchAll(/^```([^\n]*)\n([^]*?)^```$/gm);
  return [...all].flatMap(([, found, block = ""]) => (found === info ? [block] : []));
}

/** Those that a page shows by their name, "```text users.txt", so that its examples can name them. */
function filesIn(text: string): [name: string, content: string][] {
  const all = text.matchAll(/^```text (\S+)\n([^]*?)^```$/gm);
  return [...all].map(([, file = "", content = ""]) => [file, content]);
}
