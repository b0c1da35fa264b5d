// The console: one page and what it loads, under a policy that lets it reach nobody but this API. Where it was not built
// there is a page that says how.

import type { HttpBindings } from "@hono/node-server";
import type { Context, Hono } from "hono";
import { type ConsoleFile, type ConsoleFiles, readBuilt } from "./console-files.ts";

type Env = { Bindings: HttpBindings };

/** Scripts and styles of ours and no others, none of them within the page; nothing may frame it, or be sent elsewhere. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const notBuilt = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Tidegate</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark"></head>
<body>
<h1>Tidegate</h1>
<p>The console was not built here. In the folder of the program: <code>npm run console</code>, then load this page again.</p>
<p><a href="/docs/api">The reference of the API</a> is there without it.</p>
</body>
</html>
`;

let files: ConsoleFiles | undefined;

/** Read when somebody asks for it first; as long as there is none, whoever asks has it looked for again. */
function known(): ConsoleFiles | undefined {
  files ??= readBuilt("console");
  return files;
}

let site: ConsoleFiles | undefined;

function knownSite(): ConsoleFiles | undefined {
  site ??= readBuilt("docs");
  return site;
}

export function addConsole(app: Hono<Env>): void {
  app.get("/", (c) => {
    const page = known()?.get("/index.html");
    if (page !== undefined) return answer(c, page, "no-cache");
    const headers = {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": policy,
    };
    return c.body(notBuilt, 200, headers);
  });
  app.get("/assets/:name", (c, next) => {
    const file = known()?.get(c.req.path);
    // Their names change with what is in them.
    return file === undefined ? next() : answer(c, file, "public, max-age=31536000, immutable");
  });
}

/** The documentation; without it, the reference of the API, which is always there. */
export function addSite(app: Hono<Env>): void {
  const begin = (c: Context<Env>) =>
    c.redirect(knownSite()?.has("/index.html") === true ? "/docs/index.html" : "/docs/api", 302);
  app.get("/docs", begin);
  app.get("/docs/", begin);
  app.get("/docs/*", (c, next) => {
    const file = knownSite()?.get(c.req.path.slice("/docs".length));
    return file === undefined ? next() : answer(c, file, "no-cache");
  });
}

function answer(c: Context<Env>, file: ConsoleFile, cacheControl: string): Response {
  const { type, etag } = file;
  const headers = {
    "Content-Type": type,
    "Content-Security-Policy": policy,
    "Cache-Control": cacheControl,
    ETag: etag,
    Vary: "Accept-Encoding",
  };
  if (c.req.header("if-none-match") === etag) return c.body(null, 304, headers);
  const taken = c.req.header("accept-encoding") ?? "";
  const br = takes(taken, "br") ? file.br : undefined;
  if (br !== undefined) return c.body(br, 200, { ...headers, "Content-Encoding": "br" });
  const gzip = takes(taken, "gzip") ? file.gzip : undefined;
  if (gzip !== undefined) return c.body(gzip, 200, { ...headers, "Content-Encoding": "gzip" });
  return c.body(file.plain, 200, headers);
}

/** Whether a client has this coding, as browsers write it; who refuses one in so many words gets it plain. */
function takes(header: string, coding: string): boolean {
  return header
    .toLowerCase()
    .split(",")
    .some((each) => {
      const [name = "", weight = ""] = each.split(";").map((part) => part.trim());
      return name === coding && !/^q=0(\.0*)?$/.test(weight);
    });
}
