// Which part of a path is a program and which is told to it (PATH_INFO). The only place that decides it: whether a path may be
// read as a file is decided by the same words.

import { isUtf8 } from "node:buffer";

export interface ScriptPath {
  /** Path of the script under the root: "/shop/index.php". */
  readonly script: string;
  /** The rest, "" or beginning with a slash. */
  readonly pathInfo: string;
}

/**
 * What else holds source where one of these is run: other endings of PHP (Debian's handlers have them all), and files that
 * programs include. Endings, without the dot; expressions.
 */
const families: Readonly<Record<string, string>> = {
  ".php": String.raw`php\d?|phps|pht|phtml|phpt|phar|inc`,
};

const everySource = new WeakMap<readonly string[], RegExp>();

/**
 * The first segment that ends like a program, exactly as written. undefined = no program is asked for.
 * @param path percent-decoded, normalised
 */
export function scriptOf(path: string, extensions: readonly string[]): ScriptPath | undefined {
  let end = path.indexOf("/", 1);
  for (let start = 1; ; start = end + 1, end = path.indexOf("/", start)) {
    const stop = end < 0 ? path.length : end;
    if (extensions.some((each) => endsBehindName(path, start, stop, each))) {
      return { script: path.slice(0, stop), pathInfo: path.slice(stop) };
    }
    if (end < 0) return undefined;
  }
}

/** The segment path[start, stop) ends so, and is more than the ending. */
function endsBehindName(path: string, start: number, stop: number, extension: string): boolean {
  return (
    extension !== "" && stop - start > extension.length && path.slice(0, stop).endsWith(extension)
  );
}

/**
 * Somebody could take it for a program, or a server on another file system could: whatever its case, trailing dots, spaces,
 * slashes, NUL, path info or `::$DATA`. Such a path is never read as a file.
 *
 * It is one when such an ending stands anywhere in it and no letter or digit follows: so copies that editors and people
 * leave behind (`index.php~`, `config.php.bak`) are meant as well.
 */
export function looksLikeScript(path: string, extensions: readonly string[]): boolean {
  if (extensions.length === 0) return false;
  let source = everySource.get(extensions);
  if (source === undefined) {
    source = sourceOf(extensions);
    everySource.set(extensions, source);
  }
  return source.test(path.toLowerCase()) || (!isPlain(path) && isFoldedSource(path, source));
}

/** No alternative can be tried for longer than the ending is long: linear in the path. */
function sourceOf(extensions: readonly string[]): RegExp {
  const endings = extensions
    .filter((each) => each !== "")
    .map((each) => {
      const lower = each.toLowerCase();
      return families[lower] ?? literal(lower.startsWith(".") ? lower.slice(1) : lower);
    });
  return endings.length === 0 ? /$^/ : RegExp(`\\.(?:${endings.join("|")})(?![a-z0-9])`);
}

function literal(text: string): string {
  return text.replaceAll(/[^a-z0-9]/g, String.raw`\$&`);
}

function isPlain(path: string): boolean {
  for (let at = 0; at < path.length; at++) if (path.charCodeAt(at) > 127) return false;
  return true;
}

/**
 * As file systems that fold names have them: without case, in compatible forms, and (ext4 with casefold, APFS, SMB) without
 * characters that nobody sees.
 */
function isFoldedSource(path: string, source: RegExp): boolean {
  const bytes = Buffer.from(path, "latin1");
  const text = (isUtf8(bytes) ? bytes.toString("utf8") : path).normalize("NFKC").toLowerCase();
  return source.test(text) || source.test(text.replaceAll(unseen, "").normalize("NFKC"));
}

const unseen = /[\p{Default_Ignorable_Code_Point}\p{Cf}]/gu;
