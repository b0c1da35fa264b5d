// What the running program answers, read and checked: it may be another version than the one that asks,
// so keys that are new are passed over, and what is missing is a message instead of a crash.

import * as z from "zod";
import type { Problem } from "../config/problem.ts";
import type {
  AlertTest,
  BackendRow,
  CacheRow,
  Outcome,
  ProviderRow,
  RouteRow,
  ServiceRow,
  Status,
  WorkerRow,
} from "./operations.ts";

const counts = z.object({
  connections: z.number(),
  exchanges: z.number(),
  tunnels: z.number(),
  answered: z.number(),
});

const problem = z.object({
  file: z.string(),
  line: z.number(),
  column: z.number(),
  path: z.string(),
  message: z.string(),
  remedy: z.exactOptional(z.string()),
  severity: z.enum(["error", "warning"]),
}) satisfies z.ZodType<Problem>;

const cacheRow = z.object({
  route: z.string(),
  entries: z.number(),
  bytes: z.number(),
  hits: z.number(),
  stale: z.number(),
  misses: z.number(),
  revalidated: z.number(),
  passed: z.number(),
  stored: z.number(),
  evictions: z.number(),
  diskHits: z.number(),
  diskBytes: z.number(),
});

export function readCaches(body: unknown): readonly CacheRow[] | undefined {
  return z.array(cacheRow).safeParse(body).data;
}

/** JSON has no undefined: the key may be absent. */
export function maybe<T>(schema: z.ZodType<T>) {
  return schema.optional().transform((value): T | undefined => value);
}

const maybeText = maybe(z.string());

export const provider: z.ZodType<ProviderRow> = z.object({
  name: z.string(),
  kind: z.string(),
  state: z.enum(["ok", "failing", "starting"]),
  trouble: maybeText,
  since: z.string(),
  found: z.number(),
});

const status: z.ZodType<Status> = z.object({
  version: z.string(),
  pid: z.number(),
  mainPid: z.number(),
  node: z.string(),
  state: z.enum(["serving", "draining", "stopping", "orphaned"]),
  uptime: z.number(),
  config: maybeText,
  snapshot: z.object({ version: z.number(), routes: z.number(), since: z.string() }),
  problems: z.array(problem),
  failedTests: z.array(problem).default([]),
  store: maybeText,
  silent: z.array(provider).default([]),
  listeners: z.array(
    z.object({
      name: z.string(),
      addresses: z.array(z.object({ host: z.string(), port: z.number() })),
    }),
  ),
  workers: z.object({ wanted: z.number(), live: z.number(), leaving: z.number() }),
  counts,
  memory: z.number(),
});

const routes: z.ZodType<RouteRow[]> = z.array(
  z.object({
    name: z.string(),
    rule: z.string(),
    service: maybeText,
    backends: z.array(z.string()),
    origin: z.string(),
  }),
);

const workers: z.ZodType<WorkerRow[]> = z.array(
  z.object({
    pid: z.number(),
    slot: z.number(),
    state: z.enum(["starting", "live", "leaving"]),
    since: z.string(),
    snapshot: z.number(),
    memory: z.number(),
    counts,
    reason: maybeText,
  }),
);

// Of each its own name, so that the compiler misses those that are left out.
const backendStates = {
  up: "up",
  down: "down",
  unchecked: "unchecked",
  dead: "dead",
  draining: "draining",
  stopped: "stopped",
  starting: "starting",
  unhealthy: "unhealthy",
  paused: "paused",
  unreachable: "unreachable",
  missing: "missing",
} as const satisfies { [State in BackendRow["state"]]: State };

const kinds = {
  backends: "backends",
  files: "files",
  split: "split",
  failover: "failover",
  mirror: "mirror",
  addressed: "addressed",
} as const satisfies { [Kind in ServiceRow["kind"]]: Kind };

const backend = z.object({
  url: z.string(),
  state: z.enum(backendStates),
  since: z.string(),
  why: z.string(),
  weight: z.number(),
  tier: z.number(),
  inFlight: z.number(),
  waiting: z.number(),
  answered: z.number(),
  failed: z.number(),
  latency: z.number(),
  lastCheck: maybe(
    z.object({ at: z.string(), isGood: z.boolean(), ms: z.number(), text: z.string() }),
  ),
});

const services: z.ZodType<ServiceRow[]> = z.array(
  z.object({
    name: z.string(),
    kind: z.enum(kinds),
    balance: z.string(),
    state: z.enum(["up", "degraded", "down", "paused", "maintenance"]),
    since: z.string(),
    held: z.number(),
    breaker: maybe(z.enum(["closed", "open", "recovering"])),
    parts: z.array(z.object({ service: z.string(), share: z.string() })),
    root: z.exactOptional(z.string()),
    backends: z.array(backend),
  }),
);

const channels = z.array(z.object({ channel: z.string(), ok: z.boolean(), text: z.string() }));

const outcome: z.ZodType<Outcome> = z.object({
  ok: z.boolean(),
  message: z.string(),
  problems: z.exactOptional(z.array(problem)),
});

const refusal = z.object({ detail: z.string(), problems: z.exactOptional(z.array(problem)) });

/** Undefined: not what we answer. */
export function readStatus(body: unknown): Status | undefined {
  return status.safeParse(body).data;
}

export function readRoutes(body: unknown): readonly RouteRow[] | undefined {
  return routes.safeParse(body).data;
}

export function readWorkers(body: unknown): readonly WorkerRow[] | undefined {
  return workers.safeParse(body).data;
}

export function readServices(body: unknown): readonly ServiceRow[] | undefined {
  return services.safeParse(body).data;
}

/** Also of one that was refused, or did not reach everybody. */
export function readAlertTest(body: unknown): AlertTest | undefined {
  const result = readOutcome(body);
  if (result === undefined) return undefined;
  const told = z.object({ channels }).safeParse(body);
  return { ...result, channels: told.data?.channels ?? [] };
}

/** Of an action that was done, and of one that was refused. */
export function readOutcome(body: unknown): Outcome | undefined {
  const done = outcome.safeParse(body);
  if (done.success) return done.data;
  const refused = refusal.safeParse(body);
  if (!refused.success) return undefined;
  const { detail, problems } = refused.data;
  return { ok: false, message: detail, ...(problems === undefined ? {} : { problems }) };
}
