// What the provider of Docker and Podman says, by itself: no routes, no traffic. Each listing is kept, so a
// test can wait for a state and then look at how it came about.

import type { DockerSettings } from "../../src/config/provider-settings.ts";
import type { Finding } from "../../src/config/finding.ts";
import type { Log, LogFields } from "../../src/lib/log.ts";
import { kept } from "../../src/providers/kept.ts";
import { DockerSource } from "../../src/providers/docker/docker.ts";
import type { Workload } from "../../src/providers/workload.ts";
import { within } from "./barrier.ts";

export interface DockerWatch extends AsyncDisposable {
  /** The latest listing, by name. */
  now(): ReadonlyMap<string, Workload>;
  findings(): readonly Finding[];
  readonly lists: readonly (readonly Workload[])[];
  /** Why it says nothing, as often as that changed; undefined = it works again. */
  readonly troubles: readonly (string | undefined)[];
  readonly warnings: readonly { readonly text: string; readonly fields: LogFields }[];
  /** The container, once it fits. */
  until(name: string, fits: (workload: Workload) => boolean, ms?: number): Promise<Workload>;
  /** Once the whole picture, or the trouble, is like that. */
  untilAll(what: string, fits: (watch: DockerWatch) => boolean, ms?: number): Promise<void>;
}

/** `unix://PATH` or `tcp://HOST:PORT` in the place of `endpoint`. */
export function dockerSettings(
  endpoint: string,
  changes: Partial<Omit<DockerSettings, "endpoint">> = {},
): DockerSettings {
  return {
    kind: "docker",
    name: "docker",
    place: "tidegate.yaml:3",
    hosts: undefined,
    owner: "project",
    dialects: ["tidegate"],
    defaultHost: undefined,
    port: undefined,
    mayStart: false,
    defaults: {
      timeouts: { head: 0, idle: 0, body: 0, connect: 0, response: 0, responseBody: 0, tunnel: 0 },
      maxBody: 0,
      tcpListeners: [],
    },
    endpoint: endpointOf(endpoint),
    network: undefined,
    publishedHost: undefined,
    exposedByDefault: true,
    ...changes,
  };
}

function endpointOf(text: string): DockerSettings["endpoint"] {
  if (text.startsWith("unix://")) return { kind: "unix", path: text.slice("unix://".length) };
  const url = new URL(text);
  return { kind: "tcp", host: url.hostname, port: Number(url.port), tls: undefined };
}

export function watchDocker(settings: DockerSettings): DockerWatch {
  const lists: (readonly Workload[])[] = [];
  const troubles: (string | undefined)[] = [];
  const warnings: { text: string; fields: LogFields }[] = [];
  const waiting = new Set<() => void>();
  const told = () => {
    for (const look of waiting) look();
  };
  const log: Log = {
    debug: () => {},
    info: () => {},
    warn: (text, fields = {}) => void warnings.push({ text, fields }),
    error: () => {},
  };
  const source = new DockerSource(settings, log);
  const provider = kept(
    { name: settings.name, catalogs: (signal: AbortSignal) => source.workloads(signal) },
    {
      log,
      restart: { first: 50, longest: 200, forgottenAfter: 60_000 },
      onTrouble(message) {
        troubles.push(message);
        told();
      },
    },
  );
  const ending = new AbortController();
  const run = async () => {
    for await (const list of provider.catalogs(ending.signal)) {
      lists.push(list);
      told();
    }
  };
  const running = run();
  const until = (what: string, fits: () => boolean, ms: number) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (fits()) resolve();
    };
    waiting.add(look);
    look();
    return within(promise, ms, what).finally(() => waiting.delete(look));
  };
  const now = () => new Map((lists.at(-1) ?? []).map((each) => [each.name, each]));
  const watch: DockerWatch = {
    now,
    findings: () => source.findings(),
    lists,
    troubles,
    warnings,
    async until(name, fits, ms = 10_000) {
      const fitting = () => [now().get(name)].find((each) => each !== undefined && fits(each));
      await until(name, () => fitting() !== undefined, ms).catch((error: unknown) => {
        const last = JSON.stringify(now().get(name), undefined, 1);
        throw new Error(`${String(error)}; last seen: ${last}, ${troubles.at(-1)}`, {
          cause: error,
        });
      });
      const found = fitting();
      if (found === undefined) throw new Error(`${name} has changed again`);
      return found;
    },
    untilAll: (what, fits, ms = 10_000) => until(what, () => fits(watch), ms),
    async [Symbol.asyncDispose]() {
      ending.abort();
      await within(running, 15_000, "the provider to end");
    },
  };
  return watch;
}
