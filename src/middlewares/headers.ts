// Sets, adds and removes header fields: of the request on its way to the backend, and of the answer on its way back.

import { framingFields } from "../config/framing-fields.ts";
import type { HeaderEdits, HeadersUse } from "../config/middlewares/uses/answer.ts";
import type { StatusRange } from "../config/service.ts";
import type { Exchange } from "../http/exchange.ts";
import type { Fields } from "../http/fields.ts";
import type { Middleware } from "./middleware.ts";
import { textFor, valueOf } from "./placeholders.ts";

export function headers({ request, response }: HeadersUse): Middleware {
  // Programs must not take for ours what a client spelled otherwise.
  const forth =
    request === undefined ? undefined : editor(request, (fields, name) => fields.dropSpelled(name));
  const back =
    response === undefined ? undefined : editor(response, (fields, name) => fields.dropNamed(name));
  const statuses = response?.statuses ?? [];
  return {
    ...(forth === undefined
      ? {}
      : {
          onRequest(exchange) {
            forth(exchange.request.fields, exchange);
            return undefined;
          },
        }),
    ...(back === undefined
      ? {}
      : {
          onResponse(exchange, { status, fields }) {
            if (isAmong(status, statuses)) back(fields, exchange);
          },
        }),
  };
}

/** Of none at all, each is. */
export function isAmong(status: number, ranges: readonly StatusRange[]): boolean {
  return ranges.length === 0 || ranges.some(([from, to]) => status >= from && status <= to);
}

type Edit = (fields: Fields, exchange: Exchange) => void;

type Drop = (fields: Fields, name: string) => void;

/** `Content-*` is not about where a body ends: without its length the rest of it would be read as the next message. */
const neverMeant: ReadonlySet<string> = new Set([...framingFields, "host", "date"]);

function editor({ remove, set, add }: HeaderEdits, drop: Drop): Edit {
  const names = remove.filter((name) => !name.endsWith("*"));
  const beginnings = remove.filter((name) => name.endsWith("*")).map((name) => name.slice(0, -1));
  const isMeant = (name: string) =>
    !neverMeant.has(name) &&
    beginnings.some((each) => name.startsWith(each) || name.replaceAll("_", "-").startsWith(each));
  const dropped = [...names, ...set.map(([name]) => name.toLowerCase())];
  const added = [...set, ...add].map(([name, value]) => [name, valueOf(value)] as const);
  const hasPlaceholders = added.some(([, value]) => typeof value !== "string");
  const texts = added.map(([, value]) => (typeof value === "string" ? value : ""));
  return (fields, exchange) => {
    // What stands for the client's own fields is read before they go.
    const lines = hasPlaceholders ? added.map(([, value]) => textFor(value, exchange)) : texts;
    if (beginnings.length > 0) fields.dropWhere(isMeant);
    for (const name of dropped) drop(fields, name);
    for (let at = 0; at < added.length; at++) fields.add(added[at]?.[0] ?? "", lines[at] ?? "");
  };
}
