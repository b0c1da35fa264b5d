// What the pages promise is there: links lead somewhere, and whoever copies an example gets a configuration that can be
// read. Each rule is also shown a planted violation.

import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { formatProblem } from "../src/config/problem.ts";
import { readConfig } from "../src/config/read.ts";
import { config } from "../src/config/schema.ts";

const root = join(import.meta.dirname, "..");
const pages = globSync("{docs/**/*.md,*.md,bench/*.md}", { cwd: root }).sort();
const read = (page: string) => readFileSync(join(root, page), "utf8");

/** As GitHub makes them of headings. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of withoutCode(text).matchAll(/^#+ (.+)$/gm)) {
    const plain = heading.replaceAll(/`|\[([^\]]*)\]\([^)]*\)/g, "$1");
    const slug = plain
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(/\s/g, "-");
    let unique = slug;
    for (let count = 1; anchors.has(unique); count++) unique = `${slug}-${count}`;
    anchors.add(unique);
  }
  return anchors;
}

function withoutCode(text: string): string {
  return text.replaceAll(/^ *```[\s\S]*?^ *```/gm, "");
}

/** @param anchors of a page; undefined = there is no such page */
function brokenLinks(
  page: string,
  text: string,
  anchors: (path: string) => ReadonlySet<string> | "file" | undefined,
): string[] {
  const broken: string[] = [];
  const plain = withoutCode(text).replaceAll(/`[^`\n]*`/g, "");
  for (const [, link = ""] of plain.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(link)) continue;
    const [path = "", anchor] = link.split("#");
    const target = path === "" ? page : normalize(join(dirname(page), path));
    const there = anchors(target);
    const isFine =
      there !== undefined && (anchor === undefined || there === "file" || there.has(anchor));
    if (!isFine) broken.push(`${page}: ${link} leads nowhere`);
  }
  return broken;
}

const known = new Map<string, ReadonlySet<string> | "file" | undefined>();

function anchorsAt(path: string): ReadonlySet<string> | "file" | undefined {
  if (!known.has(path)) {
    const isPage = path.endsWith(".md");
    const found = existsSync(join(root, path))
      ? isPage
        ? anchorsOf(read(path))
        : "file"
      : undefined;
    known.set(path, found);
  }
  return known.get(path);
}

test("every link of a page leads to something that is there", () => {
  assert.ok(pages.length > 80);
  assert.deepEqual(
    pages.flatMap((page) => brokenLinks(page, read(page), anchorsAt)),
    [],
  );
  const planted = "# A\n[x](b.md) [y](a.md#b) [z](#a) `[no](no.md)`\n";
  const anchors = (path: string) => (path === "docs/a.md" ? anchorsOf(planted) : undefined);
  assert.deepEqual(brokenLinks("docs/a.md", planted, anchors), [
    "docs/a.md: b.md leads nowhere",
    "docs/a.md: a.md#b leads nowhere",
  ]);
});

const sections = new Set(Object.keys(config.shape));

/** Examples that are a configuration, as they stand in the page; not those of other programs. */
function configurationsOf(text: string): string[] {
  const found: string[] = [];
  for (const [, indent = "", body = ""] of text.matchAll(/^( *)```ya?ml\n([\s\S]*?)^ *```/gm)) {
    const example = body.replaceAll(new RegExp(`^${indent}`, "gm"), "");
    let value: unknown;
    try {
      value = parse(example);
    } catch {
      continue;
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) continue;
    const keys = Object.keys(value);
    // docker-compose has services as well, and never what only we have.
    const isForeign = keys.includes("version") || /^ +(image|build|container_name):/m.test(example);
    if (keys.length > 0 && keys.every((key) => sections.has(key)) && !isForeign) {
      found.push(example);
    }
  }
  return found;
}

/** Files and folders are the reader's; services and providers may stand in another part of the page. */
const readers = [
  /ENOENT|no such file|cannot be read|is not there|is not a folder/,
  /there are no routes|there is no (service|provider)/,
];

function problemsOf(example: string, page: string): string[] {
  const { problems } = readConfig(example, { file: page, baseFolder: "/nonexistent" });
  return problems
    .filter(({ severity }) => severity === "error")
    .map(formatProblem)
    .filter((text) => !readers.some((each) => each.test(text)));
}

test("every configuration that a page shows can be read", () => {
  const all = pages.flatMap((page) => configurationsOf(read(page)).map((each) => [page, each]));
  assert.ok(all.length > 100, `only ${all.length} examples were found`);
  const wrong = all.flatMap(([page = "", example = ""]) =>
    problemsOf(example, page).map((problem) => `${problem}\n${example}`),
  );
  assert.deepEqual(wrong, []);
  const planted = "```yaml\nroutes:\n  a.test: { servcie: x }\n```\n";
  assert.equal(configurationsOf(planted).flatMap((each) => problemsOf(each, "p.md")).length, 1);
});
