// Changing items of the store. What somebody else owns is changed there, or by an overlay.

import * as z from "zod";
import { apiLimits } from "../../config/admin-limits.ts";
import type { ItemSection } from "../../config/item.ts";
import type { ChangeOutcome, Configuration, ItemChange, ItemRow } from "../configuration.ts";
import type { Caller } from "../accounts-entry.ts";
import { changeReply, optionsOf } from "./change-reply.ts";
import { type CallBasics, type Endpoint, endpoint, jsonBody, noBody } from "./endpoint.ts";
import { bareName, missing, storedRow, words } from "./item-place.ts";
import { isObject, mergePatch } from "./merge-patch.ts";
import { etagOf, preconditionOf } from "./precondition.ts";
import { pointerOf, refused, type Reply } from "./reply.ts";
import { changeResult, dryRun, note, valueSchemas, watch } from "./schemas.ts";

const mergePatchType = "application/merge-patch+json";
/** Somebody else was faster so often: then they may have it. */
const patchTries = 5;

const conditions = {
  "If-Match": "Only if the item has this ETag; `*` = only if there is one.",
  "If-None-Match": "`*` = only if there is none yet.",
};

const changeAnswer = {
  description: "What changed.",
  schema: changeResult,
  headers: { ETag: "For If-Match; without it the item is gone, or it was a dry run." },
};

const changing = z.strictObject({ dryRun, note, watch });

export function putOf(section: ItemSection): Endpoint {
  const { a } = words[section];
  return endpoint({
    method: "put",
    path: `/v1/${section}/{name}`,
    tag: section,
    id: `put_${section}`,
    role: "edit",
    summary: `Write ${a} into the store`,
    description: "It is durable, and served by all workers, when it is answered.",
    headers: conditions,
    query: changing,
    body: jsonBody(z.unknown(), { mostBytes: apiLimits.itemBody, shown: valueSchemas[section] }),
    answer: {
      ...changeAnswer,
      headers: { ...changeAnswer.headers, Location: "Of what is new." },
    },
    refusals: [409, 412, 422, 503],
    run(call) {
      const place = placeOf(call, section);
      if (place.kind === "refused") return place.reply;
      const { name, configuration, expected } = place;
      const change = { section, name, value: call.body, expected };
      return commit(call, configuration, { change, verb: "put" });
    },
  });
}

export function patchOf(section: ItemSection): Endpoint {
  const { a } = words[section];
  let last: Promise<unknown> = Promise.resolve();
  return endpoint({
    method: "patch",
    path: `/v1/${section}/{name}`,
    tag: section,
    id: `patch_${section}`,
    role: "edit",
    summary: `Change some keys of ${a} in the store`,
    description: "By a merge patch (RFC 7396): what it does not name stays; null takes a key away.",
    headers: { "If-Match": conditions["If-Match"] },
    query: changing,
    body: jsonBody(z.unknown(), { mostBytes: apiLimits.itemBody, type: mergePatchType }),
    answer: changeAnswer,
    refusals: [404, 409, 412, 422, 503],
    run(call) {
      // One after the other: each begins with what the one before made of it.
      const result = last.then(() => patched(call, section));
      last = result.catch(() => {}); // whoever asked is told
      return result;
    },
  });
}

type ChangeCall = CallBasics & {
  readonly caller: Caller;
  readonly query: z.output<typeof changing>;
  readonly body: unknown;
};

async function patched(call: ChangeCall, section: ItemSection): Promise<Reply> {
  for (let tries = 1; ; tries += 1) {
    const place = placeOf(call, section);
    if (place.kind === "refused") return place.reply;
    const { row, name } = place;
    if (row === undefined) return missing(section, name);
    if (!isObject(row.value) && isObject(call.body)) return shortForm(section, row);
    const value = mergePatch(row.value, call.body);
    // What was patched is what was read.
    const expected = place.expected ?? row.revision;
    const change = { section, name, value, expected };
    const made = { verb: "patch", isDryRun: call.query.dryRun } as const;
    const outcome = await place.configuration.change([change], optionsOf(call.caller, call.query));
    const isOurs = outcome.kind === "stale" && place.expected === undefined;
    if (isOurs && tries < patchTries) continue;
    return replyTo({ ...made, outcome, change }, place.configuration);
  }
}

