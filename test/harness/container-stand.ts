// The console of a real program that looks at a real Docker Engine, before any container runs there, and the containers
// that tests put behind it.

import type { Browser } from "playwright-core";
import { adminConfig, baseOf, passwordOf } from "./admin-program.ts";
import {
  consoleBrowser,
  type ConsolePage,
  logIn,
  openConsole,
  type PageOptions,
} from "./console-page.ts";
import { asked } from "./discovered.ts";
import { type DockerEngine, dockerEngineNeeds, startDockerEngine } from "./docker-engine.ts";
import { ipOf, listens } from "./docker-traffic.ts";
import { needs } from "./needs.ts";
import { needsRoot } from "./needs-root.ts";
import { type PostReceiver, postReceiver } from "./post-receiver.ts";
import { startTidegate, type Tidegate } from "./tidegate.ts";
import { type WebContainers, webContainers, webImageNeeds } from "./web-image.ts";

/** Why such a test cannot run here; false = it can. */
export const noContainerStand =
  needsRoot() || needs("chromium", "openssl", ...dockerEngineNeeds, ...webImageNeeds);

interface Login {
  readonly user: string;
  readonly password: string;
}

export interface ContainerStand extends AsyncDisposable {
  readonly browser: Browser;
  readonly engine: DockerEngine;
  readonly web: WebContainers;
  readonly program: Tidegate;
  /** Who is told of alerts. */
  readonly told: PostReceiver;
  /** A console, by who may do everything unless said otherwise; its first page. */
  opened(options?: PageOptions & { readonly as?: Login }): Promise<ConsolePage>;
  /** What the API says to a token that asks for routes: the status. */
  routesBy(token: string): Promise<number>;
  /** What a client gets: the text of an answer with 200, otherwise its status. */
  answer(name: string, path?: string): Promise<string>;
  /** All that so many clients get, each once. */
  answers(name: string, count: number): Promise<readonly string[]>;
}

/** A test of the configuration wants nobody to have it; what is discovered is served all the same. */
export const reservedHost = "reserved.test";

export async function containerStand(): Promise<ContainerStand> {
  await using stack = new AsyncDisposableStack();
  const [engine, browser] = await Promise.all([startDockerEngine(), consoleBrowser()]);
  stack.use(engine);
  stack.defer(() => browser.close());
  const web = await webContainers(engine);
  const told = stack.use(await postReceiver());
  const config = {
    ...adminConfig,
    routes: {},
    providers: { docker: { endpoint: engine.endpoint } },
    alerts: { webhook: { url: `${told.origin}/alert` } },
    tests: [{ request: `http://${reservedHost}/`, expect: { none: true } }],
  };
  const program = stack.use(await startTidegate({ config, workers: 1 }));
  const answer: ContainerStand["answer"] = async (name, path = "/") => {
    const { status, body } = await asked(program.port(), name, path);
    return status === 200 ? body : String(status);
  };
  const held = stack.move();
  return {
    ...{ browser, engine, web, program, told },
    async opened({ as, ...options } = {}) {
      const opened = await openConsole(browser, baseOf(program), options);
      const { user, password } = as ?? { user: "admin", password: passwordOf(program) };
      await logIn(opened.page, user, password);
      return opened;
    },
    async routesBy(token) {
      const headers = { Authorization: `Bearer ${token}` };
      const response = await fetch(`${baseOf(program)}/v1/routes`, { headers });
      await response.arrayBuffer();
      return response.status;
    },
    answer,
    async answers(name, count) {
      const all = await Promise.all(Array.from({ length: count }, () => answer(name)));
      return [...new Set(all)].toSorted();
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/**
 * `shop`: two replicas of one service. `blog`: one, and one that stops. `twin`: two ports, and no word about which.
 * `plain`: no label at all. `typo`: a label that nobody understands. `rival`: asks for the name of `blog`. `squatter`:
 * asks for a name that a test of the file keeps free.
 */
export async function startContainers({
  engine,
  web,
}: Pick<ContainerStand, "engine" | "web">): Promise<void> {
  const host = (name: string) => ({ "tidegate.host": name });
  const shop = { project: "shop", role: "web", labels: host("shop.test") };
  const all = [
    { name: "shop-1", ...shop },
    { name: "shop-2", ...shop },
    { name: "blog", project: "blog", labels: host("blog.test") },
    { name: "twin", project: "twin", labels: host("twin.test"), args: ["--expose", "9000"] },
    { name: "plain" },
    { name: "typo", project: "typo", labels: { ...host("typo.test"), "tidegate.retires": "3" } },
    { name: "squatter", project: "squatter", labels: host(reservedHost) },
  ];
  // One after the other: which of two rivals came first is not left to chance.
  for (const each of all) await web.run(each);
  await web.run({ name: "rival", project: "rival", labels: host("blog.test") });
  await Promise.all(all.map(async ({ name }) => listens(await ipOf(engine, name))));
}
