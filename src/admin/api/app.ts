// The API as a function from request to response. Everything that is the same for all endpoints is here, in this
// order: whose name we are asked by, what there is, who asks, whether they may, what they send.

import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { BookFault } from "../../config/account.ts";
import { adminServer as limits } from "../../config/admin-limits.ts";
import type { Log } from "../../lib/log.ts";
import type { Caller } from "../accounts-entry.ts";
import { identify, refuseForged, refuseRole, socketCaller } from "./authentication.ts";
import type { Operations } from "../operations.ts";
import { addConsole, addSite } from "./console-pages.ts";
import { type DocsFile, docsFiles } from "./docs-files.ts";
import { docsPage } from "./docs-page.ts";
import { documentOf } from "./document.ts";
import type { CallBasics, Endpoint } from "./endpoint.ts";
import { endpoints } from "./endpoints.ts";
import {
  corsHeaders,
  type GuardSettings,
  preflightHeaders,
  refuseHost,
  refuseOrigin,
  securityHeaders,
} from "./guard.ts";
import { readJson } from "./json-body.ts";
import { type Reply, refused } from "./reply.ts";

export interface ApiOptions {
  readonly operations: Operations;
  /** undefined = at the control socket, where no page comes from and nobody has to log in. */
  readonly guard: GuardSettings | undefined;
  readonly isTls: boolean;
  /** Where a fault of our own goes. */
  readonly log: Log;
  /** Ends streams when the server closes. */
  readonly closing: AbortSignal;
}

type Env = { Bindings: HttpBindings };
type ApiContext = Context<Env>;

export function createApi(options: ApiOptions): Hono<Env> {
  const { guard, log } = options;
  const app = new Hono<Env>();
  if (guard !== undefined) addGuard(app, guard);
  addPages(app);
  if (guard === undefined) app.get("/", (c) => c.redirect("/docs/api", 302));
  else addConsole(app);
  addSite(app);
  for (const [path, methods] of byPath(endpoints)) {
    const route = path.replaceAll(/\{(\w+)\}/g, ":$1");
    for (const each of methods) {
      app.on(each.method.toUpperCase(), route, async (c) =>
        responseOf(c, await answer(c, each, options)),
      );
    }
    const allow = allowOf(methods.map(({ method }) => method.toUpperCase()));
    app.options(route, (c) => c.body(null, 204, { Allow: allow, ...preflightHeaders(allow) }));
    app.all(route, (c) => responseOf(c, wrongMethod(c, allow)));
  }
  app.notFound((c) => {
    const detail = `there is no ${c.req.path}; /docs/api shows what there is`;
    return responseOf(c, refused(404, { detail }));
  });
  app.onError((error, c) => {
    if (error instanceof BookFault) return responseOf(c, refused(503, { detail: error.message }));
    log.error("a request to the admin API failed", { error, path: c.req.path });
    return responseOf(c, refused(500, { detail: "a fault of ours; it is in the log" }));
  });
  return app;
}

function addGuard(app: Hono<Env>, guard: GuardSettings): void {
  app.use(async (c, next) => {
    const reply = refuseHost(c.req.header("host"), guard);
    if (reply === undefined) await next();
    else c.res = responseOf(c, reply);
    const cors = corsHeaders(c.req.header("origin") ?? null, guard);
    for (const [name, value] of Object.entries({ ...securityHeaders, ...cors })) {
      const isOwn = name !== "Vary" && !(name in cors) && c.res.headers.has(name);
      if (!isOwn) c.res.headers.set(name, value);
    }
  });
}

/** Made when somebody asks: it takes as long as all the rest of a start. */
let pages: ReadonlyMap<string, DocsFile> | undefined;

function pageAt(path: string): DocsFile | undefined {
  if (pages === undefined) {
    const document = documentOf(endpoints);
    pages = new Map<string, DocsFile>([
      ["/openapi.json", { type: "application/json", text: JSON.stringify(document) }],
      ["/docs/api", { type: "text/html; charset=utf-8", text: docsPage(document) }],
      ...Object.entries(docsFiles),
    ]);
  }
  return pages.get(path);
}

function addPages(app: Hono<Env>): void {
  const policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
  for (const path of ["/openapi.json", "/docs/api", ...Object.keys(docsFiles)]) {
    app.get(path, (c) => {
      const { type = "", text = "" } = pageAt(path) ?? {};
      return c.body(text, 200, { "Content-Type": type, "Content-Security-Policy": policy });
    });
    app.options(path, (c) => c.body(null, 204, { Allow: "GET, HEAD, OPTIONS" }));
    app.all(path, (c) => responseOf(c, wrongMethod(c, "GET, HEAD, OPTIONS")));
  }
}

