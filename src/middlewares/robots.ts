// Answers /robots.txt, marks answers as not to be indexed, and keeps crawlers out that say who they are.

import type { RobotsUse } from "../config/middlewares/uses/unwanted.ts";
import { Field } from "../http/fields.ts";
import type { Answer, Middleware } from "./middleware.ts";

export function robots({ text, tag, refused }: RobotsUse): Middleware {
  const page: Answer | undefined = text === undefined ? undefined : pageOf(text);
  return {
    onRequest(exchange) {
      const isPage = exchange.request.path === "/robots.txt";
      const isAsked = exchange.method === "GET" || exchange.method === "HEAD";
      if (isPage && isAsked && page !== undefined) return page;
      if (isPage || refused.length === 0) return undefined;
      const agent = exchange.request.fields.first(Field.USER_AGENT).toLowerCase();
      return refused.some((each) => agent.includes(each)) ? { failure: "UNWANTED" } : undefined;
    },
    ...(tag === ""
      ? {}
      : {
          onResponse(_exchange, { fields }) {
            fields.dropNamed("x-robots-tag");
            fields.add("X-Robots-Tag", tag);
          },
        }),
  };
}

function pageOf(text: string): Answer {
  return {
    status: 200,
    fields: [
      ["Content-Type", "text/plain; charset=utf-8"],
      ["Cache-Control", "max-age=3600"],
    ],
    body: Buffer.from(text).latin1Slice(),
  };
}