export function deleteOf(section: ItemSection): Endpoint {
  const { a } = words[section];
  return endpoint({
    method: "delete",
    path: `/v1/${section}/{name}`,
    tag: section,
    id: `delete_${section}`,
    role: "edit",
    summary: `Take ${a} out of the store`,
    headers: { "If-Match": conditions["If-Match"] },
    query: changing,
    body: noBody,
    answer: changeAnswer,
    refusals: [404, 409, 412, 422, 503],
    run(call) {
      const place = placeOf(call, section);
      if (place.kind === "refused") return place.reply;
      if (place.row === undefined) return missing(section, place.name);
      const change = { section, name: place.name, value: undefined, expected: place.expected };
      return commit(call, place.configuration, { change, verb: "delete" });
    },
  });
}

type Place =
  | { readonly kind: "refused"; readonly reply: Reply }
  | {
      readonly kind: "place";
      readonly configuration: Configuration;
      readonly name: string;
      readonly row: ItemRow | undefined;
      readonly expected: ItemChange["expected"];
    };

/** Where a change goes, unless it is somebody else's or comes too late. */
function placeOf({ operations, params, header }: CallBasics, section: ItemSection): Place {
  const { configuration } = operations;
  const asked = params["name"] ?? "";
  const name = bareName(section, asked);
  const row = storedRow(configuration, section, asked);
  if (row === undefined) {
    const other = configuration.row(section, name);
    if (other !== undefined && other.source !== "store") return no(ownedElsewhere(other));
  }
  const condition = preconditionOf(header("if-match"), header("if-none-match"));
  if (condition.kind === "bad") return no(refused(400, { detail: condition.why }));
  const { expected } = condition.kind === "never" ? { expected: -1 } : condition;
  if (expected === "present" && row === undefined) {
    return no(refused(412, { detail: `there is no ${words[section].one} ${name} yet` }));
  }
  const version = expected === "present" ? row?.revision : expected;
  return { kind: "place", configuration, name, row, expected: version };
}

function no(reply: Reply): Place {
  return { kind: "refused", reply };
}

function ownedElsewhere({ section, name, source, place }: ItemRow): Reply {
  const remedy =
    section === "routes" && source !== "file"
      ? `change it there, or lay something over it: PUT /v1/overlays/${encodeURIComponent(name)}`
      : "change it there";
  return refused(409, { detail: `${name} is written in ${place}: ${remedy}` });
}

function shortForm(section: ItemSection, { name, value }: ItemRow): Reply {
  const shownValue = JSON.stringify(value).slice(0, 200);
  const detail = `${name} is written in a short form, ${shownValue}: a patch needs a mapping, so PUT all of it`;
  return refused(422, {
    detail,
    errors: [{ pointer: "", message: `the ${words[section].one} is no mapping`, remedy: "PUT it" }],
  });
}

interface Made {
  readonly verb: "put" | "patch" | "delete";
  readonly isDryRun: boolean | undefined;
  readonly change: ItemChange;
  readonly outcome: ChangeOutcome;
}

async function commit(
  { caller, query }: { readonly caller: Caller; readonly query: z.output<typeof changing> },
  configuration: Configuration,
  { change, verb }: Pick<Made, "change" | "verb">,
): Promise<Reply> {
  const outcome = await configuration.change([change], optionsOf(caller, query));
  return replyTo({ verb, change, outcome, isDryRun: query.dryRun }, configuration);
}

function replyTo({ verb, isDryRun, change, outcome }: Made, configuration: Configuration): Reply {
  const { section, name } = change;
  const location = `/v1/${section}/${encodeURIComponent(name)}`;
  const [changed] = outcome.kind === "done" ? outcome.changed : [];
  const isNew = changed !== undefined && changed.before === undefined;
  return changeReply(outcome, {
    what: `${verb} ${section} ${name}`,
    isDryRun: isDryRun ?? false,
    // Problems are told from the section and the name on; the body is what stands below them.
    pointer: (path) => pointerOf(path.slice(2)),
    etag() {
      const revision = storedRow(configuration, section, name)?.revision;
      return revision === undefined ? undefined : etagOf(revision);
    },
    ...(isNew ? { created: { location } } : {}),
  });
}
