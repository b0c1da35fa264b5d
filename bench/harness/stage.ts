// The stage of one workload: a temporary folder and the processes started in it. Leaving the stage ends
// the processes by pid and removes the folder, also when the harness itself is interrupted or throws.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { within } from "./deadline.ts";
import { type Core, pinning } from "./machine.ts";
import { treeOf } from "./usage.ts";

export interface LaunchOptions {
  /** Unique on its stage: names the files that take stdout and stderr. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly core: Core;
  readonly env?: Readonly<Record<string, string>>;
  /** Keep stdin and stdout as pipes instead of sending stdout to a file. */
  readonly talks?: boolean;
}

export interface Launched {
  readonly name: string;
  readonly pid: number;
  readonly process: ChildProcess;
  readonly exited: Promise<void>;
  readonly isAlive: () => boolean;
  readonly output: () => string;
  readonly errors: () => string;
}

// Ten thousand connections need descriptors; without the right to raise the limit, all there are.
const launcher = 'ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"; exec "$@"';

export class Stage {
  readonly folder: string;
  readonly #launched: Launched[] = [];
  readonly #onExit = (): void => this.#end();

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "tidegate-bench-"));
    // nginx started by root serves files as another user.
    chmodSync(this.folder, 0o755);
    process.on("exit", this.#onExit);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  launch(options: LaunchOptions): Launched {
    const { name, talks = false } = options;
    const out = openSync(this.path(`${name}.out`), "w");
    const err = openSync(this.path(`${name}.err`), "w");
    const command = [...pinning(options.core), options.command, ...options.args];
    const child = spawn("sh", ["-c", launcher, "sh", ...command], {
      cwd: this.folder,
      // What programs keep must not outlive the bench, nor be what another one left.
      env: { ...process.env, STATE_DIRECTORY: this.path(`${name}-state`), ...options.env },
      stdio: [talks ? "pipe" : "ignore", talks ? "pipe" : out, err],
    });
    closeSync(out);
    closeSync(err);
    const { pid } = child;
    if (pid === undefined) throw new Error(`${name} could not be started`);
    const launched: Launched = {
      name,
      pid,
      process: child,
      exited: once(child, "exit").then(() => undefined),
      isAlive: () => child.exitCode === null && child.signalCode === null,
      output: () => readFileSync(this.path(`${name}.out`), "utf8"),
      errors: () => readFileSync(this.path(`${name}.err`), "utf8"),
    };
    this.#launched.push(launched);
    return launched;
  }

  /** Asks the process to end, and ends it and its children when it does not. */
  async stop(launched: Launched): Promise<void> {
    if (launched.isAlive()) {
      launched.process.kill("SIGTERM");
      try {
        await within(5000, launched.name, launched.exited);
      } catch {
        killTree(launched.pid); // It did not end in time, so it is ended.
      }
    }
    // Only now: an interrupt during the wait must still find it.
    const index = this.#launched.indexOf(launched);
    if (index !== -1) this.#launched.splice(index, 1);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#launched].map((each) => this.stop(each)));
    this.#end();
  }

  #end(): void {
    process.off("exit", this.#onExit);
    for (const each of this.#launched) if (each.isAlive()) killTree(each.pid);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function killTree(root: number): void {
  for (const pid of treeOf(root)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // Gone since it was listed, which is what we want.
    }
  }
}
