// The configuration file as a provider: its first reading, then one for every change of its content
// and for every `reload()` (SIGHUP), which also picks up changed files it names, such as a CA.

import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { readConfig, unreadable } from "../config/read.ts";
import type { ConfigReader, Reading } from "../config/read.ts";
import { watchConfigFile } from "../config/watch.ts";
import type { Provider, Update } from "./provider.ts";

export interface FileProvider extends Provider {
  /** Read again now, changed or not. */
  reload(): void;
}

export function fileProvider(path: string, reader: ConfigReader = readConfig): FileProvider {
  const waiting = new Set<() => void>();
  return {
    name: "file",
    catalogs: (signal) => catalogs({ path, reader }, signal, waiting),
    reload() {
      for (const wake of waiting) wake();
    },
  };
}

interface Place {
  readonly path: string;
  readonly reader: ConfigReader;
}

async function* catalogs(
  place: Place,
  signal: AbortSignal,
  waiting: Set<() => void>,
): AsyncGenerator<Update> {
  let isDue = false;
  let wake: (() => void) | undefined;
  const raise = () => {
    isDue = true;
    wake?.();
  };
  waiting.add(raise);
  signal.addEventListener("abort", raise, { once: true });
  // Ends with the generator, also when the consumer leaves early.
  const ending = new AbortController();
  const watching = follow(place.path, AbortSignal.any([signal, ending.signal]), raise);
  try {
    let isFirst = true;
    while (!signal.aborted) {
      // The watch raises the first one too, when it began: nothing can change unseen.
      if (!isDue) {
        await new Promise<void>((due) => {
          wake = due;
        });
        continue;
      }
      // Before reading: a change during the reading raises it again.
      isDue = false;
      yield updateOf(await read(place, isFirst));
      isFirst = false;
    }
  } finally {
    waiting.delete(raise);
    signal.removeEventListener("abort", raise);
    ending.abort();
    await watching;
  }
}

async function follow(path: string, signal: AbortSignal, raise: () => void): Promise<void> {
  for await (const _ of watchConfigFile(path, signal)) raise();
}

// An empty file is a valid configuration to begin with. Later it is one that is just being written.
async function read({ path, reader }: Place, isFirst: boolean): Promise<Reading> {
  try {
    const text = await readFile(path, "utf8");
    if (!isFirst && text.trim() === "") return unreadable(path, "the file is empty");
    return reader(text, { file: path, baseFolder: dirname(resolve(path)) });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return unreadable(path, `cannot be read: ${why}`);
  }
}

function updateOf({ snapshot, problems }: Reading): Update {
  if (snapshot === undefined) return { kind: "problems", problems };
  const { version: _version, ...catalog } = snapshot;
  return { kind: "catalog", catalog, warnings: problems };
}
