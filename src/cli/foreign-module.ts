// Loads a configuration that is JavaScript, in a process of its own: it is a program, which may print, hang or
// end. It runs with the rights of whoever imports it, as it always did.

import { fork } from "node:child_process";
import { extname, join, resolve } from "node:path";
import { importing } from "../config/limits.ts";
import { NotImported } from "./import.ts";

/** Plain data, with regular expressions and functions by name. */
export type Foreign =
  | { readonly kind: "value"; readonly value: string | number | boolean | null | undefined }
  | { readonly kind: "pattern"; readonly source: string; readonly flags: string }
  | { readonly kind: "function" }
  | { readonly kind: "list"; readonly items: readonly Foreign[] }
  | { readonly kind: "mapping"; readonly entries: readonly (readonly [string, Foreign])[] }
  /** What `require` of this name gives, below the configuration itself. */
  | { readonly kind: "module"; readonly name: string };

export type ForeignAnswer =
  | { readonly kind: "loaded"; readonly config: Foreign }
  | { readonly kind: "failed"; readonly why: string };

const entry = join(import.meta.dirname, `foreign-module-entry${extname(import.meta.filename)}`);

export async function loadForeignModule(file: string): Promise<Foreign> {
  const path = resolve(file);
  const child = fork(entry, [path], {
    serialization: "advanced",
    // What it prints is not ours to print.
    stdio: ["ignore", "ignore", "ignore", "ipc"],
    timeout: importing.loadTimeout,
    killSignal: "SIGKILL",
  });
  const { promise, resolve: done } = Promise.withResolvers<ForeignAnswer>();
  child.once("message", (message) => done(readAnswer(message)));
  child.once("error", ({ message }) => done({ kind: "failed", why: message }));
  child.once("exit", (code, signal) => {
    const late = `it was not through after ${importing.loadTimeout / 1000} s`;
    const why = signal === "SIGKILL" ? late : `it ended by itself, with code ${code ?? signal}`;
    // Its last word may still be on the way.
    const end = () => setImmediate(() => done({ kind: "failed", why }));
    if (child.connected) child.once("disconnect", end);
    else end();
  });
  const answer = await promise;
  child.kill("SIGKILL");
  if (answer.kind === "loaded") return answer.config;
  throw new NotImported(`${file} cannot be loaded: ${answer.why}`);
}

/** From the child, in which foreign code ran. */
function readAnswer(message: unknown): ForeignAnswer {
  const { kind, why, config } = fieldsOf(message);
  if (kind === "failed" && typeof why === "string") return { kind, why };
  const read = readForeign(config, 0);
  if (kind === "loaded" && read !== undefined) return { kind, config: read };
  return { kind: "failed", why: "what it gave is no configuration" };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

function readForeign(value: unknown, depth: number): Foreign | undefined {
  const { kind, value: plain, source, flags, items, entries, name } = fieldsOf(value);
  if (depth > importing.depth) return undefined;
  if (kind === "value" && isPlain(plain)) return { kind, value: plain };
  if (kind === "function") return { kind };
  if (kind === "module" && typeof name === "string") return { kind, name };
  if (kind === "pattern" && typeof source === "string" && typeof flags === "string") {
    return { kind, source, flags };
  }
  if (kind === "list" && Array.isArray(items)) {
    const read = items.map((item) => readForeign(item, depth + 1));
    return read.includes(undefined) ? undefined : { kind, items: read.filter(isRead) };
  }
  if (kind !== "mapping" || !Array.isArray(entries)) return undefined;
  const pairs = entries.map((pair: unknown) => {
    const [key, item]: unknown[] = Array.isArray(pair) ? pair : [];
    const read = readForeign(item, depth + 1);
    return typeof key === "string" && read !== undefined ? ([key, read] as const) : undefined;
  });
  return pairs.includes(undefined) ? undefined : { kind, entries: pairs.filter(isRead) };
}

function isRead<T>(value: T | undefined): value is T {
  return value !== undefined;
}

function isPlain(value: unknown): value is string | number | boolean | null | undefined {
  return value === null || ["string", "number", "boolean", "undefined"].includes(typeof value);
}
