// What a client reads when something failed: HTML for browsers, JSON for programs that ask for it, and
// plain text for everybody else (curl sends `Accept: */*`). An operator's own pages come first for HTML;
// they are read when a configuration is loaded, never while a request waits. Text that came from the
// client is escaped, and no page tells which other hosts exist here.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

export interface ErrorPages {
  /** HTML with placeholders, by status. */
  readonly byStatus: ReadonlyMap<number, string>;
  readonly fallback: string | undefined;
  /** They are shown to everybody as they are, as Hipache shows them: `hipache.ts`. */
  readonly areHipaches?: boolean;
}

/** Of an operator who has none, and wants to be answered as by Hipache. */
export const hipachePages: ErrorPages = {
  byStatus: new Map(),
  fallback: undefined,
  areHipaches: true,
};

export interface LoadedErrorPages {
  readonly pages: ErrorPages;
  readonly problems: readonly string[];
}

export interface ErrorPageOptions {
  readonly pages: ErrorPages | undefined;
  /** The host that was asked for, as the client wrote it; "" when there was none. */
  readonly host: string;
  /** Name of the failure, docs/reference/errors.md. */
  readonly code: string;
}

const maxPageBytes = 1024 * 1024;

export function errorPage(
  status: number,
  text: string,
  accept: string | undefined,
  { pages, host, code }: ErrorPageOptions,
): { contentType: string; body: string } {
  const title = titles[status] ?? "Error";
  const facts: Facts = { status, title, text, host, code };
  switch (preferred(accept)) {
    case "html": {
      const own = pages?.byStatus.get(status) ?? pages?.fallback;
      const body = own === undefined ? builtIn(facts) : fill(own, facts);
      return { contentType: "text/html; charset=utf-8", body };
    }
    case "json":
      return {
        contentType: "application/problem+json",
        body: `${JSON.stringify({ status, code, title, detail: detailOf(facts) })}\n`,
      };
    case "text":
      return {
        contentType: "text/plain; charset=utf-8",
        body: `${status} ${title}\n${detailOf(facts)}\n(${code})\n`,
      };
  }
}

/** Whoever asks like this reads pages: a browser. */
export function wantsHtml(accept: string | undefined): boolean {
  return preferred(accept) === "html";
}

/** Reads `error_<status>.html` and `error_default.html` of a folder. Problems are told, not thrown. */
export function loadErrorPages(folder: string): LoadedErrorPages {
  const byStatus = new Map<number, string>();
  const problems: string[] = [];
  let fallback: string | undefined;
  for (const name of namesIn(folder, problems)) {
    const status = /^error_(\d{3}|default)\.html$/.exec(name)?.[1];
    if (status === undefined) continue;
    const page = readPage(join(folder, name), problems);
    if (page === undefined) continue;
    if (status === "default") fallback = page;
    else byStatus.set(Number(status), page);
  }
  if (problems.length === 0 && byStatus.size === 0 && fallback === undefined) {
    problems.push(`error pages: ${folder} has no error_<status>.html and no error_default.html`);
  }
  return { pages: { byStatus, fallback }, problems };
}

interface Facts {
  readonly status: number;
  readonly title: string;
  readonly text: string;
  readonly host: string;
  readonly code: string;
}

function namesIn(folder: string, problems: string[]): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    problems.push(`error pages: ${messageOf(error)}`);
    return [];
  }
}

