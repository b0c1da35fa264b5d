// A running program with two origins behind it, and its console in a browser, for tests that change things there.

import assert from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { adminConfig, baseOf, passwordOf } from "./admin-program.ts";
import { basic } from "./admin-stand.ts";
import { ask } from "./ask.ts";
import {
  consoleBrowser,
  type ConsolePage,
  logIn,
  openConsole,
  type PageOptions,
  visit,
} from "./console-page.ts";
import { httpOrigin } from "./origin.ts";
import { startTidegate, type Tidegate } from "./tidegate.ts";

export interface ConsoleStand extends AsyncDisposable {
  readonly browser: Browser;
  readonly program: Tidegate;
  /** Answers `from A`. */
  readonly urlA: string;
  readonly urlB: string;
  /** A page of the console, by who may do everything. */
  opened(name: string, title: string, options?: PageOptions): Promise<ConsolePage>;
  /** By the API, as that one or by a token. */
  api(
    method: string,
    path: string,
    body?: unknown,
    token?: string,
  ): Promise<{ status: number; text: string }>;
  /** Somebody else writes a route. */
  put(name: string, value: unknown): Promise<void>;
  /** What a client gets: the text of an answer with 200, otherwise its status. */
  answer(name: string, path?: string): Promise<string>;
}

export async function consoleStand(): Promise<ConsoleStand> {
  await using stack = new AsyncDisposableStack();
  const browser = await consoleBrowser();
  stack.defer(() => browser.close());
  const saying = async (text: string) =>
    stack.use(await httpOrigin((_, response) => response.end(text))).url;
  const urlA = await saying("from A");
  const urlB = await saying("from B");
  const config = {
    ...adminConfig,
    services: { pool: { backends: [urlA, urlB] } },
    routes: { "file.test": { whoami: true }, "pool.test": { service: "pool" } },
  };
  const program = stack.use(await startTidegate({ config, workers: 1 }));
  const base = baseOf(program);
  const password = passwordOf(program);
  const api: ConsoleStand["api"] = async (method, path, body, token) => {
    const headers = {
      ...(token === undefined ? basic("admin", password) : { Authorization: `Bearer ${token}` }),
      "Content-Type": "application/json",
    };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${base}${path}`, { method, headers, ...sent });
    return { status: response.status, text: await response.text() };
  };
  const held = stack.move();
  return {
    ...{ browser, program, urlA, urlB, api },
    async opened(name, title, options = {}) {
      const opened = await openConsole(browser, base, options);
      await logIn(opened.page, "admin", password);
      await visit(opened.page, name, title);
      return opened;
    },
    async put(name, value) {
      const { status, text } = await api("PUT", `/v1/routes/${encodeURIComponent(name)}`, value);
      assert.ok(status < 300, text);
    },
    async answer(name, path = "/") {
      const { status, body } = await ask(program.port(), { name, path });
      return status === 200 ? body : String(status);
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** In the form that is open. */
export async function writeRoute(page: Page, host: string, url: string, path = ""): Promise<void> {
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Host names").fill(host);
  if (path !== "") await dialog.getByLabel("Path", { exact: true }).fill(path);
  await dialog.getByLabel("Leads to").fill(url);
}

/** A button of the dialog that is open. */
export async function press(page: Page, name: string): Promise<void> {
  await page.getByRole("dialog").getByRole("button", { name, exact: true }).click();
}
