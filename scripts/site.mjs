// Makes a site of the pages in docs/: plain files that any server can give, with a list of all pages and a search. Links
// between pages lead to pages; what is no page of the site is named without a link.

import {
  copyFileSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, normalize, relative } from "node:path";
import { Marked } from "marked";
import { root } from "./engine.mjs";

/** Headings of the list, in order, and which pages stand below each: the first that fits. */
const sections = [
  { title: "Start", has: (page) => page === "README.md" || page === "docs/tutorial.md" },
  { title: "From another proxy", has: (page) => page.startsWith("docs/guide/from-") },
  { title: "Guides", has: (page) => page.startsWith("docs/guide/") },
  { title: "Middlewares", has: (page) => page.startsWith("docs/middlewares/") },
  { title: "Operations", has: (page) => page.startsWith("docs/operations/") },
  { title: "Reference", has: (page) => page.startsWith("docs/reference/") },
  {
    title: "Inside",
    has: (page) => ["ARCHITECTURE.md", "docs/threat-model.md", "CHANGELOG.md"].includes(page),
  },
  { title: "Decisions", has: (page) => page.startsWith("docs/decisions/") },
];

const top = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"];

/** Name of its file in the site. */
function fileOf(page) {
  if (page === "README.md") return "index.html";
  const inside = page.startsWith("docs/") ? page.slice("docs/".length) : page.toLowerCase();
  return inside.replace(/\.md$/, ".html");
}

/** As GitHub makes them of headings, so that links hold in both places. */
function slugs() {
  const seen = new Set();
  return (heading) => {
    const slug = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(/\s/g, "-");
    let unique = slug;
    for (let count = 1; seen.has(unique); count++) unique = `${slug}-${count}`;
    seen.add(unique);
    return unique;
  };
}

