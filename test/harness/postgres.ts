// A real PostgreSQL of our own: its data in a temporary folder, on a port of 127.0.0.1. The superuser is
// `postgres`; over TCP there is the user `app` with the password `app` and the database `app`. Guard the
// test with `needs(...postgresNeeds)`.

import { readdirSync } from "node:fs";
import { appendFile, chmod, chown, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "./barrier.ts";
import { runCommand } from "./command.ts";
import { type Daemon, type DaemonUser, daemonUser } from "./daemon.ts";
import { freePort } from "./free-port.ts";
import { findCommand, needs } from "./needs.ts";
import type { TempFolder } from "./temp-folder.ts";

export const postgresNeeds = ["psql", "setpriv"] as const;

export interface PostgresOptions {
  /** PEM texts: it speaks TLS to those who ask for it. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** How clients over TCP show who they are; `scram-sha-256` unless told otherwise. */
  readonly auth?: "scram-sha-256" | "trust" | "reject";
  /** Clients over TCP without TLS are turned away. */
  readonly tlsOnly?: boolean;
  /** Settings: `max_connections=5`. */
  readonly settings?: readonly string[];
}

export interface Postgres extends AsyncDisposable {
  readonly port: number;
  /** Its data folder. */
  readonly data: string;
  readonly user: "app";
  readonly password: "app";
  readonly database: "app";
  /** As the superuser, over its unix socket; rows as lines, columns with `|` between them. */
  exec(sql: string): Promise<string>;
  /** What it wrote to its log. */
  log(): string;
  /** An orderly end that waits for nobody's connection. */
  stop(): Promise<void>;
  /** SIGKILL to all of it. */
  kill(): Promise<void>;
  /** After `stop` or `kill`: the same data on the same port. */
  start(): Promise<void>;
  /** The same, without waiting until it takes connections. @param settings further ones */
  launch(settings?: readonly string[]): void;
}

const startTimeoutMs = 60_000;

/** Debian keeps the server's programs outside of PATH, one folder for each version. */
export function findPostgres(name: string): string | undefined {
  const root = "/usr/lib/postgresql";
  const versions = foldersOf(root).sort((a, b) => Number(b) - Number(a));
  const [newest] = versions.filter((each) => foldersOf(join(root, each, "bin")).includes(name));
  return newest === undefined ? findCommand(name) : join(root, newest, "bin", name);
}

/** A reason to skip, or false: the server itself is not in PATH everywhere. */
export function needsPostgres(): string | false {
  return findPostgres("postgres") === undefined ? needs("postgres") : false;
}

function foldersOf(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return []; // not there
  }
}

export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const user = await daemonUser("postgres");
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await user.folder("tidegate-postgres-"));
  const port = await freePort();
  await initialise(user, folder, options);
  let daemon: Daemon | undefined;
  let earlierLog = "";
  const end = async (signal: NodeJS.Signals) => {
    const ending = daemon;
    daemon = undefined;
    await ending?.end(signal);
    earlierLog += ending?.log() ?? "";
  };
  stack.defer(() => end("SIGQUIT"));
  const exec = (sql: string) => run(folder.path, port, sql);
  const launch = (more: readonly string[] = []) => {
    const data = ["-D", folder.file("data"), "-h", "127.0.0.1", "-k", folder.path];
    const settings = ["fsync=off", "shared_buffers=16MB", ...(options.settings ?? []), ...more];
    const words = settings.flatMap((each) => ["-c", each]);
    const program = findPostgres("postgres") ?? "postgres";
    daemon = user.start(program, [...data, "-p", `${port}`, ...words]);
    return daemon;
  };
  const database: Omit<Postgres, keyof AsyncDisposable> = {
    port,
    data: folder.file("data"),
    user: "app",
    password: "app",
    database: "app",
    exec,
    log: () => earlierLog + (daemon?.log() ?? ""),
    stop: () => end("SIGINT"),
    kill: () => end("SIGKILL"),
    launch: (settings) => void launch(settings),
    async start() {
      const started = launch();
      await ready(started, exec);
    },
  };
  await database.start();
  await exec("CREATE ROLE app LOGIN PASSWORD 'app'");
  await exec("CREATE DATABASE app OWNER app");
  const held = stack.move();
  return { ...database, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

async function initialise(user: DaemonUser, folder: TempFolder, options: PostgresOptions) {
  const { tls, auth = "scram-sha-256", tlsOnly = false } = options;
  const data = folder.file("data");
  const words = ["-D", data, "-U", "postgres", "-N", "-E", "UTF8", "--locale=C.UTF-8"];
  await user.run(findPostgres("initdb") ?? "initdb", [...words, "-A", "trust"], {
    timeoutMs: startTimeoutMs,
    cwd: folder.path,
  });
  const kind = tlsOnly ? "hostssl" : "host";
  const rules = ["local all all trust", `${kind} all all 127.0.0.1/32 ${auth}`];
  await writeFile(join(data, "pg_hba.conf"), `${rules.join("\n")}\n`);
  if (tls === undefined) return;
  await appendFile(join(data, "postgresql.conf"), "ssl = on\n");
  const owner = await stat(data);
  for (const [name, text] of Object.entries({ "server.crt": tls.cert, "server.key": tls.key })) {
    await writeFile(join(data, name), text);
    // It refuses a key that others may read.
    await chmod(join(data, name), 0o600);
    await chown(join(data, name), owner.uid, owner.gid);
  }
}

async function ready(daemon: Daemon, exec: (sql: string) => Promise<string>): Promise<void> {
  await eventually(
    "PostgreSQL to answer",
    async () => {
      if (daemon.hasEnded()) throw new Error(`postgres ended:\n${daemon.log()}`);
      return exec("SELECT 1").then(
        () => true,
        () => undefined, // not yet
      );
    },
    startTimeoutMs,
  );
}

async function run(socketFolder: string, port: number, sql: string): Promise<string> {
  const where = ["-h", socketFolder, "-p", `${port}`, "-U", "postgres", "-d", "postgres"];
  const ended = await runCommand("psql", ["-X", "-A", "-t", "-q", ...where, "-c", sql]);
  if (ended.code !== 0) throw new Error(`psql ended with ${ended.code}: ${ended.stderr}`);
  return ended.stdout.trimEnd();
}
