// A real php-fpm of our own, on a unix socket and on a port of 127.0.0.1, with scripts in a folder. Guard the test with
// `needs(...phpFpmNeeds)`.

import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { eventually } from "./barrier.ts";
import { type Daemon, daemonUser } from "./daemon.ts";
import { findCommand } from "./needs.ts";
import { freePort } from "./free-port.ts";

/** Debian names it by its version. */
export const phpFpmProgram =
  ["php-fpm8.2", "php-fpm8.4", "php-fpm8.3", "php-fpm"].find((each) => findCommand(each)) ??
  "php-fpm8.2";

export const phpFpmNeeds = [phpFpmProgram, "setpriv"] as const;

export interface PhpFpmOptions {
  /** By path below the folder of scripts. */
  readonly scripts: Readonly<Record<string, string>>;
  /** Processes that answer; 2 by default. */
  readonly workers?: number;
  /** More lines of the pool's section: `catch_workers_output = yes`. */
  readonly settings?: readonly string[];
}

export interface PhpFpm extends AsyncDisposable {
  /** Folder of the scripts. */
  readonly root: string;
  readonly socket: string;
  /** The same scripts on a port. */
  readonly port: number;
  readonly folder: string;
  readonly pid: number;
  log(): Promise<string>;
  /** Puts a script, or another file, into its folder. */
  write(path: string, text: string | Uint8Array): Promise<void>;
}

export async function startPhpFpm(options: PhpFpmOptions): Promise<PhpFpm> {
  const user = await daemonUser("nobody");
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await user.folder("tidegate-php-"));
  const root = folder.file("www");
  const socket = folder.file("fpm.sock");
  const port = await freePort();
  const write = async (path: string, text: string | Uint8Array) => {
    const file = join(root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text, { mode: 0o644 });
  };
  await mkdir(root);
  await chmod(folder.path, 0o777);
  for (const [path, text] of Object.entries(options.scripts)) await write(path, text);
  const config = folder.file("fpm.conf");
  await writeFile(config, configOf(options, folder.path, { socket, port }));
  // Its own sort of standard error is no file that it could open.
  const log = () => readFile(folder.file("fpm.log"), "utf8").catch(() => "");
  const daemon = user.start(phpFpmProgram, ["--nodaemonize", "--fpm-config", config]);
  stack.defer(() => end(daemon));
  await eventually("php-fpm to be ready", async () => {
    if (daemon.hasEnded()) throw new Error(`php-fpm ended: ${daemon.log()}`);
    return (await log()).includes("ready to handle connections") ? true : undefined;
  });
  const owned = stack.move();
  return {
    root,
    socket,
    port,
    folder: folder.path,
    pid: daemon.pid,
    log,
    write,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function end(daemon: Daemon): Promise<void> {
  if (!daemon.hasEnded()) await daemon.end("SIGTERM");
}

function configOf(
  { workers = 2, settings = [] }: PhpFpmOptions,
  folder: string,
  { socket, port }: { readonly socket: string; readonly port: number },
): string {
  const pool = (name: string, listen: string) => [
    `[${name}]`,
    `listen = ${listen}`,
    "listen.mode = 0666",
    "pm = static",
    `pm.max_children = ${workers}`,
    "security.limit_extensions = .php",
    "php_admin_value[session.save_path] = " + folder,
    "php_admin_value[upload_tmp_dir] = " + folder,
    "php_admin_value[post_max_size] = 0",
    "php_admin_value[upload_max_filesize] = 100M",
    "php_admin_value[memory_limit] = 256M",
    ...settings,
  ];
  return [
    "[global]",
    `pid = ${folder}/fpm.pid`,
    `error_log = ${folder}/fpm.log`,
    "daemonize = no",
    ...pool("unix", socket),
    ...pool("tcp", `127.0.0.1:${port}`),
    "",
  ].join("\n");
}
