// The console of a running program in headless Chromium, and what went wrong on its pages: errors of scripts, of the
// content policy, and requests to anybody but the program. Built first where it was not.
//
// SCREENSHOTS=FOLDER has pictures of the pages put there.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { runCommand } from "./command.ts";
import { findCommand } from "./needs.ts";

export type Colors = "light" | "dark";

export interface PageOptions {
  readonly colors?: Colors;
  /** Of a phone. */
  readonly isNarrow?: boolean;
  /** Lets a check put its own script into the page; what the policy forbids is not noticed then. */
  readonly isUnguarded?: boolean;
}

export interface ConsolePage extends AsyncDisposable {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What went wrong so far. Each is told once. */
  troubles(): string[];
}

/** One for each test file; pages of it know nothing of each other. */
export async function consoleBrowser(): Promise<Browser> {
  const script = resolve(import.meta.dirname, "../../scripts/console.mjs");
  const { code, stderr } = await runCommand(process.execPath, [script, "--strict"], {
    timeoutMs: 60_000,
  });
  assert.equal(code, 0, stderr);
  return chromium.launch({
    executablePath: findCommand("chromium") ?? "chromium",
    timeout: 20_000,
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
  });
}

/** @param base of the API: `http://127.0.0.1:8081` */
export async function openConsole(
  browser: Browser,
  base: string,
  { colors = "light", isNarrow = false, isUnguarded = false }: PageOptions = {},
): Promise<ConsolePage> {
  const context = await browser.newContext({
    viewport: isNarrow ? { width: 390, height: 844 } : { width: 1280, height: 860 },
    colorScheme: colors,
    reducedMotion: "reduce",
    bypassCSP: isUnguarded,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  let seen: string[] = [];
  page.on("console", (message) => {
    if (message.type() !== "error" && message.type() !== "warning") return;
    const { url } = message.location();
    // The page asks whether there is a session, and when there is none the browser says so.
    if (message.text().includes("401") && new URL(url).pathname === "/v1/session") return;
    seen.push(`${message.text()} (${url})`);
  });
  page.on("pageerror", (error) => void seen.push(String(error)));
  page.on("request", (request) => {
    if (!request.url().startsWith(`${base}/`)) seen.push(`asked ${request.url()}`);
  });
  await page.goto(base);
  return {
    page,
    context,
    troubles() {
      const told = seen;
      seen = [];
      return told;
    },
    [Symbol.asyncDispose]: () => context.close(),
  };
}

export async function logIn(page: Page, user: string, password: string): Promise<void> {
  await page.getByLabel("User").fill(user);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("navigation", { name: "Pages" }).waitFor({ state: "attached" });
}

/** By the address, as a link would; resolves when its head is there. */
export async function visit(page: Page, name: string, title: string): Promise<void> {
  await setHash(page, `/${name}`);
  await page.getByRole("heading", { name: title, level: 1 }).waitFor();
}

/** Goes to a page of the console without loading it all again. */
export async function setHash(page: Page, hash: string): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
}

const axeSource = readFileSync(
  createRequire(import.meta.url).resolve("axe-core/axe.min.js"),
  "utf8",
);

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly impact: string | null;
    readonly help: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
}

/** Serious and critical faults of accessibility, one line each. */
export async function accessFaults(page: Page): Promise<string[]> {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate<AxeResult>(
    `axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => ({ violations: JSON.parse(JSON.stringify(violations)) }))`,
  );
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, help, nodes }) => {
      const shown = nodes
        .slice(0, 3)
        .map(({ html, failureSummary = "" }) => `${html} ${failureSummary}`);
      return `${id}: ${help}: ${shown.join(" | ")}`;
    });
}

/** Pixels by which the page is wider than the window. */
export function overhang(page: Page): Promise<number> {
  return page.evaluate<number>("Math.max(0, document.documentElement.scrollWidth - innerWidth)");
}

export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env["SCREENSHOTS"];
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`) });
}
