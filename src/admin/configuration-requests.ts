// What is asked of the store over the control socket: changes, history, copies. Whoever may use the socket may
// do all of it; the commands say whose name goes into the history.

import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import * as z from "zod";
import { itemSections } from "../config/item.ts";
import { formatPath } from "../config/problem.ts";
import { changeWatch, store as limits } from "../config/store-limits.ts";
import { socketActor } from "./accounts.ts";
import type { App } from "./app.ts";
import type { ChangeOptions, ChangeOutcome, Configuration } from "./configuration.ts";
import type { Operations } from "./operations.ts";
import { badRequest, refuse } from "./problem-answer.ts";
import { body } from "./request-body.ts";

const named = { section: z.enum(itemSections), name: z.string() };

const options = {
  by: z.string().min(1).max(200),
  note: z.string().max(limits.note, `is longer than ${limits.note} characters`).optional(),
  dryRun: z.boolean().default(false),
  /** ms */
  watchFor: z.number().min(changeWatch.least).max(changeWatch.most).optional(),
};

const changeRequest = z.object({
  ...options,
  changes: z.array(
    z.object({
      ...named,
      value: z.unknown().optional(),
      expected: z.union([z.number(), z.literal("absent")]).optional(),
    }),
  ),
});

const rollbackRequest = z.object({ ...options, to: z.int().nonnegative() });

const importRequest = z.object({
  ...options,
  all: z.object({
    format: z.literal("tidegate-items-1"),
    items: z.array(z.object({ ...named, value: z.unknown().optional() })),
  }),
});

const backupRequest = z.object({ path: z.string().startsWith("/").max(4096) });

export function addConfiguration(app: App, operations: Operations): void {
  const { configuration } = operations;
  addReading(app, configuration);
  app.post(
    "/v1/store/change",
    taken(changeRequest, async (c, { changes, ...rest }) => {
      const wanted = changes.map((each) => ({
        ...each,
        value: each.value,
        expected: each.expected,
      }));
      const asked = optionsOf(rest);
      const result = await configuration.change(wanted, asked);
      note(operations, result, asked, `set ${namesIn(wanted)}`);
      return outcome(c, result);
    }),
  );
  app.post(
    "/v1/store/rollback",
    taken(rollbackRequest, async (c, { to, ...rest }) => {
      const asked = optionsOf(rest);
      const result = await configuration.rollback(to, asked);
      note(operations, result, asked, `rollback to ${to}`);
      return outcome(c, result);
    }),
  );
  app.post(
    "/v1/store/import",
    taken(importRequest, async (c, { all, ...rest }) => {
      const items = all.items.map((each) => ({ ...each, value: each.value }));
      const asked = optionsOf(rest);
      const result = await configuration.import({ ...all, items }, asked);
      note(operations, result, asked, `import of ${items.length} items`);
      return outcome(c, result);
    }),
  );
  app.post(
    "/v1/store/backup",
    taken(backupRequest, async (c, { path }) => {
      try {
        await configuration.backup(path);
        return c.json({ ok: true, message: `the store was copied to ${path}` });
      } catch (error) {
        return failed(c, error instanceof Error ? error.message : String(error));
      }
    }),
  );
}

/** In the audit. The name is what the command says, which whoever may use the socket may make up. */
function note(
  operations: Operations,
  outcome: ChangeOutcome,
  { by, isDryRun }: ChangeOptions,
  what: string,
): void {
  const found = operations.access();
  if (outcome.kind !== "done" || isDryRun || found.kind === "closed") return;
  const { accounts } = found;
  const { revision } = outcome;
  accounts.note({ ...socketActor, by: `${socketActor.by} (${by})` }, what, { revision });
}

function namesIn(changes: readonly { section: string; name: string }[]): string {
  const [first] = changes;
  if (first === undefined) return "nothing";
  const more = changes.length === 1 ? "" : ` and ${changes.length - 1} more`;
  return `${first.section} ${first.name}${more}`;
}

function addReading(app: App, configuration: Configuration): void {
  app.get("/v1/store/dump", (c) => c.json({ text: configuration.dump() }));
  app.get("/v1/store/export", (c) =>
    c.json(configuration.exported(c.req.query("keys") === "true")),
  );
  app.get("/v1/store/history", (c) => {
    const limit = numberIn(c, "limit") ?? 20;
    const before = numberIn(c, "before");
    return c.json(configuration.history({ before, limit }));
  });
  app.get("/v1/store/difference", (c) => {
    const from = numberIn(c, "from");
    const to = numberIn(c, "to") ?? configuration.revision;
    if (from === undefined) return badRequest(c, "write from as the number of a revision");
    const changed = configuration.difference(from, to);
    if (changed !== undefined) return c.json({ from, to, changed });
    const detail = `there is no difference from revision ${from} to ${to}: the latest is ${configuration.revision}, the older one goes first, and what is too old is not kept`;
    return refuse(c, { status: 404, title: "Not found", detail });
  });
}

function numberIn(c: Context, name: string): number | undefined {
  const text = c.req.query(name) ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function taken<Schema extends z.ZodType>(
  schema: Schema,
  perform: (c: Context, request: z.output<Schema>) => Promise<Response>,
): (c: Context) => Promise<Response> {
  return async (c) => {
    const result = schema.safeParse(await body(c));
    if (result.success) return perform(c, result.data);
    const [issue] = result.error.issues;
    const where =
      issue === undefined || issue.path.length === 0 ? "the body" : issue.path.join(".");
    return badRequest(c, `${where}: ${issue?.message ?? "is not understood"}`);
  };
}

function optionsOf({
  by,
  note,
  dryRun,
  watchFor,
}: z.output<z.ZodObject<typeof options>>): ChangeOptions {
  return { by, note, isDryRun: dryRun, watchFor };
}

function outcome(c: Context, result: ChangeOutcome): Response {
  switch (result.kind) {
    case "done":
      return c.json(result);
    case "invalid":
      return invalid(c, result.problems);
    case "stale": {
      const detail = `${formatPath([result.section, result.name])} was changed by somebody else meanwhile`;
      return refuse(c, { status: 412, title: "Changed meanwhile", detail });
    }
    case "missing": {
      const item = formatPath([result.section, result.name]);
      const detail = `the store has no ${item}; what is written elsewhere is changed there (\`tidegate dump\` shows where), or by an overlay`;
      return refuse(c, { status: 404, title: "Not found", detail });
    }
    case "failed":
      return failed(c, result.message);
  }
}

function failed(c: Context, detail: string): Response {
  return refuse(c, { status: 503, title: "Not changed", detail });
}

function invalid(
  c: Context,
  problems: Extract<ChangeOutcome, { kind: "invalid" }>["problems"],
): Response {
  const status: ContentfulStatusCode = 422;
  const errors = problems.map((each) => ({ ...each, path: formatPath(each.path) }));
  const detail = "nothing was changed, since something is wrong with it";
  const answer = { type: "about:blank", status, title: "Bad configuration", detail, errors };
  return c.body(JSON.stringify(answer), status, { "Content-Type": "application/problem+json" });
}
