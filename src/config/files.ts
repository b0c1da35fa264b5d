// A service that answers with files of a folder, of this machine or of a container, and hands the paths of programs to
// another service. Part of the Snapshot; plain data, every default filled in. Times are milliseconds, sizes bytes.

import type { Listed } from "./middlewares/use.ts";
import type { Maintenance } from "./service.ts";
import type { Origin } from "./snapshot.ts";

export interface FilesService {
  readonly kind: "files";
  readonly name: string;
  readonly origin: Origin;
  readonly maintenance: Maintenance | undefined;
  /** What requests go through after the route's own, where a route leads here itself; left out = nothing. */
  readonly middlewares?: readonly Listed[];
  /** Whose paths these are, `PROVIDER/NAME`; undefined = this machine's. */
  readonly guest: string | undefined;
  /** Absolute path of the folder, in the terms of whose it is, without a trailing slash unless it is "/". */
  readonly root: string;
  /** Names looked for in a folder, in order. */
  readonly index: readonly string[];
  /** What is looked for, in order. Never empty; [{ path: "$path" }] by default. */
  readonly try: readonly TryStep[];
  /** A folder without an index shows what is in it. */
  readonly listing: boolean;
  /** Files with these endings beside a file are sent in its place to whoever takes them, the best first. */
  readonly precompressed: readonly Precompressed[];
  /** Names (with `*` and `?`) of files and folders that nobody gets; a path with one of them does not exist. */
  readonly hidden: readonly string[];
  /** Names that are served although `hidden` has them, such as `.well-known`. */
  readonly shown: readonly string[];
  /** The first whose pattern fits says what Cache-Control is. */
  readonly cacheControl: readonly CacheRule[];
  /** Further media types by ending, lower-case, without the dot. */
  readonly types: Readonly<Record<string, string>>;
  /** What a text without another charset is said to be in; "" = nothing is said. */
  readonly charset: string;
  /** Paths that belong to a program: never read as files. */
  readonly scripts: Scripts | undefined;
}

export interface Scripts {
  /** Name of the service (kind `backends`, with a gateway) that answers them. */
  readonly service: string;
  /** Endings of files that are programs, lower-case, with the dot: `.php`. */
  readonly extensions: readonly string[];
  /** Folders in which nothing is run and no script is read, such as uploads; paths under root, without a trailing slash. */
  readonly neverIn: readonly string[];
}

export type Precompressed = "br" | "zstd" | "gzip";

export type TryStep =
  /** Path under root with `$path` for the asked one; one that ends in "/" is a folder with an index. May carry `?…` for scripts, with `$query`. */
  | { readonly kind: "path"; readonly path: string; readonly query: string | undefined }
  /** Goes to another service with the path that was asked for. Last. */
  | { readonly kind: "service"; readonly service: string }
  /** Answers so. Last. */
  | { readonly kind: "status"; readonly status: number };

export interface CacheRule {
  /** With `*` (also slashes) and `?`; against the path under root. */
  readonly pattern: string;
  /** Value of Cache-Control; "" = the field is not sent. */
  readonly value: string;
}

/** Names that begin with a dot: `.git`, `.env`, `.htaccess` and the like hold what nobody means to publish. */
export const defaultHidden: readonly string[] = [".*"];

/** Where nothing runs PHP its sources would be texts like others, with the passwords that are in them. */
export const hiddenWithoutPhp: readonly string[] = [
  ...defaultHidden,
  // `php?` is php5, phps and php~; the others are copies that people leave behind.
  ...["*.php", "*.php?", "*.phtml", "*.phar"],
  ...["*.php.bak", "*.php.old", "*.php.orig", "*.php.save"],
];

/** Where a program answers paths that look like anything, its sources and what it keeps may lie beside the files. */
export const hiddenBesideProgram: readonly string[] = [
  ...defaultHidden,
  ...["*.py", "*.py?", "__pycache__", "*.rb", "*.ru", "*.pl", "*.pm", "*.php", "*.lua"],
  ...["*.conf", "*.ini", "*.key", "*.db", "*.sqlite", "*.sqlite3"],
];

/** RFC 8615: what is there is there to be asked for. */
export const defaultShown: readonly string[] = [".well-known"];

/** The smallest first, which is the best for whoever takes them all. */
export const usualCompressions = ["br", "zstd", "gzip"] as const satisfies readonly Precompressed[];
