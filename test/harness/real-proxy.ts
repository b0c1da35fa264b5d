// The proxies that configurations are imported from, as they really are: nginx and Caddy with a configuration of the test,
// at ports of 127.0.0.1, in a folder of their own.

import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { eventually } from "./barrier.ts";
import { runCommand } from "./command.ts";
import { type Daemon, daemonUser } from "./daemon.ts";
import { findCommand } from "./needs.ts";

export interface RealProxy extends AsyncDisposable {
  readonly folder: string;
  /** What it is told, as it stands in the file that is imported. */
  readonly file: string;
}

/** `sites` is what stands within `http { }`. */
export async function startNginx(sites: string, port: number): Promise<RealProxy> {
  const lines = [
    ...["daemon off;", "pid nginx.pid;", "error_log stderr;", "worker_processes 1;"],
    ...["events { worker_connections 64; }", "http {", "access_log off;"],
    ...["client_body_temp_path body;", "proxy_temp_path proxy;", "fastcgi_temp_path fastcgi;"],
    ...["uwsgi_temp_path uwsgi;", "scgi_temp_path scgi;", sites, "}"],
  ];
  return start(
    { program: "nginx", name: "nginx.conf", text: lines.join("\n"), port },
    (folder, file) => [...["-p", folder, "-e", "stderr", "-c", file]],
  );
}

/** `options` are global ones, a line each. */
export async function startCaddy(
  sites: string,
  port: number,
  options: readonly string[] = ["auto_https off"],
): Promise<RealProxy> {
  const lines = ["admin off", ...options].map((each) => `\t${each}\n`);
  const text = `{\n${lines.join("")}}\n${sites}`;
  return start({ program: "caddy", name: "Caddyfile", text, port }, (_folder, file) => [
    ...["run", "--adapter", "caddyfile", "--config", file],
  ]);
}

interface Wanted {
  readonly program: "nginx" | "caddy";
  readonly name: string;
  readonly text: string;
  readonly port: number;
}

async function start(
  { program, name, text, port }: Wanted,
  argumentsOf: (folder: string, file: string) => readonly string[],
): Promise<RealProxy> {
  await using stack = new AsyncDisposableStack();
  const user = await daemonUser("nobody");
  const folder = stack.use(await user.folder("tidegate-proxy-"));
  const file = folder.file(name);
  await writeFile(file, text);
  const args = argumentsOf(folder.path, file);
  const path = findCommand(program) ?? program;
  if (program === "nginx") {
    const { code, stderr } = await runCommand(path, ["-t", ...args]);
    if (code !== 0) throw new Error(`nginx refuses the configuration of the test:\n${stderr}`);
    await runCommand("chown", ["-R", "nobody", folder.path]);
  }
  const daemon = user.start("/usr/bin/env", [`HOME=${folder.path}`, path, ...args]);
  stack.defer(() => daemon.end("SIGTERM"));
  await eventually(`${program} to listen`, async () => isOpen(port, daemon));
  const held = stack.move();
  return { folder: folder.path, file, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

function isOpen(port: number, daemon: Daemon): Promise<true | undefined> {
  if (daemon.hasEnded()) throw new Error(`it ended: ${daemon.log()}`);
  const { promise, resolve } = Promise.withResolvers<true | undefined>();
  const socket = connect(port, "127.0.0.1");
  socket.once("connect", () => resolve(true));
  socket.once("error", () => resolve(undefined));
  return promise.finally(() => socket.destroy());
}
