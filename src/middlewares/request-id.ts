// Gives each request a name, so that the lines about it in several logs can be found: to the backend and to the client.

import { randomUUID } from "node:crypto";
import type { RequestIdUse } from "../config/middlewares/uses/trace.ts";
import type { Middleware } from "./middleware.ts";

/** What somebody else sent is believed only if it can harm no log. */
const sane = /^[\w.:+/=-]{1,128}$/;

export function requestId({ header, trust }: RequestIdUse): Middleware {
  const name = header.toLowerCase();
  return {
    onRequest(exchange) {
      const { fields } = exchange.request;
      const came = trust && exchange.origin.isPeerTrusted ? fields.get(name) : undefined;
      const id = came !== undefined && sane.test(came) ? came : randomUUID();
      fields.dropSpelled(name);
      fields.add(header, id);
      exchange.requestId = id;
      return undefined;
    },
    onResponse(exchange, { fields }) {
      fields.dropNamed(name);
      fields.add(header, exchange.requestId);
    },
  };
}
