// What an operator has the program do: the same as over the control socket, except its end.

import * as z from "zod";
import type { Operations, Outcome } from "../operations.ts";
import { parseSize } from "../worker-size.ts";
import { formatProblem } from "../../config/problem.ts";
import type { Role } from "../../config/account.ts";
import { type Call, type Endpoint, endpoint, jsonBody, noBody, noQuery } from "./endpoint.ts";
import { refused, type Reply } from "./reply.ts";
import { outcome } from "./schemas.ts";

const answer = { description: "It is done.", schema: outcome };
const refusals = [409, 422] as const;
const text = z.string().min(1).max(4096);

export const actionEndpoints: readonly Endpoint[] = [
  action("reload", "edit", "Read the configuration again", (all) => all.reload()),
  action("restart", "admin", "Replace all workers, one by one", (all) => all.restart()),
  action("upgrade", "admin", "Replace the primary and all workers", (all) => all.upgrade()),
  action("drain", "admin", "Accept no more connections", (all) => all.drain()),
  action("resume", "admin", "Accept connections again", (all) => all.resume()),
  endpoint({
    method: "put",
    path: "/v1/workers",
    tag: "actions",
    ...{ id: "resize", role: "admin", answer, refusals, query: noQuery },
    summary: "Go over to another number of workers",
    body: jsonBody(
      z.strictObject({
        size: z
          .union([z.int(), z.literal("auto")])
          .refine((each) => parseSize(String(each)).kind === "size", "must be 1 to 1024, or auto"),
      }),
    ),
    run: async ({ operations, body }) =>
      replyTo(await operations.resize(body.size), `workers ${body.size}`),
  }),
  service(
    "pause",
    "Have the requests of a service wait",
    z.strictObject({}),
    ({ operations, params }) => operations.pause(params["name"] ?? ""),
  ),
  service(
    "resume",
    "End what pause, maintenance or the drain of a backend began",
    z.strictObject({ backend: text.optional().meta({ description: "Only of this one." }) }),
    ({ operations, params, body }) => operations.release(params["name"] ?? "", body.backend),
  ),
  service(
    "drain",
    "Give a backend nothing but the sessions it has",
    z.strictObject({ backend: text.meta({ description: "Its URL." }) }),
    ({ operations, params, body }) => operations.drainBackend(params["name"] ?? "", body.backend),
  ),
  service(
    "maintenance",
    "Answer a service's requests with its maintenance page, or not",
    z.strictObject({ on: z.boolean() }),
    ({ operations, params, body }) => operations.setMaintenance(params["name"] ?? "", body.on),
  ),
  endpoint({
    method: "post",
    path: "/v1/cache/purge",
    tag: "actions",
    ...{ id: "purge_cache", role: "edit", answer, refusals, query: noQuery },
    summary: "Take answers out of the caches of all workers",
    description: "By URL, by the beginning of it, by a tag that the answer was given, or all.",
    body: jsonBody(
      z.strictObject({
        kind: z.enum(["url", "prefix", "tag", "all"]),
        value: z
          .string()
          .max(4096)
          .meta({ description: "A URL with its scheme, as clients ask for it, or a tag." }),
        owner: z.exactOptional(text).meta({ description: "Only of this route." }),
      }),
    ),
    run: async ({ operations, body }) =>
      replyTo(await operations.purgeCache(body), `purge ${body.kind} ${body.value}`),
  }),
  endpoint({
    method: "post",
    path: "/v1/certificates/{certificate}/renew",
    tag: "actions",
    ...{ id: "renew_certificate", role: "edit", answer, query: noQuery, body: noBody },
    refusals: [409],
    summary: "Have a certificate ordered now that is had by itself",
    description: "One of its names, or its fingerprint as `GET /v1/certificates` shows it.",
    run: async ({ operations, params }) => {
      const { certificate = "" } = params;
      const outcome = await operations.renewCertificate(certificate);
      return replyTo(outcome, `renew certificate ${certificate}`);
    },
  }),
  endpoint({
    method: "post",
    path: "/v1/alerts/test",
    tag: "actions",
    ...{ id: "test_alerts", role: "edit", answer, query: noQuery, body: noBody },
    refusals: [409, 502],
    summary: "Send a test message over every channel",
    async run({ operations }) {
      const { ok, message, channels } = await operations.testAlert();
      if (ok || channels.length === 0) return replyTo({ ok, message }, "test alerts");
      const errors = channels
        .filter((each) => !each.ok)
        .map((each) => ({ pointer: "", message: `${each.channel}: ${each.text}` }));
      return refused(502, { detail: message, errors });
    },
  }),
];

function action(
  name: string,
  role: Role,
  summary: string,
  perform: (operations: Operations) => Promise<Outcome>,
): Endpoint {
  return endpoint({
    method: "post",
    path: `/v1/${name}`,
    tag: "actions",
    ...{ id: name, role, summary, answer, refusals, query: noQuery, body: noBody },
    async run({ operations, caller }) {
      const access = operations.access();
      // Afterwards the store is the successor's.
      if (name === "upgrade" && access.kind === "open") {
        access.accounts.note(caller, name, { outcome: "asked for" });
      }
      return replyTo(await perform(operations), name);
    },
  });
}

function service<Sent extends z.ZodType>(
  name: string,
  summary: string,
  schema: Sent,
  perform: (call: Call<Record<string, never>, z.output<Sent>>) => Promise<Outcome>,
): Endpoint {
  return endpoint({
    method: "post",
    path: `/v1/services/{name}/${name}`,
    tag: "actions",
    id: `${name}_service`,
    role: "edit",
    summary,
    description: "The name is that of `GET /v1/health/services`.",
    ...{ answer, refusals, query: noQuery, body: jsonBody(schema) },
    run: async (call) =>
      replyTo(await perform(call), `${name} service ${call.params["name"] ?? ""}`),
  });
}

function replyTo({ ok, message, problems }: Outcome, what: string): Reply {
  if (ok) return { status: 200, body: { ok, message }, done: { what } };
  if (problems === undefined) return refused(409, { detail: message });
  const errors = problems.map((each) => ({ pointer: "", message: formatProblem(each) }));
  return refused(422, { detail: message, errors });
}
