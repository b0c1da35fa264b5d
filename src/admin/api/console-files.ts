// The files of the console and of the documentation as they were built: read once, served from memory. Only what was found then is there, under
// the names it was found by; nothing that a request says becomes a path.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { extname, join, relative } from "node:path";

export interface ConsoleFile {
  readonly type: string;
  readonly plain: Uint8Array<ArrayBuffer>;
  /** Compressed when it was built. */
  readonly br: Uint8Array<ArrayBuffer> | undefined;
  readonly gzip: Uint8Array<ArrayBuffer> | undefined;
  /** Of the content, with its quotes. */
  readonly etag: string;
}

/** By their paths as URLs have them: `/index.html`, `/assets/index-3Ek4KnRV.js`. */
export type ConsoleFiles = ReadonlyMap<string, ConsoleFile>;

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".json": "application/json",
};

/** Beside `src` and beside `admin` of `dist`: the same for a checkout and for what is installed. */
const builtFolder = join(import.meta.dirname, "../../../dist");

/** @returns undefined = it was not built. */
export function readBuilt(what: "console" | "docs", place = builtFolder): ConsoleFiles | undefined {
  const folder = join(place, what === "docs" ? "console/docs" : "console");
  try {
    const found = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((each) => each.isFile() && extname(each.name) in types)
      .map((each) => join(each.parentPath, each.name))
      .filter((path) => what === "docs" || !path.startsWith(join(folder, "docs/")));
    const files = new Map(found.map((path) => [`/${relative(folder, path)}`, fileAt(path)]));
    return files.has("/index.html") ? files : undefined;
  } catch {
    return undefined; // the folder is not there, or vanishes under our hands as another one is built
  }
}

function fileAt(path: string): ConsoleFile {
  const plain = bytesOf(path);
  const hash = createHash("sha256").update(plain).digest("base64url").slice(0, 22);
  return {
    type: types[extname(path)] ?? "",
    plain,
    br: perhaps(`${path}.br`),
    gzip: perhaps(`${path}.gz`),
    etag: `"${hash}"`,
  };
}

function perhaps(path: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return bytesOf(path);
  } catch {
    return undefined;
  }
}

function bytesOf(path: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(path));
}
