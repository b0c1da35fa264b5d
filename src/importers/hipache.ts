// Hipache's config.json, of any of its versions: 0.1 and 0.2 (`server.port`, `redis` or `redisHost`), 0.3 (`driver`) and the
// one that was never released (`http`, `https`). Where that one gave less than 0.3.1, what 0.3.1 did counts.

import { statSync } from "node:fs";
import { resolve } from "node:path";
import { account } from "../config/process-schema.ts";
import type { Problem } from "../config/problem.ts";
import { type ConfigReader, readConfig, unreadable } from "../config/read.ts";
import { formatDuration } from "../lib/duration.ts";
import { redisOf } from "./hipache/driver.ts";
import { listeningOf } from "./hipache/listening.ts";
import { Draft, fieldOf, textOf } from "./hipache/draft.ts";
import type { Imported } from "./imported.ts";
import { NotImported } from "./imported.ts";
import { type Settings, shown } from "./outline.ts";
import { readSourceFile } from "./source-file.ts";

export interface HipacheNote {
  /** In config.json. */
  readonly path: string;
  readonly message: string;
  readonly remedy?: string;
  /** `note`: nothing to do; said to whoever imports it alone. */
  readonly severity: Problem["severity"] | "note";
}

export interface Translated {
  /** As `tidegate.yaml` says it. */
  readonly config: Settings;
  readonly notes: readonly HipacheNote[];
}

/** Throws NotImported when the text is no configuration of Hipache. */
export function translateHipache(text: string, file: string): Translated {
  const draft = new Draft();
  const root = parse(text, file);
  draft.tellStrangers(root);
  const server = readServer(fieldOf(root, "server"), draft);
  const redis = redisOf(root, draft);
  const group = accountIn(root, "group", draft);
  const { ttl, retries, workers, pages } = server;
  const config = {
    ...listeningOf(root, draft),
    providers: {
      hipache: {
        redis,
        ...(ttl === undefined ? {} : { deadBackendTTL: formatDuration(ttl) }),
        ...(retries === undefined ? {} : { retryOnError: retries }),
      },
    },
    ...(workers === undefined ? {} : { workers }),
    timeouts: server.timeouts,
    accessLog: { format: "hipache", path: server.log },
    ...(pages === undefined ? {} : { errorPages: pages }),
    user: accountIn(root, "user", draft) ?? usual.user,
    ...(group === undefined ? {} : { group }),
    debug: { allow: ["127.0.0.0/8", "::1/128"] },
    compat: { hipache: true },
    admin: false,
  };
  return { config, notes: draft.notes };
}

/** What Hipache takes where nothing is said. */
const usual = {
  tcpTimeout: 30_000,
  accessLog: "/var/log/hipache/access.log",
  user: "www-data",
} as const;

function readServer(server: unknown, draft: Draft) {
  const within = (key: string, range: readonly [number, number]) =>
    draft.numberIn(fieldOf(server, key), `server.${key}`, range);
  const seconds = (key: string) => {
    const value = within(key, [0, longestSeconds]);
    return value === undefined ? undefined : Math.round(value * 1000);
  };
  const timeout = formatDuration(seconds("tcpTimeout") ?? usual.tcpTimeout);
  const pages = textOf(fieldOf(server, "staticDir"));
  const isThere = pages !== undefined && isFolder(pages);
  if (pages !== undefined && !isThere) {
    draft.note("warning", "server.staticDir", `${shown(pages)} is not a folder, and is left out`);
  }
  return {
    timeouts: { idle: timeout, body: timeout, response: timeout, responseBody: timeout },
    ttl: seconds("deadBackendTTL"),
    retries: draft.wholeIn(fieldOf(server, "retryOnError"), "server.retryOnError", [0, 100]),
    workers: draft.wholeIn(fieldOf(server, "workers"), "server.workers", [1, 1024]),
    pages: isThere ? resolve(pages) : undefined,
    log: logOf(fieldOf(server, "accessLog")),
  };
}

/** The longest time there is here: 24 days. */
const longestSeconds = 24 * 86_400;

function isFolder(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
  } catch {
    return false; // no path at all, or not for us
  }
}

function logOf(value: unknown): string {
  const path = textOf(value) ?? usual.accessLog;
  if (path === "/dev/stdout") return "stdout";
  if (path === "/dev/stderr") return "stderr";
  return resolve(path.includes("\0") ? usual.accessLog : path);
}

function accountIn(root: unknown, key: "user" | "group", draft: Draft): string | undefined {
  const value = fieldOf(root, key);
  if (value === undefined || value === null || value === "") return undefined;
  const name = typeof value === "number" ? String(value) : textOf(value);
  if (name !== undefined && account(key).safeParse(name).success) return name;
  draft.note("warning", key, "is no name or number, and is left out");
  return undefined;
}

/** What it says of a fault would repeat a part of the text, which may be of a password. */
function parse(text: string, file: string): unknown {
  let root: unknown;
  try {
    root = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    const [where = ""] = /line \d+ column \d+/.exec(String(error)) ?? [];
    throw new NotImported(`${file} is not valid JSON${where === "" ? "" : `: see ${where}`}`);
  }
  if (typeof root === "object" && root !== null && !Array.isArray(root)) return root;
  throw new NotImported(`${file}: a configuration of Hipache is { … }, and {} will do`);
}

export function importHipache(file: string): Imported {
  const { config, notes } = translateHipache(readSourceFile(file), file);
  const told = notes.map(({ path, message, remedy }) => {
    return `${path}: ${message}${remedy === undefined ? "" : `; ${remedy}`}`;
  });
  const isSecret = JSON.stringify(config) !== JSON.stringify(censored(config));
  const secret = "driver: the password of Redis stands in this file: keep it from others";
  return { config, notes: isSecret ? [...told, secret] : told, later: [] };
}

/** For a program that runs with it. */
export const readHipache: ConfigReader = (text, options) => {
  const { file } = options;
  let translated: Translated;
  try {
    translated = translateHipache(text, file);
  } catch (error) {
    if (!(error instanceof NotImported)) throw error;
    return unreadable(file, error.message);
  }
  const { snapshot, problems } = readConfig(JSON.stringify(translated.config), options);
  // Lines are those of the translation: nobody could find them.
  const all: Problem[] = problems.map((each) => ({ ...each, line: 1, column: 1 }));
  for (const { severity, ...note } of translated.notes) {
    if (severity !== "note") all.push({ file, line: 1, column: 1, severity, ...note });
  }
  const isUsable = !all.some(({ severity }) => severity === "error");
  return { snapshot: isUsable ? snapshot : undefined, problems: all };
};

/** For people to look at. */
export function censored(config: Settings): Settings {
  const hide = (url: unknown) =>
    typeof url === "string" ? url.replace(/^([a-z+]+:(?:\/\/)?)[^/#]*@/i, "$1CENSORED@") : url;
  const hipache = fieldOf(fieldOf(config, "providers"), "hipache");
  const redis = fieldOf(hipache, "redis");
  const hidden = Array.isArray(redis) ? redis.map(hide) : hide(redis);
  const entries = typeof hipache === "object" && hipache !== null ? Object.entries(hipache) : [];
  return {
    ...config,
    providers: { hipache: { ...Object.fromEntries(entries), redis: hidden } },
  };
}
