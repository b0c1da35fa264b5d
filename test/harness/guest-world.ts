// A folder that plays the root of a container, with a site in it, and beside it what nobody in there may get: a file and
// a socket that say a secret.

import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import fs from "node:fs";
import { Guests } from "../../src/guest/guests.ts";
import type { Found, FoundSocket, Premises } from "../../src/guest/finding.ts";
import { eventually } from "./barrier.ts";
import { greetingAt } from "./guest-naive.ts";
import { tempFolder } from "./temp-folder.ts";

export interface World extends AsyncDisposable {
  /** Of the container. */
  readonly root: string;
  readonly outside: string;
  readonly secret: string;
  readonly secretFile: string;
  readonly secretSocket: string;
  readonly guests: Guests;
  readonly premises: Premises;
  /** A path of this machine for one of the container. */
  inside(path: string): string;
  /** @param at path of the container */
  link(at: string, target: string): Promise<void>;
  file(at: string, text: string): Promise<void>;
  folder(at: string): Promise<void>;
  /** A socket that says this to whoever connects. @param root where its path starts, if not in the folder */
  socket(at: string, text: string, root?: string): Promise<void>;
}

/** What stands in the container's own files. */
export const publicText = "for everybody";

export async function makeWorld(): Promise<World> {
  const temp = await tempFolder("tidegate-guest-");
  const root = temp.file("root");
  const outside = temp.file("outside");
  const secret = `secret ${randomUUID()}`;
  const secretFile = join(outside, "secret.txt");
  const secretSocket = join(outside, "daemon.sock");
  const servers: Server[] = [];
  const guests = new Guests();
  guests.update({ "lxc/blog": { rootfs: root, init: undefined, why: "" } });
  const inside = (path: string) => `${root}${path}`;
  await mkdir(join(root, "www/deep/er"), { recursive: true });
  await mkdir(join(outside, "deep"), { recursive: true });
  await writeFile(join(root, "www/index.html"), publicText);
  await writeFile(secretFile, secret);
  servers.push(await greeter(secretSocket, secret));
  return {
    ...{ root, outside, secret, secretFile, secretSocket, guests, inside },
    premises: guests.of("lxc/blog"),
    link: (at, target) => symlink(bytes(target), bytes(inside(at))),
    file: (at, text) => writeFile(bytes(inside(at)), text),
    folder: async (at) => void (await mkdir(inside(at), { recursive: true })),
    async socket(at, text, base = root) {
      servers.push(await greeter(`${base}${at}`, text));
    },
    async [Symbol.asyncDispose]() {
      guests.update({});
      for (const server of servers) server.close();
      await temp[Symbol.asyncDispose]();
    },
  };
}

function bytes(path: string): Buffer {
  return Buffer.from(path, "latin1");
}

async function greeter(path: string, text: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on("error", () => {}).end(text);
  });
  server.listen(path);
  await once(server, "listening");
  return server;
}

/** What somebody got: a text, or why they got none. */
export type Told = { readonly text: string } | { readonly kind: string; readonly why: string };

/** Also what a file begins with, if one is found. */
export async function tell(found: Found): Promise<Told> {
  if (found.kind !== "file") return untold(found);
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const room = Buffer.alloc(4096);
  fs.read(found.file.fd, room, 0, room.length, 0, (error, count) =>
    error === null ? resolve(room.toString("latin1", 0, count)) : reject(error),
  );
  try {
    return { text: await promise };
  } finally {
    found.file.close();
  }
}

export async function tellSocket(found: FoundSocket): Promise<Told> {
  if (found.kind !== "socket") return untold(found);
  try {
    return { text: await greetingAt(found.path) };
  } finally {
    found.release();
  }
}

function untold(found: { readonly kind: string; readonly why?: string }): Told {
  return { kind: found.kind, why: found.why ?? "" };
}

/** Descriptors of this process. */
export async function descriptors(): Promise<number> {
  return (await readdir("/proc/self/fd")).length;
}

/** What was opened is closed, sooner or later. */
export async function sameDescriptors(before: number): Promise<void> {
  let now = 0;
  const isSame = async () => ((now = await descriptors()) <= before ? true : undefined);
  await eventually(`${before} descriptors, not more`, isSame).catch((error: unknown) => {
    throw new Error(`${now} are open`, { cause: error });
  });
}
