// lxc-monitor tells of every change of state in one folder of containers, at once. It is only a hint: what is
// the case is looked up. It is started again when it ends, and never outlives us: a shell ends it when
// our end of its input is closed, however that happens.

import { spawn } from "node:child_process";
import { access } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { lxcDiscovery } from "../../config/limits.ts";
import { Backoff } from "../../lib/backoff.ts";

export interface MonitorOptions {
  readonly folder: string;
  /** Something changed about this container; undefined = it is not clear which. */
  changed(name: string | undefined): void;
}

// The shell holds no copy of the output, so the output ends when the monitor does.
const script = `lxc-monitor "$@" 2>/dev/null & monitor=$!
exec >/dev/null
cat
kill "$monitor" 2>/dev/null
wait`;

const longestLine = 1024;

export class LxcMonitor {
  readonly #options: MonitorOptions;
  #beganAt: number | undefined;

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  /** Whether nothing happens without our being told. */
  get tells(): boolean {
    const beganAt = this.#beganAt;
    return beganAt !== undefined && performance.now() - beganAt > lxcDiscovery.monitorBegins;
  }

  /** Ends when the signal is aborted, and then nothing of it is left. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(lxcDiscovery.monitorRestart);
    while (!signal.aborted) {
      const startedAt = performance.now();
      this.#beganAt = startedAt;
      // It would make folders of its own for one that is not there.
      if (await isThere(this.#options.folder)) await this.#listen(signal);
      this.#beganAt = undefined;
      if (signal.aborted) return;
      const wait = backoff.next(performance.now() - startedAt);
      // Rejects only when aborted, and then the loop ends.
      await pause(wait, undefined, { signal }).catch(() => undefined);
    }
  }

  async #listen(signal: AbortSignal): Promise<void> {
    const args = [`--lxcpath=${this.#options.folder}`, "--name=.*"];
    const child = spawn("/bin/sh", ["-c", script, "lxc-monitor", ...args], {
      stdio: ["pipe", "pipe", "ignore"],
      env: { ...process.env, LC_ALL: "C" },
    });
    const { promise: closed, resolve } = Promise.withResolvers<void>();
    child.on("error", () => resolve());
    child.on("close", () => resolve());
    // It may have ended before it is told to.
    child.stdin.on("error", () => {});
    const end = () => void child.stdin.end();
    child.stdout.on("end", end);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    let rest = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const lines = `${rest}${text}`.split("\n");
      rest = lines.pop()?.slice(0, longestLine) ?? "";
      for (const line of lines) this.#options.changed(nameOf(line));
    });
    await closed;
    signal.removeEventListener("abort", end);
  }
}

async function isThere(folder: string): Promise<boolean> {
  return access(folder).then(
    () => true,
    () => false,
  );
}

/** `'web2' changed state to [STARTING]`, `'web2' exited with status [0]`. */
export function nameOf(line: string): string | undefined {
  return /^'(.+)' (?:changed state to|exited with)/.exec(line)?.[1];
}
