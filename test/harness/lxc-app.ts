// A container with real programs in it and no web server: its `/usr` is this machine's, read only, and all the rest
// is its own. `/run` is a tmpfs that only its own processes see, as everywhere; what it shall run is started by
// busybox, and again when it ends.

import { lchown, lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { eventually } from "./barrier.ts";
import { type Ended, runCommand } from "./command.ts";
import { type LxcHost, lxcNeeds } from "./lxc-host.ts";
import { makeProgramRoot, type ProgramRootOptions, searchPath } from "./recipe-root.ts";

/** What a test that uses it needs, besides root. */
export const lxcAppNeeds = [...lxcNeeds, "chown"] as const;

export interface LxcAppOptions extends ProgramRootOptions {
  /** Last number of its IPv4 address. */
  readonly last: number;
  /** It is unprivileged: its root is this user of ours, its user 33 that many more. */
  readonly firstUser?: number;
}

export interface LxcApp {
  readonly name: string;
  readonly address: string;
  /** The path on this machine of what is there in it, on its disk. */
  file(path: string): string;
  start(): Promise<void>;
  kill(): Promise<void>;
  /** Runs a program in it. Fails when that fails. */
  run(program: string, ...args: readonly string[]): Promise<Ended>;
  /** Waits until a program in it listens at this unix socket or port. */
  listens(at: string | number): Promise<void>;
}

/** It is made, not started. */
export async function makeLxcApp(
  host: LxcHost,
  name: string,
  options: LxcAppOptions,
): Promise<LxcApp> {
  const root = host.beside(`root-${name}`);
  const file = (path: string) => join(root, path);
  await makeProgramRoot(root, options);
  const { firstUser } = options;
  if (firstUser !== undefined) await shiftOwners(root, firstUser);
  const address = `${host.v4}${options.last}`;
  await host.make(name, [
    `lxc.rootfs.path = dir:${root}`,
    "lxc.init.cmd = /opt/busybox init",
    "lxc.mount.entry = /usr usr none bind,ro 0 0",
    "lxc.mount.entry = tmpfs run tmpfs nosuid,nodev,mode=755 0 0",
    `lxc.net.0.ipv4.address = ${address}/24`,
    `lxc.net.0.ipv4.gateway = ${host.v4}1`,
    ...(firstUser === undefined ? [] : ["u", "g"].map((each) => mapped(each, firstUser))),
  ]);
  const inside = async (...words: readonly string[]) =>
    host.lxc("attach", name, ["--clear-env", "--", "/usr/bin/env", `PATH=${searchPath}`, ...words]);
  return {
    name,
    address,
    file,
    start: () => host.start(name),
    kill: () => host.kill(name),
    run: inside,
    async listens(at) {
      const isThere = typeof at === "number" ? hasPort(at) : hasSocket(at);
      await eventually(
        `${at} of ${name}`,
        () => inside("sh", "-c", isThere).then(() => true, notYet),
        30_000,
      );
    },
  };
}

const mapped = (kind: string, first: number) => `lxc.idmap = ${kind} 0 ${first} 65536`;

async function shiftOwners(path: string, first: number): Promise<void> {
  const seen = await lstat(path);
  await lchown(path, seen.uid + first, seen.gid + first);
  if (!seen.isDirectory()) return;
  for (const each of await readdir(path)) await shiftOwners(join(path, each), first);
}

const notYet = () => undefined;

function hasSocket(socket: string): string {
  return `grep -q " ${socket}$" /proc/net/unix`;
}

/** In the kernel's table, where state 0A is "listens". */
function hasPort(port: number): string {
  const number = port.toString(16).toUpperCase().padStart(4, "0");
  return `grep -q ":${number} [0-9A-F]*:0000 0A" /proc/net/tcp`;
}

/** Makes it and what is below it the property of a user of this machine, which its own users are numbered as. */
export async function giveTo(user: string, ...paths: readonly string[]): Promise<void> {
  const ended = await runCommand("chown", ["-R", "-h", user, ...paths]);
  if (ended.code !== 0) throw new Error(`chown: ${ended.stderr}`);
}

/** What is in a file of it, for messages of tests; "" = there is none. */
export async function textOf(app: LxcApp, path: string): Promise<string> {
  return readFile(app.file(path), "utf8").catch(() => "");
}
