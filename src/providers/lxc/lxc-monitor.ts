// lxc-monitor tells of every change of state in one folder of containers, at once. It is only a hint: what is
// the case is looked up. It is started again when it ends, and never outlives us: a shell ends it when
// our end of its input is closed, however that happens. It hears only of containers of its own user, and
// where it hears nothing it says nothing of it.

import { spawn } from "node:child_process";
import { stat } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { lxcDiscovery } from "../../config/provider-limits.ts";
import { Backoff } from "../../lib/backoff.ts";
import { whole } from "../../lib/whole-child.ts";

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
  #hasTold = false;

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  /** Whether it has shown that it hears. */
  get hasTold(): boolean {
    return this.#hasTold;
  }

  /** Whether it has had the time to begin. */
  get listens(): boolean {
    const beganAt = this.#beganAt;
    return beganAt !== undefined && performance.now() - beganAt > lxcDiscovery.monitorBegins;
  }

  /** Ends when the signal is aborted, and then nothing of it is left. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(lxcDiscovery.monitorRestart);
    while (!signal.aborted) {
      const startedAt = performance.now();
      // It would make folders of its own for one that is not there; for somebody else's it would hear nothing,
      // and keep its owner's from hearing.
      if (await isOurs(this.#options.folder)) {
        this.#beganAt = startedAt;
        await this.#listen(signal).catch(() => {}); // too many files are open: it is only a hint
        this.#beganAt = undefined;
        this.#hasTold = false;
      }
      if (signal.aborted) return;
      const wait = backoff.next(performance.now() - startedAt);
      // Rejects only when aborted, and then the loop ends.
      await pause(wait, undefined, { signal }).catch(() => undefined);
    }
  }

  async #listen(signal: AbortSignal): Promise<void> {
    const args = [`--lxcpath=${this.#options.folder}`, "--name=.*"];
    const child = whole(
      "lxc-monitor",
      spawn("/bin/sh", ["-c", script, "lxc-monitor", ...args], {
        stdio: ["pipe", "pipe", "ignore"],
        env: { ...process.env, LC_ALL: "C" },
      }),
    );
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
      if (lines.length > 0) this.#hasTold = true;
      for (const line of lines) this.#options.changed(nameOf(line));
    });
    await closed;
    signal.removeEventListener("abort", end);
  }
}

async function isOurs(folder: string): Promise<boolean> {
  return stat(folder).then(
    ({ uid }) => uid === process.geteuid?.(),
    () => false,
  );
}

/** `'web2' changed state to [STARTING]`, `'web2' exited with status [0]`. */
export function nameOf(line: string): string | undefined {
  return /^'(.+)' (?:changed state to|exited with)/.exec(line)?.[1];
}
