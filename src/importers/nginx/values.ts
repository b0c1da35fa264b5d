// Values of nginx as ours: times, variables in addresses, regular expressions of PCRE.

import { formatDuration } from "../../lib/duration.ts";

const timeUnits = new Map([
  ["ms", 1],
  ["s", 1000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
  ["w", 7 * 86_400_000],
  ["M", 30 * 86_400_000],
  ["y", 365 * 86_400_000],
]);

// Ours are no longer than 24 days.
const longest = 24 * 86_400_000;

/** A number alone means seconds. undefined = it is no time. */
export function timeOf(text: string): string | undefined {
  if (/^\d{1,12}$/.test(text)) return formatDuration(Math.min(Number(text) * 1000, longest));
  if (!/^(\d{1,12}(ms|[smhdwMy])\s*)+(\d{1,12})?$/.test(text)) return undefined;
  let ms = 0;
  for (const [, amount, unit = "s"] of text.matchAll(/(\d+)(ms|[smhdwMy])?/g)) {
    ms += Number(amount) * (timeUnits.get(unit) ?? 0);
  }
  return formatDuration(Math.min(ms, longest));
}

export function sizeOf(text: string): string | undefined {
  return /^\d{1,12}[kmg]?$/i.test(text) ? text : undefined;
}

const placeholders = new Map([
  ["scheme", "{scheme}"],
  ["host", "{host}"],
  ["http_host", "{host}"],
  ["request_uri", "{uri}"],
  ["uri", "{path}"],
  ["document_uri", "{path}"],
  ["args", "{query}"],
  ["query_string", "{query}"],
]);

/** A target of a redirect with our placeholders; undefined = it has variables that we do not know. */
export function redirectTarget(text: string, serverName: string): string | undefined {
  let isKnown = !/[{}]/.test(text.replaceAll(/\$\{\w+\}/g, ""));
  const whole = text.replaceAll(
    /\$(?:uri|document_uri)\$is_args\$(?:args|query_string)/g,
    "${request_uri}",
  );
  const made = whole.replaceAll(/\$\{?(\w+)\}?/g, (_, name: string) => {
    if (name === "server_name" && serverName !== "") return serverName;
    const placeholder = placeholders.get(name);
    if (placeholder === undefined) isKnown = false;
    return placeholder ?? "";
  });
  return isKnown && !made.includes("$") && !/[\s\p{Cc}]/u.test(made) ? made : undefined;
}

/** Puts in what `set` says of them; others stay. */
export function withVariables(text: string, known: ReadonlyMap<string, string>): string {
  return text.replaceAll(/\$\{?(\w+)\}?/g, (whole, name: string) => known.get(name) ?? whole);
}

/** As ours are written; PCRE's own words that have a twin in JavaScript are said in its way. */
export function patternOf(text: string, isCaseless: boolean): string {
  const source = text
    .replaceAll("(?P<", "(?<")
    .replace(/^\(\?i\)/, "")
    .replaceAll(/\\A/g, "^")
    .replaceAll(/\\[zZ]/g, "$");
  return isCaseless || text.startsWith("(?i)") ? `(?i)${source}` : source;
}

/** Does it match whatever the path is? */
export function isEveryPath(regex: string): boolean {
  return /^\^?\/?\(?(\.\*)?\)?\$?$/.test(regex) && !/^\^?\/?\$$/.test(regex);
}

interface Parts {
  /** It begins where the path does. */
  readonly isStart: boolean;
  readonly isEnd: boolean;
  readonly middle: string;
}

/** undefined = it has alternatives on top that begin or end otherwise. */
function partsOf(source: string): Parts | undefined {
  const isStart = source.startsWith("^");
  const isEnd = /(?:^|[^\\])(?:\\\\)*\$$/.test(source);
  const middle = source.slice(isStart ? 1 : 0, isEnd ? -1 : undefined);
  const bare = middle.replaceAll(/\\.|\[(?:\\.|[^\]\\])*\]/g, "");
  if (/[\^$]/.test(bare)) return undefined;
  let depth = 0;
  for (const character of bare) {
    depth += character === "(" ? 1 : character === ")" ? -1 : 0;
    if (character === "|" && depth === 0 && (isStart || isEnd)) return undefined;
  }
  return { isStart, isEnd, middle: bare.includes("|") ? `(?:${middle})` : middle };
}

interface Rewrite {
  readonly pattern: string;
  readonly replacement: string;
}

/** `rewrite` within the proxy: nginx puts the replacement in the place of the whole path. */
export function pathRewrite(regex: string, replacement: string): Rewrite | undefined {
  const source = patternOf(regex, false);
  const isCaseless = source.startsWith("(?i)");
  const parts = partsOf(isCaseless ? source.slice(4) : source);
  if (parts === undefined || /\?./.test(replacement)) return undefined;
  const start = parts.isStart ? "^" : "^.*?";
  const pattern = `${isCaseless ? "(?i)" : ""}${start}${parts.middle}${parts.isEnd ? "$" : ".*$"}`;
  const made = replacement.replace(/\?$/, "").replaceAll(/\$\{(\d)\}/g, "$$$1");
  return /\$(?!\d)/.test(made) ? undefined : { pattern, replacement: made };
}

/** `rewrite … permanent`: ours look at the whole URL, query included, so the groups are two further. */
export function urlRewrite(regex: string, replacement: string): Rewrite | undefined {
  const source = patternOf(regex, false);
  const isCaseless = source.startsWith("(?i)");
  const parts = partsOf(withoutQuery(isCaseless ? source.slice(4) : source));
  if (parts === undefined || parts.middle.includes("(?<") || /\\[1-9]/.test(parts.middle)) {
    return undefined;
  }
  const groups = new RegExp(`${parts.middle}|`).exec("")?.length ?? 1;
  const start = parts.isStart ? "" : "[^?]*?";
  const rest = parts.isEnd ? "" : "[^?]*";
  const pattern = `${isCaseless ? "(?i)" : ""}^(https?)://([^/]+)${start}${parts.middle}${rest}(\\?.*)?$`;
  let isKnown = true;
  const made = replacement.replaceAll(/\$\{?(\w+)\}?/g, (_, name: string) => {
    if (name === "scheme") return "$1";
    if (name === "host" || name === "http_host") return "$2";
    if (/^[1-9]$/.test(name) && Number(name) < groups) return `$${Number(name) + 2}`;
    isKnown = false;
    return "";
  });
  const target = /^(https?:|\$1:)/.test(made)
    ? made
    : `$1://$2${made.startsWith("/") ? "" : "/"}${made}`;
  if (!isKnown || /[\s{}]/.test(target)) return undefined;
  // nginx appends the query unless the replacement ends with "?"; behind one it would need "&".
  if (target.endsWith("?")) return { pattern, replacement: target.slice(0, -1) };
  return target.includes("?") ? undefined : { pattern, replacement: `${target}$${groups + 2}` };
}

/** What a pattern of paths matches in a URL must end before its query. */
function withoutQuery(source: string): string {
  return source.replaceAll(/\\.|\[\^?(?:\\.|[^\]\\])*\]|\./g, (piece) => {
    if (piece === ".") return "[^?]";
    return piece.startsWith("[^") ? `[^?${piece.slice(2)}` : piece;
  });
}
