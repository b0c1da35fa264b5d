// Documents: files and answers of URLs that settings lean on (lists of addresses, passwords, keys) and that are kept fresh
// while the program runs. Settings hold the wish; the primary reads, and the snapshot brings what was read.

/** How it is checked before it counts; see `document-checks.ts`. */
export type DocumentForm =
  | "text"
  | "module"
  | "networks"
  | "proxies"
  | "htpasswd"
  | "htdigest"
  | "apikeys"
  | "jwks";

interface CommonWish {
  /** What it is asked for by: form and place. */
  readonly name: string;
  readonly form: DocumentForm;
}

export interface FileWish extends CommonWish {
  readonly from: "file";
  readonly path: string;
  /** What a module has to take. */
  readonly settings?: unknown;
  /** It is a module for a thread of its own. */
  readonly isThreaded?: boolean;
}

export interface UrlWish extends CommonWish {
  readonly from: "url";
  readonly url: string;
  /** How often it is asked for again, ms. */
  readonly every: number;
}

export type DocumentWish = FileWish | UrlWish;

/** What did not change is the same object: what is made of it can be kept by it. */
export interface LiveDocument {
  readonly text: string;
  /** Of this text: another one has another. */
  readonly version: string;
}

/** By name. What could not be had yet is not there. */
export type Documents = ReadonlyMap<string, LiveDocument>;

export const noDocuments: Documents = new Map();

/** A file that is watched. @param path absolute */
export function fileWish(form: DocumentForm, path: string): FileWish {
  return { name: `${form} ${path}`, form, from: "file", path };
}

/** A file of code, which counts only if it can be loaded and takes these settings. @param path absolute */
export function moduleWish(path: string, settings: unknown, isThreaded: boolean): FileWish {
  const given = JSON.stringify(settings) ?? "";
  const wish = fileWish("module", path);
  const name = `${isThreaded ? "threaded module" : "module"} ${path} ${given}`;
  return { ...wish, name, settings, ...(isThreaded ? { isThreaded } : {}) };
}

/** @param every ms */
export function urlWish(form: DocumentForm, url: string, every: number): UrlWish {
  return { name: `${form} ${url}`, form, from: "url", url, every };
}

/** For messages: what stands behind the ? of a URL may be a key. */
export function shownPlace(wish: DocumentWish): string {
  if (wish.from === "file") return wish.path;
  const { origin, pathname } = new URL(wish.url);
  return `${origin}${pathname}`;
}
