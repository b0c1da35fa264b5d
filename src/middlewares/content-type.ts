// Says what an answer is where the backend does not: by the ending of the path that the client asked for.

import type { ContentTypeUse } from "../config/middlewares/uses/answer.ts";
import { knownType } from "../lib/media-types.ts";
import type { Middleware } from "./middleware.ts";

export function contentType({ types, fallback, charset, nosniff }: ContentTypeUse): Middleware {
  return {
    onResponse(exchange, { fields, status, isOurs }) {
      if (isOurs) return;
      const said = fields.passedOn("content-type");
      // What went wrong is described by nobody's path.
      const isGood = status >= 200 && status < 300 && status !== 204;
      const guessed = isGood ? (knownType(exchange.request.path, types) ?? fallback) : "";
      const type = said ?? guessed;
      const whole = withCharset(type, charset);
      if (whole !== said && whole !== "") {
        fields.dropNamed("content-type");
        fields.add("Content-Type", whole);
      }
      if (!nosniff || whole === "") return;
      fields.dropNamed("x-content-type-options");
      fields.add("X-Content-Type-Options", "nosniff");
    },
  };
}

function withCharset(type: string, charset: string): string {
  if (charset === "" || !/^text\/[\w.+-]+\s*(?:;|$)/i.test(type)) return type;
  return /;\s*charset\s*=/i.test(type) ? type : `${type}; charset=${charset}`;
}