function readPage(path: string, problems: string[]): string | undefined {
  try {
    const kind = statSync(path); // follows symbolic links, which containers like to use
    if (!kind.isFile()) problems.push(`error pages: ${path} is not a file`);
    else if (kind.size > maxPageBytes) problems.push(`error pages: ${path} is larger than 1 MiB`);
    else return readFileSync(path, "utf8");
  } catch (error) {
    problems.push(`error pages: ${messageOf(error)}`);
  }
  return undefined;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * The kind with the highest q (RFC 9110 section 12.5.1), of those named outright; the first named wins a
 * tie. Wildcards choose nothing: who does not care, gets text.
 */
function preferred(accept: string | undefined): "html" | "json" | "text" {
  let best: "html" | "json" | "text" = "text";
  let bestQuality = 0;
  // A list this long was made by nobody who wants to read the page.
  for (const item of (accept ?? "").slice(0, 1000).split(",")) {
    const [type = "", ...parameters] = item.split(";").map((each) => each.trim().toLowerCase());
    const kind = kinds.get(type);
    if (kind === undefined) continue;
    const weight = parameters.find((each) => each.startsWith("q="));
    const quality = weight === undefined ? 1 : Number(weight.slice(2));
    if (quality > bestQuality && quality <= 1) {
      best = kind;
      bestQuality = quality;
    }
  }
  return best;
}

const kinds: ReadonlyMap<string, "html" | "json" | "text"> = new Map([
  ["text/html", "html"],
  ["application/xhtml+xml", "html"],
  ["application/json", "json"],
  ["application/problem+json", "json"],
  ["text/plain", "text"],
]);

function detailOf({ code, text, host }: Facts): string {
  if (code !== "NO_ROUTE" || host === "") return text;
  return `${text} You asked for the host ${JSON.stringify(host)}.`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** Replaces {status}, {host}, {code} and {text}; other braces, of styles and scripts, stay as they are. */
function fill(page: string, { status, host, code, text }: Facts): string {
  const values: Record<string, string> = { status: String(status), host, code, text };
  return page.replace(/\{(status|host|code|text)\}/g, (_, name: string) =>
    escapeHtml(values[name] ?? ""),
  );
}

function builtIn(facts: Facts): string {
  const { status, title, text, code } = facts;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${status} ${title}</title>
<style>${style}</style>
</head>
<body>
<main>
<p class="status">${status}</p>
<h1>${title}</h1>
<p>${escapeHtml(text)}</p>
${helpFor(facts)}<footer><code>${escapeHtml(code)}</code></footer>
</main>
</body>
</html>
`;
}

function helpFor({ code, host }: Facts): string {
  if (code === "BACKEND_STOPPED") {
    return `<p class="hint">Is it yours? Then start it: it is back here within a second.</p>\n`;
  }
  if (code !== "NO_ROUTE") return "";
  const asked = host === "" ? "" : `<p>You asked for <code>${escapeHtml(host)}</code>.</p>\n`;
  const example = escapeHtml(host === "" ? "www.example.com" : host);
  return `${asked}<p class="hint">Is this proxy yours? Then add a route for this host, like so:</p>
<pre>routes:
  "${example}": http://127.0.0.1:3000</pre>
<p class="hint">The configuration is read again as soon as it is saved.</p>
`;
}

const style = `:root{color-scheme:light dark;--ink:#16262e;--soft:#5c7079;--paper:#f5f8f9;--card:#fff;--tide:#0b7285}
@media(prefers-color-scheme:dark){:root{--ink:#e3edf0;--soft:#93a7b0;--paper:#0d1a20;--card:#14262e;--tide:#4fc3d9}}
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--paper);color:var(--ink);font:1rem/1.6 system-ui,sans-serif}
main{box-sizing:border-box;width:min(36rem,100%);padding:2rem 2.5rem;background:var(--card);border-top:4px solid var(--tide);border-radius:.5rem}
.status{margin:0;font-size:3rem;font-weight:700;line-height:1;color:var(--tide)}
h1{margin:.5rem 0 1rem;font-size:1.25rem}
pre{padding:.75rem 1rem;background:var(--paper);border-radius:.25rem;overflow-x:auto}
code{overflow-wrap:anywhere}
.hint,footer{color:var(--soft);font-size:.875rem}
footer{margin-top:1.5rem}`;

/** Reason phrases, also used as titles. 499 is nginx's and never reaches a client. */
const titles: Readonly<Record<number, string>> = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  410: "Gone",
  411: "Length Required",
  413: "Content Too Large",
  414: "URI Too Long",
  417: "Expectation Failed",
  421: "Misdirected Request",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
};
