// A page of headless Chromium that remembers what went wrong in it: requests that failed, answers that were refusals
// or failures, exceptions of scripts. It knows `localhost`, names below it, and no others, so that nothing of the
// internet is asked. Pictures are taken into a folder, for people to look at.
//
// SCREENSHOTS=FOLDER keeps them there; without it they go with the test.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium, type Page } from "playwright-core";
import { findCommand } from "./needs.ts";
import { tempFolder } from "./temp-folder.ts";

export const chromiumNeeds = ["chromium"] as const;

export interface ChromiumPage extends AsyncDisposable {
  readonly page: Page;
  /** What went wrong with this machine's pages so far. Each is told once. */
  troubles(): string[];
  /** Takes a picture of all of the page. Returns its path. */
  picture(name: string): Promise<string>;
}

const switches = [
  ...["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
  "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE *.localhost, EXCLUDE localhost",
];

/** @param timeoutMs for each thing that is waited for */
export async function openChromium(timeoutMs = 20_000): Promise<ChromiumPage> {
  await using stack = new AsyncDisposableStack();
  const folder = process.env["SCREENSHOTS"] ?? stack.use(await tempFolder()).path;
  await mkdir(folder, { recursive: true });
  const browser = await chromium.launch({
    executablePath: findCommand("chromium") ?? "chromium",
    timeout: 20_000,
    args: switches,
  });
  stack.defer(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
  page.setDefaultTimeout(timeoutMs);
  let seen: string[] = [];
  const note = (line: string) => void seen.push(line);
  page.on("requestfailed", (request) => {
    const error = request.failure()?.errorText ?? "";
    // What a page asks for when it is left is given up by the browser.
    if (!new URL(request.url()).hostname.endsWith(".localhost") || /ERR_ABORTED/.test(error))
      return;
    note(`${request.method()} ${request.url()}: ${error}`);
  });
  page.on("response", (response) => {
    if (response.status() < 400) return;
    note(`${response.request().method()} ${response.url()}: ${response.status()}`);
  });
  page.on("pageerror", (error) => note(String(error)));
  const held = stack.move();
  return {
    page,
    troubles() {
      const told = seen;
      seen = [];
      return told;
    },
    async picture(name) {
      const path = join(folder, `${name}.png`);
      await page.screenshot({ path, fullPage: true });
      return path;
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