function escape(text) {
  return text.replaceAll(/[&<>"]/g, (each) => `&#${each.charCodeAt(0)};`);
}

function plain(inline) {
  return inline.replaceAll(/`|\[([^\]]*)\]\([^)]*\)/g, "$1");
}

/** @param pages all of the site @param from the tree @returns its title, its body as HTML, and its headings */
function rendered(page, text, pages, from) {
  const slugOf = slugs();
  const headings = [];
  const marked = new Marked({ gfm: true });
  marked.use({
    renderer: {
      heading({ tokens, depth, text: heading }) {
        const id = slugOf(plain(heading));
        headings.push({ depth, text: plain(heading), id });
        const inner = this.parser.parseInline(tokens);
        return `<h${depth} id="${id}"><a class="anchor" href="#${id}">${inner}</a></h${depth}>\n`;
      },
      link({ href, tokens }) {
        const inner = this.parser.parseInline(tokens);
        const target = targetOf(page, href, pages);
        return target === undefined ? inner : `<a href="${escape(target)}">${inner}</a>`;
      },
      image({ href, text: words }) {
        const path = normalize(join(dirname(page), href));
        if (!path.startsWith("docs/") || !existsSync(join(from, path))) return escape(words);
        const target = relative(dirname(fileOf(page)), path.slice("docs/".length));
        return `<img src="${escape(target)}" alt="${escape(words)}" loading="lazy">`;
      },
      code({ text: code, lang }) {
        const words = lang === undefined || lang === "" ? "" : ` data-lang="${escape(lang)}"`;
        return `<pre tabindex="0"${words}><code>${escape(code)}</code></pre>\n`;
      },
      table(token) {
        const cells = (row, tag) =>
          row.map((cell) => `<${tag}>${this.parser.parseInline(cell.tokens)}</${tag}>`).join("");
        const rows = token.rows.map((row) => `<tr>${cells(row, "td")}</tr>`).join("\n");
        const head = `<thead><tr>${cells(token.header, "th")}</tr></thead>`;
        return `<div class="table" tabindex="0"><table>${head}<tbody>${rows}</tbody></table></div>\n`;
      },
    },
  });
  const body = marked.parse(text);
  const title = headings.find(({ depth }) => depth === 1)?.text ?? basename(page);
  return { page, file: fileOf(page), title, body, headings, text };
}

/** undefined = it is not in the site. */
function targetOf(page, href, pages) {
  if (/^[a-z]+:/.test(href)) return href;
  const [path, anchor] = href.split("#");
  const hash = anchor === undefined ? "" : `#${anchor}`;
  if (path === "") return hash;
  const target = normalize(join(dirname(page), path));
  if (!pages.has(target)) return undefined;
  return `${relative(dirname(fileOf(page)), fileOf(target))}${hash}`;
}

function listOf(page, all) {
  const parts = sections.map(({ title }) => {
    const links = all
      .filter((each) => each.section === title)
      .map(({ file, title: name }) => {
        const current = file === page.file ? ' aria-current="page"' : "";
        return `<li><a href="${relative(dirname(page.file), file)}"${current}>${escape(name)}</a></li>`;
      });
    const isOpen = page.section === title || title === "Start" ? " open" : "";
    return `<details${isOpen}><summary>${title}</summary><ul>${links.join("\n")}</ul></details>`;
  });
  return parts.join("\n");
}

function documentOf(page, all) {
  const base = relative(dirname(page.file), "") || ".";
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(page.title)} – Tidegate</title>
<link rel="icon" type="image/svg+xml" href="${base}/mark.svg">
<link rel="stylesheet" href="${base}/site.css">
<script type="module" src="${base}/site.js"></script>
</head>
<body data-base="${base}">
<a class="skip" href="#content">To the text</a>
<header>
<a class="name" href="${base}/index.html">Tidegate</a>
<button id="menu" type="button" aria-expanded="false" aria-controls="pages">Pages</button>
<a class="console" href="/">Console</a>
<div class="search">
<input id="search" type="search" placeholder="Search" aria-label="Search the pages" autocomplete="off">
<ul id="found" hidden></ul>
</div>
</header>
<nav id="pages" aria-label="Pages">
${listOf(page, all)}
</nav>
<main id="content" tabindex="-1">
${page.body}</main>
</body>
</html>
`;
}

/** What the search looks at: titles and headings, and how each page begins. */
function indexOf(all) {
  return all.map(({ file, title, section, headings, text }) => ({
    file,
    title,
    /** Read by those who change the program. */
    isLate: section === "Inside" || section === "Decisions",
    headings: headings
      .filter(({ depth }) => depth > 1)
      .map(({ text: heading, id }) => [heading, id]),
    words: [...new Set(text.toLowerCase().match(/[a-z][a-z0-9-]{3,}/g) ?? [])].join(" "),
  }));
}

/** Pages of the tree below `from`, by their paths. */
function pagesIn(from) {
  const found = globSync("docs/**/*.md", { cwd: from }).map((path) => path.replaceAll("\\", "/"));
  return new Set([...top, ...found.toSorted()]);
}

/** Writes the site into a folder. @returns how many pages it has */
export function buildSite(folder, from = root) {
  const pages = pagesIn(from);
  const all = [...pages].map((page) => {
    const section = sections.find(({ has }) => has(page))?.title ?? "Inside";
    return { ...rendered(page, readFileSync(join(from, page), "utf8"), pages, from), section };
  });
  all.sort((one, other) => compareTitles(one, other));
  for (const page of all) {
    const path = join(folder, page.file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, documentOf(page, all));
  }
  for (const path of globSync("docs/**/*.{png,svg}", { cwd: from })) {
    const target = join(folder, path.slice("docs/".length));
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(join(from, path), target);
  }
  writeFileSync(join(folder, "search.json"), JSON.stringify(indexOf(all)));
  for (const name of ["site.js", "site.css"]) {
    copyFileSync(join(root, "scripts", "site", name), join(folder, name));
  }
  copyFileSync(join(root, "ui", "src", "styles", "mark.svg"), join(folder, "mark.svg"));
  return all.length;
}

/** What one reads first comes first; decisions are numbered. */
function compareTitles(one, other) {
  const first = (page) => (/README|tutorial|overview/.test(page.page) ? 0 : 1);
  const isDecision = one.section === "Decisions" && other.section === "Decisions";
  if (isDecision) return one.page < other.page ? -1 : 1;
  return first(one) - first(other) || one.title.localeCompare(other.title, "en");
}
