// What the running program answers over HTTP, built from Operations alone: it knows neither sockets nor
// processes. Reading is GET; what changes something is POST or PUT, and is answered when it is done.

import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import * as z from "zod";
import type { Log } from "../lib/log.ts";
import { socketActor } from "./accounts.ts";
import { addAccounts } from "./account-requests.ts";
import { createApi } from "./api/app.ts";
import { addConfiguration } from "./configuration-requests.ts";
import { addDiscovery } from "./discovery-requests.ts";
import { logStream } from "./log-stream.ts";
import type { Operations } from "./operations.ts";
import { answer, badRequest, refuse } from "./problem-answer.ts";
import { body } from "./request-body.ts";
import { addServices } from "./service-requests.ts";
import { readSize } from "./worker-size.ts";

/** Bodies are a number, a switch or two names; but all of the store can come back at once. */
const maxBodyBytes = 16 * 1024;
const maxStoreBytes = 64 * 1024 * 1024;
const defaultLines = 100;
/** Of a body in the audit: a name or two. */
const shownBody = 500;

const certificateTarget = z.strictObject({ certificate: z.string().min(1).max(255) });

export interface AppOptions {
  readonly operations: Operations;
  /** Where a fault of our own goes. */
  readonly log: Log;
  /** Ends streams when the server closes. */
  readonly closing: AbortSignal;
}

/** With what Node knows of the connection. */
export type App = Hono<{ Bindings: HttpBindings }>;

export function createApp({ operations, log, closing }: AppOptions): App {
  const app: App = new Hono();
  app.use((c, next) => {
    const refusal = refuseBody(c);
    return refusal === undefined ? next() : Promise.resolve(refusal);
  });
  addAudit(app, operations);
  addReading(app, operations, closing);
  addActions(app, operations);
  addServices(app, operations);
  addDiscovery(app, operations);
  addAccounts(app, operations);
  addConfiguration(app, operations);
  // The same API as at the address of `admin`, for whoever may open the socket.
  app.route("/api", createApi({ operations, log, closing, guard: undefined, isTls: false }));
  app.notFound((c) => notFound(c, app));
  app.onError((error, c) => {
    log.error("a request to the control socket failed", { error, path: c.req.path });
    return refuse(c, { status: 500, title: "Failed", detail: error.message });
  });
  return app;
}

function addReading(app: App, operations: Operations, closing: AbortSignal): void {
  app.get("/v1/status", (c) => c.json(operations.status()));
  app.get("/v1/routes", (c) => c.json(operations.routes()));
  app.get("/v1/nodes", (c) => c.json({ fleet: operations.nodes() ?? null }));
  app.get("/v1/certificates", (c) => c.json(operations.certificates()));
  app.get("/v1/authority", (c) => c.json({ certificate: operations.authority() ?? null }));
  app.get("/v1/cache", async (c) => c.json(await operations.caches()));
  app.get("/v1/workers", (c) => c.json(operations.workers()));
  app.get("/v1/log", (c) => {
    const lines = c.req.query("lines") ?? String(defaultLines);
    const follow = c.req.query("follow") ?? "false";
    if (!/^\d{1,6}$/.test(lines) || !/^(true|false)$/.test(follow)) {
      return badRequest(c, "write lines as a number and follow as true or false");
    }
    const drop = () => void c.env.outgoing.destroy();
    const options = { lines: Number(lines), follow: follow === "true", closing, drop };
    return c.body(logStream(operations.log, options), 200, {
      "Content-Type": "application/x-ndjson",
    });
  });
}

function addActions(app: App, operations: Operations): void {
  app.post("/v1/reload", async (c) => answer(c, await operations.reload()));
  app.post("/v1/restart", async (c) => answer(c, await operations.restart()));
  app.post("/v1/upgrade", async (c) => answer(c, await operations.upgrade()));
  app.post("/v1/drain", async (c) => answer(c, await operations.drain()));
  app.post("/v1/resume", async (c) => answer(c, await operations.resume()));
  app.post("/v1/certificates/renew", async (c) => {
    const wish = certificateTarget.safeParse(await body(c)).data;
    if (wish === undefined) return badRequest(c, 'write { "certificate": "example.com" }');
    return answer(c, await operations.renewCertificate(wish.certificate));
  });
  app.post("/v1/retire", (c) => answer(c, operations.retire()));
  app.put("/v1/workers", async (c) => {
    const size = readSize(await body(c));
    if (size.kind === "bad") return badRequest(c, size.why);
    return answer(c, await operations.resize(size.size));
  });
  app.post("/v1/stop", async (c) => {
    const wish = await body(c);
    const isNow = typeof wish === "object" && wish !== null && "now" in wish && wish.now === true;
    operations.stop();
    // Ends at once what the first call has begun to end in order.
    if (isNow) operations.stop();
    return c.json({ ok: true, message: isNow ? "ends now" : "drains, then ends" }, 202);
  });
}

/** Of what is done to the program; what is done to users and to the store is noted there. */
function addAudit(app: App, operations: Operations): void {
  const note = async (c: Context, outcome: string) => {
    const access = operations.access();
    if (access.kind === "closed") return;
    const sent = (await c.req.text()).slice(0, shownBody);
    const what = `${c.req.path.replace("/v1/", "")} ${sent}`.trim();
    access.accounts.note(socketActor, what, { outcome });
  };
  app.use(async (c, next) => {
    const { method, path } = c.req;
    const isOther = method === "GET" || /^\/(api|v1\/(users|tokens|store))\b/.test(path);
    // Afterwards the store is somebody else's, or nobody's.
    const endsUs = method === "POST" && /^\/v1\/(upgrade|stop)$/.test(path);
    if (endsUs) await note(c, "asked for");
    await next();
    if (!isOther && !endsUs && c.res.ok) await note(c, "done");
  });
}

/** A body of unknown length is refused too: nobody who sends a number needs one. */
function refuseBody(c: Context): Response | undefined {
  if (c.req.path.startsWith("/api/")) return undefined; // has limits of its own
  if (c.req.header("transfer-encoding") !== undefined) {
    const detail = "send the body with its Content-Length";
    return refuse(c, { status: 411, title: "Length required", detail });
  }
  const most = c.req.path.startsWith("/v1/store/") ? maxStoreBytes : maxBodyBytes;
  if (Number(c.req.header("content-length") ?? 0) <= most) return undefined;
  const detail = `a body may have ${most} bytes`;
  return refuse(c, { status: 413, title: "Body too large", detail });
}

/** 405 where another method would do. */
function notFound(c: Context, app: App): Response {
  const methods = app.routes
    .filter(({ path, method }) => path === c.req.path && method !== "ALL")
    .map(({ method }) => method);
  if (methods.length === 0) {
    const detail = `there is no ${c.req.path}; GET /v1/status is a beginning`;
    return refuse(c, { status: 404, title: "Not found", detail });
  }
  const allow = [...new Set(methods)].join(", ");
  c.header("Allow", allow);
  const detail = `${c.req.path} takes ${allow}, not ${c.req.method}`;
  return refuse(c, { status: 405, title: "Method not allowed", detail });
}
