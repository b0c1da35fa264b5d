// Routes, tcp routes, services, overlays and certificates: all that there are can be read, wherever they were written; those of
// the store can be changed (item-changes.ts).

import * as z from "zod";
import { apiLimits } from "../../config/admin-limits.ts";
import { type ItemSection, itemSections } from "../../config/item.ts";
import type { ItemRow } from "../configuration.ts";
import { type Endpoint, endpoint, noBody } from "./endpoint.ts";
import { deleteOf, patchOf, putOf } from "./item-changes.ts";
import { missing, storedRow, words } from "./item-place.ts";
import { etagOf, isSame } from "./precondition.ts";
import { done } from "./reply.ts";
import { item, itemPage, limit } from "./schemas.ts";

export const itemEndpoints: readonly Endpoint[] = itemSections.flatMap((section) => [
  // How it stands with certificates, those of files and of authorities too, is a list of another kind (state.ts).
  ...(section === "certificates" ? [] : [listOf(section)]),
  oneOf(section),
  putOf(section),
  patchOf(section),
  deleteOf(section),
]);

function listOf(section: ItemSection): Endpoint {
  const { many } = words[section];
  return endpoint({
    method: "get",
    path: `/v1/${section}`,
    tag: section,
    id: `list_${section}`,
    role: "read",
    summary: `All ${many}, of all sources`,
    query: z.strictObject({
      limit,
      cursor: z.string().max(1000).optional().meta({ description: "`next` of the page before." }),
      source: z.string().max(100).optional().meta({ description: "Only those of this source." }),
    }),
    body: noBody,
    answer: {
      description: "A page of them, by name.",
      schema: itemPage,
      headers: { Link: 'The next page, with rel="next".' },
    },
    refusals: [503],
    run({ operations, query }) {
      const { configuration } = operations;
      const all = configuration
        .rows(section)
        .filter(({ source }) => query.source === undefined || source === query.source)
        .map((row) => ({ row, key: keyOf(row) }))
        .sort((a, b) => (a.key < b.key ? -1 : 1));
      const after = Buffer.from(query.cursor ?? "", "base64url").toString();
      const rest = all.filter(({ key }) => key > after);
      const size = Math.max(1, query.limit ?? apiLimits.pageDefault);
      const page = rest.slice(0, size);
      const last = rest.length > size ? page.at(-1) : undefined;
      const next = last === undefined ? null : Buffer.from(last.key).toString("base64url");
      const body = { items: page.map(({ row }) => shown(row)), total: all.length, next };
      if (next === null) return done(body);
      const source =
        query.source === undefined ? "" : `&source=${encodeURIComponent(query.source)}`;
      const link = `</v1/${section}?limit=${size}${source}&cursor=${next}>; rel="next"`;
      return done(body, { Link: link });
    },
  });
}

function keyOf({ name, source }: ItemRow): string {
  return `${name}\0${source}`;
}

function oneOf(section: ItemSection): Endpoint {
  const { one } = words[section];
  return endpoint({
    method: "get",
    path: `/v1/${section}/{name}`,
    tag: section,
    id: `get_${section}`,
    role: "read",
    summary: `One ${one}`,
    description: "Of two with one name, one of them in the store, that one.",
    headers: { "If-None-Match": "304 if it is still so." },
    query: z.strictObject({}),
    body: noBody,
    answer: {
      description: "It, with its origin.",
      schema: item,
      headers: { ETag: "Of its last change, for If-Match; only of what is in the store." },
    },
    refusals: [404, 503],
    run({ operations, params, header }) {
      const { configuration } = operations;
      const name = params["name"] ?? "";
      const row = storedRow(configuration, section, name) ?? configuration.row(section, name);
      if (row === undefined) return missing(section, name);
      if (row.revision === undefined) return done(shown(row));
      const etag = etagOf(row.revision);
      if (isSame(header("if-none-match"), etag)) {
        return { status: 304, body: undefined, headers: { ETag: etag } };
      }
      return done(shown(row), { ETag: etag });
    },
  });
}

function shown({ section, name, source, place, revision, notes, value }: ItemRow) {
  return { section, name, source, place, revision: revision ?? null, notes, value };
}