function byPath(all: readonly Endpoint[]): Map<string, readonly Endpoint[]> {
  return Map.groupBy(all, ({ path }) => path);
}

function allowOf(methods: readonly string[]): string {
  const all = methods.includes("GET") ? [...methods, "HEAD"] : methods;
  return [...all, "OPTIONS"].join(", ");
}

function wrongMethod(c: ApiContext, allow: string): Reply {
  const detail = `${c.req.path} takes ${allow}, not ${c.req.method}`;
  return refused(405, { detail, headers: { Allow: allow } });
}

async function answer(c: ApiContext, endpoint: Endpoint, options: ApiOptions): Promise<Reply> {
  const { operations, isTls, closing } = options;
  const { incoming, outgoing } = c.env;
  const { headers } = c.req.raw;
  const found = await callerOf(c, endpoint, options);
  if (found.kind === "refused") return found.reply;
  const sent = await sentIn(c, endpoint);
  if (sent.kind === "refused") return sent.reply;
  const basics: CallBasics = {
    operations,
    params: c.req.param(),
    from: incoming.socket.remoteAddress ?? "",
    header: (name) => headers.get(name) ?? undefined,
    closing,
    isHead: c.req.raw.method === "HEAD",
    drop: () => void outgoing.destroy(),
    keepOpen: () => keepOpen(c, endpoint, options),
    isTls,
  };
  const query = queryOf(c);
  if (query === undefined) return refused(400, { detail: "a key of the query is there twice" });
  const { caller } = found;
  const reply = await endpoint.run({ ...basics, query, body: sent.value, caller });
  const access = operations.access();
  if (reply.done !== undefined && caller !== undefined && access.kind === "open") {
    const { what, revision } = reply.done;
    access.accounts.note(caller, what, { revision });
  }
  return reply;
}

type FoundCaller =
  /** undefined = the endpoint is for everybody. */
  | { readonly kind: "caller"; readonly caller: Caller | undefined }
  | { readonly kind: "refused"; readonly reply: Reply };

/** Who asks, and that one may. */
async function callerOf(
  c: ApiContext,
  { method, role }: Pick<Endpoint, "method" | "role">,
  { operations, guard, isTls }: ApiOptions,
): Promise<FoundCaller> {
  if (guard === undefined) return { kind: "caller", caller: socketCaller };
  const { headers } = c.req.raw;
  const isChange = method !== "get";
  const foreign = isChange ? refuseOrigin(headers, guard) : undefined;
  if (foreign !== undefined) return { kind: "refused", reply: foreign };
  if (role === "none") return { kind: "caller", caller: undefined };
  const access = operations.access();
  if (access.kind === "closed") {
    return { kind: "refused", reply: refused(503, { detail: access.why }) };
  }
  const from = c.env.incoming.socket.remoteAddress ?? "";
  const found = await identify(access.entry, { headers, from, isTls });
  if (found.kind === "refused") return found;
  const forged = isChange ? refuseForged(found.caller, headers) : undefined;
  const refusal = refuseRole(found.caller, role) ?? forged;
  return refusal === undefined ? found : { kind: "refused", reply: refusal };
}

/** For an answer that goes on for long; it ends when whoever asked may not ask any more. */
function keepOpen(c: ApiContext, endpoint: Endpoint, options: ApiOptions): void {
  const { incoming, outgoing } = c.env;
  incoming.socket.setTimeout(0);
  const timer = setInterval(() => {
    callerOf(c, endpoint, options).then(
      ({ kind }) => void (kind === "refused" && outgoing.destroy()),
      () => outgoing.destroy(), // nobody can say that one may
    );
  }, limits.recheck);
  outgoing.once("close", () => clearInterval(timer));
}

async function sentIn(c: ApiContext, { body }: Endpoint) {
  if (body === undefined) return { kind: "value", value: undefined } as const;
  return readJson(c.req.raw, body.mostBytes, body.types);
}

function queryOf(c: ApiContext): Readonly<Record<string, string>> | undefined {
  const result = new Map<string, string>();
  for (const [name, [value = "", ...others]] of Object.entries(c.req.queries())) {
    if (others.length > 0) return undefined;
    result.set(name, value);
  }
  return Object.fromEntries(result);
}

function responseOf(c: ApiContext, { status, body, type, headers = {} }: Reply): Response {
  if (body === undefined || status === 304) return c.body(null, status, headers);
  const all = { "Content-Type": type ?? "application/json", ...headers };
  if (body instanceof ReadableStream) return c.body(body, status, all);
  const isText = typeof body === "string" && type !== undefined;
  return c.body(isText ? body : JSON.stringify(body), status, all);
}
