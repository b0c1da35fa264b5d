// Starts the real program, as an operator would: a configuration file in a folder of its own, processes of
// its own, ports chosen by the system and read from the file the program writes. Use `await using`: the end
// kills whatever of it is left, orphans included.

import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { eventually, within } from "./barrier.ts";
import { inside, type NetHost } from "./namespaces.ts";
import { type Mark, mark } from "./processes.ts";
import { type TempFolder, tempFolder } from "./temp-folder.ts";

export interface TidegateOptions {
  /** YAML text, or an object that is written as JSON (which is YAML). */
  readonly config: string | Record<string, unknown>;
  readonly args?: readonly string[];
  /** Another command that serves; its configuration is in its own format. */
  readonly command?: "hipache";
  readonly env?: Readonly<Record<string, string>>;
  readonly startTimeoutMs?: number;
  /** Processes that serve; without it what the configuration says, or else 0: all in one process. */
  readonly workers?: number;
  /** The launcher of another copy of the program. */
  readonly program?: string;
  /** Another host where it runs. */
  readonly on?: NetHost;
  /** Most descriptors that each process may have open. */
  readonly maxDescriptors?: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Tidegate extends AsyncDisposable {
  /** Of the process that was started. */
  readonly pid: number;
  readonly folder: string;
  /** Path of the control socket. */
  readonly control: string;
  /** All of its processes that are alive, those included whose parents have died. */
  pids(): number[];
  /** Starts the program once more, with the same configuration file and control socket, as an init system does. */
  startAgain(): Promise<Tidegate>;
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

const controlName = "control.sock";

/**
 * `accessLog` is set to `access.log` in the folder (JSON lines) when the configuration is an object that
 * does not say otherwise; in YAML text write `{folder}` where the folder's path shall stand.
 */
export async function startTidegate(options: TidegateOptions): Promise<Tidegate> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await tempFolder());
  await writeFile(folder.file("tidegate.yaml"), textOf(options.config, folder.path));
  const program = await start(options, folder, "ports.json");
  stack.use(program);
  const held = stack.move();
  return { ...program, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** In a folder that has a configuration already. */
async function start(
  options: TidegateOptions,
  folder: TempFolder,
  portsName: string,
): Promise<Tidegate> {
  const marked = mark();
  const portsFile = folder.file(portsName);
  const child = spawnProgram(options, marked, folder, portsFile);
  const watched = watch(child);
  const dispose = async () => {
    marked.kill();
    await watched.closed;
  };
  try {
    const ports = await started(portsFile, watched, options.startTimeoutMs ?? 15_000);
    return control({ child, watched, ports, options, folder, marked, dispose });
  } catch (error) {
    await dispose();
    throw error;
  }
}

interface Parts {
  readonly child: ChildProcess;
  readonly watched: Watched;
  readonly ports: Ports;
  readonly options: TidegateOptions;
  readonly folder: TempFolder;
  readonly marked: Mark;
  dispose(): Promise<void>;
}

function control({ child, watched, ports, options, folder, marked, dispose }: Parts): Tidegate {
  const accessLog = () => linesOf(folder.file(accessLogName));
  let starts = 1;
  return {
    pid: child.pid ?? 0,
    folder: folder.path,
    control: folder.file(controlName),
    pids: marked.pids,
    exited: watched.exited,
    stdout: () => watched.stdout,
    stderr: () => watched.stderr,
    accessLog,
    signal: (name) => void child.kill(name),
    startAgain: () => start(options, folder, `ports-${++starts}.json`),
    port(listener = "web") {
      const port = ports[listener]?.[0]?.port;
      if (port === undefined)
        throw new Error(`no listener ${listener} in ${JSON.stringify(ports)}`);
      return port;
    },
    async writeConfig(config) {
      const next = folder.file("tidegate.yaml.next");
      await writeFile(next, textOf(config, folder.path));
      await rename(next, folder.file("tidegate.yaml"));
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
    [Symbol.asyncDispose]: dispose,
  };
}

interface Watched {
  stdout: string;
  stderr: string;
  /** All that it wrote is there. When it was killed, its orphans may keep writing: then this is its end alone. */
  readonly exited: Promise<Exit>;
  /** Nobody holds its output any more. */
  readonly closed: Promise<void>;
}

function watch(child: ChildProcess): Watched {
  const exit = Promise.withResolvers<Exit>();
  const closed = Promise.withResolvers<void>();
  const watched: Watched = {
    stdout: "",
    stderr: "",
    exited: exit.promise,
    closed: closed.promise,
  };
  child.stdout?.on("data", (bytes: Buffer) => (watched.stdout += bytes.toString()));
  child.stderr?.on("data", (bytes: Buffer) => (watched.stderr += bytes.toString()));
  child.on("error", (error) => (watched.stderr += error.message));
  child.on("exit", (code, signal) => {
    if (signal !== null) exit.resolve({ code, signal });
  });
  child.on("close", (code, signal) => {
    exit.resolve({ code, signal });
    closed.resolve();
  });
  return watched;
}

function spawnProgram(
  options: TidegateOptions,
  marked: Mark,
  folder: TempFolder,
  portsFile: string,
): ChildProcess {
  const words = [
    options.program ?? join(root, "bin/tidegate"),
    ...[
      options.command ?? "run",
      "--config",
      folder.file("tidegate.yaml"),
      "--ports-file",
      portsFile,
    ],
    ...["--control", folder.file(controlName)],
    ...workersArgument(options),
    ...(options.args ?? []),
  ];
  const limit = options.maxDescriptors;
  const where = options.on === undefined ? [] : inside(options.on);
  const [program = "", ...args] =
    limit === undefined
      ? [...where, ...words]
      : ["/bin/sh", "-c", `ulimit -n ${limit}; exec "$0" "$@"`, ...words];
  return spawn(program, args, {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...process.env,
      NODE_TEST_CONTEXT: undefined,
      // What outlives the program must not outlive the test.
      STATE_DIRECTORY: folder.file("state"),
      // Many run at once, and there is only one usual address. Tests of it say another one.
      TIDEGATE_ADMIN: "off",
      ...options.env,
      ...marked.env,
    },
  });
}

// One process starts faster and has one memory to look at; what workers add has tests of its own. The others
// can be run with a worker, too (TEST_WORKERS=1 npm test program), but not with two: they look at the order of
// log lines, and at connections to backends that are used again.
function workersArgument({ config, workers, command }: TidegateOptions): string[] {
  if (command !== undefined) return [];
  if (workers !== undefined) return ["--workers", String(workers)];
  const isSaid = typeof config === "string" ? /^workers:/m.test(config) : "workers" in config;
  return isSaid ? [] : ["--workers", process.env["TEST_WORKERS"] ?? "0"];
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

function textOf(config: string | Record<string, unknown>, folder: string): string {
  if (typeof config === "string") return config.replaceAll("{folder}", folder);
  const accessLog = { format: "json", path: join(folder, accessLogName) };
  return JSON.stringify({ accessLog, ...config }, undefined, 2);
}

async function linesOf(file: string): Promise<string[]> {
  if (!existsSync(file)) return [];
  return (await readFile(file, "utf8")).split("\n").filter((line) => line !== "");
}
