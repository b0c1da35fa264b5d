// Answers with a fixed text.

import type { Middleware } from "./middleware.ts";

export function respond(use: {
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
}): Middleware {
  const body = Buffer.from(use.body, "utf8").toString("latin1");
  const answer = { status: use.status, fields: [["Content-Type", use.contentType]], body } as const;
  return { onRequest: () => answer };
}
