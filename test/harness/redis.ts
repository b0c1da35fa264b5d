// A real Redis of our own: nothing on disk, on a port of 127.0.0.1 and on a unix socket. Guard the test with
// `needs(...redisNeeds)`.

import { chmod, writeFile } from "node:fs/promises";
import { eventually } from "./barrier.ts";
import { runCommand } from "./command.ts";
import { type Daemon, daemonUser } from "./daemon.ts";
import { freePort } from "./free-port.ts";
import type { TempFolder } from "./temp-folder.ts";

export const redisNeeds = ["redis-server", "redis-cli", "setpriv"] as const;

export interface RedisOptions {
  /** Of its command line: `--requirepass`, `secret`. */
  readonly args?: readonly string[];
  /** PEM texts: on its port it speaks TLS alone. Clients show a certificate of this authority. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
  /** What `cli` is called with beyond the command. */
  readonly cliArgs?: readonly string[];
  readonly sentinel?: string;
}

export interface Redis extends AsyncDisposable {
  readonly port: number;
  readonly socket: string;
  readonly url: string;
  readonly pid: () => number;
  /** What redis-cli prints, as it does to programs. */
  cli(...args: readonly string[]): Promise<string>;
  log(): string;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Stands still until `thaw`: its connections stay open. */
  freeze(): void;
  thaw(): void;
  /** After `kill`: empty, on the same port. */
  start(): Promise<void>;
}

export async function startRedis(options: RedisOptions = {}): Promise<Redis> {
  const user = await daemonUser("nobody");
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await user.folder("tidegate-redis-"));
  // Members of a cluster speak with each other at a port of their own.
  const port = await freePort(options.args?.includes("--cluster-enabled") === true ? 10_000 : 0);
  const socket = folder.file("redis.sock");
  let daemon: Daemon | undefined;
  let earlierLog = "";
  const signal = (name: NodeJS.Signals) => {
    if (daemon !== undefined && !daemon.hasEnded()) process.kill(daemon.pid, name);
  };
  const kill = async () => {
    const ending = daemon;
    daemon = undefined;
    if (ending !== undefined && !ending.hasEnded()) await ending.end("SIGKILL");
    earlierLog += ending?.log() ?? "";
  };
  stack.defer(kill);
  const cli = async (...args: readonly string[]) => {
    const where = options.sentinel === undefined ? ["-s", socket] : ["-p", `${port}`];
    const words = [...where, "--raw", ...(options.cliArgs ?? []), ...args];
    const ended = await runCommand("redis-cli", words, { timeoutMs: 20_000 });
    if (ended.code !== 0) throw new Error(`redis-cli ended with ${ended.code}: ${ended.stderr}`);
    return ended.stdout.trimEnd();
  };
  const words = await argumentsOf(options, folder, port);
  const redis: Omit<Redis, keyof AsyncDisposable> = {
    port,
    socket,
    url: `redis://127.0.0.1:${port}`,
    pid: () => daemon?.pid ?? 0,
    cli,
    log: () => earlierLog + (daemon?.log() ?? ""),
    kill,
    freeze: () => signal("SIGSTOP"),
    thaw: () => signal("SIGCONT"),
    async start() {
      const started = user.start("redis-server", words);
      daemon = started;
      await eventually(
        "Redis to answer",
        async () => {
          if (started.hasEnded()) throw new Error(`redis-server ended:\n${started.log()}`);
          return (await cli("PING").catch(() => "")).startsWith("PONG") || undefined; // not yet
        },
        20_000,
      );
    },
  };
  await redis.start();
  const held = stack.move();
  return { ...redis, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

async function argumentsOf(options: RedisOptions, folder: TempFolder, port: number) {
  const { args = [], tls, sentinel } = options;
  const common = ["--bind", "127.0.0.1", "--dir", folder.path, "--daemonize", "no"];
  if (sentinel !== undefined) {
    // It writes its configuration anew whenever something changes.
    const file = folder.file("sentinel.conf");
    await writeFile(file, sentinel);
    await chmod(file, 0o666);
    return [file, "--sentinel", "--port", `${port}`, ...common, ...args];
  }
  const own = [...common, "--save", "", "--appendonly", "no"];
  own.push("--unixsocket", folder.file("redis.sock"), "--unixsocketperm", "777");
  if (tls === undefined) return ["--port", `${port}`, ...own, ...args];
  const files = { "ca-cert": tls.ca, cert: tls.cert, key: tls.key };
  const words: string[] = [];
  for (const [name, text] of Object.entries(files)) {
    const file = folder.file(`${name}.pem`);
    await writeFile(file, text);
    words.push(`--tls-${name}-file`, file);
  }
  return ["--port", "0", "--tls-port", `${port}`, ...words, ...own, ...args];
}
