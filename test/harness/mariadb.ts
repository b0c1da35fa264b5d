// A real MariaDB of our own: its data in a temporary folder, on a port of 127.0.0.1. Over TCP there is the
// user `app` with the password `app` and the database `app`. Guard the test with `needs(...mariaDbNeeds)`.

import { eventually } from "./barrier.ts";
import { runCommand } from "./command.ts";
import { type Daemon, type DaemonUser, daemonUser } from "./daemon.ts";
import { freePort } from "./free-port.ts";
import { findCommand } from "./needs.ts";
import type { TempFolder } from "./temp-folder.ts";

export const mariaDbNeeds = ["mariadbd", "mariadb-install-db", "mariadb", "setpriv"] as const;

export interface MariaDbOptions {
  /** Further arguments of mariadbd: `--max-connect-errors=3`. */
  readonly args?: readonly string[];
}

export interface MariaDb extends AsyncDisposable {
  readonly port: number;
  readonly user: "app";
  readonly password: "app";
  readonly database: "app";
  /** As root, over its unix socket; rows as lines, columns with tabs between them, no headings. */
  exec(sql: string): Promise<string>;
  /** What it wrote to its log. */
  log(): string;
  /** An orderly end. */
  stop(): Promise<void>;
  kill(): Promise<void>;
  /** After `stop` or `kill`: the same data on the same port. */
  start(): Promise<void>;
}

const startTimeoutMs = 60_000;

export async function startMariaDb(options: MariaDbOptions = {}): Promise<MariaDb> {
  const user = await daemonUser("mysql");
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await user.folder("tidegate-mariadb-"));
  await user.run(
    findCommand("mariadb-install-db") ?? "mariadb-install-db",
    [
      ...["--no-defaults", `--datadir=${folder.file("data")}`, "--skip-test-db"],
      "--auth-root-authentication-method=normal",
    ],
    { timeoutMs: startTimeoutMs },
  );
  const port = await freePort();
  const socket = folder.file("socket");
  let daemon: Daemon | undefined;
  let earlierLog = "";
  const end = async (signal: NodeJS.Signals) => {
    const ending = daemon;
    daemon = undefined;
    await ending?.end(signal);
    earlierLog += ending?.log() ?? "";
  };
  stack.defer(() => end("SIGKILL"));
  const database: Omit<MariaDb, keyof AsyncDisposable> = {
    port,
    user: "app",
    password: "app",
    database: "app",
    exec: (sql) => exec(socket, sql),
    log: () => earlierLog + (daemon?.log() ?? ""),
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
    async start() {
      daemon = launch(user, folder, port, options.args ?? []);
      await ready(daemon, socket);
    },
  };
  await database.start();
  await database.exec(
    "CREATE DATABASE app; CREATE USER app@'%' IDENTIFIED BY 'app'; GRANT ALL ON app.* TO app@'%'",
  );
  const held = stack.move();
  return { ...database, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

function launch(user: DaemonUser, folder: TempFolder, port: number, args: readonly string[]) {
  return user.start(findCommand("mariadbd") ?? "mariadbd", [
    ...["--no-defaults", `--datadir=${folder.file("data")}`, `--socket=${folder.file("socket")}`],
    ...["--bind-address=127.0.0.1", `--port=${port}`, `--pid-file=${folder.file("pid")}`],
    // Small, and quick rather than safe: it is thrown away.
    ...["--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M"],
    ...["--innodb-flush-log-at-trx-commit=0", "--skip-log-bin", ...args],
  ]);
}

async function ready(daemon: Daemon, socket: string): Promise<void> {
  await eventually(
    "MariaDB to answer",
    async () => {
      if (daemon.hasEnded()) throw new Error(`mariadbd ended:\n${daemon.log()}`);
      return exec(socket, "SELECT 1").then(
        () => true,
        () => undefined, // not yet
      );
    },
    startTimeoutMs,
  );
}

async function exec(socket: string, sql: string): Promise<string> {
  const args = ["--no-defaults", `--socket=${socket}`, "--user=root", "--batch"];
  const ended = await runCommand("mariadb", [...args, "--skip-column-names"], { input: sql });
  if (ended.code !== 0) throw new Error(`mariadb ended with ${ended.code}: ${ended.stderr}`);
  return ended.stdout.trimEnd();
}
