// The documentation as a running program serves it: every link of every page leads somewhere, nothing in it is refused by
// the content policy, and it can be searched and read by keyboard, without a mouse, on a phone, and in both colours.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import { adminConfig, baseOf } from "../harness/admin-program.ts";
import { accessFaults, consoleBrowser, overhang, picture } from "../harness/console-page.ts";
import { needs } from "../harness/needs.ts";
import { startTidegate, type Tidegate } from "../harness/tidegate.ts";

const bounded = { timeout: 110_000 };

interface Found {
  readonly text: string;
  readonly ids: ReadonlySet<string>;
}

function linksOf(text: string): string[] {
  const links = [...text.matchAll(/ (?:href|src)="([^"]*)"/g)].map(([, link = ""]) => link);
  return links.map((link) => link.replaceAll("&#38;", "&"));
}

/** What a page may not have: the policy refuses it. */
function inlineOf(text: string): string[] {
  const tags = [...text.matchAll(/<[a-z][^>]*>/g)].map(([tag]) => tag);
  const isInline = (tag: string) =>
    / (?:style|on\w+)=/.test(tag) || /^<(?:script|style)>/.test(tag);
  return tags.filter(isInline);
}

describe("the site of the documentation", { skip: needs("chromium") }, () => {
  const stack = new AsyncDisposableStack();
  let browser: Browser;
  let program: Tidegate;

  before(async () => {
    browser = await consoleBrowser();
    stack.defer(() => browser.close());
    program = stack.use(await startTidegate({ config: { ...adminConfig, routes: {} } }));
  });
  after(() => stack.disposeAsync());

  test("every link of every page leads somewhere", bounded, async () => {
    const base = baseOf(program);
    const pages = new Map<string, Found | undefined>();
    const wrong: string[] = [];
    const read = async (url: string): Promise<Found | undefined> => {
      const answer = await fetch(url);
      const text = await answer.text();
      if (!answer.ok) return undefined;
      const policy = answer.headers.get("content-security-policy") ?? "";
      assert.match(policy, /default-src 'none'.*frame-ancestors 'none'/, url);
      const ids = [...text.matchAll(/ id="([^"]*)"/g)].map(([, id = ""]) => id);
      const isPage = answer.headers.get("content-type")?.startsWith("text/html") === true;
      if (isPage) wrong.push(...inlineOf(text).map((tag) => `${url}: ${tag}`));
      return { text: isPage ? text : "", ids: new Set(ids) };
    };
    const waiting: { url: string; from: string }[] = [{ url: `${base}/docs/`, from: "" }];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [url = "", hash] = next.url.split("#");
      if (!pages.has(url)) {
        const found = await read(url);
        pages.set(url, found);
        // The reference of the API and the console have tests of their own.
        const isOfSite = url === `${base}/docs/` || /\/docs\/.*\.html$/.test(url);
        for (const link of isOfSite ? linksOf(found?.text ?? "") : []) {
          const target = new URL(link, url === `${base}/docs/` ? `${base}/docs/index.html` : url);
          if (target.href.startsWith(`${base}/`)) waiting.push({ url: target.href, from: url });
          else if (!/^https?:$/.test(target.protocol)) wrong.push(`${url}: ${link}`);
        }
      }
      const found = pages.get(url);
      const isThere = found !== undefined && (hash === undefined || found.ids.has(hash));
      if (!isThere) wrong.push(`${next.from}: ${next.url} leads nowhere`);
    }
    assert.deepEqual(wrong, []);
    assert.ok(pages.size > 100, `only ${pages.size} pages were found`);
    const planted = `<a href="x.html" style="a">b</a><script>c</script>`;
    assert.deepEqual([linksOf(planted), inlineOf(planted).length], [["x.html"], 2]);
  });

  for (const [colors, isNarrow] of [
    ["light", false],
    ["dark", true],
  ] as const) {
    const where = isNarrow ? "a phone" : "a desk";
    test(`it is read and searched by keyboard, ${colors}, at ${where}`, bounded, async () => {
      await using held = await browser.newContext({
        viewport: isNarrow ? { width: 390, height: 844 } : { width: 1280, height: 860 },
        colorScheme: colors === "light" ? "dark" : "light",
        bypassCSP: true,
      });
      const page = await held.newPage();
      page.setDefaultTimeout(15_000);
      const troubles: string[] = [];
      page.on("pageerror", (error) => void troubles.push(String(error)));
      page.on("console", (each) => {
        if (each.type() === "error") troubles.push(`${each.text()} (${each.location().url})`);
      });
      // The console's choice of colours, which is not that of the system here.
      await page.goto(`${baseOf(program)}/docs/index.html`);
      await page.evaluate(`localStorage.setItem("tidegate.theme", "${colors}")`);
      await page.reload();
      const scheme = "getComputedStyle(document.documentElement).colorScheme";
      assert.equal(await page.evaluate(scheme), colors);
      await picture(page, `docs-${colors}`);
      assert.deepEqual(await accessFaults(page), []);
      await page.keyboard.press("/");
      await page.keyboard.type("rate limit");
      const found = page.getByRole("link", { name: /rate/i }).first();
      await found.waitFor();
      await page.keyboard.press("ArrowDown");
      await page.keyboard.press("Enter");
      await page.waitForURL(/\.html/);
      await page.getByRole("heading", { level: 1, name: /rate/i }).waitFor();
      assert.equal(await overhang(page), 0);
      assert.deepEqual(await accessFaults(page), []);
      assert.deepEqual(troubles, []);
    });
  }
});
