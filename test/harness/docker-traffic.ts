// The real program in front of containers of Docker or Podman: what a client sees of them, and how soon.

import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { inspect } from "node:util";
import { ask } from "./ask.ts";
import { eventually } from "./barrier.ts";
import { controlOf } from "./control.ts";
import { answeredBy, asked, discoveryOf } from "./discovered.ts";
import type { DockerEngine } from "./docker-engine.ts";
import { startTidegate, type Tidegate } from "./tidegate.ts";
import type { WebContainers } from "./web-image.ts";

export type Engine = Pick<DockerEngine, "endpoint" | "docker">;

/** One listener, one provider. `settings` are added to those of the provider, `rest` to the configuration. */
export function startBefore(
  kind: "docker" | "podman",
  { endpoint }: Pick<Engine, "endpoint">,
  settings: Record<string, unknown> = {},
  rest: Record<string, unknown> = {},
): Promise<Tidegate> {
  const providers = { [kind]: { endpoint, ...settings } };
  return startTidegate({ config: { listeners: { web: "127.0.0.1:0" }, providers, ...rest } });
}

export const hostLabel = (name: string) => ({ "tidegate.host": name });

export async function ipOf({ docker }: Engine, name: string): Promise<string> {
  const format = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}";
  return (await docker(["inspect", "--format", format, name])).stdout.trim();
}

/** Once somebody accepts there, without the program's help. */
export async function listens(ip: string): Promise<void> {
  await eventually(`${ip} to listen`, async () => {
    const socket = connect(80, ip);
    try {
      await once(socket, "connect");
      return true;
    } catch {
      return undefined; // not yet
    } finally {
      socket.destroy();
    }
  });
}

/** Waits until it answers so; returns its page. */
export async function status(program: Tidegate, name: string, wanted: number): Promise<string> {
  let last: unknown;
  const answers = async () => {
    // One that was sent to where nobody is any more takes as long as connecting may.
    const options = { name, headers: { Connection: "close" }, timeoutMs: 1000 };
    const answer = await ask(program.port(), options).catch((error: unknown) => {
      last = error;
    });
    if (answer === undefined) return undefined;
    last = { status: answer.status, body: answer.body };
    return answer.status === wanted ? answer.body : undefined;
  };
  return eventually(`${name} to answer ${wanted}`, answers, 10_000).catch((error: unknown) => {
    throw new Error(`${String(error)}; last: ${inspect(last)}`, { cause: error });
  });
}

export async function providerIs(program: Tidegate, state: "ok" | "failing"): Promise<void> {
  const isSo = async () => {
    const { providers } = await discoveryOf(program);
    return providers[0]?.state === state ? true : undefined;
  };
  await eventually(`the provider to be ${state}`, isSo, 20_000);
}

export interface Load {
  /** Ends it. Fails unless every single answer was this one. */
  stop(status?: number): Promise<void>;
}

/** Requests, one after the other, until `stop`. */
export function askedOnAndOn(port: number, name: string): Load {
  const statuses = new Map<number, number>();
  const over = new AbortController();
  const run = async () => {
    while (!over.signal.aborted) {
      const answer = await asked(port, name);
      statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
      await pause(10);
    }
  };
  const running = run();
  return {
    async stop(wanted = 200) {
      over.abort();
      await running;
      assert.deepEqual([...statuses.keys()], [wanted]);
    },
  };
}

export interface Burst {
  /** ms from the moment that a container listened until it was answered for; sorted. */
  readonly waits: readonly number[];
  /** ms */
  readonly took: number;
  /** Snapshots that were made meanwhile. */
  readonly rebuilds: number;
  /** For a person. */
  readonly text: string;
}

/** Starts that many, four at a time, each with a host of its own, and waits until all are routed. */
export async function burst(
  engine: Engine,
  web: WebContainers,
  { program, count }: { readonly program: Tidegate; readonly count: number },
): Promise<Burst> {
  const control = controlOf(program.control);
  const versionNow = async () => (await control.status()).snapshot.version;
  const versionBefore = await versionNow();
  const beganAt = performance.now();
  const names = Array.from({ length: count }, (_, at) => `burst-${at}`);
  const waiting = names.values();
  const waits: number[] = [];
  const startSome = async () => {
    for (const name of waiting) {
      await web.run({ name, project: name, labels: hostLabel(`${name}.test`) });
      await listens(await ipOf(engine, name));
      const listeningSince = performance.now();
      await answeredBy(program, `${name}.test`, name);
      waits.push(performance.now() - listeningSince);
    }
  };
  await Promise.all(Array.from({ length: 4 }, startSome));
  const took = performance.now() - beganAt;
  const rebuilds = (await versionNow()) - versionBefore;
  // None of them was lost meanwhile.
  for (const name of names) await answeredBy(program, `${name}.test`, name);
  waits.sort((a, b) => a - b);
  const [middle = 0, longest = 0] = [waits[Math.floor(count / 2)], waits.at(-1)];
  const seconds = (ms: number) => `${(ms / 1000).toFixed(3)} s`;
  const text =
    `${count} containers in ${seconds(took)}; from listening until answered: ` +
    `${seconds(middle)} in the middle, ${seconds(longest)} at most; ${rebuilds} rebuilds`;
  return { waits, took, rebuilds, text };
}
