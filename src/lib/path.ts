// Paths of URLs brought to one form, so that the router, every guard and the backend agree on which
// resource is meant. Used for requests and for the paths in the configuration alike.

/** What a target's path means to us. */
export interface NormalPath {
  /** For matching: unreserved characters decoded, dot segments resolved, repeated slashes merged. */
  readonly path: string;
  /** For the backend: the bytes that came, but with dot segments resolved. */
  readonly raw: string;
}

/**
 * Normalises an absolute path (RFC 3986 sections 6.2.2 and 5.2.4).
 * undefined when it cannot be read in one way only: a broken percent-encoding, an encoded NUL, more `..`
 * than there are segments, or a `..` that takes away an empty segment for servers that do not
 * merge slashes, and another one for those that do.
 */
export function normalisePath(path: string): NormalPath | undefined {
  const decoded = decodeUnreserved(path);
  if (decoded === undefined) return undefined;
  const isDotted = decoded.includes("/.");
  if (!isDotted && !decoded.includes("//")) return { path: decoded, raw: path };
  const meanings = decoded.split("/");
  const resolved = resolveDots(meanings, meanings, true);
  const unmerged = resolveDots(meanings, meanings, false);
  if (unmerged?.replaceAll(/\/+/g, "/") !== resolved) return undefined;
  const raw = isDotted ? resolveDots(path.split("/"), meanings, false) : path;
  return resolved === undefined || raw === undefined ? undefined : { path: resolved, raw };
}

/** Characters that clients never send as they are in a path, in the spelling in which they do. */
export function encodePath(path: string): string {
  return path.replace(/[^\x21-\x7e]+|["#<>?^`{}]/g, (text) =>
    encodeURIComponent(text.toWellFormed()),
  );
}

/**
 * Resolves `.` and `..` by what `meanings` says of each segment, keeping the segments as in `segments`.
 * Both lists have the same length, because decoding never touches an encoded slash.
 */
function resolveDots(
  segments: readonly string[],
  meanings: readonly string[],
  isMerging: boolean,
): string | undefined {
  const kept: string[] = [];
  const last = meanings.length - 1;
  for (let index = 1; index <= last; index++) {
    const meaning = meanings[index];
    const isDots = meaning === "." || meaning === "..";
    if (meaning === ".." && kept.pop() === undefined) return undefined;
    if (isDots) {
      if (index === last) kept.push(""); // "/a/.." is the folder "/"
    } else if (meaning !== "" || index === last || !isMerging) {
      kept.push(segments[index] ?? "");
    }
  }
  return `/${kept.join("/")}`;
}

/** Decodes the encodings of unreserved characters and writes the others in upper case. */
function decodeUnreserved(path: string): string | undefined {
  let percent = path.indexOf("%");
  if (percent < 0) return path;
  let out = "";
  let from = 0;
  while (percent >= 0) {
    const digits = path.slice(percent + 1, percent + 3);
    if (!/^[0-9A-Fa-f]{2}$/.test(digits) || digits === "00") return undefined;
    const character = String.fromCharCode(Number.parseInt(digits, 16));
    out += path.slice(from, percent);
    out += /[A-Za-z0-9._~-]/.test(character) ? character : `%${digits.toUpperCase()}`;
    from = percent + 3;
    percent = path.indexOf("%", from);
  }
  return out + path.slice(from);
}

/** Is the path the prefix itself or below it? `/api` covers `/api` and `/api/x`, not `/apix`. */
export function isUnder(path: string, prefix: string): boolean {
  if (!path.startsWith(prefix)) return false;
  return (
    path.length === prefix.length ||
    prefix.endsWith("/") ||
    path.charCodeAt(prefix.length) === 47 /* / */
  );
}
