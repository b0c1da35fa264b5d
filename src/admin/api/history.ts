// What the store was and how it became what it is; and all of it at once, in and out.

import * as z from "zod";
import { apiLimits } from "../../config/admin-limits.ts";
import type { ItemChange, Revision } from "../configuration.ts";
import { changeReply, optionsOf } from "./change-reply.ts";
import { type Endpoint, endpoint, jsonBody, noBody, noQuery } from "./endpoint.ts";
import { done, pointerOf, refused, type Reply } from "./reply.ts";
import {
  changeResult,
  difference,
  dryRun,
  watch,
  exported,
  limit,
  note,
  number,
  revision,
  revisionPage,
  yesOrNo,
} from "./schemas.ts";

const tag = "history";
const changed = { description: "What changed.", schema: changeResult };

export const historyEndpoints: readonly Endpoint[] = [
  endpoint({
    method: "get",
    path: "/v1/history",
    ...{ tag, id: "list_history", role: "read" },
    summary: "Changes of the store, the latest first",
    query: z.strictObject({ limit, before: number("Only those before this revision.") }),
    body: noBody,
    answer: { description: "A page of them.", schema: revisionPage },
    refusals: [503],
    run({ operations, query }) {
      const { configuration } = operations;
      const size = Math.max(1, query.limit ?? apiLimits.pageDefault);
      const page = configuration.history({ before: query.before, limit: size });
      // A page may be shorter than was asked for: it has so many revisions, and so many bytes, at most.
      const before = page.at(-1)?.number ?? 0;
      const isLast = configuration.history({ before, limit: 1 }).length === 0;
      const next = isLast ? null : String(before);
      return done({
        revision: configuration.revision,
        revisions: page.map(shown),
        next,
      });
    },
  }),
  endpoint({
    method: "get",
    path: "/v1/history/{number}",
    ...{ tag, id: "get_history", role: "read" },
    summary: "One change of the store",
    query: noQuery,
    body: noBody,
    answer: { description: "What changed, before and after.", schema: revision },
    refusals: [404, 503],
    run({ operations, params }) {
      const { configuration } = operations;
      const text = params["number"] ?? "";
      const wanted = /^\d{1,15}$/.test(text) ? Number(text) : 0;
      const [found] = configuration.history({ before: wanted + 1, limit: 1 });
      return found?.number === wanted ? done(shown(found)) : noRevision(params["number"]);
    },
  }),
  endpoint({
    method: "get",
    path: "/v1/diff",
    ...{ tag, id: "diff", role: "read" },
    summary: "What changed from one revision to another",
    query: z.strictObject({
      from: number("The earlier revision; 0 = the empty store."),
      to: number("The later one; without it the latest."),
    }),
    body: noBody,
    answer: { description: "Each item that is another, or is there no more.", schema: difference },
    refusals: [404, 503],
    run({ operations, query }) {
      const { configuration } = operations;
      if (query.from === undefined) {
        return refused(400, { detail: "write ?from=N, and &to=M unless it is the latest" });
      }
      const { from, to = configuration.revision } = query;
      const found = configuration.difference(from, to);
      return found === undefined
        ? noRevision(`${from} or ${to}`)
        : done({ from, to, changed: found });
    },
  }),
  endpoint({
    method: "post",
    path: "/v1/rollback",
    ...{ tag, id: "rollback", role: "edit" },
    summary: "Make the store what it was at a revision, as a new revision",
    query: z.strictObject({ dryRun, watch }),
    body: jsonBody(z.strictObject({ to: z.int().min(0), note })),
    answer: changed,
    refusals: [404, 412, 422, 503],
    async run({ operations, caller, query, body }) {
      const { configuration } = operations;
      const { to } = body;
      const isKnown =
        to <= configuration.revision &&
        configuration.difference(to, configuration.revision) !== undefined;
      if (!isKnown) return noRevision(String(to));
      const options = optionsOf(caller, { ...query, note: body.note });
      return changeReply(await configuration.rollback(body.to, options), {
        what: `rollback to ${body.to}`,
        isDryRun: options.isDryRun,
        pointer: () => "/to",
      });
    },
  }),
  endpoint({
    method: "get",
    path: "/v1/export",
    // With what lets somebody in, which readers are not shown.
    ...{ tag, id: "export", role: "edit" },
    summary: "All items of the store, as import takes them",
    description:
      "Keys of certificates are left out, and import keeps those that there are; with `keys=true`, which is for admins, they are in it.",
    query: z.strictObject({ keys: yesOrNo("With the private keys of certificates.") }),
    body: noBody,
    answer: { description: "All of them.", schema: exported },
    refusals: [503],
    run({ operations, caller, query: { keys = false } }) {
      if (keys && caller.role !== "admin") {
        return refused(403, { detail: "private keys are for admins: leave out keys=true" });
      }
      return done(operations.configuration.exported(keys));
    },
  }),
  endpoint({
    method: "post",
    path: "/v1/import",
    ...{ tag, id: "import", role: "edit" },
    summary: "Replace all items of the store, all or none",
    query: z.strictObject({ dryRun, note }),
    body: jsonBody(exported, { mostBytes: apiLimits.bulkBody }),
    answer: changed,
    refusals: [409, 412, 422, 503],
    async run({ operations, caller, query, body }) {
      const { configuration } = operations;
      const options = optionsOf(caller, query);
      const places = new Map(body.items.map((each, at) => [keyOf(each), `/items/${at}/value`]));
      return changeReply(await configuration.import(body, options), {
        what: `import of ${body.items.length} items`,
        isDryRun: options.isDryRun,
        pointer: ([section, name, ...rest]) => {
          const place = places.get(`${String(section)} ${String(name)}`);
          return place === undefined ? "" : `${place}${pointerOf(rest)}`;
        },
      });
    },
  }),
  endpoint({
    method: "get",
    path: "/v1/dump",
    ...{ tag, id: "dump", role: "read" },
    summary: "The whole configuration as it is served, as YAML with origins",
    query: noQuery,
    body: noBody,
    answer: { description: "Without secrets.", type: "application/yaml" },
    refusals: [503],
    run: ({ operations }) => ({
      status: 200,
      body: operations.configuration.dump(),
      type: "application/yaml",
    }),
  }),
];

function shown({ note: why, ...each }: Revision) {
  return { ...each, note: why ?? null };
}

function keyOf({ section, name }: Pick<ItemChange, "section" | "name">): string {
  return `${section} ${name}`;
}

function noRevision(text: string | undefined): Reply {
  return refused(404, { detail: `there is no revision ${text ?? ""}, or it is not kept any more` });
}
