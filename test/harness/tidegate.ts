// Starts the real program, as an operator would: a configuration file in a folder of its own, a process of
// its own, ports chosen by the system and read from the file the program writes. Use `await using`.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { eventually, within } from "./barrier.ts";
import { tempFolder } from "./temp-folder.ts";

export interface TidegateOptions {
  /** YAML text, or an object that is written as JSON (which is YAML). */
  readonly config: string | Record<string, unknown>;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly startTimeoutMs?: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Tidegate extends AsyncDisposable {
  readonly pid: number;
  readonly folder: string;
  /** The first real port of a listener. */
  port(listener?: string): number;
  /** Replaces the configuration file by an atomic rename. */
  writeConfig(config: string | Record<string, unknown>): Promise<void>;
  signal(name: NodeJS.Signals): void;
  /** SIGTERM, then waits for the end. */
  stop(): Promise<Exit>;
  readonly exited: Promise<Exit>;
  stdout(): string;
  stderr(): string;
  /** Lines of the access log written so far. */
  accessLog(): Promise<string[]>;
  /** Waits for a line of the access log, of standard output or of standard error. */
  waitForLog(pattern: RegExp): Promise<string>;
}

const root = resolve(import.meta.dirname, "../..");
const stopTimeoutMs = 15_000;

type Ports = Readonly<Record<string, readonly { readonly host: string; readonly port: number }[]>>;

/** Name of the access log file, relative to the folder; the default configuration of a test names it. */
export const accessLogName = "access.log";

/**
 * `accessLog` is set to `access.log` in the folder (JSON lines) when the configuration is an object that
 * does not say otherwise; in YAML text write `{folder}` where the folder's path shall stand.
 */
export async function startTidegate(options: TidegateOptions): Promise<Tidegate> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder());
  const configFile = folder.file("tidegate.yaml");
  const portsFile = folder.file("ports.json");
  await writeFile(configFile, textOf(options.config, folder.path));
  const child = spawnProgram(
    ["run", "--config", configFile, "--ports-file", portsFile, ...(options.args ?? [])],
    options.env ?? {},
  );
  const watched = watch(child);
  stack.defer(() => end(child, watched.exited));
  const ports = await started(portsFile, watched, options.startTimeoutMs ?? 15_000);
  const held = stack.move();
  return control({ child, watched, ports, folder: folder.path, configFile, held });
}

interface Parts {
  readonly child: ChildProcess;
  readonly watched: Watched;
  readonly ports: Ports;
  readonly folder: string;
  readonly configFile: string;
  readonly held: AsyncDisposableStack;
}

function control({ child, watched, ports, folder, configFile, held }: Parts): Tidegate {
  const accessLog = () => linesOf(join(folder, accessLogName));
  return {
    pid: child.pid ?? 0,
    folder,
    exited: watched.exited,
    stdout: () => watched.stdout,
    stderr: () => watched.stderr,
    accessLog,
    signal: (name) => void child.kill(name),
    port(listener = "web") {
      const port = ports[listener]?.[0]?.port;
      if (port === undefined)
        throw new Error(`no listener ${listener} in ${JSON.stringify(ports)}`);
      return port;
    },
    async writeConfig(config) {
      const next = `${configFile}.next`;
      await writeFile(next, textOf(config, folder));
      await rename(next, configFile);
    },
    async stop() {
      child.kill("SIGTERM");
      return within(watched.exited, stopTimeoutMs, "the program's end after SIGTERM");
    },
    waitForLog: (pattern) =>
      eventually(`a log line like ${pattern}`, async () => {
        const lines = [
          ...(await accessLog()),
          ...`${watched.stdout}\n${watched.stderr}`.split("\n"),
        ];
        return lines.find((line) => pattern.test(line));
      }),
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

interface Watched {
  stdout: string;
  stderr: string;
  readonly exited: Promise<Exit>;
}

function watch(child: ChildProcess): Watched {
  const { promise, resolve: done } = Promise.withResolvers<Exit>();
  const watched: Watched = { stdout: "", stderr: "", exited: promise };
  child.stdout?.on("data", (bytes: Buffer) => (watched.stdout += bytes.toString()));
  child.stderr?.on("data", (bytes: Buffer) => (watched.stderr += bytes.toString()));
  child.on("error", (error) => (watched.stderr += error.message));
  child.on("close", (code, signal) => done({ code, signal }));
  return watched;
}

function spawnProgram(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): ChildProcess {
  const launcher = join(root, "bin/tidegate");
  const command = existsSync(launcher)
    ? [launcher]
    : [process.execPath, join(root, "src/cli/main.ts")];
  const [program = "", ...first] = command;
  return spawn(program, [...first, ...args], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, NODE_TEST_CONTEXT: undefined, ...env },
  });
}

async function started(file: string, watched: Watched, timeoutMs: number): Promise<Ports> {
  let exit: Exit | undefined;
  void watched.exited.then((value) => (exit = value));
  try {
    return await eventually(
      "the program to listen",
      async () => {
        if (exit !== undefined) throw new Error(`the program ended with ${JSON.stringify(exit)}`);
        if (!existsSync(file)) return undefined;
        return parsePorts(await readFile(file, "utf8"));
      },
      timeoutMs,
    );
  } catch (error) {
    throw new Error(`${String(error)}\n${watched.stdout}\n${watched.stderr}`, { cause: error });
  }
}

function parsePorts(text: string): Ports | undefined {
  try {
    return JSON.parse(text) as Ports;
  } catch {
    return undefined; // half written: asked again
  }
}

async function end(child: ChildProcess, exited: Promise<Exit>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  await exited;
}

function textOf(config: string | Record<string, unknown>, folder: string): string {
  if (typeof config === "string") return config.replaceAll("{folder}", folder);
  const accessLog = { format: "json", path: join(folder, accessLogName) };
  return JSON.stringify({ accessLog, ...config }, undefined, 2);
}

async function linesOf(file: string): Promise<string[]> {
  if (!existsSync(file)) return [];
  return (await readFile(file, "utf8")).split("\n").filter((line) => line !== "");
}
